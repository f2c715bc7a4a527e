use proptest::prelude::*;

use super::super::tests::markdownish;
use super::super::to_discord;
use super::*;

const LIMIT: usize = 2_000;

fn visible(text: &str) -> String {
    text.chars().filter(|char| is_visible(char.encode_utf8(&mut [0; 4]))).collect()
}

#[test]
fn what_fits_is_one_part() {
    assert_eq!(split("a\n\nb", LIMIT), ["a\n\nb"]);
    assert_eq!(split("", LIMIT), Vec::<String>::new());
    assert_eq!(split(" \n\u{200b}\n ", LIMIT), Vec::<String>::new());
    let full = "🙂".repeat(LIMIT / 2);
    assert_eq!(split(&full, LIMIT).len(), 1);
    assert_eq!(split(&(full + "x"), LIMIT).len(), 2);
}

#[test]
fn paragraphs_come_before_lines_before_sentences_before_words() {
    let words = |count: usize| "word ".repeat(count).trim().to_owned();
    let parts = split(&format!("{}\n\n{}\n{}", words(25), words(10), words(20)), 250);
    assert_eq!(parts, [words(25), format!("{}\n{}", words(10), words(20))]);
    let parts = split(&format!("{}\n{}", words(35), words(30)), 250);
    assert_eq!(parts, [words(35), words(30)]);
    let parts = split(&format!("{}. And {}", words(30), words(40)), 250);
    assert_eq!(parts, [format!("{}.", words(30)), format!("And {}", words(40))]);
    let parts = split(&words(70), 250);
    assert_eq!(parts, [words(50), words(20)]);
    let parts = split(&"é".repeat(300), 250);
    assert_eq!(parts, ["é".repeat(250), "é".repeat(50)]);
}

#[test]
fn a_heading_stays_with_its_text() {
    let text = format!("{}\n\n# Heading\n\n{}", "word ".repeat(30), "text ".repeat(30));
    let parts = split(&text, 250);
    assert!(parts[1].starts_with("# Heading\n\ntext"), "{parts:?}");
}

#[test]
fn code_is_closed_and_opened_again_with_its_language() {
    let line = "let a = 1;\n";
    let parts = split(&format!("Look:\n```rust\n{}```\nDone.", line.repeat(40)), 250);
    assert!(parts.len() > 1);
    assert!(parts[0].starts_with("Look:\n```rust\n") && parts[0].ends_with(";\n```"), "{parts:?}");
    assert!(parts[1].starts_with("```rust\nlet"), "{parts:?}");
    assert!(parts.last().expect("a part").ends_with("\n```\nDone."), "{parts:?}");
}

#[test]
fn a_line_of_code_may_be_longer_than_a_message() {
    let parts = split(&format!("```js\n{}\n```", "x".repeat(5_000)), LIMIT);
    assert_eq!(parts.len(), 3);
    for part in &parts {
        assert!(part.starts_with("```js\n") && part.ends_with("\n```") && part.len() <= LIMIT);
    }
}

#[test]
fn code_in_a_quote_stays_in_it() {
    let parts = split(&format!("> ```sh\n{}> ```\nafter", "> echo a b c\n".repeat(40)), 250);
    for part in &parts[..parts.len() - 1] {
        assert!(part.starts_with("> ```sh\n> echo") && part.ends_with("\n> ```"), "{part}");
    }
}

#[test]
fn a_quoted_line_goes_on_quoted() {
    let parts = split(&format!("> {}", "word ".repeat(120)), 250);
    assert!(parts.len() > 2 && parts.iter().all(|part| part.starts_with("> word")), "{parts:?}");
}

#[test]
fn links_code_and_bold_text_are_kept_whole() {
    for span in
        ["[the long label of it](<https://a.example/some/path>)", "`some inline code here`", "**some bold words here**"]
    {
        let text = format!("{} {span} and more words after that one", "word ".repeat(46).trim());
        let parts = split(&text, 250);
        assert_eq!(parts.len(), 2);
        assert!(parts[1].starts_with(span), "{parts:?}");
    }
}

#[test]
fn emoji_are_kept_whole() {
    let family = "👨‍👩‍👧‍👦";
    for part in split(&family.repeat(100), 250) {
        assert_eq!(part.len() % family.len(), 0);
    }
}

#[test]
fn a_megabyte_is_split() {
    for piece in ["x", "word ", "[", "`", "**", "<http", "> ", "e\u{301}", "\u{301}", "🇫🇷", "```\n", "\n"] {
        let text = piece.repeat(1_000_000 / piece.len());
        let total: usize = parts(&text, LIMIT).iter().map(|part| visible(part.body).len()).sum();
        assert_eq!(total, visible(&text).len(), "{piece}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn nothing_is_lost_and_every_part_stands_alone(text in markdownish(), repeat in 1_usize..4, limit in 200_usize..2_100) {
        let text = to_discord(&text.repeat(repeat));
        let parts = parts(&text, limit);
        let kept: String = parts.iter().map(|part| part.body).collect();
        prop_assert_eq!(visible(&kept), visible(&text));
        for part in &parts {
            prop_assert!(part.head.chars().all(|char| !char.is_whitespace() || matches!(char, ' ' | '\n')));
            prop_assert!(part.tail.trim_matches(['>', ' ', '\n']).trim_matches('`').is_empty());
        }
        for part in split(&text, limit) {
            prop_assert!(units(&part) <= limit, "{} > {}", units(&part), limit);
            prop_assert!(is_visible(&part));
            prop_assert_eq!(part.matches("```").count() % 2, 0, "{}", part);
        }
    }
}
