//! What is to be done once: who is at it, and whether it is done.

use super::{Store, failure, is_condition_failure, keys, number, text};
use anyhow::Result;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// Whoever says nothing for so long is given up for dead. Shorter than the minute after which Lambda tries again, longer
/// than the thirty seconds that `notify` may take.
const LEASE: SignedDuration = SignedDuration::from_secs(45);

/// Longer than every queue keeps a repetition, and than a month of quota lasts.
const KEPT: SignedDuration = SignedDuration::from_hours(40 * 24);

/// Whether it is one's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Yes: say so when it is [done](Store::end_once), or [give it back](Store::drop_once).
    Mine,
    /// Somebody else is at it, or has died over it less than a minute ago.
    Others,
    /// It was done.
    Done,
}

#[derive(Deserialize)]
struct Mark {
    done: bool,
}

impl Store {
    /// Begins `what`, unless it was done, or is being done by somebody else than `by`. With `again_after`, what was begun
    /// longer ago than that is to be done again. One PutItem, and a GetItem where it is not one's turn; nothing where this
    /// process has seen it done for good.
    pub async fn begin_once(
        &self,
        what: &str,
        by: &str,
        again_after: Option<SignedDuration>,
        now: Timestamp,
    ) -> Result<Turn> {
        if self.memory.done.contains_key(what) {
            return Ok(Turn::Done);
        }
        let before = |pause: SignedDuration| number((now - pause).as_millisecond());
        let item = keys::once(what).item().into_iter().chain([
            ("by".to_owned(), text(by)),
            ("since".to_owned(), number(now.as_millisecond())),
            ("done".to_owned(), AttributeValue::Bool(false)),
            (keys::EXPIRES.to_owned(), number((now + KEPT).as_second())),
        ]);
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.collect()))
            .expression_attribute_names("#by", "by")
            .expression_attribute_names("#since", "since")
            .expression_attribute_names("#done", "done")
            .expression_attribute_values(":by", text(by))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":dead", before(LEASE));
        let free = "attribute_not_exists(pk) OR (#done = :no AND (#by = :by OR #since < :dead))";
        put = match again_after {
            Some(pause) => put
                .condition_expression(format!("{free} OR #since < :again"))
                .expression_attribute_values(":again", before(pause)),
            None => put.condition_expression(free),
        };
        match put.send().await {
            Ok(_) => return Ok(Turn::Mine),
            Err(error) if is_condition_failure(&error) => {}
            Err(error) => return Err(failure("begin what is done once", &error)),
        }
        let found: Option<Mark> = self.get(keys::once(what)).await?;
        if !found.is_some_and(|found| found.done) {
            return Ok(Turn::Others);
        }
        if again_after.is_none() {
            self.memory.done.insert(what.to_owned(), ()).await;
        }
        Ok(Turn::Done)
    }

    /// Whether `by` is the one who does `what`, which nobody else ever will: for what is better not done at all than twice.
    /// One PutItem; nothing where this process has seen that it is somebody else.
    pub async fn is_first(&self, what: &str, by: &str, now: Timestamp) -> Result<bool> {
        if self.memory.done.contains_key(what) {
            return Ok(false);
        }
        let item = keys::once(what).item().into_iter().chain([
            ("by".to_owned(), text(by)),
            ("since".to_owned(), number(now.as_millisecond())),
            ("done".to_owned(), AttributeValue::Bool(true)),
            (keys::EXPIRES.to_owned(), number((now + KEPT).as_second())),
        ]);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.collect()))
            .condition_expression("attribute_not_exists(pk) OR #by = :by")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":by", text(by))
            .send()
            .await;
        match put {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failure(&error) => {
                self.memory.done.insert(what.to_owned(), ()).await;
                Ok(false)
            }
            Err(error) => Err(failure("see who is first", &error)),
        }
    }

    /// Says that what `by` has begun is done. One UpdateItem.
    pub async fn end_once(&self, what: &str, by: &str) -> Result<()> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::once(what).item()))
            .update_expression("SET #done = :yes")
            .condition_expression("#by = :by")
            .expression_attribute_names("#by", "by")
            .expression_attribute_names("#done", "done")
            .expression_attribute_values(":by", text(by))
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .send()
            .await;
        match update {
            Ok(_) => Ok(()),
            // Somebody took it over and will say so.
            Err(error) if is_condition_failure(&error) => Ok(()),
            Err(error) => Err(failure("end what is done once", &error)),
        }
    }

    /// Gives back what `by` has begun and not done, so that the next one need not wait. One DeleteItem.
    pub async fn drop_once(&self, what: &str, by: &str) -> Result<()> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(keys::once(what).item()))
            .condition_expression("#by = :by")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":by", text(by))
            .send()
            .await;
        match delete {
            Ok(_) => Ok(()),
            Err(error) if is_condition_failure(&error) => Ok(()),
            Err(error) => Err(failure("give back what is done once", &error)),
        }
    }
}
