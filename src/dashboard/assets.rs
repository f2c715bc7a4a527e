//! Style, scripts and pictures of the pages: compiled in, at addresses that change with their contents, so that browsers
//! keep them for ever.

use super::problem::Problem;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::sync::LazyLock;

/// Where assets live.
pub(super) const PREFIX: &str = "/assets/";

/// brotli's quality: the last step to 11 takes ten times as long for a kilobyte, and the first visitor waits for it.
const BROTLI_QUALITY: u32 = 9;
/// brotli's window, as a power of two: every asset fits into it.
const BROTLI_WINDOW: u32 = 20;

/// A file that pages refer to.
pub(super) struct Asset {
    stem: &'static str,
    ending: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
    address: LazyLock<String>,
    brotli: LazyLock<Bytes>,
    gzip: LazyLock<Bytes>,
}

macro_rules! assets {
    ($($(#[$about:meta])+ $name:ident = $file:literal, $stem:literal . $ending:literal, $media_type:literal;)+) => {
        $($(#[$about])+ pub(super) static $name: Asset = {
            const BYTES: &[u8] = include_bytes!(concat!("assets/", $file));
            Asset {
                stem: $stem,
                ending: $ending,
                media_type: $media_type,
                bytes: BYTES,
                address: LazyLock::new(|| $name.make_address()),
                brotli: LazyLock::new(|| with_brotli(BYTES)),
                gzip: LazyLock::new(|| with_gzip(BYTES)),
            }
        };)+

        /// All of them.
        static ALL: &[&Asset] = &[$(&$name),+];
    };
}

assets! {
    /// The style of all pages.
    STYLE = "app.css", "app"."css", "text/css; charset=utf-8";
    /// What pages do beyond plain HTML.
    SCRIPT = "app.js", "app"."js", "text/javascript; charset=utf-8";
    /// Parts of pages that change by themselves. <https://htmx.org>
    HTMX = "vendor/htmx-2.0.11.min.js", "htmx"."js", "text/javascript; charset=utf-8";
    /// The pictures beside words.
    ICONS = "icons.svg", "icons"."svg", "image/svg+xml";
    /// The picture in a browser's tab.
    MARK = "mark.svg", "mark"."svg", "image/svg+xml";
}

impl Asset {
    /// Where it is.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    fn make_address(&self) -> String {
        let hash = hex::encode(&Sha256::digest(self.bytes)[..6]);
        format!("{PREFIX}{}-{hash}.{}", self.stem, self.ending)
    }
}

/// Serves an asset as small as the browser takes it.
pub(super) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ALL.iter().find(|asset| asset.address().strip_prefix(PREFIX) == Some(&name)) else {
        // An address of an older version: nothing that a browser may keep.
        return Problem::not_found().into_response();
    };
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes = |encoding: &str| {
        accepted.split(',').any(|offer| {
            let (name, weight) = offer.split_once(';').unwrap_or((offer, ""));
            name.trim().eq_ignore_ascii_case(encoding) && !matches!(weight.trim(), "q=0" | "q=0.0")
        })
    };
    let common = [
        (CONTENT_TYPE, asset.media_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (VARY, "accept-encoding"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    if takes("br") {
        (common, [(CONTENT_ENCODING, "br")], asset.brotli.clone()).into_response()
    } else if takes("gzip") {
        (common, [(CONTENT_ENCODING, "gzip")], asset.gzip.clone()).into_response()
    } else {
        (common, Bytes::from_static(asset.bytes)).into_response()
    }
}

fn with_brotli(bytes: &[u8]) -> Bytes {
    let mut packed = brotli::CompressorWriter::new(Vec::new(), 4096, BROTLI_QUALITY, BROTLI_WINDOW);
    packed.write_all(bytes).expect("memory takes everything");
    packed.into_inner().into()
}

fn with_gzip(bytes: &[u8]) -> Bytes {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes).expect("memory takes everything");
    packed.finish().expect("memory takes everything").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn what_is_packed_is_what_is_there() {
        for asset in ALL {
            let mut plain = Vec::new();
            brotli::Decompressor::new(&asset.brotli[..], 4096).read_to_end(&mut plain).unwrap();
            assert_eq!(plain, asset.bytes);
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&asset.gzip[..]).read_to_end(&mut plain).unwrap();
            assert_eq!(plain, asset.bytes);
        }
    }

    /// What is loaded before a page is there; the page itself has some 10 kB.
    #[test]
    fn the_first_load_is_small() {
        let packed: usize = ALL.iter().map(|asset| asset.brotli.len()).sum();
        assert!(packed < 60_000, "{packed} bytes");
    }

    #[test]
    fn each_asset_has_an_address_of_its_own() {
        let addresses: std::collections::BTreeSet<&str> = ALL.iter().map(|asset| asset.address()).collect();
        assert_eq!(addresses.len(), ALL.len());
        assert!(STYLE.address().starts_with("/assets/app-") && STYLE.address().split('.').next_back() == Some("css"));
    }
}
