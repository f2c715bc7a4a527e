//! Guildhall's own user guide: what a new installation knows, so that the first question can be asked at once.

use anyhow::Result;
use bytes::Bytes;
use guildhall::bot::Bot;
use guildhall::ids::AccountId;
use guildhall::knowledge::source::NewSource;
use include_dir::{Dir, include_dir};
use jiff::Timestamp;

static GUIDE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../docs/guide");

/// Adds the guide's pages as files, which an admin can remove like any other.
pub async fn add(bot: &Bot, account: &AccountId, now: Timestamp) -> Result<usize> {
    let mut pages = 0;
    for page in GUIDE.files().filter(|page| page.path().extension().is_some_and(|ending| ending == "md")) {
        let new = NewSource::File {
            name: format!("guildhall-guide/{}", page.path().display()),
            content_type: Some("text/markdown".to_owned()),
            bytes: Bytes::from_static(page.contents()),
        };
        bot.knowledge.add(account, new, &bot.jobs, now).await?;
        pages += 1;
    }
    Ok(pages)
}
