//! Sessions with Discord's gateway, as the workers that keep them share them. Nothing but the order of writes is relied
//! on here: whether a worker lives is judged by whoever watches its counter, with a clock of their own.

use super::{Store, failure, from_item, is_condition_failure, keys, number, text, to_item};
use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// What a worker that vanished leaves behind is cleared away after this; nobody waits for it.
pub(super) const WORKER_KEPT: SignedDuration = SignedDuration::from_hours(24);

/// A time slot is worthless as soon as it is over; kept a little for the curious.
const SLOTS_KEPT: SignedDuration = SignedDuration::from_hours(1);

/// Several workers that want the same slot settle within far fewer tries: each refusal means that another one got its own.
const SLOT_TRIES: u32 = 100;

/// Which session: one shard of one application, in one way to share its servers out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionKey {
    /// The application whose bot it is.
    pub application: Id<ApplicationMarker>,
    /// Shards that the application's servers are shared out to.
    pub total: u32,
    /// Grows when all sessions of an application have to begin anew, beside the old ones, to ask for more than those do, or
    /// for less: see [`reads_content`](Self::reads_content).
    #[serde(default)]
    pub generation: u32,
    /// Which of them, from 0.
    pub shard: u32,
}

impl SessionKey {
    /// Whether it asks for the content of messages: the generations that do and those that do not take turns, and the first
    /// one does not.
    pub fn reads_content(&self) -> bool {
        self.generation % 2 == 1
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}#{}#{}", self.application, self.total, self.generation, self.shard)
    }
}

/// A session and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Which session.
    #[serde(flatten)]
    pub key: SessionKey,
    /// The worker that keeps it; none when it is free.
    #[serde(default)]
    pub owner: Option<String>,
    /// Grows with each change of owner. Whoever holds an older number writes nothing any more.
    pub fence: u64,
    /// How far it has come.
    #[serde(default)]
    pub state: SessionState,
}

/// What a session needs to be taken up elsewhere, and what a dashboard shows of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionState {
    /// Discord's name for it; none before the first and after the end of one.
    pub session_id: Option<String>,
    /// Where Discord wants it to be resumed.
    pub resume_url: Option<String>,
    /// The last event of which nothing more is to be done: what comes after it, Discord sends again.
    pub seq: u64,
    /// Whether it knows of a server where the content of messages has to be read.
    pub wants_content: bool,
    /// Whether Discord refuses the content of messages.
    pub content_refused: bool,
    /// Whether it has been connected and ready since this lease was made.
    pub ready: bool,
    /// What an admin should know and can do about it.
    pub notice: Option<SessionNotice>,
    /// Set when it is not to be tried again: the revision of the bot that Discord would not have.
    pub stopped: Option<String>,
    /// The worker to which Discord said so. Once that is gone, another one may try: perhaps somebody has repaired it.
    pub stopped_by: Option<String>,
}

/// What is wrong with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionNotice {
    /// Discord does not accept the bot's token (4004).
    TokenRefused,
    /// The number of shards does not fit (4010, 4011).
    ShardsRefused,
    /// This version of Guildhall speaks a protocol that Discord has given up (4012).
    VersionRefused,
    /// Discord does not accept the intents (4013, or 4014 without the content of messages).
    IntentsRefused,
    /// The Message Content intent is not switched on for the application (4014): only messages to the bot can be read.
    ContentRefused,
}

impl SessionNotice {
    /// What is wrong and what to do about it: a sentence without its capital and its full stop.
    pub fn advice(self) -> &'static str {
        match self {
            Self::TokenRefused => {
                "Discord does not accept the bot's token: make a new one in the developer portal and set it here"
            }
            Self::ShardsRefused => {
                "Discord does not accept this number of shards: leave it to Guildhall, or set a higher one"
            }
            Self::VersionRefused => {
                "Discord has given up the gateway version that this Guildhall speaks: update Guildhall"
            }
            Self::IntentsRefused => "Discord does not accept the intents: check the bot's page in the developer portal",
            Self::ContentRefused => {
                "the Message Content intent is off, so only messages to the bot can be read: \
                 switch it on on the bot's page in the developer portal"
            }
        }
    }
}

