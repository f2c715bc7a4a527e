//! What admins change of their servers' settings, for every session of this worker, within seconds.

use guildhall::store::{Known, Store};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::MissedTickBehavior;
use twilight_model::id::{Id, marker::GuildMarker};

/// How often the table is asked. A change takes effect within five seconds.
const EVERY: Duration = Duration::from_secs(2);

/// How far back is asked: the clocks of those who write differ, and a write takes its time.
const OVERLAP: SignedDuration = SignedDuration::from_secs(30);

/// Looks that a session may be behind; one that is further behind looks at everything anew.
const KEPT: usize = 64;

/// Servers as they are set now.
pub type Changes = Arc<Vec<(Id<GuildMarker>, Known)>>;

/// Versions of servers' settings; none of one that this program cannot read.
type Versions = HashMap<Id<GuildMarker>, Option<u64>>;

/// A channel on which nothing is told yet.
pub fn channel() -> broadcast::Sender<Changes> {
    broadcast::channel(KEPT).0
}

/// Tells every change from now on. Ends only with its task.
pub async fn watch(store: Store, tell: broadcast::Sender<Changes>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut since = Timestamp::now() - OVERLAP;
    // Versions that were told, as long as the overlap shows them again.
    let mut told = Versions::new();
    loop {
        ticks.tick().await;
        let now = Timestamp::now();
        match look(&store, since, &told).await {
            Ok((seen, changed)) => {
                told = seen;
                if !changed.is_empty() {
                    // Nobody listens while no session runs.
                    let _ = tell.send(Arc::new(changed));
                }
                // A clock that is set back must not hide what is written meanwhile.
                since = since.max(now - OVERLAP).min(now);
            }
            Err(error) => tracing::warn!(error = format!("{error:#}"), "changed settings cannot be read yet"),
        }
    }
}

async fn look(
    store: &Store,
    since: Timestamp,
    told: &Versions,
) -> anyhow::Result<(Versions, Vec<(Id<GuildMarker>, Known)>)> {
    let changed = store.guilds_changed(since).await?;
    if changed.is_empty() {
        return Ok((Versions::new(), Vec::new()));
    }
    let guilds = store.guilds(&changed).await?;
    let version = |known: &Known| match known {
        Known::As(guild) => Some(guild.version),
        Known::Unreadable => None,
    };
    let seen = guilds.iter().map(|(&id, known)| (id, version(known))).collect();
    let news = guilds.into_iter().filter(|(id, known)| told.get(id) != Some(&version(known))).collect();
    Ok((seen, news))
}
