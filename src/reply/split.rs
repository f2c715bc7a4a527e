//! Splitting text at Discord's limit, with Markdown kept whole.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::{is_visible, units};

/// Shorter parts than this have no room for the marks of a code block and any text.
const MIN_LIMIT: usize = 200;
/// A prefix or language longer than this is not repeated, so that the marks of a part stay small, in bytes.
const MAX_MARK: usize = 24;
/// How far behind the end of a part the end of a link or of bold text is looked for, in bytes.
const LOOKAHEAD: usize = 1_000;

/// Splits Discord Markdown into parts of at most `limit` UTF-16 units (200 at least), none of them blank.
///
/// A part ends at the last paragraph, else line, sentence, word or grapheme that leaves it reasonably full, and not
/// inside a link, inline code or bold text if there is another place. A code block that goes on is closed and opened
/// again with its language, a quoted line that goes on keeps its `> `.
pub fn split(text: &str, limit: usize) -> Vec<String> {
    parts(text, limit).into_iter().map(|part| format!("{}{}{}", part.head, part.body, part.tail)).collect()
}

/// A part: a piece of the text, and the marks that it needs to stand alone.
#[derive(Debug)]
struct Part<'a> {
    head: String,
    body: &'a str,
    tail: String,
}

/// An open code block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fence<'a> {
    /// `> ` for one in a quote.
    quote: &'a str,
    language: &'a str,
}

/// What is still open where a part begins.
#[derive(Debug, Clone, Copy, Default)]
struct Open<'a> {
    fence: Option<Fence<'a>>,
    /// The prefix of a line that was cut in the middle.
    quote: &'a str,
}

/// How good a place is, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Paragraph,
    Line,
}

/// A place to end a part: so many bytes and units into the text.
#[derive(Debug, Clone, Copy)]
struct Cut<'a> {
    at: usize,
    units: usize,
    open: Open<'a>,
}

impl<'a> Fence<'a> {
    /// The code block that `line` opens.
    fn opened_by(line: &'a str) -> Self {
        let mark = line.rfind("```").unwrap_or_default();
        let language = line[mark..].trim_start_matches('`').trim();
        let quote = quote_of(line);
        Self { quote, language: if language.len() <= MAX_MARK && !language.contains(' ') { language } else { "" } }
    }

    fn opening(&self) -> String {
        format!("{}```{}\n", self.quote, self.language)
    }

    fn closing(&self) -> String {
        format!("\n{}```", self.quote)
    }
}

impl Open<'_> {
    fn head(&self) -> String {
        self.fence.map(|fence| fence.opening()).unwrap_or_default() + self.quote
    }
}

/// The `> ` before a quoted line; empty for others.
fn quote_of(line: &str) -> &str {
    let end = line.find(|char| char != '>' && char != ' ').unwrap_or(line.len());
    let prefix = &line[..end];
    let end = prefix.rfind('>').map_or(0, |mark| (mark + 2).min(prefix.len()));
    if end <= MAX_MARK { &prefix[..end] } else { "" }
}

/// Whether `line` opens or closes a code block: [`super::to_discord`] leaves no other line with three backticks.
fn is_fence(line: &str) -> bool {
    line.matches("```").count() % 2 == 1
}

fn is_heading(line: &str) -> bool {
    line.trim_start_matches('#').starts_with(' ') && line.starts_with('#')
}

fn parts(text: &str, limit: usize) -> Vec<Part<'_>> {
    let limit = limit.max(MIN_LIMIT);
    let mut parts = Vec::new();
    let mut rest = text;
    let mut open = Open::default();
    loop {
        if open.fence.is_none() {
            rest = without_blank_lines(rest);
        }
        if rest.is_empty() {
            return parts;
        }
        let head = open.head();
        let cut = next_cut(rest, limit - units(&head), open);
        let body = rest[..cut.at].trim_end();
        if is_visible(body) {
            let tail = cut.open.fence.map(|fence| fence.closing()).unwrap_or_default();
            parts.push(Part { head, body, tail });
        }
        rest = &rest[cut.at..];
        open = cut.open;
        if open.fence.is_none() && !open.quote.is_empty() {
            rest = rest.trim_start_matches(' ');
        }
    }
}

