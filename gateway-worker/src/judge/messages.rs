//! What becomes of messages that are written, changed and deleted.

use super::{Judge, Lookup, Step};
use crate::burst::{Burst, Part};
use crate::decide::{self, Need, Verdict, addresses_others, is_said_by_a_person, words};
use crate::frame::{self, Message, Snowflake};
use crate::guilds::{Rules, Spot};
use crate::pace::{Asked, Pace};
use crate::recent::is_young;
use guildhall::ids::{ConversationId, QuestionId, snowflake_time};
use guildhall::job::{Job, Notify, Remark};
use guildhall::question::{Heard, Place, Question, ReplyTo, Said};
use guildhall::settings::ResponseMode;
use jiff::SignedDuration;
use std::time::Instant;
use twilight_model::id::Id;

/// Messages that were written up to so long after the start may still have been passed on by somebody else: the clocks of
/// this machine and Discord's may differ.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_mins(1);

impl Judge {
    pub(super) fn created(&mut self, message: &Message<'_>, seq: u64, now: Instant) -> Step {
        match self.verdict(message) {
            Ok(verdict) => {
                self.follow(message, verdict, seq, now);
                Step::Taken
            }
            Err(lookup) => Step::Waits(lookup.guild(), Some(lookup)),
        }
    }

    pub(super) fn verdict(&self, message: &Message<'_>) -> Result<Verdict, Lookup> {
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
            Verdict::Question(_) if !is_blind && self.guilds.locale(guild).is_none() => {
                Err(Lookup::Locale(guild.cast()))
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

    pub(super) fn updated(&mut self, message: &Message<'_>, seq: u64, now: Instant) -> Step {
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

    pub(super) fn deleted(
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
                    guild_id: guild.map(Id::cast),
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
    pub(super) fn close(&mut self, burst: Burst, now: Instant) {
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
        let locale = burst.guild.and_then(|guild| self.guilds.locale(guild)).flatten();
        let locale = locale.map(|locale| locale.name().to_owned());
        let (text, seqs) = (burst.text(), burst.parts.iter().map(|part| part.seq).collect::<Vec<u64>>());
        if let Some((guild, rules)) = burst.guild.zip(rules) {
            let directly = heard == Heard::Directly;
            let asked = Asked { id: first.id.cast(), guild, user, conversation: &conversation, directly };
            if let Pace::Refused(notice) = self.pacer.judge(&asked, &rules) {
                self.counts.refused += 1;
                if let Some(notice) = notice {
                    let notify = Notify { place, reply_to, text, locale, notice };
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
            locale,
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

    pub(super) fn drop(&mut self, seq: u64) {
        self.counts.dropped += 1;
        self.out.done.push(seq);
    }

    fn job(&mut self, seqs: Vec<u64>, job: Job) {
        self.counts.changes += 1;
        self.out.jobs.push((seqs, job));
    }

    fn is_from_before(&self, message: Snowflake) -> bool {
        snowflake_time(message.get()).duration_since(self.options.started) < CLOCK_MARGIN
    }
}

fn edited(message: &Message<'_>, text: String) -> Job {
    Job::Edited {
        message_id: message.id.cast(),
        text,
        edited_at: message.edited_at(),
        guild_id: message.guild_id.map(Id::cast),
    }
}
