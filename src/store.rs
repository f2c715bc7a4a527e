//! The one table. Its chart is in `store/README.md`, its keys in `keys.rs`, one file per kind of item beside them.

mod accounts;
mod audit;
mod budget;
mod claims;
mod connections;
mod conversations;
mod counted;
mod custom_bots;
mod fates;
mod fleet;
mod guilds;
mod health;
mod jobs;
pub mod keys;
mod members;
mod notifications;
mod once;
mod outbox;
mod people;
mod questions;
mod refusals;
mod schedule;
mod source_lists;
mod sources;
mod transact;
mod troubles;
mod unreadable;
mod usage;

pub use accounts::ApiToken;
pub use audit::{Change, Note, Who, WhoKind};
pub use budget::{Booked, Place, Stretch};
pub use claims::{Admission, Claim, Delivery, Posted, Quota, Reply};
pub use connections::Connected;
pub use conversations::{Turn, Vote};
pub use counted::{Report, Reported};
pub use custom_bots::{CustomBot, Kept};
pub use fates::Fate;
pub use fleet::{Lease, SessionKey, SessionNotice, SessionState, ShardPlan, WorkerBeat};
pub use guilds::Known;
pub use health::{Ailing, Ailment, Checked, GuildSession, Seen};
pub use jobs::{BATCH, DeadJob, StoredJob};
pub use members::{Changed, Invitation, Joined, Member};
pub use once::Turn as OnceTurn;
pub use outbox::DigestDue;
pub use people::{DiscordTokens, Person, Session, SignInUnderWay};
pub use questions::{OpenQuestion, Reason};
pub use refusals::{Refusal, RefusalKind};
pub use source_lists::{ListedSources, PartOfList, Position, SourceList};
pub use troubles::{Trouble, TroubleKind};

use crate::aws::Late;
use crate::ids::AccountId;
use anyhow::{Context as _, Result, anyhow, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, KeysAndAttributes,
    ScalarAttributeType, TimeToLiveSpecification,
};
use moka::future::Cache;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// One item of the table as the SDK carries it.
type Item = HashMap<String, AttributeValue>;

/// Keys that DynamoDB takes in one BatchGetItem.
pub const MOST_KEYS: usize = 100;

/// A batch that a busy table answered in part is finished with so many more tries.
const BATCH_TRIES: u32 = 6;

/// How long a full share of a month's quota is not asked again. Short, so that a raised plan or a refund is noticed.
const FULL_SHARE_HINT: Duration = Duration::from_secs(30);

/// How long it is not asked again whether a month has passed its 80 %, or whether something was done for good.
const KNOWN_FOR: Duration = Duration::from_hours(1);

/// What fails again and again is written down once in this time.
const AILMENT_TOLD: Duration = Duration::from_mins(1);

/// The table, through DynamoDB's own protocol.
#[derive(Debug, Clone)]
pub struct Store {
    client: Late<Client>,
    table: String,
    memory: Arc<LazyLock<Memory>>,
}

/// What is remembered of it, by all copies together.
#[derive(Debug)]
struct Memory {
    full_shares: Cache<String, ()>,
    /// Items that cannot be read, and of which that was said.
    unreadable: Cache<keys::Key, ()>,
    /// Months that have passed 80 % of a limit.
    warned: Cache<String, ()>,
    /// What was done once and for all.
    done: Cache<String, ()>,
    /// What failed, and is known to have failed.
    ailing: Cache<(AccountId, Ailment), ()>,
}

impl Memory {
    fn new() -> Self {
        let remembering = |time| Cache::builder().max_capacity(10_000).time_to_live(time).build();
        Self {
            full_shares: remembering(FULL_SHARE_HINT),
            unreadable: Cache::new(10_000),
            warned: remembering(KNOWN_FOR),
            done: remembering(KNOWN_FOR),
            ailing: Cache::builder().max_capacity(10_000).time_to_live(AILMENT_TOLD).build(),
        }
    }
}

impl Store {
    /// Uses `table` through `client`; connects with the first request.
    pub fn new(client: impl Into<Late<Client>>, table: impl Into<String>) -> Self {
        Self { client: client.into(), table: table.into(), memory: Arc::new(LazyLock::new(Memory::new)) }
    }

