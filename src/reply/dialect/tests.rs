use proptest::prelude::*;

use super::super::tests::markdownish;
use super::*;

#[track_caller]
fn becomes(markdown: &str, discord: &str) {
    assert_eq!(to_discord(markdown), discord);
    assert_eq!(to_discord(discord), discord, "what is right is left alone");
}

#[test]
fn plain_markdown_is_kept() {
    let text = "# Title\n\nSome **bold** `code` and a [link](<https://a.b/>).\n\n- one\n  - two\n\n1. a\n2. b\n\n> quote\n\n```rust\nlet a = b[1];\n```\n-# small ||spoiler|| <:smile:1> <t:1:R>";
    becomes(text, text);
}

#[test]
fn headings_that_discord_lacks_become_bold() {
    becomes("#### A **b** c\ntext", "**A b c**\ntext");
    becomes("##### A ##\n", "**A**\n");
    becomes("####\nx", "\nx");
    becomes("Title\n=====\ntext", "# Title\ntext");
    becomes("[Title](https://a.b)\n---", "## [Title](<https://a.b/>)");
}

#[test]
fn links_do_not_unfurl() {
    becomes("See https://a.b/c_d_e. Or (https://a.b/(x)).", "See <https://a.b/c_d_e>. Or (<https://a.b/(x)>).");
    becomes("**https://a.b**, `https://a.b` <https://a.b/>", "**<https://a.b>**, `https://a.b` <https://a.b/>");
    becomes("[a](https://a.b \"title\") [b][1]\n\n[1]: https://c.d", "[a](<https://a.b/>) [b](<https://c.d/>)\n\n");
    becomes("![cat](https://a.b/c.png) ![](https://a.b/d.png)", "[cat](<https://a.b/c.png>) <https://a.b/d.png>");
    becomes("[![badge](https://a.b/i.svg)](https://c.d)", "[badge](<https://c.d/>)");
    becomes("见https://a.b/c。", "见<https://a.b/c>。");
    becomes("```\nhttps://a.b\n```", "```\nhttps://a.b\n```");
}

#[test]
fn only_links_to_the_web_stay_links() {
    becomes(
        "[a](javascript:alert(1)) [b](/page) [c](file:///x) <mailto:x@y.z> <x@y.z>",
        "a b c mailto\\:x\\@y.z x\\@y.z",
    );
    becomes("[](https://a.b)", "<https://a.b/>");
}

#[test]
fn a_link_that_names_another_site_shows_its_own() {
    becomes("[https://bank.com](https://evil.com)", "<https://bank.com> (<https://evil.com/>)");
    becomes("[bank.com](https://evil.com)", "bank.com (<https://evil.com/>)");
    becomes("[https://a.b/x](https://a.b/x)", "<https://a.b/x>");
    becomes("<a href='https://evil.com'>bank.com</a>", "bank.com (<https://evil.com/>)");
}

#[test]
fn mentions_are_taken_apart() {
    becomes(
        "@everyone @here <@1> <@!1> <@&1>",
        "@\u{200b}everyone @\u{200b}here <\u{200b}@1> <\u{200b}@!1> <\u{200b}@&1>",
    );
    becomes("&#64;everyone \\@everyone &lt;@1&gt;", "\\@\u{200b}everyone \\@\u{200b}everyone \\<\u{200b}@1\\>");
    becomes("`@everyone` me@here.com <#1>", "`@everyone` me@\u{200b}here.com <#1>");
    becomes("[@everyone](https://a.b)", "[@\u{200b}everyone](<https://a.b/>)");
}

#[test]
fn code_blocks_have_three_backticks() {
    becomes("````md\n```rust\nx\n```\n````", "```md\n`\u{200b}``rust\nx\n`\u{200b}``\n```");
    becomes("~~~ sh title=x\na\n~~~\n", "```sh\na\n```\n");
    becomes("```rust\nopen", "```rust\nopen\n```");
    becomes("text\n\n    indented\n      more\n\ntext", "text\n\n```\nindented\n  more\n```\n\ntext");
    becomes("- a\n  ```sh\n  b\n  ```\n- c", "- a\n```sh\nb\n```\n- c");
    becomes("> ```sh\n> a\n>\n> b\n> ```\nafter", "> ```sh\n> a\n> \n> b\n> ```\nafter");
    becomes("> ```sh\n> open\n\nafter", "> ```sh\n> open\n> ```\n\nafter");
    becomes("a ```b``` c ``` d", "a `b` c \\`\\`\\` d");
}

#[test]
fn tables_become_code() {
    becomes(
        "| Name | Price |\n|---|--:|\n| **Tea** | `2` € |\n| 語 | [x](https://a.b) |\n\nafter",
        "```\nName | Price\n-----+------\nTea  | 2 €\n語   | x\n```\n\nafter",
    );
    becomes("> |a|b|\n> |-|-|\n> |c|d|\n", "> ```\n> a | b\n> --+--\n> c | d\n> ```\n");
}

#[test]
fn html_becomes_markdown() {
    becomes("<b>a</b><br>b &amp; c <your-token>", "**a**\nb & c <your-token>");
    becomes("<p><img src=\"https://a.b/c.png\" alt=\"cat\"></p>", "[cat](<https://a.b/c.png>)");
    becomes(
        "<a href=\"https://a.b\">a</a> <a href=\"javascript:x\">b</a> <a href=\"https://a.b\">c",
        "[a](<https://a.b/>) b c",
    );
}

#[test]
fn what_quotes_the_rest_quotes_each_line() {
    becomes(">>> a\nb\n\n```\nc\n```", "> a\n> b\n> \n> ```\n> c\n> ```");
}

#[test]
fn text_that_deceives_the_eye_is_cleaned() {
    becomes("a\r\nb\u{0}\u{202e}gpj.exe", "a\nbgpj.exe");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn the_result_is_balanced_and_pings_nobody(text in markdownish()) {
        let discord = to_discord(&text);
        prop_assert_eq!(discord.matches("```").count() % 2, 0, "{}", discord);
        let mut in_code = false;
        for line in discord.lines() {
            // Every mark of a code block has its line for itself, behind a prefix at most.
            prop_assert!(line.matches("```").count() <= 1, "{}", discord);
            in_code ^= line.contains("```");
            // A mention is left whole in code only.
            prop_assert!(in_code || !line.contains("<@1>") || line.contains('`'), "{}", discord);
            prop_assert!(in_code || !line.contains("@everyone") || line.contains('`'), "{}", discord);
        }
    }
}
