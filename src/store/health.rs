//! What health checks look at, and what they have found.

use super::{Lease, SessionKey, Store, failure, from_item, keys, number, text};
use crate::discord::Facts;
use crate::ids::AccountId;
use crate::servers::Check;
use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, GuildMarker},
};

/// What was last known of a server is of use to nobody after this.
const FACTS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Facts that are larger than this when compressed are not kept: DynamoDB's items have at most 400 kB. The largest servers
/// take a tenth of it. [Amazon DynamoDB Developer Guide: Quotas]
const MOST_PACKED: usize = 300 * 1024;

/// The same when not compressed, so that a damaged item takes no more memory.
const MOST_UNPACKED: u64 = 16 * 1024 * 1024;

/// zstd's own default.
const COMPRESSION: i32 = 3;

/// What was found and is not looked at for so long is forgotten.
const HEALTH_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What has not failed again for so long is well.
const AILING_FOR: SignedDuration = SignedDuration::from_mins(15);

/// What a worker's sign of life is kept for beyond its time, see `fleet`.
const BEAT_KEPT: SignedDuration = super::fleet::WORKER_KEPT;

/// What was known of a server at some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The application that looked.
    pub application: Id<ApplicationMarker>,
    /// When.
    pub at: Timestamp,
    /// What it saw.
    pub facts: Facts,
}

/// What checks have found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The server; none for what concerns the whole account.
    pub guild: Option<Id<GuildMarker>>,
    /// When it was looked at.
    pub at: Timestamp,
    /// What was found.
    pub checks: Vec<Check>,
}

#[derive(Serialize, Deserialize)]
struct StoredChecks {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    guild: Option<Id<GuildMarker>>,
    at: Timestamp,
    /// JSON; what a newer version has found is passed over.
    checks: String,
    expires: i64,
}

/// The session that hears a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuildSession {
    /// The session, if there is one by now.
    pub lease: Option<Lease>,
    /// When its worker gave its last sign of life.
    pub alive_at: Option<Timestamp>,
}

/// Something that all answers of an account need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ailment {
    /// The model gives no answers.
    Model,
    /// The embeddings server does not embed questions.
    Embeddings,
}

/// How something fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ailing {
    /// What.
    pub kind: Ailment,
    /// When last.
    pub last: Timestamp,
}

#[derive(Deserialize)]
struct Expiring {
    expires: i64,
}

impl Store {
    /// Keeps what Discord says of a server. One PutItem.
    pub async fn put_seen(&self, seen: &Seen) -> Result<()> {
        let packed = zstd::encode_all(&*serde_json::to_vec(seen)?, COMPRESSION).context("packing a server's facts")?;
        if packed.len() > MOST_PACKED {
            return Ok(());
        }
        let mut item = keys::facts(seen.facts.id).item();
        item.insert("packed".to_owned(), AttributeValue::B(Blob::new(packed)));
        item.insert(keys::EXPIRES.to_owned(), number((seen.at + FACTS_KEPT).as_second()));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await;
        put.map(drop).map_err(|error| failure("keep a server's facts", &error))
    }

    /// What Discord last said of a server, if this version can read it. One GetItem.
    pub async fn seen(&self, guild: Id<GuildMarker>) -> Result<Option<Seen>> {
        let found = self.client.get_item().table_name(&self.table).set_key(Some(keys::facts(guild).item()));
        let found = found.send().await.map_err(|error| failure("read a server's facts", &error))?;
        let Some(item) = found.item else { return Ok(None) };
        let packed = item.get("packed").and_then(|packed| packed.as_b().ok());
        Ok(packed.and_then(|packed| {
            let json = zstd::Decoder::new(packed.as_ref()).ok()?.take(MOST_UNPACKED);
            serde_json::from_reader(json).ok()
        }))
    }

