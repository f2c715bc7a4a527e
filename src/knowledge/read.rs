//! A source into passages: fetched or decoded, extracted, split, embedded, and kept as one file for `publish`.

use super::fetch::{Fetched, FetchedPage, Validators};
use super::index::{self, Embedded, Key};
use super::source::{Missing, Origin, Source, Status};
use super::{Document, Knowledge, Passage, SourceError, chunk, crawl, extract, files};
use crate::ids::{AccountId, SourceId};
use crate::job::{Job, Jobs};
use crate::sentences::Lang;
use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures::TryStreamExt as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use url::Url;

/// Progress is written down at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// Pages that are kept ready for extraction while a crawl goes on.
const PAGES_AHEAD: usize = 4;

/// Reasons of pages that could not be read; more would not be looked at.
const MAX_SKIPPED: usize = 10;

/// zstd's own default: extracted text shrinks to a quarter at several hundred megabytes a second.
const COMPRESSION: i32 = 3;

/// What was extracted from a source.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Content {
    /// Its documents.
    pub(super) pages: Vec<Page>,
    /// Pages that could not be read, with reasons in English; the first ten.
    pub(super) skipped: Vec<String>,
    /// The same with codes, but of those from before there were any.
    #[serde(default)]
    pub(super) missing: Vec<Missing>,
    /// Embeddings of its passages, but of those that another source had when this one was read; empty without an
    /// embedding model.
    #[serde(default)]
    pub(super) vectors: Vec<KeptVector>,
    /// The model that made them.
    #[serde(default)]
    pub(super) model: Option<String>,
    /// Where the reading goes on that this is the beginning of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unfinished: Option<Unfinished>,
}

/// How far the reading of a site has come that takes several jobs.
#[derive(Debug, Serialize, Deserialize)]
struct Unfinished {
    /// The request that it serves.
    revision: Timestamp,
    /// Which part of it is next.
    part: u32,
    /// Addresses of the documents that were read in it; the others are of the reading before.
    read: HashSet<String>,
    /// Pages of it that could not be read.
    skipped: Vec<String>,
    /// The same with codes.
    #[serde(default)]
    missing: Vec<Missing>,
    rest: crawl::Rest,
}

/// The embedding of a passage as it is kept: in decimal it would take three times the space.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptVector {
    key: u64,
    /// 32-bit floats, little-endian, in base64.
    vector: String,
}

impl KeptVector {
    fn new(key: Key, vector: &[f32]) -> Self {
        let bytes: Vec<u8> = vector.iter().flat_map(|component| component.to_le_bytes()).collect();
        Self { key: key.0, vector: BASE64.encode(bytes) }
    }

    fn unpacked(&self) -> Result<(Key, Vec<f32>)> {
        let bytes = BASE64.decode(&self.vector).context("a source's embeddings are damaged")?;
        let (components, _) = bytes.as_chunks();
        Ok((Key(self.key), components.iter().copied().map(f32::from_le_bytes).collect()))
    }
}

/// One document of a source.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Page {
    /// Where it was found; empty for texts and files.
    address: String,
    /// What the server gave to ask "has it changed?" with.
    #[serde(default)]
    validators: Validators,
    /// Its passages.
    pub(super) passages: Vec<Passage>,
}

impl Content {
    /// All passages, in order.
    pub(super) fn passages(&self) -> impl Iterator<Item = &Passage> {
        self.pages.iter().flat_map(|page| &page.passages)
    }

    /// Equal contents have equal ones. A passage has one vector, so their number says which they are.
    fn digest(&self) -> Result<String> {
        let mut text = serde_json::to_vec(&(&self.pages, &self.skipped, &self.model, self.vectors.len()))?;
        if let Some(unfinished) = &self.unfinished {
            text.extend_from_slice(&unfinished.part.to_be_bytes());
        }
        Ok(hex::encode(&Sha256::digest(text)[..12]))
    }
}

