//! One session's judgement: frames in; jobs, lookups and settled sequence numbers out. No I/O, and no waiting: what is not
//! known yet is asked for, and the frames of that one server wait for it in order.

mod facts; // what is known of servers
mod messages; // what becomes of messages

use crate::burst::Bursts;
use crate::frame::{self, Deleted, DeletedTogether, Message, Snowflake, Unreadable};
use crate::guilds::{Guilds, Spot};
use crate::pace::Pacer;
use crate::recent::Recent;
use guildhall::job::Job;
use guildhall::locale::Locale;
use guildhall::settings::{Guild, ResponseMode};
use jiff::Timestamp;
use memchr::memmem::Finder;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, ChannelMarker, GuildMarker, RoleMarker, UserMarker},
};

/// Bytes of frames that may wait for lookups. Beyond, the session had better close and resume later.
const MOST_HELD_BYTES: usize = 16 * 1024 * 1024;

/// When a judge began.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// By the clock on the wall. Messages from before may have been passed on by an earlier session.
    pub started: Timestamp,
    /// The same moment by the clock that only goes forward.
    pub began: Instant,
}

/// Something that has to be looked up out of line. Each is asked for once; an answer is given with [`Judge::found`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// What a server is set to: in the table, up to a hundred at once.
    Settings(Id<GuildMarker>),
    /// The bot's own role in a server: among its roles, the one with the bot's id in its tags.
    OwnRole(Id<GuildMarker>),
    /// A server's language, which its questions are answered in.
    Locale(Id<GuildMarker>),
    /// What a channel is.
    Channel {
        /// The server.
        guild: Id<GuildMarker>,
        /// The channel.
        channel: Id<ChannelMarker>,
    },
}

impl Lookup {
    fn guild(self) -> Snowflake {
        match self {
            Self::Settings(guild) | Self::OwnRole(guild) | Self::Locale(guild) | Self::Channel { guild, .. } => {
                guild.cast()
            }
        }
    }
}

/// What a lookup found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "few exist at a time, and most are the large one")]
pub enum Found {
    /// The server; none if the table has no item of it.
    Settings(Option<Guild>),
    /// The role; none if there is none, or if Discord would not say.
    OwnRole(Option<Id<RoleMarker>>),
    /// The language; none if it is none of Discord's, or if Discord would not say.
    Locale(Option<Locale>),
    /// The channel. Where Discord would not say, it is judged as a channel and no thread.
    Channel(Spot),
    /// Nothing. A server whose settings this version cannot read is left alone: its messages are dropped, since with any
    /// other settings the bot might speak where it was told to be silent. What Discord could not be asked is asked again
    /// for the next message that depends on it; those that wait are judged without.
    Unknown,
}

/// Something that is written down about a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// The bot is in it again, and the table says that it left.
    Returned(Id<GuildMarker>),
    /// The bot is no longer in it.
    Left(Id<GuildMarker>),
}

/// What is to be done. Every sequence number that was handed in comes out once in `done`, `jobs` or `interactions`, and once
/// more for each time that it is in `more`.
#[derive(Debug, Default, PartialEq)]
pub struct Outputs {
    /// Sequence numbers of which there is one thing more to be done than was known. They are not settled yet.
    pub more: Vec<u64>,
    /// Jobs in order, each with the sequence numbers that are settled when the queue has accepted it.
    pub jobs: Vec<(Vec<u64>, Job)>,
    /// Sequence numbers that are settled.
    pub done: Vec<u64>,
    /// What has to be looked up.
    pub lookups: Vec<Lookup>,
    /// Interactions: the whole frame, with its sequence number.
    pub interactions: Vec<(u64, String)>,
    /// What is to be written down about servers. Written again it says the same.
    pub presence: Vec<Presence>,
    /// Whether some server is set to all messages: the session needs the intent for what people write.
    pub wants_content: bool,
}