/// `text` from its first line that is not blank, with the indentation of that line.
fn without_blank_lines(text: &str) -> &str {
    let blank = text.len() - text.trim_start().len();
    if blank == text.len() {
        return "";
    }
    &text[text[..blank].rfind('\n').map_or(0, |end| end + 1)..]
}

/// Where to end a part that begins at `text` with `open` still open and has room for `budget` units.
fn next_cut<'a>(text: &'a str, budget: usize, open: Open<'a>) -> Cut<'a> {
    // A unit has at most three bytes, so this holds more than fits: nothing here depends on the length of the whole.
    let view = &text[..text.floor_char_boundary(budget * 3 + LOOKAHEAD)];
    let mut best: [Option<Cut<'a>>; 2] = [None, None];
    let mut here = Cut { at: 0, units: 0, open: Open { fence: open.fence, quote: "" } };
    let mut previous = "";
    let mut after_heading = false;
    for line in view.split_inclusive('\n') {
        let fence = here.open.fence;
        let toggles = is_fence(line);
        if here.at > 0 {
            let is_between = previous.trim().is_empty() || line.trim().is_empty() || is_heading(line);
            let is_edge = toggles || is_fence(previous);
            let rank = match fence {
                // An empty code block at the end of this part or the beginning of the next helps nobody.
                Some(_) if is_edge => None,
                None if (is_between || is_edge) && !after_heading => Some(Rank::Paragraph),
                _ => Some(Rank::Line),
            };
            if let Some(rank) = rank {
                best[rank as usize] = Some(here);
            }
        }

        let after = match fence {
            Some(_) if toggles => None,
            None if toggles => Some(Fence::opened_by(line)),
            _ => fence,
        };
        let closing = after.map_or(0, |fence| units(&fence.closing()));
        let shown = line.strip_suffix('\n').unwrap_or(line);
        // Two more than the budget, since the last character may count for two: enough to see that it is exceeded.
        let (_, shown_units) = fitting(shown, budget + 2);
        if here.units + shown_units + closing > budget {
            let full = |share: usize| move |cut: &Cut<'a>| cut.units * share >= budget;
            let [paragraph, line_end] = best;
            return paragraph
                .filter(full(2))
                .or(line_end.into_iter().chain(paragraph).max_by_key(|cut| cut.at).filter(full(3)))
                .or_else(|| cut_inside(line, here, budget, if here.at == 0 { open.quote } else { "" }))
                .or(line_end.into_iter().chain(paragraph).max_by_key(|cut| cut.at))
                .unwrap_or(Cut { at: here.at + line.len(), ..here });
        }
        here.at += line.len();
        here.units += shown_units + (line.len() - shown.len());
        here.open.fence = after;
        if !line.trim().is_empty() {
            after_heading = fence.is_none() && is_heading(line);
        }
        previous = line;
    }
    here
}

/// The first bytes of `text` that have at most `limit` units, and how many units these are.
fn fitting(text: &str, limit: usize) -> (usize, usize) {
    let mut used = 0;
    for (at, char) in text.char_indices() {
        if used + char.len_utf16() > limit {
            return (at, used);
        }
        used += char.len_utf16();
    }
    (text.len(), used)
}

/// A place inside `line`, which begins at `here` and does not fit. `quote` is the prefix that the line lost to an
/// earlier cut.
fn cut_inside<'a>(line: &'a str, here: Cut<'a>, budget: usize, quote: &'a str) -> Option<Cut<'a>> {
    let fence = here.open.fence;
    let own_quote = if quote.is_empty() { quote_of(line) } else { quote };
    let quote = if fence.is_none_or(|fence| !fence.quote.is_empty()) { own_quote } else { "" };
    // A prefix alone is no text.
    let from = if line.starts_with(own_quote) { own_quote.len() } else { 0 };
    let closing = fence.map_or(0, |fence| units(&fence.closing()));
    let room = budget.checked_sub(here.units + closing)?;
    let (mut end, _) = fitting(line, room);
    if let Some(mark) = line.find("```").filter(|mark| fence.is_none() && *mark > from && *mark < end) {
        // The mark of a code block behind a long prefix stays with its language.
        end = mark;
    }
    if end <= from {
        return None;
    }
    // White space at the end of a part is not sent, and so needs no room.
    end += line[end..].chars().next().filter(|char| char.is_whitespace()).map_or(0, char::len_utf8);
    let near = &line[..line.floor_char_boundary(end + LOOKAHEAD)];
    let at = if fence.is_some() {
        // Code is cut at white space near the end; a word of code is as good a place as any other.
        last_space(near, end).filter(|at| *at > end / 2).unwrap_or_else(|| grapheme_end(near, end))
    } else {
        place_in_prose(near, end, from)
    };
    (at > from).then(|| Cut { at: here.at + at, units: here.units + units(&line[..at]), open: Open { fence, quote } })
}

