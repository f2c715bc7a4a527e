//! A worker's sessions: which ones it takes, how far they have come, and how it gives them away.

use super::{Kept, REQUEST, Worker};
use crate::fleet::{self, Step, View, Wanted};
use crate::session::{self, ENDED_WITHIN, Order, Running};
use crate::tenure::Permit;
use anyhow::anyhow;
use futures::future::join_all;
use guildhall::store::{Lease, SessionKey, SessionState, Store};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::{Instant, timeout, timeout_at};

/// How often a session's progress is written down.
const SAVE_EVERY: Duration = Duration::from_secs(2);

/// A session whose task fell is left alone for this long.
const AFTER_FALL: Duration = Duration::from_secs(5);

/// A session that is given away comes to its end by itself within this, or is stopped.
const GIVEN_AWAY_WITHIN: Duration = Duration::from_secs(14);

/// Tries to give a session away in the table.
const RELEASE_TRIES: u32 = 3;

impl Worker {
    pub(super) fn decide(&mut self, leases: &[Lease], now: Instant) -> Vec<Step> {
        self.fallen.retain(|_, since| now.duration_since(*since) < AFTER_FALL);
        let applications = self
            .applications
            .iter()
            .filter_map(|(&id, served)| {
                let plan = served.parts.as_ref()?.0.borrow();
                let revision = served.application.revision.clone();
                Some((id, Wanted { total: plan.total, generation: plan.generation, revision }))
            })
            .collect();
        let dead = leases
            .iter()
            .filter_map(|lease| lease.owner.clone())
            .filter(|owner| *owner != self.me && (self.options.alone || self.watch.is_dead(owner, now)))
            .collect();
        let mut living = vec![self.me.clone()];
        if !self.options.alone {
            living.extend(self.watch.living(now).filter(|worker| *worker != self.me).map(str::to_owned));
        }
        let running: HashSet<SessionKey> = self.running.keys().copied().collect();
        let busy = self.going.keys().chain(self.fallen.keys().copied()).collect();
        let view = View {
            me: &self.me,
            leases,
            applications: &applications,
            gone: &self.gone(now),
            living: &living,
            dead: &dead,
            running: &running,
            busy: &busy,
        };
        let mut steps = fleet::decide(&view);
        // Bots that are gone, or have another token now: in the second case it is taken up again at once.
        for (key, kept) in &self.running {
            match self.applications.get(&key.application) {
                None => steps.push(Step::End(*key)),
                Some(served) => {
                    if served.application.revision != kept.running.revision {
                        steps.push(Step::Release(*key));
                    }
                }
            }
        }
        steps
    }

