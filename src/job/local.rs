//! The queue of a single machine. What it has accepted lies in the table, so that it survives kill -9; who runs next
//! is decided in memory, since one process owns the queue.
//!
//! Like SQS FIFO: repetitions of a job are dropped while it is queued or running, jobs of one group run in order, a job
//! that fails is tried again after a growing pause, and one that keeps failing goes to the dead letters.

use super::Job;
use super::pause::{LONGEST, pause_after};
use crate::bot::Bot;
use crate::store::{BATCH, DeadJob, Delivery, Store, StoredJob};
use anyhow::{Result, anyhow};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Questions answered at the same time. Each mostly waits for the model.
const URGENT_AT_A_TIME: usize = 128;

/// Sources read at the same time. A file keeps a core busy, a site mostly waits for its server.
const READ_AT_A_TIME: usize = 4;

/// Indexes built at the same time; apart from the reading, so that slow sites keep nobody's documents from answering.
const BUILT_AT_A_TIME: usize = 1;

/// Events told at the same time. A mail server that hangs must hold up no answer.
const TOLD_AT_A_TIME: usize = 4;

/// Jobs that may wait; beyond it a door says "busy" instead of promising what it cannot keep.
const CAPACITY: usize = 20_000;

/// Between two attempts to put a dead job aside.
const BURIED_AGAIN: Duration = Duration::from_secs(5);

/// A job that was there at so many ends of the process is taken for their cause. Far more than restarts in a row.
const MAX_DEATHS: u32 = 20;

/// Why a job was not accepted.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub enum NotAccepted {
    /// Too many jobs wait.
    #[error("the queue is full")]
    Full,
    /// It could not be written down.
    #[error("the queue could not write the job down")]
    Unwritten,
    /// It has more bytes than a queue takes.
    #[error("the job is larger than the queue takes")]
    TooLarge,
    /// The queue takes others, and will never take this one.
    #[error("the queue refuses the job for good")]
    Refused,
    /// The machine is being stopped.
    #[error("the queue is closing")]
    Closing,
}

/// The sending side. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Jobs {
    shared: Arc<Shared>,
    writes: mpsc::UnboundedSender<Write>,
}

#[derive(Debug)]
struct Shared {
    /// Ids that are queued or running: a repetition of one of them changes nothing.
    known: Mutex<HashMap<String, Known>>,
    closing: CancellationToken,
    running: TaskTracker,
}

/// What becomes of the jobs that an earlier process had accepted and not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// They run. Where that process was killed, one of them may have been the cause.
    Run {
        /// Whether it was.
        was_killed: bool,
    },
    /// They stay where they are, for a process that lives longer than this one.
    Wait,
}

/// How far a job has come that is queued or running.
#[derive(Debug)]
enum Known {
    /// It is being written down; these are told the outcome. A repetition is accepted no earlier than what it repeats.
    Unwritten(Vec<oneshot::Sender<Result<(), NotAccepted>>>),
    /// It lies in the table.
    Written,
}

#[derive(Debug)]
enum Write {
    /// Accept a job, and tell those who wait when it is written down.
    Accept(Box<StoredJob>),
    /// Write a known job again, with its attempts and its pause.
    Again(Box<StoredJob>),
    /// Forget a job that is done.
    Forget(String),
    /// Move a job to the dead letters; tell whether it is there.
    Bury(Box<DeadJob>, oneshot::Sender<bool>),
}

