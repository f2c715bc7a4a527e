//! The receiving side, for a process that runs for long. A Lambda function gets its messages without it.

use super::{BATCH, Jobs};
use crate::bot::Bot;
use crate::job::{self, Job};
use crate::store::Delivery;
use anyhow::{Result, anyhow};
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName as Attribute};
use jiff::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How often a job is tried: what the queues' redrive policies say too (`maxReceiveCount`), and as often as on one
/// machine.
pub const MAX_ATTEMPTS: u32 = 5;

/// Pauses before the second, third, … attempt, in seconds; the same as on one machine.
const PAUSES: [i32; 4] = [1, 5, 30, 120];

/// How long SQS keeps a message from others when this process has died.
const HIDDEN_SECONDS: i32 = 30;

/// How often that is renewed while a job runs: two renewals may fail.
const RENEW: Duration = Duration::from_secs(10);

/// The longest that a receive waits for messages. [SQS Developer Guide/Short and long polling]
const LONG_POLL_SECONDS: i32 = 20;

/// Pause after a receive that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Questions at the same time; each mostly waits for the model.
const QUESTIONS_AT_A_TIME: usize = 120;

/// Sources and indexes at the same time; each keeps a core busy.
const INGEST_AT_A_TIME: usize = 4;

/// Receives jobs and runs them.
#[derive(Debug, Clone)]
pub struct Runner {
    jobs: Jobs,
}

/// One attempt at a job: runs it, and tells whoever waits for it when it failed for the last time.
pub async fn attempt(bot: &Bot, job: &Job, delivery: &Delivery, now: Timestamp) -> Result<()> {
    let done = Box::pin(job::run(bot, job, delivery, now)).await;
    if done.is_err()
        && delivery.attempt >= MAX_ATTEMPTS
        && let Err(error) = job::give_up(bot, job, delivery, now).await
    {
        tracing::error!(job.id = %delivery.id, error = format!("{error:#}"), "nobody could be told that a job is given up");
    }
    done
}

impl Runner {
    /// Receives what is sent to `jobs`' queues; [`Jobs::close`] ends it.
    pub fn new(jobs: Jobs) -> Self {
        Self { jobs }
    }

    /// Runs jobs until the queues are closed: in order within a group, side by side across groups. `run` is [`attempt`]
    /// with the bot at hand.
    pub async fn run<F, Fut>(self, run: F)
    where
        F: Fn(Job, Delivery) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let questions = Lane::new(&self.jobs, &self.jobs.questions, QUESTIONS_AT_A_TIME, BATCH);
        // One at a time: what waits here while others are busy could be done by another process.
        let ingest = Lane::new(&self.jobs, &self.jobs.ingest, INGEST_AT_A_TIME, 1);
        tokio::join!(questions.run(run.clone()), ingest.run(run));
    }
}

/// One queue.
struct Lane {
    jobs: Jobs,
    url: String,
    room: Arc<Semaphore>,
    batch: usize,
}

