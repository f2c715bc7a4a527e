//! Questions that the documents did not answer, and answers that somebody found wrong: what a team may want to write down.

use super::{Store, failure, from_item, is_condition_failure, keys, number, text, to_item};
use crate::ids::{AccountId, QuestionId};
use crate::usage::Kind;
use anyhow::Result;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, ReturnValue, WriteRequest};
use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use twilight_model::id::{
    Id,
    marker::{ChannelMarker, GuildMarker},
};

/// A season's questions; what was asked before that is asked again, or by nobody.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Questions of each list that an account keeps: more than anybody goes through.
const MOST: usize = 1_000;

/// One write of so many looks whether there are more than that; so an account has a few dozen more at times.
const LOOKED_AFTER: u32 = 64;

/// Characters of a question or an answer that are kept: enough to see what is missing.
const MAX_TEXT: usize = 500;

/// Documents of an answer that are named, and characters of each name.
const MAX_SOURCES: usize = 8;
const MAX_SOURCE: usize = 120;

/// Votes on one answer that are told apart: whether a few or many found it wrong.
const MAX_VOTERS: u32 = 50;

/// Items that DynamoDB deletes in one request.
const BATCH: usize = 25;

/// Why a question is on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The documents did not answer it.
    Unanswered,
    /// Somebody voted its answer down.
    Downvoted,
}

/// A question on one of the lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenQuestion {
    /// The question's id.
    pub id: QuestionId,
    /// What was asked, at most 500 characters.
    pub question: String,
    /// What was answered, at most 500 characters; nothing where it was not found.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
    /// Titles of the documents that the answer names, at most eight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// How it was asked, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<Kind>,
    /// The server that it was asked in; none in private and by the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guild: Option<Id<GuildMarker>>,
    /// The channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Id<ChannelMarker>>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Who voted it down, at most fifty.
    #[serde(default, skip_serializing)]
    pub voters: Vec<u64>,
    /// When it is forgotten, in seconds since 1970.
    pub expires: i64,
}

impl OpenQuestion {
    /// A question of this time. What people wrote is cut to what is kept.
    pub fn new(id: QuestionId, question: &str, asked_at: Timestamp, now: Timestamp) -> Self {
        Self {
            id,
            question: cut(question, MAX_TEXT),
            answer: String::new(),
            sources: Vec::new(),
            asked_by: None,
            guild: None,
            channel: None,
            asked_at,
            voters: Vec::new(),
            expires: (now + KEPT).as_second(),
        }
    }

    /// The same with its answer.
    #[must_use]
    pub fn answered(self, answer: &str, sources: &[String]) -> Self {
        let sources = sources.iter().take(MAX_SOURCES).map(|source| cut(source, MAX_SOURCE)).collect();
        Self { answer: cut(answer, MAX_TEXT), sources, ..self }
    }
}

impl Store {
    /// Puts a question on the list of those that were not answered; the same question is there once. One PutItem, and for
    /// one of 64 a look at how many there are.
    pub async fn put_unanswered(&self, account: &AccountId, question: &OpenQuestion) -> Result<()> {
        self.put(keys::open_question(account, Reason::Unanswered, question.id), question).await?;
        if rand::rng().random_ratio(1, LOOKED_AFTER) {
            for reason in [Reason::Unanswered, Reason::Downvoted] {
                self.trim_questions(account, reason).await?;
            }
        }
        Ok(())
    }

