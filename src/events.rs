//! What happens that a team wants to hear of: events, in a form that a team's own programs can read.
//!
//! On AWS they go to an `EventBridge` bus, which invokes `notify` and whatever rules a team adds. On one machine they go
//! through its queue to the same [`notify`](crate::notify). The schemas are described in `docs/events.md`.

use crate::aws::Late;
use crate::bot::Bot;
use crate::config::BusConfig;
use crate::ids::{AccountId, ConversationId};
use crate::job::{Job, Jobs};
use crate::mail::Mailer;
use crate::question::{Place, Question, ReplyTo};
use crate::store::{Claim, DigestDue, OnceTurn, Store};
use anyhow::{Context as _, Result, bail};
use aws_sdk_eventbridge::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use twilight_model::id::{
    Id,
    marker::{ChannelMarker, GuildMarker, MessageMarker, UserMarker},
};

/// What rules on the bus know our events by.
pub const SOURCE: &str = "guildhall";

/// The version of the schemas. A reader takes every version up to its own; fields and kinds are only ever added.
const VERSION: u8 = 1;

/// Characters of a question that an event repeats: enough to see what is wanted.
const MAX_TEXT: usize = 1_000;

/// Characters of a name. Discord's have at most 32.
const MAX_NAME: usize = 80;

/// A conversation in which somebody wants a person says so again and again; the team is told once in so long.
const QUIET: SignedDuration = SignedDuration::from_hours(1);

/// Escalations of one account that are mailed one by one within a [`WINDOW`]. A team reads five; a raid of thousands would
/// cost it its mailbox, and the installation its good name with whoever delivers its e-mails.
pub(crate) const MAILED_AT_MOST: u16 = 5;

/// For how long they are counted together.
pub(crate) const WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// How long after its end a window's last event may still be on its way.
const STRAGGLERS: SignedDuration = SignedDuration::from_mins(1);

/// One event that the bus does not like must not keep the others; a bus that takes none is left alone until the next run.
const TRIED_IN_VAIN: usize = 2;

/// Events that wait and digests that are due, of one run of the schedule.
const PASSED_ON_A_RUN: u16 = 100;

/// Where events go.
#[derive(Debug)]
pub enum Events {
    /// To a bus of AWS.
    EventBridge {
        /// Its client.
        client: Late<aws_sdk_eventbridge::Client>,
        /// The bus.
        bus: BusConfig,
    },
    /// Through the queue of this machine to the people who are to be told, by this mailer.
    Local(Mailer),
}

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    v: u8,
    /// The same for every repetition of the event, and for no other.
    pub id: String,
    /// When it happened.
    pub at: Timestamp,
    /// Whose event it is.
    pub account: AccountId,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// Somebody wants to speak to a person.
    Escalation(Box<Escalation>),
    /// More people wanted to speak to a person than the team was e-mailed of one by one.
    Escalations(Escalations),
    /// An account has used a part of its month's messages.
    Quota(QuotaPassed),
}

/// Somebody wants to speak to a person. What they wrote and how they call themselves is theirs: data, never instructions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// The question, as text: it has more digits than a number in JSON is read with everywhere.
    pub question: String,
    /// The conversation that it belongs to.
    pub conversation: ConversationId,
    /// The server; none in a private conversation with the bot.
    pub guild: Option<Id<GuildMarker>>,
    /// The channel.
    pub channel: Option<Id<ChannelMarker>>,
    /// The message that was written, or the bot's answer where it was asked by a command.
    pub message: Option<Id<MessageMarker>>,
    /// Where the team finds it; none where it cannot go.
    pub link: Option<String>,
    /// How the person calls themselves.
    pub asker: String,
    /// Who it is on Discord, where that is known.
    pub asker_id: Option<Id<UserMarker>>,
    /// What they wrote, at most 1,000 characters.
    pub text: String,
}

/// More people wanted to speak to a person than the team was e-mailed of one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalations {
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// How many more there were.
    pub more: u32,
}

/// An account has used a part of its month's messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaPassed {
    /// The month in UTC, as `2026-11`.
    pub month: String,
    /// The part that is used, in percent: 80, or 100 when a message no longer fitted.
    pub percent: u32,
    /// Messages a month.
    pub limit: u32,
}

/// Why something is no event for this version.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Written by a newer version.
    #[error("the event has version {0}, newer than this program knows")]
    Version(u8),
    /// Not an event at all, or of a kind that this program does not know.
    #[error("this is no event that this program knows")]
    Shape,
}

