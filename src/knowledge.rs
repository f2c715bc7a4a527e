//! What a team has taught Guildhall: sources in, passages out.

pub mod index; // one account's search index: one immutable object
pub mod language; // text to search terms
pub mod search; // from a question to the passages that may answer it
pub mod vectors; // embeddings as bytes, and the scan over them

use serde::{Deserialize, Serialize};
use url::Url;

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

/// Why a source could not be read: a sentence for the admin who added it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);
