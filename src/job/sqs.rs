//! The queues on AWS: one for what people wait for, one for what needs no order, one for reading and indexing sources.
//!
//! Two are high-throughput FIFO queues (limits per message group), so that order holds within a group and nothing else.
//! The third is a standard queue with groups, where a group with many messages does not delay the others.

mod receive; // for a process that runs for long
mod work; // what was received together, by whomever

pub use receive::Runner;
pub use work::{Received, Step, step, work_off};

use super::{Job, NotAccepted};
use crate::aws::{Late, Limits};
use crate::config::QueueConfig;
use crate::knowledge::files::Files;
use anyhow::{Context as _, Result};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use futures::{StreamExt as _, stream};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

/// Messages in one request. [SQS Developer Guide/Message quotas]
const BATCH: usize = 10;

/// Bytes of one message, and of all messages of one request. [SQS Developer Guide/Message quotas]
const MAX_BYTES: usize = 1_048_576;

/// Characters of a group's or a job's id. [SQS Developer Guide/Message quotas]
const MAX_ID: usize = 128;

/// Requests on their way at the same time: at 10 ms each, ten thousand jobs a second.
const REQUESTS_AT_A_TIME: usize = 10;

/// Where in the bucket the jobs lie that no queue takes. They are deleted by age: a queue keeps a message for at most
/// fourteen days.
const LARGE_JOBS: &str = "jobs";

/// A queue of Guildhall's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// What people wait for, in order within each conversation.
    Questions,
    /// What needs no order; fair to every server.
    Moderation,
    /// Sources to read and indexes to build, in order within each.
    Ingest,
}

impl Queue {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Questions, Self::Moderation, Self::Ingest];

    /// The variable with its address.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Questions => "QUESTIONS_QUEUE_URL",
            Self::Moderation => "MODERATION_QUEUE_URL",
            Self::Ingest => "INGEST_QUEUE_URL",
        }
    }

    /// Whether it keeps the order of its groups.
    pub const fn is_fifo(self) -> bool {
        !matches!(self, Self::Moderation)
    }

    /// How often a message is received before it goes to the dead letters: what the queue's redrive policy says too
    /// (`maxReceiveCount`). A question is tried for as long as Discord takes its answer, with pauses of 1, 5, 30 and then
    /// 120 seconds; the others as often as on one machine.
    pub const fn max_receives(self) -> u32 {
        match self {
            Self::Questions => 12,
            Self::Moderation | Self::Ingest => 5,
        }
    }

    /// The queue that a job travels through.
    pub const fn of(job: &Job) -> Self {
        match job {
            Job::Answer(_) | Job::Edited { .. } | Job::Deleted { .. } | Job::Remember(_) | Job::Tell { .. } => {
                Self::Questions
            }
            Job::Notify(_) => Self::Moderation,
            Job::Read { .. } | Job::Index { .. } => Self::Ingest,
        }
    }
}

/// What travels in place of a job that is too large: where it lies.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Elsewhere {
    stored_as: String,
}

/// The sending side. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Jobs {
    client: Late<Client>,
    queues: Arc<QueueConfig>,
    files: Option<Files>,
    closing: CancellationToken,
    running: TaskTracker,
}

impl Jobs {
    /// Uses the queues that `config` names; connects with the first request. Without `files`, a job that is larger than a
    /// message is not accepted, and one that lies there cannot be done. The doors to Discord need none: what they hear is
    /// cut to the length of a question, of which the largest is a twentieth of a message.
    pub fn new(client: impl Into<Late<Client>>, config: &QueueConfig, files: Option<Files>) -> Self {
        Self {
            client: client.into(),
            queues: Arc::new(config.clone()),
            files,
            closing: CancellationToken::new(),
            running: TaskTracker::new(),
        }
    }

    /// The queue of this name, if it is one of those that `config` named.
    pub fn queue_named(&self, name: &str) -> Option<Queue> {
        let name_of = |url: &Url| url.path_segments()?.next_back().map(str::to_owned);
        Queue::ALL
            .into_iter()
            .find(|queue| self.queues.url(*queue).and_then(name_of).is_some_and(|known| known == name))
    }

    /// Accepts one job. One `SendMessageBatch`.
    pub async fn send(&self, job: &Job) -> Result<(), NotAccepted> {
        self.send_all(std::slice::from_ref(job)).await.pop().unwrap_or(Err(NotAccepted::Unwritten))
    }