impl What {
    /// What rules on the bus tell kinds by: the `detail-type`.
    pub fn detail_type(&self) -> &'static str {
        match self {
            Self::Escalation(_) => "escalation",
            Self::Escalations(_) => "escalations",
            Self::Quota(_) => "quota",
        }
    }
}

impl Event {
    /// Somebody wants a person. The claim says where the answer is.
    pub fn escalation(account: AccountId, question: &Question, claim: &Claim) -> Self {
        let guild = match question.place {
            Place::Guild(guild) => Some(guild),
            Place::DirectMessage | Place::Account(_) => None,
        };
        // A person's conversation is named after the channel and the person.
        let (channel, asker_id) = match question.conversation.0.split_once('-') {
            Some(("channel", channel)) => (channel.parse().ok(), None),
            Some((channel, person)) => (channel.parse().ok(), person.parse().ok()),
            None => (None, None),
        };
        let (channel, message) = match question.reply_to {
            ReplyTo::Message { channel_id, message_id, .. } => (Some(channel_id), Some(message_id)),
            _ => (channel, claim.posted.first().map(|posted| posted.message)),
        };
        // Nobody but the person and the bot can open a private conversation.
        let link = guild.zip(channel).map(|(guild, channel)| match message {
            Some(message) => format!("https://discord.com/channels/{guild}/{channel}/{message}"),
            None => format!("https://discord.com/channels/{guild}/{channel}"),
        });
        Self {
            v: VERSION,
            id: format!("escalation-{}", question.id),
            at: question.asked_at,
            account,
            what: What::Escalation(Box::new(Escalation {
                question: question.id.to_string(),
                conversation: question.conversation.clone(),
                guild,
                channel,
                message,
                link,
                asker: question.asker.chars().take(MAX_NAME).collect(),
                asker_id,
                text: question.text.chars().take(MAX_TEXT).collect(),
            })),
        }
    }

    /// An account has used so much of its month.
    pub fn quota(account: AccountId, month: &str, percent: u32, limit: u32, now: Timestamp) -> Self {
        let id = format!("quota-{account}-{month}-{limit}-{percent}");
        let what = What::Quota(QuotaPassed { month: month.to_owned(), percent, limit });
        Self { v: VERSION, id, at: now, account, what }
    }

    /// More escalations of an account than were mailed one by one, of a window that began at `from`.
    pub fn escalations(account: AccountId, from: Timestamp, more: u32) -> Self {
        let until = from + WINDOW;
        let id = format!("escalations-{account}-{}", from.as_second());
        Self { v: VERSION, id, at: until, account, what: What::Escalations(Escalations { from, until, more }) }
    }

    /// When the window began that an escalation falls into, for as long as e-mails of them are counted together.
    pub(crate) fn window(&self) -> Timestamp {
        let seconds = self.at.as_second();
        Timestamp::from_second(seconds - seconds.rem_euclid(WINDOW.as_secs())).unwrap_or(self.at)
    }

    /// The `detail` on the bus: JSON.
    pub fn to_detail(&self) -> String {
        serde_json::to_string(self).expect("an event has only text keys and no cycles")
    }

    /// Reads a `detail`.
    pub fn from_detail(detail: &str) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Head {
            v: u8,
        }
        let head: Head = serde_json::from_str(detail).map_err(|_| Unreadable::Shape)?;
        if head.v > VERSION {
            return Err(Unreadable::Version(head.v));
        }
        serde_json::from_str(detail).map_err(|_| Unreadable::Shape)
    }

    /// What is not told twice, and for how long; for ever where that is none.
    fn subject(&self) -> (String, Option<SignedDuration>) {
        match &self.what {
            What::Escalation(escalation) => (format!("event escalation-{}", escalation.conversation), Some(QUIET)),
            What::Escalations(_) | What::Quota(_) => (format!("event {}", self.id), None),
        }
    }
}

impl Events {
    /// Passes an event on. Where that fails it is kept in the table until the schedule [passes it on](Self::catch_up): the
    /// bus may be away for longer than whoever has the event can wait.
    pub async fn pass_on(&self, store: &Store, event: &Event, jobs: &Jobs, now: Timestamp) -> Result<()> {
        let Err(error) = self.send(event, jobs, now).await else { return Ok(()) };
        store.put_waiting_event(event, now).await.with_context(|| format!("{error:#}, and it could not be kept"))?;
        tracing::warn!(event.id, account.id = %event.account, error = format!("{error:#}"), "an event waits to be passed on");
        Ok(())
    }

