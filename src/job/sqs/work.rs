//! What was received together from a queue, by whomever: done group by group, hidden from others meanwhile, tried again
//! after a pause, and given up at last. Who received it says how it ends: a process deletes what is done, and Lambda does
//! that for a function, which names what is not.

use super::{BATCH, Jobs, Queue};
use crate::bot::Bot;
use crate::job::pause::pause_after;
use crate::job::{self, Job, Work};
use crate::store::Delivery;
use anyhow::{Context as _, Result, anyhow};
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use futures::future::join_all;
use jiff::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;

/// How long SQS keeps a message from others when this process has died.
pub(super) const HIDDEN_SECONDS: i32 = 30;

/// How often that is renewed while jobs run: two renewals may fail.
const RENEW: Duration = Duration::from_secs(10);

/// How long somebody may be told that a job is given up.
const FAREWELL: Duration = Duration::from_secs(20);

/// A message that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// SQS's own name for it.
    pub id: String,
    /// What it is hidden and deleted by.
    pub receipt: String,
    /// What keeps its order, in a FIFO queue.
    pub group: String,
    /// How often it was received by now.
    pub attempt: u32,
    /// The job.
    pub body: String,
}

/// What is to be done with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is tried.
    Try,
    /// It has failed for the last time: whoever waits for it is told.
    GiveUp,
}

/// Who deletes what is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// We, as soon as it is done.
    Deleted,
    /// Whoever has called us, when we return.
    Reported,
}

/// A queue, as whoever works on it sees it.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) jobs: Jobs,
    pub(super) queue: Queue,
    pub(super) url: String,
    pub(super) ending: Ending,
    /// When all work must have ended.
    pub(super) until: Option<Instant>,
}

/// The receipts of what is to be kept from others, for all groups that were received together. Its lock is held while SQS is
/// told, so that a pause is not overtaken by a renewal.
type Held = Arc<Mutex<Vec<String>>>;

/// Does what is to be done with a job: what [`Runner::run`](super::Runner::run) and [`work_off`] are given, with the bot and
/// the work at hand.
pub async fn step(bot: &Bot, work: Work, step: Step, job: &Job, delivery: &Delivery, now: Timestamp) -> Result<()> {
    match step {
        Step::Try => work(bot, job, delivery, now).await,
        Step::GiveUp => Box::pin(job::give_up(bot, job, delivery, now)).await,
    }
}

/// Works off what a Lambda function was handed from a queue: groups side by side, each in its order. The ids of those that
/// are not done are returned, for Lambda to leave them in the queue; what runs at `until` is one of them.
///
/// Lambda hides messages for six times the function's longest run. They are hidden for half a minute here, again and again,
/// so that those of a function that was killed are soon back.
pub async fn work_off<F, Fut>(
    jobs: &Jobs,
    queue: Queue,
    messages: Vec<Received>,
    until: Instant,
    run: F,
) -> Result<Vec<String>>
where
    F: Fn(Step, Job, Delivery) -> Fut,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let url = jobs.queues.url(queue).with_context(|| format!("{} is needed", queue.variable()))?.to_string();
    let line = Line { jobs: jobs.clone(), queue, url, ending: Ending::Reported, until: Some(until) };
    let held: Held = Arc::new(Mutex::new(messages.iter().map(|message| message.receipt.clone()).collect()));
    let _renewing = AbortOnDropHandle::new(tokio::spawn(line.clone().keep_hidden(Arc::clone(&held), true)));
    let groups = by_group(messages, queue);
    let undone = join_all(groups.into_iter().map(|group| line.run_group(group, &held, &run))).await;
    Ok(undone.into_iter().flatten().collect())
}

