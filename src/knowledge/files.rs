//! The files behind sources and indexes: a folder on one machine, a bucket on AWS.

use crate::ids::{AccountId, SourceId};
use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures::TryStreamExt as _;
use jiff::Timestamp;
use object_store::path::Path;
use object_store::{GetResult, GetResultPayload, ObjectStore, ObjectStoreExt as _, PutPayload};
use std::sync::Arc;
use tantivy::directory::OwnedBytes;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;

/// Files by name.
#[derive(Debug, Clone)]
pub struct Files {
    store: Arc<dyn ObjectStore>,
    is_remote: bool,
}

impl Files {
    /// On this machine or in its memory.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, is_remote: false }
    }

    /// On another machine: what is to be mapped is first fetched into the folder for temporary files.
    pub fn remote(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, is_remote: true }
    }

    /// Writes a file, whole or not at all.
    pub async fn put(&self, name: &Path, bytes: Bytes) -> Result<()> {
        self.store.put(name, PutPayload::from_bytes(bytes)).await.with_context(|| format!("writing {name}"))?;
        Ok(())
    }

    /// Reads a file; none where there is none.
    pub async fn get(&self, name: &Path) -> Result<Option<Bytes>> {
        match self.store.get(name).await {
            Ok(found) => Ok(Some(found.bytes().await.with_context(|| format!("reading {name}"))?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {name}")),
        }
    }

    /// Reads a file without having it in memory; none where there is none. Files are never changed in place, so a mapped
    /// one stays whole even when it is replaced or deleted. One from another machine takes its place on this one's disk
    /// until it is dropped.
    pub async fn get_mapped(&self, name: &Path) -> Result<Option<OwnedBytes>> {
        let found = match self.store.get(name).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("reading {name}")),
        };
        if let GetResultPayload::File(_, path) = &found.payload {
            let path = path.clone();
            return Ok(Some(tokio::task::spawn_blocking(move || super::index::map(&path)).await??));
        }
        if self.is_remote {
            return fetch(found).await.map(Some).with_context(|| format!("fetching {name}"));
        }
        let bytes = found.bytes().await.with_context(|| format!("reading {name}"))?;
        Ok(Some(OwnedBytes::new(Vec::from(bytes))))
    }

    /// Deletes a file; nothing happens where there is none.
    pub async fn delete(&self, name: &Path) -> Result<()> {
        match self.store.delete(name).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("deleting {name}")),
        }
    }

    /// Deletes those files of a folder that `unwanted` picks.
    pub async fn delete_from(&self, folder: &Path, unwanted: impl Fn(&Path) -> bool) -> Result<()> {
        let found: Vec<_> =
            self.store.list(Some(folder)).try_collect().await.with_context(|| format!("listing {folder}"))?;
        for file in found.into_iter().filter(|file| unwanted(&file.location)) {
            self.delete(&file.location).await?;
        }
        Ok(())
    }
}

/// A copy on this machine, mapped. It has no name any more, so that it is gone with its last reader, however that ends.
async fn fetch(found: GetResult) -> Result<OwnedBytes> {
    let copy = tokio::task::spawn_blocking(NamedTempFile::new).await??;
    let (file, path) = copy.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let mut parts = found.into_stream();
    while let Some(part) = parts.try_next().await? {
        file.write_all(&part).await?;
    }
    file.flush().await?;
    tokio::task::spawn_blocking(move || super::index::map(&path)).await?
}

/// Folder of one source's files.
pub fn source_folder(account: &AccountId, source: &SourceId) -> Path {
    Path::from_iter(["accounts", &account.0, "sources", &source.0])
}

/// What was uploaded or typed in. Each addition has a file of its own, so that what still works on an earlier one, or
/// deletes it, never touches a later one; what was added before there were revisions has none in its name.
pub fn original(account: &AccountId, source: &SourceId, revision: Option<Timestamp>) -> Path {
    let name =
        revision.map_or_else(|| "original".to_owned(), |revision| format!("original-{}", revision_name(revision)));
    source_folder(account, source).join(name)
}

/// The version of a content that was extracted for this revision of its source: where the file is named after it too.
pub fn content_version(revision: Timestamp, digest: &str) -> String {
    format!("{}-{digest}", revision_name(revision))
}

/// What was extracted from a source.
pub fn content(account: &AccountId, source: &SourceId, version: &str) -> Path {
    source_folder(account, source).join(format!("content-{version}.zst"))
}

/// In the order of time.
fn revision_name(revision: Timestamp) -> String {
    format!("{:020}", revision.as_nanosecond())
}

/// Whether one of a source's files belongs to an earlier revision than this, or to this one too with `or_same`.
pub fn is_of_earlier(file: &Path, revision: Timestamp, or_same: bool) -> bool {
    let parts = file.filename().map(|name| name.split(['-', '.']));
    // What names no revision is older than all that do.
    let of = parts.and_then(|mut parts| parts.nth(1)?.parse::<i128>().ok()).unwrap_or_default();
    of < revision.as_nanosecond() || or_same && of == revision.as_nanosecond()
}

/// Folder of an account's indexes.
pub fn index_folder(account: &AccountId) -> Path {
    Path::from_iter(["accounts", &account.0, "index"])
}

/// One version of an account's index.
pub fn index(account: &AccountId, version: u64) -> Path {
    index_folder(account).join(format!("{version:010}.tar"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_know_the_revision_they_belong_to() {
        let (account, source) = (AccountId::local(), SourceId::of("file", "a.md"));
        let [first, second] = [1, 1_000_000_000_000_000_000].map(|n| Timestamp::from_nanosecond(n).unwrap());
        let names = |revision| {
            let version = content_version(revision, "1234567890abcdef");
            [original(&account, &source, Some(revision)), content(&account, &source, &version)]
        };
        for file in names(first) {
            assert!(is_of_earlier(&file, second, false) && is_of_earlier(&file, first, true), "{file}");
            assert!(!is_of_earlier(&file, first, false), "{file}");
        }
        for file in names(second) {
            assert!(!is_of_earlier(&file, first, true), "{file}");
        }
        assert!(is_of_earlier(&original(&account, &source, None), first, false));
    }
}