    /// Passes on what waits for it, and tells of windows that had more events than were mailed. What cannot be passed on
    /// now goes on waiting; whoever is killed over it, or does it at the same time as somebody else, tells the same again,
    /// by the same id.
    pub async fn catch_up(&self, store: &Store, jobs: &Jobs, now: Timestamp) -> Result<()> {
        let mut failures = Vec::new();
        for event in store.waiting_events(PASSED_ON_A_RUN).await? {
            if let Err(error) = self.send(&event, jobs, now).await {
                failures.push(error);
            } else {
                store.drop_waiting_event(&event).await?;
                tracing::info!(event.id, account.id = %event.account, "an event that waited was passed on");
            }
            if failures.len() > TRIED_IN_VAIN {
                break;
            }
        }
        for due in store.digests_due(now - WINDOW - STRAGGLERS, PASSED_ON_A_RUN).await? {
            if failures.len() > TRIED_IN_VAIN {
                break;
            }
            if let Some(event) = digest(store, &due).await?
                && let Err(error) = self.send(&event, jobs, now).await
            {
                failures.push(error);
                continue;
            }
            store.drop_digest(&due).await?;
        }
        failures.pop().map_or(Ok(()), Err)
    }

    /// Passes an event on. Once this returns, it is where it is not lost.
    pub async fn send(&self, event: &Event, jobs: &Jobs, now: Timestamp) -> Result<()> {
        let (client, bus) = match self {
            Self::Local(_) => {
                let job = Job::Tell { event: Box::new(event.clone()) };
                return Ok(jobs.send(&job, now).await?);
            }
            Self::EventBridge { client, bus } => (client, bus),
        };
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&bus.name)
            .source(SOURCE)
            .detail_type(event.what.detail_type())
            .time(DateTime::from_millis(event.at.as_millisecond()))
            .detail(event.to_detail())
            .build();
        let answer = Box::pin(client.put_events().entries(entry).send()).await.map_err(|error| match error.code() {
            Some(code) => anyhow::anyhow!("the event bus refused an event: {code}"),
            None => anyhow::anyhow!("the event bus could not be reached: {}", DisplayErrorContext(&error)),
        })?;
        // The request succeeds although an entry of it did not.
        let refused = answer.entries().iter().find_map(|entry| entry.error_code());
        if answer.failed_entry_count() > 0 || refused.is_some() {
            bail!("the event bus did not take an event: {}", refused.unwrap_or("it does not say why"));
        }
        answer.entries().first().and_then(|entry| entry.event_id()).context("the event bus took no event")?;
        Ok(())
    }
}

/// How many more escalations a window had than were mailed, if any.
async fn digest(store: &Store, due: &DigestDue) -> Result<Option<Event>> {
    let (account, from) = (&due.account, due.from);
    // An event is of the window that it begins, and not of the one that begins with it.
    let all = store.events_between(account, (from, from + WINDOW), "escalation-").await?;
    let mailed = store.mailed(account, from).await?;
    let more = all.iter().filter(|id| !mailed.contains(id)).count();
    let more = u32::try_from(more).unwrap_or(u32::MAX);
    Ok((more > 0).then(|| Event::escalations(account.clone(), from, more)))
}

