//! Jobs on their way from sessions to the queue: in order within a group, fairly between groups, tried until accepted.

use crate::metrics::Metrics;
use guildhall::job::{Job, Jobs, NotAccepted};
use guildhall::question::Place;
use jiff::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use twilight_model::id::{Id, marker::GuildMarker};

/// Jobs handed to the queue in one call: ten of SQS's batches, or ten of the local queue's writes.
const AT_ONCE: usize = 100;

/// Jobs of one server in such a call: one of SQS's batches. What comes for others while a call is under way waits for its end,
/// so a flood must not fill it.
const FROM_ONE: usize = 10;

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

/// Whose jobs wait in one line: a server's, or else a group's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Whose {
    Server(Id<GuildMarker>),
    Group(String),
}

impl Whose {
    fn of(job: &Job, group: &str) -> Self {
        let server = match job {
            Job::Answer(question) => server_of(&question.place),
            Job::Notify(notify) => server_of(&notify.place),
            Job::Remember(remark) => Some(remark.guild_id),
            Job::Edited { guild_id, .. } | Job::Deleted { guild_id, .. } => *guild_id,
            // Not what a session passes on.
            Job::Read { .. } | Job::Index { .. } | Job::Tell { .. } => None,
        };
        server.map_or_else(|| Self::Group(group.to_owned()), Self::Server)
    }
}

fn server_of(place: &Place) -> Option<Id<GuildMarker>> {
    if let Place::Guild(id) = place { Some(*id) } else { None }
}

/// What waits. Each server has one place in the round, however many people flood from there, and within it each group has
/// one. A group has one job at a time under way, so that a refusal cannot change their order.
#[derive(Debug, Default)]
struct Waiting {
    groups: HashMap<String, Group>,
    /// The groups whose next job may go.
    lines: HashMap<Whose, VecDeque<String>>,
    round: VecDeque<Whose>,
}

#[derive(Debug)]
struct Group {
    whose: Whose,
    waiting: VecDeque<Entry>,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.round.is_empty()
    }

    fn add(&mut self, entry: Entry) {
        let group = entry.job.group();
        if let Some(known) = self.groups.get_mut(&group) {
            known.waiting.push_back(entry);
        } else {
            let whose = Whose::of(&entry.job, &group);
            self.groups.insert(group.clone(), Group { whose, waiting: VecDeque::from([entry]) });
            self.line_up(group);
        }
    }

    /// The group's next job waits for its turn.
    fn line_up(&mut self, group: String) {
        let Some(Group { whose, .. }) = self.groups.get(&group) else { return };
        if let Some(line) = self.lines.get_mut(whose) {
            line.push_back(group);
        } else {
            self.round.push_back(whose.clone());
            self.lines.insert(whose.clone(), VecDeque::from([group]));
        }
    }

    /// The first jobs of the groups whose turn it is.
    fn next(&mut self) -> Vec<(String, Entry)> {
        let mut due = Vec::new();
        let mut shares: HashMap<Whose, usize> = HashMap::new();
        let mut had_theirs = VecDeque::new();
        while due.len() < AT_ONCE
            && let Some(whose) = self.round.pop_front()
        {
            let Some(line) = self.lines.get_mut(&whose) else { continue };
            if let Some(group) = line.pop_front()
                && let Some(entry) = self.groups.get_mut(&group).and_then(|group| group.waiting.pop_front())
            {
                due.push((group, entry));
            }
            if line.is_empty() {
                self.lines.remove(&whose);
                continue;
            }
            let share = shares.entry(whose.clone()).or_default();
            *share += 1;
            if *share < FROM_ONE {
                self.round.push_back(whose);
            } else {
                had_theirs.push_back(whose);
            }
        }
        self.round.append(&mut had_theirs);
        due
    }

    /// The group's job is done with: its next one waits for its turn.
    fn passed(&mut self, group: String) {
        if self.groups.get(&group).is_some_and(|group| !group.waiting.is_empty()) {
            self.line_up(group);
        } else {
            self.groups.remove(&group);
        }
    }

    /// The group's job is to be tried again.
    fn refused(&mut self, group: String, entry: Entry) {
        if let Some(known) = self.groups.get_mut(&group) {
            known.waiting.push_front(entry);
            self.line_up(group);
        }
    }
}

