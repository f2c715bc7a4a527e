//! A source: what a team has added, and how far Guildhall is with it.

use super::SourceError;
use crate::ids::{AccountId, SourceId};
use crate::sentences::Lang;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
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
    /// When it was last added or asked to be read again; each such request has a later one than any before. What
    /// works on an earlier request may not write any more, and names of files begin with the request they belong to.
    #[serde(default)]
    pub revision: Timestamp,
    /// The revision that brought what was uploaded or typed in; none for pages, sites and what is older than revisions.
    #[serde(default)]
    pub original: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
}

impl Source {
    /// The revision of a request that comes now: later than this source's, whatever the clock says.
    pub fn next_revision(&self, now: Timestamp) -> Timestamp {
        now.max(self.revision.checked_add(SignedDuration::from_nanos(1)).unwrap_or(now))
    }
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
#[schema(as = SourceStatus)]
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
        /// The same for programs; none for what failed before there were codes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<SourceError>,
    },
    /// Is being taken out of the index.
    Removing,
}

impl Status {
    /// It could not be read.
    pub fn failed(cause: SourceError) -> Self {
        Self::Failed { reason: cause.to_string(), cause: Some(cause) }
    }

    /// The same, with its reason in this language where that is known.
    #[must_use]
    pub fn told_in(self, lang: Lang) -> Self {
        match self {
            Self::Failed { cause: Some(cause), .. } => {
                Self::Failed { reason: cause.sentence(lang), cause: Some(cause) }
            }
            other => other,
        }
    }
}

/// Something that is missing from a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Missing {
    /// The page that it is about; none where it is about the whole source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Why.
    pub cause: SourceError,
}

impl Missing {
    /// In a line.
    pub fn sentence(&self, lang: Lang) -> String {
        match &self.address {
            Some(address) => format!("{address}: {}", self.cause.sentence(lang)),
            None => self.cause.sentence(lang),
        }
    }
}

/// What of a source answers questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Ready {
    /// Documents in it.
    pub documents: u32,
    /// Passages in it.
    pub passages: u32,
    /// What is missing from it, with reasons: pages that could not be read, at most ten of them, or embeddings.
    #[serde(default)]
    pub skipped: Vec<String>,
    /// The same for programs, and for other languages. What was written down before there were codes is not among it,
    /// and is first in `skipped`.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// Version of the content.
    pub content: String,
    /// When it was indexed.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl Ready {
    /// What is missing from it, in this language where that is known.
    pub fn lacks(&self, lang: Lang) -> Vec<String> {
        let uncoded = self.skipped.len().saturating_sub(self.missing.len());
        let coded = self.missing.iter().map(|missing| missing.sentence(lang));
        self.skipped.iter().take(uncoded).cloned().chain(coded).collect()
    }
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
    /// Sources in it.
    #[serde(default)]
    pub sources: u32,
    /// When it was swapped in.
    pub at: Timestamp,
}

/// What an admin adds.
#[derive(Debug, Clone)]
pub enum NewSource {
    /// A text under a title, or an answer under its question.
    Text {
        /// The title, or the question.
        title: String,
        /// The body, or the answer; may hold Markdown.
        body: String,
    },
    /// A file.
    File {
        /// Its name, whose ending says what it is; the same name again replaces it.
        name: String,
        /// What the uploader says it is.
        content_type: Option<String>,
        /// What is in it.
        bytes: Bytes,
    },
    /// One page.
    Page {
        /// Its address.
        url: Url,
    },
    /// A site.
    Site {
        /// Where it begins.
        url: Url,
        /// At most so many pages.
        max_pages: u32,
        /// At most so many links away from the start.
        max_depth: u32,
    },
}

/// Pages that a site may have at most, and has unless told otherwise.
pub const MAX_PAGES: u32 = 2_000;
/// Links away from the start that are followed unless told otherwise.
pub const DEFAULT_DEPTH: u32 = 6;
/// Largest file that is taken: a long manual as PDF has some 50 MB.
pub const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;
/// Longest title; more does not fit a list anywhere.
pub const MAX_TITLE_CHARS: usize = 200;