/// A source's documents by their addresses.
type Pages = HashMap<String, Page>;

/// Why reading stopped: the source's own fault, or ours.
enum Stopped {
    Source(SourceError),
    Ours(anyhow::Error),
}

impl From<SourceError> for Stopped {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<anyhow::Error> for Stopped {
    fn from(error: anyhow::Error) -> Self {
        Self::Ours(error)
    }
}

impl Knowledge {
    /// Reads a source and asks for it to be published. What is wrong with the source is written on it, and what was
    /// there before goes on answering; an error is ours and worth another try.
    ///
    /// A request that was made before the last reading had begun is done already. What takes longer than a job may is read
    /// in several: each writes down how far it came, answers questions from then on, and asks for the next `part`. One
    /// that comes again after that asks once more for the next, and reads nothing.
    pub async fn read(
        &self,
        account: &AccountId,
        id: &SourceId,
        (asked_at, part): (Timestamp, u32),
        jobs: &Jobs,
        now: Timestamp,
    ) -> Result<()> {
        let key = (account.clone(), id.clone());
        if part == 0 && self.read_at.get(&key).await.is_some_and(|began| began > asked_at) {
            return Ok(());
        }
        let Some(source) = self.store.source(account, id).await? else { return Ok(()) };
        // A part of a reading is overtaken where the source was asked for anew.
        if source.status == Status::Removing || part > 0 && asked_at != source.revision {
            return Ok(());
        }
        let earlier = match &source.content {
            Some(version) => self.content(account, id, version).await?,
            None => None,
        };
        // What has not changed keeps its version, so that the index need not take it in again.
        let known = source.content.clone().filter(|_| earlier.is_some());
        let mut earlier = earlier.unwrap_or_default();
        let begun = earlier.unfinished.take().filter(|begun| begun.revision == source.revision);
        match &begun {
            Some(begun) if begun.part > part => return self.send_part(&source, begun.part, jobs, now).await,
            None if part > 0 => return Ok(()),
            _ => {}
        }
        match self.content_of(&source, earlier, begun).await {
            Ok(content) => {
                let digest = content.digest()?;
                let documents = count(content.pages.len());
                let next = content.unfinished.as_ref().map(|unfinished| unfinished.part);
                let status = match &content.unfinished {
                    Some(Unfinished { rest, .. }) => {
                        Status::Indexing { done: count(rest.done()), total: count(rest.found()) }
                    }
                    None => Status::Indexing { done: documents, total: documents },
                };
                let version = if let Some(version) = known.filter(|version| version.ends_with(&digest)) {
                    version
                } else {
                    let version = files::content_version(source.revision, &digest);
                    self.put_content(&source, &version, content).await?;
                    version
                };
                if self.store.set_source_content(&source, &version, &status).await? {
                    if let Some(part) = next {
                        self.send_part(&source, part, jobs, now).await?;
                        return self.send_publish(account, jobs, now).await;
                    }
                    self.send_publish(account, jobs, now).await?;
                } else {
                    self.forget_content(&source, &version).await?;
                }
            }
            Err(Stopped::Source(error)) => {
                tracing::info!(account.id = %account, source.id = %id, "a source could not be read");
                self.store.set_source_status(&source, &Status::failed(error)).await?;
            }
            Err(Stopped::Ours(error)) => return Err(error),
        }
        self.read_at.insert(key, now).await;
        Ok(())
    }

    /// Asks for the next part of a reading. A queue drops the second of two equal requests.
    async fn send_part(&self, source: &Source, part: u32, jobs: &Jobs, now: Timestamp) -> Result<()> {
        tracing::info!(account.id = %source.account, source.id = %source.id, part, "the reading of a source goes on");
        let (account, source, asked_at) = (source.account.clone(), source.id.clone(), source.revision);
        Ok(jobs.send(&Job::Read { account, source, asked_at, part }, now).await?)
    }