/// What was done since the start, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that nothing becomes of.
    pub dropped: u64,
    /// Questions; each may have several messages.
    pub questions: u64,
    /// Questions that were asked too often.
    pub refused: u64,
    /// Changes and removals of questions that were passed on.
    pub changes: u64,
    /// Messages that are not answered but remembered.
    pub remarks: u64,
    /// Frames that are not what their name says.
    pub unreadable: u64,
}

/// A frame that waits for a lookup.
#[derive(Debug)]
struct Held {
    kind: Kind,
    seq: u64,
    text: Box<str>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Created,
    Updated,
    Deleted,
    DeletedTogether,
}

/// What became of a frame about messages.
enum Step {
    Taken,
    /// It waits: behind others of its server, or for a lookup.
    Waits(Snowflake, Option<Lookup>),
}

/// Judges the frames of one session.
#[derive(Debug)]
pub struct Judge {
    application: Id<ApplicationMarker>,
    bot: Snowflake,
    bot_in_text: Finder<'static>,
    options: Options,
    guilds: Guilds,
    bursts: Bursts,
    pacer: Pacer,
    /// Questions that were passed on.
    recent: Recent,
    /// Messages that were passed on to be remembered.
    remarks: Recent,
    held: HashMap<Snowflake, VecDeque<Held>>,
    held_bytes: usize,
    /// Servers of which something was found, and whether all that was found is that Discord cannot be asked.
    answered: Vec<(Snowflake, bool)>,
    /// The server whose messages are judged without what only Discord can tell.
    blind: Option<Snowflake>,
    asked: HashSet<Lookup>,
    out: Outputs,
    counts: Counts,
}

impl Judge {
    /// A judge that knows no server yet. The bot's user id is the application's until the session's first event says
    /// otherwise: so it is for all but the oldest applications.
    pub fn new(application: Id<ApplicationMarker>, options: Options) -> Self {
        let bot = application.cast();
        Self {
            application,
            bot,
            bot_in_text: finder(bot),
            options,
            guilds: Guilds::default(),
            bursts: Bursts::default(),
            pacer: Pacer::default(),
            recent: Recent::default(),
            remarks: Recent::default(),
            held: HashMap::new(),
            held_bytes: 0,
            answered: Vec::new(),
            blind: None,
            asked: HashSet::new(),
            out: Outputs::default(),
            counts: Counts::default(),
        }
    }

    /// Takes a dispatch frame of this kind, for example `MESSAGE_CREATE`.
    pub fn on_frame(&mut self, text: &str, kind: &str, seq: u64, now: Instant) {
        let read = match kind {
            "MESSAGE_CREATE" if self.drops_at_a_glance(text) => {
                self.counts.dropped += 1;
                Ok(())
            }
            "MESSAGE_CREATE" => return self.on_message(Kind::Created, text, seq, now),
            "MESSAGE_UPDATE" => return self.on_message(Kind::Updated, text, seq, now),
            "MESSAGE_DELETE" => return self.on_message(Kind::Deleted, text, seq, now),
            "MESSAGE_DELETE_BULK" => return self.on_message(Kind::DeletedTogether, text, seq, now),
            "INTERACTION_CREATE" => return self.out.interactions.push((seq, text.to_owned())),
            _ => self.on_facts(text, kind),
        };
        self.counts.unreadable += u64::from(read.is_err());
        self.out.done.push(seq);
    }

    /// What is to be done by `now`.
    pub fn poll(&mut self, now: Instant) -> Outputs {
        for (guild, is_blind) in std::mem::take(&mut self.answered) {
            self.blind = is_blind.then_some(guild);
            self.release(guild, now);
            self.blind = None;
        }
        for burst in self.bursts.due(now) {
            self.close(burst, now);
        }
        self.out.wants_content = self.guilds.wants_content();
        std::mem::take(&mut self.out)
    }

    /// When [`poll`](Self::poll) may have something again though no frame came.
    pub fn next_wake(&self) -> Option<Instant> {
        self.bursts.next_deadline()
    }

    /// Whether so much waits for lookups that the session had better close and resume when they are answered.
    pub fn is_full(&self) -> bool {
        self.held_bytes > MOST_HELD_BYTES
    }

