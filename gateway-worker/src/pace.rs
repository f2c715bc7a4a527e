//! How often people may ask: a pause between two questions of one person, and a bound for one conversation within an hour.
//!
//! Everything is counted by the time in the messages' own ids, so that a replay counts alike.

use crate::frame::Snowflake;
use crate::guilds::Rules;
use guildhall::ids::{ConversationId, snowflake_time};
use guildhall::job::Notice;
use jiff::SignedDuration;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// The window of the bound for conversations.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// People and conversations that are remembered; each takes about a hundred bytes. Beyond, those go first that have been
/// remembered longest: somebody may then ask once too often, and nobody is refused for it.
const REMEMBERED: usize = 20_000;

/// Questions of a person that are remembered, so that a replayed one is known again.
const LATEST: usize = 8;

/// Whether a question may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// It may.
    Fine,
    /// It may not. The notice is given once in each window.
    Refused(Option<Notice>),
}

/// What was asked lately. Questions that were put to the bot and those that it overheard are counted apart: somebody who
/// chats where all messages are read can still ask.
#[derive(Debug, Default)]
pub struct Pacer {
    people: Memory<(Snowflake, Snowflake, bool)>,
    conversations: Memory<(ConversationId, bool)>,
}

/// A question as far as its pace goes.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its first message, which says when.
    pub id: Snowflake,
    /// Where.
    pub guild: Snowflake,
    /// By whom.
    pub user: Snowflake,
    /// In which conversation.
    pub conversation: &'a ConversationId,
    /// Whether it was put to the bot.
    pub directly: bool,
}

impl Pacer {
    /// Judges a question, and counts it if it may be asked. The same one again is judged alike.
    pub fn judge(&mut self, asked: &Asked<'_>, rules: &Rules) -> Pace {
        let person = (asked.guild, asked.user, asked.directly);
        let conversation = (asked.conversation.clone(), asked.directly);
        let pause = SignedDuration::from_secs(rules.cooldown_seconds.into());
        if !pause.is_zero() && self.people.within(&person, asked.id, pause) > 0 {
            let notice = Notice::Cooldown { seconds: rules.cooldown_seconds };
            return Pace::Refused(self.people.may_notify(&person, asked, pause).then_some(notice));
        }
        let bound = rules.questions_per_hour as usize;
        if bound > 0 && self.conversations.within(&conversation, asked.id, HOUR) >= bound {
            let notice = Notice::TooMany { per_hour: rules.questions_per_hour };
            return Pace::Refused(self.conversations.may_notify(&conversation, asked, HOUR).then_some(notice));
        }
        if !pause.is_zero() {
            self.people.count(person, asked.id, LATEST);
        }
        if bound > 0 {
            self.conversations.count(conversation, asked.id, bound);
        }
        Pace::Fine
    }
}

#[derive(Debug)]
struct Memory<K> {
    known: HashMap<K, Latest>,
    order: VecDeque<K>,
}

#[derive(Debug, Default)]
struct Latest {
    /// Questions that were let through, oldest first.
    asked: VecDeque<Snowflake>,
    /// The message that was last answered with a notice.
    notified: Option<Snowflake>,
}

