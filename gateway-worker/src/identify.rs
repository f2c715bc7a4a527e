//! When a shard may identify: one after the other across all workers, and never so often that Discord takes the token away.

use crate::metrics::Metrics;
use guildhall::discord::{Discord, DiscordError, StartLimit};
use guildhall::store::{ShardPlan, Store};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, oneshot, watch};
use tokio::time::Instant;
use twilight_gateway::queue::Queue;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// Time between two identifies of one bucket: Discord's five seconds, and a little because the first of two may travel more
/// slowly than the second. [Discord Docs/Gateway: Rate Limiting]
const SPACING: SignedDuration = SignedDuration::from_millis(5_100);

/// Session starts that are never used up, so that whoever repairs something still has some.
const RESERVE: u32 = 10;

/// What is left of the day's starts is asked for again after this; in between our own are counted.
const REMEMBERED: Duration = Duration::from_secs(30);

/// Pause after the table or Discord failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest wait before the day's starts are looked at again: somebody may have had the limit raised.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// Lets the shards of one application identify. Cheap to clone.
#[derive(Debug, Clone)]
pub struct IdentifyQueue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    application: Id<ApplicationMarker>,
    store: Store,
    discord: Arc<Discord>,
    plan: watch::Receiver<ShardPlan>,
    budget: Mutex<Option<(StartLimit, Instant)>>,
    /// By bucket: whose turn it is among this worker's shards. Only that one has a time reserved, since a time that is
    /// reserved for a session that moves to another worker meanwhile is lost to all.
    turns: Mutex<HashMap<u32, Arc<Mutex<()>>>>,
    metrics: Arc<Metrics>,
}

impl IdentifyQueue {
    /// For one application.
    pub fn new(
        application: Id<ApplicationMarker>,
        store: Store,
        discord: Arc<Discord>,
        plan: watch::Receiver<ShardPlan>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (budget, turns) = (Mutex::default(), Mutex::default());
        Self { shared: Arc::new(Shared { application, store, discord, plan, budget, turns, metrics }) }
    }
}

impl Queue for IdentifyQueue {
    fn enqueue(&self, shard: u32) -> oneshot::Receiver<()> {
        let (mut go, may_go) = oneshot::channel();
        let queue = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = queue.shared.wait(shard) => {
                    let _ = go.send(());
                }
                // The connection is gone.
                () = go.closed() => {}
            }
        });
        may_go
    }
}

impl Shared {
    async fn wait(&self, shard: u32) {
        let bucket = shard % self.plan.borrow().max_concurrency.max(1);
        let turn = Arc::clone(self.turns.lock().await.entry(bucket).or_default());
        let _turn = turn.lock().await;
        self.wait_for_budget().await;
        loop {
            let (total, buckets) = {
                let plan = self.plan.borrow();
                (plan.total, plan.max_concurrency.max(1))
            };
            // All of one bucket in a row, and some that had to start again.
            let at_most = SPACING * i32::try_from(total / buckets + 12).unwrap_or(i32::MAX);
            let now = Timestamp::now();
            match self.store.reserve_identify(self.application, shard % buckets, now, SPACING, at_most).await {
                Ok(slot) => {
                    // Bounded, so that a clock that is set back in between holds up nothing for long.
                    let wait = slot.duration_since(now).clamp(SignedDuration::ZERO, at_most);
                    return tokio::time::sleep(wait.unsigned_abs()).await;
                }
                Err(error) => {
                    tracing::warn!(
                        application.id = %self.application,
                        error = format!("{error:#}"),
                        "no time to identify could be reserved yet"
                    );
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Returns when a session may be started, and counts it.
    async fn wait_for_budget(&self) {
        let mut said = false;
        let mut known = self.budget.lock().await;
        loop {
            let fresh = match *known {
                Some((limit, asked)) if asked.elapsed() < REMEMBERED && limit.remaining > RESERVE => {
                    Some((limit, asked))
                }
                _ => match self.discord.gateway(self.application).await {
                    Ok(told) => Some((told.limit, Instant::now())),
                    // The gateway says the same, and that ends the session with a notice. It costs no start.
                    Err(DiscordError::Refused { status: 401, .. }) => return,
                    Err(error) => {
                        tracing::warn!(application.id = %self.application, error = %error, "Discord does not say how many session starts are left");
                        None
                    }
                },
            };
            let Some((mut limit, asked)) = fresh else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            // A limit below the reserve itself would let nobody start.
            if limit.remaining > RESERVE.min(limit.total / 10) {
                limit.remaining -= 1;
                self.metrics.identifies_left(self.application.get(), limit.remaining);
                *known = Some((limit, asked));
                return;
            }
            self.metrics.identifies_left(self.application.get(), limit.remaining);
            if !std::mem::replace(&mut said, true) {
                tracing::error!(
                    application.id = %self.application,
                    identifies.remaining = limit.remaining,
                    identifies.reset_after_s = limit.reset_after().as_secs(),
                    "the day's session starts are nearly used up, so none is started until Discord's reset: \
                     find out what starts so many sessions before the token is taken away"
                );
            }
            *known = None;
            tokio::time::sleep(limit.reset_after().clamp(PAUSE, LONGEST_WAIT)).await;
        }
    }
}