/// Why something cannot be added: a sentence for the admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A text has no title or no body.
    #[error("A text needs a title and a body; a question needs an answer.")]
    Empty,
    /// A title has more than [`MAX_TITLE_CHARS`].
    #[error("The title is longer than {MAX_TITLE_CHARS} characters. Put the rest into the body.")]
    LongTitle,
    /// A file has no name.
    #[error("The file has no name.")]
    NoName,
    /// A file has more than [`MAX_FILE_BYTES`].
    #[error("The file is larger than 64 MB. Split it, or add the pages it was made from.")]
    LargeFile,
    /// An address is not of the web.
    #[error("Only addresses that begin with http:// or https:// can be read.")]
    NotWeb,
    /// An address holds what somebody signs in with.
    #[error(
        "The address holds a user name or a password. Pages behind a sign-in cannot be read; upload them as files instead."
    )]
    Credentials,
    /// A site is to have none or more than [`MAX_PAGES`].
    #[error("A site may have 1 to 2,000 pages. Add larger ones in parts.")]
    Pages,
}

impl NewSource {
    /// Checks it and takes it apart: its id, where it comes from, its title, and the bytes to keep.
    pub fn check(self) -> Result<(SourceId, Origin, String, Option<Bytes>), Unfit> {
        match self {
            Self::Text { title, body } => {
                let title = title.trim();
                if title.is_empty() || body.trim().is_empty() {
                    return Err(Unfit::Empty);
                }
                if title.chars().count() > MAX_TITLE_CHARS {
                    return Err(Unfit::LongTitle);
                }
                Ok((SourceId::of("text", title), Origin::Text, title.to_owned(), Some(body.into())))
            }
            Self::File { name, content_type, bytes } => {
                let name = name.trim().to_owned();
                if name.is_empty() {
                    return Err(Unfit::NoName);
                }
                if bytes.len() > MAX_FILE_BYTES {
                    return Err(Unfit::LargeFile);
                }
                let title = shortened(&name);
                Ok((SourceId::of("file", &name), Origin::File { name, content_type }, title, Some(bytes)))
            }
            Self::Page { url } => {
                let url = web_address(url)?;
                Ok((
                    SourceId::of("page", url.as_str()),
                    Origin::Page { url: url.clone() },
                    shortened(url.as_str()),
                    None,
                ))
            }
            Self::Site { url, max_pages, max_depth } => {
                let url = web_address(url)?;
                if !(1..=MAX_PAGES).contains(&max_pages) {
                    return Err(Unfit::Pages);
                }
                let title = shortened(url.as_str());
                Ok((SourceId::of("site", url.as_str()), Origin::Site { url, max_pages, max_depth }, title, None))
            }
        }
    }
}

fn web_address(mut url: Url) -> Result<Url, Unfit> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Unfit::NotWeb);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Unfit::Credentials);
    }
    url.set_fragment(None);
    Ok(url)
}

fn shortened(title: &str) -> String {
    if title.chars().count() <= MAX_TITLE_CHARS {
        return title.to_owned();
    }
    title.chars().take(MAX_TITLE_CHARS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_failed_before_there_were_codes_is_told_as_it_was() {
        let kept = json!({"state": "failed", "reason": "It is torn."});
        let status: Status = serde_json::from_value(kept.clone()).unwrap();
        assert_eq!(status.clone().told_in(Lang::Fr), status);
        // A write that must find the status unchanged compares it with what is in the table.
        assert_eq!(serde_json::to_value(&status).unwrap(), kept);
    }

    #[test]
    fn what_failed_is_told_in_the_language_of_whoever_looks() {
        let status = Status::failed(SourceError::Circle).told_in(Lang::Fr);
        let told = json!({"state": "failed", "reason": "La page redirige en rond", "cause": {"code": "circle"}});
        assert_eq!(serde_json::to_value(status).unwrap(), told);
    }

    #[test]
    fn what_is_missing_is_told_with_codes_and_without() {
        let missing = Missing { address: Some("http://a/".to_owned()), cause: SourceError::Circle };
        let ready = |skipped: &[&str], missing: &[Missing]| Ready {
            documents: 1,
            passages: 1,
            skipped: skipped.iter().map(|&text| text.to_owned()).collect(),
            missing: missing.to_vec(),
            content: "v1".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        };
        let old = ready(&["http://b/: torn"], &[]);
        assert_eq!(old.lacks(Lang::Fr), ["http://b/: torn"]);
        let mixed = ready(&["http://b/: torn", "http://a/: The page redirects in a circle"], &[missing]);
        assert_eq!(mixed.lacks(Lang::En), mixed.skipped);
        assert_eq!(mixed.lacks(Lang::Fr), ["http://b/: torn", "http://a/: La page redirige en rond"]);
    }
}
