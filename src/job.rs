//! Work between doors: the wire format of a queue message, and what each kind of job does.

pub mod local;

use crate::answer;
use crate::bot::Bot;
use crate::ids::{AccountId, SourceId};
use crate::question::Question;
use crate::store::Delivery;
use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of the wire format. A reader takes every version up to its own; fields are only ever added.
const VERSION: u8 = 1;

/// One piece of work, as a queue carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Answer a question.
    Answer(Box<Question>),
    /// Read a source: fetch or decode it, extract and split it, embed it.
    Read {
        /// Whose it is.
        account: AccountId,
        /// Which one.
        source: SourceId,
        /// When it was asked for. A request that comes while the source is being read is no repetition: what is being
        /// read may be older than the request.
        #[serde(default)]
        asked_at: Timestamp,
    },
    /// Bring an account's index up to date with its sources.
    Index {
        /// Whose index.
        account: AccountId,
        /// Tells one request for an update from the next, so that a queue does not drop the second as a repetition.
        request: String,
    },
}

/// A job with its version, as it is written down.
#[derive(Serialize, Deserialize)]
struct Envelope<J> {
    v: u8,
    #[serde(flatten)]
    job: J,
}

/// Why a queue message is no job for this version.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Written by a newer version.
    #[error("the job has version {0}, newer than this program knows")]
    Version(u8),
    /// Not a job at all.
    #[error("the message is not a job")]
    Shape,
}

impl Job {
    /// The queue message.
    pub fn to_message(&self) -> String {
        serde_json::to_string(&Envelope { v: VERSION, job: self }).expect("a job has only text keys and no cycles")
    }

    /// Reads a queue message.
    pub fn from_message(message: &str) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Head {
            v: u8,
        }
        let head: Head = serde_json::from_str(message).map_err(|_| Unreadable::Shape)?;
        if head.v > VERSION {
            return Err(Unreadable::Version(head.v));
        }
        serde_json::from_str::<Envelope<Self>>(message).map(|envelope| envelope.job).map_err(|_| Unreadable::Shape)
    }

    /// The same job has the same id, however often it is sent: what queues drop repetitions by.
    pub fn id(&self) -> String {
        match self {
            Self::Answer(question) => format!("answer-{}", question.id),
            Self::Read { account, source, asked_at } => format!("read-{account}-{source}-{}", asked_at.as_nanosecond()),
            Self::Index { account, request } => format!("index-{account}-{request}"),
        }
    }

    /// Jobs of one group run one after the other.
    pub fn group(&self) -> String {
        match self {
            Self::Answer(question) => format!("conversation-{}", question.conversation),
            Self::Read { account, source, .. } => format!("source-{account}-{source}"),
            Self::Index { account, .. } => format!("index-{account}"),
        }
    }
}

/// Does a job. It may come again, after it was done or after it was killed anywhere; an error means "try again later".
pub async fn run(bot: &Bot, job: &Job, delivery: &Delivery, now: Timestamp) -> Result<()> {
    match job {
        Job::Answer(question) => {
            let began = std::time::Instant::now();
            let outcome = Box::pin(answer::run(bot, question, delivery, now)).await?;
            let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(question.id = %question.id, attempt = delivery.attempt, ?outcome, duration_ms, "a question is done");
            Ok(())
        }
        Job::Read { account, source, asked_at } => bot.knowledge.read(account, source, *asked_at, &bot.jobs, now).await,
        Job::Index { account, .. } => bot.knowledge.publish(account, now).await,
    }
}

/// Tells whoever waits for a job that it will not be done: it has failed too often.
pub(crate) async fn give_up(bot: &Bot, job: &Job) -> Result<()> {
    match job {
        // Its asker got an apology with the last attempt.
        Job::Answer(_) => Ok(()),
        Job::Read { account, source, .. } => bot.knowledge.give_up_reading(account, source).await,
        Job::Index { account, .. } => bot.knowledge.give_up_publishing(account).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ConversationId, QuestionId};
    use crate::question::{Place, ReplyTo};
    use twilight_model::id::Id;

    fn question() -> Job {
        Job::Answer(Box::new(Question {
            id: QuestionId(1_300_000_000_000_000_001),
            place: Place::Guild(Id::new(2)),
            conversation: ConversationId::of_person(3, 4),
            text: "How long is the warranty?".to_owned(),
            asker: "Ann".to_owned(),
            locale: Some("en-GB".to_owned()),
            asked_at: "2026-11-24T10:00:00Z".parse().unwrap(),
            reply_to: ReplyTo::Interaction { application_id: Id::new(5), token: "token".to_owned(), private: false },
        }))
    }

    /// What older and newer programs must go on understanding: change it only by adding fields.
    #[test]
    fn the_wire_format_stays() {
        insta::assert_snapshot!(question().to_message(), @r#"{"v":1,"job":"answer","id":1300000000000000001,"place":{"guild":"2"},"conversation":"3-4","text":"How long is the warranty?","asker":"Ann","locale":"en-GB","asked_at":"2026-11-24T10:00:00Z","reply_to":{"interaction":{"application_id":"5","token":"token","private":false}}}"#);
        let asked_at = "2026-11-24T10:00:00Z".parse().unwrap();
        let read = Job::Read { account: AccountId::local(), source: SourceId("src-1".to_owned()), asked_at };
        insta::assert_snapshot!(read.to_message(), @r#"{"v":1,"job":"read","account":"local","source":"src-1","asked_at":"2026-11-24T10:00:00Z"}"#);
        let older = r#"{"v":1,"job":"read","account":"local","source":"src-1"}"#;
        assert!(matches!(Job::from_message(older), Ok(Job::Read { .. })));
        let index = Job::Index { account: AccountId::local(), request: "7".to_owned() };
        insta::assert_snapshot!(index.to_message(), @r#"{"v":1,"job":"index","account":"local","request":"7"}"#);
    }

    #[test]
    fn a_job_survives_the_queue() {
        assert_eq!(Job::from_message(&question().to_message()), Ok(question()));
    }

    #[test]
    fn unknown_versions_and_nonsense_are_told_apart() {
        assert_eq!(Job::from_message(r#"{"v":9,"job":"dance"}"#), Err(Unreadable::Version(9)));
        assert_eq!(Job::from_message(r#"{"v":1,"job":"dance"}"#), Err(Unreadable::Shape));
        assert_eq!(Job::from_message("hello"), Err(Unreadable::Shape));
    }
}
