//! Splits a document into the passages that are searched and quoted.
//!
//! Headings decide first: a passage never reaches over one, so its heading path is true of all of it. Sections stay
//! apart even when they are short, because headings are searched with the text and a short section under its own
//! heading is found, and linked, better than as a part of something longer. Long sections are cut between blocks, into
//! pieces of about the same size; only a block that is too long itself is cut inside.

mod blocks;
mod cut;

use std::collections::HashSet;

use url::Url;

use self::blocks::{Block, Kind};
use super::{Document, Passage};

/// The longest passage, in characters. About 300 tokens: small enough that eight of them leave a prompt room and that an
/// embedding (most models read 512 tokens) covers all of it, large enough for a procedure with its example.
pub const MAX_CHARS: usize = 1_200;

/// Longer than any real heading. Of one that is longer (a text set as a heading) the path keeps this much.
const MAX_HEADING_CHARS: usize = 120;

/// Splits a document. The passages stand in the document's order; together they hold all of its text except repetitions,
/// comments, and lists of nothing but links. Takes time in proportion to the length.
pub fn passages(document: &Document) -> Vec<Passage> {
    let blocks = blocks::top_level(&document.markdown);
    let mut sections = Sections::new(document, &blocks);
    let mut passages = Vec::new();
    let mut rest = &blocks[..];
    while !rest.is_empty() {
        let heading = match &rest[0].kind {
            Kind::Heading(heading) => {
                rest = &rest[1..];
                Some(heading)
            }
            _ => None,
        };
        if let Some(heading) = heading {
            sections.enter(heading);
        }
        let end = rest.iter().position(|block| matches!(block.kind, Kind::Heading(_))).unwrap_or(rest.len());
        let (body, after) = rest.split_at(end);
        let is_parent = matches!(
            (heading, after.first().map(|block| &block.kind)),
            (Some(above), Some(Kind::Heading(below))) if below.level > above.level
        );
        rest = after;

        let mut texts = cut::pieces(body);
        if let Some(heading) = heading {
            if heading.text.chars().count() > MAX_HEADING_CHARS {
                let mut all = cut::text(&heading.text);
                all.append(&mut texts);
                texts = all;
            } else if texts.is_empty() && !is_parent && !heading.text.trim().is_empty() {
                // "Opening hours: 9 to 5", and nothing below: the heading is the text.
                texts.push(heading.text.clone());
                passages.extend(texts.drain(..).map(|text| sections.passage_above(text)));
            }
        }
        passages.extend(texts.into_iter().map(|text| sections.passage(text)));
    }
    // Nothing is found by signs alone, such as those of a heading that is one bracket.
    passages.retain(|passage| passage.text.chars().any(char::is_alphanumeric));
    without_furniture(without_repetitions(passages))
}

/// Where in the document's headings we are.
struct Sections<'d> {
    document: &'d Document,
    /// Outermost first.
    path: Vec<Open>,
    slugs: Option<blocks::Slugs>,
}

struct Open {
    level: u8,
    text: String,
    fragment: Option<String>,
}

impl<'d> Sections<'d> {
    fn new(document: &'d Document, blocks: &[Block<'_>]) -> Self {
        // Sites that show Markdown files make ids from their headings. Elsewhere only what the page says is known.
        let is_markdown_file = document.address.as_ref().is_some_and(|address| {
            let path = address.path().to_ascii_lowercase();
            matches!(path.rsplit('.').next(), Some("md" | "markdown"))
        });
        let has_ids = blocks.iter().any(|block| matches!(&block.kind, Kind::Heading(heading) if heading.id.is_some()));
        let slugs = (is_markdown_file && !has_ids).then(blocks::Slugs::default);
        Self { document, path: Vec::new(), slugs }
    }

    fn enter(&mut self, heading: &blocks::Heading) {
        while self.path.last().is_some_and(|open| open.level >= heading.level) {
            self.path.pop();
        }
        let mut text: String = heading.text.chars().take(MAX_HEADING_CHARS).collect();
        if text.len() < heading.text.len() {
            text.push('…');
        }
        let fragment = match &mut self.slugs {
            Some(slugs) => Some(slugs.slug(&heading.text)),
            None => heading.id.clone(),
        };
        self.path.push(Open { level: heading.level, text, fragment });
    }

    fn passage(&self, text: String) -> Passage {
        self.passage_under(&self.path, text)
    }

    /// For a heading that is itself the text.
    fn passage_above(&self, text: String) -> Passage {
        let mut passage = self.passage_under(&self.path, text);
        passage.headings.pop();
        passage
    }

    fn passage_under(&self, path: &[Open], text: String) -> Passage {
        let fragment = path.iter().rev().find_map(|open| open.fragment.as_deref());
        let address = self.document.address.as_ref().map(|address| with_fragment(address, fragment));
        let title = self.document.title.trim();
        let headings = path
            .iter()
            .enumerate()
            .filter(|(depth, open)| !(open.text.is_empty() || *depth == 0 && open.text.eq_ignore_ascii_case(title)))
            .map(|(_, open)| open.text.clone())
            .collect();
        Passage { title: self.document.title.clone(), headings, address, text }
    }
}