/// How an application's servers are shared out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardPlan {
    /// Whose.
    pub application: Id<ApplicationMarker>,
    /// Number of shards.
    pub total: u32,
    /// Which generation of them.
    #[serde(default)]
    pub generation: u32,
    /// Where Discord's gateway is.
    pub gateway_url: String,
    /// Shards that may identify at the same time.
    pub max_concurrency: u32,
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerBeat {
    /// Who.
    pub worker: String,
    /// Grows with each sign.
    pub count: u64,
    /// Whether it is about to go: it takes nothing and gives away what it has.
    #[serde(default)]
    pub leaving: bool,
}

#[derive(Serialize)]
struct StoredBeat<'a> {
    #[serde(flatten)]
    beat: &'a WorkerBeat,
    expires: i64,
}

#[derive(Deserialize)]
struct Slots {
    next: i64,
}

impl Store {
    /// All sessions that can be read. One Query.
    pub async fn leases(&self) -> Result<Vec<Lease>> {
        let items = self.query_items(keys::SESSIONS, "").await?;
        Ok(self.readable(items).await)
    }

    /// An application's sessions. One Query.
    pub async fn leases_of(&self, application: Id<ApplicationMarker>) -> Result<Vec<Lease>> {
        self.query_all(keys::SESSIONS, &keys::sessions_of(application)).await
    }

    /// All workers that gave a sign of life and did not say goodbye. One Query. Fails rather than leave one out: it would be
    /// taken for dead.
    pub async fn workers(&self) -> Result<Vec<WorkerBeat>> {
        self.query_all(keys::WORKERS, "").await
    }

    /// How applications are shared out, as far as it can be read. One Query.
    pub async fn shard_plans(&self) -> Result<Vec<ShardPlan>> {
        let items = self.query_items(keys::SHARD_PLANS, "").await?;
        Ok(self.readable(items).await)
    }

    /// How an application is shared out. One GetItem.
    pub async fn shard_plan(&self, application: Id<ApplicationMarker>) -> Result<Option<ShardPlan>> {
        self.get(keys::shard_plan(application)).await
    }