async fn forward(queue: Jobs, mut incoming: mpsc::UnboundedReceiver<Entry>, counts: Counts, linger: Duration) {
    let mut waiting = Waiting::default();
    let mut pause = FIRST_PAUSE;
    loop {
        if waiting.is_empty() {
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
    use guildhall::job::{Notice, Notify, Remark};
    use guildhall::question::{ReplyTo, Said};
    use proptest::prelude::*;

    fn entry(group: u64, n: u64) -> Entry {
        // Deletions of one message are one group.
        entry_of(deletion(None, n, group), n)
    }

    fn deletion(server: Option<u64>, channel: u64, message: u64) -> Job {
        Job::Deleted {
            application_id: Id::new(1),
            channel_id: Id::new(channel + 1),
            message_id: Id::new(message + 1),
            guild_id: server.map(|server| Id::new(server + 1)),
        }
    }

    /// A notice about a message of a server; those about one message are one group.
    fn notice(server: u64, message: u64, n: u64) -> Entry {
        let (application_id, channel_id) = (Id::new(1), Id::new(1));
        let reply_to =
            ReplyTo::Message { application_id, channel_id, message_id: Id::new(message + 1), is_thread: false };
        let (place, notice) = (Place::Guild(Id::new(server + 1)), Notice::Cooldown { seconds: 1 });
        entry_of(Job::Notify(Box::new(Notify { place, reply_to, text: String::new(), locale: None, notice })), n)
    }

    /// What somebody said in a channel of a server; what is said in one channel is one group.
    fn remark(server: u64, channel: u64, n: u64) -> Entry {
        let job = Job::Remember(Box::new(Remark {
            application_id: Id::new(1),
            guild_id: Id::new(server + 1),
            channel_id: Id::new(channel + 1),
            said: Said { id: Id::new(n + 1), text: "lol".to_owned() },
            author: String::new(),
            edited_at: None,
        }));
        entry_of(job, n)
    }

    fn entry_of(job: Job, n: u64) -> Entry {
        Entry { tickets: vec![n], job, since: Instant::now(), accepted: mpsc::unbounded_channel().0 }
    }

    proptest! {
        /// Whatever is refused and however often, each job comes through once and in its group's order.
        #[test]
        fn order_is_kept(groups in proptest::collection::vec(0_u64..8, 1..200), refuse in proptest::collection::vec(any::<bool>(), 1..50)) {
            let mut waiting = Waiting::default();
            for (n, &group) in (0_u64..).zip(&groups) {
                waiting.add(if group % 2 == 0 { entry(group, n) } else { notice(group % 3, group, n) });
            }
            let mut refusals = refuse.iter().copied().chain(std::iter::repeat(false));
            let mut through: HashMap<String, Vec<u64>> = HashMap::new();
            while !waiting.is_empty() {
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
            prop_assert!(waiting.groups.is_empty() && waiting.lines.is_empty());
        }
    }

    #[test]
    fn a_server_that_floods_fills_no_call() {
        let mut waiting = Waiting::default();
        for n in 0..500 {
            waiting.add(notice(0, n, n));
        }
        waiting.add(notice(1, 1_000, 1_000));
        waiting.add(notice(2, 2_000, 2_000));
        let due: Vec<u64> = waiting.next().into_iter().map(|(_, entry)| entry.tickets[0]).collect();
        assert_eq!(due.len(), FROM_ONE + 2);
        assert_eq!(due[..3], [0, 1_000, 2_000]);
        waiting.add(notice(1, 1_001, 1_001));
        let due: Vec<u64> = waiting.next().into_iter().map(|(_, entry)| entry.tickets[0]).collect();
        assert_eq!(due[..2], [u64::try_from(FROM_ONE).unwrap(), 1_001]);
    }

    #[test]
    fn a_server_that_chats_in_many_channels_fills_no_call() {
        let mut waiting = Waiting::default();
        for n in 0..500 {
            waiting.add(remark(0, n, n));
        }
        waiting.add(notice(0, 1_000, 1_000));
        waiting.add(notice(1, 2_000, 2_000));
        let due: Vec<u64> = waiting.next().into_iter().map(|(_, entry)| entry.tickets[0]).collect();
        assert_eq!((due.len(), &due[..2]), (FROM_ONE + 1, [0, 2_000].as_slice()));
    }

    #[test]
    fn a_server_that_deletes_or_edits_many_messages_fills_no_call() {
        let mut waiting = Waiting::default();
        for n in 0..500 {
            let edit = Job::Edited {
                message_id: Id::new(n + 1),
                text: String::new(),
                edited_at: None,
                guild_id: Some(Id::new(1)),
            };
            waiting.add(entry_of(if n % 2 == 0 { deletion(Some(0), 0, n) } else { edit }, n));
        }
        waiting.add(notice(1, 1_000, 1_000));
        let due: Vec<u64> = waiting.next().into_iter().map(|(_, entry)| entry.tickets[0]).collect();
        assert_eq!((due.len(), &due[..2]), (FROM_ONE + 1, [0, 1_000].as_slice()));
    }
}
