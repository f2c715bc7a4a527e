//! Sources in lists: all of them, those that are being read, and those that could not be, each in the order in which they
//! were added.
//!
//! An entry is written in one transaction with what it tells of, and the source says on which list it stands. So a program
//! that knows nothing of lists is found out: it leaves a source that says none, or another one than its status asks for,
//! and whoever reads all of an account's sources puts that right.

use super::transact::Write as _;
use super::{Item, Store, failure, from_item, keys, text};
use crate::ids::{AccountId, SourceId};
use crate::knowledge::source::{Source, Status};
use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Sources that could not be read are counted up to here: nobody reads more names than a few.
const MOST_FAILED: i32 = 1_000;

/// Titles that one part looks through for what is to be found: some milliseconds' worth. The next part goes on from there.
const LOOKED_THROUGH: i32 = 1_000;

/// A list of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceList {
    /// All of them.
    All,
    /// Those that wait, are being read, or are on their way out.
    Reading,
    /// Those that could not be read.
    Failed,
}

impl SourceList {
    /// The shortest list that a source of this status stands on.
    pub fn of(status: &Status) -> Self {
        match status {
            Status::Ready => Self::All,
            Status::Pending | Status::Indexing { .. } | Status::Removing => Self::Reading,
            Status::Failed { .. } => Self::Failed,
        }
    }

    /// Whether a source of this status stands on it.
    pub fn has(self, status: &Status) -> bool {
        self == Self::All || self == Self::of(status)
    }

    /// Its name in the table.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::Reading => "READING",
            Self::Failed => "FAILED",
        }
    }
}

/// A place in a list: when the source there was added, and its id.
pub type Position = (Timestamp, String);

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy)]
pub struct PartOfList<'a> {
    /// Which list.
    pub list: SourceList,
    /// What titles must contain, in small letters; nothing for all.
    pub find: &'a str,
    /// The part begins behind this place; none for the beginning.
    pub after: Option<&'a Position>,
    /// From the newest to the oldest, instead of the other way round.
    pub newest_first: bool,
    /// Sources at most.
    pub limit: usize,
}

/// A part of a list.
#[derive(Debug)]
pub struct ListedSources {
    /// The sources, in the order that was asked for.
    pub sources: Vec<Source>,
    /// The place behind which the next part begins; none at the end.
    pub next: Option<Position>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    id: SourceId,
    created_at: Timestamp,
    title: String,
    /// The title in small letters.
    find: String,
}

impl Entry {
    fn of(source: &Source) -> Self {
        let (id, created_at, title) = (source.id.clone(), source.created_at, source.title.clone());
        Self { id, created_at, find: title.to_lowercase(), title }
    }

    fn position(&self) -> Position {
        (self.created_at, self.id.0.clone())
    }
}

#[derive(Serialize, Deserialize)]
struct AreListed {}

