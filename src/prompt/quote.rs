//! Answers without a model: the best passages, quoted.

use crate::knowledge::Passage;
use crate::reply;
use crate::sentences::{self, Lang};

/// Passages quoted: a reader looks at the first ones only.
const MAX_QUOTED: usize = 3;
/// Of each passage, in UTF-16 units, so that all of them and their sources share one Discord message.
const MAX_LENGTH: usize = 500;

/// The best passages as Markdown block quotes under a line that says that no language model is configured, or the
/// sentence that nothing was found. The passages quoted are the first `n` of `passages`, `n` being the second value:
/// the sources to show with it.
pub fn no_model_answer(passages: &[Passage], lang: Lang) -> (String, usize) {
    if passages.is_empty() {
        return (sentences::not_found(lang).to_owned(), 0);
    }
    let quoted = &passages[..passages.len().min(MAX_QUOTED)];
    let mut blocks = vec![sentences::no_model(lang).to_owned()];
    for (index, passage) in quoted.iter().enumerate() {
        let mut section = vec![reply::escape(&passage.title)];
        section.extend(passage.headings.iter().map(|heading| reply::escape(heading)));
        let mut block = format!("> **[{}] {}**", index + 1, section.join(" › "));
        for line in excerpt(&passage.text).lines() {
            block.push_str("\n> ");
            block.push_str(line);
        }
        blocks.push(block);
    }
    (blocks.join("\n\n"), quoted.len())
}

/// The beginning of a passage, ending at a boundary, with its code blocks closed.
fn excerpt(passage: &str) -> String {
    let mut parts = reply::split(&reply::to_discord(passage), MAX_LENGTH).into_iter();
    let mut first = parts.next().unwrap_or_default();
    if parts.next().is_some() {
        first.push_str(if first.ends_with("```") { "\n…" } else { " …" });
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(title: &str, text: &str) -> Passage {
        Passage { title: title.to_owned(), headings: vec!["Care".to_owned()], address: None, text: text.to_owned() }
    }

    #[test]
    fn the_best_passages_are_quoted() {
        let passages = [passage("Manual", "31 months.\n\nThe hinge too."), passage("*Notes*", "Second.")];
        let (text, quoted) = no_model_answer(&passages, Lang::En);
        assert_eq!(quoted, 2);
        insta::assert_snapshot!(text, @r"
        No language model is configured, so these are the best matching passages:

        > **[1] Manual › Care**
        > 31 months.
        > 
        > The hinge too.

        > **[2] \*Notes\* › Care**
        > Second.
        ");
    }

    #[test]
    fn long_passages_are_trimmed_and_their_code_closed() {
        let code = format!("Run:\n\n```sh\n{}```\n", "echo one two three\n".repeat(60));
        let passages =
            [passage("A", &code), passage("B", &"Word after word. ".repeat(90)), passage("C", "c"), passage("D", "d")];
        let (text, quoted) = no_model_answer(&passages, Lang::Fr);
        assert_eq!(quoted, 3);
        assert_eq!(text.matches("```").count(), 2);
        assert!(text.contains("> ```\n> …") && text.contains("Word after word. …"), "{text}");
        assert!(text.encode_utf16().count() < 1_900);
    }

    #[test]
    fn nothing_found_is_said() {
        assert_eq!(no_model_answer(&[], Lang::En), ("I could not find that in the documents.".to_owned(), 0));
    }
}