    /// Accepts jobs; see [`super::Jobs::send_all`]. One `SendMessageBatch` for ten jobs of different groups; SQS accepts or
    /// refuses each message of a request for itself, so jobs of one group travel one after the other.
    pub async fn send_all(&self, jobs: &[Job]) -> Vec<Result<(), NotAccepted>> {
        let mut messages: Vec<Message> =
            jobs.iter().enumerate().filter_map(|(at, job)| self.message(at, job)).collect();
        self.put_aside(&mut messages).await;
        let mut results: Vec<Result<(), NotAccepted>> = jobs.iter().map(|_| Err(NotAccepted::Unwritten)).collect();
        let mut failed: HashSet<(&str, &str)> = HashSet::new();
        for round in rounds(&messages) {
            let round = round.into_iter().filter(|message| !failed.contains(&message.lane()));
            let requests: Vec<_> = batches(round).into_iter().map(|batch| self.send_batch(batch)).collect();
            let answers: Vec<Vec<_>> = stream::iter(requests).buffer_unordered(REQUESTS_AT_A_TIME).collect().await;
            for (message, answer) in answers.into_iter().flatten() {
                if answer.is_err() {
                    failed.insert(message.lane());
                }
                results[message.at] = answer;
            }
        }
        results
    }

    /// Begins nothing new and waits for what runs. What waits is in the queue for others.
    pub async fn close(&self, patience: Duration) {
        self.closing.cancel();
        self.running.close();
        if tokio::time::timeout(patience, self.running.wait()).await.is_err() {
            tracing::warn!(jobs.running = self.running.len(), "stopped before every job was done; they run again");
        }
    }

    /// A job as it travels; none where this process was not told of its queue.
    fn message(&self, at: usize, job: &Job) -> Option<Message> {
        let queue = Queue::of(job);
        let Some(url) = self.queues.url(queue) else {
            tracing::error!(variable = queue.variable(), "a job has no queue here");
            return None;
        };
        Some(Message {
            at,
            queue: url.to_string(),
            group: fit(&job.group()).into_owned(),
            id: fit(&job.id()).into_owned(),
            is_fifo: queue.is_fifo(),
            body: Arc::from(job.to_message()),
        })
    }

    /// Puts what is too large for a queue into the bucket, before anything is sent. What cannot be put there stays as it
    /// is, and is refused.
    async fn put_aside(&self, messages: &mut [Message]) {
        let Some(files) = &self.files else { return };
        for message in messages.iter_mut().filter(|message| message.body.len() > MAX_BYTES) {
            let name = Path::from_iter([LARGE_JOBS, &message.id]);
            let body = bytes::Bytes::copy_from_slice(message.body.as_bytes());
            match files.put(&name, body).await {
                Ok(()) => {
                    let elsewhere = Elsewhere { stored_as: name.to_string() };
                    message.body = serde_json::to_string(&elsewhere).expect("it has only text").into();
                }
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "a large job could not be put into the bucket");
                }
            }
        }
    }

    /// The text of a job that was received; none where it lies nowhere any more.
    async fn text_of<'a>(&self, body: &'a str) -> Result<Option<Cow<'a, str>>> {
        let Ok(Elsewhere { stored_as }) = serde_json::from_str(body) else { return Ok(Some(Cow::Borrowed(body))) };
        let files = self.files.as_ref().context("this process was not told of the bucket, where a job lies")?;
        let name = Path::parse(&stored_as)?;
        if !name.prefix_matches(&Path::from(LARGE_JOBS)) {
            return Ok(None);
        }
        let Some(text) = files.get(&name).await? else { return Ok(None) };
        Ok(Some(Cow::Owned(String::from_utf8_lossy(&text).into_owned())))
    }

    /// Sends at most ten messages of one queue: each with its result.
    async fn send_batch<'a>(&self, batch: Vec<&'a Message>) -> Vec<(&'a Message, Result<(), NotAccepted>)> {
        let Some(first) = batch.first() else { return Vec::new() };
        if first.body.len() > MAX_BYTES {
            return batch.into_iter().map(|message| (message, Err(NotAccepted::TooLarge))).collect();
        }
        let mut request = self.client.send_message_batch().queue_url(&first.queue);
        for (i, message) in batch.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(i.to_string())
                .message_group_id(&message.group)
                // A standard queue knows no repetitions and refuses the field. [Amazon SQS API Reference: SendMessageBatch]
                .set_message_deduplication_id(message.is_fifo.then(|| message.id.clone()))
                .message_body(&*message.body)
                .build()
                .expect("an entry has an id and a body");
            request = request.entries(entry);
        }
        let limits = aws_sdk_sqs::config::Builder::default().timeout_config(Limits::SENDING.config());
        match request.customize().config_override(limits).send().await {
            Ok(answer) => {
                let is_any_taken = !answer.successful().is_empty();
                let mut results: HashMap<&str, Result<(), NotAccepted>> =
                    answer.successful().iter().map(|taken| (taken.id(), Ok(()))).collect();
                for failure in answer.failed() {
                    tracing::warn!(
                        error.code = failure.code(),
                        error.sender = failure.sender_fault(),
                        "the queue refused a job"
                    );
                    results.insert(failure.id(), Err(refusal(failure, is_any_taken)));
                }
                let result = |i: usize| results.get(i.to_string().as_str()).copied();
                let results = (0..).map(|i| result(i).unwrap_or(Err(NotAccepted::Unwritten)));
                batch.into_iter().zip(results).collect()
            }
            Err(error) => {
                tracing::warn!(jobs = batch.len(), error = %DisplayErrorContext(&error), "the queue took no jobs");
                batch.into_iter().map(|message| (message, Err(NotAccepted::Unwritten))).collect()
            }
        }
    }
}

