//! How an application's servers are shared out to shards, as Discord recommends it or somebody has set it.

use crate::metrics::Metrics;
use crate::wire;
use guildhall::config::MOST_SHARDS;
use guildhall::discord::{Discord, DiscordError, GatewayBot};
use guildhall::store::{SessionKey, SessionNotice, SessionState, ShardPlan, Store};
use std::sync::Arc;
use std::time::Duration;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// How often Discord is asked for its recommendation.
const EVERY: Duration = Duration::from_mins(10);

/// Pause after Discord or the table could not be reached; doubled up to [`EVERY`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Discord allows 2,500 servers a shard and recommends about 1,000. A recommendation is followed when it has doubled: new
/// shards cost session starts, and every server's events come twice for a while.
const FOLLOWED_AT: u32 = 2;

/// Shards that may identify at once: Discord allows the largest bots some dozens.
const MOST_AT_ONCE: u32 = 1_000;

/// Number of shards from now on.
pub fn total(now: Option<u32>, recommended: u32, set: Option<u32>) -> u32 {
    match (set, now) {
        (Some(set), _) => set.max(1),
        (None, Some(now)) if recommended < now.saturating_mul(FOLLOWED_AT) => now,
        _ => recommended.max(1),
    }
}

/// What a plan is made of.
#[derive(Debug)]
pub struct Planner {
    /// Whose plan.
    pub application: Id<ApplicationMarker>,
    /// Where it is written.
    pub store: Store,
    /// Who recommends.
    pub discord: Arc<Discord>,
    /// The number of shards that somebody has set.
    pub set: Option<u32>,
    /// Which revision of the bot asks, and which worker: for the notice of a token that is refused.
    pub revision: String,
    /// That worker.
    pub worker: String,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Keeps an application's plan up to date. Ends only with its task.
pub async fn keep(planner: Planner) {
    let Planner { application, store, discord, set, metrics, .. } = &planner;
    let application = *application;
    let mut pause = FIRST_PAUSE;
    loop {
        let told = discord.gateway(application).await;
        let done = match &told {
            Ok(told) => {
                metrics.identifies_left(application.get(), told.limit.remaining);
                adopt(store, application, told, *set).await
            }
            Err(DiscordError::Refused { status, .. }) => {
                tracing::error!(
                    application.id = %application,
                    http.status = status,
                    "Discord does not tell this application where its gateway is: check the bot's token"
                );
                if *status == 401 { note_refusal(&planner).await } else { Ok(()) }
            }
            Err(_) => Ok(()),
        };
        if let Err(error) = &done {
            tracing::warn!(application.id = %application, error = format!("{error:#}"), "the plan of shards could not be kept yet");
        }
        // A token that is refused stays so until somebody changes it; anything else may be a bad moment.
        let is_final = matches!(told, Ok(_) | Err(DiscordError::Refused { status: 401, .. }));
        let wait = if done.is_ok() && is_final { EVERY } else { pause };
        pause = if wait == EVERY { FIRST_PAUSE } else { (pause * 2).min(EVERY) };
        tokio::time::sleep(wait).await;
    }
}

/// Without a plan there is no session to say that the token is refused: one that is stopped says it.
async fn note_refusal(planner: &Planner) -> anyhow::Result<()> {
    let Planner { application, store, .. } = planner;
    if store.shard_plan(*application).await?.is_some() {
        // The gateway says it to its sessions.
        return Ok(());
    }
    for lease in store.leases_of(*application).await? {
        if lease.owner.is_none() {
            store.delete_lease(&lease).await?;
        }
    }
    let key = SessionKey { application: *application, total: planner.set.unwrap_or(1), generation: 0, shard: 0 };
    let state = SessionState {
        notice: Some(SessionNotice::TokenRefused),
        stopped: Some(planner.revision.clone()),
        stopped_by: Some(planner.worker.clone()),
        ..SessionState::default()
    };
    store.create_lease(key, state).await
}

/// Whether what Discord says can be right.
fn check(told: &GatewayBot, set: Option<u32>) -> anyhow::Result<()> {
    let (shards, at_once) = (told.shards, told.limit.max_concurrency);
    anyhow::ensure!(
        set.is_some() || (1..=MOST_SHARDS).contains(&shards),
        "Discord recommends {shards} shards, which cannot be right: they stay as they are (DISCORD_SHARDS sets their number)"
    );
    anyhow::ensure!(
        (1..=MOST_AT_ONCE).contains(&at_once),
        "Discord lets {at_once} shards identify at once, which cannot be right: all stays as it is"
    );
    Ok(())
}

async fn adopt(
    store: &Store,
    application: Id<ApplicationMarker>,
    told: &GatewayBot,
    set: Option<u32>,
) -> anyhow::Result<()> {
    check(told, set)?;
    // One that was written down before nonsense was refused counts for nothing.
    let known = store.shard_plan(application).await?.filter(|plan| (1..=MOST_SHARDS).contains(&plan.total));
    let Some(gateway_url) = wire::address(&told.url) else {
        anyhow::bail!("Discord names an address of its gateway that is none");
    };
    let plan = ShardPlan {
        application,
        total: total(known.as_ref().map(|plan| plan.total), told.shards, set),
        generation: known.as_ref().map_or(0, |plan| plan.generation),
        gateway_url,
        max_concurrency: told.limit.max_concurrency,
    };
    if known.as_ref() != Some(&plan) {
        tracing::info!(application.id = %application, shards = plan.total, "servers are shared out to shards");
        store.put_shard_plan(&plan).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_wins_and_a_recommendation_is_followed_when_it_has_doubled() {
        assert_eq!(total(None, 0, None), 1);
        assert_eq!(total(None, 4, None), 4);
        assert_eq!(total(Some(4), 7, None), 4);
        assert_eq!(total(Some(4), 8, None), 8);
        assert_eq!(total(Some(4), 1, None), 4);
        assert_eq!(total(Some(4), 8, Some(2)), 2);
    }

    #[test]
    fn nonsense_is_no_recommendation() {
        let is_taken = |shards, max_concurrency, set| {
            let told = serde_json::json!({
                "url": "wss://gateway.discord.gg", "shards": shards,
                "session_start_limit": {"total": 1_000, "remaining": 5, "reset_after": 0, "max_concurrency": max_concurrency},
            });
            check(&serde_json::from_value(told).unwrap(), set).is_ok()
        };
        assert!(is_taken(1, 1, None) && is_taken(20_000, 128, None));
        assert!(!is_taken(0, 1, None) && !is_taken(u32::MAX, 1, None));
        assert!(!is_taken(1, 0, None) && !is_taken(1, u32::MAX, None));
        assert!(is_taken(0, 1, Some(2)) && !is_taken(2, 0, Some(2)));
    }
}
