//! How many messages an account has used in a month.

use super::{Item, Store, keys, number};
use crate::account::Month;
use crate::ids::AccountId;
use crate::usage::{Cell, Tally};
use anyhow::Result;
use aws_sdk_dynamodb::types::{AttributeValue, Update};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// Of every hundred messages of a month, those after which its owner is warned.
pub(super) const WARNED_AT_PERCENT: u32 = 80;

/// Usage is kept for a year's comparison.
const KEPT: SignedDuration = SignedDuration::from_hours(13 * 31 * 24);

/// What is counted in one share of a month.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counting<'a> {
    pub(super) account: &'a AccountId,
    pub(super) month: &'a str,
    pub(super) share: u32,
    /// What the share may count up to.
    pub(super) part: u32,
    pub(super) cell: Option<Cell>,
    /// How many; never more than `part`.
    pub(super) messages: u32,
}

/// One share of a month as it was read.
pub(super) struct Share {
    pub(super) number: u32,
    pub(super) used: i64,
    cells: Vec<(Cell, i64)>,
}

impl Share {
    /// None where an item is no share.
    fn read(item: &Item) -> Option<Self> {
        let number = |value: &AttributeValue| value.as_n().ok()?.parse::<i64>().ok();
        let cells = item.iter().filter_map(|(name, value)| Some((name.parse().ok()?, number(value)?)));
        Some(Self {
            number: item.get(keys::PK)?.as_s().ok()?.rsplit('#').next()?.parse().ok()?,
            used: item.get("used").and_then(number).unwrap_or(0),
            cells: cells.collect(),
        })
    }
}

impl Store {
    /// Messages used in `month`. One BatchGetItem of all shares.
    pub async fn usage(&self, account: &AccountId, month: Month) -> Result<u32> {
        Ok(self.tally(account, month).await?.used)
    }

    /// The same by day and kind. One BatchGetItem of all shares.
    pub async fn tally(&self, account: &AccountId, month: Month) -> Result<Tally> {
        Ok(summed(&self.shares(account, &month.to_string()).await?))
    }

    /// The same for several months, in their order. For a year two BatchGetItem.
    pub async fn tallies(&self, account: &AccountId, months: &[Month]) -> Result<Vec<Tally>> {
        let months: Vec<String> = months.iter().map(Month::to_string).collect();
        let keys = months.iter().flat_map(|month| shares_of(account, month)).collect();
        let mut shares: HashMap<String, Vec<Share>> = HashMap::new();
        for item in self.get_items(keys, "read a year's usage").await? {
            let month = item.get(keys::PK).and_then(|pk| pk.as_s().ok()).and_then(|pk| pk.rsplit('#').nth(1));
            if let (Some(month), Some(share)) = (month, Share::read(&item)) {
                shares.entry(month.to_owned()).or_default().push(share);
            }
        }
        Ok(months.iter().map(|month| shares.get(month).map(|shares| summed(shares)).unwrap_or_default()).collect())
    }

    /// The shares that have counted their part of `ceiling`. One BatchGetItem of all shares.
    pub(super) async fn shares_full_at(&self, account: &AccountId, month: &str, ceiling: u32) -> Result<Vec<u32>> {
        let shares = self.shares(account, month).await?;
        let full = shares.iter().filter(|share| share.used >= i64::from(part_of(ceiling, share.number)));
        Ok(full.map(|share| share.number).collect())
    }

    /// All shares of a month that have counted something. One BatchGetItem.
    pub(super) async fn shares(&self, account: &AccountId, month: &str) -> Result<Vec<Share>> {
        let items = self.get_items(shares_of(account, month).collect(), "read a month's usage").await?;
        Ok(items.iter().filter_map(Share::read).collect())
    }

