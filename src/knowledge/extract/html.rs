//! HTML: the main content of a page as Markdown, and the links that lead on from it.

mod parse;
mod tidy;

use std::time::Duration;

use dom_query::{Document, NodeRef};
use dom_smoothie::Readability;
use url::Url;

use super::bounded;
use super::{Read, SourceError};

/// For everything after parsing, which is quick: a page of 1 MB takes a third of a second.
const MAX_TIME: Duration = Duration::from_secs(30);

/// The main content, with absolute links and with the ids of its headings (`## Title {#id}`).
pub(super) fn read(html: &str, address: Option<&Url>) -> Result<Read, SourceError> {
    let html = without_marks(html);
    let address = address.cloned();
    bounded::run(MAX_TIME, move || {
        let document = parse::parse(&html)?;
        let base = base(&document, address.as_ref());
        tidy::find_heading_ids(&document);
        let page_title = text_of(&document, "head title, body > title");
        tidy::strip(&document);
        let heading = text_of(&document, "h1");

        let (content, ids) = if let Some(main) = marked_main(&document) {
            write(&main, base.as_ref())
        } else {
            tidy::strip_surroundings(&document);
            match readable(&document) {
                Some(article) => write(&article.root(), base.as_ref()),
                None => document.body().map(|body| write(&body, base.as_ref())).unwrap_or_default(),
            }
        };
        let markdown = tidy::unmark(&content, &ids);
        Ok(Read { title: title(page_title, heading), markdown })
    })
}

/// Where a page leads, and what it says to programs that follow.
#[derive(Debug, Default)]
pub(in crate::knowledge) struct PageLinks {
    /// Absolute targets, in their order, without those marked `nofollow`.
    pub(in crate::knowledge) links: Vec<Url>,
    /// The page asks not to be indexed.
    pub(in crate::knowledge) noindex: bool,
    /// The page asks that its links are not followed.
    pub(in crate::knowledge) nofollow: bool,
    /// The address that the page calls its own.
    pub(in crate::knowledge) canonical: Option<Url>,
}

/// The links of a page. Blocks like [`super::document`].
pub(in crate::knowledge) fn links(
    bytes: &[u8],
    content_type: Option<&str>,
    address: &Url,
) -> Result<PageLinks, SourceError> {
    let html = super::text::decode(bytes, charset(content_type, bytes).as_deref());
    let document = parse::parse(&html)?;
    let base = base(&document, Some(address));
    let join = |href: &str| base.as_ref().and_then(|base| base.join(href.trim()).ok());
    let mut found = PageLinks::default();
    for meta in document.select("meta[name][content]").nodes() {
        let name = meta.attr_or("name", "").trim().to_ascii_lowercase();
        if name == "robots" || name == "guildhall" {
            let (noindex, nofollow) = robots_directives(&meta.attr_or("content", ""));
            found.noindex |= noindex;
            found.nofollow |= nofollow;
        }
    }
    found.canonical = document.select("link[rel='canonical'][href]").attr("href").and_then(|href| join(&href));
    for link in document.select("a[href], area[href]").nodes() {
        let rel = link.attr_or("rel", "");
        if !rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("nofollow")) {
            found.links.extend(join(&link.attr_or("href", "")));
        }
    }
    Ok(found)
}

/// `(noindex, nofollow)` of a robots meta element or header.
pub(in crate::knowledge) fn robots_directives(content: &str) -> (bool, bool) {
    let says = |word: &str| {
        content.split([',', ' ']).any(|directive| {
            directive.trim().eq_ignore_ascii_case(word) || directive.trim().eq_ignore_ascii_case("none")
        })
    };
    (says("noindex"), says("nofollow"))
}

/// The encoding that came with the page, or that the page itself names in its first kilobyte.
/// [HTML Living Standard/Determining the character encoding]
pub(super) fn charset(content_type: Option<&str>, bytes: &[u8]) -> Option<String> {
    if let Some(named) = super::charset(content_type) {
        return Some(named.to_owned());
    }
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_ascii_lowercase();
    let (_, after) = start.split_once("charset=")?;
    let after = after.trim_start_matches(['"', '\'', ' ']);
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && !"-_:.".contains(c)).unwrap_or(after.len());
    Some(after[..end].to_owned())
}

