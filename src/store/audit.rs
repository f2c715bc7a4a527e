//! Who changed what.

use super::transact::Write as _;
use super::{Store, keys};
use crate::ids::AccountId;
use anyhow::Result;
use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Longer than a year, so that what was changed this time last year can still be seen.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);

/// One change that somebody made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Whose account was changed.
    pub account: AccountId,
    /// When.
    pub at: Timestamp,
    /// Tells it from others of the same moment.
    pub id: String,
    /// Who did it.
    pub who: Who,
    /// What was done, a word for programs such as `settings.changed`.
    pub what: String,
    /// What it was done to: an id of Discord's or ours.
    #[serde(default)]
    pub on: Option<String>,
    /// The fields that changed. Without values where those are long or secret.
    #[serde(default)]
    pub changes: Vec<Change>,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Who {
    /// What they are.
    pub kind: WhoKind,
    /// A person's Discord id, or a token's id.
    pub id: String,
    /// What they were called then.
    pub name: String,
}

/// What somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhoKind {
    /// A person who signed in.
    Person,
    /// A program with an API token.
    Token,
    /// Whoever runs the installation.
    Operator,
}

/// A field that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Change {
    /// Its name.
    pub field: String,
    /// What it was; none where that is long, secret or was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What it is now; none where that is long, secret or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

#[derive(Serialize)]
struct Kept<'a> {
    #[serde(flatten)]
    note: &'a Note,
    expires: i64,
}

impl Store {
    /// Notes a change that was made. One PutItem.
    pub async fn put_note(&self, note: &Note) -> Result<()> {
        self.put(keys::audit(&note.account, note.at, &note.id), &kept(note)).await
    }

    /// The same as one write of several.
    pub(super) fn noting(&self, note: Option<&Note>) -> Result<Option<TransactWriteItem>> {
        let write = |note: &Note| self.putting(keys::audit(&note.account, note.at, &note.id), &kept(note))?.write();
        note.map(write).transpose()
    }

    /// An account's changes before this one, newest first, at most `limit`. One Query.
    pub async fn notes(&self, account: &AccountId, before: Option<(Timestamp, &str)>, limit: u16) -> Result<Vec<Note>> {
        // Without one, what comes right behind all keys that begin with the prefix.
        let to = before.map_or_else(|| format!("{}~", keys::AUDIT), |(at, id)| keys::audit_at(at, id));
        self.newest(account, keys::AUDIT, &to, limit).await
    }
}

fn kept(note: &Note) -> Kept<'_> {
    Kept { note, expires: (note.at + KEPT).as_second() }
}