    /// Creates the table where it does not exist yet: for one machine and for tests. On AWS the template does it.
    pub async fn create_table(&self) -> Result<()> {
        let key = |name: &str, kind| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build().context("key schema")
        };
        let text = |name: &str| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .context("attribute definition")
        };
        let created = self
            .client
            .create_table()
            .table_name(&self.table)
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key(keys::PK, KeyType::Hash)?)
            .key_schema(key(keys::SK, KeyType::Range)?)
            .attribute_definitions(text(keys::PK)?)
            .attribute_definitions(text(keys::SK)?)
            .send()
            .await;
        match created {
            Ok(_) => {}
            Err(error) if error.code() == Some("ResourceInUseException") => return Ok(()),
            Err(error) => return Err(failure("create the table", &error)),
        }
        let ttl = TimeToLiveSpecification::builder().attribute_name(keys::EXPIRES).enabled(true).build()?;
        self.client
            .update_time_to_live()
            .table_name(&self.table)
            .time_to_live_specification(ttl)
            .send()
            .await
            .map_err(|error| failure("switch on expiry", &error))?;
        Ok(())
    }

    /// Whether the table answers. One consistent read of nothing.
    pub async fn ping(&self) -> Result<()> {
        self.get::<serde_json::Value>(keys::Key::new("PING", "PING")).await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, key: keys::Key) -> Result<Option<T>> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failure("read an item", &error))?;
        found.item.map(from_item).transpose()
    }

    async fn put<T: Serialize>(&self, key: keys::Key, value: &T) -> Result<()> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(key, value)?))
            .send()
            .await
            .map_err(|error| failure("write an item", &error))?;
        Ok(())
    }

    async fn delete(&self, key: keys::Key) -> Result<()> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .send()
            .await
            .map_err(|error| failure("delete an item", &error))?;
        Ok(())
    }

    /// Those of these items that are there, in any order; each key is named once. One BatchGetItem for each
    /// [`MOST_KEYS`].
    async fn get_many<T: DeserializeOwned>(&self, keys: Vec<keys::Key>, attempted: &str) -> Result<Vec<T>> {
        self.get_items(keys, attempted).await?.into_iter().map(from_item).collect()
    }

    /// The same, not read yet.
    async fn get_items(&self, keys: Vec<keys::Key>, attempted: &str) -> Result<Vec<Item>> {
        let mut found = Vec::with_capacity(keys.len());
        let mut keys = keys.into_iter().map(keys::Key::item).peekable();
        while keys.peek().is_some() {
            let batch: Vec<Item> = keys.by_ref().take(MOST_KEYS).collect();
            let mut pending = Some(KeysAndAttributes::builder().set_keys(Some(batch)).consistent_read(true).build()?);
            for attempt in 0..BATCH_TRIES {
                let Some(wanted) = pending.take() else { break };
                if attempt > 0 {
                    tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
                }
                let got = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, wanted)
                    .send()
                    .await
                    .map_err(|error| failure(attempted, &error))?;
                found.extend(got.responses.unwrap_or_default().remove(&self.table).unwrap_or_default());
                pending = got.unprocessed_keys.unwrap_or_default().remove(&self.table);
            }
            ensure!(pending.is_none(), "the table is too busy to {attempted}");
        }
        Ok(found)
    }

    /// The newest items of an account whose sort keys are at least `from` and before `to`, newest first, at most `limit`.
    /// One Query.
    async fn newest<T: DeserializeOwned>(
        &self,
        account: &AccountId,
        from: &str,
        to: &str,
        limit: u16,
    ) -> Result<Vec<T>> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .scan_index_forward(false)
            // `to` itself is between, too.
            .limit(i32::from(limit) + 1)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(keys::account_partition(account)))
            .expression_attribute_values(":from", text(from))
            .expression_attribute_values(":to", text(to))
            .send()
            .await
            .map_err(|error| failure("list the newest items", &error))?;
        let is_before = |item: &Item| item.get(keys::SK) != Some(&text(to));
        found.items.unwrap_or_default().into_iter().filter(is_before).take(limit.into()).map(from_item).collect()
    }

    /// All items of a partition whose sort key begins with `prefix`, if that is not empty, ascending; pages are followed to
    /// the end.
    async fn query_all<T: DeserializeOwned>(&self, pk: &str, prefix: &str) -> Result<Vec<T>> {
        self.query_items(pk, prefix).await?.into_iter().map(from_item).collect()
    }

    /// The same, not read yet.
    async fn query_items(&self, pk: &str, prefix: &str) -> Result<Vec<Item>> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.expression_attribute_values(":pk", text(pk));
        // DynamoDB takes no empty text as a part of a key, not even to compare with.
        let query = match prefix {
            "" => query.key_condition_expression("pk = :pk"),
            prefix => query
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", text(prefix)),
        };
        let pages = query.into_paginator().items().send();
        pages.collect::<Result<_, _>>().await.map_err(|error| failure("list items", &error))
    }
}

fn to_item<T: Serialize>(key: keys::Key, value: &T) -> Result<Item> {
    let mut item: Item = serde_dynamo::to_item(value).context("an item could not be written as attributes")?;
    item.extend(key.item());
    Ok(item)
}

fn from_item<T: DeserializeOwned>(item: Item) -> Result<T> {
    serde_dynamo::from_item(item).context("an item of the table is not what was expected")
}

#[expect(clippy::needless_pass_by_value, reason = "numbers of any type, as they are at hand")]
fn number(n: impl ToString) -> AttributeValue {
    AttributeValue::N(n.to_string())
}

fn text(s: impl Into<String>) -> AttributeValue {
    AttributeValue::S(s.into())
}

/// Says what was attempted and why it failed, without any item's content.
fn failure<E, R>(attempted: &str, error: &SdkError<E, R>) -> anyhow::Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some(code) => anyhow!("the table refused to {attempted}: {code}"),
        None => anyhow!("the table could not be reached to {attempted}: {}", DisplayErrorContext(error)),
    }
}

fn is_condition_failure<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}