    /// Keeps what was found. One PutItem.
    pub async fn put_checked(&self, account: &AccountId, checked: &Checked) -> Result<()> {
        let stored = StoredChecks {
            guild: checked.guild,
            at: checked.at,
            checks: serde_json::to_string(&checked.checks)?,
            expires: (checked.at + HEALTH_KEPT).as_second(),
        };
        self.put(keys::health(account, checked.guild), &stored).await
    }

    /// What was found the last time. One GetItem.
    pub async fn checked(&self, account: &AccountId, guild: Option<Id<GuildMarker>>) -> Result<Option<Checked>> {
        Ok(self.get::<StoredChecks>(keys::health(account, guild)).await?.map(Checked::from))
    }

    /// The same of all servers of an account and of the account itself. One Query.
    pub async fn all_checked(&self, account: &AccountId) -> Result<Vec<Checked>> {
        let stored: Vec<StoredChecks> = self.query_all(&keys::account_partition(account), keys::HEALTH).await?;
        Ok(stored.into_iter().map(Checked::from).collect())
    }

    /// The session of an application that hears a server. Three GetItem.
    pub async fn session_of_guild(
        &self,
        application: Id<ApplicationMarker>,
        guild: Id<GuildMarker>,
    ) -> Result<GuildSession> {
        let nobody = GuildSession { lease: None, alive_at: None };
        let Some(plan) = self.shard_plan(application).await? else { return Ok(nobody) };
        // [Discord Docs/Gateway: Sharding]
        let shard = u32::try_from((guild.get() >> 22) % u64::from(plan.total.max(1))).unwrap_or(0);
        let key = SessionKey { application, total: plan.total, generation: plan.generation, shard };
        let Some(lease) = self.get::<Lease>(keys::session(key)).await? else { return Ok(nobody) };
        let alive_at = match &lease.owner {
            Some(worker) => self
                .get::<Expiring>(keys::worker(worker))
                .await?
                .and_then(|beat| Timestamp::from_second(beat.expires).ok()?.checked_sub(BEAT_KEPT).ok()),
            None => None,
        };
        Ok(GuildSession { lease: Some(lease), alive_at })
    }

    /// Records that something failed that an account's answers need. At most one UpdateItem a minute for each.
    pub async fn record_ailment(&self, account: &AccountId, kind: Ailment, now: Timestamp) -> Result<()> {
        if self.memory.ailing.contains_key(&(account.clone(), kind)) {
            return Ok(());
        }
        let name = match kind {
            Ailment::Model => "model",
            Ailment::Embeddings => "embeddings",
        };
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::ailment(account, name).item()))
            .update_expression("SET kind = :kind, #last = :now, expires = :expires")
            .expression_attribute_names("#last", "last")
            .expression_attribute_values(":kind", text(name))
            .expression_attribute_values(":now", text(now.to_string()))
            .expression_attribute_values(":expires", number((now + AILING_FOR).as_second()))
            .send()
            .await
            .map_err(|error| failure("record that something failed", &error))?;
        self.memory.ailing.insert((account.clone(), kind), ()).await;
        Ok(())
    }

    /// What failed in the last quarter of an hour. One Query.
    pub async fn ailments(&self, account: &AccountId, now: Timestamp) -> Result<Vec<Ailing>> {
        let items = self.query_items(&keys::account_partition(account), keys::AILMENT).await?;
        let found = items.into_iter().filter_map(|item| from_item::<Ailing>(item).ok());
        Ok(found.filter(|ailing| now.duration_since(ailing.last) < AILING_FOR).collect())
    }
}

impl From<StoredChecks> for Checked {
    fn from(stored: StoredChecks) -> Self {
        let checks = serde_json::from_str(&stored.checks).unwrap_or_else(|_| {
            let checks: Vec<serde_json::Value> = serde_json::from_str(&stored.checks).unwrap_or_default();
            checks.into_iter().filter_map(|check| serde_json::from_value(check).ok()).collect()
        });
        Self { guild: stored.guild, at: stored.at, checks }
    }
}
