//! Messages of an account's other channels: counted on the same month as its questions, each report once.

use super::usage::{Counting, before_warning, part_of};
use super::{Store, failure, keys, to_item};
use crate::account::Month;
use crate::ids::AccountId;
use crate::usage::{Cell, Kind};
use anyhow::{Result, bail};
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A report that comes again within this time is known again: longer than the month that it was counted in.
const KEPT: SignedDuration = SignedDuration::from_hours(40 * 24);

/// Messages that another channel has handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The caller's own name of the report: the same at each repetition, at most 64 characters.
    pub id: String,
    /// Which channel it was, at most 64 characters.
    pub channel: String,
    /// How many messages.
    pub count: u32,
}

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reported {
    /// It is counted. `passed` says what of the month's messages is used with it, in percent, where their owner is to hear
    /// of it.
    Counted {
        /// The month, as `2026-11`.
        month: String,
        /// 80 or none.
        passed: Option<u32>,
    },
    /// It was counted before.
    Before {
        /// The month that it was counted in.
        month: String,
    },
    /// Another report has the same id.
    Different,
    /// So many messages are left, and the report has more. Nothing is counted.
    UsedUp {
        /// Messages.
        left: u32,
        /// The month.
        month: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Kept {
    channel: String,
    count: u32,
    month: String,
    at: Timestamp,
    expires: i64,
}

impl Store {
    /// Counts a report as a whole or not at all, once, whatever is killed in between. One BatchGetItem and one transaction
    /// of the report and the shares that have room for it; mostly that is one share.
    pub async fn report(&self, account: &AccountId, limit: u32, report: &Report, now: Timestamp) -> Result<Reported> {
        let month = Month::of(now).to_string();
        let kept = Kept {
            channel: report.channel.clone(),
            count: report.count,
            month: month.clone(),
            at: now,
            expires: (now + KEPT).as_second(),
        };
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(to_item(keys::report(account, &report.id), &kept)?))
            .condition_expression("attribute_not_exists(pk)")
            .build()?;
        let put = TransactWriteItem::builder().put(put).build();
        for attempt in 0..super::claims::CONFLICT_TRIES {
            let mut used = [0; keys::USAGE_SHARES as usize];
            for share in self.shares(account, &month).await? {
                if let Some(of_share) = used.get_mut(share.number as usize) {
                    *of_share = share.used;
                }
            }
            let all: i64 = used.iter().sum();
            let Some(spread) = spread(report.count, &rooms(limit, &used)) else {
                // It may be this very report that used them up.
                return Ok(self.reported_before(account, report).await?.unwrap_or_else(|| Reported::UsedUp {
                    left: u32::try_from(i64::from(limit) - all).unwrap_or(0),
                    month,
                }));
            };
            let mut writes = vec![put.clone()];
            for (share, messages) in spread {
                let cell = Some(Cell::at(now, Kind::Other));
                let part = part_of(limit, share);
                let counting = Counting { account, month: &month, share, part, cell, messages };
                writes.push(TransactWriteItem::builder().update(self.counting(&counting, now)?).build());
            }
            let written = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
            let Err(error) = written else {
                let passed = (all + i64::from(report.count) > i64::from(before_warning(limit))).then_some(80);
                return Ok(Reported::Counted { month, passed });
            };
            match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    let reasons = cancelled.cancellation_reasons();
                    if reasons.first().and_then(|reason| reason.code()) == Some("ConditionalCheckFailed")
                        && let Some(before) = self.reported_before(account, report).await?
                    {
                        return Ok(before);
                    }
                }
                Some(error)
                    if matches!(
                        error.code(),
                        Some("TransactionInProgressException" | "ProvisionedThroughputExceededException")
                    ) => {}
                _ => return Err(failure("count messages of another channel", &error)),
            }
            // Others count at the same time: what there is room for is looked at again.
            let pause = rand::rng().random_range(1..=(5 << attempt.min(5)));
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        bail!("the table is too busy to count messages of another channel")
    }

    /// What became of a report with this id. One GetItem.
    async fn reported_before(&self, account: &AccountId, report: &Report) -> Result<Option<Reported>> {
        let kept: Option<Kept> = self.get(keys::report(account, &report.id)).await?;
        let is_same = |kept: &Kept| kept.count == report.count && kept.channel == report.channel;
        Ok(kept.map(|kept| if is_same(&kept) { Reported::Before { month: kept.month } } else { Reported::Different }))
    }
}

/// What each share still has room for.
fn rooms(limit: u32, used: &[i64]) -> Vec<(u32, u32)> {
    let room = |share: u32, used: i64| u32::try_from(i64::from(part_of(limit, share)) - used).unwrap_or(0);
    (0..).zip(used).map(|(share, &used)| (share, room(share, used))).collect()
}

/// How many messages each share counts: all of them in one share that has room, any of those, so that reports which come at
/// once seldom meet; else evenly in all. None where all together have no room.
fn spread(count: u32, rooms: &[(u32, u32)]) -> Option<Vec<(u32, u32)>> {
    let with_room: Vec<u32> = rooms.iter().filter(|(_, room)| *room >= count).map(|(share, _)| *share).collect();
    if let Some(&share) = with_room.choose(&mut rand::rng()) {
        return Some(vec![(share, count)]);
    }
    // The fullest first: what it cannot take, the others can.
    let mut rooms = rooms.to_vec();
    rooms.sort_by_key(|(_, room)| *room);
    let (mut left, mut shares) = (count, u32::try_from(rooms.len()).unwrap_or(u32::MAX));
    let mut spread = Vec::new();
    for (share, room) in rooms {
        let messages = room.min(left / shares);
        (left, shares) = (left - messages, shares - 1);
        if messages > 0 {
            spread.push((share, messages));
        }
    }
    (left == 0).then_some(spread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_fits_is_counted_whole_and_nothing_else(
            rooms in proptest::collection::vec(0_u32..200, 16),
            count in 1_u32..1_200,
        ) {
            let rooms: Vec<(u32, u32)> = (0..).zip(rooms).collect();
            let total: u32 = rooms.iter().map(|(_, room)| room).sum();
            match spread(count, &rooms) {
                Some(spread) => {
                    prop_assert_eq!(spread.iter().map(|(_, messages)| messages).sum::<u32>(), count);
                    for (share, messages) in spread {
                        prop_assert!(messages <= rooms[share as usize].1);
                    }
                }
                None => prop_assert!(total < count),
            }
        }
    }
}