    /// Notes that somebody found an answer wrong; the same person counts once. One UpdateItem.
    pub async fn put_downvoted(&self, account: &AccountId, question: &OpenQuestion, voter: u64) -> Result<()> {
        let item = to_item(keys::open_question(account, Reason::Downvoted, question.id), question)?;
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::open_question(account, Reason::Downvoted, question.id).item()))
            .condition_expression("attribute_not_exists(voters) OR size(voters) < :most OR contains(voters, :voter)")
            .expression_attribute_values(":most", number(MAX_VOTERS))
            .expression_attribute_values(":voter", number(voter))
            .expression_attribute_values(":voters", AttributeValue::Ns(vec![voter.to_string()]));
        let mut fields = Vec::new();
        for (name, value) in item.into_iter().filter(|(name, _)| ![keys::PK, keys::SK].contains(&name.as_str())) {
            fields.push(format!("#{name} = :{name}"));
            update = update
                .expression_attribute_names(format!("#{name}"), &name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        let expression = format!("SET {} ADD voters :voters", fields.join(", "));
        match update.update_expression(expression).send().await {
            Err(error) if !is_condition_failure(&error) => Err(failure("note a vote against an answer", &error)),
            _ => Ok(()),
        }
    }

    /// Takes somebody's vote against an answer back; without votes, the answer is on no list. One UpdateItem.
    pub async fn take_back_downvote(&self, account: &AccountId, question: QuestionId, voter: u64) -> Result<()> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::open_question(account, Reason::Downvoted, question).item()))
            .update_expression("DELETE voters :voters")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":voters", AttributeValue::Ns(vec![voter.to_string()]))
            .send()
            .await;
        match update {
            Err(error) if !is_condition_failure(&error) => Err(failure("take a vote back", &error)),
            _ => Ok(()),
        }
    }

    /// The questions of a list, newest first, after `after` where that is given: at most `limit`, and whether there may be
    /// more. One Query, now and then several: what has expired or has no votes left is passed over.
    pub async fn open_questions(
        &self,
        account: &AccountId,
        reason: Reason,
        after: Option<QuestionId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<(Vec<OpenQuestion>, bool)> {
        let mut found: Vec<OpenQuestion> = Vec::new();
        let mut start = after.map(|after| keys::open_question(account, reason, after).item());
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .scan_index_forward(false)
                // One more than is wanted says whether there is more.
                .limit(i32::try_from(limit + 1 - found.len()).unwrap_or(i32::MAX))
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":pk", text(keys::questions_partition(account)))
                .expression_attribute_values(":prefix", text(keys::questions_prefix(reason)))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failure("list open questions", &error))?;
            for item in page.items.unwrap_or_default() {
                let question: OpenQuestion = from_item(item)?;
                let is_open = reason == Reason::Unanswered || !question.voters.is_empty();
                if is_open && question.expires > now.as_second() {
                    found.push(question);
                }
            }
            start = page.last_evaluated_key;
            if found.len() > limit || start.is_none() {
                let more = found.len() > limit;
                found.truncate(limit);
                return Ok((found, more));
            }
        }
    }

    /// Whether a question is on a list. One BatchGetItem.
    pub async fn is_open(&self, account: &AccountId, question: QuestionId) -> Result<bool> {
        let keys = [Reason::Unanswered, Reason::Downvoted].map(|reason| keys::open_question(account, reason, question));
        Ok(!self.get_items(keys.into(), "look for an open question").await?.is_empty())
    }

    /// Takes a question off the lists; says whether it was on one. Two DeleteItem at the same time.
    pub async fn close_question(&self, account: &AccountId, question: QuestionId) -> Result<bool> {
        let delete = async |reason| {
            let deleted = self
                .client
                .delete_item()
                .table_name(&self.table)
                .set_key(Some(keys::open_question(account, reason, question).item()))
                .return_values(ReturnValue::AllOld)
                .send()
                .await
                .map_err(|error| failure("take a question off its list", &error))?;
            anyhow::Ok(deleted.attributes.is_some_and(|item| !item.is_empty()))
        };
        let (unanswered, downvoted) = tokio::try_join!(delete(Reason::Unanswered), delete(Reason::Downvoted))?;
        Ok(unanswered || downvoted)
    }

    /// Forgets the oldest questions of a list where there are more than 1,000. One Query of a megabyte at most for each
    /// megabyte, and one BatchWriteItem for each 25.
    pub async fn trim_questions(&self, account: &AccountId, reason: Reason) -> Result<()> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .scan_index_forward(false)
            .projection_expression("pk, sk")
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(keys::questions_partition(account)))
            .expression_attribute_values(":prefix", text(keys::questions_prefix(reason)))
            .into_paginator()
            .items()
            .send();
        let keys: Vec<super::Item> =
            pages.collect::<Result<_, _>>().await.map_err(|error| failure("count open questions", &error))?;
        for batch in keys.get(MOST..).unwrap_or_default().chunks(BATCH) {
            let deletes = batch.iter().map(|key| {
                let delete = DeleteRequest::builder().set_key(Some(key.clone())).build()?;
                Ok(WriteRequest::builder().delete_request(delete).build())
            });
            let deletes: Vec<WriteRequest> = deletes.collect::<Result<_>>()?;
            // What a busy table leaves is found the next time.
            self.client
                .batch_write_item()
                .request_items(&self.table, deletes)
                .send()
                .await
                .map_err(|error| failure("forget old questions", &error))?;
        }
        Ok(())
    }
}

/// The first characters of a text, and a sign where that is not all.
fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_kept_of_a_text_is_its_beginning(text in ".{0,40}", chars in 1_usize..30) {
            let kept = cut(&text, chars);
            prop_assert!(kept.chars().count() <= chars);
            prop_assert!(text.starts_with(kept.strip_suffix('…').unwrap_or(&kept)));
            prop_assert_eq!(kept == text, text.chars().count() <= chars);
        }
    }
}
