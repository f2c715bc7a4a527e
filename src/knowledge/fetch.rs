//! Fetches one page from the public web: never from this network, never more than was agreed.

mod address;

use std::error::Error as _;
use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
};
use reqwest::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;

use self::address::{NoPublicAddress, PublicResolver, UnknownName};
use super::SourceError;
use super::extract;

/// What a fetch may cost at most.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// From the first connection to the last byte, redirects included.
    pub total: Duration,
    /// Without a single byte, while connected.
    pub idle: Duration,
    /// Size of a page, as it is sent and after decompression.
    pub bytes: usize,
    /// How many redirects are followed.
    pub redirects: usize,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            total: Duration::from_mins(1),
            idle: Duration::from_secs(15),
            // The longest manuals on one HTML page are about 5 MB.
            bytes: 10_000_000,
            redirects: 5,
        }
    }
}

/// What a server said about the version of a page that it sent. Sent back to it, it saves the page from being sent again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// The `ETag` header, as it was.
    pub etag: Option<String>,
    /// The `Last-Modified` header, as it was.
    pub last_modified: Option<String>,
}

/// What a fetch brought.
#[expect(clippy::large_enum_variant, reason = "one at a time, and nearly always the large one")]
#[derive(Debug, Clone)]
pub enum Fetched {
    /// The page is as it was when the known validators were given out.
    Unchanged,
    /// The page.
    Page(FetchedPage),
}

/// A page as its server sent it, decompressed.
#[derive(Debug, Clone)]
pub struct FetchedPage {
    /// Where it was found in the end, after redirects.
    pub address: Url,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `X-Robots-Tag` header, for `crawl`.
    pub(super) robots_tag: Option<String>,
    /// What was sent.
    pub body: Bytes,
    /// For the next time.
    pub validators: Validators,
}

/// Why a page could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FetchError {
    NotWeb,
    Credentials,
    NotPublic,
    UnknownName,
    Unreachable,
    BadCertificate,
    BadTls,
    TooSlow,
    Broken,
    TooLarge(usize),
    Circle,
    TooManyRedirects(usize),
    NowhereRedirect,
    Status(u16),
    /// For a reason that is not of the fetching.
    Refused(SourceError),
}

impl From<FetchError> for SourceError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::NotWeb => Self::NotWeb,
            FetchError::Credentials => Self::Credentials,
            FetchError::NotPublic => Self::NotPublic,
            FetchError::UnknownName => Self::UnknownName,
            FetchError::Unreachable => Self::Unreachable,
            FetchError::BadCertificate => Self::BadCertificate,
            FetchError::BadTls => Self::BadTls,
            FetchError::TooSlow => Self::TooSlow,
            FetchError::Broken => Self::Broken,
            FetchError::TooLarge(bytes) => Self::LargePage { megabytes: bytes / 1_000_000 },
            FetchError::Circle => Self::Circle,
            FetchError::TooManyRedirects(count) => Self::TooManyRedirects { count },
            FetchError::NowhereRedirect => Self::NowhereRedirect,
            FetchError::Status(status) => Self::of_status(status),
            FetchError::Refused(error) => error,
        }
    }
}

/// Fetches pages. Cheap to clone; connections are shared.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: reqwest::Client,
    limits: FetchLimits,
    allow_loopback: bool,
}

impl Fetcher {
    /// `allow_loopback` also opens this machine's own servers (127.0.0.0/8 and `::1`), for someone who runs Guildhall at
    /// home; other private networks stay closed.
    pub fn new(limits: FetchLimits, allow_loopback: bool) -> anyhow::Result<Self> {
        let client = crate::http::client_builder()
            .dns_resolver(PublicResolver { allow_loopback })
            // Followed by hand, because every hop is checked like the first.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // Unpacked by hand, because both sizes are bounded.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .read_timeout(limits.idle)
            .build()?;
        Ok(Self { client, limits, allow_loopback })
    }

