//! A source: what a team has added, and how far Guildhall is with it.

use crate::ids::{AccountId, SourceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

/// Something that a team has added to its knowledge base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// Whose it is.
    pub account: AccountId,
    /// Where it comes from.
    pub origin: Origin,
    /// What lists call it.
    pub title: String,
    /// How far Guildhall is with it.
    pub status: Status,
    /// What answers questions now, also while a newer version is being read or after that failed.
    #[serde(default)]
    pub ready: Option<Ready>,
    /// Version of the extracted content that belongs into the index; none until something was extracted.
    #[serde(default)]
    pub content: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// Where a source comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// A text that was typed in: a body under a title, or an answer under its question.
    Text,
    /// An uploaded file.
    File {
        /// Its name, whose ending says what it is.
        name: String,
        /// What the uploader said it is.
        content_type: Option<String>,
    },
    /// One page.
    Page {
        /// Its address.
        url: Url,
    },
    /// A site, from its sitemap or by its links.
    Site {
        /// Where it begins; only pages of the same host below this path are read.
        url: Url,
        /// At most so many pages.
        max_pages: u32,
        /// At most so many links away from the start.
        max_depth: u32,
    },
}

/// How far Guildhall is with a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Status {
    /// Waits for its turn.
    Pending,
    /// Is being read and indexed.
    Indexing {
        /// Documents done.
        done: u32,
        /// Documents known so far; grows while a site is being explored.
        total: u32,
    },
    /// Answers questions.
    Ready,
    /// Could not be read; an earlier version, if any, still answers.
    Failed {
        /// Why, for the admin who added it.
        reason: String,
    },
    /// Is being taken out of the index.
    Removing,
}

/// What of a source answers questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Ready {
    /// Documents in it.
    pub documents: u32,
    /// Passages in it.
    pub passages: u32,
    /// Pages that could not be read, with reasons; at most ten are kept.
    #[serde(default)]
    pub skipped: Vec<String>,
    /// Version of the content.
    pub content: String,
    /// When it was indexed.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// The index that answers an account's questions now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexPointer {
    /// Grows by one with each swap.
    pub version: u64,
    /// Name of its object.
    pub object: String,
    /// Passages in it.
    pub passages: u64,
    /// When it was swapped in.
    pub at: Timestamp,
}