    /// Says on a source that it will not be read any more.
    pub(crate) async fn give_up_reading(&self, account: &AccountId, id: &SourceId) -> Result<()> {
        let Some(source) = self.store.source(account, id).await? else { return Ok(()) };
        self.store.set_source_status(&source, &Status::failed(SourceError::NotRead)).await?;
        Ok(())
    }

    /// Deletes what was extracted from a source that was removed meanwhile: nobody else will. Where it was only asked for
    /// anew, the next version's publication deletes it.
    async fn forget_content(&self, source: &Source, version: &str) -> Result<()> {
        let now = self.store.source(&source.account, &source.id).await?;
        if now.is_none_or(|now| now.status == Status::Removing) {
            self.files.delete(&files::content(&source.account, &source.id, version)).await?;
        }
        Ok(())
    }

    async fn content_of(
        &self,
        source: &Source,
        earlier: Content,
        begun: Option<Unfinished>,
    ) -> Result<Content, Stopped> {
        let (pages, vectors) = (by_address(earlier.pages), (earlier.model, earlier.vectors));
        let mut content = match &source.origin {
            Origin::Text => self.of_original(source, "text.md", Some("text/markdown")).await?,
            Origin::File { name, content_type } => self.of_original(source, name, content_type.as_deref()).await?,
            Origin::Page { url } => self.of_page(source, url, pages).await?,
            Origin::Site { url, max_pages, max_depth } => {
                let limits = self.crawl_limits(url, *max_pages, *max_depth);
                Box::pin(self.of_site(source, url, &limits, pages, begun)).await?
            }
        };
        if content.unfinished.is_none() && content.passages().next().is_none() {
            return Err(SourceError::NoPassages.into());
        }
        self.embed(source, &mut content, vectors).await?;
        Ok(content)
    }

    async fn of_original(&self, source: &Source, name: &str, content_type: Option<&str>) -> Result<Content, Stopped> {
        self.progress(source, 0, 1).await?;
        let original = files::original(&source.account, &source.id, source.original);
        let bytes = self.files.get(&original).await?.context("what was uploaded is gone")?;
        let title = (source.origin == Origin::Text).then(|| source.title.clone());
        let passages = passages_of(name.to_owned(), content_type.map(str::to_owned), bytes, title).await?;
        let page = Page { address: String::new(), validators: Validators::default(), passages };
        Ok(Content { pages: vec![page], ..Content::default() })
    }

    async fn of_page(&self, source: &Source, url: &Url, mut earlier: Pages) -> Result<Content, Stopped> {
        self.progress(source, 0, 1).await?;
        let known = earlier.get(url.as_str()).map(|page| page.validators.clone());
        let page = match self.fetcher.get(url, known.as_ref()).await? {
            Fetched::Unchanged => earlier.remove(url.as_str()).context("an unchanged page was never read")?,
            Fetched::Page(fetched) => Page { address: url.to_string(), ..page_of(fetched).await? },
        };
        Ok(Content { pages: vec![page], ..Content::default() })
    }

    fn crawl_limits(&self, url: &Url, max_pages: u32, max_depth: u32) -> crawl::CrawlLimits {
        let usual = crawl::CrawlLimits::default();
        crawl::CrawlLimits {
            pages: max_pages as usize,
            depth: max_depth as usize,
            delay: if is_this_machine(url) { Duration::ZERO } else { usual.delay },
            stretch: self.crawl_stretch,
            ..usual
        }
    }