impl Store {
    /// A part of a list of sources. One Query and one BatchGetItem for each hundred of them. With something to find, the Query
    /// goes through a thousand titles at most, and a part may have few sources, or none, before the end.
    pub async fn listed_sources(&self, account: &AccountId, wanted: PartOfList<'_>) -> Result<ListedSources> {
        self.see_that_sources_are_listed(account).await?;
        let start = wanted.after.map(|after| keys::listed_source(account, wanted.list, after).item());
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .scan_index_forward(!wanted.newest_first)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(keys::source_lists_partition(account)))
            .expression_attribute_values(":prefix", text(keys::source_list(wanted.list)))
            .set_exclusive_start_key(start);
        let query = if wanted.find.is_empty() {
            // One more than is wanted says whether there is more.
            query.limit(i32::try_from(wanted.limit + 1).unwrap_or(i32::MAX))
        } else {
            let query = query.limit(LOOKED_THROUGH).filter_expression("contains(find, :find)");
            query.expression_attribute_values(":find", text(wanted.find))
        };
        let part = query.send().await.map_err(|error| failure("list sources", &error))?;
        let entries: Result<Vec<Entry>> = part.items.unwrap_or_default().into_iter().map(from_item).collect();
        let mut entries = entries?;
        let next = if entries.len() > wanted.limit {
            entries.truncate(wanted.limit);
            entries.last().map(Entry::position)
        } else {
            part.last_evaluated_key.map(|key| position(&key, wanted.list)).transpose()?
        };
        let sources = self.sources_of(account, wanted.list, entries).await?;
        Ok(ListedSources { sources, next })
    }

    /// The sources of these entries of a list, as far as they stand there. A source that was removed while another process
    /// wrote it anew leaves an entry that is nobody's: that is deleted.
    async fn sources_of(&self, account: &AccountId, list: SourceList, entries: Vec<Entry>) -> Result<Vec<Source>> {
        let ids: HashSet<&SourceId> = entries.iter().map(|entry| &entry.id).collect();
        let keys = ids.into_iter().map(|id| keys::source(account, id)).collect();
        let found: Vec<Source> = self.get_many(keys, "read listed sources").await?;
        let mut found: HashMap<SourceId, Source> =
            found.into_iter().map(|source| (source.id.clone(), source)).collect();
        let mut sources = Vec::with_capacity(entries.len());
        for entry in entries {
            if found.get(&entry.id).is_none_or(|source| source.created_at != entry.created_at) {
                self.delete(keys::listed_source(account, list, &entry.position())).await?;
            } else {
                sources.extend(found.remove(&entry.id).filter(|source| list.has(&source.status)));
            }
        }
        Ok(sources)
    }

    /// Titles of an account's sources that could not be read, in the order in which they were added; a thousand at most. One
    /// Query.
    pub async fn failed_sources(&self, account: &AccountId) -> Result<Vec<String>> {
        self.see_that_sources_are_listed(account).await?;
        let failed = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .limit(MOST_FAILED)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .projection_expression("title")
            .expression_attribute_values(":pk", text(keys::source_lists_partition(account)))
            .expression_attribute_values(":prefix", text(keys::source_list(SourceList::Failed)))
            .send()
            .await
            .map_err(|error| failure("list failed sources", &error))?;
        Ok(failed.items().iter().filter_map(|item| item.get("title")?.as_s().ok().cloned()).collect())
    }

    /// Sources that are older than the lists are put on them when somebody first looks. Nothing once this process knows that
    /// it was done, else one GetItem.
    async fn see_that_sources_are_listed(&self, account: &AccountId) -> Result<()> {
        let what = format!("list the sources of {account}");
        if self.memory.done.contains_key(&what) {
            return Ok(());
        }
        let key = || keys::sources_are_listed(account);
        if self.get::<AreListed>(key()).await?.is_none() {
            self.sources(account).await?;
            self.put(key(), &AreListed {}).await?;
        }
        self.memory.done.insert(what, ()).await;
        Ok(())
    }

    /// What is to be written so that a source stands on the lists that it belongs to.
    pub(super) fn listing(&self, source: &Source, on: SourceList) -> Result<Vec<TransactWriteItem>> {
        let entry = Entry::of(source);
        let write = |list: SourceList| {
            let key = keys::listed_source(&source.account, list, &entry.position());
            if list == SourceList::All || list == on {
                self.putting(key, &entry)?.write()
            } else {
                self.deleting(key).write()
            }
        };
        [SourceList::All, SourceList::Reading, SourceList::Failed].into_iter().map(write).collect()
    }

    /// What is to be deleted so that a source stands on no list.
    pub(super) fn unlisting(&self, source: &Source) -> Result<Vec<TransactWriteItem>> {
        let position = Entry::of(source).position();
        let lists = [SourceList::All, SourceList::Reading, SourceList::Failed];
        lists
            .map(|list| self.deleting(keys::listed_source(&source.account, list, &position)).write())
            .into_iter()
            .collect()
    }
}

/// The place that a list was read up to.
fn position(key: &Item, list: SourceList) -> Result<Position> {
    let sk = key.get(keys::SK).and_then(|sk| sk.as_s().ok());
    sk.and_then(|sk| keys::position_in_list(list, sk)).context("a list of sources ends at no place of it")
}
