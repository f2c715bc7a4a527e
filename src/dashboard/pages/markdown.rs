//! Markdown as HTML that can do no harm: models and documents write it, and either may mean ill. HTML in it is shown as
//! text, pictures are links, and links lead to the web only.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// Characters that are rendered; longer texts are cut, as no answer or passage is longer.
const MOST_CHARS: usize = 60_000;

/// Containers within each other that are rendered as such: nobody reads deeper ones, and browsers have limits of their own.
const MOST_NESTED: usize = 24;

/// A text as HTML.
pub(super) fn to_html(markdown: &str) -> String {
    let markdown = markdown.char_indices().nth(MOST_CHARS).map_or(markdown, |(end, _)| &markdown[..end]);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut open: Vec<bool> = Vec::new();
    let mut depth = 0_usize;
    let events = Parser::new_ext(markdown, options).filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => None,
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            let address = web_address(&dest_url);
            open.push(address.is_some());
            address.map(|address| Event::Html(link_start(&address)))
        }
        Event::End(TagEnd::Link | TagEnd::Image) => open.pop()?.then_some(Event::Html(CowStr::Borrowed("</a>"))),
        // What an answer calls a heading stands far below those of the page.
        Event::Start(Tag::Heading { .. }) => Some(Event::Html(CowStr::Borrowed("<p class=\"heading\">"))),
        Event::End(TagEnd::Heading(_)) => Some(Event::Html(CowStr::Borrowed("</p>"))),
        // An alignment would be a style within the page, which the browser is told to refuse.
        Event::Start(Tag::Table(columns)) => {
            Some(Event::Start(Tag::Table(columns.into_iter().map(|_| pulldown_cmark::Alignment::None).collect())))
        }
        Event::Start(tag @ (Tag::BlockQuote(_) | Tag::List(_) | Tag::Item)) => {
            depth += 1;
            (depth <= MOST_NESTED).then_some(Event::Start(tag))
        }
        Event::End(tag @ (TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item)) => {
            depth -= 1;
            (depth < MOST_NESTED).then_some(Event::End(tag))
        }
        event => Some(event),
    });
    let mut out = String::with_capacity(markdown.len() * 2);
    html::push_html(&mut out, events);
    out
}

/// An address that a link may have.
pub(super) fn web_address(address: &str) -> Option<String> {
    let url = url::Url::parse(address.trim()).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.to_string())
}

fn link_start(address: &str) -> CowStr<'static> {
    let mut escaped = String::with_capacity(address.len());
    for char in address.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            char => escaped.push(char),
        }
    }
    format!("<a href=\"{escaped}\" rel=\"nofollow noopener noreferrer\" target=\"_blank\">").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    #[test]
    fn what_people_write_looks_as_they_meant_it() {
        assert_snapshot!(to_html("# Title\n**31 months** and `code`, see [the page](https://a.example/x?a=1&b=2#c)."), @r#"
        <p class="heading">Title</p>
        <p><strong>31 months</strong> and <code>code</code>, see <a href="https://a.example/x?a=1&amp;b=2#c" rel="nofollow noopener noreferrer" target="_blank">the page</a>.</p>
        "#);
        assert_snapshot!(to_html("|a|b|\n|:-|-:|\n|1|2|"), @r"
        <table><thead><tr><th>a</th><th>b</th></tr></thead><tbody>
        <tr><td>1</td><td>2</td></tr>
        </tbody></table>
        ");
    }

    #[test]
    fn nothing_runs() {
        for hostile in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](data:text/html;base64,PHNjcmlwdD4=)",
            "![x](javascript:alert(1))",
            "<a href=\"javascript:alert(1)\">x</a>",
            "```\"><script>\nx\n```",
            "[x](https://a.example/\"onmouseover=alert(1))",
            "<https://a.example/\"><script>",
        ] {
            let html = to_html(hostile);
            let tags: Vec<&str> = html.split('<').skip(1).map(|rest| rest.split(['>', ' ']).next().unwrap()).collect();
            for tag in &tags {
                assert!(
                    matches!(*tag, "p" | "/p" | "a" | "/a" | "pre" | "code" | "/code" | "/pre"),
                    "{hostile}: {html}"
                );
            }
            // What stands in the text is only text; a link leads to the web.
            assert_eq!(html.matches("<a ").count(), html.matches("<a href=\"http").count(), "{html}");
        }
    }

    #[test]
    fn deep_nesting_ends() {
        let html = to_html(&format!("{}x", "> ".repeat(5_000)));
        assert_eq!(html.matches("<blockquote>").count(), MOST_NESTED);
        assert_eq!(html.matches("</blockquote>").count(), MOST_NESTED);
    }

    proptest! {
        #[test]
        fn only_tags_of_ours_come_out(markdown in r#"([<>!\[\]()"'`#*_~|>\-\n a-c:/&;=]|<script|javascript:|https://x\.y){0,60}"#) {
            let html = to_html(&markdown);
            for rest in html.split('<').skip(1) {
                let name = rest.trim_start_matches('/').split(|char: char| !char.is_ascii_alphanumeric()).next().unwrap();
                let known = ["p", "a", "pre", "code", "em", "strong", "del", "ul", "ol", "li", "blockquote", "hr", "br",
                    "table", "thead", "tbody", "tr", "th", "td"];
                prop_assert!(known.contains(&name), "{html}");
            }
        }
    }
}
