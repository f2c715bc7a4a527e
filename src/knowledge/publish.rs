//! Sources into the index that answers: everything that is new in one go, swapped in when it is whole.

use super::index::{self, Embedded, Index, SourceContent};
use super::read::{Content, count};
use super::source::{IndexPointer, Missing, Ready, Source, Status};
use super::{Knowledge, Passage, SourceError, files};
use crate::ids::{AccountId, SourceId};
use anyhow::Result;
use bytes::Bytes;
use jiff::Timestamp;
use object_store::path::Path;
use tantivy::directory::OwnedBytes;

/// Passages that one build takes in: it holds them in memory, and what it has done answers before the next begins.
const PASSAGES_PER_BUILD: usize = 30_000;

/// Versions of an index that are kept besides the newest: a reader may be about to open one.
const OLDER_VERSIONS_KEPT: u64 = 2;

/// What one build changes.
#[derive(Default)]
struct Change {
    add: Vec<Addition>,
    remove: Vec<String>,
    embedded: Option<Embedded>,
}

/// A source with what is new of it.
struct Addition {
    source: SourceId,
    version: String,
    documents: u32,
    passages: Vec<Passage>,
    skipped: Vec<String>,
    missing: Vec<Missing>,
}

impl Addition {
    fn content(&self) -> SourceContent<'_> {
        SourceContent { source: &self.source.0, version: &self.version, passages: &self.passages }
    }

    fn ready(&self, now: Timestamp) -> Ready {
        Ready {
            documents: self.documents,
            passages: count(self.passages.len()),
            skipped: self.skipped.clone(),
            missing: self.missing.clone(),
            content: self.version.clone(),
            at: now,
        }
    }
}

impl Change {
    fn add(&mut self, source: SourceId, version: String, content: Content) -> Result<()> {
        match (&mut self.embedded, content.embedded()?) {
            (Some(all), Some(more)) if all.model == more.model => all.vectors.extend(more.vectors),
            (all @ None, more) => *all = more,
            _ => {}
        }
        self.add.push(addition(source, version, content));
        Ok(())
    }
}

fn addition(source: SourceId, version: String, content: Content) -> Addition {
    let documents = count(content.pages.len());
    let passages = content.pages.into_iter().flat_map(|page| page.passages).collect();
    Addition { source, version, documents, passages, skipped: content.skipped, missing: content.missing }
}

impl Knowledge {
    /// Brings an account's index up to date with its sources. Any number of requests that came before are served by
    /// one run; a run with nothing to do reads two items' worth and stops.
    pub async fn publish(&self, account: &AccountId, now: Timestamp) -> Result<()> {
        loop {
            let pointer = self.store.index(account).await?;
            let previous = match &pointer {
                Some(pointer) => self.previous(account, pointer).await?,
                None => None,
            };
            let sources = self.store.sources(account).await?;
            let change = self.change(account, previous.as_ref(), &sources).await?;
            if change.add.is_empty() && change.remove.is_empty() {
                return self.settle(account, previous.as_ref(), sources, now).await;
            }
            self.build_and_swap(account, pointer, previous, change, now).await?;
        }
    }