impl Lane {
    fn new(jobs: &Jobs, url: &str, at_a_time: usize, batch: usize) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(at_a_time));
        Arc::new(Self { jobs: jobs.clone(), url: url.to_owned(), room, batch })
    }

    async fn run<F, Fut>(self: Arc<Self>, run: F)
    where
        F: Fn(Job, Delivery) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let closing = &self.jobs.closing;
        let wanted = u32::try_from(self.batch).unwrap_or(1);
        while let Some(Ok(mut room)) =
            closing.run_until_cancelled(Arc::clone(&self.room).acquire_many_owned(wanted)).await
        {
            let Some(received) = closing.run_until_cancelled(self.receive()).await else { return };
            for group in by_group(received) {
                let Some(room) = room.split(group.len()) else { continue };
                self.jobs.running.spawn(Arc::clone(&self).run_group(group, run.clone(), room));
            }
        }
    }

    async fn receive(&self) -> Vec<Message> {
        let received = self
            .jobs
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(self.batch).unwrap_or(1))
            .wait_time_seconds(LONG_POLL_SECONDS)
            .visibility_timeout(HIDDEN_SECONDS)
            .message_system_attribute_names(Attribute::MessageGroupId)
            .message_system_attribute_names(Attribute::ApproximateReceiveCount)
            .send()
            .await;
        match received {
            Ok(received) => received.messages.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(error = %DisplayErrorContext(&error), "no jobs could be received");
                tokio::time::sleep(AFTER_FAILURE).await;
                Vec::new()
            }
        }
    }

    /// Runs messages of one group, one after the other. Those behind one that fails wait with it, unless it is not tried
    /// again: each receipt counts for them too, and they must not end as dead letters without having been tried.
    async fn run_group<F, Fut>(self: Arc<Self>, mut group: VecDeque<Message>, run: F, _room: OwnedSemaphorePermit)
    where
        F: Fn(Job, Delivery) -> Fut,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        while let Some(message) = group.front() {
            if self.jobs.closing.is_cancelled() {
                return self.hide(group.iter(), 0).await;
            }
            let attempt = count_of(message);
            let outcome = match Job::from_message(message.body().unwrap_or_default()) {
                Ok(job) => {
                    let delivery = Delivery { id: job.id(), attempt };
                    // A task of its own, so that a panic is a failure of this job alone.
                    let task = tokio::spawn(run(job, delivery));
                    self.renewing(&group, task).await.map_err(|error| (error, attempt >= MAX_ATTEMPTS))
                }
                Err(unreadable) => Err((unreadable.into(), true)),
            };
            match outcome {
                Ok(()) => {
                    self.delete(message).await;
                    group.pop_front();
                }
                Err((error, last)) => {
                    let id = message.message_id().unwrap_or_default();
                    let error = format!("{error:#}");
                    let pause = usize::try_from(attempt).ok().and_then(|tried| PAUSES.get(tried.saturating_sub(1)));
                    // What cannot succeed goes through its receipts quickly, and then to the dead letters.
                    self.hide([message], pause.filter(|_| !last).copied().unwrap_or(0)).await;
                    if !last {
                        tracing::warn!(
                            message.id = id,
                            job.attempt = attempt,
                            error,
                            "a job failed and is tried again"
                        );
                        return self.hide(group.iter().skip(1), 0).await;
                    }
                    tracing::error!(
                        message.id = id,
                        job.attempt = attempt,
                        error,
                        "a job is given up; it goes to the dead letters"
                    );
                    group.pop_front();
                }
            }
        }
    }

    /// Waits for a job, and meanwhile keeps its group from others.
    async fn renewing(&self, group: &VecDeque<Message>, task: tokio::task::JoinHandle<Result<()>>) -> Result<()> {
        tokio::pin!(task);
        loop {
            match tokio::time::timeout(RENEW, &mut task).await {
                Ok(done) => return done.unwrap_or_else(|_| Err(anyhow!("the job panicked"))),
                Err(_) => self.hide(group.iter(), HIDDEN_SECONDS).await,
            }
        }
    }

    /// Shows messages to nobody for so long. A failure is harmless: they come again at another time.
    async fn hide(&self, messages: impl IntoIterator<Item = &Message>, seconds: i32) {
        let mut request = self.jobs.client.change_message_visibility_batch().queue_url(&self.url);
        for (i, message) in messages.into_iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(i.to_string())
                .receipt_handle(message.receipt_handle().unwrap_or_default())
                .visibility_timeout(seconds)
                .build()
                .expect("an entry has an id and a receipt");
            request = request.entries(entry);
        }
        if request.get_entries().is_none() {
            return;
        }
        if let Err(error) = request.send().await {
            tracing::warn!(error = %DisplayErrorContext(&error), "a message's time could not be changed");
        }
    }

    async fn delete(&self, message: &Message) {
        let receipt = message.receipt_handle().unwrap_or_default();
        let deleted = self.jobs.client.delete_message().queue_url(&self.url).receipt_handle(receipt).send().await;
        if let Err(error) = deleted {
            tracing::warn!(error = %DisplayErrorContext(&error), "a job that is done could not be deleted; it runs again, which is harmless");
        }
    }
}

fn count_of(message: &Message) -> u32 {
    attribute(message, &Attribute::ApproximateReceiveCount).and_then(|count| count.parse().ok()).unwrap_or(1)
}

fn attribute<'a>(message: &'a Message, name: &Attribute) -> Option<&'a str> {
    message.attributes()?.get(name).map(String::as_str)
}

/// Messages by their group, in the order of the queue.
fn by_group(messages: Vec<Message>) -> Vec<VecDeque<Message>> {
    let mut groups: Vec<VecDeque<Message>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for message in messages {
        let group = attribute(&message, &Attribute::MessageGroupId).unwrap_or_default().to_owned();
        let place = *places.entry(group).or_insert_with(|| {
            groups.push(VecDeque::new());
            groups.len() - 1
        });
        groups[place].push_back(message);
    }
    groups
}
