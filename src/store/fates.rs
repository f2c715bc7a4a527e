//! What became of messages that were taken for questions: edited, deleted.

use super::{Store, failure, from_item, is_condition_failure, keys, text, to_item};
use anyhow::{Result, ensure};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use twilight_model::id::{Id, marker::MessageMarker};

/// Longer than a question waits for its answer, even with a queue that was down.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// A reader retries what a busy table left out, but not for ever.
const TRIES: usize = 5;

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// It says this now.
    Edited {
        /// Its words.
        text: String,
    },
    /// It is gone.
    Deleted,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    message: Id<MessageMarker>,
    #[serde(flatten)]
    fate: Fate,
    expires: i64,
}

impl Store {
    /// Records what became of a message. What is deleted stays deleted, whatever is heard of it later. One PutItem.
    pub async fn put_fate(&self, message: Id<MessageMarker>, fate: Fate, now: Timestamp) -> Result<()> {
        let stored = Stored { message, fate, expires: (now + KEPT).as_second() };
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(keys::fate(message), &stored)?))
            .condition_expression("attribute_not_exists(fate) OR fate <> :deleted")
            .expression_attribute_values(":deleted", text("deleted"))
            .send()
            .await;
        match put {
            Err(error) if !is_condition_failure(&error) => Err(failure("record what became of a message", &error)),
            _ => Ok(()),
        }
    }

    /// What became of these messages (each named once, at most a hundred), as far as anything did. One BatchGetItem,
    /// consistent; none for no messages.
    pub async fn fates(&self, messages: &[Id<MessageMarker>]) -> Result<HashMap<Id<MessageMarker>, Fate>> {
        let mut fates = HashMap::new();
        if messages.is_empty() {
            return Ok(fates);
        }
        let items = messages.iter().map(|&message| keys::fate(message).item()).collect();
        let mut pending = Some(KeysAndAttributes::builder().set_keys(Some(items)).consistent_read(true).build()?);
        for _ in 0..TRIES {
            let Some(wanted) = pending.take() else { break };
            let found = self
                .client
                .batch_get_item()
                .request_items(&self.table, wanted)
                .send()
                .await
                .map_err(|error| failure("read what became of messages", &error))?;
            for item in found.responses.unwrap_or_default().remove(&self.table).unwrap_or_default() {
                let stored: Stored = from_item(item)?;
                fates.insert(stored.message, stored.fate);
            }
            pending = found.unprocessed_keys.unwrap_or_default().remove(&self.table);
        }
        ensure!(pending.is_none(), "the table is too busy to read what became of messages");
        Ok(fates)
    }
}
