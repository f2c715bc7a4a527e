//! Claims: who works on a question, whether it was counted, and what was replied. They make every delivery of a
//! question after the first harmless.

use super::usage::part_of;
use super::{Item, Store, Turn, failure, from_item, is_condition_failure, keys, number, text, to_item};
use crate::account::Month;
use crate::ids::{AccountId, ConversationId, QuestionId};
use anyhow::{Context as _, Result, bail};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, TransactWriteItem, Update};
use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Claims outlive every queue's redelivery (SQS keeps a message 4 days unless told otherwise).
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A delivery that says nothing for this long is given up for dead by others: an interaction's whole life. The same
/// delivery, coming again, need not wait. [Discord Docs/Receiving and Responding: Interaction Callback]
const LEASE: SignedDuration = SignedDuration::from_mins(15);

/// Usage is kept for a year's comparison.
const USAGE_KEPT: SignedDuration = SignedDuration::from_hours(13 * 31 * 24);

/// Transactions on one share wait for each other; a thousand at once settle within far fewer tries than this.
const CONFLICT_TRIES: u32 = 60;

/// One delivery of a job by its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The queue's own id of the message: the same at each redelivery, and never delivered twice at the same time.
    pub id: String,
    /// 1 at the first delivery.
    pub attempt: u32,
}

/// What is to be said, kept before it is said so that every delivery says the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The messages, in order.
    pub parts: Vec<String>,
    /// Whether it answers the question, so that people may vote on it.
    pub votable: bool,
}

/// The right to work on a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    question: QuestionId,
    account: AccountId,
    month: String,
    /// The share that it was counted in; none when it was not counted.
    share: Option<u32>,
    delivery: String,
    state: State,
    lease_until: i64,
    /// What was decided to be said, if a delivery came so far.
    pub reply: Option<Reply>,
    /// The follow-up message that was about to be posted when a delivery ended; the ones before it were.
    pub sending: Option<usize>,
    expires: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Working,
    Done,
}

/// Whether a question may be worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// For the first time, and counted; or again after a delivery died, and not counted again.
    Claimed(Box<Claim>),
    /// The account's month is used up: claimed, not counted.
    QuotaUsedUp(Box<Claim>),
    /// Another delivery is at work.
    Busy,
    /// It was answered.
    Done,
}

enum Refused {
    Claimed,
    ShareFull,
    Conflict,
}