impl Line {
    /// Runs messages of one group, one after the other, and returns the ids of those that are not done. Those behind one
    /// that fails wait with it, unless it is not tried again: each receipt counts for them too, and they must not end as
    /// dead letters without having been tried.
    pub(super) async fn run_group<F, Fut>(&self, mut group: VecDeque<Received>, held: &Held, run: &F) -> Vec<String>
    where
        F: Fn(Step, Job, Delivery) -> Fut,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let mut undone = Vec::new();
        while let Some(message) = group.front() {
            let is_late = self.until.is_some_and(|until| Instant::now() >= until);
            if is_late || self.jobs.closing.is_cancelled() {
                self.show(held, &group, 0).await;
                break;
            }
            match self.attempt(message, run).await {
                Ok(()) => {
                    if self.ending == Ending::Deleted {
                        self.delete(held, message).await;
                    }
                    group.pop_front();
                }
                Err(Some(pause)) => {
                    self.show(held, [message], pause).await;
                    self.show(held, group.iter().skip(1), 0).await;
                    break;
                }
                Err(None) => {
                    // What cannot succeed goes through its receipts quickly, and then to the dead letters.
                    self.show(held, [message], 0).await;
                    undone.extend(group.pop_front().map(|message| message.id));
                }
            }
        }
        undone.extend(group.into_iter().map(|message| message.id));
        undone
    }

    /// Tries a message's job. Where that fails, after how many seconds it is tried again; none where it is not.
    async fn attempt<F, Fut>(&self, message: &Received, run: &F) -> Result<(), Option<i32>>
    where
        F: Fn(Step, Job, Delivery) -> Fut,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let attempt = message.attempt;
        let job = match self.read(message).await {
            Ok(Ok(job)) => job,
            Ok(Err(reason)) => {
                // Once: it goes through the rest of its receipts within seconds.
                if attempt == 1 {
                    tracing::error!(
                        message.id = message.id,
                        reason,
                        "a message is no job; it goes to the dead letters"
                    );
                }
                return Err(None);
            }
            Err(error) => {
                let pause = seconds_after(self.queue, attempt, None);
                tracing::warn!(
                    message.id = message.id,
                    job.attempt = attempt,
                    error = format!("{error:#}"),
                    "a job could not be fetched"
                );
                return Err(pause);
            }
        };
        let delivery = Delivery { id: job.id(), attempt };
        let Err(error) = self.in_time(run(Step::Try, job.clone(), delivery.clone())).await else { return Ok(()) };
        let error = format!("{error:#}");
        let Some(pause) = seconds_after(self.queue, attempt, Some(&job)) else {
            tracing::error!(message.id = message.id, job.id = %delivery.id, job.attempt = attempt, error, "a job is given up; it goes to the dead letters");
            let told = timeout(FAREWELL, on_its_own(run(Step::GiveUp, job, delivery.clone()))).await;
            if let Err(error) = told.unwrap_or_else(|_| Err(anyhow!("it took too long"))) {
                tracing::error!(job.id = %delivery.id, error = format!("{error:#}"), "nobody could be told that a job is given up");
            }
            return Err(None);
        };
        tracing::warn!(message.id = message.id, job.id = %delivery.id, job.attempt = attempt, again_in_s = pause, error, "a job failed and is tried again");
        Err(Some(pause))
    }

    /// A message's job, or why it is none and never will be.
    async fn read(&self, message: &Received) -> Result<Result<Job, String>> {
        let Some(text) = self.jobs.text_of(&message.body).await? else {
            return Ok(Err("what it refers to is not in the bucket".to_owned()));
        };
        Ok(Job::from_message(&text).map_err(|unreadable| unreadable.to_string()))
    }

    async fn in_time(&self, work: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
        let work = on_its_own(work);
        match self.until {
            Some(until) => timeout_at(until, work).await.unwrap_or_else(|_| Err(anyhow!("it was not done in time"))),
            None => work.await,
        }
    }

    /// Keeps from others what is held, until it is aborted.
    pub(super) async fn keep_hidden(self, held: Held, at_once: bool) {
        if !at_once {
            tokio::time::sleep(RENEW).await;
        }
        loop {
            {
                let held = held.lock().await;
                self.set_visibility(&held, HIDDEN_SECONDS).await;
            }
            tokio::time::sleep(RENEW).await;
        }
    }

    /// Shows messages to others after so many seconds.
    async fn show(&self, held: &Held, messages: impl IntoIterator<Item = &Received>, seconds: i32) {
        let receipts: Vec<String> = messages.into_iter().map(|message| message.receipt.clone()).collect();
        let mut held = held.lock().await;
        held.retain(|receipt| !receipts.contains(receipt));
        self.set_visibility(&receipts, seconds).await;
    }

    /// A failure is harmless: the messages come again at another time.
    async fn set_visibility(&self, receipts: &[String], seconds: i32) {
        for receipts in receipts.chunks(BATCH) {
            let mut request = self.jobs.client.change_message_visibility_batch().queue_url(&self.url);
            for (i, receipt) in receipts.iter().enumerate() {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(i.to_string())
                    .receipt_handle(receipt)
                    .visibility_timeout(seconds)
                    .build()
                    .expect("an entry has an id and a receipt");
                request = request.entries(entry);
            }
            if let Err(error) = request.send().await {
                tracing::warn!(error = %DisplayErrorContext(&error), "a message's time could not be changed");
            }
        }
    }

    async fn delete(&self, held: &Held, message: &Received) {
        held.lock().await.retain(|receipt| *receipt != message.receipt);
        let request = self.jobs.client.delete_message().queue_url(&self.url).receipt_handle(&message.receipt);
        if let Err(error) = request.send().await {
            tracing::warn!(error = %DisplayErrorContext(&error), "a job that is done could not be deleted; it runs again, which is harmless");
        }
    }
}

