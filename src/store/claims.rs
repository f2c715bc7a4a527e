//! Claims: who works on a question, whether it was counted, and what was replied. They make every delivery of a
//! question after the first harmless.

use super::usage::{Counting, WARNED_AT_PERCENT, before_warning, part_of};
use super::{Item, Store, Turn, failure, from_item, is_condition_failure, keys, number, text, to_item};
use crate::account::Month;
use crate::ids::{AccountId, ConversationId, QuestionId};
use crate::usage::{Cell, Kind};
use anyhow::{Context as _, Result, bail};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, TransactWriteItem, Update};
use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use twilight_model::id::{
    Id,
    marker::{ChannelMarker, MessageMarker},
};

/// Claims outlive every queue's redelivery (SQS keeps a message 4 days unless told otherwise).
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A delivery that says nothing for this long is given up for dead by others: an interaction's whole life. The same
/// delivery, coming again, need not wait. [Discord Docs/Receiving and Responding: Interaction Callback]
const LEASE: SignedDuration = SignedDuration::from_mins(15);

/// Transactions on one share wait for each other; a thousand at once settle within far fewer tries than this.
pub(super) const CONFLICT_TRIES: u32 = 60;

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
#[expect(clippy::struct_excessive_bools, reason = "each is one independent thing that is done with it")]
pub struct Reply {
    /// The messages, in order.
    pub parts: Vec<String>,
    /// Whether it answers the question, so that people may vote on it.
    pub votable: bool,
    /// The thread that was started for it; none where it goes to where the question was asked.
    #[serde(default)]
    pub thread: Option<Id<ChannelMarker>>,
    /// Whether the team is told that a person is wanted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub escalates: bool,
    /// Whether only who asked is to see it, though “thinking…” was there for everybody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whispered: bool,
    /// Whether the documents lack what was asked, so that the team is to find it noted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
    /// Whether the documents held an answer, for whoever remembers the turn after the death of who knew it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered: bool,
    /// Titles of the documents that it rests on, for the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

/// One message of a reply that is in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// The channel or thread.
    pub channel: Id<ChannelMarker>,
    /// The message.
    pub message: Id<MessageMarker>,
}

/// What a question counts on.
#[derive(Debug, Clone, Copy)]
pub struct Quota<'a> {
    /// Whose month.
    pub account: &'a AccountId,
    /// Its messages.
    pub limit: u32,
    /// What they count as.
    pub kind: Kind,
}

impl Reply {
    /// One message that nobody votes on.
    pub fn notice(sentence: String) -> Self {
        Self { parts: vec![sentence], ..Self::nothing() }
    }

    /// Nothing is said.
    pub fn nothing() -> Self {
        Self {
            parts: Vec::new(),
            votable: false,
            thread: None,
            escalates: false,
            whispered: false,
            missing: false,
            answered: false,
            sources: Vec::new(),
        }
    }
}

/// The right to work on a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    question: QuestionId,
    /// The messages of a channel that it is made of, where there are several; the others' claims name this one.
    #[serde(default)]
    messages: Vec<QuestionId>,
    /// None for what is said without being counted.
    account: Option<AccountId>,
    month: String,
    /// The share that it was counted in; none when it was not counted.
    share: Option<u32>,
    /// What of the month it was counted as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cell: Option<Cell>,
    /// The part of the month's messages that were used before it, in percent, where their owner is to hear of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passed: Option<u32>,
    delivery: String,
    state: State,
    lease_until: i64,
    /// What was decided to be said, if a delivery came so far.
    pub reply: Option<Reply>,
    /// The follow-up message that was about to be posted when a delivery ended; the ones before it were.
    pub sending: Option<usize>,
    /// The messages that are in the channel, in order.
    #[serde(default)]
    pub posted: Vec<Posted>,
    /// Where the turn was remembered.
    #[serde(default)]
    conversation: Option<ConversationId>,
    expires: i64,
}