fn with_fragment(address: &Url, fragment: Option<&str>) -> String {
    let Some(fragment) = fragment else {
        return address.to_string();
    };
    let mut address = address.clone();
    address.set_fragment(Some(fragment));
    address.into()
}

/// The same words under the same headings are said once.
fn without_repetitions(mut passages: Vec<Passage>) -> Vec<Passage> {
    let mut seen = HashSet::new();
    let first: Vec<bool> = passages.iter().map(|passage| seen.insert((&passage.headings, &passage.text))).collect();
    let mut first = first.into_iter();
    passages.retain(|_| first.next().unwrap_or(true));
    passages
}

/// Menus, tables of contents and the bare title repeat the words of what they lead to, and win over it in a search. A
/// document that has nothing else keeps them: then the links are what it says.
fn without_furniture(passages: Vec<Passage>) -> Vec<Passage> {
    let is_furniture = |passage: &Passage| {
        blocks::is_link_list(&passage.text) || passage.text.trim_matches('*').eq_ignore_ascii_case(passage.title.trim())
    };
    let keep: Vec<bool> = passages.iter().map(|passage| !is_furniture(passage)).collect();
    if !keep.contains(&true) {
        return passages;
    }
    passages.into_iter().zip(keep).filter_map(|(passage, keep)| keep.then_some(passage)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn document(address: Option<&str>, markdown: &str) -> Document {
        Document {
            title: "Manual".into(),
            address: address.map(|address| Url::parse(address).unwrap()),
            markdown: markdown.into(),
        }
    }

    /// `path | text` of every passage.
    fn cut(markdown: &str) -> Vec<String> {
        let passages = passages(&document(None, markdown));
        passages.iter().map(|passage| format!("{} | {}", passage.headings.join(" > "), passage.text)).collect()
    }

    fn addresses(address: &str, markdown: &str) -> Vec<String> {
        passages(&document(Some(address), markdown)).into_iter().filter_map(|passage| passage.address).collect()
    }

    #[test]
    fn headings_make_the_path() {
        let markdown = "Before.\n\n# Manual\nIntro.\n\n## Install\nOne.\n\n### `Linux` *here*\nTwo.\n\n## Use\nThree.\n\nSet\n===\nFour.";
        insta::assert_snapshot!(cut(markdown).join("\n"), @r"
         | Before.
         | Intro.
        Install | One.
        Install > Linux here | Two.
        Use | Three.
        Set | Four.
        ");
    }

    #[test]
    fn headings_inside_quotes_lists_and_code_are_text() {
        let markdown = "# A\n> ## quoted\n> x\n\n- # listed\n\n```\n# comment\n```\n";
        assert_eq!(cut(markdown), ["A | > ## quoted\n> x\n\n- # listed\n\n```\n# comment\n```"]);
    }

    #[test]
    fn a_heading_without_text_below_is_the_text() {
        assert_eq!(
            cut("# Shop\n## Open 9 to 5\n## Closed on Sunday\n"),
            ["Shop | Open 9 to 5", "Shop | Closed on Sunday"]
        );
        assert_eq!(cut("# Only this"), [" | Only this"]);
        assert_eq!(cut("# ["), [""; 0], "nobody can find that");
    }

    #[test]
    fn links_lead_to_the_nearest_heading() {
        let html = "Start.\n\n# A {#a}\nx\n\n## B\ny\n\n# C {#c-ü}\nz";
        assert_eq!(
            addresses("https://e.org/p", html),
            ["https://e.org/p", "https://e.org/p#a", "https://e.org/p#a", "https://e.org/p#c-%C3%BC"]
        );
        let file = "# Set up: the *bot*!\nx\n\n# Notes\ny\n\n# Notes\nz";
        assert_eq!(
            addresses("https://e.org/README.md", file),
            [
                "https://e.org/README.md#set-up-the-bot",
                "https://e.org/README.md#notes",
                "https://e.org/README.md#notes-1"
            ]
        );
        assert_eq!(addresses("https://e.org/page", "# No id\nx"), ["https://e.org/page"]);
    }

    #[test]
    fn long_sections_are_cut_between_blocks_into_similar_pieces() {
        let paragraph = "word ".repeat(60);
        let lengths: Vec<usize> = cut(&format!("{}\n\n", paragraph.trim()).repeat(6).replace("word word", "w w"))
            .iter()
            .map(String::len)
            .collect();
        assert!(lengths.iter().all(|length| *length > 300), "{lengths:?}");
        let different: String = (0..6).map(|n| format!("{n} {}\n\n", paragraph.trim())).collect();
        let pieces = cut(&different);
        assert_eq!(pieces.len(), 2);
        assert!(pieces[0].len().abs_diff(pieces[1].len()) < 20);
    }

    #[test]
    fn what_introduces_a_block_stays_with_it() {
        let filler = "x".repeat(MAX_CHARS - 100);
        let code = format!("```\n{}\n```", "y".repeat(200));
        let pieces = cut(&format!("{filler}\n\nRun this:\n\n{code}"));
        assert_eq!(pieces, [format!(" | {filler}"), format!(" | Run this:\n\n{code}")]);
    }

    #[test]
    fn code_that_is_too_long_keeps_its_fences() {
        let lines: String = (0..100).map(|n| format!("let value_{n} = compute({n});\n")).collect();
        let pieces = passages(&document(None, &format!("````rust\n{lines}````")));
        assert!(pieces.len() > 2);
        for piece in &pieces {
            assert!(piece.text.starts_with("```rust\nlet ") && piece.text.ends_with(";\n```"), "{}", piece.text);
        }
        let together: String = pieces
            .iter()
            .flat_map(|piece| piece.text.lines())
            .filter(|line| !line.starts_with("```"))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(together, lines);
    }

    #[test]
    fn tables_that_are_too_long_keep_their_head() {
        let rows: String = (0..100).map(|n| format!("| option {n} | does {n} |\n")).collect();
        let pieces = passages(&document(None, &format!("| Name | Effect |\n| --- | --- |\n{rows}")));
        assert!(pieces.len() > 1);
        for piece in &pieces {
            assert!(piece.text.starts_with("| Name | Effect |\n| --- | --- |\n| option"), "{}", piece.text);
        }
    }

    #[test]
    fn repetitions_comments_and_menus_go() {
        let menu = "[One](https://e.org/1) | [Two](https://e.org/2) | [Three](https://e.org/3)";
        assert_eq!(
            cut(&format!("# A\nSame.\n\n# A\nSame.\n\n# B\nSame.\n\n# Menu\n{menu}\n\n<!-- secret -->")),
            ["A | Same.", "B | Same."]
        );
        assert_eq!(cut(menu).len(), 1, "a document of links alone is its links");
    }

    /// Words that occur once, in blocks of every kind.
    fn blocks() -> impl Strategy<Value = Vec<(u8, usize)>> {
        prop::collection::vec((0..9_u8, 1..400_usize), 0..30)
    }

    fn render(blocks: &[(u8, usize)]) -> (String, usize) {
        let mut next = 0;
        let mut words = |count: usize, between: &str| {
            let words: Vec<String> = (next..next + count).map(|n| format!("w{n}w")).collect();
            next += count;
            words.join(between)
        };
        let mut markdown = String::new();
        for (kind, size) in blocks {
            let block = match kind {
                0 => format!("# {}", words(size % 5 + 1, " ")),
                1 => format!("## {}", words(size % 5 + 1, " ")),
                2 => format!("### {}", words(size % 40 + 1, " ")),
                3 => format!("```sh\n{}\n```", words(*size, "\n")),
                4 => format!("- {}", words(*size, "\n- ")),
                5 => format!("> {}", words(*size, " ")),
                6 => format!("| {} |\n|---|\n| {} |", words(1, ""), words(*size, " |\n| ")),
                7 => format!("1. {}\n\n   ```\n   {}\n   ```", words(1, ""), words(*size, "\n   ")),
                _ => words(*size, " "),
            };
            markdown.push_str(&block);
            markdown.push_str("\n\n");
        }
        (markdown, next)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Every word of a document without repetitions is in the text or the headings of a passage, and no passage is
        /// too long.
        #[test]
        fn no_word_is_lost(blocks in blocks()) {
            let (markdown, words) = render(&blocks);
            let passages = passages(&document(None, &markdown));
            let mut found = HashSet::new();
            for passage in &passages {
                prop_assert!(passage.text.chars().count() <= MAX_CHARS);
                prop_assert!(passage.headings.len() <= 6);
                for text in passage.headings.iter().chain([&passage.text]) {
                    found.extend(text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.starts_with('w')));
                }
            }
            for word in 0..words {
                let word = format!("w{word}w");
                prop_assert!(found.contains(word.as_str()), "{word} is lost");
            }
        }

        #[test]
        fn any_text_is_cut_within_the_limit(markdown in "(\\PC{0,40}|[#>`|*~\\[\\](){}<!\\-+0-9. \t\n]{1,12}|\n){0,60}", long in "\\PC{0,5}") {
            for markdown in [markdown, long.repeat(2_000)] {
                for passage in passages(&document(Some("https://e.org/a.md"), &markdown)) {
                    prop_assert!(passage.text.chars().count() <= MAX_CHARS);
                    prop_assert!(passage.text.chars().any(char::is_alphanumeric));
                    prop_assert!(passage.headings.iter().all(|heading| heading.chars().count() <= MAX_HEADING_CHARS + 1));
                }
            }
        }
    }
}
