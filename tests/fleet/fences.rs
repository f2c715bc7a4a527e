//! What holds of the sessions in the table at every moment, whatever happens to workers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guildhall::store::{Lease, SessionKey, Store};
use tokio::task::JoinHandle;

/// How often the table is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Looks at the table all the time.
#[derive(Debug)]
pub(super) struct Fences {
    broken: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Fences {
    /// Begins to look.
    pub(super) fn watch(store: Store) -> Self {
        let broken = Arc::new(Mutex::new(Vec::new()));
        let found = Arc::clone(&broken);
        let task = tokio::spawn(async move {
            let mut last: HashMap<SessionKey, Lease> = HashMap::new();
            loop {
                let leases = store.leases().await.expect("the table answers");
                for now in &leases {
                    if let Some(before) = last.get(&now.key)
                        && let Some(what) = breaks(before, now)
                    {
                        found.lock().expect("no holder panics").push(format!("{what}: {before:?} became {now:?}"));
                    }
                }
                last = leases.into_iter().map(|lease| (lease.key, lease)).collect();
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Self { broken, task }
    }

    /// What should not have happened.
    pub(super) fn broken(&self) -> Vec<String> {
        self.broken.lock().expect("no holder panics").clone()
    }
}

impl Drop for Fences {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn breaks(before: &Lease, now: &Lease) -> Option<&'static str> {
    let same_session = before.state.session_id.is_some() && before.state.session_id == now.state.session_id;
    if now.fence < before.fence {
        Some("an older fence wrote")
    } else if now.fence == before.fence && now.owner != before.owner {
        Some("a session changed hands without a new fence")
    } else if same_session && now.state.seq < before.state.seq {
        Some("a session was set back")
    } else {
        None
    }
}
