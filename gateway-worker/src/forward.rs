//! Jobs on their way from sessions to the queue: in order within a group, fairly between groups, tried until accepted.

use crate::metrics::Metrics;
use guildhall::job::{Job, Jobs, NotAccepted};
use jiff::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Jobs handed to the queue in one call: ten of SQS's batches, or ten of the local queue's writes.
const AT_ONCE: usize = 100;

/// With so many jobs waiting, sessions stop reading. A job takes a few kilobytes.
const FULL: usize = 5_000;

/// With so few, they go on.
const ROOM: usize = 500;

/// Pauses while the queue refuses.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A job on its way.
#[derive(Debug)]
struct Entry {
    tickets: Vec<u64>,
    job: Job,
    since: Instant,
    accepted: mpsc::UnboundedSender<Vec<u64>>,
}

/// The way to the queue, shared by a worker's sessions.
#[derive(Debug, Clone)]
pub struct Forwarder {
    entries: mpsc::UnboundedSender<Entry>,
    backlog: Arc<AtomicUsize>,
    full: Arc<watch::Sender<bool>>,
    metrics: Arc<Metrics>,
}

impl Forwarder {
    /// Starts to forward to `queue`. Jobs that come within `linger` of the first travel with it; those that come
    /// while others travel do anyway.
    pub fn start(queue: Jobs, metrics: Arc<Metrics>, linger: Duration) -> Self {
        let (entries, incoming) = mpsc::unbounded_channel();
        let forwarder = Self { entries, backlog: Arc::default(), full: Arc::new(watch::channel(false).0), metrics };
        let counts = Counts {
            backlog: Arc::clone(&forwarder.backlog),
            full: Arc::clone(&forwarder.full),
            metrics: Arc::clone(&forwarder.metrics),
        };
        tokio::spawn(forward(queue, incoming, counts, linger));
        forwarder
    }

    /// Sends a job on its way; never waits. Once the queue has accepted it, `accepted` is told the tickets. Where nobody
    /// listens there any more, the job is dropped: whoever has the session now sends it again.
    pub fn submit(&self, tickets: Vec<u64>, job: Job, accepted: mpsc::UnboundedSender<Vec<u64>>) {
        let backlog = self.backlog.fetch_add(1, Ordering::Relaxed) + 1;
        self.metrics.backlog.inc();
        if backlog >= FULL {
            self.full.send_if_modified(|full| !std::mem::replace(full, true));
        }
        // The task only ends with the last sender.
        let _ = self.entries.send(Entry { tickets, job, since: Instant::now(), accepted });
    }

    /// Whether so much waits that sessions should stop reading.
    pub fn full(&self) -> watch::Receiver<bool> {
        self.full.subscribe()
    }
}

struct Counts {
    backlog: Arc<AtomicUsize>,
    full: Arc<watch::Sender<bool>>,
    metrics: Arc<Metrics>,
}

impl Counts {
    fn settled(&self) {
        let backlog = self.backlog.fetch_sub(1, Ordering::Relaxed) - 1;
        self.metrics.backlog.dec();
        if backlog <= ROOM {
            self.full.send_if_modified(|full| std::mem::replace(full, false));
        }
    }
}

/// What waits, by group. Each group has one place in the round, so that one that floods keeps no other waiting, and one
/// job at a time under way, so that a refusal cannot change their order.
#[derive(Debug, Default)]
struct Waiting {
    groups: HashMap<String, VecDeque<Entry>>,
    round: VecDeque<String>,
}

impl Waiting {
    fn add(&mut self, entry: Entry) {
        let group = entry.job.group();
        if let Some(waiting) = self.groups.get_mut(&group) {
            waiting.push_back(entry);
        } else {
            self.groups.insert(group.clone(), VecDeque::from([entry]));
            self.round.push_back(group);
        }
    }

    /// The first jobs of the groups whose turn it is.
    fn next(&mut self) -> Vec<(String, Entry)> {
        let count = self.round.len().min(AT_ONCE);
        let due: Vec<String> = self.round.drain(..count).collect();
        due.into_iter()
            .filter_map(|group| {
                let entry = self.groups.get_mut(&group).and_then(VecDeque::pop_front)?;
                Some((group, entry))
            })
            .collect()
    }

