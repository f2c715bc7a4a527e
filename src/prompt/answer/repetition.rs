//! A weak model that has fallen into a loop: the same word, line or paragraph until its tokens are used up.
//!
//! Only a loop at the very end is one. Whatever a text repeats before, it got out of it by itself, as a table, a list or
//! code does.

/// Few characters are a loop only if they are many times the same; a paragraph need not come so often.
const SHORT: Loop = Loop { times: 8, chars: 300 };
const LONG: Loop = Loop { times: 3, chars: 1_200 };
/// Longest text that is looked for again, in characters.
const MAX_PERIOD: usize = 1_500;
/// Of a text, only so many characters at its end are looked at.
const MAX_LOOKED_AT: usize = 20_000;
/// Less than this before a loop is no answer, in characters: "Sure!"
const MIN_WHOLE: usize = 20;

struct Loop {
    times: usize,
    chars: usize,
}

/// `answer` without the loop that it ends in: up to the last sentence or line that stands whole before it. None if that
/// is no answer.
pub(super) fn before_loop(answer: &str) -> Option<&str> {
    let text = answer.trim_end_matches(|char: char| char == '…' || char.is_whitespace());
    let Some((start, second)) = loop_at_end(text) else {
        return Some(answer);
    };
    // What stands before may end with the same words as what is repeated, so that the loop seems to begin inside it.
    let end = match sentence_ends(&text[..second]).find(|end| *end >= start) {
        Some(end)
            if start > 0
                && sentence_ends(text).take_while(|end| *end <= start).all(|end| !is_gap(&text[end..start])) =>
        {
            end
        }
        _ => sentence_ends(&text[..start]).last().unwrap_or(0),
    };
    let whole = text[..end].trim_end();
    (whole.chars().count() >= MIN_WHOLE).then_some(whole)
}

/// Where the loop begins in which `text` ends, and where its second turn does.
fn loop_at_end(text: &str) -> Option<(usize, usize)> {
    let tail: Vec<(usize, char)> = text.char_indices().rev().take(MAX_LOOKED_AT).collect();
    for period in 1..=MAX_PERIOD.min(tail.len() / 2) {
        let same = tail.iter().zip(&tail[period..]).take_while(|((_, later), (_, earlier))| later == earlier).count();
        let chars = same + period;
        let is_loop = |of: &Loop| chars >= of.chars && chars / period >= of.times;
        if same > 0 && (is_loop(&SHORT) || is_loop(&LONG)) {
            return Some((tail[chars - 1].0, tail[same - 1].0));
        }
    }
    None
}

fn is_gap(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

/// Where sentences and lines end, in order.
fn sentence_ends(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().filter_map(move |(at, char)| {
        let next = text[at + char.len_utf8()..].chars().next();
        let ends = match char {
            '。' | '！' | '？' | '\n' => true,
            '.' | '!' | '?' => next.is_none_or(char::is_whitespace),
            _ => false,
        };
        ends.then_some(at + char.len_utf8())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WHOLE: &str = "The warranty lasts 31 months.";

    #[test]
    fn what_stands_before_a_loop_is_kept() {
        for looped in ["the ", "It covers the hinge. ", "- Press the button.\n", "ha", "保証。", "No. Yes. No, wait. "]
        {
            for gap in [" ", "\n"] {
                let text = format!("{WHOLE}{gap}{}", looped.repeat(400));
                assert_eq!(before_loop(text.trim()).map(str::trim_end), Some(WHOLE), "{looped:?}");
                let cut_off = format!("{}…", &text[..text.floor_char_boundary(text.len() - 2)]);
                assert_eq!(before_loop(&cut_off).map(str::trim_end), Some(WHOLE), "{looped:?}");
            }
        }
        let paragraph = format!("You can return it. Keep the box that it came in. {}. ", "x".repeat(450));
        assert_eq!(before_loop(&format!("{WHOLE} {}", paragraph.repeat(4))), Some(WHOLE));
    }

    #[test]
    fn a_sentence_that_ends_like_the_loop_is_kept_whole() {
        let text = format!("{WHOLE} It covers the blue hinge. {}", "It covers the red hinge. ".repeat(30));
        assert_eq!(before_loop(text.trim()), Some("The warranty lasts 31 months. It covers the blue hinge."));
    }

    #[test]
    fn nothing_but_a_loop_is_no_answer() {
        for looped in ["the ", "I am sorry. ", "The warranty lasts 31 months. ", "。", "- "] {
            assert_eq!(before_loop(looped.repeat(500).trim()), None, "{looped:?}");
        }
        assert_eq!(before_loop(&format!("Sure! {}", "I am ".repeat(200))), None);
    }

    #[test]
    fn what_repeats_itself_for_a_reason_survives() {
        let table =
            format!("| Day | Open |\n|---|---|\n{}", (1..200).map(|d| format!("| {d} | 9–17 |\n")).collect::<String>());
        let code = format!("Run:\n```\n{}```", "echo ok\n".repeat(200));
        let list = format!("In order:\n{}", "- Yes\n".repeat(12));
        let steps: String = (1..80).map(|n| format!("{n}. Press the button {n} times.\n")).collect();
        let numbers = format!("The bytes are {}.", "0, ".repeat(200).trim_end_matches(", "));
        let poem = "Row, row, row your boat\nGently down the stream\n".repeat(3);
        for text in
            [table, code, list, steps, numbers, poem, "Ha ha ha ha ha!".to_owned(), String::new(), WHOLE.to_owned()]
        {
            assert_eq!(before_loop(text.trim()), Some(text.trim()));
        }
    }

    proptest! {
        #[test]
        fn what_is_kept_is_a_beginning(text in "([ab.\n é…]{0,5}){0,100}", times in 1_usize..500) {
            let text = text.repeat(times);
            if let Some(kept) = before_loop(&text) {
                prop_assert!(text.starts_with(kept));
            }
        }
    }
}
