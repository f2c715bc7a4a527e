//! Reads a site page by page: as its sitemap lists them, else as its links lead, and as its robots.txt allows.

mod robots;
mod scope;
mod sitemap;

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

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
}

impl Default for CrawlLimits {
    fn default() -> Self {
        Self { pages: 1_000, depth: 8, delay: Duration::from_millis(250) }
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
    Failed(Url, SourceError),
}

/// How a crawl ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Crawled {
    /// Pages that are new or have changed.
    pub pages: usize,
    /// Pages that have not changed.
    pub unchanged: usize,
    /// Pages that could not be read.
    pub failed: usize,
    /// A sentence if pages were left out: because of the limits, or because the site stopped answering.
    pub cut_short: Option<String>,
}

/// A site that fails so often in a row is down, or does not want to be read.
const FAILURES_IN_A_ROW: usize = 10;

/// Sites split their sitemap by kind or date; with so many the start is the wrong one.
const MAX_SITEMAPS: usize = 50;

/// Reads the part of a site at and below the folder of `start`, and tells of every page through `events`, whose capacity
/// bounds how far the crawl may run ahead. `known` holds validators by address, from the crawl before. Ends early when
/// nobody listens any more.
///
/// The start page must be readable; any other page may fail.
pub async fn crawl(
    fetcher: &Fetcher,
    start: &Url,
    limits: &CrawlLimits,
    known: &HashMap<String, Validators>,
    events: &mpsc::Sender<CrawlEvent>,
) -> Result<Crawled, SourceError> {
    let robots = Robots::of(fetcher, start).await?;
    robots.check(start)?;
    let Fetched::Page(first) = fetcher.load(start, None, Wanted::Document, |_| Ok(())).await? else {
        return Err(FetchError::Broken.into());
    };
    // Where the start leads is the site.
    let scope = Scope::of(&first.address);
    let robots = if scope.is_same_site(start) { robots } else { Robots::of(fetcher, &first.address).await? };
    robots.check(&first.address)?;

    let delay = robots.delay().max(limits.delay);
    let mut crawl = Crawl {
        fetcher,
        limits,
        known,
        events,
        scope,
        robots,
        delay,
        seen: HashSet::new(),
        queue: VecDeque::new(),
        follow: true,
        done: 0,
        crawled: Crawled::default(),
    };
    crawl.seen.insert(scope::key(start));
    crawl.seen.insert(scope::key(&first.address));
    crawl.read_sitemaps().await;
    if crawl.arrived(first, 0).await.is_listening() {
        crawl.run().await;
    }
    if crawl.crawled == Crawled::default() {
        return Err(SourceError("The pages of this site ask programs not to index them".into()));
    }
    Ok(crawl.crawled)
}

struct Crawl<'c> {
    fetcher: &'c Fetcher,
    limits: &'c CrawlLimits,
    known: &'c HashMap<String, Validators>,
    events: &'c mpsc::Sender<CrawlEvent>,
    scope: Scope,
    robots: Robots,
    delay: Duration,
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

impl Crawl<'_> {
    async fn run(&mut self) {
        let mut failures_in_a_row = 0;
        while let Some((url, depth)) = self.queue.pop_front() {
            if self.events.is_closed() {
                return;
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
                    if blames_the_site(&error) {
                        failures_in_a_row += 1;
                    }
                    self.crawled.failed += 1;
                    if failures_in_a_row == FAILURES_IN_A_ROW {
                        self.crawled.cut_short = Some(format!("The site stopped answering. {error}"));
                        self.queue.clear();
                    }
                    self.tell(Outcome::Failed(url, error.into())).await
                }
            };
            if !listener.is_listening() {
                return;
            }
        }
    }

    fn may_visit(&self, hop: &Url) -> Result<(), FetchError> {
        if !self.scope.contains(hop) {
            return Err(FetchError::Refused("The page redirects out of this part of the site".into()));
        }
        if !self.robots.allows(hop) {
            return Err(FetchError::Refused("The page redirects to one that robots.txt asks not to read".into()));
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
            self.crawled.cut_short.get_or_insert_with(|| {
                format!("The site has more than {} pages; the others were left out", self.limits.pages)
            });
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
            if asked.len() >= MAX_SITEMAPS || self.seen.len() >= self.limits.pages {
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
