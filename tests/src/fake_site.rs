//! A website for the crawler: well-behaved pages, and everything that goes wrong on websites.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{StreamExt, stream};

use crate::server::{Server, hang_up};

/// What a bomb unpacks to. One that is unpacked whole shows in a process's memory at once.
const BOMB_BYTES: usize = 200 * 1024 * 1024;

/// When every page was last changed.
const LAST_MODIFIED: &str = "Sun, 01 Nov 2026 08:00:00 GMT";

/// What stands under one path.
#[derive(Debug, Clone)]
pub enum Page {
    /// A document of this type. It has an `ETag` and a `Last-Modified`, and answers 304 to who has it already.
    Document {
        /// `Content-Type`.
        kind: String,
        /// The body.
        bytes: Bytes,
    },
    /// This status, and a page that says so.
    Status(u16),
    /// A redirect to this address or path.
    Redirect(String),
    /// HTML that never ends.
    Endless,
    /// A gzip body of some 200 KB that unpacks to 200 MB of HTML.
    GzipBomb,
    /// The headers at once, then this pause, then the page.
    Slow(Duration, Box<Page>),
    /// One byte of the body every so often, for ever.
    Trickle(Duration),
    /// Half of the promised body, then the connection closes.
    Torn,
    /// The connection closes without an answer.
    Close,
}

impl Page {
    /// A page as sites have them: navigation, a banner and a footer around one article.
    pub fn article(title: &str, article_html: &str, links: &[&str]) -> Self {
        let menu =
            links.iter().map(|link| format!("<li><a href=\"{link}\">{link}</a></li>")).collect::<Vec<_>>().concat();
        let html = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <style>nav {{ float: left }}</style><script>var tracked = 'never read me';</script></head><body>\
             <header><div class=\"cookie-banner\">We use cookies. <button>Accept all</button></div></header>\
             <nav><ul>{menu}</ul></nav><main><article><h1>{title}</h1>{article_html}</article></main>\
             <aside><p>Subscribe to our newsletter</p></aside>\
             <footer><p>Imprint. All rights reserved.</p></footer></body></html>"
        );
        Self::Document { kind: "text/html; charset=utf-8".to_owned(), bytes: html.into() }
    }

    /// A plain document of any type.
    pub fn document(kind: &str, bytes: impl Into<Bytes>) -> Self {
        Self::Document { kind: kind.to_owned(), bytes: bytes.into() }
    }
}

/// One request that the site received.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The path with its query.
    pub path: String,
    /// Who asked, by `User-Agent`.
    pub user_agent: String,
    /// The status that was answered.
    pub status: u16,
    /// When it came.
    pub at: Instant,
}

#[derive(Debug, Default)]
struct Content {
    pages: HashMap<String, Page>,
    hits: Vec<Hit>,
}

/// A site on loopback. Clones are the same site.
#[derive(Debug, Clone)]
pub struct FakeSite {
    content: Arc<Mutex<Content>>,
    server: Arc<Server>,
}

impl FakeSite {
    /// Starts a site with no pages: everything is 404.
    pub async fn start() -> Self {
        let content: Arc<Mutex<Content>> = Arc::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&content));
        Self { content, server: Arc::new(Server::start(router).await) }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Puts a page under a path, in place of what was there.
    pub fn put(&self, path: &str, page: Page) {
        self.content.lock().expect("no holder panics").pages.insert(path.to_owned(), page);
    }

    /// Puts an article under a path.
    pub fn article(&self, path: &str, title: &str, article_html: &str, links: &[&str]) {
        self.put(path, Page::article(title, article_html, links));
    }

    /// Puts `robots.txt`.
    pub fn robots(&self, text: &str) {
        self.put("/robots.txt", Page::document("text/plain", text.to_owned()));
    }

    /// Puts `sitemap.xml` with these paths of this site.
    pub fn sitemap(&self, paths: &[&str]) {
        let base = self.url();
        let entries =
            paths.iter().map(|path| format!("<url><loc>{base}{path}</loc></url>")).collect::<Vec<_>>().concat();
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">{entries}</urlset>"
        );
        self.put("/sitemap.xml", Page::document("application/xml", xml));
    }

    /// Two paths that redirect to each other.
    pub fn redirect_loop(&self, one: &str, other: &str) {
        self.put(one, Page::Redirect(other.to_owned()));
        self.put(other, Page::Redirect(one.to_owned()));
    }

    /// A path that leads to the address at which clouds hand out their machines' credentials.
    pub fn redirect_to_metadata(&self, path: &str) {
        self.put(path, Page::Redirect("http://169.254.169.254/latest/meta-data/".to_owned()));
    }

    /// Every request so far.
    pub fn hits(&self) -> Vec<Hit> {
        self.content.lock().expect("no holder panics").hits.clone()
    }

    /// How often a path was asked for.
    pub fn count(&self, path: &str) -> usize {
        self.hits().iter().filter(|hit| hit.path == path).count()
    }

    /// How often a path was answered with 304, "not modified".
    pub fn not_modified(&self, path: &str) -> usize {
        self.hits().iter().filter(|hit| hit.path == path && hit.status == 304).count()
    }
}

async fn answer(State(content): State<Arc<Mutex<Content>>>, request: Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let page = {
        let content = content.lock().expect("no holder panics");
        content.pages.get(&path).or_else(|| content.pages.get(request.uri().path())).cloned()
    };
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let hit = |status: u16| Hit {
        path: path.clone(),
        user_agent: user_agent.unwrap_or_default().to_owned(),
        status,
        at: Instant::now(),
    };
    if matches!(page, Some(Page::Close)) {
        content.lock().expect("no holder panics").hits.push(hit(0));
        hang_up();
    }
    let response = page.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |page| show(page, request.headers()));
    content.lock().expect("no holder panics").hits.push(hit(response.status().as_u16()));
    response
}