    /// Says how an application is shared out from now on; its generation stays as it is. One UpdateItem.
    pub async fn put_shard_plan(&self, plan: &ShardPlan) -> Result<()> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::shard_plan(plan.application).item()))
            .update_expression(
                "SET application = :application, #total = :total, gateway_url = :url, max_concurrency = :most",
            )
            .expression_attribute_names("#total", "total")
            .expression_attribute_values(":application", text(plan.application.to_string()))
            .expression_attribute_values(":total", number(plan.total))
            .expression_attribute_values(":url", text(&plan.gateway_url))
            .expression_attribute_values(":most", number(plan.max_concurrency))
            .send()
            .await
            .map_err(|error| failure("plan an application's shards", &error))?;
        Ok(())
    }

    /// Lets all sessions of an application begin anew beside those of generation `now`, with the content of messages or
    /// without; false where somebody else has. One UpdateItem.
    pub async fn next_generation(
        &self,
        application: Id<ApplicationMarker>,
        now: u32,
        reads_content: bool,
    ) -> Result<bool> {
        let is_alike = (now % 2 == 1) == reads_content;
        let updated = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::shard_plan(application).item()))
            .update_expression("SET generation = :next")
            .condition_expression(
                "attribute_exists(pk) AND (generation = :now OR (attribute_not_exists(generation) AND :now = :none))",
            )
            .expression_attribute_values(":next", number(now + if is_alike { 2 } else { 1 }))
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":none", number(0))
            .send()
            .await;
        match updated {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failure(&error) => Ok(false),
            Err(error) => Err(failure("plan new sessions", &error)),
        }
    }

    /// Forgets how an application is shared out. One DeleteItem.
    pub async fn delete_shard_plan(&self, application: Id<ApplicationMarker>) -> Result<()> {
        self.delete(keys::shard_plan(application)).await
    }

    /// Gives a sign of life. One PutItem.
    pub async fn beat(&self, beat: &WorkerBeat, now: Timestamp) -> Result<()> {
        let stored = StoredBeat { beat, expires: (now + WORKER_KEPT).as_second() };
        self.put(keys::worker(&beat.worker), &stored).await
    }

    /// Says goodbye. One DeleteItem.
    pub async fn forget_worker(&self, worker: &str) -> Result<()> {
        self.delete(keys::worker(worker)).await
    }

    /// Adds a free session, unless it is there. One PutItem.
    pub async fn create_lease(&self, key: SessionKey, state: SessionState) -> Result<()> {
        let lease = Lease { key, owner: None, fence: 0, state };
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(to_item(keys::session(key), &lease)?))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match put {
            Err(error) if !is_condition_failure(&error) => Err(failure("add a session", &error)),
            _ => Ok(()),
        }
    }

    /// Takes a session that was seen as `lease`; none where it has changed hands since. One UpdateItem.
    pub async fn take_lease(&self, lease: &Lease, worker: &str) -> Result<Option<Lease>> {
        let updated = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::session(lease.key).item()))
            .update_expression("SET #owner = :me, fence = :next")
            .condition_expression("fence = :seen")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":me", text(worker))
            .expression_attribute_values(":next", number(lease.fence + 1))
            .expression_attribute_values(":seen", number(lease.fence))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match updated {
            Ok(updated) => {
                Ok(Some(from_item(updated.attributes.context("the table did not say what a session is now")?)?))
            }
            Err(error) if is_condition_failure(&error) => Ok(None),
            Err(error) => Err(failure("take a session", &error)),
        }
    }

    /// Writes down how far a session has come; false where it is no longer this lease's. One UpdateItem.
    pub async fn save_session(&self, lease: &Lease, state: &SessionState) -> Result<bool> {
        self.write_session(lease, state, "SET #state = :state").await
    }

    /// The same, and gives the session away. The fence grows, so that nothing that is still on its way is written later.
    /// One UpdateItem.
    pub async fn release_session(&self, lease: &Lease, state: &SessionState) -> Result<bool> {
        self.write_session(lease, state, "SET #state = :state, fence = fence + :one REMOVE #owner").await
    }

    async fn write_session(&self, lease: &Lease, state: &SessionState, update: &str) -> Result<bool> {
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::session(lease.key).item()))
            .update_expression(update)
            .condition_expression("#owner = :owner AND fence = :fence")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":owner", text(lease.owner.as_deref().unwrap_or_default()))
            .expression_attribute_values(":fence", number(lease.fence))
            .expression_attribute_values(":state", AttributeValue::M(serde_dynamo::to_item(state)?));
        if update.contains(":one") {
            request = request.expression_attribute_values(":one", number(1));
        }
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failure(&error) => Ok(false),
            Err(error) => Err(failure("save a session", &error)),
        }
    }

    /// Removes a session that was seen as `lease`, unless it has changed hands since. One DeleteItem.
    pub async fn delete_lease(&self, lease: &Lease) -> Result<bool> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(keys::session(lease.key).item()))
            .condition_expression("fence = :fence")
            .expression_attribute_values(":fence", number(lease.fence))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(true),
            Err(error) if is_condition_failure(&error) => Ok(false),
            Err(error) => Err(failure("remove a session", &error)),
        }
    }

    /// Reserves the next time at which a shard of this bucket may identify: `spacing` after the one before. A time further
    /// off than `at_most` is no reservation but a clock that was wrong, and counts for nothing.
    ///
    /// One GetItem and one UpdateItem, more where others reserve at the same time.
    pub async fn reserve_identify(
        &self,
        application: Id<ApplicationMarker>,
        bucket: u32,
        now: Timestamp,
        spacing: SignedDuration,
        at_most: SignedDuration,
    ) -> Result<Timestamp> {
        let key = keys::identify(application, bucket);
        for _ in 0..SLOT_TRIES {
            let seen: Option<Slots> = self.get(key.clone()).await?;
            let free = seen
                .as_ref()
                .and_then(|slots| Timestamp::from_millisecond(slots.next).ok())
                .filter(|&next| next > now && next <= now + at_most)
                .unwrap_or(now);
            let condition = if seen.is_some() { "#next = :seen" } else { "attribute_not_exists(#next)" };
            let mut update = self
                .client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(key.clone().item()))
                .update_expression("SET #next = :next, expires = :expires")
                .condition_expression(condition)
                .expression_attribute_names("#next", "next")
                .expression_attribute_values(":next", number((free + spacing).as_millisecond()))
                .expression_attribute_values(":expires", number((free + SLOTS_KEPT).as_second()));
            if let Some(slots) = &seen {
                update = update.expression_attribute_values(":seen", number(slots.next));
            }
            match update.send().await {
                Ok(_) => return Ok(free),
                Err(error) if is_condition_failure(&error) => {}
                Err(error) => return Err(failure("reserve a time to identify", &error)),
            }
        }
        anyhow::bail!("too many workers want to identify at once")
    }
}