/// The claim of a message that another one's claim covers.
#[derive(Serialize, Deserialize)]
struct Covered {
    covered_by: QuestionId,
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

/// Some message of the question has a claim.
struct AlreadyClaimed;

/// What lies under a message's key.
enum Found {
    Claim(Box<Claim>),
    Covered { message: QuestionId, by: QuestionId },
}

impl Found {
    fn messages(&self) -> &[QuestionId] {
        match self {
            Self::Claim(claim) => claim.messages(),
            Self::Covered { message, .. } => std::slice::from_ref(message),
        }
    }
}

enum Refused {
    Claimed,
    ShareFull,
    Conflict,
}

impl Claim {
    /// Whether what was said is remembered by it.
    pub fn made_turn(&self) -> bool {
        self.conversation.is_some()
    }

    /// The question that was claimed: the first of its messages.
    pub fn question(&self) -> QuestionId {
        self.question
    }

    /// Every message that it covers, the question's own first.
    pub fn messages(&self) -> &[QuestionId] {
        if self.messages.is_empty() { std::slice::from_ref(&self.question) } else { &self.messages }
    }

    /// Whose question it is; none where nothing was to be counted.
    pub fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }

    /// What the question counts as, unless it was claimed before kinds were told apart.
    pub fn kind(&self) -> Option<Kind> {
        self.cell.map(|cell| cell.kind)
    }

    /// Where the turn was remembered, if it was.
    pub fn conversation(&self) -> Option<&ConversationId> {
        self.conversation.as_ref()
    }

    /// What of the month's messages was used before this question, where their owner is to hear of it: 80 or 100 percent,
    /// and the month.
    pub fn passed(&self) -> Option<(u32, &str)> {
        Some((self.passed?, &self.month))
    }
}

impl Store {
    /// Claims a question (its messages, oldest first, at most fifty) and counts it, both or neither, whatever is killed in
    /// between. Without `quota`, nothing is counted.
    ///
    /// Messages that come again in other company are claimed as far as no earlier claim covers them: the claim says which
    /// ones it is about. One transaction where the question is new and its share has room.
    pub async fn admit(
        &self,
        messages: &[QuestionId],
        quota: Option<Quota<'_>>,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<Admission> {
        let mut left = messages.to_vec();
        // Each round that finds a part claimed leaves less of it.
        for _ in 0..=messages.len() {
            let Some(&question) = left.first() else { return Ok(Admission::Done) };
            let mut claim = Claim {
                question,
                messages: if left.len() > 1 { left.clone() } else { Vec::new() },
                account: quota.map(|quota| quota.account.clone()),
                month: Month::of(now).to_string(),
                share: None,
                cell: quota.map(|quota| Cell::at(now, quota.kind)),
                passed: None,
                delivery: delivery.id.clone(),
                state: State::Working,
                lease_until: (now + LEASE).as_second(),
                reply: None,
                sending: None,
                posted: Vec::new(),
                conversation: None,
                expires: (now + KEPT).as_second(),
            };
            match self.claim(&mut claim, quota, now).await? {
                Ok(true) => return Ok(Admission::Claimed(Box::new(claim))),
                Ok(false) => return Ok(Admission::QuotaUsedUp(Box::new(claim))),
                Err(AlreadyClaimed) => {}
            }
            let found = self.claims(&left).await?;
            // Ours is the one that covers just the same, or the one that an earlier attempt of this delivery made.
            let ours = found.iter().find_map(|claim| match claim {
                Found::Claim(claim) if claim.messages() == left || claim.delivery == delivery.id => {
                    Some(claim.question)
                }
                _ => None,
            });
            if let Some(question) = ours {
                return self.claim_again(question, delivery, now).await;
            }
            let taken: Vec<QuestionId> = found.iter().flat_map(Found::messages).copied().collect();
            left.retain(|message| !taken.contains(message));
        }
        Ok(Admission::Busy)
    }