fn show(page: Page, asked: &HeaderMap) -> Response {
    let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    match page {
        Page::Document { kind, bytes } => document(&kind, bytes, asked),
        Page::Status(status) => {
            let status = StatusCode::from_u16(status).expect("a test names a real status");
            (status, html, format!("<html><body><h1>{status}</h1></body></html>")).into_response()
        }
        Page::Redirect(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Page::Endless => {
            let more = Bytes::from("<p>And so it goes on and on.</p>\n".repeat(500));
            let forever = stream::repeat_with(move || Ok::<_, std::io::Error>(more.clone()));
            (html, Body::from_stream(forever)).into_response()
        }
        Page::GzipBomb => {
            let packed = [(header::CONTENT_TYPE, "text/html"), (header::CONTENT_ENCODING, "gzip")];
            (packed, bomb()).into_response()
        }
        Page::Slow(pause, page) => {
            let inner = show(*page, asked);
            let (parts, body) = inner.into_parts();
            let late = stream::once(async move {
                tokio::time::sleep(pause).await;
                body.into_data_stream()
            });
            Response::from_parts(parts, Body::from_stream(late.flatten()))
        }
        Page::Trickle(pause) => {
            let drops = stream::repeat(()).then(move |()| async move {
                tokio::time::sleep(pause).await;
                Ok::<_, std::io::Error>(Bytes::from_static(b"."))
            });
            (html, Body::from_stream(drops)).into_response()
        }
        Page::Torn => {
            let start = stream::once(async { Ok(Bytes::from_static(b"<html><body><h1>Half")) });
            let end = stream::once(async {
                // What was sent must leave first, or the connection closes before its headers.
                tokio::time::sleep(Duration::from_millis(20)).await;
                Err(std::io::Error::other("torn"))
            });
            (html, Body::from_stream(start.chain(end))).into_response()
        }
        Page::Close => hang_up(),
    }
}

fn document(kind: &str, bytes: Bytes, asked: &HeaderMap) -> Response {
    let tag = {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        format!("\"{:016x}\"", hasher.finish())
    };
    let named = |name| asked.get(name).and_then(|value| value.to_str().ok());
    // `If-None-Match` decides alone where it is sent. [RFC 9110, 13.2.2]
    let known = match named(header::IF_NONE_MATCH) {
        Some(tags) => tags.split(',').any(|known| known.trim() == tag),
        None => named(header::IF_MODIFIED_SINCE) == Some(LAST_MODIFIED),
    };
    let headers = [(header::ETAG, tag), (header::LAST_MODIFIED, LAST_MODIFIED.to_owned())];
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, kind.to_owned())], bytes).into_response()
}

fn bomb() -> Bytes {
    static PACKED: OnceLock<Bytes> = OnceLock::new();
    let pack = || {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let piece = vec![b' '; 1024 * 1024];
        packer.write_all(b"<html><body><h1>Boom</h1><p>").expect("memory takes writes");
        for _ in 0..BOMB_BYTES / piece.len() {
            packer.write_all(&piece).expect("memory takes writes");
        }
        packer.finish().expect("memory takes writes").into()
    };
    PACKED.get_or_init(pack).clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::client;

    #[tokio::test]
    async fn a_page_that_is_known_is_not_sent_again() {
        let site = FakeSite::start().await;
        site.article("/a", "Hinges", "<p>Oil them.</p>", &["/b"]);
        let address = format!("{}/a", site.url());
        let first = client().get(&address).send().await.expect("reachable");
        let tag = first.headers()["etag"].clone();
        assert!(first.text().await.expect("a body").contains("Oil them."));
        let second = client().get(&address).header("if-none-match", tag).send().await.expect("reachable");
        assert_eq!(second.status(), 304);
        site.article("/a", "Hinges", "<p>Grease them.</p>", &["/b"]);
        let third = client().get(&address).header("if-none-match", "\"old\"").send().await.expect("reachable");
        assert_eq!(third.status(), 200);
        assert_eq!((site.count("/a"), site.not_modified("/a")), (3, 1));
    }

    #[tokio::test]
    async fn what_goes_wrong_goes_wrong() {
        let site = FakeSite::start().await;
        site.put("/endless", Page::Endless);
        site.put("/torn", Page::Torn);
        site.put("/close", Page::Close);
        site.put("/bomb", Page::GzipBomb);
        site.redirect_loop("/x", "/y");
        let get = |path: &str| client().get(format!("{}{path}", site.url())).send();

        let mut endless = get("/endless").await.expect("reachable");
        let mut read = 0;
        while read < 1024 * 1024 {
            read += endless.chunk().await.expect("it goes on").expect("it does not end").len();
        }
        get("/torn").await.expect("headers come").bytes().await.expect_err("the body breaks off");
        get("/close").await.expect_err("nothing comes");
        assert_eq!(get("/x").await.expect("reachable").headers()["location"], "/y");
        assert_eq!(get("/nowhere").await.expect("reachable").status(), 404);
        let mut bomb = get("/bomb").await.expect("reachable");
        // The client unpacks: the first piece is there without the rest.
        assert!(bomb.chunk().await.expect("gzip").is_some());
        assert!(super::bomb().len() < BOMB_BYTES / 100);
    }
}
