//! Discord's requests a second, shared by all workers: one item for each application, which says when its next request
//! may be sent. Whoever wants to send some books a stretch of time behind what others have booked.

use super::{Item, Store, failure, keys, number};
use anyhow::{Context as _, Result, bail};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// What was booked is over within seconds; kept a little for the curious.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// A booking that does not fit as it was thought to fits in the other way, unless somebody else changes that meanwhile.
const TRIES: u32 = 6;

/// Time that is to be booked. All times are microseconds since 1970 by the clock of whoever books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Not before this.
    pub from: i64,
    /// How much of it.
    pub length: i64,
    /// Nothing is booked that would begin after this: it is better to ask again.
    pub latest: i64,
    /// Nobody whose clock is right has booked as far as this: what is, counts for nothing.
    pub absurd: i64,
}

/// Where a stretch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where the last one ends.
    Behind,
    /// When it is wanted: nothing is booked so far, or nothing that counts.
    Afresh,
    /// Nowhere: too much is booked.
    Nowhere,
}

/// What became of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booked {
    /// Where the stretch begins; none when too much is booked.
    pub start: Option<i64>,
    /// How far is booked now.
    pub next: i64,
    /// Until when Discord wants no requests, in microseconds since 1970; 0 when it never said so.
    pub paused: i64,
}

#[derive(Deserialize)]
struct Stored {
    next: Option<i64>,
    #[serde(default)]
    paused: i64,
}

impl Stretch {
    /// Where it begins when so much is booked.
    pub fn place(&self, next: Option<i64>) -> Place {
        match next {
            Some(next) if next > self.absurd => Place::Afresh,
            Some(next) if next > self.latest => Place::Nowhere,
            Some(next) if next >= self.from => Place::Behind,
            _ => Place::Afresh,
        }
    }

    /// Books it in this process alone.
    pub fn book(&self, next: &mut Option<i64>) -> Booked {
        let start = match (self.place(*next), *next) {
            (Place::Nowhere, Some(next)) => return Booked { start: None, next, paused: 0 },
            (Place::Behind, Some(next)) => next,
            _ => self.from,
        };
        let end = start + self.length;
        *next = Some(end);
        Booked { start: Some(start), next: end, paused: 0 }
    }
}

impl Store {
    /// Books time for requests of an application. Who knows how much is booked by now pays one UpdateItem, whoever else
    /// wants some at the same time; `seen` is that knowledge, and where it is out of date there is a second one.
    pub async fn book_requests(
        &self,
        application: Id<ApplicationMarker>,
        stretch: &Stretch,
        seen: Option<i64>,
    ) -> Result<Booked> {
        let mut place = stretch.place(seen);
        for _ in 0..TRIES {
            let update = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(keys::budget(application).item()))
                .expression_attribute_names("#next", "next")
                .expression_attribute_values(":from", number(stretch.from))
                .expression_attribute_values(":expires", number(stretch.from / 1_000_000 + KEPT.as_secs()))
                .return_values(ReturnValue::AllNew)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let update = match place {
                Place::Afresh => update
                    .update_expression("SET #next = :end, expires = :expires")
                    .condition_expression("attribute_not_exists(#next) OR #next < :from OR #next > :absurd")
                    .expression_attribute_values(":end", number(stretch.from + stretch.length))
                    .expression_attribute_values(":absurd", number(stretch.absurd)),
                Place::Behind | Place::Nowhere => update
                    .update_expression("SET #next = #next + :length, expires = :expires")
                    .condition_expression("#next BETWEEN :from AND :latest")
                    .expression_attribute_values(":length", number(stretch.length))
                    .expression_attribute_values(":latest", number(stretch.latest)),
            };
            match update.send().await {
                Ok(updated) => {
                    let stored = read(updated.attributes)?.context("the table did not say what is booked now")?;
                    let next = stored.next.context("the table did not say how far is booked")?;
                    return Ok(Booked { start: Some(next - stretch.length), next, paused: stored.paused });
                }
                Err(error) => match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                        let stored = read(refused.item.clone())?;
                        let next = stored.as_ref().and_then(|stored| stored.next);
                        place = stretch.place(next);
                        if let (Place::Nowhere, Some(next)) = (place, next) {
                            let paused = stored.map_or(0, |stored| stored.paused);
                            return Ok(Booked { start: None, next, paused });
                        }
                    }
                    _ => return Err(failure("book time for requests to Discord", &error)),
                },
            }
        }
        bail!("too many workers want to send requests to Discord at once")
    }

    /// Tells all workers that Discord wants no requests of an application until then. A time further off than `at_most` is
    /// a clock that was wrong and is written over. One UpdateItem.
    pub async fn pause_requests(
        &self,
        application: Id<ApplicationMarker>,
        until: Timestamp,
        now: Timestamp,
        at_most: SignedDuration,
    ) -> Result<()> {
        let paused = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::budget(application).item()))
            .update_expression("SET paused = :until, expires = :expires")
            .condition_expression("attribute_not_exists(paused) OR paused < :until OR paused > :absurd")
            .expression_attribute_values(":until", number(until.as_microsecond()))
            .expression_attribute_values(":absurd", number((now + at_most).as_microsecond()))
            .expression_attribute_values(":expires", number((now + KEPT).as_second()))
            .send()
            .await;
        match paused {
            Err(error) if !super::is_condition_failure(&error) => {
                Err(failure("say that Discord wants no requests", &error))
            }
            _ => Ok(()),
        }
    }
}

fn read(item: Option<Item>) -> Result<Option<Stored>> {
    item.filter(|item| !item.is_empty()).map(super::from_item).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STRETCH: Stretch = Stretch { from: 1_000, length: 10, latest: 2_000, absurd: 3_000 };

    proptest! {
        #[test]
        fn what_is_booked_is_never_booked_twice(from in 0_i64..4_000, booked in proptest::option::of(0_i64..4_000)) {
            let stretch = Stretch { from, latest: from + 1_000, absurd: from + 2_000, ..STRETCH };
            let mut next = booked;
            let done = stretch.book(&mut next);
            let counts = booked.filter(|booked| *booked <= stretch.absurd);
            if let Some(start) = done.start {
                prop_assert!(start >= from && start <= stretch.latest);
                prop_assert!(counts.is_none_or(|booked| start >= booked));
                prop_assert_eq!(next, Some(start + stretch.length));
            } else {
                prop_assert!(next == booked && counts.is_some_and(|booked| booked > stretch.latest));
            }
        }
    }

    #[test]
    fn a_clock_that_is_far_ahead_holds_up_nobody() {
        assert_eq!(STRETCH.place(Some(3_001)), Place::Afresh);
        assert_eq!(STRETCH.place(Some(3_000)), Place::Nowhere);
        assert_eq!(STRETCH.place(Some(2_000)), Place::Behind);
        assert_eq!(STRETCH.place(Some(999)), Place::Afresh);
    }
}
