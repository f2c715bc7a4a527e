//! PDF: the text of its pages, with the headings that its outline names.

mod guard;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use pdf_extract::{Document as Pdf, PlainTextOutput};

use super::bounded;
use super::{Read, SourceError};

/// A manual of 3,000 pages takes about a minute.
const MAX_TIME: Duration = Duration::from_mins(2);

pub(super) fn read(bytes: &[u8]) -> Result<Read, SourceError> {
    let bytes = bytes.to_vec();
    bounded::run(MAX_TIME, move || {
        let deadline = Instant::now() + MAX_TIME;
        guard::check_bytes(&bytes)?;
        let pdf = open(&bytes)?;
        guard::check(&pdf)?;
        if pdf.get_pages().is_empty() {
            return Err(SourceError::DamagedPdf);
        }
        let pages = pages(&pdf, deadline)?;
        if !pages.iter().any(|page| page.chars().any(char::is_alphanumeric)) {
            return Err(SourceError::ScannedPdf);
        }
        Ok(Read { title: title(&pdf), markdown: markdown(&pages, &outline(&pdf)) })
    })
}

fn open(bytes: &[u8]) -> Result<Pdf, SourceError> {
    let mut pdf = Pdf::load_mem(bytes).map_err(|error| match error {
        pdf_extract::Error::Decryption(_) | pdf_extract::Error::InvalidPassword => SourceError::LockedPdf,
        _ => SourceError::DamagedPdf,
    })?;
    // Many are encrypted with an empty password, only to forbid printing.
    if pdf.is_encrypted() {
        pdf.decrypt("").map_err(|_| SourceError::LockedPdf)?;
    }
    Ok(pdf)
}

/// The text of every page. One that cannot be read is left out: the others stay useful.
fn pages(pdf: &Pdf, deadline: Instant) -> Result<Vec<String>, SourceError> {
    let mut pages = Vec::new();
    for (number, id) in pdf.get_pages() {
        if !guard::has_sound_ancestors(pdf, id) {
            continue;
        }
        if Instant::now() > deadline {
            return Err(SourceError::SlowFile);
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
            if furniture.contains_key(&shape(line)) || is_contents_line(line) {
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

/// A line of the table of contents: "Files . . . . . . 43".
fn is_contents_line(line: &str) -> bool {
    let dense: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    dense.contains("....") && dense.ends_with(|c: char| c.is_ascii_digit())
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// A file of these objects, the first of which is the catalog.
    fn file(objects: &[Vec<u8>]) -> Vec<u8> {
        let mut file = b"%PDF-1.4\n".to_vec();
        let mut offsets = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            offsets.push(file.len());
            writeln!(file, "{} 0 obj", index + 1).unwrap();
            file.extend_from_slice(object);
            file.extend_from_slice(b"\nendobj\n");
        }
        let table = file.len();
        write!(file, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).unwrap();
        for offset in offsets {
            writeln!(file, "{offset:010} 00000 n ").unwrap();
        }
        write!(file, "trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF", objects.len() + 1).unwrap();
        file
    }

    fn stream(dictionary: &str, content: &[u8]) -> Vec<u8> {
        let mut object = format!("<<{dictionary}/Length {}>>stream\n", content.len()).into_bytes();
        object.extend_from_slice(content);
        object.extend_from_slice(b"\nendstream");
        object
    }

    /// One page with this content.
    fn page(content: Vec<u8>, form: &[u8]) -> Vec<u8> {
        let font = "<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>>>";
        let page = format!("<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font{font}/XObject<</X 5 0 R>>>>>>");
        file(&[
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            b"<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 600 800]>>".to_vec(),
            page.into_bytes(),
            content,
            form.to_vec(),
        ])
    }

    fn refusal(file: &[u8]) -> String {
        read(file).map(|read| read.markdown).expect_err("it should be refused").to_string()
    }

    #[test]
    fn text_is_read() {
        let text = page(stream("", b"BT /F 12 Tf 50 700 Td (Open 9 to 5) Tj ET"), b"null");
        assert_eq!(read(&text).unwrap().markdown.trim(), "Open 9 to 5");
    }

    #[test]
    fn bad_files_are_told_in_a_sentence() {
        assert!(refusal(&page(stream("", b""), b"null")).contains("text recognition"));
        assert!(refusal(b"%PDF-1.4\nnothing").contains("damaged"));
        let whole = page(stream("", b"BT ET"), b"null");
        for end in (9..whole.len()).step_by(50) {
            refusal(&whole[..end]);
        }
    }

    #[test]
    fn bombs_and_circles_are_refused() {
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        for _ in 0..110 {
            packed.write_all(&vec![b' '; 1_000_000]).unwrap();
        }
        let bomb = stream("/Filter/FlateDecode", &packed.finish().unwrap());
        assert!(refusal(&page(bomb, b"null")).contains("unpacks to more"));
        let form = "/Type/XObject/Subtype/Form/BBox[0 0 1 1]";
        for resources in ["/Resources<</XObject<</X 5 0 R>>>>", ""] {
            let circle = page(stream("", b"/X Do"), &stream(&format!("{form}{resources}"), b"/X Do"));
            assert!(refusal(&circle).contains("contain themselves"), "{resources}");
        }
        let parents = file(&[
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            b"<</Type/Pages/Kids[3 0 R]/Count 1/Parent 2 0 R>>".to_vec(),
            b"<</Type/Page/Parent 2 0 R/Contents 4 0 R>>".to_vec(),
            stream("", b"BT ET"),
        ]);
        assert!(refusal(&parents).contains("no text"));
    }
}