/// Whether a job that was refused is worth another try. One whose own words are at fault never is. Whatever else is called
/// the sender's fault may lie with the queue, and then somebody repairs it; but not where others of the same request were
/// taken, unless it was just too many at once or a key that is not there for the moment.
fn refusal(failure: &BatchResultErrorEntry, is_any_taken: bool) -> NotAccepted {
    let code = failure.code().to_ascii_lowercase();
    let may_pass = code.contains("throttl") || code.contains("kms");
    if failure.sender_fault() && (code.contains("invalidmessagecontents") || is_any_taken && !may_pass) {
        NotAccepted::Refused
    } else {
        NotAccepted::Unwritten
    }
}

/// A job as SQS gets it.
struct Message {
    /// Its place among those that were sent together.
    at: usize,
    queue: String,
    group: String,
    id: String,
    is_fifo: bool,
    body: Arc<str>,
}

impl Message {
    /// What keeps its order.
    fn lane(&self) -> (&str, &str) {
        (&self.queue, &self.group)
    }
}

/// First the first of every group, then the second of every group, and so on.
fn rounds(messages: &[Message]) -> Vec<Vec<&Message>> {
    let mut rounds: Vec<Vec<&Message>> = Vec::new();
    let mut seen: HashMap<(&str, &str), usize> = HashMap::new();
    for message in messages {
        let round = seen.entry(message.lane()).or_default();
        if rounds.len() == *round {
            rounds.push(Vec::new());
        }
        rounds[*round].push(message);
        *round += 1;
    }
    rounds
}

/// Requests of one queue each, within its limits. What is too large alone is a request alone.
fn batches<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<Vec<&'a Message>> {
    let mut done = Vec::new();
    let mut open: HashMap<&str, (Vec<&Message>, usize)> = HashMap::new();
    for message in messages {
        let (batch, bytes) = open.entry(&message.queue).or_default();
        if batch.len() == BATCH || *bytes + message.body.len() > MAX_BYTES {
            done.push(std::mem::take(batch));
            *bytes = 0;
        }
        batch.push(message);
        *bytes += message.body.len();
    }
    done.extend(open.into_values().map(|(batch, _)| batch));
    done.retain(|batch| !batch.is_empty());
    done
}

