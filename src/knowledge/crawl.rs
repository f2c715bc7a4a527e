//! Reads a site page by page: as its sitemap lists them, else as its links lead, and as its robots.txt allows.

mod robots;
mod scope;
mod sitemap;

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use url::Url;

use self::robots::Robots;
use self::scope::Scope;
use super::SourceError;
use super::extract::{self, PageLinks};
use super::fetch::{FetchError, Fetched, FetchedPage, Fetcher, Validators, Wanted};

/// What a crawl may cost at most, us and the site.
#[derive(Debug, Clone, Copy)]
pub struct CrawlLimits {
    /// How many pages are asked for.
    pub pages: usize,
    /// How many links away from the start a page may be. Without meaning where there is a sitemap.
    pub depth: usize,
    /// Between two requests. A longer `Crawl-delay` of the site counts instead, up to ten seconds.
    pub delay: Duration,
    /// All in all, however often it is begun. What is being asked for when it is over is still waited for.
    pub time: Duration,
    /// At a stretch. Then it stops and says where it is to [go on](Rest). At least one page comes of each stretch.
    pub stretch: Duration,
}

/// A site that takes longer is not worth its place in the queue.
const HOUR: Duration = Duration::from_hours(1);

impl Default for CrawlLimits {
    fn default() -> Self {
        Self { pages: 1_000, depth: 8, delay: Duration::from_millis(250), time: HOUR, stretch: HOUR }
    }
}

/// One step of a crawl.
#[derive(Debug)]
pub struct CrawlEvent {
    /// What came of the page.
    pub outcome: Outcome,
    /// How many pages have been dealt with, this one included.
    pub done: usize,
    /// How many pages are known of so far, these included; grows while links are found.
    pub found: usize,
}

/// What came of a page.
#[derive(Debug)]
pub enum Outcome {
    /// It is new or has changed.
    Page(FetchedPage),
    /// It is as it was when the known validators were given out.
    Unchanged(Url),
    /// It could not be read. The crawl goes on.
    Failed {
        /// Its address.
        address: Url,
        /// Why.
        error: SourceError,
        /// Its server is to blame, so that it may well be there again later.
        passing: bool,
    },
}

/// How a crawl ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crawled {
    /// Pages that are new or have changed.
    pub pages: usize,
    /// Pages that have not changed.
    pub unchanged: usize,
    /// Pages that could not be read.
    pub failed: usize,
    /// Why pages were left out, if any were: because of the limits, or because the site stopped answering.
    #[serde(default)]
    pub left_out: Option<SourceError>,
    /// The site stopped answering or was too slow, so that what was not asked for any more may well be there.
    pub stopped: bool,
    /// Where it goes on, if only this stretch of it is over.
    #[serde(skip)]
    pub rest: Option<Box<Rest>>,
}

/// What is left of a crawl, to be written down and handed to the next stretch of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// Where the start has led.
    at: Url,
    seen: HashSet<String>,
    queue: VecDeque<(Url, usize)>,
    follow: bool,
    done: usize,
    took_ms: u64,
    crawled: Crawled,
}

impl Rest {
    /// Pages that have been dealt with.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Pages that are known of so far, these included; always more than have been dealt with.
    pub fn found(&self) -> usize {
        self.done + self.queue.len().max(1)
    }
}

/// A site that fails so often in a row is down, or does not want to be read.
const FAILURES_IN_A_ROW: usize = 10;

/// Sites split their sitemap by kind or date; with so many the start is the wrong one.
const MAX_SITEMAPS: usize = 50;