    /// Makes a new claim; says whether it was counted where there is a quota.
    async fn claim(
        &self,
        claim: &mut Claim,
        quota: Option<Quota<'_>>,
        now: Timestamp,
    ) -> Result<Result<bool, AlreadyClaimed>> {
        if let Some(Quota { account, limit, .. }) = quota {
            for passed in [None, Some(WARNED_AT_PERCENT)] {
                match self.count(claim, account, limit, passed, now).await? {
                    Some(Ok(())) => return Ok(Ok(true)),
                    Some(Err(claimed)) => return Ok(Err(claimed)),
                    None => {}
                }
            }
            (claim.share, claim.passed) = (None, Some(100));
        }
        match self.write_claims(claim, None).await? {
            None => Ok(Ok(quota.is_none())),
            Some(_) => Ok(Err(AlreadyClaimed)),
        }
    }

    /// Makes a new claim that is counted in some share; none where they have no room. A month that has not `passed` its
    /// warning has room for what comes before it.
    async fn count(
        &self,
        claim: &mut Claim,
        account: &AccountId,
        limit: u32,
        passed: Option<u32>,
        now: Timestamp,
    ) -> Result<Option<Result<(), AlreadyClaimed>>> {
        let month = format!("{account}#{}#{limit}", claim.month);
        let ceiling = if passed.is_some() { limit } else { before_warning(limit) };
        if passed.is_none() && self.memory.warned.contains_key(&month) {
            return Ok(None);
        }
        claim.passed = passed;
        let (counted_in, first) = (claim.month.clone(), rand::rng().random_range(0..keys::USAGE_SHARES));
        let hint = |share: u32| format!("{account}#{counted_in}#{share}#{}", part_of(ceiling, share));
        let mut has_looked = false;
        for share in (0..keys::USAGE_SHARES).map(|i| (first + i) % keys::USAGE_SHARES) {
            let part = part_of(ceiling, share);
            if part == 0 || self.memory.full_shares.contains_key(&hint(share)) {
                continue;
            }
            claim.share = Some(share);
            let counted = Counting { account, month: &claim.month, share, part, cell: claim.cell, messages: 1 };
            match self.write_claims(claim, Some(self.counting(&counted, now)?)).await? {
                None => return Ok(Some(Ok(()))),
                Some(Refused::Claimed) => return Ok(Some(Err(AlreadyClaimed))),
                Some(Refused::ShareFull | Refused::Conflict) => self.memory.full_shares.insert(hint(share), ()).await,
            }
            // Where one is full, most are: one look at all of them instead of a refusal by each.
            if !has_looked {
                has_looked = true;
                for full in self.shares_full_at(account, &counted_in, ceiling).await? {
                    self.memory.full_shares.insert(hint(full), ()).await;
                }
            }
        }
        if passed.is_none() {
            self.memory.warned.insert(month, ()).await;
        }
        Ok(None)
    }

    /// One transaction: the claim, the marks on the other messages that it covers, and what counts it.
    async fn write_claims(&self, claim: &Claim, count: Option<Update>) -> Result<Option<Refused>> {
        let new = |item: Item| -> Result<TransactWriteItem> {
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(item))
                .condition_expression("attribute_not_exists(pk)")
                .build()?;
            Ok(TransactWriteItem::builder().put(put).build())
        };
        let mut writes = vec![new(to_item(keys::claim(claim.question), claim)?)?];
        for &message in claim.messages().iter().skip(1) {
            let covered = Covered { covered_by: claim.question, expires: claim.expires };
            writes.push(new(to_item(keys::claim(message), &covered)?)?);
        }
        writes.extend(count.map(|count| TransactWriteItem::builder().update(count).build()));
        for attempt in 0..CONFLICT_TRIES {
            let written = self.client.transact_write_items().set_transact_items(Some(writes.clone())).send().await;
            let Err(error) = written else { return Ok(None) };
            match refused(error.as_service_error(), claim.messages().len()) {
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

    /// The claims of these messages, as far as they have any. One GetItem each: only what comes again is looked up.
    async fn claims(&self, messages: &[QuestionId]) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for &message in messages {
            if let Some(claim) = self.found(message).await? {
                found.push(claim);
            }
        }
        Ok(found)
    }

    async fn found(&self, message: QuestionId) -> Result<Option<Found>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(keys::claim(message).item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failure("read a claim", &error))?;
        let Some(item) = answer.item else { return Ok(None) };
        Ok(Some(if item.contains_key("covered_by") {
            Found::Covered { message, by: from_item::<Covered>(item)?.covered_by }
        } else {
            Found::Claim(Box::new(from_item(item)?))
        }))
    }