    async fn of_site(
        &self,
        source: &Source,
        url: &Url,
        limits: &crawl::CrawlLimits,
        mut earlier: Pages,
        begun: Option<Unfinished>,
    ) -> Result<Content, Stopped> {
        let (part, read, skipped, missing, rest) = match begun {
            Some(Unfinished { part, read, skipped, missing, rest, .. }) => (part, read, skipped, missing, Some(rest)),
            None => (0, HashSet::new(), Vec::new(), Vec::new(), None),
        };
        let pages: Vec<Page> = earlier.extract_if(|address, _| read.contains(address)).map(|(_, page)| page).collect();
        let mut content = Content { pages, skipped, missing, ..Content::default() };
        let known: HashMap<String, Validators> =
            earlier.iter().map(|(address, page)| (address.clone(), page.validators.clone())).collect();
        let (done, found) = rest.as_ref().map_or((0, 1), |rest| (rest.done(), rest.found()));
        let (events, mut steps) = mpsc::channel(PAGES_AHEAD);
        let crawling = async {
            let events = events;
            crawl::crawl(&self.fetcher, url, limits, &known, rest, &events).await
        };
        let reading = async {
            let mut written = Instant::now();
            while let Some(step) = steps.recv().await {
                match step.outcome {
                    crawl::Outcome::Unchanged(address) => content.pages.extend(earlier.remove(address.as_str())),
                    crawl::Outcome::Failed { address, error, passing } => {
                        content.skip(&address, error);
                        // What was read earlier is worth more than nothing.
                        content.pages.extend(earlier.remove(address.as_str()).filter(|_| passing));
                    }
                    crawl::Outcome::Page(fetched) => {
                        let address = fetched.address.clone();
                        match page_of(fetched).await {
                            Ok(page) => content.pages.push(page),
                            Err(Stopped::Source(error)) => content.skip(&address, error),
                            Err(ours) => return Err(ours),
                        }
                    }
                }
                if written.elapsed() > PROGRESS_EVERY {
                    written = Instant::now();
                    // Only what has been read to the end is "n of n".
                    self.progress(source, step.done, step.found.max(step.done + 1)).await?;
                }
            }
            Ok(content)
        };
        self.progress(source, done, found).await?;
        let (crawled, content) = tokio::join!(crawling, reading);
        let (crawled, mut content) = (crawled?, content?);
        content.unfinished = crawled.rest.map(|rest| Unfinished {
            revision: source.revision,
            part: part + 1,
            read: content.pages.iter().map(|page| page.address.clone()).collect(),
            skipped: content.skipped.clone(),
            missing: content.missing.clone(),
            rest: *rest,
        });
        if let Some(cause) = crawled.left_out {
            content.lack(Missing { address: None, cause });
        }
        if crawled.stopped {
            content.pages.extend(earlier.into_values());
        }
        // The order in which links were found is chance, and must not make an equal content a new one.
        content.pages.sort_by(|a, b| a.address.cmp(&b.address));
        Ok(content)
    }

    /// Embeds what was not embedded before by this model: what changed, and nothing else. Without the embedding server,
    /// words alone find it until it is read again; what was embedded before the server went away is kept for then.
    async fn embed(
        &self,
        source: &Source,
        content: &mut Content,
        (earlier_model, earlier): (Option<String>, Vec<KeptVector>),
    ) -> Result<(), Stopped> {
        let Some(embeddings) = &self.embeddings else { return Ok(()) };
        content.model = Some(embeddings.model().to_owned());
        if earlier_model == content.model {
            let wanted: HashSet<u64> = content.passages().map(|passage| Key::of(passage).0).collect();
            content.vectors = earlier.into_iter().filter(|kept| wanted.contains(&kept.key)).collect();
        }
        let known: HashSet<u64> = content.vectors.iter().map(|kept| kept.key).collect();
        let current = self.index(&source.account).await?;
        let (keys, texts): (Vec<Key>, Vec<String>) =
            index::without_vector(current.as_ref(), embeddings.model(), content.passages())
                .into_iter()
                .filter(|(key, _)| !known.contains(&key.0))
                .map(|(key, passage)| (key, index::embedded_text(passage)))
                .unzip();
        let (mut done, mut written) = (0, Instant::now());
        let mut batches = pin!(embeddings.embed_passages(&texts));
        loop {
            match batches.try_next().await {
                Ok(Some(batch)) => {
                    let new = keys[done..].iter().zip(&batch).map(|(key, vector)| KeptVector::new(*key, vector));
                    content.vectors.extend(new);
                    done += batch.len();
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    tracing::error!(
                        source.id = %source.id, error = format!("{error:#}"), "passages could not be embedded"
                    );
                    content.lack(Missing { address: None, cause: SourceError::NotEmbedded });
                    return Ok(());
                }
            }
            if written.elapsed() > PROGRESS_EVERY && done < keys.len() {
                written = Instant::now();
                // In documents, as before; never all of them, since that means that nothing is left to do.
                let documents = content.pages.len();
                self.progress(source, documents * done / keys.len(), documents).await?;
            }
        }
    }