/// Letters of private use are icons of the page's own font, and would be mistaken for [`tidy::MARK`].
fn without_marks(html: &str) -> String {
    html.replace(|c: char| ('\u{e000}'..='\u{f8ff}').contains(&c), "")
}

fn base(document: &Document, address: Option<&Url>) -> Option<Url> {
    let named = document.select("base[href]").attr("href");
    match (named, address) {
        (Some(href), Some(address)) => address.join(href.trim()).ok().or_else(|| Some(address.clone())),
        (Some(href), None) => Url::parse(href.trim()).ok(),
        (None, address) => address.cloned(),
    }
}

/// What the page itself marks as its main part.
fn marked_main(document: &Document) -> Option<NodeRef<'_>> {
    for selector in ["main", "[role='main']", "article"] {
        let found = document.select(selector);
        if let [only] = found.nodes()
            && only.normalized_char_count() > 0
        {
            return Some(*only);
        }
    }
    None
}

/// What looks like the main part, where there is much else.
///
/// The search for it is made for news: it drops tables, short sections and headings that a reference needs. So it is used
/// only on a page that is full of menus, which are nearly all links, and only where little else would be lost.
fn readable(document: &Document) -> Option<Document> {
    let body = document.body()?;
    let whole = prose(&body);
    if whole * 10 >= body.normalized_char_count() * 7 {
        return None;
    }
    let config = dom_smoothie::Config { keep_classes: true, disable_json_ld: true, ..dom_smoothie::Config::default() };
    let article = Readability::with_document(document.clone(), None, Some(config)).ok()?.parse().ok()?;
    let article = parse::parse(&article.content).ok()?;
    (prose(&article.root()) * 4 >= whole * 3).then_some(article)
}

/// How many characters are not links.
fn prose(node: &NodeRef<'_>) -> usize {
    let links = dom_query::Selection::from(*node).select("a");
    let linked: usize = links.nodes().iter().map(NodeRef::normalized_char_count).sum();
    node.normalized_char_count().saturating_sub(linked)
}

fn write(content: &NodeRef<'_>, base: Option<&Url>) -> (String, Vec<String>) {
    let ids = tidy::rephrase(content, base);
    (content.md(None).to_string(), ids)
}