    /// Counts messages in a share, if they fit there.
    pub(super) fn counting(&self, counting: &Counting<'_>, now: Timestamp) -> Result<Update> {
        let &Counting { account, month, share, part, cell, messages } = counting;
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::usage(account, month, share).item()))
            .condition_expression("attribute_not_exists(used) OR used <= :room")
            .expression_attribute_values(":expires", number((now + KEPT).as_second()))
            .expression_attribute_values(":more", number(messages))
            .expression_attribute_values(":room", number(i64::from(part) - i64::from(messages)));
        let update = match cell {
            Some(cell) => update
                .update_expression("SET expires = :expires ADD used :more, #cell :more")
                .expression_attribute_names("#cell", cell.to_string()),
            None => update.update_expression("SET expires = :expires ADD used :more"),
        };
        Ok(update.build()?)
    }
}

fn shares_of(account: &AccountId, month: &str) -> impl Iterator<Item = keys::Key> {
    (0..keys::USAGE_SHARES).map(move |share| keys::usage(account, month, share))
}

/// A share may be below zero for a moment, never all of them together.
fn summed(shares: &[Share]) -> Tally {
    let whole = |sum: i64| u32::try_from(sum.max(0)).unwrap_or(u32::MAX);
    let mut cells: BTreeMap<Cell, i64> = BTreeMap::new();
    for (cell, used) in shares.iter().flat_map(|share| &share.cells) {
        *cells.entry(*cell).or_default() += used;
    }
    Tally {
        used: whole(shares.iter().map(|share| share.used).sum()),
        cells: cells.into_iter().map(|(cell, used)| (cell, whole(used))).filter(|(_, used)| *used > 0).collect(),
    }
}

/// The messages of a month that may be used before its owner is warned.
pub(super) fn before_warning(limit: u32) -> u32 {
    u32::try_from(u64::from(limit) * u64::from(WARNED_AT_PERCENT) / 100).unwrap_or(limit)
}

/// The part of `limit` that one share may count up to; the parts add up to `limit` exactly.
pub(super) fn part_of(limit: u32, share: u32) -> u32 {
    limit / keys::USAGE_SHARES + u32::from(share < limit % keys::USAGE_SHARES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Kind;
    use proptest::prelude::*;

    /// The bytes that DynamoDB bills for an item: of names and texts, and of numbers a byte and one for each two digits.
    /// [Amazon DynamoDB Developer Guide: Item sizes and formats]
    fn size(item: &Item) -> usize {
        let value = |value: &AttributeValue| match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(number) => 1 + number.trim_end_matches('0').len().div_ceil(2).max(1),
            _ => panic!("a share has texts and numbers"),
        };
        item.iter().map(|(name, held)| name.len() + value(held)).sum()
    }

    /// Kinds for which a share has room below a kilobyte: moderation and posts on a schedule will be two more.
    const ROOM_FOR_KINDS: usize = 7;

    #[test]
    fn a_share_with_all_days_and_kinds_takes_one_write_unit() {
        assert!(Kind::ALL.len() <= ROOM_FOR_KINDS);
        let part = part_of(50_000, 0);
        let mut item = keys::usage(&AccountId("acc-0199f3c2a1b4c5d6e7f8".to_owned()), "2026-12", 15).item();
        item.insert("used".to_owned(), number(part));
        item.insert("expires".to_owned(), number(1_830_297_599));
        // The longest numbers that a share's part can be made of: as many of three digits as there can be, then of one.
        let letters = Kind::ALL.iter().map(|&kind| Cell { day: 1, kind }.to_string().remove(0)).chain('x'..);
        let days = (1..=31).map(|day| char::from_digit(day, 32).unwrap().to_ascii_uppercase());
        let names = letters.take(ROOM_FOR_KINDS).flat_map(|kind| days.clone().map(move |day| format!("{kind}{day}")));
        let mut left = part - 31 * u32::try_from(ROOM_FOR_KINDS).unwrap();
        for name in names {
            let used = if left >= 100 { 101 } else { 1 };
            left -= used - 1;
            item.insert(name, number(used));
        }
        assert_eq!(item.len(), 4 + 31 * ROOM_FOR_KINDS);
        assert!(size(&item) < 1024, "{} bytes", size(&item));
    }

    proptest! {
        #[test]
        fn the_parts_add_up_to_the_limit(limit in 0_u32..1_000_000) {
            let sum: u32 = (0..keys::USAGE_SHARES).map(|share| part_of(limit, share)).sum();
            prop_assert_eq!(sum, limit);
        }
    }
}
