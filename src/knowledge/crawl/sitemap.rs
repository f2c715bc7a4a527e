//! Sitemaps: lists of a site's pages, and lists of such lists. [sitemaps.org/protocol]

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use quick_xml::Reader;
use quick_xml::events::Event;

/// The protocol's own limit for one file, unpacked.
const MAX_BYTES: u64 = 50_000_000;

/// The protocol's own limit for one file.
const MAX_ENTRIES: usize = 50_000;

/// What one file lists, addresses as they stand there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sitemap {
    pub(super) pages: Vec<String>,
    pub(super) sitemaps: Vec<String>,
}

/// Reads XML (also packed with gzip) or a text with one address a line. What is broken ends the list and loses nothing
/// that came before.
pub(super) fn read(bytes: &[u8]) -> Sitemap {
    let mut unpacked = Vec::new();
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        // Broken at the end or not: what could be unpacked counts.
        let _ = MultiGzDecoder::new(bytes).take(MAX_BYTES).read_to_end(&mut unpacked);
        &unpacked[..]
    } else {
        bytes
    };
    let text = String::from_utf8_lossy(bytes);
    if text.trim_start_matches('\u{feff}').trim_start().starts_with('<') { xml(&text) } else { lines(&text) }
}

fn lines(text: &str) -> Sitemap {
    let pages = text.lines().map(str::trim).filter(|line| line.starts_with("http")).take(MAX_ENTRIES);
    Sitemap { pages: pages.map(ToOwned::to_owned).collect(), sitemaps: Vec::new() }
}

fn xml(text: &str) -> Sitemap {
    let mut found = Sitemap::default();
    let mut reader = Reader::from_str(text);
    let (mut in_index, mut in_entry, mut location) = (false, false, None::<String>);
    while found.pages.len() + found.sitemaps.len() < MAX_ENTRIES {
        match reader.read_event() {
            Ok(Event::Start(start)) => match start.local_name().as_ref() {
                "sitemapindex" => in_index = true,
                "url" | "sitemap" => in_entry = true,
                // Pictures and videos of a page have a <loc> too, in a namespace and an element of their own.
                "loc" if in_entry && start.name().prefix().is_none() => location = Some(String::new()),
                _ => {}
            },
            Ok(Event::Text(text)) => {
                if let Some(location) = &mut location {
                    location.push_str(&text);
                }
            }
            Ok(Event::CData(text)) => {
                if let Some(location) = &mut location {
                    location.push_str(&text);
                }
            }
            Ok(Event::GeneralRef(reference)) => {
                if let Some(location) = &mut location {
                    let named = quick_xml::escape::resolve_predefined_entity(&reference).map(ToOwned::to_owned);
                    let character = || reference.resolve_char_ref().ok().flatten().map(String::from);
                    location.push_str(&named.or_else(character).unwrap_or_default());
                }
            }
            Ok(Event::End(end)) => match end.local_name().as_ref() {
                "loc" => {
                    if let Some(location) = location.take() {
                        let list = if in_index { &mut found.sitemaps } else { &mut found.pages };
                        list.push(location.trim().to_owned());
                    }
                }
                "url" | "sitemap" => in_entry = false,
                _ => {}
            },
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    const PAGES: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
        <urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
          <url><loc> https://example.org/a?x=1&amp;y=2 </loc><lastmod>2026-01-01</lastmod>
               <image:image><image:loc>https://example.org/picture.png</image:loc></image:image></url>
          <url><loc><![CDATA[https://example.org/b]]></loc></url>
        </urlset>"#;

    #[test]
    fn pages_are_listed() {
        assert_eq!(read(PAGES.as_bytes()).pages, ["https://example.org/a?x=1&y=2", "https://example.org/b"]);
    }

    #[test]
    fn packed_files_are_unpacked_and_cut_files_give_what_they_hold() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(PAGES.as_bytes()).unwrap();
        assert_eq!(read(&packed.finish().unwrap()).pages.len(), 2);
        assert_eq!(read(&PAGES.as_bytes()[..PAGES.len() - 80]).pages.len(), 1);
    }

    #[test]
    fn an_index_lists_sitemaps() {
        let index = "<sitemapindex><sitemap><loc>https://example.org/1.xml</loc></sitemap></sitemapindex>";
        assert_eq!(read(index.as_bytes()).sitemaps, ["https://example.org/1.xml"]);
    }

    #[test]
    fn text_lists_pages_too() {
        assert_eq!(read(b"https://example.org/\n\nnot an address\nhttps://example.org/b\n").pages.len(), 2);
    }

    proptest! {
        #[test]
        fn never_fails(bytes: Vec<u8>, text in "(<(url|loc|sitemap|/loc|/url|!\\[CDATA\\[)>?|&[a-z#0-9]{0,5};?|[a-z/]{0,5}){0,40}") {
            read(&bytes);
            read(text.as_bytes());
        }
    }
}