    /// The group's job is done with: its next one waits for its turn.
    fn passed(&mut self, group: String) {
        if self.groups.get(&group).is_some_and(|waiting| !waiting.is_empty()) {
            self.round.push_back(group);
        } else {
            self.groups.remove(&group);
        }
    }

    /// The group's job is to be tried again.
    fn refused(&mut self, group: String, entry: Entry) {
        self.groups.entry(group.clone()).or_default().push_front(entry);
        self.round.push_back(group);
    }
}

async fn forward(queue: Jobs, mut incoming: mpsc::UnboundedReceiver<Entry>, counts: Counts, linger: Duration) {
    let mut waiting = Waiting::default();
    let mut pause = FIRST_PAUSE;
    loop {
        if waiting.round.is_empty() {
            let Some(first) = incoming.recv().await else { return };
            waiting.add(first);
            if !linger.is_zero() {
                tokio::time::sleep(linger).await;
            }
        }
        while let Ok(entry) = incoming.try_recv() {
            waiting.add(entry);
        }
        let (mut groups, mut entries, mut jobs) = (Vec::new(), Vec::new(), Vec::new());
        for (group, entry) in waiting.next() {
            if entry.accepted.is_closed() {
                counts.settled();
                waiting.passed(group);
                continue;
            }
            groups.push(group);
            jobs.push(entry.job.clone());
            entries.push(entry);
        }
        if jobs.is_empty() {
            continue;
        }
        let outcomes = queue.send_all(&jobs, Timestamp::now()).await;
        let (mut refusal, mut is_any_taken) = (None, false);
        for ((group, entry), outcome) in groups.into_iter().zip(entries).zip(outcomes) {
            match outcome {
                Ok(()) => {
                    is_any_taken = true;
                    counts.metrics.accepted(&entry.job, entry.since.elapsed());
                    let _ = entry.accepted.send(entry.tickets);
                    counts.settled();
                    waiting.passed(group);
                }
                // It would never be taken, and what comes behind it must not wait for ever.
                Err(error @ (NotAccepted::TooLarge | NotAccepted::Refused)) => {
                    counts.metrics.refusals.inc();
                    tracing::error!(job.id = %entry.job.id(), error = %error, "a job can never be passed on; it is dropped");
                    let _ = entry.accepted.send(entry.tickets);
                    counts.settled();
                    waiting.passed(group);
                }
                Err(error) => {
                    counts.metrics.refusals.inc();
                    refusal = Some(error);
                    waiting.refused(group, entry);
                }
            }
        }
        match refusal {
            None => pause = FIRST_PAUSE,
            Some(error) => {
                tracing::warn!(error = %error, jobs.waiting = counts.backlog.load(Ordering::Relaxed), "the queue refuses jobs; they are tried again");
                // A queue that takes some is there: the others must not wait for what it does not take.
                if is_any_taken {
                    pause = FIRST_PAUSE;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use twilight_model::id::Id;

    fn entry(group: u64, n: u64) -> Entry {
        // Deletions of one message are one group.
        let job =
            Job::Deleted { application_id: Id::new(1), channel_id: Id::new(n + 1), message_id: Id::new(group + 1) };
        Entry { tickets: vec![n], job, since: Instant::now(), accepted: mpsc::unbounded_channel().0 }
    }

    proptest! {
        /// Whatever is refused and however often, each job comes through once and in its group's order.
        #[test]
        fn order_is_kept(groups in proptest::collection::vec(0_u64..8, 1..200), refuse in proptest::collection::vec(any::<bool>(), 1..50)) {
            let mut waiting = Waiting::default();
            for (n, &group) in (0_u64..).zip(&groups) {
                waiting.add(entry(group, n));
            }
            let mut refusals = refuse.iter().copied().chain(std::iter::repeat(false));
            let mut through: HashMap<String, Vec<u64>> = HashMap::new();
            while !waiting.round.is_empty() {
                for (group, entry) in waiting.next() {
                    if refusals.next().unwrap_or(false) {
                        waiting.refused(group, entry);
                    } else {
                        through.entry(group.clone()).or_default().extend(&entry.tickets);
                        waiting.passed(group);
                    }
                }
            }
            prop_assert_eq!(through.values().map(Vec::len).sum::<usize>(), groups.len());
            prop_assert!(through.values().all(|tickets| tickets.is_sorted()));
            prop_assert!(waiting.groups.is_empty());
        }
    }
}