    async fn progress(&self, source: &Source, done: usize, total: usize) -> Result<()> {
        let status = Status::Indexing { done: count(done), total: count(total) };
        self.store.set_source_status(source, &status).await?;
        Ok(())
    }

    async fn put_content(&self, source: &Source, version: &str, content: Content) -> Result<()> {
        let pack = move || {
            let mut packed = zstd::Encoder::new(Vec::new(), COMPRESSION)?;
            serde_json::to_writer(&mut packed, &content)?;
            anyhow::Ok(packed.finish()?)
        };
        let packed = tokio::task::spawn_blocking(pack).await??;
        self.files.put(&files::content(&source.account, &source.id, version), packed.into()).await
    }

    /// What was extracted from a source; none where that version is gone.
    pub(super) async fn content(
        &self,
        account: &AccountId,
        source: &SourceId,
        version: &str,
    ) -> Result<Option<Content>> {
        let Some(packed) = self.files.get(&files::content(account, source, version)).await? else { return Ok(None) };
        tokio::task::spawn_blocking(move || {
            let json = zstd::decode_all(&*packed).context("a source's content is damaged")?;
            serde_json::from_slice(&json).map(Some).context("a source's content is damaged")
        })
        .await?
    }
}

impl Content {
    fn skip(&mut self, address: &Url, cause: SourceError) {
        if self.skipped.len() < MAX_SKIPPED {
            self.lack(Missing { address: Some(address.to_string()), cause });
        }
    }

    fn lack(&mut self, missing: Missing) {
        self.skipped.push(missing.sentence(Lang::En));
        self.missing.push(missing);
    }

    /// What a build of the index needs of the embeddings.
    pub(super) fn embedded(&self) -> Result<Option<Embedded>> {
        let Some(model) = self.model.clone() else { return Ok(None) };
        let vectors = self.vectors.iter().map(KeptVector::unpacked).collect::<Result<_>>()?;
        Ok(Some(Embedded { model, vectors }))
    }
}

fn by_address(pages: Vec<Page>) -> Pages {
    pages.into_iter().map(|page| (page.address.clone(), page)).collect()
}

/// Documents and passages are counted in 32 bits.
pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Our own machine needs no courtesy.
fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

async fn page_of(fetched: FetchedPage) -> Result<Page, Stopped> {
    let FetchedPage { address, content_type, body, validators, .. } = fetched;
    let passages = passages_of(address.to_string(), content_type, body, None).await?;
    Ok(Page { address: address.to_string(), validators, passages })
}

/// Extraction and splitting keep a core busy: on a thread of their own.
async fn passages_of(
    name: String,
    content_type: Option<String>,
    bytes: Bytes,
    title: Option<String>,
) -> Result<Vec<Passage>, Stopped> {
    let read = tokio::task::spawn_blocking(move || {
        let document = extract::document(&name, content_type.as_deref(), &bytes)?;
        let title = title.unwrap_or(document.title);
        Ok::<_, SourceError>(chunk::passages(&Document { title, ..document }))
    });
    Ok(read.await.context("extraction ended without a result")??)
}
