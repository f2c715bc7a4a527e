//! How an application's servers are shared out to shards, as Discord recommends it or somebody has set it.

use crate::metrics::Metrics;
use crate::wire;
use guildhall::discord::{Discord, DiscordError, GatewayBot};
use guildhall::store::{ShardPlan, Store};
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

/// Number of shards from now on.
pub fn total(now: Option<u32>, recommended: u32, set: Option<u32>) -> u32 {
    match (set, now) {
        (Some(set), _) => set.max(1),
        (None, Some(now)) if recommended < now.saturating_mul(FOLLOWED_AT) => now,
        _ => recommended.max(1),
    }
}

/// Keeps an application's plan up to date. Ends only with its task.
pub async fn keep(
    application: Id<ApplicationMarker>,
    store: Store,
    discord: Arc<Discord>,
    set: Option<u32>,
    metrics: Arc<Metrics>,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let told = discord.gateway(application).await;
        if let Err(DiscordError::Refused { status, .. }) = &told {
            tracing::error!(
                application.id = %application,
                http.status = status,
                "Discord does not tell this application where its gateway is: check the bot's token"
            );
            pause = EVERY;
        }
        let wait = match told {
            Ok(told) => {
                metrics.identifies_left(application.get(), told.limit.remaining);
                match adopt(&store, application, &told, set).await {
                    Ok(()) => {
                        pause = FIRST_PAUSE;
                        EVERY
                    }
                    Err(error) => {
                        tracing::warn!(application.id = %application, error = format!("{error:#}"), "the plan of shards could not be kept yet");
                        pause
                    }
                }
            }
            Err(_) => pause,
        };
        pause = (pause * 2).min(EVERY);
        tokio::time::sleep(wait).await;
    }
}

async fn adopt(
    store: &Store,
    application: Id<ApplicationMarker>,
    told: &GatewayBot,
    set: Option<u32>,
) -> anyhow::Result<()> {
    let known = store.shard_plans().await?.into_iter().find(|plan| plan.application == application);
    let Some(gateway_url) = wire::address(&told.url) else {
        anyhow::bail!("Discord names an address of its gateway that is none");
    };
    let plan = ShardPlan {
        application,
        total: total(known.as_ref().map(|plan| plan.total), told.shards, set),
        gateway_url,
        max_concurrency: told.limit.max_concurrency.max(1),
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
}