/// Reads the part of a site at and below the folder of `start`, and tells of every page through `events`, whose capacity
/// bounds how far the crawl may run ahead. `known` holds validators by address, from the crawl before. Ends early when
/// nobody listens any more.
///
/// The start page must be readable; any other page may fail. A crawl that goes on with its `rest` asks for no page again
/// that it has dealt with.
#[expect(clippy::implicit_hasher, reason = "callers have plain maps; another hasher would be a parameter for nobody")]
pub async fn crawl(
    fetcher: &Fetcher,
    start: &Url,
    limits: &CrawlLimits,
    known: &HashMap<String, Validators>,
    rest: Option<Rest>,
    events: &mpsc::Sender<CrawlEvent>,
) -> Result<Crawled, SourceError> {
    let began = Instant::now();
    if let Some(rest) = rest {
        return Ok(go_on(fetcher, limits, known, rest, events, began).await);
    }
    let robots = Robots::of(fetcher, start).await?;
    robots.check(start)?;
    let Fetched::Page(first) = fetcher.load(start, None, Wanted::Document, |_| Ok(())).await? else {
        return Err(FetchError::Broken.into());
    };
    // Where the start leads is the site.
    let scope = Scope::of(&first.address);
    let robots = if scope.is_same_site(start) { robots } else { Robots::of(fetcher, &first.address).await? };
    robots.check(&first.address)?;

    let seen = HashSet::from([scope::key(start), scope::key(&first.address)]);
    let at = first.address.clone();
    let rest =
        Rest { at, seen, queue: VecDeque::new(), follow: true, done: 0, took_ms: 0, crawled: Crawled::default() };
    let mut crawl = Crawl::stretch(fetcher, limits, known, events, (robots, scope), rest, began);
    crawl.read_sitemaps().await;
    if crawl.arrived(first, 0).await.is_listening() {
        crawl.run().await;
    }
    if crawl.crawled == Crawled::default() {
        return Err(SourceError::NoIndex);
    }
    Ok(crawl.crawled)
}

/// The next stretch of a crawl.
async fn go_on(
    fetcher: &Fetcher,
    limits: &CrawlLimits,
    known: &HashMap<String, Validators>,
    rest: Rest,
    events: &mpsc::Sender<CrawlEvent>,
    began: Instant,
) -> Crawled {
    let robots = match Robots::of(fetcher, &rest.at).await.and_then(|robots| robots.check(&rest.at).map(|()| robots)) {
        Ok(robots) => robots,
        // What has been read is not lost over it.
        Err(error) => {
            let left_out = Some(SourceError::SiteStopped { because: Box::new(error) });
            return Crawled { left_out, stopped: true, ..rest.crawled };
        }
    };
    let scope = Scope::of(&rest.at);
    let mut crawl = Crawl::stretch(fetcher, limits, known, events, (robots, scope), rest, began);
    crawl.run().await;
    crawl.crawled
}

struct Crawl<'c> {
    fetcher: &'c Fetcher,
    limits: &'c CrawlLimits,
    known: &'c HashMap<String, Validators>,
    events: &'c mpsc::Sender<CrawlEvent>,
    scope: Scope,
    robots: Robots,
    delay: Duration,
    /// When this stretch began.
    began: Instant,
    /// Where the start has led.
    at: Url,
    /// Pages that earlier stretches have dealt with, and how long they took.
    earlier: usize,
    took: Duration,
    /// Keys of all addresses that were ever put in the queue or arrived at.
    seen: HashSet<String>,
    /// Addresses to ask for, with their distance from the start.
    queue: VecDeque<(Url, usize)>,
    /// Whether links are followed: not where a sitemap says it all.
    follow: bool,
    done: usize,
    crawled: Crawled,
}

/// Whether anybody takes the events.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listener {
    Listening,
    Gone,
}

impl Listener {
    fn is_listening(self) -> bool {
        self == Self::Listening
    }
}

impl<'c> Crawl<'c> {
    /// A stretch of a crawl that begins where `rest` ends.
    fn stretch(
        fetcher: &'c Fetcher,
        limits: &'c CrawlLimits,
        known: &'c HashMap<String, Validators>,
        events: &'c mpsc::Sender<CrawlEvent>,
        (robots, scope): (Robots, Scope),
        rest: Rest,
        began: Instant,
    ) -> Self {
        let Rest { at, seen, queue, follow, done, took_ms, crawled } = rest;
        let delay = robots.delay().max(limits.delay);
        let (earlier, took) = (done, Duration::from_millis(took_ms));
        Self {
            fetcher,
            limits,
            known,
            events,
            scope,
            robots,
            delay,
            began,
            at,
            earlier,
            took,
            seen,
            queue,
            follow,
            done,
            crawled,
        }
    }
}

