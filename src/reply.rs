//! Model text to Discord messages. Pure: Markdown in, messages out.
//!
//! First the Markdown that models and documents contain is rewritten as the dialect that Discord shows
//! ([`to_discord`]), then it is split at Discord's limit ([`split()`]), and the sources are put under the last part.
//! `pulldown-cmark` finds the structure and where it stands in the source, so that everything that needs no change is
//! kept byte for byte. Splitting is our own: `text-splitter` neither closes and reopens code blocks nor keeps the
//! white space inside them.

mod dialect;
mod html;
mod links;
mod safe;
mod split;
mod table;

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag};

use crate::sentences::{self, Lang};

pub use dialect::to_discord;
pub use split::split;

/// Longest message, in UTF-16 units. Discord says "characters" and does not say which; no way of counting them gives
/// more than this one. [Discord Docs/Message: Create Message]
pub const MESSAGE_LIMIT: usize = 2_000;
/// Most messages of one answer: more would bury the channel.
pub const MAX_PARTS: usize = 5;
/// More of a text than this can never be shown: all parts full, and some for what rewriting takes away.
const MAX_TEXT: usize = 4 * MAX_PARTS * MESSAGE_LIMIT;
/// Sources listed: the reader wants to check the answer, not to read everything.
const MAX_SOURCES: usize = 5;
/// A title is there to be recognised, in characters.
const MAX_TITLE: usize = 60;
/// The list of sources may take this much of a message, in UTF-16 units; beyond that, addresses are left out.
const MAX_FOOTER: usize = 1_000;

/// A source as it is shown under an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLink {
    /// Title of the document, as its author wrote it.
    pub title: String,
    /// Where a reader can open it. Shown as a link only if it is `http` or `https`.
    pub address: Option<String>,
}

/// The messages that show `text` with its `sources`: at least one and at most [`MAX_PARTS`], each with something
/// visible in it and no longer than [`MESSAGE_LIMIT`]. The sources are in the last one. `[1]` in `text` means the first
/// of `sources`; of two sources with the same title and address one is shown.
pub fn render(text: &str, sources: &[SourceLink], lang: Lang) -> Vec<String> {
    let text = &text[..text.floor_char_boundary(MAX_TEXT)];
    let mut parts = split(&to_discord(text), MESSAGE_LIMIT);
    if parts.is_empty() {
        parts.push(sentences::not_found(lang).to_owned());
    }

    let footer = footer(text, sources, lang).map(|line| format!("\n{line}")).unwrap_or_default();
    if parts.len() <= MAX_PARTS {
        let whole = ended_with(parts.clone(), &footer);
        if whole.len() <= MAX_PARTS {
            return whole;
        }
    }
    parts.truncate(MAX_PARTS);
    let end = format!("\n-# {}{footer}", sentences::cut(lang));
    let mut cut = ended_with(parts, &end);
    if cut.len() > MAX_PARTS {
        // What had to make room for the end is what is left out.
        cut.truncate(MAX_PARTS);
        cut[MAX_PARTS - 1].push_str(&end);
    }
    cut
}

/// `parts` with `end` under the last one, of which the last words become one more part if there is no room for it.
fn ended_with(mut parts: Vec<String>, end: &str) -> Vec<String> {
    if parts.last().is_some_and(|last| units(last) + units(end) > MESSAGE_LIMIT) {
        let last = parts.pop().unwrap_or_default();
        parts.extend(split(&last, MESSAGE_LIMIT - units(end)));
    }
    if let Some(last) = parts.last_mut() {
        last.push_str(end);
    }
    parts
}

/// `text` so that Discord shows it as it is: every character that means something in Discord's Markdown is escaped, and
/// white space becomes single spaces.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, word) in text.split_whitespace().enumerate() {
        if index > 0 {
            escaped.push(' ');
        }
        for char in word.chars() {
            if matches!(char, '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '<' | '[' | ']' | '(' | ')' | '#' | '@' | ':')
            {
                escaped.push('\\');
            }
            escaped.push(char);
        }
    }
    safe::without_mentions(&escaped)
}

/// Where code stands in Markdown, in order: code blocks and inline code, with their marks.
pub fn code_ranges(markdown: &str) -> Vec<Range<usize>> {
    Parser::new(markdown)
        .into_offset_iter()
        .filter_map(|(event, range)| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_))).then_some(range))
        .collect()
}

/// The list of sources as small text: one line, numbered if the text cites by number.
fn footer(text: &str, sources: &[SourceLink], lang: Lang) -> Option<String> {
    let mut shown: Vec<(&SourceLink, Vec<usize>)> = Vec::new();
    for (index, source) in
        sources.iter().enumerate().filter(|(_, source)| is_visible(&source.title) || source.address.is_some())
    {
        if let Some((_, numbers)) = shown.iter_mut().find(|(other, _)| *other == source) {
            numbers.push(index + 1);
        } else if shown.len() < MAX_SOURCES {
            shown.push((source, vec![index + 1]));
        }
    }
    let is_cited = (1..=sources.len()).any(|number| text.contains(&format!("[{number}]")));

    let mut length = 0;
    let mut items = Vec::new();
    for (source, numbers) in &shown {
        let numbers = if is_cited { marks(numbers) } else { String::new() };
        let gap = if is_cited { " " } else { "" };
        let title = title(source);
        let url = source.address.as_deref().and_then(links::web_address);
        let mut item = match &url {
            Some(url) if links::is_misleading(&source.title, url) || links::is_address(&source.title) => {
                format!("{numbers}{gap}<{url}>")
            }
            Some(url) => format!("{numbers}{gap}[{title}](<{url}>)"),
            None => format!("{numbers}{gap}{title}"),
        };
        if length + units(&item) > MAX_FOOTER {
            item = format!("{numbers}{gap}{title}");
        }
        length += units(&item);
        items.push(item);
    }
    (!items.is_empty()).then(|| format!("-# {} {}", sentences::sources(lang), items.join(" · ")))
}

/// `[1][3]`.
fn marks(numbers: &[usize]) -> String {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("[{}]", numbers.join("]["))
}

fn title(source: &SourceLink) -> String {
    let title = source.title.trim();
    let title = if is_visible(title) { title } else { source.address.as_deref().unwrap_or_default() };
    match title.char_indices().nth(MAX_TITLE) {
        Some((end, _)) => format!("{}…", escape(&title[..end])),
        None => escape(title),
    }
}

/// Length as Discord may count it.
fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Whether a reader sees anything: Discord refuses messages of which it thinks that they do not.
fn is_visible(text: &str) -> bool {
    text.chars().any(|char| {
        !(char.is_whitespace()
            || char.is_control()
            || matches!(char, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'))
    })
}

#[cfg(test)]
mod tests;