fn last_space(line: &str, end: usize) -> Option<usize> {
    // The white space itself stays at the end of the part, where it is not seen.
    line[..end].char_indices().rev().find(|(_, char)| char.is_whitespace()).map(|(at, char)| at + char.len_utf8())
}

fn place_in_prose(line: &str, end: usize, from: usize) -> usize {
    let spans = spans(line);
    let span_at = |at: usize| spans.iter().find(|(start, stop)| (start + 1..*stop).contains(&at));
    // One character more shows whether a sentence or a word ends with the part.
    let window = &line[..end + line[end..].chars().next().map_or(0, char::len_utf8)];
    let sentence = window
        .split_sentence_bound_indices()
        .map(|(at, _)| at)
        .filter(|at| *at <= end && span_at(*at).is_none())
        .last();
    if let Some(at) = sentence.filter(|at| *at > end / 3 && *at > from) {
        return at;
    }
    let is_word_start = |at: usize| {
        window[..at].ends_with(char::is_whitespace)
            // Scripts without spaces: between two of their words.
            || window[at..].starts_with(|char: char| char.is_alphanumeric() && char >= '\u{2e80}')
    };
    let words: Vec<usize> = window
        .split_word_bound_indices()
        .map(|(at, _)| at)
        .filter(|at| *at > from && *at <= end && is_word_start(*at))
        .collect();
    if let Some(at) = words.iter().rev().find(|at| span_at(**at).is_none()).filter(|at| **at > end / 10) {
        return *at;
    }
    if let Some((start, _)) = span_at(end).filter(|(start, _)| *start > end / 10 && *start > from) {
        return *start;
    }
    words.last().copied().filter(|at| *at > end / 10).unwrap_or_else(|| grapheme_end(line, end))
}

/// The last grapheme boundary up to `end`, or `end` itself inside a grapheme without end.
fn grapheme_end(line: &str, end: usize) -> usize {
    let mut cursor = GraphemeCursor::new(end, line.len(), true);
    if end == line.len() || cursor.is_boundary(line, 0) == Ok(true) {
        return end;
    }
    match cursor.prev_boundary(line, 0) {
        Ok(Some(at)) if at > end / 2 => at,
        _ => end,
    }
}

/// The ranges of a line that should not be cut: inline code, links, addresses, bold text and the like.
fn spans(line: &str) -> Vec<(usize, usize)> {
    const PAIRS: [&str; 5] = ["**", "__", "~~", "||", "*"];
    let mut spans = Vec::new();
    // What was once looked for in vain is not looked for again, or a line of openings would take square time.
    let mut is_vain = [false; PAIRS.len() + 5];
    let mut find = |kind: usize, from: usize, what: &str| {
        let found = if is_vain[kind] { None } else { line[from..].find(what).map(|at| from + at + what.len()) };
        is_vain[kind] |= found.is_none();
        found
    };
    let mut at = 0;
    while at < line.len() {
        let here = &line[at..];
        let stop = if here.starts_with('\\') {
            at += 1;
            None
        } else if here.starts_with("``") {
            find(PAIRS.len(), at + 2, "``")
        } else if here.starts_with('`') {
            find(PAIRS.len() + 1, at + 1, "`")
        } else if here.starts_with('[') {
            find(PAIRS.len() + 2, at, "](<").and_then(|middle| find(PAIRS.len() + 3, middle, ">)"))
        } else if here.starts_with("<http")
            || here.starts_with("<:")
            || here.starts_with("<a:")
            || here.starts_with("<t:")
        {
            find(PAIRS.len() + 4, at, ">")
        } else {
            PAIRS
                .iter()
                .enumerate()
                .find(|(_, pair)| here.starts_with(**pair))
                .and_then(|(kind, pair)| find(kind, at + pair.len(), pair))
        };
        if let Some(stop) = stop {
            spans.push((at, stop));
            at = stop;
        } else {
            at += line[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    spans
}

#[cfg(test)]
mod tests;