impl Crawl<'_> {
    async fn run(&mut self) {
        let mut failures_in_a_row = 0;
        while let Some((url, depth)) = self.queue.pop_front() {
            if self.events.is_closed() {
                return;
            }
            if self.is_over() {
                let left = self.queue.len() + 1;
                self.crawled.left_out = Some(SourceError::SlowSite { left });
                self.crawled.stopped = true;
                return;
            }
            if self.is_tired() && self.done > self.earlier {
                self.queue.push_front((url, depth));
                return self.put_off();
            }
            tokio::time::sleep(self.delay).await;
            let known = self.known.get(url.as_str());
            let loaded = self.fetcher.load(&url, known, Wanted::Document, |hop| self.may_visit(hop)).await;
            let listener = match loaded {
                Ok(Fetched::Page(page)) => {
                    failures_in_a_row = 0;
                    let moved = scope::key(&page.address) != scope::key(&url);
                    if moved && !self.seen.insert(scope::key(&page.address)) {
                        // It has been, or will be, read under its own address.
                        self.done += 1;
                        continue;
                    }
                    self.arrived(page, depth).await
                }
                Ok(Fetched::Unchanged) => {
                    failures_in_a_row = 0;
                    // Its links are those that it had when everything that is known was found.
                    self.add_known(depth + 1);
                    self.crawled.unchanged += 1;
                    self.tell(Outcome::Unchanged(url)).await
                }
                Err(error) => {
                    let passing = blames_the_site(&error);
                    if passing {
                        failures_in_a_row += 1;
                    }
                    self.crawled.failed += 1;
                    let error = SourceError::from(error);
                    if failures_in_a_row == FAILURES_IN_A_ROW {
                        let because = Box::new(error.clone());
                        self.crawled.left_out = Some(SourceError::SiteStopped { because });
                        self.crawled.stopped = true;
                        self.queue.clear();
                    }
                    self.tell(Outcome::Failed { address: url, error, passing }).await
                }
            };
            if !listener.is_listening() {
                return;
            }
        }
    }

    /// Whether all of its time is used up.
    fn is_over(&self) -> bool {
        self.took + self.began.elapsed() >= self.limits.time
    }

    /// Whether this stretch has lasted long enough.
    fn is_tired(&self) -> bool {
        self.began.elapsed() >= self.limits.stretch
    }

    /// Leaves what is in the queue to the next stretch.
    fn put_off(&mut self) {
        let took = self.took + self.began.elapsed();
        let rest = Rest {
            at: self.at.clone(),
            seen: std::mem::take(&mut self.seen),
            queue: std::mem::take(&mut self.queue),
            follow: self.follow,
            done: self.done,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            crawled: self.crawled.clone(),
        };
        self.crawled.stopped = true;
        self.crawled.rest = Some(Box::new(rest));
    }

    fn may_visit(&self, hop: &Url) -> Result<(), FetchError> {
        if !self.scope.contains(hop) {
            return Err(FetchError::Refused(SourceError::RedirectsOut));
        }
        if !self.robots.allows(hop) {
            return Err(FetchError::Refused(SourceError::RedirectsToForbidden));
        }
        Ok(())
    }

    /// A page is here: notes its links and hands it on, unless it asks not to.
    async fn arrived(&mut self, page: FetchedPage, depth: usize) -> Listener {
        let links = page_links(&page).await;
        if self.follow && !links.nofollow && depth < self.limits.depth {
            for link in &links.links {
                self.add(link, depth + 1);
            }
        }
        let is_copy = links.canonical.is_some_and(|canonical| {
            let (canonical, own) = (scope::key(&canonical), scope::key(&page.address));
            // Believed only for variants of one address: many sites name their front page on every page.
            canonical != own && canonical.split('?').next() == own.split('?').next() && !self.seen.insert(canonical)
        });
        if links.noindex || is_copy {
            self.done += 1;
            return Listener::Listening;
        }
        self.crawled.pages += 1;
        self.tell(Outcome::Page(page)).await
    }

    async fn tell(&mut self, outcome: Outcome) -> Listener {
        self.done += 1;
        let event = CrawlEvent { outcome, done: self.done, found: self.done + self.queue.len() };
        match self.events.send(event).await {
            Ok(()) => Listener::Listening,
            Err(_) => Listener::Gone,
        }
    }

    /// Queues an address of this part of the site, once.
    fn add(&mut self, url: &Url, depth: usize) {
        let url = scope::tidy(url);
        if !self.scope.contains(&url) || !scope::may_be_page(&url) || !self.robots.allows(&url) {
            return;
        }
        let key = scope::key(&url);
        if self.seen.contains(&key) {
            return;
        }
        if self.seen.len() >= self.limits.pages {
            self.crawled.left_out.get_or_insert(SourceError::LargeSite { pages: self.limits.pages });
            return;
        }
        self.seen.insert(key);
        self.queue.push_back((url, depth));
    }

    fn add_known(&mut self, depth: usize) {
        if !self.follow {
            return;
        }
        let known = self.known;
        for address in known.keys() {
            if let Ok(url) = Url::parse(address) {
                self.add(&url, depth);
            }
        }
    }

    /// Fills the queue from the site's sitemaps, where these list pages of this part of the site.
    async fn read_sitemaps(&mut self) {
        let mut named: VecDeque<Url> = self.robots.sitemaps().collect();
        if named.is_empty() {
            named.extend(self.robots.origin().join("/sitemap.xml").ok());
        }
        let mut asked = HashSet::new();
        while let Some(url) = named.pop_front() {
            if asked.len() >= MAX_SITEMAPS || self.seen.len() >= self.limits.pages || self.is_over() || self.is_tired()
            {
                break;
            }
            if !self.scope.is_same_site(&url) || !asked.insert(url.clone()) {
                continue;
            }
            tokio::time::sleep(self.delay).await;
            let scope = self.scope.clone();
            let on_site = move |hop: &Url| {
                if scope.is_same_site(hop) { Ok(()) } else { Err(FetchError::NotPublic) }
            };
            // A sitemap that cannot be read is as good as none.
            let Ok(Fetched::Page(page)) = self.fetcher.load(&url, None, Wanted::Anything, on_site).await else {
                continue;
            };
            let body = page.body.clone();
            let Ok(sitemap) = tokio::task::spawn_blocking(move || sitemap::read(&body)).await else {
                continue;
            };
            named.extend(
                sitemap.sitemaps.iter().filter_map(|address| page.address.join(address).ok()).take(MAX_SITEMAPS),
            );
            for address in &sitemap.pages {
                if let Ok(url) = page.address.join(address) {
                    self.add(&url, 0);
                }
            }
        }
        self.follow = self.queue.is_empty();
    }
}