    /// The index to start from; none, which means from scratch, where it is damaged or of an older format.
    async fn previous(&self, account: &AccountId, pointer: &IndexPointer) -> Result<Option<Index>> {
        match self.open_index(account, pointer).await {
            Ok(index) => Ok(Some(index)),
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "an index cannot be opened and is built anew");
                Ok(None)
            }
        }
    }

    /// What the index lacks and what it should no longer have.
    async fn change(&self, account: &AccountId, previous: Option<&Index>, sources: &[Source]) -> Result<Change> {
        let mut change = Change::default();
        let indexed = previous.map(|index| &index.manifest().sources);
        let version_of = |id: &str| indexed.and_then(|sources| sources.get(id)).map(|entry| &*entry.version);
        let mut passages = 0;
        for source in sources.iter().filter(|source| source.status != Status::Removing) {
            let Some(version) = &source.content else { continue };
            if version_of(&source.id.0) == Some(version) || passages >= PASSAGES_PER_BUILD {
                continue;
            }
            let Some(content) = self.content(account, &source.id, version).await? else {
                // One that waits is about to be read again.
                if source.status == Status::Pending {
                    continue;
                }
                self.store.change_source_status(source, &Status::failed(SourceError::Gone)).await?;
                continue;
            };
            passages += content.passages().count();
            change.add(source.id.clone(), version.clone(), content)?;
        }
        let stays = |id: &str| sources.iter().any(|source| source.id.0 == id && source.status != Status::Removing);
        change.remove =
            indexed.into_iter().flat_map(|sources| sources.keys()).filter(|id| !stays(id)).cloned().collect();
        Ok(change)
    }

    async fn build_and_swap(
        &self,
        account: &AccountId,
        pointer: Option<IndexPointer>,
        previous: Option<Index>,
        change: Change,
        now: Timestamp,
    ) -> Result<()> {
        let (object, passages, sources, change) = tokio::task::spawn_blocking(move || {
            let mut change = change;
            let embedded = embedded(previous.as_ref(), &mut change);
            let add: Vec<SourceContent<'_>> = change.add.iter().map(Addition::content).collect();
            let remove: Vec<&str> = change.remove.iter().map(String::as_str).collect();
            let object = index::build(previous.as_ref(), &remove, &add, embedded.as_ref())?;
            let object = OwnedBytes::new(object);
            // What cannot be opened must never be swapped in.
            let built = Index::open(&object)?;
            let (passages, sources) = (built.manifest().passages(), count(built.manifest().sources.len()));
            anyhow::Ok((object, passages, sources, change))
        })
        .await??;
        let version = pointer.map_or(0, |pointer| pointer.version) + 1;
        let name = files::index(account, version);
        self.files.put(&name, Bytes::from_owner(object)).await?;
        let next = IndexPointer { version, object: name.to_string(), passages, sources, at: now };
        if !self.store.swap_index(account, &next).await? {
            // Somebody else swapped: what is missing from theirs is found by the next round.
            return Ok(());
        }
        self.current.invalidate(account).await;
        for new in change.add {
            self.tell_ready(account, &new, now).await?;
        }
        let oldest = version.saturating_sub(OLDER_VERSIONS_KEPT).max(1);
        let keep: Vec<_> = (oldest..=version).map(|version| files::index(account, version)).collect();
        self.files.delete_from(&files::index_folder(account), |file| !keep.contains(file)).await
    }

    /// Writes down that a version answers, and deletes what earlier ones left. A source that is being read again, or
    /// waits for it, keeps that status.
    async fn tell_ready(&self, account: &AccountId, new: &Addition, now: Timestamp) -> Result<()> {
        let source = loop {
            let Some(source) = self.store.source(account, &new.source).await? else { return Ok(()) };
            if source.status == Status::Removing {
                return Ok(());
            }
            let is_newest = source.content.as_ref() == Some(&new.version);
            let status = if is_newest && is_read(&source.status) { Status::Ready } else { source.status.clone() };
            if self.store.set_source_ready(&source, &new.ready(now), &status).await? {
                break source;
            }
            // Its status was changed between our reading and our writing, which a reader does twice a second at most.
        };
        let content = |version: &String| files::content(account, &new.source, version);
        let original = files::original(account, &new.source, source.original);
        let keep: Vec<_> = source.content.iter().chain([&new.version]).map(content).chain([original]).collect();
        // What belongs to the newest revision may just be being written.
        let unwanted = |file: &Path| files::is_of_earlier(file, source.revision, false) && !keep.contains(file);
        self.files.delete_from(&files::source_folder(account, &new.source), unwanted).await
    }

    /// Says on all sources that wait for the index that it could not be built.
    pub(crate) async fn give_up_publishing(&self, account: &AccountId) -> Result<()> {
        for source in self.store.sources(account).await?.into_iter().filter(|source| is_read(&source.status)) {
            self.store.change_source_status(&source, &Status::failed(SourceError::NotIndexed)).await?;
        }
        Ok(())
    }

    /// With the index up to date: what is gone from it is deleted, and what was read again without a change is ready.
    /// A source that was added or read again since `sources` were read is left to the run that is on its way.
    async fn settle(
        &self,
        account: &AccountId,
        index: Option<&Index>,
        sources: Vec<Source>,
        now: Timestamp,
    ) -> Result<()> {
        for source in sources {
            match &source.status {
                Status::Removing => {
                    // Files first: an item without files can be met again, files without an item cannot.
                    let its_own = |file: &Path| files::is_of_earlier(file, source.revision, true);
                    self.files.delete_from(&files::source_folder(account, &source.id), its_own).await?;
                    self.store.delete_source(&source).await?;
                }
                status if is_read(status) => {
                    let entry = index.and_then(|index| index.manifest().sources.get(&source.id.0));
                    let Some(version) = source.content.as_ref().filter(|v| entry.is_some_and(|e| e.version == **v))
                    else {
                        continue;
                    };
                    let ready = match &source.ready {
                        Some(ready) if ready.content == *version => Ready { at: now, ..ready.clone() },
                        // The process ended between the swap and this.
                        _ => match self.content(account, &source.id, version).await? {
                            Some(content) => addition(source.id.clone(), version.clone(), content).ready(now),
                            None => continue,
                        },
                    };
                    self.store.set_source_ready(&source, &ready, &Status::Ready).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether a source has been read to its end and waits for the index alone.
fn is_read(status: &Status) -> bool {
    matches!(status, Status::Indexing { done, total } if done == total)
}

/// The embeddings that a build needs: with a model, its vectors for what is new; the rest comes from the previous index.
fn embedded(previous: Option<&Index>, change: &mut Change) -> Option<Embedded> {
    if !change.add.is_empty() {
        // Texts added without a model have none.
        return change.embedded.take();
    }
    // Nothing is added: what stays keeps its vectors.
    let model = previous.and_then(|index| index.manifest().model.clone())?;
    Some(Embedded { model, ..Embedded::default() })
}
