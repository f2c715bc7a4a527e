//! The files of a tantivy index as slices of one object, with new files beside them in memory.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tantivy::Directory;
use tantivy::directory::error::{DeleteError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, FileHandle, OwnedBytes, TerminatingWrite, WatchCallback, WatchHandle, WritePtr,
};

/// A directory that starts with slices of a stored object, which are never copied, and keeps what is written to it in
/// memory. Clones share their files; [`Files::fork`] makes an independent directory with the same ones.
#[derive(Clone, Default)]
pub(super) struct Files(Arc<RwLock<HashMap<PathBuf, OwnedBytes>>>);

impl Files {
    pub(super) fn new(files: impl IntoIterator<Item = (PathBuf, OwnedBytes)>) -> Self {
        Self(Arc::new(RwLock::new(files.into_iter().collect())))
    }

    /// The same files now, independent from here on.
    pub(super) fn fork(&self) -> Self {
        Self::new(self.read().clone())
    }

    pub(super) fn get(&self, path: &Path) -> Option<OwnedBytes> {
        self.read().get(path).cloned()
    }

    // No code panics while it holds the lock, and a map is whole between two calls.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<PathBuf, OwnedBytes>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<PathBuf, OwnedBytes>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Files({})", self.read().len())
    }
}

impl Directory for Files {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let file = self.get(path).ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_owned()))?;
        Ok(Arc::new(file))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let file = self.write().remove(path);
        file.map(drop).ok_or_else(|| DeleteError::FileDoesNotExist(path.to_owned()))
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        Ok(self.read().contains_key(path))
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        if self.read().contains_key(path) {
            return Err(OpenWriteError::FileAlreadyExists(path.to_owned()));
        }
        // An empty file marks the name as taken: tantivy's locks depend on it.
        self.write().insert(path.to_owned(), OwnedBytes::empty());
        Ok(BufWriter::new(Box::new(NewFile { files: self.clone(), path: path.to_owned(), content: Vec::new() })))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let file = self.get(path).ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_owned()))?;
        Ok(file.to_vec())
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.write().insert(path.to_owned(), OwnedBytes::new(data.to_vec()));
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    /// Nobody else writes to these files, so there is never a change to tell about.
    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

/// A file that appears in the directory when it is complete.
struct NewFile {
    files: Files,
    path: PathBuf,
    content: Vec<u8>,
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.content.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TerminatingWrite for NewFile {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        let mut content = std::mem::take(&mut self.content);
        content.shrink_to_fit();
        self.files.write().insert(self.path.clone(), OwnedBytes::new(content));
        Ok(())
    }
}