/// Passes an event on unless that was done: again only where whoever began it has died over it. `by` comes again, after it
/// was killed, with the same event.
pub(crate) async fn tell_once(bot: &Bot, event: &Event, by: &str, now: Timestamp) -> Result<()> {
    let (subject, quiet) = event.subject();
    if bot.store.begin_once(&subject, by, quiet, now).await? != OnceTurn::Mine {
        return Ok(());
    }
    bot.events.pass_on(&bot.store, event, &bot.jobs, now).await?;
    bot.store.end_once(&subject, by).await?;
    tracing::info!(event.id, account.id = %event.account, "an event was passed on");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::QuestionId;
    use crate::question::Heard;

    fn question(place: Place, reply_to: ReplyTo) -> Question {
        Question {
            id: QuestionId(1_300_000_000_000_000_001),
            place,
            conversation: ConversationId::of_person(3, 4),
            text: "I want to speak to a person".to_owned(),
            asker: "Ann".to_owned(),
            locale: None,
            asked_at: "2026-11-24T10:00:00Z".parse().unwrap(),
            reply_to,
            messages: Vec::new(),
            heard: Heard::Directly,
        }
    }

    fn claim() -> Claim {
        serde_json::from_value(serde_json::json!({
            "question": 1, "account": "local", "month": "2026-11", "share": 1, "delivery": "d", "state": "working",
            "lease_until": 0, "reply": null, "sending": null, "expires": 0,
            "posted": [{"channel": "3", "message": "9"}],
        }))
        .unwrap()
    }

    fn by_command() -> ReplyTo {
        ReplyTo::Interaction { application_id: Id::new(5), token: "s3cret".to_owned(), private: false }
    }

    /// What teams' rules and programs read: change it only by adding fields.
    #[test]
    fn the_schemas_stay() {
        let escalation =
            Event::escalation(AccountId::local(), &question(Place::Guild(Id::new(2)), by_command()), &claim());
        insta::assert_snapshot!(escalation.to_detail(), @r#"{"v":1,"id":"escalation-1300000000000000001","at":"2026-11-24T10:00:00Z","account":"local","kind":"escalation","question":"1300000000000000001","conversation":"3-4","guild":"2","channel":"3","message":"9","link":"https://discord.com/channels/2/3/9","asker":"Ann","asker_id":"4","text":"I want to speak to a person"}"#);
        let now = "2026-11-24T10:00:00Z".parse().unwrap();
        let quota = Event::quota(AccountId::local(), "2026-11", 80, 15_000, now);
        insta::assert_snapshot!(quota.to_detail(), @r#"{"v":1,"id":"quota-local-2026-11-15000-80","at":"2026-11-24T10:00:00Z","account":"local","kind":"quota","month":"2026-11","percent":80,"limit":15000}"#);
        let many = Event::escalations(AccountId::local(), now, 37);
        insta::assert_snapshot!(many.to_detail(), @r#"{"v":1,"id":"escalations-local-1795514400","at":"2026-11-24T10:10:00Z","account":"local","kind":"escalations","from":"2026-11-24T10:00:00Z","until":"2026-11-24T10:10:00Z","more":37}"#);
        for event in [escalation, quota, many] {
            assert_eq!(Event::from_detail(&event.to_detail()), Ok(event.clone()));
            assert!(event.to_detail().contains(&format!("\"kind\":\"{}\"", event.what.detail_type())));
            // The examples of the documentation are these.
            let example: serde_json::Value = serde_json::from_str(&event.to_detail()).unwrap();
            let example = serde_json::to_string_pretty(&example).unwrap();
            let described = include_str!("../docs/events.md");
            assert!(described.contains(&example), "docs/events.md lacks this example:\n{example}");
        }
    }

    #[test]
    fn unknown_versions_and_kinds_are_no_events() {
        assert_eq!(Event::from_detail(r#"{"v":9,"kind":"dance"}"#), Err(Unreadable::Version(9)));
        let unknown = r#"{"v":1,"id":"x","at":"2026-11-24T10:00:00Z","account":"a","kind":"dance"}"#;
        assert_eq!(Event::from_detail(unknown), Err(Unreadable::Shape));
        assert_eq!(Event::from_detail("hello"), Err(Unreadable::Shape));
    }

    #[test]
    fn a_private_conversation_has_no_link_and_a_message_its_own() {
        let link = |place, reply_to| {
            let event = Event::escalation(AccountId::local(), &question(place, reply_to), &claim());
            let What::Escalation(escalation) = event.what else { panic!("it is one") };
            (escalation.link, escalation.asker_id.map(Id::get))
        };
        assert_eq!(link(Place::DirectMessage, by_command()), (None, Some(4)));
        let heard = ReplyTo::Message {
            application_id: Id::new(5),
            channel_id: Id::new(6),
            message_id: Id::new(7),
            is_thread: true,
        };
        let expected = "https://discord.com/channels/2/6/7".to_owned();
        assert_eq!(link(Place::Guild(Id::new(2)), heard), (Some(expected), Some(4)));
    }

    #[test]
    fn what_people_write_has_bounds() {
        let mut asked = question(Place::DirectMessage, by_command());
        (asked.text, asked.asker) = ("é".repeat(9_000), "\u{202e}".repeat(9_000));
        let event = Event::escalation(AccountId::local(), &asked, &claim());
        assert!(event.to_detail().len() < 4_000);
    }
}