    /// Fetches a document: HTML, Markdown, text, PDF or DOCX, by what the server says and by what it sends.
    ///
    /// With `known` validators the server may answer that nothing has changed.
    pub async fn get(&self, url: &Url, known: Option<&Validators>) -> Result<Fetched, SourceError> {
        Ok(self.load(url, known, Wanted::Document, |_| Ok(())).await?)
    }

    /// As [`Self::get`], with a say in what is wanted and in every address on the way, the first included.
    pub(super) async fn load(
        &self,
        url: &Url,
        known: Option<&Validators>,
        wanted: Wanted,
        may_visit: impl Fn(&Url) -> Result<(), FetchError>,
    ) -> Result<Fetched, FetchError> {
        tokio::time::timeout(self.limits.total, self.follow(url, known, wanted, may_visit))
            .await
            .unwrap_or(Err(FetchError::TooSlow))
    }

    async fn follow(
        &self,
        url: &Url,
        known: Option<&Validators>,
        wanted: Wanted,
        may_visit: impl Fn(&Url) -> Result<(), FetchError>,
    ) -> Result<Fetched, FetchError> {
        let mut visited = vec![without_fragment(url)];
        loop {
            let here = visited.last().expect("it starts with one and only grows").clone();
            address::check(&here, self.allow_loopback)?;
            may_visit(&here)?;
            let response = self.ask(&here, known, wanted).await?;
            match response.status() {
                StatusCode::OK => {
                    return receive(response, here, wanted, self.limits.bytes).await.map(Fetched::Page);
                }
                StatusCode::NOT_MODIFIED if known.is_some() => return Ok(Fetched::Unchanged),
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => {
                    let next = redirect_target(&here, response.headers())?;
                    if visited.contains(&next) {
                        return Err(FetchError::Circle);
                    }
                    if visited.len() > self.limits.redirects {
                        return Err(FetchError::TooManyRedirects(self.limits.redirects));
                    }
                    visited.push(next);
                }
                other => return Err(FetchError::Status(other.as_u16())),
            }
        }
    }

    async fn ask(&self, url: &Url, known: Option<&Validators>, wanted: Wanted) -> Result<Response, FetchError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, wanted.accept());
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        // With several copies of a page at hand, any of their marks would do; one that is not a legal header value
        // cannot have come from a server.
        let mut put = |name: HeaderName, value: Option<&String>| {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        };
        put(IF_NONE_MATCH, known.and_then(|known| known.etag.as_ref()));
        put(IF_MODIFIED_SINCE, known.and_then(|known| known.last_modified.as_ref()));
        self.client.get(url.clone()).headers(headers).send().await.map_err(|error| explain(&error))
    }
}

/// What a caller can make use of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Something that `extract` can read.
    Document,
    /// Anything: robots.txt and sitemaps, which servers label as they please.
    Anything,
}

impl Wanted {
    fn accept(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Document => "text/html, application/xhtml+xml, text/markdown, text/plain;q=0.9, */*;q=0.5",
            Self::Anything => "*/*",
        })
    }
}

async fn receive(
    mut response: Response,
    address: Url,
    wanted: Wanted,
    limit: usize,
) -> Result<FetchedPage, FetchError> {
    let headers = response.headers();
    let content_type = text_header(headers, CONTENT_TYPE);
    let robots_tag = text_header(headers, HeaderName::from_static("x-robots-tag"));
    let validators =
        Validators { etag: text_header(headers, ETAG), last_modified: text_header(headers, LAST_MODIFIED) };
    // Said before anything is sent, it saves both sides the trouble.
    if wanted == Wanted::Document {
        extract::check_content_type(content_type.as_deref()).map_err(FetchError::Refused)?;
    }
    let announced = text_header(headers, CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(FetchError::TooLarge(limit));
    }

    let mut body = Body::new(text_header(headers, CONTENT_ENCODING).as_deref(), announced.unwrap_or(0), limit)?;
    let mut sent = 0;
    while let Some(piece) = response.chunk().await.map_err(|error| explain(&error))? {
        sent += piece.len();
        if sent > limit {
            return Err(FetchError::TooLarge(limit));
        }
        body.add(&piece)?;
    }
    let body = body.finish()?;
    if wanted == Wanted::Document {
        extract::format(address.as_str(), content_type.as_deref(), &body).map_err(FetchError::Refused)?;
    }
    Ok(FetchedPage { address, content_type, robots_tag, body: body.into(), validators })
}

