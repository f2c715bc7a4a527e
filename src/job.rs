//! Work between doors: the wire format of a queue message, and what each kind of job does.

pub mod local; // the queue of a single machine
mod pause; // between the attempts at a job
mod queue;
pub mod sqs; // the queues on AWS

pub use queue::{Jobs, NotAccepted};

use crate::answer;
use crate::bot::Bot;
use crate::events::{Event, Events};
use crate::ids::{AccountId, ConversationId, SourceId};
use crate::notify;
use crate::question::{Place, Question, ReplyTo, Said};
use crate::store::Delivery;
use anyhow::{Result, bail};
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, ChannelMarker, GuildMarker, MessageMarker},
};

/// The version of the wire format. A reader takes every version up to its own; fields are only ever added.
const VERSION: u8 = 1;

/// An e-mail that comes later is of little use; a mail server that knows a sender not yet lets it wait for minutes.
const TOLD_WITHIN: SignedDuration = SignedDuration::from_hours(4);

/// One piece of work, as a queue carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case")]
pub enum Job {
    /// Answer a question.
    Answer(Box<Question>),
    /// A message that was taken for a question has new words: if it is not answered yet, these are answered.
    Edited {
        /// The message.
        message_id: Id<MessageMarker>,
        /// Its words now.
        text: String,
        /// When it was given them: somebody may change their mind twice and come back to the same words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        edited_at: Option<Timestamp>,
        /// The server that it is in; none in private.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        guild_id: Option<Id<GuildMarker>>,
    },
    /// A message that was taken for a question is gone: it is not answered, or its answer goes too.
    Deleted {
        /// The application whose bot heard it.
        application_id: Id<ApplicationMarker>,
        /// Where it was.
        channel_id: Id<ChannelMarker>,
        /// The message.
        message_id: Id<MessageMarker>,
        /// The server that it was in; none in private.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        guild_id: Option<Id<GuildMarker>>,
    },
    /// Tell somebody why a message of theirs is not answered.
    Notify(Box<Notify>),
    /// Remember what was said, where a channel is one conversation of everybody, though nobody answers it.
    Remember(Box<Remark>),
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
        /// Which part of the reading this is, where one job is not enough for it; the first is 0.
        #[serde(default, skip_serializing_if = "is_first")]
        part: u32,
    },
    /// Bring an account's index up to date with its sources.
    Index {
        /// Whose index.
        account: AccountId,
        /// Tells one request for an update from the next, so that a queue does not drop the second as a repetition.
        request: String,
    },
    /// Tell people of an event: what the bus does on AWS, one machine does by its queue.
    Tell {
        /// What happened.
        event: Box<Event>,
    },
}

/// A notice to whoever wrote a message. It costs no message of the quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// Where.
    pub place: Place,
    /// The message; a [`ReplyTo::Message`].
    pub reply_to: ReplyTo,
    /// What the message said, to speak its language.
    pub text: String,
    /// The language to speak where that cannot be told, as Discord names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// What is told.
    pub notice: Notice,
}

/// What somebody said in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The application whose bot heard it.
    pub application_id: Id<ApplicationMarker>,
    /// The server.
    pub guild_id: Id<GuildMarker>,
    /// The channel or thread.
    pub channel_id: Id<ChannelMarker>,
    /// The message; without words if it is to be forgotten.
    pub said: Said,
    /// How whoever said it is called; data, never instructions.
    pub author: String,
    /// When it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
}