impl Store {
    /// Claims a question and counts it, both or neither, whatever is killed in between.
    ///
    /// One transaction where the question is new and its share has room.
    pub async fn admit(
        &self,
        question: QuestionId,
        account: &AccountId,
        limit: u32,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<Admission> {
        let month = Month::of(now);
        let mut claim = Claim {
            question,
            account: account.clone(),
            month: month.to_string(),
            share: None,
            delivery: delivery.id.clone(),
            state: State::Working,
            lease_until: (now + LEASE).as_second(),
            reply: None,
            sending: None,
            expires: (now + KEPT).as_second(),
        };
        let first = rand::rng().random_range(0..keys::USAGE_SHARES);
        for share in (0..keys::USAGE_SHARES).map(|i| (first + i) % keys::USAGE_SHARES) {
            let part = part_of(limit, share);
            let hint = format!("{account}#{month}#{share}#{part}");
            if part == 0 || self.full_shares.contains_key(&hint) {
                continue;
            }
            claim.share = Some(share);
            match self.claim_and_count(&claim, part, now).await? {
                None => return Ok(Admission::Claimed(Box::new(claim))),
                Some(Refused::Claimed) => return self.claim_again(question, delivery, now).await,
                Some(Refused::ShareFull | Refused::Conflict) => self.full_shares.insert(hint, ()).await,
            }
        }
        claim.share = None;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(keys::claim(question), &claim)?))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match put {
            Ok(_) => Ok(Admission::QuotaUsedUp(Box::new(claim))),
            Err(error) if is_condition_failure(&error) => self.claim_again(question, delivery, now).await,
            Err(error) => Err(failure("claim a question", &error)),
        }
    }

    async fn claim_and_count(&self, claim: &Claim, part: u32, now: Timestamp) -> Result<Option<Refused>> {
        let share = claim.share.context("a claim that is counted names its share")?;
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(to_item(keys::claim(claim.question), claim)?))
            .condition_expression("attribute_not_exists(pk)")
            .build()?;
        let count = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::usage(&claim.account, &claim.month, share).item()))
            .update_expression("SET expires = :expires ADD used :one")
            .condition_expression("attribute_not_exists(used) OR used < :part")
            .expression_attribute_values(":expires", number((now + USAGE_KEPT).as_second()))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":part", number(part))
            .build()?;
        for attempt in 0..CONFLICT_TRIES {
            let written = self
                .client
                .transact_write_items()
                .transact_items(TransactWriteItem::builder().put(put.clone()).build())
                .transact_items(TransactWriteItem::builder().update(count.clone()).build())
                .send()
                .await;
            let Err(error) = written else { return Ok(None) };
            match refused(error.as_service_error()) {
                Some(Refused::Conflict) => {
                    let pause = rand::rng().random_range(1..=(5 << attempt.min(5)));
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                Some(refused) => return Ok(Some(refused)),
                None => return Err(failure("claim and count a question", &error)),
            }
        }
        bail!("the table is too busy to count a question")
    }

    /// Takes over a claim whose delivery is over: this very delivery again, or one that has gone silent.
    async fn claim_again(&self, question: QuestionId, delivery: &Delivery, now: Timestamp) -> Result<Admission> {
        let taken = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::claim(question).item()))
            .update_expression("SET delivery = :me, lease_until = :until")
            .condition_expression("#state = :working AND (delivery = :me OR lease_until < :now)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":working", text("working"))
            .expression_attribute_values(":me", text(&delivery.id))
            .expression_attribute_values(":now", number(now.as_second()))
            .expression_attribute_values(":until", number((now + LEASE).as_second()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match taken {
            Ok(taken) => {
                let claim: Claim = from_item(taken.attributes.context("an update returned no item")?)?;
                // Not counted and nothing decided yet: an earlier delivery found the month used up and died then.
                if claim.share.is_none() && claim.reply.is_none() {
                    return Ok(Admission::QuotaUsedUp(Box::new(claim)));
                }
                Ok(Admission::Claimed(Box::new(claim)))
            }
            Err(error) if is_condition_failure(&error) => {
                let claim: Option<Claim> = self.get(keys::claim(question)).await?;
                Ok(claim.map_or(Admission::Busy, |claim| match claim.state {
                    State::Done => Admission::Done,
                    State::Working => Admission::Busy,
                }))
            }
            Err(error) => Err(failure("take over a claim", &error)),
        }
    }

    /// Keeps what is about to be said, together with the turn it makes; `refund` takes it off the count.
    /// Returns whether this delivery still holds the claim. One transaction.
    pub async fn keep_reply(
        &self,
        claim: &mut Claim,
        reply: Reply,
        turn: Option<(&ConversationId, &Turn)>,
        refund: bool,
    ) -> Result<bool> {
        let refunded = if refund { claim.share.take() } else { None };
        claim.reply = Some(reply);
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(to_item(keys::claim(claim.question), claim)?))
            .condition_expression("#state = :working AND delivery = :me AND attribute_not_exists(reply.parts)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":working", text("working"))
            .expression_attribute_values(":me", text(&claim.delivery))
            .build()?;
        let mut writes = vec![TransactWriteItem::builder().put(put).build()];
        if let Some((conversation, turn)) = turn {
            let item: Item = to_item(keys::turn(conversation, turn.question_id), turn)?;
            let put = Put::builder().table_name(&self.table).set_item(Some(item)).build()?;
            writes.push(TransactWriteItem::builder().put(put).build());
        }
        if let Some(share) = refunded {
            let uncount = Update::builder()
                .table_name(&self.table)
                .set_key(Some(keys::usage(&claim.account, &claim.month, share).item()))
                .update_expression("ADD used :minus")
                .expression_attribute_values(":minus", number(-1))
                .build()?;
            writes.push(TransactWriteItem::builder().update(uncount).build());
        }
        for attempt in 0..CONFLICT_TRIES {
            let written = self.client.transact_write_items().set_transact_items(Some(writes.clone())).send().await;
            let Err(error) = written else { return Ok(true) };
            match refused(error.as_service_error()) {
                Some(Refused::Conflict) => tokio::time::sleep(Duration::from_millis(5 << attempt.min(5))).await,
                Some(_) => return Ok(false),
                None => return Err(failure("keep a reply", &error)),
            }
        }
        bail!("the table is too busy to keep a reply")
    }

    /// Says that follow-up message `part` is about to be posted and all before it were. One UpdateItem.
    pub async fn about_to_send(&self, claim: &Claim, part: usize) -> Result<()> {
        self.update_claim(claim, "SET sending = :value", number(part)).await
    }

    /// Says that everything was said: later deliveries stop at once. One UpdateItem.
    pub async fn finish(&self, claim: &Claim) -> Result<()> {
        self.update_claim(claim, "SET #state = :value", text("done")).await
    }

    async fn update_claim(&self, claim: &Claim, expression: &str, value: AttributeValue) -> Result<()> {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::claim(claim.question).item()))
            .update_expression(expression)
            .condition_expression("delivery = :me")
            .expression_attribute_values(":me", text(&claim.delivery))
            .expression_attribute_values(":value", value);
        if expression.contains("#state") {
            update = update.expression_attribute_names("#state", "state");
        }
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_condition_failure(&error) => bail!("another delivery has taken over the question"),
            Err(error) => Err(failure("update a claim", &error)),
        }
    }
}

/// Why a transaction on a claim (first) and a usage share (second) was refused; none when the table failed otherwise.
fn refused(error: Option<&TransactWriteItemsError>) -> Option<Refused> {
    let reasons = match error? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => cancelled.cancellation_reasons(),
        TransactWriteItemsError::TransactionInProgressException(_)
        | TransactWriteItemsError::ProvisionedThroughputExceededException(_) => return Some(Refused::Conflict),
        _ => return None,
    };
    let code = |i: usize| reasons.get(i).and_then(|reason| reason.code()).unwrap_or_default();
    if code(0) == "ConditionalCheckFailed" {
        return Some(Refused::Claimed);
    }
    if code(1) == "ConditionalCheckFailed" {
        return Some(Refused::ShareFull);
    }
    let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    reasons.iter().any(|reason| passing.contains(&reason.code().unwrap_or_default())).then_some(Refused::Conflict)
}