/// An id as SQS takes it: letters, digits and ASCII punctuation, at most 128. What does not fit is hashed, so that equal
/// ids stay equal and different ones different.
fn fit(id: &str) -> Cow<'_, str> {
    if !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!("sha256-{}", hex::encode(Sha256::digest(id))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(at: usize, group: u8, bytes: usize) -> Message {
        let (queue, group) = (format!("q{}", group % 2), group.to_string());
        Message { at, queue, group, id: at.to_string(), is_fifo: true, body: "x".repeat(bytes).into() }
    }

    proptest! {
        #[test]
        fn every_message_travels_once_within_the_limits_and_in_order(
            groups in prop::collection::vec((0_u8..5, prop::sample::select(vec![1, 40_000, 600_000, MAX_BYTES + 1])), 0..40)
        ) {
            let messages: Vec<Message> =
                groups.iter().enumerate().map(|(at, (group, bytes))| message(at, *group, *bytes)).collect();
            let mut last: HashMap<(String, String), usize> = HashMap::new();
            let mut count = 0;
            for round in rounds(&messages) {
                let mut ends = Vec::new();
                for batch in batches(round.into_iter()) {
                    let bytes: usize = batch.iter().map(|message| message.body.len()).sum();
                    prop_assert!(batch.len() <= BATCH && (bytes <= MAX_BYTES || batch.len() == 1));
                    prop_assert!(batch.iter().all(|message| message.queue == batch[0].queue));
                    count += batch.len();
                    ends.extend(batch);
                }
                for message in ends {
                    let before = last.insert((message.queue.clone(), message.group.clone()), message.at);
                    prop_assert!(before.is_none_or(|before| before < message.at));
                }
            }
            prop_assert_eq!(count, messages.len());
        }

        #[test]
        fn every_id_fits(id in "\\PC{0,200}") {
            let fitted = fit(&id);
            prop_assert!((1..=MAX_ID).contains(&fitted.len()) && fitted.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }

    #[test]
    fn a_job_is_given_up_only_where_it_is_at_fault_itself() {
        let is_final = |code: &str, is_senders: bool, is_any_taken: bool| {
            let failure = BatchResultErrorEntry::builder().id("0").code(code).sender_fault(is_senders).build().unwrap();
            matches!(refusal(&failure, is_any_taken), NotAccepted::Refused)
        };
        assert!(is_final("InvalidMessageContents", true, false));
        assert!(is_final("InvalidParameterValue", true, true));
        assert!(!is_final("InvalidParameterValue", true, false), "perhaps it is the queue");
        for passing in ["RequestThrottled", "ThrottlingException", "KMS.DisabledException", "KmsAccessDenied"] {
            assert!(!is_final(passing, true, true), "{passing}");
        }
        assert!(!is_final("InternalError", false, true) && !is_final("ServiceUnavailable", false, false));
    }

    #[test]
    fn whatever_discord_brings_fits_into_a_message() {
        // The sign that takes most room, and one character more than a question may have, by which its length is judged.
        let text = "\u{1}".repeat(crate::question::MAX_CHARS + 1);
        let question = serde_json::json!({
            "v": 1, "job": "answer", "id": u64::MAX, "place": {"guild": "2"}, "conversation": "3-4", "text": text,
            "asker": "\u{1}".repeat(80), "locale": null, "asked_at": "2026-11-24T10:00:00Z", "reply_to": "caller",
        });
        let question = Job::from_message(&question.to_string()).unwrap();
        assert!(question.to_message().len() * 20 < MAX_BYTES);
    }

    #[test]
    fn what_fits_stays_and_what_does_not_stays_different() {
        assert_eq!(fit("conversation-3-4"), "conversation-3-4");
        assert_ne!(fit("api-local-größer"), fit("api-local-grösser"));
        assert_ne!(fit(&"a".repeat(129)), fit(&"a".repeat(130)));
    }

    #[tokio::test]
    async fn a_queue_is_known_by_its_name_and_only_where_it_was_told() {
        let url = |name| Some(format!("https://sqs.eu-west-1.amazonaws.com/123456789012/{name}").parse().unwrap());
        let config = QueueConfig { questions: url("questions.fifo"), moderation: url("moderation"), ingest: None };
        let client = aws_sdk_sqs::Config::builder().behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest());
        let jobs = Jobs::new(Client::from_conf(client.build()), &config, None);
        assert_eq!(jobs.queue_named("questions.fifo"), Some(Queue::Questions));
        assert_eq!(jobs.queue_named("moderation"), Some(Queue::Moderation));
        for name in ["ingest.fifo", "questions", ""] {
            assert_eq!(jobs.queue_named(name), None, "{name}");
        }
    }

    #[test]
    fn a_reference_is_no_job_and_a_job_is_no_reference() {
        let reference = serde_json::to_string(&Elsewhere { stored_as: "jobs/answer-1".to_owned() }).unwrap();
        assert!(Job::from_message(&reference).is_err());
        let index = Job::Index { account: crate::ids::AccountId::local(), request: "1".to_owned() };
        assert!(serde_json::from_str::<Elsewhere>(&index.to_message()).is_err());
    }
}