/// Why a message is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// The person has asked less than so many seconds ago.
    Cooldown {
        /// The pause that the server asks for.
        seconds: u32,
    },
    /// The conversation had as many questions within an hour as the server allows.
    TooMany {
        /// The bound.
        per_hour: u32,
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
        let message =
            serde_json::to_string(&Envelope { v: VERSION, job: self }).expect("a job has only text keys and no cycles");
        // The two characters that JSON takes as they are and SQS refuses for good. They can only stand within text.
        // [Amazon SQS API Reference: SendMessage]
        if message.contains(['\u{fffe}', '\u{ffff}']) {
            return message.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff");
        }
        message
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
            // The same message with others before or behind it is another question: what is told apart again by claims.
            Self::Answer(question) => match question.messages.as_slice() {
                [_, .., last] => format!("answer-{}-{}", question.id, last.id),
                _ => format!("answer-{}", question.id),
            },
            Self::Edited { message_id, text, edited_at, .. } => {
                format!("edited-{message_id}-{}{}", fingerprint(text), at(*edited_at))
            }
            // Two bots may have answered one message, and each can only take its own answer away.
            Self::Deleted { application_id, message_id, .. } => format!("deleted-{application_id}-{message_id}"),
            Self::Notify(notify) => format!("notify-{}", notify.message()),
            Self::Remember(remark) => {
                let Remark { application_id, said, edited_at, .. } = &**remark;
                format!("remember-{application_id}-{}-{}{}", said.id, fingerprint(&said.text), at(*edited_at))
            }
            Self::Read { account, source, asked_at, part } => {
                let part = if is_first(part) { String::new() } else { format!("-{part}") };
                format!("read-{account}-{source}-{}{part}", asked_at.as_nanosecond())
            }
            Self::Index { account, request } => format!("index-{account}-{request}"),
            Self::Tell { event } => format!("tell-{}", event.id),
        }
    }

    /// Until when it is worth trying, however often it fails: somebody waits that long.
    pub fn worth_trying_until(&self) -> Option<Timestamp> {
        match self {
            Self::Answer(question) => Some(question.gives_up_at()),
            Self::Tell { event } => Some(event.at + TOLD_WITHIN),
            _ => None,
        }
    }

    /// Jobs of one group run one after the other.
    pub fn group(&self) -> String {
        match self {
            Self::Answer(question) => format!("conversation-{}", question.conversation),
            // Not behind the answer that it is to change or prevent.
            Self::Edited { message_id, .. } => format!("message-{message_id}"),
            Self::Deleted { application_id, message_id, .. } => format!("message-{application_id}-{message_id}"),
            // Before the next question, which may be about it.
            Self::Remember(remark) => format!("conversation-{}", ConversationId::of_channel(remark.channel_id.get())),
            Self::Notify(notify) => format!("notify-{}", notify.message()),
            Self::Read { account, source, .. } => format!("source-{account}-{source}"),
            Self::Index { account, .. } => format!("index-{account}"),
            Self::Tell { event } => format!("tell-{}", event.id),
        }
    }
}

impl Notify {
    fn message(&self) -> u64 {
        match &self.reply_to {
            ReplyTo::Message { message_id, .. } => message_id.get(),
            ReplyTo::Interaction { .. } | ReplyTo::Caller => 0,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "that is how serde asks")]
fn is_first(part: &u32) -> bool {
    *part == 0
}

/// Tells changes apart that come back to the same words.
fn at(time: Option<Timestamp>) -> String {
    time.map(|time| format!("-{}", time.as_millisecond())).unwrap_or_default()
}

/// Tells texts apart that would not fit into an id.
fn fingerprint(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..8])
}

/// How jobs are done: [`run`], or one of its parts where a program takes only such jobs and need not link the others. A job
/// may come again, after it was done or after it was killed anywhere; an error means "try again later".
pub type Work = for<'a> fn(&'a Bot, &'a Job, &'a Delivery, Timestamp) -> BoxFuture<'a, Result<()>>;

/// Does any job.
pub fn run<'a>(bot: &'a Bot, job: &'a Job, delivery: &'a Delivery, now: Timestamp) -> BoxFuture<'a, Result<()>> {
    match job {
        Job::Read { .. } | Job::Index { .. } => learn(bot, job, delivery, now),
        Job::Tell { event } => Box::pin(tell(bot, event, now)),
        _ => converse(bot, job, delivery, now),
    }
}

/// Does a job that came of what people say, and refuses any other.
pub fn converse<'a>(bot: &'a Bot, job: &'a Job, delivery: &'a Delivery, now: Timestamp) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        match job {
            Job::Answer(question) => {
                let began = std::time::Instant::now();
                let outcome = Box::pin(answer::run(bot, question, delivery, now)).await?;
                let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::info!(question.id = %question.id, attempt = delivery.attempt, ?outcome, duration_ms, "a question is done");
                Ok(())
            }
            Job::Edited { message_id, text, .. } => answer::edited(bot, *message_id, text, now).await,
            Job::Deleted { application_id, channel_id, message_id, .. } => {
                answer::withdrawn(bot, *application_id, *channel_id, *message_id, now).await
            }
            Job::Remember(remark) => answer::remember(bot, remark).await,
            Job::Notify(notify) => Box::pin(answer::notify(bot, notify, delivery, now)).await.map(drop),
            Job::Read { .. } | Job::Index { .. } => bail!("a source came to where only questions are answered"),
            Job::Tell { .. } => bail!("an event came by the queue, where there is a bus for it"),
        }
    })
}

