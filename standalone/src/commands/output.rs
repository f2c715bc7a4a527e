//! Text for the terminal.

use std::io::{self, Write as _};

/// Prints a line, or several, to the standard output.
pub(super) fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{}", harmless(text))
}

/// Prints a line to the standard error.
pub(super) fn complain(text: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{}", harmless(text))
}

/// Without control characters: titles and answers come from strangers, and a terminal obeys some of them.
pub(super) fn harmless(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect()
}

/// Columns under their names, two spaces apart; the last one is as long as it is. A cell is kept on one line.
pub(super) fn table<const N: usize>(names: [&str; N], rows: &[[String; N]]) -> String {
    let names = names.map(str::to_owned);
    let lines: Vec<[String; N]> = std::iter::once(&names)
        .chain(rows)
        .map(|row| row.clone().map(|cell| harmless(&cell).split_whitespace().collect::<Vec<_>>().join(" ")))
        .collect();
    let width = |column: usize| lines.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// “1 document”, “2 documents”.
pub(super) fn count(n: impl Into<u64>, thing: &str) -> String {
    let n = n.into();
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters() {
        let rows = [["é", "ready", "one\ttwo\n"], ["long-id", "failed", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(
            table(["id", "state", "title"], &rows),
            "id       state   title\né        ready   one two\nlong-id  failed"
        );
    }

    #[test]
    fn a_title_cannot_command_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\u{7}\u{9b}c"), "a[2Jbc");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!((count(1_u32, "document"), count(0_u32, "page")), ("1 document".to_owned(), "0 pages".to_owned()));
    }
}