fn text_of(document: &Document, selector: &str) -> Option<String> {
    let selection = document.select(selector);
    let text = selection.nodes().first()?.text();
    // Headings often end in a sign that links to them.
    let text = text.trim().trim_end_matches(['¶', '#', '§']).trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The page's title, shortened to its first heading where that is a part of it ("Install – Manual – Project 3").
fn title(page_title: Option<String>, heading: Option<String>) -> Option<String> {
    match (page_title, heading) {
        (Some(title), Some(heading)) if title.to_lowercase().contains(&heading.to_lowercase()) => Some(heading),
        (Some(title), _) => Some(title),
        (None, heading) => heading,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markdown(html: &str) -> String {
        let address = Url::parse("https://example.org/docs/page").unwrap();
        read(html, Some(&address)).unwrap().markdown
    }

    #[test]
    fn the_main_part_becomes_markdown() {
        let page = r##"<!doctype html><title>Install – Manual</title>
            <nav><a href="/">Home</a></nav><header>Banner</header>
            <main>
              <h1 id="install">Install <a class="headerlink" href="#install">¶</a></h1>
              <section id="linux_x"><h2>On <em>Linux</em></h2>
              <p>Use <a href="../tools/apt">apt</a> or <a href="#win">see below</a>, <a href="javascript:x()">not this</a>.
                 <img src="x.png" alt="A terminal"><img src="y.png"></p></section>
              <pre class="screen"><span># first</span>
apt install x</pre>
              <dl><dt>-v</dt><dd>Says more.</dd></dl>
              <table><caption>Files</caption><tr><th>Name</th><th>What</th></tr><tr><td>a|b</td><td>one<br>two</td></tr></table>
              <table role="presentation"><tr><td>Left</td><td><pre>code</pre></td></tr></table>
              <p hidden>secret</p><script>alert(1)</script>
            </main><footer>Copyright</footer>"##;
        insta::assert_snapshot!(markdown(page), @r"
        # Install {#install}

        ## On *Linux* {#linux_x}

        Use [apt](https://example.org/tools/apt) or see below, not this. A terminal

        ```
        # first
        apt install x
        ```

        **\-v**

        Says more.

        Files


        | Name | What |
        | ---- | ---- |
        | a\|b | one  <br>two |

        Left

        ```
        code
        ```
        ");
    }

    #[test]
    fn without_marks_the_longest_part_is_found() {
        let menu: String = (0..40).map(|n| format!("<li><a href='/{n}'>Menu entry number {n}</a></li>")).collect();
        let text: String =
            (0..20).map(|n| format!("<p>Sentence {n} says something of use, and goes on for a while.</p>")).collect();
        let found =
            markdown(&format!("<body><div class=sidebar><ul>{menu}</ul></div><div class=body><h1>T</h1>{text}</div>"));
        assert!(found.contains("Sentence 0 says") && found.contains("Sentence 19 says"), "{found}");
        assert!(!found.contains("Menu entry"), "{found}");
    }

    #[test]
    fn anchors_that_are_never_closed_do_no_harm() {
        let page = r#"<div><h1><a id="top"/>Top</h1></div><p>One</p><h2><a name="two"/>Two</h2><ul><li>x</li></ul>"#;
        assert_eq!(markdown(page), "# Top {#top}\n\nOne\n\n## Two {#two}\n\n- x");
    }

    #[test]
    fn short_pages_are_kept_whole() {
        assert_eq!(markdown("<p>Open 9 to 5."), "Open 9 to 5.");
        assert_eq!(markdown(""), "");
    }

    #[test]
    fn the_title_is_the_heading_where_the_page_says_so_too() {
        let title = |html: &str| read(html, None).unwrap().title;
        assert_eq!(title("<title>Install – Manual</title><h1>Install</h1>x").as_deref(), Some("Install"));
        assert_eq!(title("<title>Manual</title><h1>My shop</h1>x").as_deref(), Some("Manual"));
        assert_eq!(title("<h1>My shop</h1>x").as_deref(), Some("My shop"));
        assert_eq!(title("x"), None);
    }

    #[test]
    fn hostile_trees_are_refused() {
        let deep = "<div>".repeat(100_000);
        let formats: String = (0..200).map(|n| format!("<b id={n}>")).collect();
        let unclosed = format!("<p>{formats}{}", "<p>x".repeat(20_000));
        for (name, html) in [("deep", deep), ("unclosed", unclosed)] {
            let outcome = read(&html, None).map(|read| read.markdown.len());
            assert!(outcome.is_err(), "{name}: {outcome:?}");
        }
        // As deep as is allowed, of everything that the writer descends into.
        for tag in
            ["ul><li", "blockquote", "table><tr><td", "b", "span", "pre", "code", "section", "dl><dd", "h1", "a href=x"]
        {
            let nested = format!("<{tag}>").repeat(50);
            read(&format!("{nested}text"), None).unwrap_or_else(|error| panic!("{tag}: {error}"));
        }
    }

    #[test]
    fn links_lead_on_unless_marked() {
        let html = r#"<base href="/docs/"><meta name=robots content="noarchive, NOINDEX">
            <link rel=canonical href="https://example.org/docs/a">
            <a href="b">1</a><a href="/c#d" rel="external nofollow">2</a><a href="mailto:a@b.c">3</a><a href="http://[">4</a>"#;
        let address = Url::parse("https://example.org/x").unwrap();
        let found = links(html.as_bytes(), None, &address).unwrap();
        let targets: Vec<&str> = found.links.iter().map(Url::as_str).collect();
        assert_eq!(targets, ["https://example.org/docs/b", "mailto:a@b.c"]);
        assert!(found.noindex && !found.nofollow);
        assert_eq!(found.canonical.unwrap().as_str(), "https://example.org/docs/a");
    }

    #[test]
    fn a_page_may_name_its_encoding() {
        assert_eq!(charset(Some("text/html; charset=\"KOI8-R\""), b"<meta charset=utf-8>").as_deref(), Some("KOI8-R"));
        assert_eq!(charset(Some("text/html"), b"<meta charset='Shift_JIS'>").as_deref(), Some("shift_jis"));
        let old = b"<meta http-equiv=Content-Type content=\"text/html; charset=iso-8859-2\">";
        assert_eq!(charset(None, old).as_deref(), Some("iso-8859-2"));
        assert_eq!(charset(None, b"<p>"), None);
    }
}
