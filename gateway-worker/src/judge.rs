//! One session's judgement: frames in; jobs, lookups and settled sequence numbers out. No I/O, and no waiting: what is not
//! known yet is asked for, and the frames of that one server wait for it in order.

use crate::burst::{Burst, Bursts, Part};
use crate::decide::{self, Need, Verdict, addresses_others, is_said_by_a_person, words};
use crate::frame::{
    self, Channel, Deleted, DeletedTogether, GuildCreated, GuildDeleted, Message, Ready, RoleChanged, RoleDeleted,
    Snowflake, ThreadList, Unreadable,
};
use crate::guilds::{Guilds, Rules, Spot};
use crate::pace::{Asked, Pace, Pacer};
use crate::recent::{Recent, is_young};
use guildhall::ids::{ConversationId, QuestionId, snowflake_time};
use guildhall::job::{Job, Notify, Remark};
use guildhall::question::{Heard, Place, Question, ReplyTo, Said};
use guildhall::settings::{Guild, ResponseMode};
use jiff::{SignedDuration, Timestamp};
use memchr::memmem::Finder;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Instant;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, ChannelMarker, GuildMarker, RoleMarker, UserMarker},
};

/// Bytes of frames that may wait for lookups. Beyond, the session had better close and resume later.
const MOST_HELD_BYTES: usize = 16 * 1024 * 1024;

/// Messages that were written up to so long after the start may still have been passed on by somebody else: the clocks of
/// this machine and Discord's may differ.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_mins(1);

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
            Self::Settings(guild) | Self::OwnRole(guild) | Self::Channel { guild, .. } => guild.cast(),
        }
    }
}

