//! HTML tags inside Markdown. Each tag is looked at alone, since models and documents leave them open, close them
//! twice and break them over paragraphs; a parser of HTML wants a whole document and gives none of its text back in
//! place.

use super::links;

/// What a tag becomes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// Text in its place; empty to drop it.
    Text(String),
    /// `<a href="…">` with an address that can be a link.
    LinkStart(String),
    /// `<a>` without one.
    NoLinkStart,
    /// `</a>`.
    LinkEnd,
}

/// Tags that are dropped and their text kept. Any other is no HTML but a placeholder such as `<your-token>`.
const DROPPED: [&str; 36] = [
    "abbr",
    "article",
    "body",
    "center",
    "details",
    "dd",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "font",
    "footer",
    "head",
    "header",
    "html",
    "main",
    "mark",
    "nav",
    "ol",
    "p",
    "pre",
    "script",
    "section",
    "small",
    "span",
    "style",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "thead",
    "tr",
    "ul",
    "video",
];

/// The tags and comments in a piece of HTML: where each stands, in bytes, and what it becomes.
pub(super) fn tags(html: &str) -> Vec<(usize, usize, Tag)> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(start) = html[at..].find('<').map(|found| at + found) {
        let here = &html[start..];
        let end = if here.starts_with("<!--") {
            here.find("-->").map(|end| end + 3)
        } else {
            here.find('>').map(|end| end + 1)
        };
        let Some(end) = end.map(|length| start + length) else {
            return tags;
        };
        if let Some(tag) = tag(&html[start..end]) {
            tags.push((start, end, tag));
            at = end;
        } else {
            at = start + 1;
        }
    }
    tags
}

fn tag(tag: &str) -> Option<Tag> {
    if tag.starts_with("<!--") {
        return Some(Tag::Text(String::new()));
    }
    let inside = tag[1..tag.len() - 1].trim_end_matches('/');
    let is_end = inside.starts_with('/');
    let inside = inside.trim_start_matches('/');
    let name = inside.split(|char: char| !char.is_ascii_alphanumeric()).next()?.to_ascii_lowercase();
    if !inside[name.len()..].chars().next().is_none_or(char::is_whitespace) {
        // `<https://…>`, `<p:…>`: not a tag.
        return None;
    }
    let text = |text: &str| Some(Tag::Text(text.to_owned()));
    match name.as_str() {
        "a" if is_end => Some(Tag::LinkEnd),
        "a" => match attribute(inside, "href").and_then(links::web_address) {
            Some(url) => Some(Tag::LinkStart(url)),
            None => Some(Tag::NoLinkStart),
        },
        "img" => {
            let label = attribute(inside, "alt").map(super::escape).unwrap_or_default();
            match attribute(inside, "src").and_then(links::web_address) {
                Some(url) if label.is_empty() || links::is_address(&label) || links::is_misleading(&label, &url) => {
                    Some(Tag::Text(format!("<{url}>")))
                }
                Some(url) => Some(Tag::Text(format!("[{label}](<{url}>)"))),
                None => Some(Tag::Text(label)),
            }
        }
        "b" | "strong" | "th" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => text("**"),
        "i" | "em" => text("*"),
        "u" => text("__"),
        "s" | "del" | "strike" => text("~~"),
        "code" | "kbd" | "samp" | "tt" => text("`"),
        "br" | "hr" => text("\n"),
        "li" if !is_end => text("- "),
        "td" if is_end => text(" "),
        "blockquote" if !is_end => text("> "),
        "li" | "td" | "blockquote" => text(""),
        name if DROPPED.contains(&name) => text(""),
        _ => None,
    }
}

/// The value of an attribute of a tag.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let lower = tag.to_ascii_lowercase();
    let (at, _) = lower.match_indices(name).find(|(at, _)| {
        lower[..*at].ends_with(|char: char| char.is_whitespace())
            && lower[at + name.len()..].trim_start().starts_with('=')
    })?;
    let value = tag[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
    match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next(),
        _ => value.split_whitespace().next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn become_(html: &str) -> Vec<Tag> {
        tags(html).into_iter().map(|(_, _, tag)| tag).collect()
    }

    #[test]
    fn tags_become_what_discord_shows() {
        let text = |text: &str| Tag::Text(text.to_owned());
        assert_eq!(become_("<b>x</B><br/>"), [text("**"), text("**"), text("\n")]);
        assert_eq!(
            become_("<a class=x HREF='https://a.b/c'>x</a>"),
            [Tag::LinkStart("https://a.b/c".to_owned()), Tag::LinkEnd]
        );
        assert_eq!(become_("<a href=\"javascript:x\">"), [Tag::NoLinkStart]);
        assert_eq!(
            become_("<img src=https://a.b/c.png alt=\"A [cat]\" />"),
            [text("[A \\[cat\\]](<https://a.b/c.png>)")]
        );
        assert_eq!(become_("<!-- <b> -->"), [text("")]);
        assert_eq!(become_("<your-token> <https://a.b> 1 < 2 <"), []);
    }
}
