//! Tables as code blocks: Discord shows no tables, and only code has letters of one width.

use unicode_width::UnicodeWidthStr;

/// Columns are padded up to this width, so that one long cell does not push all others off a phone's screen.
const MAX_PADDING: usize = 30;
/// More columns or rows than this are not laid out.
const MAX_COLUMNS: usize = 20;

/// The rows, the first being the headings, as lines with aligned columns.
pub(super) fn lay_out(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default().min(MAX_COLUMNS);
    let cell =
        |row: &'_ [String], column: usize| row.get(column).map(|cell| cell.trim().to_owned()).unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().map(|row| cell(row, column).width()).max().unwrap_or_default().min(MAX_PADDING))
        .collect();
    let mut lines = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> = (0..columns)
            .map(|column| {
                let cell = cell(row, column);
                let padding = " ".repeat(widths[column].saturating_sub(cell.width()));
                cell + &padding
            })
            .collect();
        lines.push(cells.join(" | ").trim_end().to_owned());
        if index == 0 {
            lines.push(widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join("-+-"));
        }
    }
    lines.join("\n")
}
