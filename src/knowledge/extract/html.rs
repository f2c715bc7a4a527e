//! HTML: the main content of a page as Markdown, and the links that lead on from it.

mod parse;
mod tidy;

use std::time::Duration;

use dom_query::{Document, NodeRef};
use dom_smoothie::Readability;
use url::Url;

use super::bounded::{self, too_slow};
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

        let (content, ids) = match marked_main(&document) {
            Some(main) => write(&main, base.as_ref()),
            None => {
                tidy::strip_surroundings(&document);
                match readable(&document) {
                    Some(article) => write(&article.root(), base.as_ref()),
                    None => document.body().map(|body| write(&body, base.as_ref())).unwrap_or_default(),
                }
            }
        };
        let markdown = tidy::unmark(&content, &ids);
        Ok(Read { title: title(page_title, &markdown), markdown })
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
            return Some(only.clone());
        }
    }
    None
}

/// What looks like the main part.
fn readable(document: &Document) -> Option<Document> {
    let config = dom_smoothie::Config { keep_classes: true, disable_json_ld: true, ..dom_smoothie::Config::default() };
    let whole = document.body()?.normalized_char_count();
    let article = Readability::with_document(document.clone(), None, Some(config)).ok()?.parse().ok()?;
    // It is made for news. A page of which it leaves little is an overview or a reference, where everything counts.
    (article.length * 3 > whole).then(|| parse::parse(&article.content).ok()).flatten()
}

fn write(content: &NodeRef<'_>, base: Option<&Url>) -> (String, Vec<String>) {
    let ids = tidy::rephrase(content, base);
    (content.md(None).to_string(), ids)
}

fn text_of(document: &Document, selector: &str) -> Option<String> {
    let selection = document.select(selector);
    let text = selection.nodes().first()?.text();
    (!text.trim().is_empty()).then(|| text.trim().to_owned())
}

/// The page's title, shortened to its first heading where that is a part of it ("Install – Manual – Project 3").
fn title(page_title: Option<String>, markdown: &str) -> Option<String> {
    let heading = super::markdown::first_heading(markdown);
    match (page_title, heading) {
        (Some(title), Some(heading)) if title.to_lowercase().contains(&heading.to_lowercase()) => Some(heading),
        (Some(title), _) => Some(title),
        (None, heading) => heading,
    }
}
