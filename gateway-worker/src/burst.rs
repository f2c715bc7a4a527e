//! Several messages of one person in one channel within a short pause are one question.
//!
//! A burst is cut by the times in the messages' own ids and by their words, never by when they arrived, so that a replay
//! cuts it alike. The clock on the wall only says when it is too late for a further message to belong to it.

use crate::frame::Snowflake;
use guildhall::ids::snowflake_time;
use guildhall::question::{Heard, MAX_CHARS, Said};
use jiff::SignedDuration;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// People who write one thought in two messages send the second within this time.
pub const PAUSE: SignedDuration = SignedDuration::from_millis(1_500);

/// How much later than its time a message may arrive and still find its burst open. Discord's gateway delivers within a
/// fraction of it.
const DELAY: Duration = Duration::from_millis(250);

/// From the first to the last message of a burst at most: nobody waits for ever.
const LONGEST: SignedDuration = SignedDuration::from_secs(6);

/// Messages of one burst at most.
const MOST_MESSAGES: usize = 10;

/// Bursts that are open at the same time, at most; the oldest ones are closed early then.
const MOST_OPEN: usize = 10_000;

/// A message with fewer words than this goes on, unless it asks.
const SENTENCE_WORDS: usize = 4;

/// A message of so many characters is no beginning of something shorter to come.
const LONG_CHARS: usize = 120;

/// Whose burst: one person's in one channel.
pub type Key = (Snowflake, Snowflake);

/// One message of a burst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The frame that it came in.
    pub seq: u64,
    /// The message.
    pub said: Said,
    /// How it was heard by itself; none when it is no question but belongs to one.
    pub heard: Option<Heard>,
}

/// Messages that are one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burst {
    /// The server; none in private.
    pub guild: Option<Snowflake>,
    /// The channel and the person.
    pub key: Key,
    /// How the person is called.
    pub asker: String,
    /// Whether the channel is a thread.
    pub is_thread: bool,
    /// Its messages, oldest first; never none.
    pub parts: Vec<Part>,
    deadline: Instant,
}

impl Burst {
    /// One message, so far.
    pub fn new(guild: Option<Snowflake>, key: Key, asker: String, is_thread: bool, part: Part, now: Instant) -> Self {
        Self { guild, key, asker, is_thread, parts: vec![part], deadline: deadline(now) }
    }

    /// Who was meant: directly if one of its messages was said to the bot; none if no message is left that asks.
    pub fn heard(&self) -> Option<Heard> {
        let rank = |heard: &Heard| match heard {
            Heard::Directly => 2,
            Heard::InPassing => 1,
            Heard::InPassingSmart => 0,
        };
        self.parts.iter().filter_map(|part| part.heard).max_by_key(rank)
    }

    /// The whole question.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.parts.iter().map(|part| &*part.said.text).filter(|text| !text.is_empty()).collect();
        texts.join("\n")
    }

    /// Whether a further message belongs to it.
    fn takes(&self, part: &Part) -> bool {
        let (Some(first), Some(last)) = (self.parts.first(), self.parts.last()) else { return false };
        let time = |id: u64| snowflake_time(id);
        let at = time(part.said.id.get());
        let chars = |part: &Part| part.said.text.chars().count() + 1;
        self.parts.len() < MOST_MESSAGES
            && at.duration_since(time(last.said.id.get())) <= PAUSE
            && at.duration_since(time(first.said.id.get())) <= LONGEST
            && self.parts.iter().map(chars).sum::<usize>() + chars(part) <= MAX_CHARS
    }

    /// Whether a message was written before the newest one of it: an edit brings up what was said long ago.
    fn is_after(&self, part: &Part) -> bool {
        self.parts.last().is_some_and(|last| part.said.id < last.said.id)
    }

    /// Whether nothing more is waited for. Whoever spoke to the bot waits for its answer, so a question that looks complete
    /// is let go at once. Nobody waits for an answer to what was overheard: there the whole pause is kept.
    fn is_complete(&self) -> bool {
        let direct = self.heard() == Some(Heard::Directly);
        self.parts.len() >= MOST_MESSAGES
            || direct && self.parts.last().is_some_and(|part| looks_complete(&part.said.text))
    }
}

/// Whether a message looks like a whole question: it has a question mark, or it ends like a sentence of some words, or it
/// is long. A mention alone, "hello", and whatever ends with a comma, a colon or an ellipsis goes on.
pub fn looks_complete(text: &str) -> bool {
    let text = text.trim_end();
    let body = text.trim_end_matches(['"', '\'', ')', ']', '*', '_', '`', '”', '»', '’']);
    if body.ends_with([',', ':', ';', '…', '-', '–', '—', '、', '，']) || body.ends_with("...") {
        return false;
    }
    let has_words = text.chars().any(char::is_alphanumeric);
    let asks = text.contains(['？', '؟'])
        || text.split_whitespace().any(|word| word.ends_with('?') || word.contains("?\"") || word.contains("?)"));
    let ends = body.ends_with(['.', '!', '?', '。', '！', '।']) || text.ends_with("```");
    has_words
        && (asks
            || ends && text.split_whitespace().count() >= SENTENCE_WORDS
            || body.ends_with(['。', '！'])
            || text.chars().count() >= LONG_CHARS)
}

fn deadline(now: Instant) -> Instant {
    now + PAUSE.unsigned_abs() + DELAY
}

