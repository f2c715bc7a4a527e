//! Turns a page or a file into a [`Document`]: its title and its main content as Markdown.
//!
//! Everything here reads hostile data. Text, Markdown and HTML are read in memory and time that grow with their size,
//! which is bounded before they come here; see `html` for how its parser is held to that. PDF and Word files are read in
//! a process of their own.

mod bounded;
mod docx;
mod html;
pub mod isolated;
mod markdown;
mod pdf;
mod text;

use isolated::Kind;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Document, SourceError};

pub(super) use html::{PageLinks, robots_directives};

/// What can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Html,
    Markdown,
    Text,
    Pdf,
    Docx,
}

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

/// Reads a page (`name` is its address) or a file (`name` is its file name). Blocks for as long as that takes, two
/// minutes at most.
///
/// The format is told by what the content is, then by `content_type` (a `Content-Type` header), then by the name.
pub fn document(name: &str, content_type: Option<&str>, bytes: &[u8]) -> Result<Document, SourceError> {
    let address = Url::parse(name).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let read = match format(name, content_type, bytes)? {
        Format::Html => {
            html::read(&text::decode(bytes, html::charset(content_type, bytes).as_deref()), address.as_ref())?
        }
        Format::Markdown => markdown::read(&text::decode(bytes, charset(content_type))),
        Format::Text => Read { title: None, markdown: text::decode(bytes, charset(content_type)) },
        Format::Pdf => isolated::read(Kind::Pdf, bytes)?,
        Format::Docx => isolated::read(Kind::Docx, bytes)?,
    };
    if !read.markdown.chars().any(char::is_alphanumeric) {
        return Err(if address.is_some() { SourceError::EmptyPage } else { SourceError::EmptyFile });
    }
    let title =
        read.title.and_then(|title| tidy_title(&title)).unwrap_or_else(|| name_as_title(name, address.as_ref()));
    Ok(Document { title, address, markdown: read.markdown })
}

/// Where a page leads. What is not HTML leads nowhere. Blocks like [`document`].
pub(super) fn links(address: &Url, content_type: Option<&str>, bytes: &[u8]) -> PageLinks {
    match format(address.as_str(), content_type, bytes) {
        Ok(Format::Html) => html::links(bytes, content_type, address).unwrap_or_default(),
        _ => PageLinks::default(),
    }
}

/// What a reader of one format makes of it.
#[derive(Debug, Serialize, Deserialize)]
struct Read {
    title: Option<String>,
    markdown: String,
}

/// Tells the format, or why this cannot be read.
pub(super) fn format(name: &str, content_type: Option<&str>, bytes: &[u8]) -> Result<Format, SourceError> {
    check_content_type(content_type)?;
    let start = &bytes[..bytes.len().min(1024)];
    // Readers of PDF look for its mark in the first kilobyte, because some programs write something before it.
    if start.windows(5).any(|window| window == b"%PDF-") && !looks_like_html(start) {
        return Ok(Format::Pdf);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Ok(Format::Docx);
    }
    if bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]) {
        return Err(SourceError::OldWord);
    }
    if text::is_binary(bytes) {
        return Err(SourceError::NotReadable);
    }
    let essence = essence(content_type);
    let extension = extension(name);
    Ok(match (essence.as_deref(), extension.as_deref()) {
        (Some("text/html" | "application/xhtml+xml"), _) => Format::Html,
        (Some("text/markdown" | "text/x-markdown"), _) | (_, Some("md" | "markdown" | "mdx")) => Format::Markdown,
        (_, Some("html" | "htm" | "xhtml")) => Format::Html,
        (Some("text/plain"), _) | (_, Some("txt")) => Format::Text,
        _ if looks_like_html(start) => Format::Html,
        (Some("application/pdf" | "application/x-pdf"), _) | (_, Some("pdf")) => {
            return Err(SourceError::NoPdf);
        }
        (Some(DOCX), _) | (_, Some("docx")) => {
            return Err(SourceError::NoWord);
        }
        _ => Format::Text,
    })
}

/// Refuses what a server itself calls something that cannot be read.
pub(super) fn check_content_type(content_type: Option<&str>) -> Result<(), SourceError> {
    let Some(essence) = essence(content_type) else {
        return Ok(());
    };
    let readable = match essence.as_str() {
        "text/css" | "text/javascript" | "text/xml" | "text/csv" | "text/calendar" | "text/vcard" => false,
        // The last four are what servers say of a file they know nothing about.
        "application/xhtml+xml"
        | "application/pdf"
        | "application/x-pdf"
        | DOCX
        | "application/octet-stream"
        | "binary/octet-stream"
        | "application/zip"
        | "application/msword" => true,
        other => other.starts_with("text/"),
    };
    if readable { Ok(()) } else { Err(SourceError::NotReadable) }
}

/// `text/html` of `text/HTML; charset=utf-8`.
fn essence(content_type: Option<&str>) -> Option<String> {
    let essence = content_type?.split(';').next()?.trim().to_ascii_lowercase();
    (!essence.is_empty()).then_some(essence)
}

/// `utf-8` of `text/html; charset="utf-8"`.
fn charset(content_type: Option<&str>) -> Option<&str> {
    content_type?.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })
}

fn extension(name: &str) -> Option<String> {
    let path = match Url::parse(name) {
        Ok(url) if !url.cannot_be_a_base() => url.path().to_owned(),
        _ => name.to_owned(),
    };
    let (_, extension) = path.rsplit(['/', '\\']).next()?.rsplit_once('.')?;
    Some(extension.to_ascii_lowercase())
}

fn looks_like_html(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    let start = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start).trim_ascii_start();
    let begins = |with: &[u8]| start.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
    begins(b"<!doctype html") || begins(b"<html") || begins(b"<head") || begins(b"<body")
}

/// A title on one line and of a length that fits where sources are listed.
fn tidy_title(title: &str) -> Option<String> {
    const LONGEST: usize = 200;
    let mut words = title.split_whitespace();
    let mut tidy = words.next()?.to_owned();
    for word in words {
        tidy.push(' ');
        tidy.push_str(word);
    }
    if let Some((cut, _)) = tidy.char_indices().nth(LONGEST) {
        tidy.truncate(cut);
        tidy.push('…');
    }
    Some(tidy)
}

fn name_as_title(name: &str, address: Option<&Url>) -> String {
    let title = match address {
        Some(url) => format!("{}{}", url.host_str().unwrap_or_default(), url.path().trim_end_matches('/')),
        None => name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned(),
    };
    tidy_title(&title).unwrap_or_else(|| "Untitled".to_owned())
}
