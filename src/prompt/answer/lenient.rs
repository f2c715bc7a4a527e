//! Answers whose JSON no parser takes: cut off at the token limit, raw line ends or stray quotes inside strings, escapes
//! from Markdown such as `\_`. A parser for broken JSON in general would guess at every value; here the names of the
//! fields are known, so only their values are looked for.

use super::{Draft, numbers_in};

/// Less than this of an answer that was cut off is no answer, in characters.
const MIN_CUT: usize = 40;

pub(super) fn read(raw: &str) -> Option<Draft> {
    if !raw.contains('{') {
        return None;
    }
    let value = after_key(raw, "answer")?.strip_prefix('"')?;
    let (answer, is_whole) = string(value);
    if !is_whole && answer.chars().count() < MIN_CUT {
        return None;
    }
    let sources = after_key(raw, "sources")
        .map(|list| numbers_in(&list[..list.find(']').unwrap_or(list.floor_char_boundary(200))]))
        .unwrap_or_default();
    Some(Draft {
        answer: if is_whole { answer } else { whole_sentences(&answer) },
        sources,
        can_answer: after_key(raw, "can_answer").map(|value| !value.starts_with("false")),
        wants_human: after_key(raw, "wants_human").is_some_and(|value| value.starts_with("true")),
        addressed: after_key(raw, "addressed").map(|value| value.starts_with("true")),
    })
}

/// What follows `"name":`.
fn after_key<'a>(raw: &'a str, name: &str) -> Option<&'a str> {
    let quoted = format!("\"{name}\"");
    raw.match_indices(&quoted)
        .take(8)
        .find_map(|(at, _)| raw[at + quoted.len()..].trim_start().strip_prefix(':'))
        .map(str::trim_start)
}

/// Reads a string up to its closing quote, and says whether it has one. A quote that nothing of JSON follows is taken
/// as part of the text.
fn string(value: &str) -> (String, bool) {
    let mut text = String::new();
    let mut rest = value;
    while let Some(at) = rest.find(['"', '\\']) {
        text.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if rest.as_bytes()[at] == b'"' {
            if ends_value(after) {
                return (text, true);
            }
            text.push('"');
            rest = after;
        } else {
            rest = unescape(after, &mut text);
        }
    }
    text.push_str(rest);
    (text, false)
}

fn ends_value(after: &str) -> bool {
    let after = after.trim_start();
    after.is_empty()
        || after.starts_with('}')
        || after.strip_prefix(',').is_some_and(|next| next.trim_start().starts_with(['"', '}']))
}

/// Reads the escape whose backslash came before `after`, and returns what follows it.
fn unescape<'a>(after: &'a str, text: &mut String) -> &'a str {
    let mut chars = after.chars();
    match chars.next() {
        Some('n') => text.push('\n'),
        Some('t') => text.push('\t'),
        Some('r' | 'b' | 'f') | None => {}
        Some(char @ ('"' | '/' | '\\' | '\'')) => text.push(char),
        Some('u') => {
            let unit = |digits: &str| digits.get(..4).and_then(|digits| u16::from_str_radix(digits, 16).ok());
            let Some(first) = unit(chars.as_str()) else {
                return chars.as_str();
            };
            let rest = &chars.as_str()[4..];
            let second = rest.strip_prefix("\\u").and_then(unit);
            return match second.map(|second| String::from_utf16(&[first, second])) {
                Some(Ok(pair)) if (0xd800..0xdc00).contains(&first) => {
                    text.push_str(&pair);
                    &rest[6..]
                }
                _ => {
                    text.extend(char::from_u32(u32::from(first)));
                    rest
                }
            };
        }
        // Markdown's own escapes, which the model forgot to escape once more.
        Some(char) => {
            text.push('\\');
            text.push(char);
        }
    }
    chars.as_str()
}

/// Text that was cut off, without its last, broken sentence where it has several.
fn whole_sentences(text: &str) -> String {
    let end = [". ", ".\n", "! ", "? ", "\n", "。"]
        .iter()
        .filter_map(|end| text.rfind(end).map(|at| at + end.trim_end().len().max(1)))
        .max();
    match end {
        Some(end) if end > text.len() / 2 => format!("{} …", text[..end].trim_end()),
        _ => format!("{}…", text.trim_end()),
    }
}