impl Jobs {
    /// Opens the queue on `store`. What is sent is accepted from now on; it runs once the [`Runner`] does, after what an
    /// earlier process had accepted and not done, unless that is to wait.
    pub async fn open(store: Store, earlier: Earlier) -> Result<(Self, Runner)> {
        let (writes, to_write) = mpsc::unbounded_channel();
        let (ready, to_run) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            known: Mutex::default(),
            closing: CancellationToken::new(),
            running: TaskTracker::new(),
        });
        let jobs = Self { shared, writes };
        let mut groups = HashSet::new();
        for mut job in store.pending_jobs().await? {
            // The first of its group may have been running, and may be why the process died: counted, so that it cannot
            // kill for ever. That it waits or runs while a machine restarts is no failure of its own.
            jobs.known().insert(job.id.clone(), Known::Written);
            let Earlier::Run { was_killed } = earlier else { continue };
            if groups.insert(job.group.clone()) && was_killed {
                job.deaths += 1;
            }
            let _ = jobs.writes.send(Write::Again(Box::new(job.clone())));
            let _ = ready.send(job);
        }
        tokio::spawn(write(store, Arc::clone(&jobs.shared), to_write, ready));
        let runner = Runner { jobs: jobs.clone(), to_run };
        Ok((jobs, runner))
    }

    /// Accepts a job: once this returns, it survives the death of the process. A repetition waits for the same. Where the
    /// caller gives up waiting, the job runs if it could be written down after all.
    pub async fn send(&self, job: &Job, now: Timestamp) -> Result<(), NotAccepted> {
        match self.enqueue(job, accepted_at(now))? {
            Some(told) => told.await.unwrap_or(Err(NotAccepted::Closing)),
            None => Ok(()),
        }
    }

    /// Accepts jobs as [`send`](Self::send) does, each for itself and in this order; they share the cost of being written.
    pub async fn send_all(&self, jobs: &[Job], now: Timestamp) -> Vec<Result<(), NotAccepted>> {
        // One after the other in time too: that is what a later process sorts them by.
        let queued: Vec<_> = jobs.iter().zip(accepted_at(now)..).map(|(job, at)| self.enqueue(job, at)).collect();
        let mut outcomes = Vec::with_capacity(queued.len());
        for one in queued {
            outcomes.push(match one {
                Ok(Some(told)) => told.await.unwrap_or(Err(NotAccepted::Closing)),
                Ok(None) => Ok(()),
                Err(refused) => Err(refused),
            });
        }
        outcomes
    }

    /// Hands a job to be written down; nothing to wait for where it is a repetition.
    fn enqueue(
        &self,
        job: &Job,
        accepted: i64,
    ) -> Result<Option<oneshot::Receiver<Result<(), NotAccepted>>>, NotAccepted> {
        if self.shared.closing.is_cancelled() {
            return Err(NotAccepted::Closing);
        }
        let id = job.id();
        let (written, told) = oneshot::channel();
        {
            let mut known = self.known();
            let is_full = known.len() >= CAPACITY;
            match known.get_mut(&id) {
                Some(Known::Written) => return Ok(None),
                Some(Known::Unwritten(waiting)) => {
                    waiting.push(written);
                    return Ok(Some(told));
                }
                None if is_full => return Err(NotAccepted::Full),
                None => {
                    known.insert(id.clone(), Known::Unwritten(vec![written]));
                }
            }
        }
        let stored = StoredJob {
            id: id.clone(),
            group: job.group(),
            body: job.to_message(),
            accepted,
            attempts: 1,
            deaths: 0,
            not_before: Timestamp::from_nanosecond(i128::from(accepted)).unwrap_or(Timestamp::UNIX_EPOCH),
        };
        if self.writes.send(Write::Accept(Box::new(stored))).is_err() {
            self.known().remove(&id);
            return Err(NotAccepted::Closing);
        }
        Ok(Some(told))
    }

    /// Begins nothing new and waits for what runs. What waits lies in the table for the next start.
    pub async fn close(&self, patience: Duration) {
        self.shared.closing.cancel();
        self.shared.running.close();
        if tokio::time::timeout(patience, self.shared.running.wait()).await.is_err() {
            tracing::warn!(
                jobs.running = self.shared.running.len(),
                "stopped before every job was done; they run again"
            );
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        lock(&self.shared.known)
    }
}

/// The running side.
#[derive(Debug)]
pub struct Runner {
    jobs: Jobs,
    to_run: mpsc::UnboundedReceiver<StoredJob>,
}

/// Jobs of one group that wait for their turn, by group. A group is here while one of its jobs runs.
type Groups = Arc<Mutex<HashMap<String, VecDeque<StoredJob>>>>;

