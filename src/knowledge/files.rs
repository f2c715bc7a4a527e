//! The files behind sources and indexes: a folder on one machine, a bucket on AWS.

use crate::ids::{AccountId, SourceId};
use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt as _, PutPayload};
use std::sync::Arc;
use tantivy::directory::OwnedBytes;

/// Files by name.
#[derive(Debug, Clone)]
pub struct Files(Arc<dyn ObjectStore>);

impl Files {
    /// In whatever store it is given.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self(store)
    }

    /// Writes a file, whole or not at all.
    pub async fn put(&self, name: &Path, bytes: Bytes) -> Result<()> {
        self.0.put(name, PutPayload::from_bytes(bytes)).await.with_context(|| format!("writing {name}"))?;
        Ok(())
    }

    /// Reads a file; none where there is none.
    pub async fn get(&self, name: &Path) -> Result<Option<Bytes>> {
        match self.0.get(name).await {
            Ok(found) => Ok(Some(found.bytes().await.with_context(|| format!("reading {name}"))?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {name}")),
        }
    }

    /// Reads a file without copying it where it lies on this machine; none where there is none. Files are never changed
    /// in place, so a mapped one stays whole even when it is replaced or deleted.
    pub async fn get_mapped(&self, name: &Path) -> Result<Option<OwnedBytes>> {
        let found = match self.0.get(name).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("reading {name}")),
        };
        if let GetResultPayload::File(_, path) = &found.payload {
            let path = path.clone();
            return Ok(Some(tokio::task::spawn_blocking(move || super::index::map(&path)).await??));
        }
        let bytes = found.bytes().await.with_context(|| format!("reading {name}"))?;
        Ok(Some(OwnedBytes::new(Vec::from(bytes))))
    }

    /// Deletes a file; nothing happens where there is none.
    pub async fn delete(&self, name: &Path) -> Result<()> {
        match self.0.delete(name).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("deleting {name}")),
        }
    }

    /// Deletes all files of a folder but `keep`.
    pub async fn delete_others(&self, folder: &Path, keep: &[Path]) -> Result<()> {
        let found: Vec<_> =
            self.0.list(Some(folder)).try_collect().await.with_context(|| format!("listing {folder}"))?;
        for file in found.into_iter().filter(|file| !keep.contains(&file.location)) {
            self.delete(&file.location).await?;
        }
        Ok(())
    }
}

/// Folder of one source's files.
pub fn source_folder(account: &AccountId, source: &SourceId) -> Path {
    Path::from_iter(["accounts", &account.0, "sources", &source.0])
}

/// What was uploaded or typed in.
pub fn original(account: &AccountId, source: &SourceId) -> Path {
    source_folder(account, source).join("original")
}

/// What was extracted from a source.
pub fn content(account: &AccountId, source: &SourceId, version: &str) -> Path {
    source_folder(account, source).join(format!("content-{version}.zst"))
}

/// Folder of an account's indexes.
pub fn index_folder(account: &AccountId) -> Path {
    Path::from_iter(["accounts", &account.0, "index"])
}

/// One version of an account's index.
pub fn index(account: &AccountId, version: u64) -> Path {
    index_folder(account).join(format!("{version:010}.tar"))
}