    /// The claim that covers a message. One GetItem, two where the message is not the first of its question.
    pub async fn claim_of(&self, message: QuestionId) -> Result<Option<Claim>> {
        match self.found(message).await? {
            Some(Found::Claim(claim)) => Ok(Some(*claim)),
            Some(Found::Covered { by, .. }) => self.get(keys::claim(by)).await,
            None => Ok(None),
        }
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
                if claim.account.is_some() && claim.share.is_none() && claim.reply.is_none() {
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

    /// Keeps what is about to be said, and the turn it makes; `refund` takes it off the count. Where nothing is said, that
    /// is the end of it. Returns whether this delivery still holds the claim.
    ///
    /// Two PutItem, which cost half of what a transaction of both does: who dies in between is followed by a delivery that
    /// finds the reply, and sees to the turn by [`remember_again`](Self::remember_again). One transaction where nobody
    /// would come back, or something is taken off the count.
    pub async fn keep_reply(
        &self,
        claim: &mut Claim,
        reply: Reply,
        turn: Option<(&ConversationId, &Turn)>,
        refund: bool,
    ) -> Result<bool> {
        let refunded = if refund { claim.share.take() } else { None };
        if reply.parts.is_empty() {
            claim.state = State::Done;
        }
        claim.reply = Some(reply);
        claim.conversation = turn.map(|(conversation, _)| conversation.clone());
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(to_item(keys::claim(claim.question), claim)?))
            .condition_expression("#state = :working AND delivery = :me AND attribute_not_exists(reply.parts)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":working", text("working"))
            .expression_attribute_values(":me", text(&claim.delivery))
            .build()?;
        if let (State::Working, None) = (claim.state, refunded) {
            if !self.put_if(put).await? && !self.has_kept(claim).await? {
                return Ok(false);
            }
            if let Some((conversation, turn)) = turn {
                self.put(keys::turn(conversation, turn.question_id), turn).await?;
            }
            return Ok(true);
        }
        let mut writes = vec![TransactWriteItem::builder().put(put).build()];
        if let Some((conversation, turn)) = turn {
            let item: Item = to_item(keys::turn(conversation, turn.question_id), turn)?;
            let put = Put::builder().table_name(&self.table).set_item(Some(item)).build()?;
            writes.push(TransactWriteItem::builder().put(put).build());
        }
        writes.extend(self.uncount(claim, refunded)?);
        Ok(self.write_for(writes, "keep a reply").await? || self.has_kept(claim).await?)
    }

    /// Whether a reply that was refused is kept all the same: only the answer to an earlier try was lost. One GetItem.
    async fn has_kept(&self, claim: &Claim) -> Result<bool> {
        let found: Option<Claim> = self.get(keys::claim(claim.question)).await?;
        Ok(found.is_some_and(|found| found.delivery == claim.delivery && found.reply == claim.reply))
    }

    /// Remembers what an earlier delivery was about to say, in case that one died before it had. One PutItem.
    pub async fn remember_again(&self, claim: &Claim, turn: &Turn) -> Result<()> {
        let Some(conversation) = &claim.conversation else { return Ok(()) };
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(to_item(keys::turn(conversation, turn.question_id), turn)?))
            .condition_expression("attribute_not_exists(pk)")
            .build()?;
        self.put_if(put).await.map(drop)
    }

    /// Writes an item where its condition holds; says whether it did.
    async fn put_if(&self, put: Put) -> Result<bool> {
        let put = self
            .client
            .put_item()
            .table_name(put.table_name)
            .set_item(Some(put.item))
            .set_condition_expression(put.condition_expression)
            .set_expression_attribute_names(put.expression_attribute_names)
            .set_expression_attribute_values(put.expression_attribute_values);
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failure(&error) => Ok(false),
            Err(error) => Err(failure("keep a reply", &error)),
        }
    }

