//! The last look at a text that goes to Discord: nothing in it may ping anyone or unfurl.
//!
//! Messages are sent with empty `allowed_mentions`, so that nothing pings; but a text must not look as if it did.

use std::borrow::Cow;

/// Zero-width space: it takes a mention apart and is not seen.
const APART: char = '\u{200b}';

/// `text` with mentions taken apart and bare web addresses in `<…>`, both outside code.
pub(super) fn made_safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + text.len() / 8);
    let mut in_code = false;
    for line in text.split_inclusive('\n') {
        let toggles = line.matches("```").count() % 2 == 1;
        if in_code || toggles {
            safe.push_str(line);
        } else {
            // Inline code that goes over the end of a line is not taken for code here: better safe than pretty.
            prose(line, &mut safe);
        }
        in_code ^= toggles;
    }
    safe
}

/// `text` with mentions taken apart.
pub(super) fn without_mentions(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (at, char) in text.char_indices() {
        safe.push(char);
        if is_mention(&text[at..]) {
            safe.push(APART);
        }
    }
    safe
}

/// Whether a mention begins at `text`: after its first character it is to be taken apart.
fn is_mention(text: &str) -> bool {
    let follows = |word: &str| text.get(1..=word.len()).is_some_and(|next| next.eq_ignore_ascii_case(word));
    match text.as_bytes().first() {
        Some(b'@') => follows("everyone") || follows("here"),
        Some(b'<') => text[1..].starts_with(['@', '!', '&']),
        _ => false,
    }
}

fn prose(text: &str, safe: &mut String) {
    let mut at = 0;
    // Lengths of runs of backticks that have no partner further on: not to be looked for again. There are one and two,
    // since longer ones begin code blocks.
    let mut lonely = Vec::new();
    while let Some(char) = text[at..].chars().next() {
        let here = &text[at..];
        let length = match char {
            '\\' if here[1..].starts_with('`') => 2,
            '`' => {
                let run = here.len() - here.trim_start_matches('`').len();
                let length = if lonely.contains(&run) { None } else { inline_code(here, run) };
                if length.is_none() && !lonely.contains(&run) {
                    lonely.push(run);
                }
                length.unwrap_or(run)
            }
            '<' => {
                if let Some(length) = bracketed(here) {
                    push_address(&here[..length], safe);
                    at += length;
                    continue;
                }
                safe.push('<');
                if is_mention(here) {
                    safe.push(APART);
                }
                at += 1;
                continue;
            }
            '@' if is_mention(here) => {
                safe.push(char);
                safe.push(APART);
                at += 1;
                continue;
            }
            'h' | 'H' => match bare_address(here) {
                Some(length) => {
                    safe.push('<');
                    push_address(&here[..length], safe);
                    safe.push('>');
                    at += length;
                    continue;
                }
                None => 1,
            },
            _ => char.len_utf8(),
        };
        safe.push_str(&here[..length]);
        at += length;
    }
}

/// Length of the inline code at the start of `text`, which begins with a run of so many backticks and ends with another.
fn inline_code(text: &str, run: usize) -> Option<usize> {
    let mut at = run;
    while let Some(found) = text[at..].find('`') {
        let start = at + found;
        at = text.len() - text[start..].trim_start_matches('`').len();
        if at - start == run {
            return Some(at);
        }
    }
    None
}

/// Adds an address, in which a mention is not taken apart but written in the way of addresses.
fn push_address(address: &str, safe: &mut String) {
    for (at, char) in address.char_indices() {
        if char == '@' && is_mention(&address[at..]) {
            safe.push_str("%40");
        } else {
            safe.push(char);
        }
    }
}

/// Length of `<https://…>` at the start of `text`.
fn bracketed(text: &str) -> Option<usize> {
    scheme(&text[1..])?;
    let window = &text[..text.floor_char_boundary(2_000)];
    let end = window.find(|char: char| char == '>' || char.is_whitespace())?;
    window[end..].starts_with('>').then_some(end + 1)
}

/// Length of the web address at the start of `text`, without the punctuation of the sentence around it.
fn bare_address(text: &str) -> Option<usize> {
    let scheme = scheme(text)?;
    let window = &text[..text.floor_char_boundary(2_000)];
    let end = window
        .find(|char: char| {
            char.is_whitespace() || char.is_control() || matches!(char, '<' | '>' | '`' | '"' | '|' | '\\' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}')
        })
        .unwrap_or(window.len());
    let mut address = &window[..end];
    loop {
        let shorter = address.trim_end_matches(|char: char| ".,;:!?'*_~]}»”’…".contains(char));
        let is_open = shorter.ends_with(')') && shorter.matches(')').count() > shorter.matches('(').count();
        let shorter = if is_open { &shorter[..shorter.len() - 1] } else { shorter };
        if shorter.len() == address.len() {
            break;
        }
        address = shorter;
    }
    (address.len() > scheme).then_some(address.len())
}

fn scheme(text: &str) -> Option<usize> {
    ["https://", "http://"]
        .iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
        .map(|scheme| scheme.len())
}

/// `text` without what has no place in a message: control characters and those that reverse the direction of text, by
/// which `gpj.exe` can be made to look like a picture. Ends of lines become `\n`.
pub(super) fn cleaned(text: &str) -> Cow<'_, str> {
    let is_bad =
        |char: char| (char.is_control() && !matches!(char, '\n' | '\t')) || matches!(char, '\u{202a}'..='\u{202e}');
    if !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n").replace(is_bad, ""))
}
