//! Turns of conversations, and the votes on their answers.

use super::{Store, failure, from_item, is_condition_failure, keys, text, to_item};
use crate::ids::{ConversationId, QuestionId};
use anyhow::Result;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use twilight_model::id::{
    Id,
    marker::{ChannelMarker, MessageMarker},
};

/// Conversations are forgotten after this long.
pub(super) const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The question's id.
    pub question_id: QuestionId,
    /// How the asker is called.
    pub asker: String,
    /// What was asked.
    pub question: String,
    /// What was answered, without the list of sources.
    pub answer: String,
    /// Titles of the documents that the answer names.
    pub sources: Vec<String>,
    /// Whether the documents held an answer.
    pub answered: bool,
    /// Whether the person asked for a human.
    pub wants_human: bool,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When it is forgotten, in seconds since 1970.
    pub expires: i64,
}

impl Turn {
    /// When a turn of this time is forgotten.
    pub fn expiry(asked_at: Timestamp) -> i64 {
        (asked_at + KEPT).as_second()
    }
}

/// What a person thinks of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vote {
    /// It helped.
    Up,
    /// It did not.
    Down,
}

#[derive(Serialize, Deserialize)]
struct StoredVote {
    vote: Vote,
    at: Timestamp,
    expires: i64,
}

impl Store {
    /// The newest turns of a conversation, oldest first. One Query, at most `limit` items.
    pub async fn recent_turns(&self, conversation: &ConversationId, limit: u16) -> Result<Vec<Turn>> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(limit.into())
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", AttributeValue::S(keys::conversation_partition(conversation)))
            .expression_attribute_values(":prefix", AttributeValue::S(keys::TURN.to_owned()))
            .send()
            .await
            .map_err(|error| failure("read a conversation", &error))?;
        let mut turns = found.items.unwrap_or_default().into_iter().map(from_item).collect::<Result<Vec<Turn>>>()?;
        turns.reverse();
        Ok(turns)
    }

    /// One question with its answer. One GetItem.
    pub async fn turn(&self, conversation: &ConversationId, question: QuestionId) -> Result<Option<Turn>> {
        self.get(keys::turn(conversation, question)).await
    }

    /// Remembers what was said and not answered, unless it was answered after all. One PutItem.
    pub async fn put_remark(&self, conversation: &ConversationId, turn: &Turn) -> Result<()> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(keys::turn(conversation, turn.question_id), turn)?))
            .condition_expression("attribute_not_exists(pk) OR answer = :nothing")
            .expression_attribute_values(":nothing", text(""))
            .send()
            .await;
        match put {
            Err(error) if !is_condition_failure(&error) => Err(failure("remember what was said", &error)),
            _ => Ok(()),
        }
    }

    /// Forgets what was said in a channel and not answered. One DeleteItem.
    pub async fn forget_remark(&self, channel: Id<ChannelMarker>, message: Id<MessageMarker>) -> Result<()> {
        let conversation = ConversationId::of_channel(channel.get());
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(keys::turn(&conversation, QuestionId(message.get())).item()))
            .condition_expression("attribute_not_exists(pk) OR answer = :nothing")
            .expression_attribute_values(":nothing", text(""))
            .send()
            .await;
        match deleted {
            Err(error) if !is_condition_failure(&error) => Err(failure("forget what was said", &error)),
            _ => Ok(()),
        }
    }

    /// Records what `voter` thinks of an answer; a second vote replaces the first. One PutItem.
    pub async fn vote(
        &self,
        conversation: &ConversationId,
        question: QuestionId,
        voter: u64,
        vote: Vote,
        now: Timestamp,
    ) -> Result<()> {
        let stored = StoredVote { vote, at: now, expires: (now + KEPT).as_second() };
        self.put(keys::vote(conversation, question, voter), &stored).await
    }

    /// The votes on one answer. One Query.
    pub async fn votes(&self, conversation: &ConversationId, question: QuestionId) -> Result<Vec<Vote>> {
        let prefix = format!("{}{:020}#", keys::VOTE, question.0);
        let stored: Vec<StoredVote> = self.query_all(&keys::conversation_partition(conversation), &prefix).await?;
        Ok(stored.into_iter().map(|stored| stored.vote).collect())
    }
}