/// Whether the site as a whole is to blame, rather than this page.
fn blames_the_site(error: &FetchError) -> bool {
    matches!(
        error,
        FetchError::Unreachable
            | FetchError::UnknownName
            | FetchError::TooSlow
            | FetchError::Broken
            | FetchError::Status(403 | 429 | 500..=599)
    )
}

/// Links and wishes of a page; of one that is not HTML, or cannot be parsed, only the wishes in its headers.
async fn page_links(page: &FetchedPage) -> PageLinks {
    let (noindex, nofollow) = page.robots_tag.as_deref().map(extract::robots_directives).unwrap_or_default();
    let (body, content_type, address) = (page.body.clone(), page.content_type.clone(), page.address.clone());
    let parsed = tokio::task::spawn_blocking(move || extract::links(&address, content_type.as_deref(), &body)).await;
    let mut links = parsed.unwrap_or_default();
    links.noindex |= noindex;
    links.nofollow |= nofollow;
    links
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode, Uri};
    use axum::response::{IntoResponse, Response};

    use super::super::fetch::FetchLimits;
    use super::*;

    /// A site of a few pages that remembers what it was asked for.
    #[derive(Clone, Default)]
    struct Site {
        pages: BTreeMap<&'static str, (u16, String)>,
        asked: Arc<Mutex<Vec<String>>>,
    }

    impl Site {
        fn page(mut self, path: &'static str, html: &str) -> Self {
            self.pages.insert(path, (200, html.into()));
            self
        }

        fn answers(mut self, path: &'static str, status: u16) -> Self {
            self.pages.insert(path, (status, String::new()));
            self
        }

        async fn open(&self) -> Url {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
            let app = Router::new().fallback(answer).with_state(self.clone());
            tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
            url
        }

        fn asked(&self) -> Vec<String> {
            self.asked
                .lock()
                .unwrap()
                .drain(..)
                .filter(|path| path != "/robots.txt" && path != "/sitemap.xml")
                .collect()
        }
    }

    async fn answer(State(site): State<Site>, uri: Uri, headers: HeaderMap) -> Response {
        let path = uri.path_and_query().unwrap().to_string();
        site.asked.lock().unwrap().push(path.clone());
        let Some((status, body)) = site.pages.get(path.as_str()) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        if headers.contains_key("if-none-match") {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        if let Some(target) = body.strip_prefix("to ") {
            return axum::response::Redirect::temporary(target).into_response();
        }
        let kind = if path.rsplit('.').next() == Some("txt") { "text/plain" } else { "text/html" };
        (StatusCode::from_u16(*status).unwrap(), [("content-type", kind), ("etag", "\"1\"")], body.clone())
            .into_response()
    }

    /// Crawls, and lists what came of every page.
    async fn crawled(
        start: &Url,
        limits: &CrawlLimits,
        known: &HashMap<String, Validators>,
    ) -> (Vec<String>, Result<Crawled, SourceError>) {
        let fetcher = Fetcher::new(FetchLimits::default(), true).unwrap();
        let (send, mut receive) = mpsc::channel::<CrawlEvent>(1);
        let listen = async {
            let mut told = Vec::new();
            while let Some(event) = receive.recv().await {
                assert!(event.done <= event.found);
                told.push(match event.outcome {
                    Outcome::Page(page) => page.address.path().to_owned(),
                    Outcome::Unchanged(url) => format!("{} unchanged", url.path()),
                    Outcome::Failed { address, error, .. } => format!("{}: {error}", address.path()),
                });
            }
            told
        };
        let crawl = async {
            let crawled = crawl(&fetcher, start, limits, known, None, &send).await;
            drop(send);
            crawled
        };
        let (crawled, told) = tokio::join!(crawl, listen);
        (told, crawled)
    }

    fn limits() -> CrawlLimits {
        CrawlLimits { pages: 20, depth: 3, delay: Duration::ZERO, time: HOUR, stretch: HOUR }
    }

    #[tokio::test]
    async fn a_site_that_takes_too_long_is_left_where_it_is() {
        let site = Site::default().page("/", "<a href=a>a</a> <a href=b>b</a>").page("/a", "a").page("/b", "b");
        let limits = CrawlLimits { time: Duration::ZERO, ..limits() };
        let (told, crawled) = crawled(&site.open().await, &limits, &HashMap::new()).await;
        let crawled = crawled.unwrap();
        assert_eq!(told, ["/"]);
        assert!(crawled.stopped);
        assert_eq!(crawled.left_out.unwrap().to_string(), "The site is so slow that 2 pages or more were left out");
    }

    /// One page at a stretch, each with what the one before has written down.
    #[tokio::test]
    async fn a_crawl_goes_on_where_it_stopped_and_asks_for_no_page_twice() {
        let pages = Site::default()
            .page("/", "<a href=a>a</a> <a href=b>b</a>")
            .page("/a", "<a href=c>c</a> <a href=b>b</a>")
            .page("/b", "b")
            .page("/c", "<a href=a>a</a>");
        let start = pages.open().await;
        let fetcher = Fetcher::new(FetchLimits::default(), true).unwrap();
        let limits = CrawlLimits { stretch: Duration::ZERO, ..limits() };
        let (mut rest, mut stretches) = (None, Vec::new());
        loop {
            let (send, mut receive) = mpsc::channel(10);
            let mut crawled = crawl(&fetcher, &start, &limits, &HashMap::new(), rest, &send).await.unwrap();
            drop(send);
            let mut told = Vec::new();
            while let Some(event) = receive.recv().await {
                let Outcome::Page(page) = event.outcome else { panic!("each can be read") };
                told.push(format!("{} {} of {}", page.address.path(), event.done, event.found));
            }
            stretches.push(told.join(", "));
            let Some(left) = crawled.rest.take() else {
                assert_eq!(crawled, Crawled { pages: 4, ..Crawled::default() });
                break;
            };
            assert!(crawled.stopped && crawled.left_out.is_none() && left.done() < left.found());
            let written = serde_json::to_string(&left).unwrap();
            rest = Some(serde_json::from_str(&written).unwrap());
        }
        assert_eq!(stretches, ["/ 1 of 3", "/a 2 of 4", "/b 3 of 4", "/c 4 of 4"]);
        let mut asked = pages.asked();
        asked.sort();
        assert_eq!(asked, ["/", "/a", "/b", "/c"]);

        // All stretches together have one time.
        let (send, _receive) = mpsc::channel(10);
        let mut crawled = crawl(&fetcher, &start, &limits, &HashMap::new(), None, &send).await.unwrap();
        let mut left = *crawled.rest.take().unwrap();
        left.took_ms = 3_600_000;
        let crawled = crawl(&fetcher, &start, &limits, &HashMap::new(), Some(left.clone()), &send).await.unwrap();
        assert!(
            crawled.stopped
                && crawled.rest.is_none()
                && crawled.left_out.unwrap().to_string().contains("2 pages or more")
        );
        // A site that is gone meanwhile ends the crawl, and nothing that was read is lost over it.
        left.at = "http://127.0.0.1:9/".parse().unwrap();
        let crawled = crawl(&fetcher, &start, &limits, &HashMap::new(), Some(left), &send).await.unwrap();
        assert!(crawled.stopped && crawled.left_out.unwrap().to_string().starts_with("The site stopped answering"));
    }

    #[tokio::test]
    async fn links_are_followed_near_before_far_and_only_on_this_part_of_the_site() {
        let site = Site::default()
            .page("/docs/", "<a href=a>a</a> <a href='b?utm_source=x#y'>b</a> <a href='../other'>o</a> <a href=//example.org/docs/>e</a> <a href=p.png>p</a>")
            .page("/docs/a", "<a href=deep>d</a> <a href=/docs/>up</a> <a href=index.html>up</a> <a rel=nofollow href=no>n</a>")
            .page("/docs/b", "<a href=a#x>a</a> <a href=moved>m</a> <a href=out>out</a> <a href=broken>x</a>")
            .page("/docs/deep", "<a href=deeper>d</a>")
            .page("/docs/deeper", "<a href=deepest>d</a>")
            .page("/docs/deepest", "too far")
            .page("/docs/moved", "to /docs/deep")
            .page("/docs/out", "to /other")
            .answers("/docs/broken", 500);
        let start = site.open().await.join("docs/").unwrap();
        let (told, crawled) = crawled(&start, &limits(), &HashMap::new()).await;
        insta::assert_snapshot!(told.join("\n"), @r"
        /docs/
        /docs/a
        /docs/b
        /docs/deep
        /docs/out: The page redirects out of this part of the site
        /docs/broken: The page answered 500 Internal Server Error: its server has a problem. Try again later
        /docs/deeper
        ");
        assert_eq!(
            crawled.unwrap(),
            Crawled { pages: 5, unchanged: 0, failed: 2, left_out: None, stopped: false, rest: None }
        );
        assert!(!site.asked().iter().any(|path| path == "/other" || path.contains("utm_") || path.contains("no")));
    }

    #[tokio::test]
    async fn a_sitemap_says_it_all() {
        let site = Site::default()
            .page("/robots.txt", "User-agent: *\nDisallow: /docs/secret\nSitemap: /maps.xml")
            .page("/docs/", "<a href=linked>not in the sitemap</a>")
            .page("/docs/1", "one")
            .page("/docs/secret", "secret");
        let site = site
            .page("/maps.xml", "<sitemapindex><sitemap><loc>/map.xml</loc></sitemap></sitemapindex>")
            .page("/map.xml", "<urlset><url><loc>/docs/1</loc></url><url><loc>/docs/secret</loc></url><url><loc>/blog/1</loc></url></urlset>");
        let start = site.open().await.join("docs/").unwrap();
        let (told, crawled) = crawled(&start, &limits(), &HashMap::new()).await;
        assert_eq!(told, ["/docs/", "/docs/1"]);
        assert_eq!(crawled.unwrap().pages, 2);
        assert_eq!(site.asked(), ["/docs/", "/maps.xml", "/map.xml", "/docs/1"]);
    }

    #[tokio::test]
    async fn robots_txt_is_obeyed() {
        let refused = |robots: Site| async move {
            let start = robots.page("/", "x").open().await;
            crawled(&start, &limits(), &HashMap::new()).await.1.unwrap_err().to_string()
        };
        let all = Site::default().page("/robots.txt", "User-agent: guildhall\nDisallow: /");
        assert_eq!(refused(all).await, "The site's robots.txt asks programs not to read this address");
        let broken = refused(Site::default().answers("/robots.txt", 503)).await;
        assert!(broken.starts_with("The site's robots.txt could not be read"), "{broken}");
    }

    #[tokio::test]
    async fn pages_that_ask_not_to_be_indexed_are_not_but_lead_on() {
        let noindex = "<meta name=robots content=noindex><a href=a>a</a>";
        let start = Site::default().page("/", noindex).page("/a", "x").open().await;
        assert_eq!(crawled(&start, &limits(), &HashMap::new()).await.0, ["/a"]);
        let start = Site::default().page("/", noindex).page("/a", noindex).open().await;
        let refused = crawled(&start, &limits(), &HashMap::new()).await.1.unwrap_err();
        assert_eq!(refused.to_string(), "The pages of this site ask programs not to index them");
    }

    #[tokio::test]
    async fn pages_and_requests_are_limited() {
        let links: String = (0..50).map(|n| format!("<a href=/{n}>x</a>")).collect();
        let site = Site::default().page("/", &links);
        let start = site.open().await;
        let (told, crawled) = crawled(&start, &limits(), &HashMap::new()).await;
        assert!(told.len() <= 20);
        assert_eq!(
            crawled.unwrap().left_out.map(|left_out| left_out.to_string()).as_deref(),
            Some("The site has more than 20 pages; the others were left out")
        );
    }

    #[tokio::test]
    async fn what_has_not_changed_is_not_sent_again_and_still_leads_on() {
        let site = Site::default().page("/", "<a href=a>a</a>").page("/a", "<a href=b>b</a>").page("/b", "x");
        let start = site.open().await;
        let validators = Validators { etag: Some("\"1\"".into()), last_modified: None };
        let known = ["a", "b"].map(|path| (start.join(path).unwrap().to_string(), validators.clone())).into();
        let (told, crawled) = crawled(&start, &limits(), &known).await;
        assert_eq!(told, ["/", "/a unchanged", "/b unchanged"]);
        assert_eq!(crawled.unwrap().unchanged, 2);
    }

    #[tokio::test]
    async fn a_start_that_cannot_be_read_fails_and_a_site_that_dies_is_left_alone() {
        let (told, failed) = crawled(&Site::default().open().await, &limits(), &HashMap::new()).await;
        assert_eq!(
            failed.unwrap_err().to_string(),
            "The page answered 404 Not Found: there is nothing at this address"
        );
        assert!(told.is_empty());

        let paths: Vec<&'static str> = vec!["/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9", "/10", "/11"];
        let links: String = paths.iter().map(|path| format!("<a href={path}>x</a>")).collect();
        let site = paths.iter().fold(Site::default().page("/", &links), |site, path| site.answers(path, 503));
        let (told, crawled) = crawled(&site.open().await, &limits(), &HashMap::new()).await;
        assert_eq!(told.len(), 1 + FAILURES_IN_A_ROW);
        assert!(crawled.unwrap().left_out.unwrap().to_string().starts_with("The site stopped answering"));
    }
}
