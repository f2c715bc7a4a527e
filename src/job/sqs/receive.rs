//! The receiving side, for a process that runs for long. A Lambda function is handed its messages.

use super::work::{Ending, HIDDEN_SECONDS, Line, Received, Step, by_group};
use super::{BATCH, Jobs, Queue};
use crate::job::Job;
use crate::store::Delivery;
use anyhow::Result;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName as Attribute};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;

/// The longest that a receive waits for messages. [SQS Developer Guide/Short and long polling]
const LONG_POLL_SECONDS: i32 = 20;

/// Pause after a receive that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Questions at the same time; each mostly waits for the model. As many of what needs no order.
const QUESTIONS_AT_A_TIME: usize = 120;

/// Sources and indexes at the same time; each keeps a core busy.
const INGEST_AT_A_TIME: usize = 4;

/// Receives jobs and runs them.
#[derive(Debug, Clone)]
pub struct Runner {
    jobs: Jobs,
}

impl Runner {
    /// Receives what is sent to `jobs`' queues; [`Jobs::close`] ends it.
    pub fn new(jobs: Jobs) -> Self {
        Self { jobs }
    }

    /// Runs jobs until the queues are closed: in order within a group, side by side across groups. `run` is
    /// [`step`](super::step) with the bot at hand.
    pub async fn run<F, Fut>(self, run: F)
    where
        F: Fn(Step, Job, Delivery) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let lanes = Queue::ALL.into_iter().filter_map(|queue| Lane::new(&self.jobs, queue));
        futures::future::join_all(lanes.map(|lane| lane.run(run.clone()))).await;
    }
}

/// One queue.
struct Lane {
    line: Line,
    room: Arc<Semaphore>,
    batch: usize,
}

impl Lane {
    /// None where this process was not told of the queue.
    fn new(jobs: &Jobs, queue: Queue) -> Option<Self> {
        let (at_a_time, batch) = match queue {
            Queue::Questions | Queue::Moderation => (QUESTIONS_AT_A_TIME, BATCH),
            // One at a time: what waits here while others are busy could be done by another process.
            Queue::Ingest => (INGEST_AT_A_TIME, 1),
        };
        let url = jobs.queues.url(queue)?.to_string();
        let line = Line { jobs: jobs.clone(), queue, url, ending: Ending::Deleted, until: None };
        Some(Self { line, room: Arc::new(Semaphore::new(at_a_time)), batch })
    }

    async fn run<F, Fut>(self, run: F)
    where
        F: Fn(Step, Job, Delivery) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let closing = &self.line.jobs.closing;
        let wanted = u32::try_from(self.batch).unwrap_or(1);
        while let Some(Ok(mut room)) =
            closing.run_until_cancelled(Arc::clone(&self.room).acquire_many_owned(wanted)).await
        {
            let Some(received) = closing.run_until_cancelled(self.receive()).await else { return };
            let held = Arc::new(Mutex::new(received.iter().map(|message| message.receipt.clone()).collect()));
            let renewing = self.line.clone().keep_hidden(Arc::clone(&held), false);
            let renewing = Arc::new(AbortOnDropHandle::new(tokio::spawn(renewing)));
            for group in by_group(received, self.line.queue) {
                let Some(room): Option<OwnedSemaphorePermit> = room.split(group.len()) else { continue };
                let (line, held, run) = (self.line.clone(), Arc::clone(&held), run.clone());
                let renewing = Arc::clone(&renewing);
                self.line.jobs.running.spawn(async move {
                    line.run_group(group, &held, &run).await;
                    drop((renewing, room));
                });
            }
        }
    }

    async fn receive(&self) -> Vec<Received> {
        let received = self
            .line
            .jobs
            .client
            .receive_message()
            .queue_url(&self.line.url)
            .max_number_of_messages(i32::try_from(self.batch).unwrap_or(1))
            .wait_time_seconds(LONG_POLL_SECONDS)
            .visibility_timeout(HIDDEN_SECONDS)
            .message_system_attribute_names(Attribute::MessageGroupId)
            .message_system_attribute_names(Attribute::ApproximateReceiveCount)
            .send()
            .await;
        match received {
            Ok(received) => received.messages.unwrap_or_default().into_iter().map(Received::from).collect(),
            Err(error) => {
                tracing::warn!(error = %DisplayErrorContext(&error), "no jobs could be received");
                tokio::time::sleep(AFTER_FAILURE).await;
                Vec::new()
            }
        }
    }
}

impl From<Message> for Received {
    fn from(message: Message) -> Self {
        let mut attributes = message.attributes.unwrap_or_default();
        let mut attribute = |name| attributes.remove(&name);
        Self {
            id: message.message_id.unwrap_or_default(),
            receipt: message.receipt_handle.unwrap_or_default(),
            attempt: attribute(Attribute::ApproximateReceiveCount).and_then(|count| count.parse().ok()).unwrap_or(1),
            group: attribute(Attribute::MessageGroupId).unwrap_or_default(),
            body: message.body.unwrap_or_default(),
        }
    }
}