/// What every running job shares.
struct Worker {
    bot: Arc<Bot>,
    jobs: Jobs,
    groups: Groups,
    urgent: Semaphore,
    readers: Semaphore,
    builders: Semaphore,
    tellers: Semaphore,
}

impl Runner {
    /// Runs jobs until the queue is closed: in order within a group, side by side across groups.
    pub async fn run(mut self, bot: Arc<Bot>) {
        let worker = Arc::new(Worker {
            bot,
            jobs: self.jobs,
            groups: Arc::default(),
            urgent: Semaphore::new(URGENT_AT_A_TIME),
            readers: Semaphore::new(READ_AT_A_TIME),
            builders: Semaphore::new(BUILT_AT_A_TIME),
            tellers: Semaphore::new(TOLD_AT_A_TIME),
        });
        while let Some(stored) = self.to_run.recv().await {
            let group = stored.group.clone();
            {
                let mut groups = lock(&worker.groups);
                if let Some(waiting) = groups.get_mut(&group) {
                    waiting.push_back(stored);
                    continue;
                }
                groups.insert(group.clone(), VecDeque::from([stored]));
            }
            tokio::spawn(Arc::clone(&worker).run_group(group));
        }
    }
}

impl Worker {
    async fn run_group(self: Arc<Self>, group: String) {
        loop {
            let next = {
                let mut groups = lock(&self.groups);
                let Some(next) = groups.get_mut(&group).and_then(VecDeque::pop_front) else {
                    groups.remove(&group);
                    return;
                };
                next
            };
            if next.deaths > MAX_DEATHS {
                if let Ok(job) = Job::from_message(&next.body) {
                    self.give_up(&next, &job).await;
                }
                self.bury(next, format!("the process ended {MAX_DEATHS} times while it was there")).await;
                continue;
            }
            match Job::from_message(&next.body) {
                Ok(job) => self.run_to_the_end(next, job).await,
                Err(unreadable) => self.bury(next, unreadable.to_string()).await,
            }
        }
    }

    /// Runs one job until it is done or dead.
    async fn run_to_the_end(&self, mut stored: StoredJob, job: Job) {
        let closing = &self.jobs.shared.closing;
        let lane = match job {
            Job::Answer(_) | Job::Edited { .. } | Job::Deleted { .. } | Job::Notify(_) | Job::Remember(_) => {
                &self.urgent
            }
            Job::Read { .. } => &self.readers,
            Job::Index { .. } => &self.builders,
            Job::Tell { .. } => &self.tellers,
        };
        loop {
            let pause = stored.not_before.duration_since(Timestamp::now());
            if pause.is_positive() {
                tokio::select! {
                    // A clock that was set back makes nobody wait longer than that.
                    () = tokio::time::sleep(pause.unsigned_abs().min(LONGEST)) => {}
                    () = closing.cancelled() => return,
                }
            }
            let Ok(_turn) = lane.acquire().await else { return };
            if closing.is_cancelled() {
                return;
            }
            let Err(error) = self.run_once(&stored, &job).await else {
                let _ = self.jobs.writes.send(Write::Forget(stored.id.clone()));
                self.jobs.known().remove(&stored.id);
                return;
            };
            let tried = stored.attempts;
            let Some(pause) = pause_after(tried, u32::MAX, Some(&job), Timestamp::now()) else {
                self.give_up(&stored, &job).await;
                return self.bury(stored, format!("{error:#}")).await;
            };
            tracing::warn!(job.id = %stored.id, job.attempt = tried, error = format!("{error:#}"), "a job failed and is tried again");
            stored.attempts += 1;
            stored.not_before = Timestamp::now() + pause;
            let _ = self.jobs.writes.send(Write::Again(Box::new(stored.clone())));
        }
    }

    /// Runs it on a task of its own, so that a panic is a failure of this job alone.
    async fn run_once(&self, stored: &StoredJob, job: &Job) -> Result<()> {
        let delivery = delivery(stored);
        let (bot, job) = (Arc::clone(&self.bot), job.clone());
        let task = async move { Box::pin(super::run(&bot, &job, &delivery, Timestamp::now())).await };
        self.jobs.shared.running.spawn(task).await.unwrap_or_else(|_| Err(anyhow!("the job panicked")))
    }