    /// Takes a question off the count after all: nothing of its reply was shown. One transaction; a second time changes
    /// nothing.
    pub async fn refund(&self, claim: &mut Claim) -> Result<()> {
        let Some(share) = claim.share.take() else { return Ok(()) };
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::claim(claim.question).item()))
            .update_expression("SET #share = :none")
            .condition_expression("delivery = :me AND #share = :share")
            .expression_attribute_names("#share", "share")
            .expression_attribute_values(":none", AttributeValue::Null(true))
            .expression_attribute_values(":share", number(share))
            .expression_attribute_values(":me", text(&claim.delivery))
            .build()?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        writes.extend(self.uncount(claim, Some(share))?);
        self.write_for(writes, "take a question off the count").await.map(drop)
    }

    fn uncount(&self, claim: &Claim, share: Option<u32>) -> Result<Option<TransactWriteItem>> {
        let (Some(account), Some(share)) = (&claim.account, share) else { return Ok(None) };
        let uncount = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::usage(account, &claim.month, share).item()))
            .expression_attribute_values(":minus", number(-1));
        let uncount = match claim.cell {
            Some(cell) => uncount
                .update_expression("ADD used :minus, #cell :minus")
                .expression_attribute_names("#cell", cell.to_string()),
            None => uncount.update_expression("ADD used :minus"),
        };
        Ok(Some(TransactWriteItem::builder().update(uncount.build()?).build()))
    }

    /// Writes all of it where the claim, which comes first, is still as it was thought to be; says whether it was.
    async fn write_for(&self, writes: Vec<TransactWriteItem>, attempted: &'static str) -> Result<bool> {
        for attempt in 0..CONFLICT_TRIES {
            let written = self.client.transact_write_items().set_transact_items(Some(writes.clone())).send().await;
            let Err(error) = written else { return Ok(true) };
            match refused(error.as_service_error(), 1) {
                Some(Refused::Conflict) => tokio::time::sleep(Duration::from_millis(5 << attempt.min(5))).await,
                Some(_) => return Ok(false),
                None => return Err(failure(attempted, &error)),
            }
        }
        bail!("the table is too busy to {attempted}")
    }

    /// Says which messages of the reply are in the channel. One UpdateItem.
    pub async fn record_posted(&self, claim: &Claim) -> Result<()> {
        let posted = serde_dynamo::to_attribute_value(&claim.posted).context("posted messages as an attribute")?;
        self.update_claim(claim, "SET posted = :value", posted).await
    }

    /// Forgets the turn that the claim's reply made. One DeleteItem.
    pub async fn forget_turn(&self, claim: &Claim) -> Result<()> {
        match &claim.conversation {
            Some(conversation) => self.delete(keys::turn(conversation, claim.question)).await,
            None => Ok(()),
        }
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

/// Why a transaction on so many claims (first) and a usage share (last) was refused; none when the table failed otherwise.
fn refused(error: Option<&TransactWriteItemsError>, claims: usize) -> Option<Refused> {
    let reasons = match error? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => cancelled.cancellation_reasons(),
        TransactWriteItemsError::TransactionInProgressException(_)
        | TransactWriteItemsError::ProvisionedThroughputExceededException(_) => return Some(Refused::Conflict),
        _ => return None,
    };
    let code = |i: usize| reasons.get(i).and_then(|reason| reason.code()).unwrap_or_default();
    if (0..claims).any(|i| code(i) == "ConditionalCheckFailed") {
        return Some(Refused::Claimed);
    }
    if code(claims) == "ConditionalCheckFailed" {
        return Some(Refused::ShareFull);
    }
    let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    reasons.iter().any(|reason| passing.contains(&reason.code().unwrap_or_default())).then_some(Refused::Conflict)
}
