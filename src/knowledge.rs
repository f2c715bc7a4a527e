//! What a team has taught Guildhall: sources in, passages out.

pub mod chunk; // a document in passages
pub mod crawl; // a site, page by page
pub mod extract; // HTML, Markdown, text, PDF and DOCX to a document
pub mod fetch; // one page from the public web, within limits
pub mod files; // the files behind sources and indexes
pub mod index; // one account's search index: one immutable object
pub mod language; // text to search terms
pub mod publish; // sources into the index that answers
pub mod read; // a source into passages
pub mod search; // from a question to the passages that may answer it
pub mod source; // what a team has added, and how far Guildhall is with it
pub mod vectors; // embeddings as bytes, and the scan over them

use crate::embedding::Embeddings;
use crate::ids::{AccountId, SourceId};
use crate::job::Job;
use crate::job::Jobs;
use crate::store::{Ailment, Store};
use anyhow::{Context as _, anyhow};
use crawl::CrawlLimits;
use fetch::Fetcher;
use files::Files;
use index::Index;
use jiff::Timestamp;
use moka::future::Cache;
use object_store::path::Path;
use search::Query;
use serde::{Deserialize, Serialize};
use source::{IndexPointer, NewSource, Source, Status, Unfit};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

pub use crate::sentences::sources::SourceError;
pub use search::Hit;

/// A question of fewer characters is embedded together with the one before it.
const SHORT_FOLLOW_UP: usize = 40;

/// One document as a person would read it: what `extract` makes of a page or a file, and what `chunk` splits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its own title, else its file name or address.
    pub title: String,
    /// Where a reader can open it; none for uploaded files and texts.
    pub address: Option<Url>,
    /// Its main content as Markdown, without navigation and other page furniture.
    pub markdown: String,
}

/// The piece of a document that is searched and quoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// Title of the document it comes from.
    pub title: String,
    /// The headings above it, outermost first, without the document's title.
    pub headings: Vec<String>,
    /// Address of the document, with the fragment of the nearest heading where that is known.
    pub address: Option<String>,
    /// Markdown, at most [`chunk::MAX_CHARS`] characters.
    pub text: String,
}

