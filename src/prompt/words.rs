//! What can be said of words without a model: how much they weigh, whether they ask anything, what was spoken of.

use super::{Turn, clip};

/// Earlier questions that still say what a follow-up such as "and on Windows?" is about.
const CONTEXT_TURNS: usize = 2;
/// Words of a message that nobody answered from which it may say what is spoken of: "lol" and "see you later" do not.
const TELLING_WORDS: usize = 4;
/// Of each earlier question, in characters: its first sentence or two.
const CONTEXT_CHARS: usize = 300;

/// About how many tokens `text` is, on the high side.
///
/// No tokenizer fits every model. Latin words come to some four characters a token, signs and accented or Cyrillic
/// letters to two, and scripts without spaces to one or more tokens a character.
pub fn estimate_tokens(text: &str) -> usize {
    let quarters: usize = text
        .chars()
        .map(|char| match char {
            'a'..='z' | 'A'..='Z' | ' ' => 1,
            _ if char < '\u{2e80}' => 2,
            _ => 5,
        })
        .sum();
    quarters.div_ceil(4)
}

/// Whether `question` has any letter or digit left once emoji and mentions are taken away: without one there is
/// nothing to look up.
pub fn is_answerable_text(question: &str) -> bool {
    let mut rest = question;
    while let Some(start) = rest.find(|char: char| char == '<' || char.is_alphanumeric()) {
        rest = &rest[start..];
        if rest.starts_with('<') {
            rest = &rest[token_length(rest).unwrap_or(1)..];
            continue;
        }
        // A digit may be the first half of a keycap emoji: 1 + variation selector + enclosing keycap.
        let mut chars = rest.chars();
        chars.next();
        rest = chars.as_str();
        if !rest.trim_start_matches('\u{fe0f}').starts_with('\u{20e3}') {
            return true;
        }
    }
    false
}

/// Length of the mention or custom emoji at the start of `text`: `<@1>`, `<@!1>`, `<@&1>`, `<#1>`, `<:name:1>`,
/// `<a:name:1>`. [Discord Docs/Reference: Message Formatting]
fn token_length(text: &str) -> Option<usize> {
    // Names of emoji have at most 32 characters and ids at most 20 digits.
    let end = text.bytes().take(64).position(|byte| byte == b'>')?;
    let inside = &text[1..end];
    let id = match inside.as_bytes() {
        [b'@' | b'#', ..] => inside[1..].trim_start_matches(['!', '&']),
        [b':', ..] | [b'a', b':', ..] => inside.rsplit(':').next()?,
        _ => return None,
    };
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(end + 1)
}

/// The last questions of a conversation, newest first, for finding passages to a follow-up: words that a search can be widened with.
/// None when nothing was asked yet.
pub fn search_context(turns: &[Turn]) -> Option<String> {
    let words: Vec<&str> = turns
        .iter()
        .rev()
        .filter(|turn| !turn.answer.is_empty() || turn.question.split_whitespace().count() >= TELLING_WORDS)
        .take(CONTEXT_TURNS)
        .map(|turn| clip(turn.question.trim(), CONTEXT_CHARS))
        .filter(|question| is_answerable_text(question))
        .collect();
    (!words.is_empty()).then(|| words.join("\n"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(question: &str) -> Turn {
        Turn { asker_name: "ann".to_owned(), question: question.to_owned(), answer: "Because.".to_owned() }
    }

    #[test]
    fn words_of_any_script_can_be_answered() {
        for question in
            ["a", "7", "保証期間は?", "¿Qué?", "сколько", "<:smile:1> why", "<@1> 2", "<b>", "i <3", "3️⃣ or 4"]
        {
            assert!(is_answerable_text(question), "{question}");
        }
    }

    #[test]
    fn emoji_and_mentions_alone_cannot() {
        for question in
            ["", "  \n", "?!…", "🙂", "👨‍👩‍👧‍👦", "<:smile:123>", "<a:wave_2:123>", "<@123> <@!1>", "<@&9><#8>", "🇫🇷", "1️⃣"]
        {
            assert!(!is_answerable_text(question), "{question}");
        }
    }

    #[test]
    fn tokens_are_estimated_on_the_high_side() {
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens("How long is the warranty of the hinge"), 10);
        assert!(estimate_tokens("保証期間は") >= 5);
    }

    #[test]
    fn a_follow_up_is_searched_with_the_last_questions() {
        assert_eq!(search_context(&[]), None);
        assert_eq!(search_context(&[asked("🙂")]), None);
        let turns = [asked("old"), asked("How do I install it?"), asked("and on Linux?")];
        assert_eq!(search_context(&turns).expect("a question"), "and on Linux?\nHow do I install it?");
        assert!(search_context(&[asked(&"x".repeat(9_000))]).expect("a question").len() <= CONTEXT_CHARS);
    }

    #[test]
    fn casual_talk_hides_no_question_from_a_follow_up() {
        let said = |text: &str| Turn { answer: String::new(), ..asked(text) };
        let turns =
            [asked("How long?"), said("mine rattles since last May"), said("lol"), said("haha nice"), said("wow")];
        assert_eq!(search_context(&turns).expect("a question"), "mine rattles since last May\nHow long?");
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".*") {
            is_answerable_text(&text);
            estimate_tokens(&text);
            search_context(&[asked(&text)]);
        }
    }
}
