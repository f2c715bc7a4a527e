//! Word files.

use std::io::{Cursor, Read as _};
use std::time::Duration;

use undoc::render::{RenderOptions, to_markdown};
use zip::ZipArchive;

use super::{Read, SourceError, bounded};

/// Files have a few dozen parts, and one for every picture.
const MAX_ENTRIES: usize = 10_000;

/// A novel of 200,000 words is 15 MB of XML; pictures come on top.
const MAX_UNPACKED: u64 = 200_000_000;

/// Ten megabytes take about two seconds.
const MAX_TIME: Duration = Duration::from_mins(1);

pub(super) fn read(bytes: &[u8]) -> Result<Read, SourceError> {
    let bytes = bytes.to_vec();
    bounded::run(MAX_TIME, move || {
        check(&bytes)?;
        let document = undoc::parse_bytes(&bytes).map_err(|error| explain(&error))?;
        let options = RenderOptions::new().with_images(false).with_heading_analysis().with_preserve_breaks(true);
        // Cells of a table are on one line; the mark of a break in one would be a word to the search.
        let markdown = to_markdown(&document, &options).map_err(|error| explain(&error))?.replace("<br>", " ");
        let title = document.metadata.title.filter(|title| !title.trim().is_empty());
        let title = title.or_else(|| super::markdown::first_heading(&markdown));
        Ok(Read { title, markdown })
    })
}

/// Unpacks everything once, into nothing, before a parser believes what the archive says of its own size.
fn check(bytes: &[u8]) -> Result<(), SourceError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| SourceError::DamagedWord)?;
    if archive.len() > MAX_ENTRIES {
        return Err(SourceError::ManyParts { count: MAX_ENTRIES });
    }
    if archive.index_for_name("word/document.xml").is_none() {
        return Err(SourceError::OtherOffice);
    }
    let mut left = MAX_UNPACKED;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| match error {
            zip::result::ZipError::UnsupportedArchive(_) => SourceError::LockedFile,
            _ => SourceError::DamagedWord,
        })?;
        left -= std::io::copy(&mut entry.take(left), &mut std::io::sink()).map_err(|_| SourceError::DamagedWord)?;
        if left == 0 {
            return Err(SourceError::LargeFile { megabytes: MAX_UNPACKED / 1_000_000 });
        }
    }
    Ok(())
}

fn explain(error: &undoc::Error) -> SourceError {
    match error.kind() {
        undoc::ErrorKind::Encrypted => SourceError::LockedFile,
        undoc::ErrorKind::UnknownFormat | undoc::ErrorKind::UnsupportedFormat => SourceError::NotDocx,
        _ => SourceError::DamagedWord,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    fn archive(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in parts {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(content.as_bytes()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    const TYPES: &str = r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"#;

    fn document(body: &str) -> String {
        format!(
            r#"<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>"#
        )
    }

    fn markdown(body: &str) -> String {
        let file = archive(&[("[Content_Types].xml", TYPES), ("word/document.xml", &document(body))]);
        read(&file).unwrap().markdown.trim().to_owned()
    }

    fn refusal(file: &[u8]) -> String {
        read(file).map(|read| read.markdown).expect_err("it should be refused").to_string()
    }

    #[test]
    fn words_stay_words_across_breaks_cells_and_changes() {
        assert_eq!(markdown("<w:p><w:r><w:t>one</w:t><w:br/><w:t>two</w:t></w:r></w:p>"), "one  \ntwo");
        let cell =
            "<w:tc><w:p><w:r><w:t>a</w:t><w:br/><w:t>b</w:t></w:r></w:p><w:p><w:r><w:t>c</w:t></w:r></w:p></w:tc>";
        let table = markdown(&format!("<w:tbl><w:tr>{cell}</w:tr></w:tbl>"));
        assert!(table.starts_with("| a b c |"), "{table}");
        let changed =
            "<w:p><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins><w:r><w:t>new</w:t></w:r></w:ins></w:p>";
        assert_eq!(markdown(changed), "new");
    }

    #[test]
    fn parts_that_lead_nowhere_are_no_loss() {
        let paragraph = "<w:p><w:r><w:t>It is here.</w:t></w:r></w:p>";
        assert_eq!(markdown(paragraph), "It is here.");
        let many = "<w:tbl><w:tr><w:tc>".repeat(50) + paragraph + &"</w:tc></w:tr></w:tbl>".repeat(50);
        assert!(markdown(&many).contains("It is here."));
    }

    #[test]
    fn entities_are_not_expanded() {
        let laughs =
            r#"<!DOCTYPE w [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/hostname">]>"#;
        let body = document("<w:p><w:r><w:t>x &b; &f; y</w:t></w:r></w:p>");
        let file = archive(&[("[Content_Types].xml", TYPES), ("word/document.xml", &format!("{laughs}{body}"))]);
        if let Ok(read) = read(&file) {
            assert!(!read.markdown.contains("lol"), "{}", read.markdown);
        }
    }

    #[test]
    fn bombs_and_broken_files_are_told_in_a_sentence() {
        let zeros = "0".repeat(201_000_000);
        assert!(refusal(&archive(&[("word/document.xml", "<x/>"), ("word/media/1.bmp", &zeros)])).contains("200 MB"));
        let names: Vec<String> = (0..=MAX_ENTRIES).map(|n| n.to_string()).collect();
        let parts: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert!(refusal(&archive(&parts)).contains("more than 10000 parts"));
        assert!(refusal(&archive(&[("xl/workbook.xml", "<x/>")])).contains("of another kind"));
        assert!(refusal(b"PK\x03\x04 and nothing").contains("damaged"));
        let whole = archive(&[("[Content_Types].xml", TYPES), ("word/document.xml", &document("<w:p/>"))]);
        for end in (4..whole.len()).step_by(41) {
            assert!(refusal(&whole[..end]).contains("damaged"), "{end}");
        }
    }
}