/// Why something could not be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// It is not something that can be read.
    #[error(transparent)]
    Refused(#[from] Unfit),
    /// It could not be kept just now.
    #[error(transparent)]
    Unavailable(#[from] anyhow::Error),
}

/// How long an account's index is taken for the current one before the table is asked again.
const INDEX_CHECKED_EVERY: Duration = Duration::from_secs(1);

/// A request to read a source does not wait longer for its turn; if one does, the source is read once more.
const READ_REMEMBERED: Duration = Duration::from_hours(1);

/// What opened indexes may take together, in bytes; the least used ones go first. On AWS they lie on a function's disk, which
/// has twice that, and are mapped from there.
const OPEN_INDEXES_BYTES: u64 = 256 * 1024 * 1024;

/// An account's documents: adding, reading, indexing and searching them.
#[derive(Clone)]
pub struct Knowledge {
    store: Store,
    files: Files,
    fetcher: Fetcher,
    embeddings: Option<Arc<Embeddings>>,
    crawl_stretch: Duration,
    current: Cache<AccountId, Option<IndexPointer>>,
    open: Cache<String, Opened>,
    /// The index that was opened last, by account: another one takes its place.
    opened: Cache<AccountId, String>,
    /// When the last reading of a source that came to an end had begun: what was asked for before is done.
    read_at: Cache<(AccountId, SourceId), Timestamp>,
}

/// An index in memory, with its size in bytes.
#[derive(Clone)]
struct Opened {
    index: Index,
    bytes: u32,
}

impl Knowledge {
    /// Puts the parts together.
    pub fn new(store: Store, files: Files, fetcher: Fetcher, embeddings: Option<Embeddings>) -> Self {
        Self {
            store,
            files,
            fetcher,
            embeddings: embeddings.map(Arc::new),
            crawl_stretch: CrawlLimits::default().stretch,
            current: Cache::builder().max_capacity(100_000).time_to_live(INDEX_CHECKED_EVERY).build(),
            read_at: Cache::builder().max_capacity(100_000).time_to_live(READ_REMEMBERED).build(),
            opened: Cache::builder().max_capacity(100_000).build(),
            open: Cache::builder().weigher(|_, opened: &Opened| opened.bytes).max_capacity(OPEN_INDEXES_BYTES).build(),
        }
    }

    /// With so much time for one job that crawls a site. What was read by then answers, and another job goes on from there.
    #[must_use]
    pub fn crawling_for(self, crawl_stretch: Duration) -> Self {
        Self { crawl_stretch, ..self }
    }

    /// Takes a source in; it is read and indexed soon after. The same page, file or title again means the same source
    /// anew, whose old version answers until the new one is whole.
    pub async fn add(
        &self,
        account: &AccountId,
        new: NewSource,
        jobs: &Jobs,
        now: Timestamp,
    ) -> Result<Source, AddError> {
        let (id, origin, title, bytes) = new.check()?;
        let earlier = self.store.source(account, &id).await?;
        let revision = earlier.as_ref().map_or(now, |earlier| earlier.next_revision(now));
        let original = bytes.as_ref().map(|_| revision);
        if let Some(bytes) = bytes {
            self.files.put(&files::original(account, &id, original), bytes).await?;
        }
        let (ready, content, created_at) = earlier
            .filter(|earlier| earlier.status != Status::Removing)
            .map_or((None, None, now), |earlier| (earlier.ready, earlier.content, earlier.created_at));
        let (account, status) = (account.clone(), Status::Pending);
        let source = Source { id, account, origin, title, status, ready, content, revision, original, created_at };
        self.store.put_source(&source).await?;
        self.send_read(&source, jobs, now).await?;
        Ok(source)
    }

    /// Reads a source again; none where there is none.
    pub async fn refresh(
        &self,
        account: &AccountId,
        source: &SourceId,
        jobs: &Jobs,
        now: Timestamp,
    ) -> anyhow::Result<Option<Source>> {
        let found = self.store.source(account, source).await?;
        let Some(mut source) = found.filter(|source| source.status != Status::Removing) else { return Ok(None) };
        let revision = source.next_revision(now);
        if self.store.set_source_pending(&source, revision).await? {
            (source.status, source.revision) = (Status::Pending, revision);
        }
        self.send_read(&source, jobs, now).await?;
        Ok(Some(source))
    }

    /// Takes a source out of the index and deletes it; false where there is none.
    pub async fn remove(
        &self,
        account: &AccountId,
        source: &SourceId,
        jobs: &Jobs,
        now: Timestamp,
    ) -> anyhow::Result<bool> {
        while let Some(found) = self.store.source(account, source).await? {
            // Else it was added anew between our reading and our writing.
            if self.store.set_source_removing(&found).await? {
                self.send_publish(account, jobs, now).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The passages that may answer `text`, best first. `context` holds earlier words of the conversation, newest first.
    ///
    /// One GetItem each second and account; an index is loaded once and stays in memory while it is used. An embeddings
    /// server that is down or slow is done without.
    pub async fn search(
        &self,
        account: &AccountId,
        text: &str,
        context: Option<&str>,
        limit: usize,
    ) -> anyhow::Result<Vec<Hit>> {
        let Some(index) = self.index(account).await? else { return Ok(Vec::new()) };
        let vector = self.question_vector(account, &index, text, context).await;
        // A search takes well below a millisecond: handing it to another thread would cost more than it saves.
        index.search(&Query { text, context, vector: vector.as_deref(), limit })
    }

    /// The passages of a source that answer questions now, in its own order: `limit` of them from the `skip`th on. One file
    /// is read.
    pub async fn passages(&self, source: &Source, skip: usize, limit: usize) -> anyhow::Result<Vec<Passage>> {
        let Some(ready) = &source.ready else { return Ok(Vec::new()) };
        let content = self.content(&source.account, &source.id, &ready.content).await?.unwrap_or_default();
        Ok(content.passages().skip(skip).take(limit).cloned().collect())
    }

    /// Sends what an earlier process had begun and left, and has an index that cannot be opened (damaged, or of an older
    /// format) built anew: for the start of a single machine, before the queue runs.
    pub async fn resume(&self, account: &AccountId, jobs: &Jobs, now: Timestamp) -> anyhow::Result<()> {
        let queued: HashSet<String> = self.store.pending_jobs().await?.into_iter().map(|job| job.group).collect();
        let mut unpublished = self.index(account).await.is_err();
        for source in self.store.sources(account).await? {
            match source.status {
                Status::Pending | Status::Indexing { .. } => {
                    let read =
                        Job::Read { account: account.clone(), source: source.id.clone(), asked_at: now, part: 0 };
                    // What the queue still has must keep its count of attempts, or it would never be given up.
                    if !queued.contains(&read.group()) {
                        jobs.send(&read, now).await?;
                    }
                }
                Status::Removing => unpublished = true,
                Status::Ready | Status::Failed { .. } => {}
            }
        }
        if unpublished {
            self.send_publish(account, jobs, now).await?;
        }
        Ok(())
    }

    /// Whether there is an embeddings server.
    pub fn has_embeddings(&self) -> bool {
        self.embeddings.is_some()
    }

    async fn question_vector(
        &self,
        account: &AccountId,
        index: &Index,
        text: &str,
        context: Option<&str>,
    ) -> Option<Vec<f32>> {
        let embeddings = self.embeddings.as_ref()?;
        if index.manifest().model.as_deref() != Some(embeddings.model()) {
            return None;
        }
        // What a short follow-up is about was said before it.
        let newest = context.and_then(|context| context.lines().next());
        let asked = match newest {
            Some(earlier) if text.chars().count() < SHORT_FOLLOW_UP => format!("{earlier}\n{text}"),
            _ => text.to_owned(),
        };
        match embeddings.embed_query(&asked).await {
            Ok(vector) => Some(vector),
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "searching by words alone: no embedding of the question");
                // For the health page alone: a search goes on without.
                let _ = self.store.record_ailment(account, Ailment::Embeddings, Timestamp::now()).await;
                None
            }
        }
    }

    /// The index that answers now.
    async fn index(&self, account: &AccountId) -> anyhow::Result<Option<Index>> {
        let current = self
            .current
            .try_get_with_by_ref(account, self.store.index(account))
            .await
            .map_err(|error: Arc<anyhow::Error>| anyhow!("{error:#}"))?;
        let Some(pointer) = current else { return Ok(None) };
        if let Ok(index) = self.open_index(account, &pointer).await {
            return Ok(Some(index));
        }
        // It may have been replaced and deleted a moment ago.
        self.current.invalidate(account).await;
        let Some(pointer) = self.store.index(account).await? else { return Ok(None) };
        self.open_index(account, &pointer).await.map(Some)
    }

    async fn open_index(&self, account: &AccountId, pointer: &IndexPointer) -> anyhow::Result<Index> {
        let opened = self
            .open
            .try_get_with_by_ref(&pointer.object, async {
                let object = Path::parse(&pointer.object)?;
                let bytes = self.files.get_mapped(&object).await?.context("the index object is gone")?;
                let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                let index = tokio::task::spawn_blocking(move || Index::open(&bytes)).await??;
                anyhow::Ok(Opened { index, bytes: size })
            })
            .await
            .map_err(|error: Arc<anyhow::Error>| anyhow!("{error:#}"))?;
        let before = self.opened.get(account).await;
        if before.as_ref() != Some(&pointer.object) {
            self.opened.insert(account.clone(), pointer.object.clone()).await;
            if let Some(before) = before {
                self.open.invalidate(&before).await;
            }
        }
        Ok(opened.index)
    }

    async fn send_read(&self, source: &Source, jobs: &Jobs, now: Timestamp) -> anyhow::Result<()> {
        let job = Job::Read {
            account: source.account.clone(),
            source: source.id.clone(),
            asked_at: source.revision,
            part: 0,
        };
        if let Err(error) = jobs.send(&job, now).await {
            // Nothing would ever come for it: better to say so than to let it wait.
            self.store.set_source_status(source, &Status::failed(SourceError::NotTaken)).await?;
            return Err(error.into());
        }
        Ok(())
    }

    async fn send_publish(&self, account: &AccountId, jobs: &Jobs, now: Timestamp) -> anyhow::Result<()> {
        let request = now.as_nanosecond().to_string();
        Ok(jobs.send(&Job::Index { account: account.clone(), request }, now).await?)
    }
}