/// The bursts that are open.
#[derive(Debug, Default)]
pub struct Bursts {
    open: HashMap<Key, Burst>,
    /// Deadlines in the order in which they pass; those of bursts that went on or closed are stale.
    deadlines: VecDeque<(Instant, Key)>,
    in_guild: HashMap<Snowflake, u32>,
}

impl Bursts {
    /// Whether a person's burst is open in a channel.
    pub fn is_open(&self, key: Key) -> bool {
        self.open.contains_key(&key)
    }

    /// Whether any is open in a server.
    pub fn is_open_in(&self, guild: Snowflake) -> bool {
        self.in_guild.contains_key(&guild)
    }

    /// Whether a message is part of an open one.
    pub fn holds(&self, key: Key, message: Snowflake) -> bool {
        self.open.get(&key).is_some_and(|burst| burst.parts.iter().any(|part| part.said.id.get() == message.get()))
    }

    /// Takes a question's message: as part of the open burst, or as the first of a new one. One that is older than the
    /// open burst is a question by itself. Returns what is closed by it.
    pub fn ask(&mut self, burst: Burst) -> Vec<Burst> {
        let key = burst.key;
        let mut closed = Vec::new();
        if let Some(open) = self.open.get_mut(&key) {
            if open.is_after(&burst.parts[0]) {
                return vec![burst];
            }
            if open.takes(&burst.parts[0]) {
                open.parts.extend(burst.parts);
                open.deadline = burst.deadline;
                self.deadlines.push_back((burst.deadline, key));
            } else {
                closed.extend(self.close(key));
                self.start(burst);
            }
        } else if burst.is_complete() {
            return vec![burst];
        } else {
            if self.open.len() >= MOST_OPEN {
                closed.extend(self.close_oldest());
            }
            self.start(burst);
        }
        if self.open.get(&key).is_some_and(Burst::is_complete) {
            closed.extend(self.close(key));
        }
        closed
    }

    /// Offers a message that is no question by itself to its author's open burst. Returns what is closed by it, and the
    /// message if it does not belong there.
    pub fn go_on(&mut self, key: Key, part: Part, now: Instant) -> (Vec<Burst>, Option<Part>) {
        let Some(open) = self.open.get_mut(&key) else { return (Vec::new(), Some(part)) };
        if open.is_after(&part) {
            return (Vec::new(), Some(part));
        }
        if !open.takes(&part) {
            return (self.close(key).into_iter().collect(), Some(part));
        }
        open.parts.push(part);
        open.deadline = deadline(now);
        self.deadlines.push_back((open.deadline, key));
        let complete = open.is_complete();
        (if complete { self.close(key).into_iter().collect() } else { Vec::new() }, None)
    }

    /// Changes a message of an open burst. Returns whether there is such a one.
    pub fn edit(&mut self, channel: Snowflake, message: Snowflake, text: &str) -> bool {
        let part = self.open.values_mut().filter(|burst| burst.key.0 == channel);
        let part = part.flat_map(|burst| &mut burst.parts).find(|part| part.said.id.get() == message.get());
        let found = part.is_some();
        if let Some(part) = part {
            text.clone_into(&mut part.said.text);
        }
        found
    }

    /// Takes a deleted message out of its open burst. Returns the frames that are settled by it: none if there is no such
    /// message; those of the whole burst if nothing is left that asks.
    pub fn delete(&mut self, channel: Snowflake, message: Snowflake) -> Option<Vec<u64>> {
        let holds = |burst: &&mut Burst| {
            burst.key.0 == channel && burst.parts.iter().any(|part| part.said.id.get() == message.get())
        };
        let burst = self.open.values_mut().find(holds)?;
        let place = burst.parts.iter().position(|part| part.said.id.get() == message.get())?;
        let mut settled = vec![burst.parts.remove(place).seq];
        if burst.heard().is_none() {
            let key = burst.key;
            settled.extend(self.close(key)?.parts.iter().map(|part| part.seq));
        }
        Some(settled)
    }

    /// Closes what waits no longer.
    pub fn due(&mut self, now: Instant) -> Vec<Burst> {
        let mut closed = Vec::new();
        while let Some(&(at, key)) = self.deadlines.front()
            && at <= now
        {
            self.deadlines.pop_front();
            if self.open.get(&key).is_some_and(|burst| burst.deadline == at) {
                closed.extend(self.close(key));
            }
        }
        closed
    }

    /// When the next one closes, at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.front().map(|(at, _)| *at)
    }

    /// Closes those of a server.
    pub fn take(&mut self, guild: Snowflake) -> Vec<Burst> {
        let keys: Vec<Key> =
            self.open.values().filter(|burst| burst.guild == Some(guild)).map(|burst| burst.key).collect();
        keys.into_iter().filter_map(|key| self.close(key)).collect()
    }

    fn start(&mut self, burst: Burst) {
        if let Some(guild) = burst.guild {
            *self.in_guild.entry(guild).or_default() += 1;
        }
        self.deadlines.push_back((burst.deadline, burst.key));
        self.open.insert(burst.key, burst);
    }

    fn close(&mut self, key: Key) -> Option<Burst> {
        let burst = self.open.remove(&key)?;
        if let Some(guild) = burst.guild
            && let Some(count) = self.in_guild.get_mut(&guild)
        {
            *count -= 1;
            if *count == 0 {
                self.in_guild.remove(&guild);
            }
        }
        Some(burst)
    }

    fn close_oldest(&mut self) -> Option<Burst> {
        while let Some((at, key)) = self.deadlines.pop_front() {
            if self.open.get(&key).is_some_and(|burst| burst.deadline == at) {
                return self.close(key);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
