use proptest::prelude::*;

use super::*;

fn source(title: &str, address: Option<&str>) -> SourceLink {
    SourceLink { title: title.to_owned(), address: address.map(str::to_owned) }
}

fn one(text: &str, sources: &[SourceLink]) -> String {
    let parts = render(text, sources, Lang::En);
    assert_eq!(parts.len(), 1, "{parts:?}");
    parts[0].clone()
}

#[test]
fn sources_are_a_line_under_the_answer() {
    let sources = [source("Zephyr *manual*", Some("https://z.example/a#b")), source("Notes", None)];
    insta::assert_snapshot!(one("31 months.", &sources), @r"
    31 months.
    -# Sources: [Zephyr \*manual\*](<https://z.example/a#b>) · Notes
    ");
    assert_eq!(one("31 months.", &[]), "31 months.");
}

#[test]
fn citations_number_the_sources() {
    let sources = [source("A", None), source("B", None), source("A", None)];
    assert_eq!(one("So [1], and [2][3].", &sources), "So [1], and [2][3].\n-# Sources: [1][3] A · [2] B");
}

#[test]
fn hostile_sources_stay_small_and_harmless() {
    let sources: Vec<SourceLink> = (0..50)
        .map(|number| {
            source(
                &format!("@everyone [x](http://evil.example) {number} {}", "y".repeat(9_000)),
                Some(&format!("https://a.b/{}", "z".repeat(600))),
            )
        })
        .chain([source("click", Some("javascript:alert(1)"))])
        .collect();
    let text = one("Yes.", &sources);
    assert!(units(&text) <= MESSAGE_LIMIT);
    assert!(!text.contains("@everyone") && !text.contains("](http:") && !text.contains("javascript"), "{text}");
    assert_eq!(text.matches(" · ").count(), MAX_SOURCES - 1);
    assert_eq!(one("Yes.", &[source("bank.com", Some("https://evil.com/"))]), "Yes.\n-# Sources: <https://evil.com/>");
}

#[test]
fn sources_stay_with_the_last_words() {
    let text = "Word after word. ".repeat(117);
    assert!(units(text.trim()) > 1_980 && units(text.trim()) <= MESSAGE_LIMIT);
    let parts = render(&text, &[source("Manual", Some("https://z.example/"))], Lang::Fr);
    assert_eq!(parts.len(), 2);
    assert!(
        parts[1].starts_with("Word") && parts[1].ends_with("\n-# Sources : [Manual](<https://z.example/>)"),
        "{}",
        parts[1]
    );
}

#[test]
fn too_long_an_answer_ends_with_a_note() {
    let parts = render(&"Word after word. ".repeat(3_000), &[source("Manual", None)], Lang::En);
    assert_eq!(parts.len(), MAX_PARTS);
    assert!(
        parts[4].ends_with("after word.\n-# The answer was too long and ends here.\n-# Sources: Manual"),
        "{}",
        parts[4]
    );
}

#[test]
fn nothing_to_show_is_said() {
    for text in ["", " \n ", "\u{200b}", "\u{1}"] {
        assert_eq!(one(text, &[]), "I could not find that in the documents.");
    }
}

#[test]
fn escaped_text_means_nothing() {
    assert_eq!(escape("# a\n**b** `c` [d](e) @here"), "\\# a \\*\\*b\\*\\* \\`c\\` \\[d\\]\\(e\\) \\@\u{200b}here");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_message_can_be_sent(
        text in markdownish(), repeat in 1_usize..60, title in "[a-z*@ \\[]{0,80}", count in 0_usize..8, cited: bool,
    ) {
        let sources: Vec<SourceLink> =
            (0..count).map(|number| source(&title, Some(&format!("https://a.b/{number}")))).collect();
        let text = if cited { format!("{text}[1]") } else { text }.repeat(repeat);
        let parts = render(&text, &sources, Lang::En);
        prop_assert!((1..=MAX_PARTS).contains(&parts.len()));
        for part in &parts {
            prop_assert!(part.encode_utf16().count() <= MESSAGE_LIMIT);
            prop_assert!(is_visible(part));
            prop_assert_eq!(part.matches("```").count() % 2, 0, "{}", part);
        }
    }
}

/// What breaks Markdown: its marks, lines of any length, all scripts.
pub(super) fn markdownish() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z]{1,12} ?",
        2 => Just("\n".to_owned()),
        1 => Just("\n\n".to_owned()),
        3 => "[*_~`|>#\\[\\]()<!@:.\\\\&-]{1,4}",
        1 => "(```|~~~|````)[a-z]{0,4}\n",
        1 => "(> |- |1\\. |    |# |#### |>>> )",
        1 => "\n(> ){0,3}(- )?```[a-z ]{0,4}\n",
        1 => "(https://a\\.b/[a-z_()]{0,9}|\\[x\\]\\(https://c\\.d\\)|<@1>|@everyone|&lt;|<br>|<b>|</a>|<a href=\"https://e\\.f\">)",
        1 => "\\|a\\|b\\|\n\\|-\\|-\\|\n\\|c\\|d\\|\n",
        1 => "[é語🙂👨‍👩‍👧\u{200b}\u{301}]{1,5}",
        1 => "[a-z]{300,1500}",
        1 => "([a-z]{1,8} ){60,200}",
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}