    async fn give_up(&self, stored: &StoredJob, job: &Job) {
        if let Err(error) = super::give_up(&self.bot, job, &delivery(stored), Timestamp::now()).await {
            tracing::error!(job.id = %stored.id, error = format!("{error:#}"), "nobody could be told that a job is given up");
        }
    }

    async fn bury(&self, job: StoredJob, reason: String) {
        tracing::error!(job.id = %job.id, job.attempt = job.attempts, reason, "a job is given up; it lies with the dead letters");
        let id = job.id.clone();
        let dead = DeadJob { job, reason, at: Timestamp::now() };
        loop {
            // Behind what is still to be written of the job, which would bring it back otherwise.
            let (told, is_buried) = oneshot::channel();
            let _ = self.jobs.writes.send(Write::Bury(Box::new(dead.clone()), told));
            if is_buried.await.unwrap_or(false) {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(BURIED_AGAIN) => {}
                () = self.jobs.shared.closing.cancelled() => return,
            }
        }
        self.jobs.known().remove(&id);
    }
}

fn accepted_at(now: Timestamp) -> i64 {
    now.as_nanosecond().try_into().unwrap_or(i64::MAX)
}

fn delivery(stored: &StoredJob) -> Delivery {
    Delivery { id: stored.id.clone(), attempt: stored.attempts + stored.deaths }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes jobs down, everything that waits in one request: under load many jobs share the cost of one write, and a
/// lone one waits for nothing.
async fn write(
    store: Store,
    shared: Arc<Shared>,
    mut to_write: mpsc::UnboundedReceiver<Write>,
    ready: mpsc::UnboundedSender<StoredJob>,
) {
    let mut waiting = Vec::with_capacity(BATCH);
    while to_write.recv_many(&mut waiting, BATCH).await > 0 {
        let mut put: Vec<StoredJob> = Vec::new();
        let mut delete: Vec<String> = Vec::new();
        let mut accepted = Vec::new();
        let mut buried = Vec::new();
        for write in waiting.drain(..) {
            // One request may name a key once: the later word on a job replaces the earlier one.
            let id = match &write {
                Write::Accept(job) | Write::Again(job) => job.id.clone(),
                Write::Forget(id) => id.clone(),
                Write::Bury(dead, _) => dead.job.id.clone(),
            };
            put.retain(|job| job.id != id);
            delete.retain(|other| *other != id);
            match write {
                Write::Accept(job) => {
                    put.push((*job).clone());
                    accepted.push(job);
                }
                Write::Again(job) => put.push(*job),
                Write::Forget(id) => delete.push(id),
                Write::Bury(dead, told) => buried.push((dead, told)),
            }
        }
        let outcome = store.write_jobs(&put, &delete).await;
        if let Err(error) = &outcome {
            // Done jobs that could not be forgotten run once more after a restart, which is harmless.
            tracing::error!(error = format!("{error:#}"), "the queue could not write its jobs down");
        }
        for job in accepted {
            // Here and not in `send`, whose caller may be gone.
            let told = if outcome.is_ok() {
                lock(&shared.known).insert(job.id.clone(), Known::Written)
            } else {
                lock(&shared.known).remove(&job.id)
            };
            if outcome.is_ok() {
                let _ = ready.send(*job);
            }
            let Some(Known::Unwritten(waiting)) = told else { continue };
            for told in waiting {
                let _ = told.send(outcome.as_ref().map(drop).map_err(|_| NotAccepted::Unwritten));
            }
        }
        for (dead, told) in buried {
            let outcome = store.bury_job(&dead).await;
            if let Err(error) = &outcome {
                tracing::warn!(job.id = %dead.job.id, error = format!("{error:#}"), "a dead job could not be put aside yet");
            }
            let _ = told.send(outcome.is_ok());
        }
    }
}
