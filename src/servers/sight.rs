//! What Discord says of a server, remembered for a minute; and what it said last, while it says nothing.

use crate::discord::{Discord, DiscordError, Facts, Own};
use crate::store::{Seen, Store};
use anyhow::{Result, anyhow};
use jiff::Timestamp;
use moka::Expiry;
use moka::future::Cache;
use std::sync::Arc;
use std::time::{Duration, Instant};
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, GuildMarker},
};

/// How long what Discord said is not asked again: a channel that was just made is there within a minute.
const REMEMBERED: Duration = Duration::from_mins(1);

/// How long a Discord that does not answer is left alone: no page waits for it twice.
const GIVEN_UP: Duration = Duration::from_secs(10);

/// A page waits no longer than this; Discord answers within a second.
const PATIENCE: Duration = Duration::from_secs(3);

/// Memory for servers, roughly. A server of fifty channels and roles takes about 20 kB.
const MOST_BYTES: u64 = 32 * 1024 * 1024;

/// What a channel or a role takes, roughly, with its name and what it allows.
const BYTES_EACH: usize = 200;

/// Applications that are remembered at the same time.
const MOST_APPLICATIONS: u64 = 1_000;

/// How Discord answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It said how things are.
    Now,
    /// The bot is not in the server.
    NotInServer,
    /// It does not know the bot's token.
    TokenRefused,
    /// It did not answer in time.
    NoAnswer,
    /// There is no bot that could ask.
    NoBot,
}

/// What is known of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// How Discord answered.
    pub outcome: Outcome,
    /// What it said now, or the last time, if ever.
    pub facts: Option<Arc<Facts>>,
    /// When it said so.
    pub at: Option<Timestamp>,
}

/// What is remembered of all servers. Facts of one account's server are not told to another: who asks for a server was
/// found to have it.
pub struct Servers {
    sights: Cache<(Id<ApplicationMarker>, Id<GuildMarker>), Arc<Sight>>,
    applications: Cache<Id<ApplicationMarker>, Result<Arc<Own>, Outcome>>,
}

struct Lifetimes;

impl Expiry<(Id<ApplicationMarker>, Id<GuildMarker>), Arc<Sight>> for Lifetimes {
    fn expire_after_create(
        &self,
        _: &(Id<ApplicationMarker>, Id<GuildMarker>),
        sight: &Arc<Sight>,
        _: Instant,
    ) -> Option<Duration> {
        Some(lifetime(sight.outcome))
    }
}

impl Expiry<Id<ApplicationMarker>, Result<Arc<Own>, Outcome>> for Lifetimes {
    fn expire_after_create(
        &self,
        _: &Id<ApplicationMarker>,
        own: &Result<Arc<Own>, Outcome>,
        _: Instant,
    ) -> Option<Duration> {
        Some(own.as_ref().map_or_else(|outcome| lifetime(*outcome), |_| REMEMBERED))
    }
}

fn lifetime(outcome: Outcome) -> Duration {
    match outcome {
        Outcome::Now => REMEMBERED,
        // Whoever invites the bot back wants to see it.
        Outcome::NotInServer | Outcome::TokenRefused | Outcome::NoAnswer | Outcome::NoBot => GIVEN_UP,
    }
}

impl Default for Servers {
    fn default() -> Self {
        let weigh = |_: &_, sight: &Arc<Sight>| {
            let of = |facts: &Arc<Facts>| facts.channels.len() + facts.roles.len() + overwrites(facts);
            let things = sight.facts.as_ref().map_or(0, of);
            u32::try_from((things + 2) * BYTES_EACH).unwrap_or(u32::MAX)
        };
        Self {
            sights: Cache::builder().weigher(weigh).max_capacity(MOST_BYTES).expire_after(Lifetimes).build(),
            applications: Cache::builder().max_capacity(MOST_APPLICATIONS).expire_after(Lifetimes).build(),
        }
    }
}

fn overwrites(facts: &Facts) -> usize {
    facts.channels.iter().map(|channel| channel.permission_overwrites.len()).sum()
}

impl Servers {
    /// What is known of a server: at most a minute old, or the last that is known where Discord does not say. Within a
    /// minute one application costs one request to Discord, and each server three; the table is written to once, or read
    /// from where Discord does not answer.
    pub(super) async fn look(
        &self,
        store: &Store,
        discord: &Discord,
        application: Id<ApplicationMarker>,
        guild: Id<GuildMarker>,
        now: Timestamp,
    ) -> Result<Arc<Sight>> {
        let look = async {
            let outcome = match self.ask(discord, application, guild).await {
                Ok(facts) => {
                    let seen = Seen { application, at: now, facts };
                    if let Err(error) = store.put_seen(&seen).await {
                        tracing::warn!(guild.id = %guild, error = format!("{error:#}"), "a server's facts are not kept");
                    }
                    let facts = Some(Arc::new(seen.facts));
                    return anyhow::Ok(Arc::new(Sight { outcome: Outcome::Now, facts, at: Some(now) }));
                }
                Err(outcome) => outcome,
            };
            // What another bot was allowed says nothing of this one.
            let seen = store.seen(guild).await?.filter(|seen| seen.application == application);
            let at = seen.as_ref().map(|seen| seen.at);
            Ok(Arc::new(Sight { outcome, facts: seen.map(|seen| Arc::new(seen.facts)), at }))
        };
        let found = self.sights.try_get_with((application, guild), look).await;
        found.map_err(|error: Arc<anyhow::Error>| anyhow!("{error:#}"))
    }

    async fn ask(
        &self,
        discord: &Discord,
        application: Id<ApplicationMarker>,
        guild: Id<GuildMarker>,
    ) -> Result<Facts, Outcome> {
        let own = self.application(discord, application).await?;
        in_time(discord.facts(application, own.bot(), guild)).await
    }

    /// An application as Discord shows it, at most a minute old. At most one request.
    pub(super) async fn application(
        &self,
        discord: &Discord,
        application: Id<ApplicationMarker>,
    ) -> Result<Arc<Own>, Outcome> {
        let look = async { in_time(discord.own(application)).await.map(Arc::new) };
        self.applications.get_with(application, look).await
    }

    /// Forgets what was seen of a server: for whoever has just changed it.
    pub async fn forget(&self, application: Id<ApplicationMarker>, guild: Id<GuildMarker>) {
        self.sights.invalidate(&(application, guild)).await;
    }
}

impl Sight {
    pub(super) fn no_bot() -> Self {
        Self { outcome: Outcome::NoBot, facts: None, at: None }
    }
}

async fn in_time<T>(asking: impl Future<Output = Result<T, DiscordError>>) -> Result<T, Outcome> {
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if error.says_not_in_server() => Err(Outcome::NotInServer),
        Ok(Err(error)) if error.says_token_refused() => Err(Outcome::TokenRefused),
        Ok(Err(_)) | Err(_) => Err(Outcome::NoAnswer),
    }
}