/// What a lookup found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The server; none if the table has no item of it.
    Settings(Option<Guild>),
    /// The role; none if there is none, or if Discord would not say.
    OwnRole(Option<Id<RoleMarker>>),
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

    /// Takes what a lookup found. An answer to what is no longer asked for is ignored.
    pub fn found(&mut self, lookup: Lookup, found: Found) {
        if !self.asked.remove(&lookup) {
            return;
        }
        let guild = lookup.guild();
        let is_blind = found == Found::Unknown && !matches!(lookup, Lookup::Settings(_));
        match (lookup, found) {
            (Lookup::Settings(id), found) => {
                let left = matches!(&found, Found::Settings(Some(guild)) if guild.left_at.is_some());
                self.set_rules(guild, found);
                if left && self.guilds.was_announced(guild) {
                    self.out.presence.push(Presence::Returned(id));
                }
            }
            (Lookup::OwnRole(_), Found::OwnRole(role)) => self.guilds.set_own_role(guild, role.map(Id::cast)),
            (Lookup::Channel { channel, .. }, Found::Channel(spot)) => {
                self.guilds.set_spot(guild, channel.cast(), spot);
            }
            // Nothing, or an answer to another question than the one that was asked: it is asked again when it is needed.
            _ => {}
        }
        self.answered.push((guild, is_blind));
    }

    /// Takes a server's settings that have changed, as the lookup of them would have found them.
    pub fn changed(&mut self, guild: Id<GuildMarker>, found: Found) {
        // What is being looked up may be older than this.
        let asked = self.asked.remove(&Lookup::Settings(guild));
        if asked || self.guilds.contains(guild.cast()) {
            self.set_rules(guild.cast(), found);
            self.answered.push((guild.cast(), false));
        }
    }

    fn set_rules(&mut self, guild: Snowflake, found: Found) {
        match found {
            Found::Settings(settings) => {
                let rules = settings.map(|guild| Rules::from(guild.settings)).unwrap_or_default();
                self.guilds.set_rules(guild, rules);
            }
            Found::Unknown => {
                tracing::error!(guild.id = %guild, "messages of a server whose settings cannot be read are dropped");
                self.guilds.set_rules(guild, Rules::silence());
            }
            // No answer to this.
            Found::OwnRole(_) | Found::Channel(_) => {}
        }
    }

    /// Whether so much waits for lookups that the session had better close and resume when they are answered.
    pub fn is_full(&self) -> bool {
        self.held_bytes > MOST_HELD_BYTES
    }

    /// The bot's user id, as far as it is known.
    pub fn bot(&self) -> Id<UserMarker> {
        self.bot.cast()
    }

    /// Has every server's settings looked up again: some changes were missed. Until then they stay as they are.
    pub fn doubt_settings(&mut self) {
        for guild in self.guilds.known() {
            self.ask(Some(Lookup::Settings(guild.cast())));
        }
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

    fn created(&mut self, message: &Message<'_>, seq: u64, now: Instant) -> Step {
        match self.verdict(message) {
            Ok(verdict) => {
                self.follow(message, verdict, seq, now);
                Step::Taken
            }
            Err(lookup) => Step::Waits(lookup.guild(), Some(lookup)),
        }
    }

    fn verdict(&self, message: &Message<'_>) -> Result<Verdict, Lookup> {
        if !is_said_by_a_person(message, self.bot) {
            return Ok(Verdict::Drop);
        }
        let Some(guild) = message.guild_id else { return Ok(Verdict::Question(Heard::Directly)) };
        let Some(rules) = self.guilds.rules(guild) else { return Err(Lookup::Settings(guild.cast())) };
        let is_blind = self.blind == Some(guild);
        let spot = self.spot(message);
        let known = decide::Known {
            rules,
            bot: self.bot,
            own_role: self.guilds.own_role(guild).or(is_blind.then_some(None)),
            spot: spot.or(is_blind.then_some(Spot::Channel)),
        };
        match decide::decide(message, &known) {
            // It may be a thread of a channel that is not to be read.
            Verdict::Said if spot.is_none() && rules.need_spots() => Ok(Verdict::Drop),
            Verdict::Depends(Need::OwnRole) => Err(Lookup::OwnRole(guild.cast())),
            Verdict::Depends(Need::Spot) => {
                Err(Lookup::Channel { guild: guild.cast(), channel: message.channel_id.cast() })
            }
            verdict => Ok(verdict),
        }
    }

    fn spot(&self, message: &Message<'_>) -> Option<Spot> {
        let said = message.channel_type.filter(|kind| !frame::is_thread(*kind)).map(|_| Spot::Channel);
        said.or_else(|| self.guilds.spot(message.guild_id?, message.channel_id))
    }

    /// Does with a message what was decided.
    fn follow(&mut self, message: &Message<'_>, verdict: Verdict, seq: u64, now: Instant) {
        let Some(author) = &message.author else { return self.drop(seq) };
        let key = (message.channel_id, author.id);
        if self.bursts.holds(key, message.id) {
            // The same frame again.
            return self.out.done.push(seq);
        }
        let part = |heard| Part { seq, said: Said { id: message.id.cast(), text: self.words(message) }, heard };
        match verdict {
            Verdict::Question(heard) => {
                let is_thread = matches!(self.spot(message), Some(Spot::Thread { .. }))
                    || message.channel_type.is_some_and(frame::is_thread);
                let asker = message.asker().to_owned();
                let burst = Burst::new(message.guild_id, key, asker, is_thread, part(Some(heard)), now);
                for burst in self.bursts.ask(burst) {
                    self.close(burst, now);
                }
            }
            _ if self.bursts.is_open(key)
                && is_said_by_a_person(message, self.bot)
                && !addresses_others(message, self.bot) =>
            {
                let (closed, left) = self.bursts.go_on(key, part(None), now);
                for burst in closed {
                    self.close(burst, now);
                }
                if left.is_some() {
                    self.unasked(message, verdict, seq, now);
                }
            }
            _ => self.unasked(message, verdict, seq, now),
        }
    }

    /// A message is no question, or none any more: it is remembered where that is wanted, and otherwise nothing.
    fn unasked(&mut self, message: &Message<'_>, verdict: Verdict, seq: u64, now: Instant) {
        let text = if verdict == Verdict::Said { self.words(message) } else { String::new() };
        // What was remembered and is no longer said is forgotten.
        let is_kept = !text.is_empty() || self.remarks.forget(message.id);
        match message.guild_id.filter(|_| is_kept) {
            Some(guild) => {
                let remark = Remark {
                    application_id: self.application,
                    guild_id: guild.cast(),
                    channel_id: message.channel_id.cast(),
                    said: Said { id: message.id.cast(), text },
                    author: message.asker().to_owned(),
                    edited_at: message.edited_at(),
                };
                self.remember(remark, seq, now);
            }
            None => self.drop(seq),
        }
    }

    fn remember(&mut self, remark: Remark, seq: u64, now: Instant) {
        if !remark.said.text.is_empty() {
            self.remarks.remember(remark.said.id.cast(), &remark.said.text, self.wall(now));
        }
        self.counts.remarks += 1;
        self.out.jobs.push((vec![seq], Job::Remember(Box::new(remark))));
    }

    fn words(&self, message: &Message<'_>) -> String {
        words(message, self.bot, message.guild_id.and_then(|guild| self.guilds.own_role(guild)).flatten())
    }

    fn updated(&mut self, message: &Message<'_>, seq: u64, now: Instant) -> Step {
        let (wall, text) = (self.wall(now), self.words(message));
        let is_edit = message.edited_timestamp.is_some() && message.content.is_some();
        if !is_edit || self.bursts.edit(message.channel_id, message.id, &text) {
            self.out.done.push(seq);
        } else if self.recent.contains(message.id) {
            if self.recent.changes(message.id, &text) {
                self.job(vec![seq], edited(message, text));
            } else {
                self.out.done.push(seq);
            }
        } else if !is_young(message.id, wall) || self.remarks.says(message.id, &text) {
            self.out.done.push(seq);
        } else {
            return match self.verdict(message) {
                Ok(verdict) => {
                    // Whoever was here before may have passed it on: then this is what it says now, and asking it is
                    // asking again, which claims make harmless.
                    if let Verdict::Question(_) = verdict
                        && self.is_from_before(message.id)
                    {
                        self.out.more.push(seq);
                        self.job(vec![seq], edited(message, text));
                    }
                    self.follow(message, verdict, seq, now);
                    Step::Taken
                }
                Err(lookup) => Step::Waits(lookup.guild(), Some(lookup)),
            };
        }
        Step::Taken
    }

    fn deleted(
        &mut self,
        ids: &[Snowflake],
        channel: Snowflake,
        guild: Option<Snowflake>,
        seq: u64,
        now: Instant,
    ) -> Step {
        if let Some(guild) = self.is_behind(guild) {
            return Step::Waits(guild, None);
        }
        let wall = self.wall(now);
        let rules = guild.and_then(|guild| self.guilds.rules(guild));
        let may_be_asked = rules.is_none_or(|rules| rules.mode != ResponseMode::Command);
        let mut jobs = Vec::new();
        for &id in ids {
            if let Some(settled) = self.bursts.delete(channel, id) {
                self.out.done.extend(settled);
            } else if self.recent.forget(id) | self.remarks.forget(id)
                || may_be_asked && self.is_from_before(id) && is_young(id, wall)
            {
                jobs.push(Job::Deleted {
                    application_id: self.application,
                    channel_id: channel.cast(),
                    message_id: id.cast(),
                });
            }
        }
        if jobs.is_empty() {
            self.out.done.push(seq);
        }
        self.out.more.extend(jobs.iter().skip(1).map(|_| seq));
        for job in jobs {
            self.job(vec![seq], job);
        }
        Step::Taken
    }

    /// Makes a question, or a notice, of a burst.
    fn close(&mut self, burst: Burst, now: Instant) {
        let rules = burst.guild.map(|guild| self.guilds.rules(guild).cloned());
        let Some((heard, rules)) = burst.heard().zip(rules.map_or(Some(None), |rules| rules.map(Some))) else {
            return self.out.done.extend(burst.parts.iter().map(|part| part.seq));
        };
        let (channel, user) = burst.key;
        let conversation = match &rules {
            Some(rules) if rules.has_channel_context() => ConversationId::of_channel(channel.get()),
            _ => ConversationId::of_person(channel.get(), user.get()),
        };
        let (first, last) = (&burst.parts[0].said, &burst.parts[burst.parts.len() - 1].said);
        let place = burst.guild.map_or(Place::DirectMessage, |guild| Place::Guild(guild.cast()));
        let reply_to = ReplyTo::Message {
            application_id: self.application,
            channel_id: channel.cast(),
            message_id: last.id,
            is_thread: burst.is_thread,
        };
        let (text, seqs) = (burst.text(), burst.parts.iter().map(|part| part.seq).collect::<Vec<u64>>());
        if let Some((guild, rules)) = burst.guild.zip(rules) {
            let directly = heard == Heard::Directly;
            let asked = Asked { id: first.id.cast(), guild, user, conversation: &conversation, directly };
            if let Pace::Refused(notice) = self.pacer.judge(&asked, &rules) {
                self.counts.refused += 1;
                if let Some(notice) = notice {
                    let notify = Notify { place, reply_to, text, notice };
                    self.out.more.extend(&seqs);
                    self.out.jobs.push((seqs, Job::Notify(Box::new(notify))));
                }
                return self.pass_over(burst, guild, &rules, now);
            }
        }
        let wall = self.wall(now);
        for part in &burst.parts {
            self.recent.remember(part.said.id.cast(), &part.said.text, wall);
        }
        let question = Question {
            id: QuestionId(first.id.get()),
            place,
            conversation,
            text,
            asked_at: snowflake_time(first.id.get()),
            asker: burst.asker,
            locale: None,
            reply_to,
            messages: burst.parts.into_iter().map(|part| part.said).collect(),
            heard,
        };
        self.counts.questions += 1;
        self.out.jobs.push((seqs, Job::Answer(Box::new(question))));
    }

    /// A question comes too soon: it is not answered, and remembered where everything is. Each of its frames comes out once.
    fn pass_over(&mut self, burst: Burst, guild: Snowflake, rules: &Rules, now: Instant) {
        for Part { seq, said, .. } in burst.parts {
            if said.text.is_empty() || !rules.has_channel_context() {
                self.out.done.push(seq);
                continue;
            }
            let remark = Remark {
                application_id: self.application,
                guild_id: guild.cast(),
                channel_id: burst.key.0.cast(),
                said,
                author: burst.asker.clone(),
                edited_at: None,
            };
            self.remember(remark, seq, now);
        }
    }

    /// Takes an event about servers, channels and the bot itself; others are nothing.
    fn on_facts(&mut self, text: &str, kind: &str) -> Result<(), Unreadable> {
        match kind {
            "READY" => {
                let Ready { user } = frame::read(text)?;
                if user.id != self.bot {
                    (self.bot, self.bot_in_text) = (user.id, finder(user.id));
                }
            }
            "GUILD_CREATE" => {
                let guild: GuildCreated = frame::read(text)?;
                if !guild.unavailable {
                    self.guilds.announce(&guild, self.bot);
                    self.answered.push((guild.id, false));
                    if self.guilds.rules(guild.id).is_none() {
                        self.ask(Some(Lookup::Settings(guild.id.cast())));
                    }
                }
            }
            "GUILD_DELETE" => {
                let GuildDeleted { id, unavailable } = frame::read(text)?;
                if !unavailable {
                    self.left(id);
                }
            }
            "GUILD_ROLE_CREATE" | "GUILD_ROLE_UPDATE" => {
                let RoleChanged { guild_id, role } = frame::read(text)?;
                self.guilds.role_changed(guild_id, &role, self.bot);
            }
            "GUILD_ROLE_DELETE" => {
                let RoleDeleted { guild_id, role_id } = frame::read(text)?;
                self.guilds.role_deleted(guild_id, role_id);
            }
            "CHANNEL_CREATE" | "CHANNEL_UPDATE" | "THREAD_CREATE" | "THREAD_UPDATE" => {
                let channel: Channel = frame::read(text)?;
                if let Some(guild) = channel.guild_id {
                    self.guilds.set_spot(guild, channel.id, Spot::of(&channel, self.bot));
                }
            }
            "CHANNEL_DELETE" | "THREAD_DELETE" => {
                let channel: Channel = frame::read(text)?;
                if let Some(guild) = channel.guild_id {
                    self.guilds.forget_spot(guild, channel.id);
                }
            }
            "THREAD_LIST_SYNC" => {
                let ThreadList { guild_id, threads } = frame::read(text)?;
                for thread in threads {
                    self.guilds.set_spot(guild_id, thread.id, Spot::of(&thread, self.bot));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Forgets a server that the bot is no longer in, with all that waits there.
    fn left(&mut self, guild: Snowflake) {
        self.guilds.forget(guild);
        self.asked.retain(|lookup| lookup.guild() != guild);
        for burst in self.bursts.take(guild) {
            self.out.done.extend(burst.parts.iter().map(|part| part.seq));
        }
        for held in self.held.remove(&guild).unwrap_or_default() {
            self.held_bytes -= held.text.len();
            self.out.done.push(held.seq);
        }
        self.out.presence.push(Presence::Left(guild.cast()));
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

    fn drop(&mut self, seq: u64) {
        self.counts.dropped += 1;
        self.out.done.push(seq);
    }

    fn job(&mut self, seqs: Vec<u64>, job: Job) {
        self.counts.changes += 1;
        self.out.jobs.push((seqs, job));
    }

    /// The time of day, from the clock that only goes forward.
    fn wall(&self, now: Instant) -> Timestamp {
        let since = now.saturating_duration_since(self.options.began);
        self.options.started.checked_add(since).unwrap_or(Timestamp::MAX)
    }

    fn is_from_before(&self, message: Snowflake) -> bool {
        snowflake_time(message.get()).duration_since(self.options.started) < CLOCK_MARGIN
    }
}

fn finder(id: Snowflake) -> Finder<'static> {
    Finder::new(id.to_string().as_bytes()).into_owned()
}

fn edited(message: &Message<'_>, text: String) -> Job {
    Job::Edited { message_id: message.id.cast(), text, edited_at: message.edited_at() }
}

#[cfg(test)]
mod tests;
