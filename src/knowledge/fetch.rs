//! Fetches one page from the public web: never from this network, never more than was agreed.

mod address;

use std::error::Error as _;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, LOCATION,
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
    /// Size of a page, after decompression.
    pub bytes: usize,
    /// How many redirects are followed.
    pub redirects: usize,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            total: Duration::from_secs(60),
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

/// Why a page could not be fetched. The text is a sentence for the admin who named the page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FetchError {
    #[error("Only addresses that start with http:// or https:// can be read")]
    NotWeb,
    #[error("The address contains a user name or password. Only pages that everybody can open can be read")]
    Credentials,
    #[error("The address leads into a private network, which Guildhall does not read from")]
    NotPublic,
    #[error("There is no server of that name. Check the address for a typing error")]
    UnknownName,
    #[error("The server could not be reached. Check the address, or try again later")]
    Unreachable,
    #[error("The server did not answer in time. Try again later")]
    TooSlow,
    #[error("The server broke off in the middle of the page, or sent something that is no HTTP. Try again later")]
    Broken,
    #[error("The page is larger than {} MB", .0 / 1_000_000)]
    TooLarge(usize),
    #[error("The page redirects in a circle")]
    Circle,
    #[error("The page redirects more than {0} times")]
    TooManyRedirects(usize),
    #[error("The page redirects without saying where to")]
    NowhereRedirect,
    #[error("{}", status_sentence(*.0))]
    Status(u16),
    #[error("{0}")]
    Refused(String),
}

impl From<FetchError> for SourceError {
    fn from(error: FetchError) -> Self {
        Self(error.to_string())
    }
}

fn status_sentence(status: u16) -> String {
    let named = StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason()).unwrap_or("");
    let name = format!("{status} {named}");
    let name = name.trim();
    match status {
        401 | 407 => format!("The page answered {name}: it can only be read after signing in"),
        403 => format!("The page answered {name}: its server does not let Guildhall read it"),
        404 | 410 => format!("The page answered {name}: there is nothing at this address"),
        429 => format!("The page answered {name}: its server wants to be asked less often. Try again later"),
        500..=599 => format!("The page answered {name}: its server has a problem. Try again later"),
        _ => format!("The page answered {name} instead of its text"),
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
    /// `allow_loopback` also opens this machine's own servers (127.0.0.0/8 and ::1), for someone who runs Guildhall at
    /// home; other private networks stay closed.
    pub fn new(limits: FetchLimits, allow_loopback: bool) -> anyhow::Result<Self> {
        let client = crate::http::client_builder()
            .dns_resolver(PublicResolver { allow_loopback })
            // Followed by hand, because every hop is checked like the first.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
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
        extract::check_content_type(content_type.as_deref()).map_err(|error| FetchError::Refused(error.0))?;
    }
    let announced = text_header(headers, CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(FetchError::TooLarge(limit));
    }

    // The client decompresses piece by piece, so a bomb is stopped at the limit as well.
    let mut body = Vec::with_capacity(announced.unwrap_or(0));
    while let Some(piece) = response.chunk().await.map_err(|error| explain(&error))? {
        if body.len() + piece.len() > limit {
            return Err(FetchError::TooLarge(limit));
        }
        body.extend_from_slice(&piece);
    }
    if wanted == Wanted::Document {
        extract::format(address.as_str(), content_type.as_deref(), &body)
            .map_err(|error| FetchError::Refused(error.0))?;
    }
    Ok(FetchedPage { address, content_type, robots_tag, body: body.into(), validators })
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
