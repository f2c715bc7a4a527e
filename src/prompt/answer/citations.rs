//! Citations inside an answer: `[1]`, `[1, 2]`, `[^1]`, `【1】`. They must agree with the list of sources.

use std::fmt::Write as _;

use crate::reply::code_ranges;

use super::{MAX_SOURCES, numbers_in};

/// A number above this in brackets is a year or an index, not one of our few passages.
const MAX_NUMBER: usize = 99;

/// Makes the citations in `answer` and the numbers that the model listed agree. Returns the answer, in which `[1]` now
/// means the first source, and the sources as indexes of passages.
///
/// Sources that the model listed come first, in its order, then those that it only cited. Citations of passages that do
/// not exist are removed.
pub(super) fn settle(answer: &str, listed: &[usize], passages: usize) -> (String, Vec<usize>) {
    let cited = find(answer);
    let mut sources: Vec<usize> = Vec::new();
    let mentioned = listed.iter().chain(cited.iter().flat_map(|citation| &citation.numbers));
    for number in mentioned.copied().filter(|number| (1..=passages).contains(number)) {
        if !sources.contains(&(number - 1)) && sources.len() < MAX_SOURCES {
            sources.push(number - 1);
        }
    }

    let mut text = String::with_capacity(answer.len());
    let mut done = 0;
    for citation in &cited {
        let mut places: Vec<usize> = citation
            .numbers
            .iter()
            .filter_map(|number| sources.iter().position(|source| source + 1 == *number))
            .collect();
        places.sort_unstable();
        places.dedup();
        let before = &answer[done..citation.start];
        // A citation that goes takes the space before it along.
        text.push_str(if places.is_empty() { before.trim_end_matches(' ') } else { before });
        for place in places {
            let _ = write!(text, "[{}]", place + 1);
        }
        done = citation.end;
    }
    text.push_str(&answer[done..]);
    (text, sources)
}

struct Citation {
    start: usize,
    end: usize,
    numbers: Vec<usize>,
}

fn find(answer: &str) -> Vec<Citation> {
    let mut code = code_ranges(answer).into_iter().peekable();
    let mut found = Vec::new();
    for (start, open) in answer.match_indices(['[', '【']) {
        while code.next_if(|range| range.end <= start).is_some() {}
        if code.peek().is_some_and(|range| range.contains(&start)) || answer[..start].ends_with('\\') {
            continue;
        }
        let close = if open == "[" { ']' } else { '】' };
        let inside_start = start + open.len();
        // A list of numbers is short; a longer bracket is text.
        let window = &answer[inside_start..answer.floor_char_boundary((inside_start + 40).min(answer.len()))];
        let Some(length) = window.find(close) else {
            continue;
        };
        let inside = &window[..length];
        let end = inside_start + length + close.len_utf8();
        let is_list = inside.chars().any(|char| char.is_ascii_digit())
            && inside.chars().all(|char| char.is_ascii_digit() || matches!(char, ',' | ';' | ' ' | '^'));
        // `[1](…)`, `[1]:` and `[a][1]` are links; `![1]` is an image.
        let is_link = answer[end..].starts_with(['(', ':']) && open == "[";
        let numbers = numbers_in(inside);
        if is_list && !is_link && !answer[..start].ends_with('!') && numbers.iter().all(|number| *number <= MAX_NUMBER)
        {
            found.push(Citation { start, end, numbers });
        }
    }
    found
}
