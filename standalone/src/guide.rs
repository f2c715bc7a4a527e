//! Guildhall's own user guide: what a new installation knows, so that the first question can be asked at once.

use anyhow::Result;
use bytes::Bytes;
use guildhall::bot::Bot;
use guildhall::ids::{AccountId, SourceId};
use guildhall::knowledge::source::{NewSource, Origin, Source, Status};
use include_dir::{Dir, File, include_dir};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;

static GUIDE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../docs/guide");

/// What the names of its pages begin with among the sources.
const FOLDER: &str = "guildhall-guide/";

/// Adds the guide's pages as files, which an admin can remove like any other; of another version than the account was
/// given before, only those that were not removed. Returns how many. That they were added is noted after the last one: an
/// addition that was cut short is done again.
pub async fn add(bot: &Bot, account: &AccountId, now: Timestamp) -> Result<usize> {
    let (version, given) = (version(), bot.store.guide(account).await?);
    if given.as_ref() == Some(&version) {
        return Ok(0);
    }
    let sources = bot.store.sources(account).await?;
    let kept: HashSet<SourceId> =
        sources.into_iter().filter(|source| source.status != Status::Removing).map(|source| source.id).collect();
    let mut added = 0;
    for page in pages() {
        let name = format!("{FOLDER}{}", page.path().display());
        if given.is_some() && !kept.contains(&SourceId::of("file", &name)) {
            continue;
        }
        let new = NewSource::File {
            name,
            content_type: Some("text/markdown".to_owned()),
            bytes: Bytes::from_static(page.contents()),
        };
        bot.knowledge.add(account, new, &bot.jobs, now).await?;
        added += 1;
    }
    bot.store.put_guide(account, &version).await?;
    Ok(added)
}

/// Whether a source is one of the guide's pages.
pub fn is_page(source: &Source) -> bool {
    matches!(&source.origin, Origin::File { name, .. } if name.starts_with(FOLDER))
}

/// Changes with every page: a hash over names and contents.
pub fn version() -> String {
    let mut pages: Vec<_> = pages().collect();
    pages.sort_by_key(|page| page.path());
    let mut hash = Sha256::new();
    for page in pages {
        hash.update(page.path().as_os_str().as_encoded_bytes());
        hash.update(Sha256::digest(page.contents()));
    }
    hex::encode(hash.finalize())
}

fn pages() -> impl Iterator<Item = &'static File<'static>> {
    GUIDE.files().filter(|page| page.path().extension().is_some_and(|ending| ending == "md"))
}
