//! What became of messages that were taken for questions: edited, deleted.

use super::{Store, failure, is_condition_failure, keys, text, to_item};
use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use twilight_model::id::{Id, marker::MessageMarker};

/// Longer than a question waits for its answer, even with a queue that was down.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

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
        let keys = messages.iter().map(|&message| keys::fate(message)).collect();
        let stored: Vec<Stored> = self.get_many(keys, "read what became of messages").await?;
        Ok(stored.into_iter().map(|stored| (stored.message, stored.fate)).collect())
    }
}