    /// The bot's user id, as far as it is known.
    pub fn bot(&self) -> Id<UserMarker> {
        self.bot.cast()
    }

    /// What was done since the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether a new message is surely nothing, told from its bytes alone: nearly all messages of servers where the bot only
    /// listens to those that mention it. Anything that might be something is read.
    fn drops_at_a_glance(&self, text: &str) -> bool {
        let Some(guild) = frame::guild_at_a_glance(text) else { return false };
        let Some(rules) = self.guilds.rules(guild) else { return false };
        match rules.mode {
            ResponseMode::AllMessages { .. } => false,
            ResponseMode::Command => true,
            ResponseMode::Mention => {
                !rules.answer_in_thread
                    && self.bot_in_text.find(text.as_bytes()).is_none()
                    && frame::mentions_no_role_at_a_glance(text)
                    && !self.bursts.is_open_in(guild)
                    && !self.held.contains_key(&guild)
            }
        }
    }

    fn on_message(&mut self, kind: Kind, text: &str, seq: u64, now: Instant) {
        match self.take(kind, text, seq, now) {
            Ok(Step::Taken) => {}
            Ok(Step::Waits(guild, lookup)) => {
                self.ask(lookup);
                self.held_bytes += text.len();
                self.held.entry(guild).or_default().push_back(Held { kind, seq, text: text.into() });
            }
            Err(Unreadable) => {
                self.counts.unreadable += 1;
                self.out.done.push(seq);
            }
        }
    }

    fn take(&mut self, kind: Kind, text: &str, seq: u64, now: Instant) -> Result<Step, Unreadable> {
        match kind {
            Kind::Created | Kind::Updated => {
                let message: Message<'_> = frame::read(text)?;
                if let Some(guild) = self.is_behind(message.guild_id) {
                    return Ok(Step::Waits(guild, None));
                }
                Ok(match kind {
                    Kind::Created => self.created(&message, seq, now),
                    _ => self.updated(&message, seq, now),
                })
            }
            Kind::Deleted => {
                let Deleted { id, channel_id, guild_id } = frame::read(text)?;
                Ok(self.deleted(&[id], channel_id, guild_id, seq, now))
            }
            Kind::DeletedTogether => {
                let DeletedTogether { ids, channel_id, guild_id } = frame::read(text)?;
                Ok(self.deleted(&ids, channel_id, guild_id, seq, now))
            }
        }
    }

    fn is_behind(&self, guild: Option<Snowflake>) -> Option<Snowflake> {
        guild.filter(|guild| self.held.contains_key(guild))
    }

    /// Goes on with what waits in a server, in order, until something has to be looked up again.
    fn release(&mut self, guild: Snowflake, now: Instant) {
        // Out of the map, so that none of them is behind itself.
        let Some(mut waiting) = self.held.remove(&guild) else { return };
        while let Some(held) = waiting.pop_front() {
            self.held_bytes -= held.text.len();
            match self.take(held.kind, &held.text, held.seq, now) {
                Ok(Step::Taken) => {}
                Ok(Step::Waits(_, lookup)) => {
                    self.ask(lookup);
                    self.held_bytes += held.text.len();
                    waiting.push_front(held);
                    self.held.insert(guild, waiting);
                    return;
                }
                // Those that cannot be read were never held.
                Err(Unreadable) => self.out.done.push(held.seq),
            }
        }
    }

    fn ask(&mut self, lookup: Option<Lookup>) {
        if let Some(lookup) = lookup
            && self.asked.insert(lookup)
        {
            self.out.lookups.push(lookup);
        }
    }

    /// The time of day, from the clock that only goes forward.
    fn wall(&self, now: Instant) -> Timestamp {
        let since = now.saturating_duration_since(self.options.began);
        self.options.started.checked_add(since).unwrap_or(Timestamp::MAX)
    }
}

fn finder(id: Snowflake) -> Finder<'static> {
    Finder::new(id.to_string().as_bytes()).into_owned()
}

#[cfg(test)]
mod tests;
