//! Which addresses belong to a site, and which are two names of one page.

use url::Url;

/// Parameters that tell the owner of a page where a reader came from, and change nothing about the page.
const TRACKING: [&str; 10] =
    ["gclid", "dclid", "fbclid", "msclkid", "yclid", "igshid", "mc_cid", "mc_eid", "_ga", "_hsenc"];

/// Names of files that are no pages. Asking for them would only cost the site.
const NO_PAGES: [&str; 44] = [
    "7z", "apk", "avi", "avif", "bin", "bmp", "bz2", "css", "csv", "deb", "dmg", "doc", "eot", "exe", "gif", "gz",
    "ico", "iso", "jar", "jpeg", "jpg", "js", "json", "m4a", "mjs", "mov", "mp3", "mp4", "ogg", "otf", "png", "pptx",
    "rar", "rpm", "svg", "tar", "tgz", "ttf", "wav", "webm", "webp", "woff", "woff2", "xlsx",
];

/// Longer ones come from programs that answer every address with another one.
const MAX_ADDRESS: usize = 2_000;

/// A part of a site: everything at and below the folder of its first page.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    host: String,
    scheme: String,
    port: Option<u16>,
    folder: String,
}

impl Scope {
    pub(super) fn of(start: &Url) -> Self {
        let path = start.path();
        let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
        Self {
            host: start.host_str().unwrap_or_default().to_owned(),
            scheme: start.scheme().to_owned(),
            port: start.port_or_known_default(),
            folder: folder.to_owned(),
        }
    }

    /// Same server (or the same name by https where the start was http), same folder or below.
    pub(super) fn contains(&self, url: &Url) -> bool {
        self.is_same_site(url) && url.path().starts_with(&self.folder)
    }

    pub(super) fn is_same_site(&self, url: &Url) -> bool {
        let same_door = url.scheme() == self.scheme && url.port_or_known_default() == self.port;
        let upgraded =
            self.scheme == "http" && self.port == Some(80) && url.scheme() == "https" && url.port().is_none();
        url.host_str() == Some(&self.host) && (same_door || upgraded)
    }
}

/// The address to ask for: without fragment and without what only serves statistics.
pub(super) fn tidy(url: &Url) -> Url {
    let mut tidy = url.clone();
    tidy.set_fragment(None);
    if url.query().is_some() {
        let is_tracking = |name: &str| name.starts_with("utm_") || TRACKING.contains(&name);
        let kept: Vec<(String, String)> =
            url.query_pairs().into_owned().filter(|(name, _)| !is_tracking(name)).collect();
        if kept.is_empty() {
            tidy.set_query(None);
        } else if kept.len() < url.query_pairs().count() {
            tidy.query_pairs_mut().clear().extend_pairs(kept);
        }
    }
    tidy
}

/// Equal for addresses that lead to one page on nearly every server: http and https, with and without the last slash,
/// `index.html` and its folder, doubled slashes.
pub(super) fn key(url: &Url) -> String {
    let tidy = tidy(url);
    let mut path = String::with_capacity(tidy.path().len());
    for part in tidy.path().split('/').filter(|part| !part.is_empty()) {
        path.push('/');
        path.push_str(part);
    }
    for index in ["/index.html", "/index.htm", "/index.php"] {
        if let Some(folder) = path.strip_suffix(index) {
            path.truncate(folder.len());
            break;
        }
    }
    let port = tidy.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query = tidy.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{port}{path}{query}", tidy.host_str().unwrap_or_default())
}

/// Whether asking for it may bring a document.
pub(super) fn may_be_page(url: &Url) -> bool {
    let name = url.path().rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    matches!(url.scheme(), "http" | "https")
        && url.as_str().len() <= MAX_ADDRESS
        && !extension.is_some_and(|extension| NO_PAGES.contains(&extension.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_scope_is_the_folder_of_the_start() {
        let scope = Scope::of(&url("http://example.org/docs/intro.html"));
        for inside in ["http://example.org/docs/", "http://example.org/docs/a/b?c", "https://example.org/docs/x"] {
            assert!(scope.contains(&url(inside)), "{inside}");
        }
        for outside in [
            "http://example.org/",
            "http://example.org/docs",
            "http://example.org/docs2/",
            "http://www.example.org/docs/",
            "http://example.org:8080/docs/",
            "http://example.org/docs/../admin",
            "ftp://example.org/docs/",
            "https://example.org:444/docs/",
        ] {
            assert!(!scope.contains(&url(outside)), "{outside}");
        }
        assert!(!Scope::of(&url("https://example.org/")).contains(&url("http://example.org/")), "no way back to http");
    }

    #[test]
    fn one_page_has_one_key() {
        let page = key(&url("https://example.org/docs"));
        for same in [
            "https://example.org/docs/",
            "https://example.org/docs/index.html",
            "http://example.org:80/docs#part",
            "https://EXAMPLE.org//docs//",
            "https://example.org/docs?utm_source=x&utm_medium=y",
            "https://example.org/docs?",
        ] {
            assert_eq!(key(&url(same)), page, "{same}");
        }
        for other in [
            "https://example.org/docs?page=2",
            "https://example.org/Docs",
            "https://example.org/docs/index.md",
            "https://example.org:8443/docs",
            "https://docs.example.org/",
        ] {
            assert_ne!(key(&url(other)), page, "{other}");
        }
    }

    #[test]
    fn tidying_keeps_what_counts() {
        assert_eq!(
            tidy(&url("https://example.org/a?b=1&utm_id=2&c=%20d#e")).as_str(),
            "https://example.org/a?b=1&c=+d"
        );
        assert_eq!(tidy(&url("https://example.org/a?b=%20#e")).as_str(), "https://example.org/a?b=%20");
        assert_eq!(tidy(&url("https://example.org/a?fbclid=x")).as_str(), "https://example.org/a");
    }

    #[test]
    fn pictures_are_not_asked_for() {
        assert!(!may_be_page(&url("https://example.org/logo.SVG")));
        assert!(!may_be_page(&url("mailto:a@example.org")));
        assert!(may_be_page(&url("https://example.org/v1.2/manual.pdf")));
        assert!(may_be_page(&url("https://example.org/v1.2")));
        assert!(may_be_page(&url("https://example.org/")));
    }
}
