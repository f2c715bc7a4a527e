//! What has to be known of a PDF before its reader may see it. The reader unpacks streams without a limit and follows
//! references without looking whether they lead in a circle; either would end the process.

use std::collections::HashMap;
use std::io::Read as _;

use flate2::read::ZlibDecoder;
use pdf_extract::{Dictionary, Document as Pdf, Object, ObjectId, Stream};

use super::SourceError;

/// A picture of 24 megapixels is 72 MB.
const MAX_STREAM: u64 = 100_000_000;

/// Of a manual of 3,000 pages without pictures, all streams are 60 MB.
const MAX_STREAMS: u64 = 1_000_000_000;

/// LZW makes at most 1,400 bytes of one, and nothing has used it since the nineties.
const MAX_LZW: usize = 64 * 1024;

/// Forms within forms (a stamp on a page) are two or three deep.
const MAX_FORMS: usize = 16;

/// Unpacks, into nothing, everything in the file that is packed, wherever the file says it is.
pub(super) fn check_bytes(bytes: &[u8]) -> Result<(), SourceError> {
    const KEYWORD: &[u8] = b"stream";
    let mut left = MAX_STREAMS;
    let mut at = 0;
    while let Some(found) = find(&bytes[at..], KEYWORD) {
        at += found + KEYWORD.len();
        let data = bytes[at..].strip_prefix(b"\r").unwrap_or(&bytes[at..]);
        let Some(data) = data.strip_prefix(b"\n") else {
            continue;
        };
        left = left.saturating_sub(unpacked(data)?);
        if left == 0 {
            return Err(SourceError::LargePdf);
        }
    }
    Ok(())
}

/// Checks what the bytes alone do not tell.
pub(super) fn check(pdf: &Pdf) -> Result<(), SourceError> {
    for object in pdf.objects.values() {
        let Object::Stream(stream) = object else {
            continue;
        };
        let filters = stream.filters().unwrap_or_default();
        let packed = filters.iter().filter(|name| matches!(**name, b"FlateDecode" | b"Fl" | b"LZWDecode" | b"LZW"));
        let lzw = filters.iter().any(|name| matches!(*name, b"LZWDecode" | b"LZW"));
        if packed.count() > 1 || (lzw && stream.content.len() > MAX_LZW) {
            return Err(SourceError::LargePdf);
        }
        // Once more for what was encrypted until now.
        unpacked(&stream.content)?;
    }
    let mut depths = HashMap::new();
    for id in pdf.objects.keys() {
        if depth(pdf, *id, 0, &mut depths).is_none() {
            return Err(SourceError::CircularPdf);
        }
    }
    Ok(())
}

/// Page trees are a few levels deep. The reader follows a page's parents without end where they lead in a circle.
pub(super) fn has_sound_ancestors(pdf: &Pdf, page: ObjectId) -> bool {
    const DEEPEST: usize = 64;
    let mut id = page;
    for _ in 0..DEEPEST {
        let Ok(dictionary) = pdf.get_dictionary(id) else {
            return false;
        };
        match dictionary.get(b"Parent").and_then(Object::as_reference) {
            Ok(parent) => id = parent,
            Err(_) => return true,
        }
    }
    false
}

fn unpacked(data: &[u8]) -> Result<u64, SourceError> {
    let mut size = 0;
    let mut unpacked = ZlibDecoder::new(data).take(MAX_STREAM);
    let mut piece = [0; 16 * 1024];
    // What is no packed data, or is broken, ends the count.
    while let Ok(count @ 1..) = unpacked.read(&mut piece) {
        size += count as u64;
    }
    if size >= MAX_STREAM { Err(SourceError::LargePdf) } else { Ok(size) }
}

fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|window| window == word)
}

/// How many forms are inside the form `id`, at most. None if there is no end.
fn depth(pdf: &Pdf, id: ObjectId, above: usize, known: &mut HashMap<ObjectId, usize>) -> Option<usize> {
    if above > MAX_FORMS {
        return None;
    }
    if let Some(depth) = known.get(&id) {
        return (above + depth <= MAX_FORMS).then_some(*depth);
    }
    let mut deepest = 0;
    if let Ok(Object::Stream(stream)) = pdf.get_object(id)
        && is_form(stream)
    {
        let Some(resources) = dictionary(pdf, stream.dict.get(b"Resources").ok()) else {
            // It draws with the resources of whatever contains it, itself among them.
            let draws = stream.get_plain_content().is_ok_and(|content| find(&content, b"Do").is_some());
            return if draws { None } else { Some(1) };
        };
        if let Some(inner) = dictionary(pdf, resources.get(b"XObject").ok()) {
            for (_, object) in inner {
                if let Ok(inner) = object.as_reference() {
                    deepest = deepest.max(depth(pdf, inner, above + 1, known)?);
                }
            }
        }
        deepest += 1;
    }
    known.insert(id, deepest);
    Some(deepest)
}

fn is_form(stream: &Stream) -> bool {
    stream.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == b"Form")
}

fn dictionary<'p>(pdf: &'p Pdf, object: Option<&'p Object>) -> Option<&'p Dictionary> {
    pdf.dereference(object?).ok()?.1.as_dict().ok()
}
