//! PDF: the text of its pages, with the headings that its outline names.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use pdf_extract::{Document as Pdf, PlainTextOutput};

use super::bounded::{self, too_slow};
use super::{Read, SourceError};

/// A manual of 3,000 pages takes about a minute.
const MAX_TIME: Duration = Duration::from_secs(120);

pub(super) fn read(bytes: &[u8]) -> Result<Read, SourceError> {
    let bytes = bytes.to_vec();
    bounded::run(MAX_TIME, move || {
        let deadline = Instant::now() + MAX_TIME;
        let pdf = open(&bytes)?;
        let pages = pages(&pdf, deadline)?;
        if !pages.iter().any(|page| page.chars().any(char::is_alphanumeric)) {
            return Err(SourceError(
                "The PDF contains pictures of pages and no text. Run it through text recognition (OCR) and add it again"
                    .into(),
            ));
        }
        Ok(Read { title: title(&pdf), markdown: markdown(&pages, &outline(&pdf)) })
    })
}

fn open(bytes: &[u8]) -> Result<Pdf, SourceError> {
    let mut pdf = Pdf::load_mem(bytes).map_err(|error| match error {
        pdf_extract::Error::Decryption(_) | pdf_extract::Error::InvalidPassword => encrypted(),
        _ => SourceError("The PDF is damaged. Open it in a PDF viewer and save or print it anew".into()),
    })?;
    // Many are encrypted with an empty password, only to forbid printing.
    if pdf.is_encrypted() {
        pdf.decrypt("").map_err(|_| encrypted())?;
    }
    Ok(pdf)
}

fn encrypted() -> SourceError {
    SourceError("The PDF is protected by a password. Save it without one and add it again".into())
}

/// The text of every page. One that cannot be read is left out: the others stay useful.
fn pages(pdf: &Pdf, deadline: Instant) -> Result<Vec<String>, SourceError> {
    let mut pages = Vec::new();
    for number in pdf.get_pages().into_keys() {
        if Instant::now() > deadline {
            return Err(too_slow());
        }
        let text = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut text = String::new();
            let mut output = PlainTextOutput::new(&mut text);
            pdf_extract::output_doc_page(pdf, &mut output, number).ok().map(|()| text)
        }));
        pages.push(text.ok().flatten().unwrap_or_default());
    }
    Ok(pages)
}

fn title(pdf: &Pdf) -> Option<String> {
    let info = pdf.trailer.get(b"Info").ok()?;
    let info = pdf.dereference(info).ok()?.1.as_dict().ok()?;
    let title = pdf_extract::decode_text_string(info.get(b"Title").ok()?).ok()?;
    // Programs that print to PDF leave the name of the file that they printed.
    let useful = title.chars().any(char::is_alphabetic) && !title.to_lowercase().starts_with("microsoft word");
    useful.then_some(title)
}

/// A line of the outline ("bookmarks"): level 1 to 5 and title, under its page.
type Outline = HashMap<usize, Vec<(usize, String)>>;

fn outline(pdf: &Pdf) -> Outline {
    let mut outline = Outline::new();
    if let Ok(toc) = pdf.get_toc() {
        for entry in toc.toc {
            outline.entry(entry.page).or_default().push((entry.level.clamp(1, 5), entry.title));
        }
    }
    outline
}

fn markdown(pages: &[String], outline: &Outline) -> String {
    let furniture = repeated_lines(pages);
    let mut markdown = String::new();
    for (index, page) in pages.iter().enumerate() {
        let number = index + 1;
        let mut headings = outline.get(&number).map_or(&[][..], Vec::as_slice);
        for line in page.lines() {
            let line = line.trim();
            if line.is_empty() {
                if !markdown.ends_with("\n\n") && !markdown.is_empty() {
                    markdown.push('\n');
                }
                continue;
            }
            if furniture.contains_key(&shape(line)) {
                continue;
            }
            if let [(level, title), rest @ ..] = headings
                && is_heading(line, title)
            {
                // Viewers open an address that ends in #page=12 on that page.
                let _ = write!(markdown, "\n\n{} {} {{#page={number}}}\n\n", "#".repeat(level + 1), title.trim());
                headings = rest;
                continue;
            }
            push_line(&mut markdown, line);
        }
        markdown.push('\n');
    }
    markdown
}

/// Whether the line of the page is the outline's entry, which may lack its number or have it glued on.
fn is_heading(line: &str, title: &str) -> bool {
    let letters =
        |text: &str| text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect::<String>();
    let (line, title) = (letters(line), letters(title));
    !title.is_empty() && (line == title || (line.len() < title.len() + 12 && line.ends_with(&title)))
}

/// A line of text, whose first letter must not make it a heading, a quotation or a list in Markdown.
fn push_line(markdown: &mut String, line: &str) {
    if line.starts_with(['#', '>', '`', '~', '=']) {
        markdown.push('\\');
    }
    markdown.push_str(line);
    markdown.push('\n');
}

/// Running heads and feet: what stands first or last on many pages, whatever number it shows.
fn repeated_lines(pages: &[String]) -> HashMap<String, usize> {
    /// Fewer could be chance.
    const FEW_PAGES: usize = 4;
    let mut seen: HashMap<String, usize> = HashMap::new();
    for page in pages {
        let lines: Vec<&str> = page.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let mut edge: Vec<String> =
            lines.iter().take(2).chain(lines.iter().rev().take(2)).map(|line| shape(line)).collect();
        edge.sort_unstable();
        edge.dedup();
        for line in edge {
            *seen.entry(line).or_default() += 1;
        }
    }
    let often = FEW_PAGES.max(pages.len() / 10);
    seen.retain(|_, count| *count >= often);
    seen
}

/// A line without its numbers: "Chapter 3 · 41" and "Chapter 3 · 42" are one running head.
fn shape(line: &str) -> String {
    line.chars().filter(|c| !c.is_ascii_digit() && !c.is_whitespace()).collect()
}
