//! Messages that were passed on as questions a short while ago: whose changes matter.

use crate::frame::Snowflake;
use guildhall::ids::snowflake_time;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// How long after a message its change or removal still has an effect.
pub const YOUNG: SignedDuration = SignedDuration::from_mins(15);

/// Messages that are remembered at most: at 50 questions a second, more than [`YOUNG`].
const MOST: usize = 50_000;

/// Messages that were passed on, with a fingerprint of their words.
#[derive(Debug, Default)]
pub struct Recent {
    /// By id, which is by age.
    texts: BTreeMap<Snowflake, u64>,
}

impl Recent {
    /// Remembers a message, and forgets those that are too old by `now`.
    pub fn remember(&mut self, message: Snowflake, text: &str, now: Timestamp) {
        self.texts.insert(message, fingerprint(text));
        while let Some((&oldest, _)) = self.texts.first_key_value()
            && (self.texts.len() > MOST || !is_young(oldest, now))
        {
            self.texts.pop_first();
        }
    }

    /// Whether a message was passed on.
    pub fn contains(&self, message: Snowflake) -> bool {
        self.texts.contains_key(&message)
    }

    /// Whether a message was passed on with these words.
    pub fn says(&self, message: Snowflake, text: &str) -> bool {
        self.texts.get(&message) == Some(&fingerprint(text))
    }

    /// Takes a message's words as they are now. Returns whether they are others: Discord reports a message as changed, too,
    /// when it adds a link's preview.
    pub fn changes(&mut self, message: Snowflake, text: &str) -> bool {
        let new = fingerprint(text);
        self.texts.get_mut(&message).is_some_and(|old| std::mem::replace(old, new) != new)
    }

    /// Forgets a message. Returns whether it was passed on.
    pub fn forget(&mut self, message: Snowflake) -> bool {
        self.texts.remove(&message).is_some()
    }
}

/// Whether a change of a message still has an effect.
pub fn is_young(message: Snowflake, now: Timestamp) -> bool {
    now.duration_since(snowflake_time(message.get())) < YOUNG
}

fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use twilight_model::id::Id;

    fn message(second: u64) -> Snowflake {
        Id::new((second * 1_000) << 22 | 1)
    }

    fn time(second: u64) -> Timestamp {
        snowflake_time(message(second).get())
    }

    #[test]
    fn only_new_words_are_a_change() {
        let mut recent = Recent::default();
        recent.remember(message(1), "one", time(1));
        assert!(!recent.changes(message(1), "one") && recent.changes(message(1), "two"));
        assert!(!recent.changes(message(1), "two") && !recent.changes(message(2), "two"));
        assert!(recent.forget(message(1)) && !recent.forget(message(1)));
    }

    #[test]
    fn memory_is_bounded_by_age_and_number() {
        let mut recent = Recent::default();
        for n in 0..=(MOST as u64) {
            recent.remember(Id::new(message(1).get() + n), "x", time(1));
        }
        assert!(recent.texts.len() == MOST && !recent.contains(message(1)));
        recent.remember(message(2_000), "x", time(2_000));
        assert_eq!(recent.texts.len(), 1);
    }

    #[test]
    fn a_message_that_was_forgotten_and_comes_again_counts_once() {
        let mut recent = Recent::default();
        recent.remember(message(1), "x", time(1));
        for _ in 0..MOST {
            assert!(recent.forget(message(1)));
            recent.remember(message(1), "x", time(1));
        }
        recent.remember(message(2), "x", time(2));
        assert!(recent.contains(message(1)) && recent.texts.len() == 2);
    }
}
