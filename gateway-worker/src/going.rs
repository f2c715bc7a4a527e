//! Sessions that are being given away or ended, each by a task of its own.

use guildhall::store::SessionKey;
use std::collections::HashMap;
use tokio::task::{Id, JoinError, JoinSet};

/// These tasks, and whose session each sees off.
#[derive(Debug, Default)]
pub struct Going {
    tasks: JoinSet<()>,
    keys: HashMap<Id, SessionKey>,
}

impl Going {
    /// Sees a session off.
    pub fn add(&mut self, key: SessionKey, farewell: impl Future<Output = ()> + Send + 'static) {
        self.keys.insert(self.tasks.spawn(farewell).id(), key);
    }

    /// Sessions that are not gone yet.
    pub fn keys(&self) -> impl Iterator<Item = SessionKey> {
        self.keys.values().copied()
    }

    /// Takes note of those that are gone.
    pub fn note(&mut self) {
        while let Some(gone) = self.tasks.try_join_next_with_id() {
            self.forget(&gone);
        }
    }

    /// Waits until all are gone.
    pub async fn all_gone(&mut self) {
        while let Some(gone) = self.tasks.join_next_with_id().await {
            self.forget(&gone);
        }
    }

    fn forget(&mut self, gone: &Result<(Id, ()), JoinError>) {
        let id = match gone {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        let key = self.keys.remove(&id);
        if gone.is_err()
            && let Some(key) = key
        {
            tracing::error!(session = %key, "a session was not given away: its task fell; others take it over");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_falls_takes_no_other_with_it() {
        let key = |shard| SessionKey { application: twilight_model::id::Id::new(1), total: 3, generation: 0, shard };
        let mut going = Going::default();
        going.add(key(0), async { panic!("on purpose") });
        going.add(key(1), std::future::pending());
        going.add(key(2), async {});
        while going.keys.len() > 1 {
            tokio::task::yield_now().await;
            going.note();
        }
        assert_eq!(going.keys().collect::<Vec<_>>(), [key(1)]);
    }
}
