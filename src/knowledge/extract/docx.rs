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
const MAX_TIME: Duration = Duration::from_secs(60);

pub(super) fn read(bytes: &[u8]) -> Result<Read, SourceError> {
    let bytes = bytes.to_vec();
    bounded::run(MAX_TIME, move || {
        check(&bytes)?;
        let document = undoc::parse_bytes(&bytes).map_err(|error| explain(&error))?;
        let options = RenderOptions::new().with_images(false).with_heading_analysis();
        let markdown = to_markdown(&document, &options).map_err(|error| explain(&error))?;
        let title = document.metadata.title.filter(|title| !title.trim().is_empty());
        let title = title.or_else(|| super::markdown::first_heading(&markdown));
        Ok(Read { title, markdown })
    })
}

/// Unpacks everything once, into nothing, before a parser believes what the archive says of its own size.
fn check(bytes: &[u8]) -> Result<(), SourceError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| damaged())?;
    if archive.len() > MAX_ENTRIES {
        return Err(too_large());
    }
    if archive.index_for_name("word/document.xml").is_none() {
        return Err(SourceError(
            "This is an archive or an Office file of another kind. Of the Office formats, Word (.docx) can be read"
                .into(),
        ));
    }
    let mut left = MAX_UNPACKED;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| match error {
            zip::result::ZipError::UnsupportedArchive(_) => {
                SourceError("The file is protected by a password. Save it without one and add it again".into())
            }
            _ => damaged(),
        })?;
        left -= std::io::copy(&mut entry.take(left), &mut std::io::sink()).map_err(|_| damaged())?;
        if left == 0 {
            return Err(too_large());
        }
    }
    Ok(())
}

fn too_large() -> SourceError {
    SourceError(format!("The file unpacks to more than {} MB", MAX_UNPACKED / 1_000_000))
}

fn damaged() -> SourceError {
    SourceError("The file is damaged. Open it in Word and save it anew".into())
}

fn explain(error: &undoc::Error) -> SourceError {
    match error.kind() {
        undoc::ErrorKind::Encrypted => {
            SourceError("The file is protected by a password. Save it without one and add it again".into())
        }
        undoc::ErrorKind::UnknownFormat | undoc::ErrorKind::UnsupportedFormat => {
            SourceError("This is not a Word file (.docx)".into())
        }
        _ => damaged(),
    }
}