/// A body as it arrives, unpacked piece by piece: a bomb is stopped at the limit.
enum Body {
    Plain(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl Body {
    fn new(encoding: Option<&str>, expected: usize, limit: usize) -> Result<Self, FetchError> {
        let bounded = Bounded { bytes: Vec::with_capacity(expected), limit };
        match encoding.map(|encoding| encoding.trim().to_ascii_lowercase()).as_deref() {
            None | Some("" | "identity") => Ok(Self::Plain(bounded)),
            Some("gzip" | "x-gzip") => Ok(Self::Gzip(Box::new(MultiGzDecoder::new(bounded)))),
            // Nobody asked for it.
            Some(_) => Err(FetchError::Broken),
        }
    }

    fn add(&mut self, piece: &[u8]) -> Result<(), FetchError> {
        let (added, limit) = match self {
            Self::Plain(bounded) => (bounded.write_all(piece), bounded.limit),
            Self::Gzip(unpacked) => (unpacked.write_all(piece), unpacked.get_ref().limit),
        };
        added.map_err(|error| unpacking_failed(&error, limit))
    }

    fn finish(self) -> Result<Vec<u8>, FetchError> {
        match self {
            Self::Plain(bounded) => Ok(bounded.bytes),
            Self::Gzip(unpacked) => {
                let limit = unpacked.get_ref().limit;
                let bounded = unpacked.finish().map_err(|error| unpacking_failed(&error, limit))?;
                Ok(bounded.bytes)
            }
        }
    }
}

fn unpacking_failed(error: &io::Error, limit: usize) -> FetchError {
    if error.kind() == io::ErrorKind::FileTooLarge { FetchError::TooLarge(limit) } else { FetchError::Broken }
}

/// Bytes up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + piece.len() > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A header that is text and of a sane length: what is kept of a page is stored with its source.
fn text_header(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    const LONGEST: usize = 500;
    let value = headers.get(name)?.to_str().ok()?;
    (value.len() <= LONGEST).then(|| value.to_owned())
}

fn redirect_target(from: &Url, headers: &HeaderMap) -> Result<Url, FetchError> {
    let location = headers.get(LOCATION).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let target = location.and_then(|location| from.join(location).ok()).ok_or(FetchError::NowhereRedirect)?;
    Ok(without_fragment(&target))
}

fn without_fragment(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_fragment(None);
    url
}

/// What the client's error means to a person. Its own text names internals and is not shown.
fn explain(error: &reqwest::Error) -> FetchError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<NoPublicAddress>() {
            return FetchError::NotPublic;
        }
        if inner.is::<UnknownName>() {
            return FetchError::UnknownName;
        }
        match tls_error(inner) {
            Some(rustls::Error::InvalidCertificate(_)) => return FetchError::BadCertificate,
            Some(_) => return FetchError::BadTls,
            None => {}
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        FetchError::TooSlow
    } else if error.is_connect() {
        FetchError::Unreachable
    } else {
        FetchError::Broken
    }
}

/// What an I/O error was made from: `source` steps over it.
fn tls_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    let mut inner = error;
    while let Some(hidden) = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        inner = hidden;
    }
    inner.downcast_ref()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use axum::Router;
    use axum::body::Body as Sent;
    use axum::http::HeaderMap as Headers;
    use axum::response::{Html, IntoResponse, Redirect};
    use axum::routing::get;

    use super::*;

    /// A server of its own for one test.
    async fn serve(app: Router) -> Url {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Url::parse(&format!("http://{address}/")).unwrap()
    }

    fn fetcher() -> Fetcher {
        let limits =
            FetchLimits { total: Duration::from_secs(3), idle: Duration::from_secs(1), bytes: 1_000_000, redirects: 5 };
        Fetcher::new(limits, true).unwrap()
    }

    async fn page(app: Router, path: &str) -> Result<FetchedPage, SourceError> {
        let url = serve(app).await.join(path).unwrap();
        match fetcher().get(&url, None).await? {
            Fetched::Page(page) => Ok(page),
            Fetched::Unchanged => panic!("nothing was known"),
        }
    }

    async fn refusal(app: Router, path: &str) -> String {
        page(app, path).await.expect_err("it should be refused").to_string()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn a_page_comes_with_its_final_address_and_validators() {
        let app = Router::new().route("/old", get(|| async { Redirect::permanent("/new#part") })).route(
            "/new",
            get(|headers: Headers| async move {
                assert!(headers["user-agent"].to_str().unwrap().starts_with("Guildhall/"));
                let packed = gzip(b"<html><p>Hello</html>");
                ([("etag", "\"7\""), ("content-type", "text/html"), ("content-encoding", "gzip")], packed)
            }),
        );
        let page = page(app, "/old").await.unwrap();
        assert_eq!(page.address.path(), "/new");
        assert_eq!(page.address.fragment(), None);
        assert_eq!(&page.body[..], b"<html><p>Hello</html>");
        assert_eq!(page.validators.etag.as_deref(), Some("\"7\""));
    }

    #[tokio::test]
    async fn a_known_page_that_has_not_changed_is_not_sent_again() {
        let app = Router::new().route(
            "/",
            get(|headers: Headers| async move {
                if headers.get("if-none-match").is_some_and(|tag| tag == "\"7\"") {
                    return StatusCode::NOT_MODIFIED.into_response();
                }
                ([("etag", "\"8\"")], Html("<html>new")).into_response()
            }),
        );
        let url = serve(app).await;
        let known = |etag: &str| Validators { etag: Some(etag.into()), last_modified: None };
        assert!(matches!(fetcher().get(&url, Some(&known("\"7\""))).await, Ok(Fetched::Unchanged)));
        assert!(matches!(fetcher().get(&url, Some(&known("\"6\""))).await, Ok(Fetched::Page(_))));
    }

    #[tokio::test]
    async fn errors_of_the_server_are_told_in_a_sentence() {
        let app =
            Router::new()
                .route("/500", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
                .route("/circle", get(|| async { Redirect::temporary("/elcric") }))
                .route("/elcric", get(|| async { Redirect::temporary("/circle#x") }))
                .route("/nowhere", get(|| async { StatusCode::FOUND }))
                .route(
                    "/far/{n}",
                    get(|path: axum::extract::Path<u32>| async move {
                        Redirect::temporary(&format!("/far/{}", path.0 + 1))
                    }),
                );
        let mut told = Vec::new();
        for path in ["/500", "/404", "/circle", "/nowhere", "/far/1"] {
            told.push(refusal(app.clone(), path).await);
        }
        insta::assert_snapshot!(told.join("\n"), @r"
        The page answered 500 Internal Server Error: its server has a problem. Try again later
        The page answered 404 Not Found: there is nothing at this address
        The page redirects in a circle
        The page redirects without saying where to
        The page redirects more than 5 times
        ");
    }

    #[tokio::test]
    async fn size_is_bounded_before_and_after_decompression() {
        let bomb = gzip(&vec![b' '; 20_000_000]);
        assert!(bomb.len() < 100_000);
        let endless = || {
            let piece = || Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b'<'; 4096]));
            ([("content-type", "text/html")], Sent::from_stream(futures::stream::repeat_with(piece)))
        };
        let app = Router::new()
            .route("/announced", get(|| async { Html("x".repeat(1_000_001)) }))
            .route("/endless", get(move || async move { endless() }))
            .route(
                "/bomb",
                get(|| async move { ([("content-type", "text/html"), ("content-encoding", "gzip")], bomb) }),
            );
        // Unpacked it is nothing, and it never ends.
        let nothing = gzip(b"");
        let packed_endless = move || {
            let piece = Bytes::from(nothing.repeat(200));
            let pieces = futures::stream::repeat_with(move || Ok::<_, std::convert::Infallible>(piece.clone()));
            ([("content-type", "text/html"), ("content-encoding", "gzip")], Sent::from_stream(pieces))
        };
        let app = app.route("/packed-endless", get(move || async move { packed_endless() }));
        for path in ["/announced", "/endless", "/bomb", "/packed-endless"] {
            assert_eq!(refusal(app.clone(), path).await, "The page is larger than 1 MB", "{path}");
        }
    }

    #[tokio::test]
    async fn time_is_bounded_whether_the_server_is_silent_or_slow() {
        let app = Router::new()
            .route(
                "/silent",
                get(|| async {
                    std::future::pending::<()>().await;
                }),
            )
            .route(
                "/slow",
                get(|| async {
                    let drops = futures::stream::unfold((), |()| async {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(b".")), ()))
                    });
                    ([("content-type", "text/html")], Sent::from_stream(drops))
                }),
            );
        for path in ["/silent", "/slow"] {
            assert_eq!(refusal(app.clone(), path).await, SourceError::TooSlow.to_string(), "{path}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_refused_by_its_label_and_by_its_content() {
        let app = Router::new().route("/labelled", get(|| async { ([("content-type", "image/png")], "x") })).route(
            "/disguised",
            get(|| async { ([("content-type", "text/html")], &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..]) }),
        );
        for path in ["/labelled", "/disguised"] {
            let told = refusal(app.clone(), path).await;
            assert!(told.starts_with("This is no text"), "{path}: {told}");
        }
    }

    #[tokio::test]
    async fn no_way_leads_into_a_private_network() {
        let app = Router::new()
            .route("/metadata", get(|| async { Redirect::temporary("http://169.254.169.254/latest/meta-data/") }))
            .route("/file", get(|| async { Redirect::temporary("file:///etc/passwd") }))
            .route("/router", get(|| async { Redirect::temporary("//192.168.0.1/") }));
        assert_eq!(refusal(app.clone(), "/metadata").await, SourceError::NotPublic.to_string());
        assert_eq!(refusal(app.clone(), "/router").await, SourceError::NotPublic.to_string());
        assert_eq!(refusal(app.clone(), "/file").await, SourceError::NotWeb.to_string());
        let mut url = serve(app).await;
        let closed = Fetcher::new(FetchLimits::default(), false).unwrap();
        assert_eq!(closed.get(&url, None).await.unwrap_err(), FetchError::NotPublic.into());
        // A name is judged by what it resolves to.
        url.set_host(Some("localhost")).unwrap();
        assert_eq!(closed.get(&url, None).await.unwrap_err(), FetchError::NotPublic.into());
        assert_eq!(fetcher().get(&url, None).await.unwrap_err(), FetchError::Status(404).into());
    }

    #[tokio::test]
    async fn what_is_packed_badly_is_told_from_a_page() {
        let whole = gzip("<html><p>Hello".repeat(100).as_bytes());
        let cut = whole[..whole.len() / 2].to_vec();
        let packed = |with: &'static str, body: Vec<u8>| {
            get(move || async move { ([("content-type", "text/html"), ("content-encoding", with)], body) })
        };
        let app = Router::new()
            .route("/whole", packed("x-gzip", whole.clone()))
            .route("/cut", packed("gzip", cut))
            .route("/unasked", packed("br", whole));
        assert_eq!(page(app.clone(), "/whole").await.unwrap().body.len(), 1_400);
        for path in ["/cut", "/unasked"] {
            assert_eq!(refusal(app.clone(), path).await, SourceError::Broken.to_string(), "{path}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_encryption_is_told_apart() {
        // A server that speaks plain HTTP where TLS is asked for.
        let mut url = serve(Router::new()).await;
        url.set_scheme("https").unwrap();
        assert_eq!(fetcher().get(&url, None).await.unwrap_err(), FetchError::BadTls.into());
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_told_from_one_that_breaks_off() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        drop(listener);
        assert_eq!(fetcher().get(&url, None).await.unwrap_err(), FetchError::Unreachable.into());

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 99\r\n\r\n<html>")
                .unwrap();
        });
        assert_eq!(fetcher().get(&url, None).await.unwrap_err(), FetchError::Broken.into());
    }
}