/// Does a job that changes what is known, and refuses any other.
pub fn learn<'a>(bot: &'a Bot, job: &'a Job, _: &'a Delivery, now: Timestamp) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        match job {
            Job::Read { account, source, asked_at, part } => {
                Box::pin(bot.knowledge.read(account, source, (*asked_at, *part), &bot.jobs, now)).await
            }
            Job::Index { account, .. } => bot.knowledge.publish(account, now).await,
            _ => bail!("a job came to where only sources are worked on"),
        }
    })
}

async fn tell(bot: &Bot, event: &Event, now: Timestamp) -> Result<()> {
    match &bot.events {
        Events::Local(mailer) => Box::pin(notify::run(&bot.store, mailer, event, now)).await,
        Events::EventBridge { .. } => bail!("an event came by the queue, where there is a bus for it"),
    }
}

/// Tells whoever waits for a job that it will not be done: it has failed too often.
pub(crate) async fn give_up(bot: &Bot, job: &Job, delivery: &Delivery, now: Timestamp) -> Result<()> {
    match job {
        Job::Answer(question) => Box::pin(answer::give_up(bot, question, delivery, now)).await.map(drop),
        // A message that stays, or a notice that does not come: nobody waits for either.
        Job::Edited { .. } | Job::Deleted { .. } | Job::Notify(_) | Job::Remember(_) | Job::Tell { .. } => Ok(()),
        Job::Read { account, source, .. } => bot.knowledge.give_up_reading(account, source).await,
        Job::Index { account, .. } => bot.knowledge.give_up_publishing(account).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::QuestionId;
    use crate::question::Heard;

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
            messages: Vec::new(),
            heard: Heard::Directly,
        }))
    }

    /// What older and newer programs must go on understanding: change it only by adding fields.
    #[test]
    fn the_wire_format_stays() {
        insta::assert_snapshot!(question().to_message(), @r#"{"v":1,"job":"answer","id":1300000000000000001,"place":{"guild":"2"},"conversation":"3-4","text":"How long is the warranty?","asker":"Ann","locale":"en-GB","asked_at":"2026-11-24T10:00:00Z","reply_to":{"interaction":{"application_id":"5","token":"token","private":false}}}"#);
        let asked_at = "2026-11-24T10:00:00Z".parse().unwrap();
        let read = Job::Read { account: AccountId::local(), source: SourceId("src-1".to_owned()), asked_at, part: 0 };
        insta::assert_snapshot!(read.to_message(), @r#"{"v":1,"job":"read","account":"local","source":"src-1","asked_at":"2026-11-24T10:00:00Z"}"#);
        let older = r#"{"v":1,"job":"read","account":"local","source":"src-1"}"#;
        assert!(matches!(Job::from_message(older), Ok(Job::Read { part: 0, .. })));
        let next = Job::Read { account: AccountId::local(), source: SourceId("src-1".to_owned()), asked_at, part: 2 };
        insta::assert_snapshot!(next.to_message(), @r#"{"v":1,"job":"read","account":"local","source":"src-1","asked_at":"2026-11-24T10:00:00Z","part":2}"#);
        assert!(next.id() == format!("{}-2", read.id()) && next.group() == read.group());
        let index = Job::Index { account: AccountId::local(), request: "7".to_owned() };
        insta::assert_snapshot!(index.to_message(), @r#"{"v":1,"job":"index","account":"local","request":"7"}"#);
        let event = Box::new(Event::quota(AccountId::local(), "2026-11", 80, 2_500, asked_at));
        let tell = Job::Tell { event };
        insta::assert_snapshot!(tell.to_message(), @r#"{"v":1,"job":"tell","event":{"v":1,"id":"quota-local-2026-11-2500-80","at":"2026-11-24T10:00:00Z","account":"local","kind":"quota","month":"2026-11","percent":80,"limit":2500}}"#);
        assert_eq!(Job::from_message(&tell.to_message()), Ok(tell));
    }

    /// The same for what became of a message.
    #[test]
    fn the_wire_format_of_changes_stays() {
        let edited_at = Some("2026-11-24T10:00:05.25Z".parse().unwrap());
        let edited = Job::Edited { message_id: Id::new(7), text: "how wide?".to_owned(), edited_at, guild_id: None };
        insta::assert_snapshot!(edited.to_message(), @r#"{"v":1,"job":"edited","message_id":"7","text":"how wide?","edited_at":"2026-11-24T10:00:05.25Z"}"#);
        let older = r#"{"v":1,"job":"edited","message_id":"7","text":"how wide?"}"#;
        let unedited =
            Job::Edited { message_id: Id::new(7), text: "how wide?".to_owned(), edited_at: None, guild_id: None };
        assert_eq!(Job::from_message(older), Ok(unedited.clone()));
        assert_eq!(unedited.to_message(), older);
        let of_server = Job::Deleted {
            application_id: Id::new(5),
            channel_id: Id::new(3),
            message_id: Id::new(7),
            guild_id: Some(Id::new(2)),
        };
        insta::assert_snapshot!(of_server.to_message(), @r#"{"v":1,"job":"deleted","application_id":"5","channel_id":"3","message_id":"7","guild_id":"2"}"#);
        assert_eq!(Job::from_message(&of_server.to_message()), Ok(of_server));
        insta::assert_snapshot!(deleted(5).to_message(), @r#"{"v":1,"job":"deleted","application_id":"5","channel_id":"3","message_id":"7"}"#);
        let remark = Job::Remember(Box::new(Remark {
            application_id: Id::new(5),
            guild_id: Id::new(2),
            channel_id: Id::new(3),
            said: Said { id: Id::new(7), text: "lol".to_owned() },
            author: "Ann".to_owned(),
            edited_at: None,
        }));
        insta::assert_snapshot!(remark.to_message(), @r#"{"v":1,"job":"remember","application_id":"5","guild_id":"2","channel_id":"3","said":{"id":"7","text":"lol"},"author":"Ann"}"#);
        assert_eq!(Job::from_message(&remark.to_message()), Ok(remark));
    }

    fn deleted(application: u64) -> Job {
        Job::Deleted {
            application_id: Id::new(application),
            channel_id: Id::new(3),
            message_id: Id::new(7),
            guild_id: None,
        }
    }

    #[test]
    fn each_bot_takes_its_own_answer_away() {
        assert_ne!(deleted(5).id(), deleted(6).id());
        assert_ne!(deleted(5).group(), deleted(6).group());
        assert_eq!(deleted(5).id(), deleted(5).id());
    }

    #[test]
    fn words_that_come_back_are_another_change() {
        let edited = |second: i64, text: &str| {
            let edited_at = Timestamp::from_second(second).ok();
            Job::Edited { message_id: Id::new(7), text: text.to_owned(), edited_at, guild_id: None }.id()
        };
        assert_ne!(edited(1, "how long?"), edited(3, "how long?"));
        assert_ne!(edited(1, "how long?"), edited(1, "how wide?"));
        assert_eq!(edited(1, "how long?"), edited(1, "how long?"));
    }

    #[test]
    fn a_job_survives_the_queue() {
        assert_eq!(Job::from_message(&question().to_message()), Ok(question()));
    }

    #[test]
    fn a_message_has_no_character_that_a_queue_refuses() {
        let Job::Answer(mut asked) = question() else { panic!("it is one") };
        asked.text = "a\u{fffe}b\u{ffff}c".to_owned();
        let message = Job::Answer(asked.clone()).to_message();
        assert!(!message.contains(['\u{fffe}', '\u{ffff}']), "{message}");
        assert_eq!(Job::from_message(&message), Ok(Job::Answer(asked)));
    }

    #[test]
    fn unknown_versions_and_nonsense_are_told_apart() {
        assert_eq!(Job::from_message(r#"{"v":9,"job":"dance"}"#), Err(Unreadable::Version(9)));
        assert_eq!(Job::from_message(r#"{"v":1,"job":"dance"}"#), Err(Unreadable::Shape));
        assert_eq!(Job::from_message("hello"), Err(Unreadable::Shape));
    }
}
