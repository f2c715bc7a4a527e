//! What is due every five minutes, whoever's it is: commands that Discord does not have yet, readings that were lost, events
//! that could not be passed on.
//!
//! Two runs at once, and one that is killed anywhere, do no harm: everything here can be done again.

use crate::discord::{CommandSync, Discord, DiscordError};
use crate::events::Events;
use crate::ids::AccountId;
use crate::interactions::commands;
use crate::job::{Job, Jobs};
use crate::knowledge::source::{Source, Status};
use crate::store::{OnceTurn, Store};
use anyhow::Result;
use futures::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// Whether Discord says in time who the shared bot is, where the environment does not.
const PATIENCE: Duration = Duration::from_secs(5);

/// Applications whose commands are looked at side by side.
const APPLICATIONS_AT_A_TIME: usize = 8;

/// Accounts whose sources are looked at in one run. The next run goes on behind them.
const ACCOUNTS_A_RUN: u16 = 200;

/// A reading that was asked for less long ago is in the queue or under way.
const LOST_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// A reading that is asked for again is not asked for once more before this: the queue may be long.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// How a run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// Nothing is due any more.
    Done,
    /// Something could not be done now: better tried again soon.
    Unfinished,
}

/// Does what is due. What fails is a line in the log and does not keep the rest from being done.
pub async fn run(store: &Store, jobs: &Jobs, events: &Events, discord: Option<&Discord>, now: Timestamp) -> Run {
    let commands = async {
        match discord {
            Some(discord) => register_commands(store, discord).await,
            None => Ok(Run::Done),
        }
    };
    let told = Box::pin(events.catch_up(store, jobs, now));
    let (commands, readings, told) = tokio::join!(commands, resume_readings(store, jobs, now), told);
    let done = |outcome: Result<()>| outcome.map(|()| Run::Done);
    let outcomes = [commands, done(readings), done(told)].map(|outcome| {
        outcome.unwrap_or_else(|error| {
            tracing::error!(error = format!("{error:#}"), "a part of the schedule could not be done");
            Run::Unfinished
        })
    });
    if outcomes.contains(&Run::Unfinished) { Run::Unfinished } else { Run::Done }
}

/// Sees to it that Discord has our commands: for the shared bot, and for those that teams have brought along. Discord is
/// asked only where this program's commands are others than those that were registered, or that failed.
async fn register_commands(store: &Store, discord: &Discord) -> Result<Run> {
    let fingerprint = commands::fingerprint();
    let custom = store.custom_bots().await?.into_iter().map(|bot| bot.application);
    let shared = tokio::time::timeout(PATIENCE, discord.application()).await;
    // Why is told by whoever asks Discord who we are.
    let is_known = shared.is_ok();
    let shared = shared.ok().flatten().map(|shared| shared.id);
    let applications: Vec<_> = shared.into_iter().chain(custom).collect();
    let kept = applications.into_iter().map(|application| {
        let is_shared = Some(application) == shared;
        keep_commands(store, discord, application, is_shared, &fingerprint)
    });
    let kept: Vec<Result<Run>> = stream::iter(kept).buffer_unordered(APPLICATIONS_AT_A_TIME).collect().await;
    let mut outcome = if is_known { Run::Done } else { Run::Unfinished };
    for kept in kept {
        if kept? == Run::Unfinished {
            outcome = Run::Unfinished;
        }
    }
    Ok(outcome)
}

/// A refusal is a line in the log: questions by other doors are answered all the same.
async fn keep_commands(
    store: &Store,
    discord: &Discord,
    application: Id<ApplicationMarker>,
    is_shared: bool,
    fingerprint: &str,
) -> Result<Run> {
    if store.registered_commands(application).await?.as_deref() == Some(fingerprint) {
        return Ok(Run::Done);
    }
    match discord.sync_commands(application).await {
        Ok(CommandSync::Unchanged) => {
            tracing::info!(application.id = %application, "Discord has the commands as they are");
        }
        Ok(CommandSync::Updated) => {
            tracing::info!(application.id = %application, "the commands were registered with Discord");
        }
        Err(error @ DiscordError::Unavailable(_)) => {
            tracing::warn!(application.id = %application, error = %error, "the commands could not be registered with Discord yet");
            return Ok(Run::Unfinished);
        }
        Err(error) if is_shared => {
            tracing::error!(
                application.id = %application,
                error = %error,
                "Discord did not take the commands, so /ask may be missing: check DISCORD_TOKEN and DISCORD_APPLICATION_ID"
            );
            return Ok(Run::Done);
        }
        // The account's own affair: its page says that the token is refused.
        Err(error) => {
            tracing::warn!(application.id = %application, error = %error, "Discord did not take a custom bot's commands");
            return Ok(Run::Done);
        }
    }
    store.set_registered_commands(application, fingerprint).await?;
    Ok(Run::Done)
}

/// Asks again for readings of sources that no queue has any more: a process may die between writing a source down and
/// asking for it to be read.
async fn resume_readings(store: &Store, jobs: &Jobs, now: Timestamp) -> Result<()> {
    let after = store.schedule_place().await?;
    let accounts = store.accounts(after.as_ref(), ACCOUNTS_A_RUN).await?;
    for account in &accounts {
        if let Err(error) = resume_of(store, jobs, account, now).await {
            tracing::warn!(account.id = %account, error = format!("{error:#}"), "lost readings could not be looked for");
        }
    }
    let is_last = accounts.len() < usize::from(ACCOUNTS_A_RUN);
    let next = accounts.last().filter(|_| !is_last);
    if next != after.as_ref() {
        store.set_schedule_place(next).await?;
    }
    Ok(())
}

async fn resume_of(store: &Store, jobs: &Jobs, account: &AccountId, now: Timestamp) -> Result<()> {
    let sources = store.sources(account).await?;
    for source in sources.iter().filter(|source| is_lost(source, now)) {
        let job = match source.status {
            Status::Removing => Job::Index { account: account.clone(), request: now.as_nanosecond().to_string() },
            _ => Job::Read { account: account.clone(), source: source.id.clone(), asked_at: source.revision, part: 0 },
        };
        let what = format!("resume {account} {} {}", source.id, source.revision.as_nanosecond());
        let me = now.as_nanosecond().to_string();
        if store.begin_once(&what, &me, Some(AGAIN_AFTER), now).await? != OnceTurn::Mine {
            continue;
        }
        jobs.send(&job, now).await?;
        store.end_once(&what, &me).await?;
        tracing::info!(account.id = %account, source.id = %source.id, "a source that was left unread is read again");
    }
    Ok(())
}

fn is_lost(source: &Source, now: Timestamp) -> bool {
    let waits = matches!(source.status, Status::Pending | Status::Indexing { .. } | Status::Removing);
    waits && now.duration_since(source.revision) > LOST_AFTER
}