impl<K> Default for Memory<K> {
    fn default() -> Self {
        Self { known: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Clone + Eq + Hash> Memory<K> {
    /// Questions of the window that ends with `id`; none if `id` was let through before.
    fn within(&self, key: &K, id: Snowflake, window: SignedDuration) -> usize {
        let Some(latest) = self.known.get(key).filter(|latest| !latest.asked.contains(&id)) else { return 0 };
        latest.asked.iter().filter(|&&earlier| earlier < id && apart(earlier, id) < window).count()
    }

    /// Whether this refusal is told: one in each window, and the same one again.
    fn may_notify(&mut self, key: &K, asked: &Asked<'_>, window: SignedDuration) -> bool {
        let Some(latest) = self.known.get_mut(key).filter(|_| asked.directly) else { return false };
        // A window with a notice in it is over with the first question that is let through again.
        let told = latest.notified.filter(|told| latest.asked.back().is_some_and(|last| last < told));
        let again = told.is_none_or(|told| told == asked.id || apart(told, asked.id) >= window);
        if again {
            latest.notified = Some(asked.id);
        }
        again
    }

    fn count(&mut self, key: K, id: Snowflake, keep: usize) {
        if !self.known.contains_key(&key) {
            if self.known.len() >= REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
            self.order.push_back(key.clone());
        }
        let asked = &mut self.known.entry(key).or_default().asked;
        if let Err(place) = asked.binary_search(&id) {
            asked.insert(place, id);
        }
        while asked.len() > keep {
            asked.pop_front();
        }
    }
}

fn apart(earlier: Snowflake, later: Snowflake) -> SignedDuration {
    snowflake_time(later.get()).duration_since(snowflake_time(earlier.get()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use twilight_model::id::Id;

    fn at(ms: u64) -> Snowflake {
        Id::new((1_000_000_000 + ms) << 22)
    }

    fn rules(cooldown_seconds: u32, questions_per_hour: u32) -> Rules {
        Rules { cooldown_seconds, questions_per_hour, ..Rules::default() }
    }

    fn ask(pacer: &mut Pacer, rules: &Rules, user: u64, ms: u64, directly: bool) -> Pace {
        let conversation = ConversationId::of_person(2, user);
        let asked = Asked { id: at(ms), guild: Id::new(1), user: Id::new(user), conversation: &conversation, directly };
        pacer.judge(&asked, rules)
    }

    #[test]
    fn a_pause_is_asked_for_once() {
        let (mut pacer, rules) = (Pacer::default(), rules(10, 0));
        let notice = Pace::Refused(Some(Notice::Cooldown { seconds: 10 }));
        assert_eq!(ask(&mut pacer, &rules, 1, 0, true), Pace::Fine);
        assert_eq!(ask(&mut pacer, &rules, 1, 3_000, true), notice);
        assert_eq!(ask(&mut pacer, &rules, 1, 4_000, true), Pace::Refused(None));
        assert_eq!(ask(&mut pacer, &rules, 2, 4_000, true), Pace::Fine, "another person");
        assert_eq!(
            ask(&mut pacer, &rules, 1, 10_000, true),
            Pace::Fine,
            "a refused question does not prolong the pause"
        );
        assert_eq!(ask(&mut pacer, &rules, 1, 11_000, true), notice, "a new window");
    }

    #[test]
    fn what_is_replayed_is_judged_alike() {
        let (mut pacer, rules) = (Pacer::default(), rules(10, 0));
        let first: Vec<Pace> = [0, 3_000, 12_000].map(|ms| ask(&mut pacer, &rules, 1, ms, true)).to_vec();
        let again: Vec<Pace> = [0, 3_000, 12_000].map(|ms| ask(&mut pacer, &rules, 1, ms, true)).to_vec();
        assert_eq!((first[0], first[2]), (again[0], again[2]));
        assert_ne!(again[1], Pace::Fine);
    }

    #[test]
    fn a_conversation_has_so_many_questions_an_hour() {
        let (mut pacer, rules) = (Pacer::default(), rules(0, 2));
        let minutes = |n: u64| n * 60_000;
        for n in [0, 10] {
            assert_eq!(ask(&mut pacer, &rules, 1, minutes(n), true), Pace::Fine);
        }
        let notice = Pace::Refused(Some(Notice::TooMany { per_hour: 2 }));
        assert_eq!(ask(&mut pacer, &rules, 1, minutes(20), true), notice);
        assert_eq!(ask(&mut pacer, &rules, 1, minutes(30), true), Pace::Refused(None));
        assert_eq!(ask(&mut pacer, &rules, 1, minutes(60), true), Pace::Fine, "the first is an hour old");
        assert_eq!(ask(&mut pacer, &rules, 1, minutes(61), true), notice);
    }

    #[test]
    fn what_was_overheard_is_refused_in_silence_and_held_against_nobody() {
        let (mut pacer, rules) = (Pacer::default(), rules(10, 0));
        assert_eq!(ask(&mut pacer, &rules, 1, 0, false), Pace::Fine);
        assert_eq!(ask(&mut pacer, &rules, 1, 1_000, false), Pace::Refused(None));
        assert_eq!(ask(&mut pacer, &rules, 1, 2_000, true), Pace::Fine);
    }

    #[test]
    fn memory_is_bounded() {
        let (mut pacer, rules) = (Pacer::default(), rules(10, 5));
        for user in 1..=(REMEMBERED as u64 + 50) {
            ask(&mut pacer, &rules, user, user, true);
        }
        assert_eq!((pacer.people.known.len(), pacer.conversations.order.len()), (REMEMBERED, REMEMBERED));
    }

    proptest! {
        #[test]
        fn never_more_than_the_bound_in_any_hour(mut minutes in proptest::collection::vec(0_u64..200, 0..60), bound in 1_u32..5) {
            minutes.sort_unstable();
            minutes.dedup();
            let (mut pacer, rules) = (Pacer::default(), rules(0, bound));
            let fine: Vec<u64> =
                minutes.into_iter().filter(|n| ask(&mut pacer, &rules, 1, n * 60_000, true) == Pace::Fine).collect();
            for (i, &first) in fine.iter().enumerate() {
                let within = fine[i..].iter().filter(|&&other| other < first + 60).count();
                prop_assert!(within <= bound as usize);
            }
        }
    }
}