    pub(super) async fn act(&mut self, steps: Vec<Step>) {
        let Some(permit) = self.permit.clone() else { return };
        let (mut wanted, mut others) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Take(lease) => wanted.push(lease),
                Step::Release(key) => self.let_go(key, Order::Release, &permit),
                Step::End(key) => self.let_go(key, Order::End, &permit),
                step => others.push(step),
            }
        }
        let store = &self.store;
        join_all(others.into_iter().map(|step| async move {
            let done = match step {
                Step::Create(key) => store.create_lease(key, SessionState::default()).await,
                Step::Remove(lease) => store.delete_lease(&lease).await.map(drop),
                Step::Take(_) | Step::Release(_) | Step::End(_) => Ok(()),
            };
            if let Err(error) = done {
                tracing::warn!(error = format!("{error:#}"), "the list of sessions could not be changed yet");
            }
        }))
        .await;
        let me = &self.me;
        let taken = join_all(wanted.iter().map(|lease| timeout(REQUEST, store.take_lease(lease, me)))).await;
        for lease in taken.into_iter().filter_map(|taken| taken.ok().and_then(Result::ok).flatten()) {
            let Some((_, parts)) =
                self.applications.get(&lease.key.application).and_then(|served| served.parts.as_ref())
            else {
                continue;
            };
            tracing::info!(session = %lease.key, fence = lease.fence, resumes = lease.state.session_id.is_some(), "a session is taken up");
            let (key, saved) = (lease.key, lease.state.clone());
            let running = session::start(Arc::clone(parts), lease, permit.clone());
            self.running.insert(key, Kept { running, saved, saved_at: Instant::now() });
        }
    }

    /// Gives a session away or ends it, without waiting for it.
    pub(super) fn let_go(&mut self, key: SessionKey, order: Order, permit: &Permit) {
        let Some(kept) = self.running.remove(&key) else { return };
        let farewell = see_off(self.store.clone(), kept.running, order, permit.clone(), self.leaving.clone());
        self.going.add(key, farewell);
    }

    /// Sees to sessions whose task is over.
    pub(super) async fn note_what_ended(&mut self) {
        self.going.note();
        let over: Vec<SessionKey> =
            self.running.iter().filter(|(_, kept)| kept.running.task.is_finished()).map(|(key, _)| *key).collect();
        for key in over {
            let Some(kept) = self.running.remove(&key) else { continue };
            let has_stopped = kept.running.state.borrow().stopped.is_some();
            if has_stopped && let Some(permit) = &self.permit {
                let farewell =
                    see_off(self.store.clone(), kept.running, Order::Release, permit.clone(), self.leaving.clone());
                self.going.add(key, farewell);
            } else {
                if let Err(error) = kept.running.task.await
                    && error.is_panic()
                {
                    tracing::error!(session = %key, "a session fell; it is taken up again from what was written down of it");
                }
                self.fallen.insert(key, Instant::now());
            }
        }
    }

    /// Writes down how far sessions have come: at once what others cannot do without, the rest every two seconds.
    pub(super) async fn save(&mut self) {
        let now = Instant::now();
        if !self.permit.as_ref().is_some_and(|permit| permit.holds(now)) {
            return;
        }
        let due: Vec<(SessionKey, SessionState)> = self
            .running
            .iter()
            .filter_map(|(&key, kept)| {
                let state = kept.running.state.borrow().clone();
                let only_seq = SessionState { seq: kept.saved.seq, ..state.clone() } == kept.saved;
                let is_due = state != kept.saved && (!only_seq || now.duration_since(kept.saved_at) >= SAVE_EVERY);
                is_due.then_some((key, state))
            })
            .collect();
        let (store, running) = (&self.store, &self.running);
        let written = join_all(due.into_iter().map(|(key, state)| async move {
            let lease = &running.get(&key)?.running.lease;
            let written = timeout(REQUEST, store.save_session(lease, &state)).await;
            Some((key, state, written.ok()?.ok()?))
        }))
        .await;
        for (key, state, is_mine) in written.into_iter().flatten() {
            if is_mine {
                if let Some(kept) = self.running.get_mut(&key) {
                    (kept.saved, kept.saved_at) = (state, now);
                }
            } else if let Some(kept) = self.running.remove(&key) {
                tracing::warn!(session = %key, "a session is somebody else's by now; it is stopped here");
                kept.running.task.abort();
            }
        }
    }

    /// Gives everything away, by then at the latest.
    pub(super) async fn leave(&mut self, by: Instant) {
        if let Some(permit) = self.permit.clone() {
            for key in self.running.keys().copied().collect::<Vec<_>>() {
                self.let_go(key, Order::Release, &permit);
            }
        }
        if timeout_at(by, self.going.all_gone()).await.is_err() {
            tracing::error!("some sessions could not be given away in time: others take them over");
        }
    }
}

/// Sees a session off: waits until it has come to its end, and gives it up in the table.
async fn see_off(store: Store, mut running: Running, order: Order, permit: Permit, mut leaving: watch::Receiver<bool>) {
    let key = running.lease.key;
    running.order.send_replace(order);
    let mut is_over = order == Order::End;
    if is_over {
        let ended = tokio::select! {
            biased;
            ended = timeout(ENDED_WITHIN + GIVEN_AWAY_WITHIN, &mut running.task) => Some(ended),
            _ = leaving.wait_for(|leaving| *leaving) => None,
        };
        match ended {
            // Then another worker hears it out.
            None => {
                is_over = false;
                running.order.send_replace(Order::Release);
            }
            Some(ended) if has_fallen(&ended) => {
                is_over = false;
                tracing::error!(session = %key, "a session fell before its end; it is taken up again to be heard out");
                let _ = timeout(AFTER_FALL, leaving.wait_for(|leaving| *leaving)).await;
            }
            Some(_) => {}
        }
    }
    if !running.task.is_finished() && timeout(GIVEN_AWAY_WITHIN, &mut running.task).await.is_err() {
        running.task.abort();
    }
    let state = running.state.borrow().clone();
    for attempt in 1..=RELEASE_TRIES {
        if !permit.holds(Instant::now()) {
            break;
        }
        let written = if is_over {
            timeout(REQUEST, store.delete_lease(&running.lease)).await
        } else {
            timeout(REQUEST, store.release_session(&running.lease, &state)).await
        };
        match written.map_err(|_| anyhow!("the table takes too long")).flatten() {
            Ok(_) => break,
            Err(error) => {
                tracing::warn!(session = %key, attempt, error = format!("{error:#}"), "a session could not be given away in the table");
            }
        }
    }
}

/// Whether a session's task is over without having come to its end: what it had heard is not passed on.
fn has_fallen<E>(ended: &Result<Result<(), JoinError>, E>) -> bool {
    matches!(ended, Ok(Err(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_task_that_came_to_its_end_has_not_fallen() {
        let panics = async || panic!("on purpose");
        assert!(has_fallen(&timeout(REQUEST, tokio::spawn(panics())).await));
        assert!(!has_fallen(&timeout(REQUEST, tokio::spawn(async {})).await));
        assert!(!has_fallen(&timeout(Duration::ZERO, tokio::spawn(std::future::pending())).await));
    }
}
