//! Sources into the index that answers: everything that is new in one go, swapped in when it is whole.

use super::index::{self, Embedded, Index, SourceContent};
use super::read::Content;
use super::source::{IndexPointer, Ready, Source, Status};
use super::{Knowledge, files};
use crate::ids::AccountId;
use anyhow::Result;
use bytes::Bytes;
use jiff::Timestamp;
use tantivy::directory::OwnedBytes;

/// Passages that one build takes in: it holds them in memory, and what it has done answers before the next begins.
const PASSAGES_PER_BUILD: usize = 30_000;

/// Versions of an index that are kept besides the newest: a reader may be about to open one.
const OLDER_VERSIONS_KEPT: u64 = 2;

/// What one build changes.
#[derive(Default)]
struct Change {
    add: Vec<(Source, String, Content)>,
    remove: Vec<String>,
}

impl Knowledge {
    /// Brings an account's index up to date with its sources. Any number of requests that came before are served by
    /// one run; a run with nothing to do reads two items' worth and stops.
    pub async fn publish(&self, account: &AccountId, now: Timestamp) -> Result<()> {
        loop {
            let pointer = self.store.index(account).await?;
            let previous = match &pointer {
                Some(pointer) => self.previous(pointer).await?,
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
    async fn previous(&self, pointer: &IndexPointer) -> Result<Option<Index>> {
        match self.open_index(pointer).await {
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
                let reason = "Its extracted text is gone. Index it again.".to_owned();
                self.store.set_source_status(account, &source.id, &Status::Failed { reason }).await?;
                continue;
            };
            passages += content.passages().count();
            change.add.push((source.clone(), version.clone(), content));
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
        let (object, passages, change) = tokio::task::spawn_blocking(move || {
            let texts: Vec<Vec<_>> =
                change.add.iter().map(|(_, _, content)| content.passages().cloned().collect()).collect();
            let add: Vec<SourceContent<'_>> = change
                .add
                .iter()
                .zip(&texts)
                .map(|((source, version, _), passages)| SourceContent { source: &source.id.0, version, passages })
                .collect();
            let remove: Vec<&str> = change.remove.iter().map(String::as_str).collect();
            let embedded = embedded(previous.as_ref(), &change);
            let object = index::build(previous.as_ref(), &remove, &add, embedded.as_ref())?;
            let object = OwnedBytes::new(object);
            // What cannot be opened must never be swapped in.
            let built = Index::open(&object)?;
            anyhow::Ok((object, built.manifest().passages(), change))
        })
        .await??;
        let version = pointer.map_or(0, |pointer| pointer.version) + 1;
        let name = files::index(account, version);
        self.files.put(&name, Bytes::from_owner(object)).await?;
        let next = IndexPointer { version, object: name.to_string(), passages, at: now };
        if !self.store.swap_index(account, &next).await? {
            // Somebody else swapped: what is missing from theirs is found by the next round.
            return Ok(());
        }
        self.current.invalidate(account).await;
        for (source, version, content) in change.add {
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            let ready = Ready {
                documents: count(content.pages.len()),
                passages: count(content.passages().count()),
                skipped: content.skipped,
                content: version.clone(),
                at: now,
            };
            self.store.set_source_ready(account, &source.id, &ready, &Status::Ready).await?;
            let keep = [files::original(account, &source.id), files::content(account, &source.id, &version)];
            self.files.delete_others(&files::source_folder(account, &source.id), &keep).await?;
        }
        let oldest = version.saturating_sub(OLDER_VERSIONS_KEPT).max(1);
        let keep: Vec<_> = (oldest..=version).map(|version| files::index(account, version)).collect();
        self.files.delete_others(&files::index_folder(account), &keep).await
    }

    /// With the index up to date: what is gone from it is deleted, and what was read again without a change is ready.
    async fn settle(
        &self,
        account: &AccountId,
        index: Option<&Index>,
        sources: Vec<Source>,
        now: Timestamp,
    ) -> Result<()> {
        for source in sources {
            match source.status {
                Status::Removing => {
                    self.files.delete_others(&files::source_folder(account, &source.id), &[]).await?;
                    self.store.delete_source(account, &source.id).await?;
                }
                Status::Indexing { .. } => {
                    let entry = index.and_then(|index| index.manifest().sources.get(&source.id.0));
                    let (Some(entry), Some(mut ready)) = (entry, source.ready) else { continue };
                    if source.content.as_ref() == Some(&entry.version) && ready.content == entry.version {
                        ready.at = now;
                        self.store.set_source_ready(account, &source.id, &ready, &Status::Ready).await?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The embeddings that a build needs: with a model, its vectors for what is new; the rest comes from the previous index.
fn embedded(previous: Option<&Index>, change: &Change) -> Option<Embedded> {
    let mut new = change.add.iter().filter_map(|(_, _, content)| content.embedded());
    let Some(mut all) = new.next() else {
        // Nothing is added: what stays keeps its vectors. Texts added without a model have none.
        let model = previous.and_then(|index| index.manifest().model.clone()).filter(|_| change.add.is_empty())?;
        return Some(Embedded { model, ..Embedded::default() });
    };
    for more in new.filter(|more| more.model == all.model).collect::<Vec<_>>() {
        all.vectors.extend(more.vectors);
    }
    Some(all)
}
