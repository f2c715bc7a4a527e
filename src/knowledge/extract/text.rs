//! Bytes to text, whatever encoding they are in. Nothing here fails: what cannot be decoded becomes U+FFFD.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// Decodes by byte order mark, then by the `charset` that came with it, then as UTF-8, then by a guess. Line ends
/// become `\n`, and control characters go.
pub(super) fn decode(bytes: &[u8], charset: Option<&str>) -> String {
    let (encoding, bom) = match Encoding::for_bom(bytes) {
        Some(found) => found,
        None => (without_bom(bytes, charset), 0),
    };
    let (text, _) = encoding.decode_without_bom_handling(&bytes[bom..]);
    clean(&text)
}

fn without_bom(bytes: &[u8], charset: Option<&str>) -> &'static Encoding {
    let named = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    match named {
        // The default of many servers, whatever they send. Text of another encoding is hardly ever valid UTF-8.
        Some(encoding) if encoding != WINDOWS_1252 => encoding,
        _ if std::str::from_utf8(bytes).is_ok() => UTF_8,
        Some(encoding) => encoding,
        None => guess(bytes),
    }
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    // Broken UTF-8: a cut file or one bad byte should not turn the whole text into mojibake.
    let lossy = String::from_utf8_lossy(bytes);
    let (mut broken, mut beyond_ascii) = (0_usize, 0_usize);
    for character in lossy.chars().filter(|character| !character.is_ascii()) {
        if character == char::REPLACEMENT_CHARACTER {
            broken += 1;
        } else {
            beyond_ascii += 1;
        }
    }
    if beyond_ascii > broken {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Allow)
}

fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                characters.next_if_eq(&'\n');
                clean.push('\n');
            }
            '\n' | '\t' => clean.push(character),
            // Form feeds separate pages in plain text.
            '\u{c}' => clean.push('\n'),
            _ if character.is_control() => {}
            _ => clean.push(character),
        }
    }
    clean
}

/// Whether this is something else than text: a picture, a program, an archive.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    const LOOK_AT: usize = 8192;
    if Encoding::for_bom(bytes).is_some() {
        return false;
    }
    let start = &bytes[..bytes.len().min(LOOK_AT)];
    let odd = start.iter().filter(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31)).count();
    // A stray control character happens in real text; one in fifty does not.
    start.contains(&0) || odd * 50 > start.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encodings_are_told_apart() {
        let text = "Größe: 5 € – naïve café, déjà vu, où êtes-vous ?";
        let (latin, ..) = WINDOWS_1252.encode(text);
        let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(decode(text.as_bytes(), None), text);
        assert_eq!(decode(text.as_bytes(), Some("iso-8859-1")), text, "mislabelled UTF-8");
        assert_eq!(decode(&latin, Some("iso-8859-1")), text);
        assert_eq!(decode(&latin, None), text, "guessed");
        assert_eq!(decode(&utf16, None), text);
        let russian = "Как подключить бота к серверу и настроить права доступа";
        let (koi8, ..) = encoding_rs::KOI8_R.encode(russian);
        assert_eq!(decode(&koi8, Some("koi8-r")), russian);
        assert_eq!(decode(&koi8, None), russian, "guessed");
        let japanese = "サーバーにボットを追加する方法を教えてください";
        let (sjis, ..) = encoding_rs::SHIFT_JIS.encode(japanese);
        assert_eq!(decode(&sjis, None), japanese, "guessed");
    }

    #[test]
    fn broken_utf8_is_replaced_and_the_rest_is_kept() {
        let mut bytes = "Öffnungszeiten für Gäste".as_bytes().to_vec();
        bytes.push(0xC3);
        assert_eq!(decode(&bytes, None), "Öffnungszeiten für Gäste\u{fffd}");
    }

    #[test]
    fn line_ends_and_control_characters_are_normalised() {
        assert_eq!(decode(b"a\r\nb\rc\x07\x00d\x0ce\tf", None), "a\nb\ncd\ne\tf");
    }

    #[test]
    fn pictures_and_programs_are_no_text() {
        assert!(is_binary(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"));
        assert!(is_binary(&[0x1f, 0x8b, 8, 0, 1, 2, 3]));
        assert!(!is_binary("Grüße\n".as_bytes()));
        assert!(!is_binary(b""));
        assert!(!is_binary(&[0xFF, 0xFE, b'a', 0]));
    }

    proptest! {
        #[test]
        fn never_fails(bytes: Vec<u8>, charset in proptest::option::of("[a-z0-9-]{0,12}")) {
            let text = decode(&bytes, charset.as_deref());
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
        }

        #[test]
        fn utf8_is_kept(text in "[^\\p{Cc}\u{feff}]*") {
            prop_assert_eq!(decode(text.as_bytes(), None), text);
        }
    }
}