/// On a task of its own, so that a panic is a failure of this job alone. It ends with whoever waits for it.
async fn on_its_own(work: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    AbortOnDropHandle::new(tokio::spawn(work)).await.unwrap_or_else(|_| Err(anyhow!("the job panicked")))
}

/// The pause after so many attempts, in seconds; none when the job is given up.
fn seconds_after(queue: Queue, attempts: u32, job: Option<&Job>) -> Option<i32> {
    let pause = pause_after(attempts, queue.max_receives(), job, Timestamp::now())?;
    Some(i32::try_from(pause.as_secs()).unwrap_or(i32::MAX))
}

/// Messages by their group, in the order of the queue. Where the queue keeps no order, each is a group alone.
pub(super) fn by_group(messages: Vec<Received>, queue: Queue) -> Vec<VecDeque<Received>> {
    if !queue.is_fifo() {
        return messages.into_iter().map(|message| VecDeque::from([message])).collect();
    }
    let mut groups: Vec<VecDeque<Received>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for message in messages {
        let place = *places.entry(message.group.clone()).or_insert_with(|| {
            groups.push(VecDeque::new());
            groups.len() - 1
        });
        groups[place].push_back(message);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_message_is_in_one_group_and_in_its_order(groups in prop::collection::vec(0_u8..4, 0..30)) {
            let messages: Vec<Received> = groups
                .iter()
                .enumerate()
                .map(|(at, group)| Received {
                    id: format!("{at:02}"),
                    receipt: String::new(),
                    group: group.to_string(),
                    attempt: 1,
                    body: String::new(),
                })
                .collect();
            for queue in Queue::ALL {
                let split = by_group(messages.clone(), queue);
                prop_assert_eq!(split.iter().map(VecDeque::len).sum::<usize>(), messages.len());
                for group in &split {
                    prop_assert!(group.iter().is_sorted_by_key(|message| &message.id));
                    prop_assert!(group.iter().all(|message| message.group == group[0].group));
                    prop_assert!(queue.is_fifo() || group.len() == 1);
                }
                prop_assert!(!queue.is_fifo() || split.len() <= 4);
            }
        }
    }
}
