//! How far a session has come: which of its events may be forgotten, because nothing more is to be done for them.

use std::collections::{BTreeSet, VecDeque};

/// Sequence numbers that were passed over and may still come. A gateway counts without gaps; this only bounds nonsense.
const MOST_GAPS: u64 = 1_024;

/// What is outstanding of one session.
///
/// Discord counts the events of each of its sessions from 1. Work of an earlier session may still be under way when the
/// next one begins, so everybody but the lease counts on: the number handed out for an event, its ticket, never comes
/// twice.
#[derive(Debug, Default)]
pub struct Watermark {
    /// Added to a sequence number to make a ticket.
    base: u64,
    /// The newest ticket.
    newest: u64,
    /// Everything that may not be stored as done is at or after this.
    stored: u64,
    /// Tickets in order, each with whether it is done; the first one is not.
    outstanding: VecDeque<(u64, bool)>,
    /// Passed over, not seen yet.
    gaps: BTreeSet<u64>,
}

impl Watermark {
    /// A session that is taken up after the event `seq`.
    pub fn resumed_at(seq: u64) -> Self {
        Self { newest: seq, stored: seq, ..Self::default() }
    }

    /// Discord has begun a new session that counts from 1. What is outstanding of the old one will be done, but cannot be
    /// replayed any more, so it holds nothing up.
    pub fn start_session(&mut self) {
        self.base = self.newest;
        self.stored = self.newest;
        self.outstanding.clear();
        self.gaps.clear();
    }

    /// Takes note of an event. Its ticket, or none for a repetition.
    pub fn see(&mut self, seq: u64) -> Option<u64> {
        let ticket = self.base.checked_add(seq)?;
        if ticket > self.newest {
            if ticket - self.newest - 1 <= MOST_GAPS && self.gaps.len() < 1_024 {
                self.gaps.extend(self.newest + 1..ticket);
            }
            self.newest = ticket;
            self.outstanding.push_back((ticket, false));
            return Some(ticket);
        }
        if !self.gaps.remove(&ticket) {
            return None;
        }
        let place = self.outstanding.partition_point(|&(other, _)| other < ticket);
        self.outstanding.insert(place, (ticket, false));
        Some(ticket)
    }

    /// Nothing more is to be done for this event. Unknown ones and those of an earlier session change nothing.
    pub fn done(&mut self, ticket: u64) {
        if let Ok(place) = self.outstanding.binary_search_by_key(&ticket, |&(other, _)| other) {
            self.outstanding[place].1 = true;
        }
        while let Some(&(_, true)) = self.outstanding.front() {
            self.outstanding.pop_front();
        }
        let reached = self.outstanding.front().map_or(self.newest, |&(first, _)| first - 1);
        self.stored = self.stored.max(reached);
    }

    /// The sequence number after which a session may be resumed without losing anything. Never goes back.
    pub fn storable(&self) -> u64 {
        self.stored - self.base
    }

    /// The newest sequence number: where to resume as long as what is outstanding is in memory.
    pub fn newest(&self) -> u64 {
        self.newest - self.base
    }

    /// Events from the oldest that is not done to the newest.
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_that_is_not_done_holds_up_what_is_stored() {
        let mut mark = Watermark::resumed_at(10);
        for seq in 11..=14 {
            assert_eq!(mark.see(seq), Some(seq));
        }
        mark.done(12);
        mark.done(13);
        assert_eq!(mark.storable(), 10);
        mark.done(11);
        assert_eq!(mark.storable(), 13);
        mark.done(14);
        assert_eq!((mark.storable(), mark.newest(), mark.outstanding()), (14, 14, 0));
    }

    #[test]
    fn work_of_an_earlier_session_does_not_count_for_the_next() {
        let mut mark = Watermark::default();
        let old: Vec<u64> = (1..=3).filter_map(|seq| mark.see(seq)).collect();
        mark.start_session();
        let new: Vec<u64> = (1..=3).filter_map(|seq| mark.see(seq)).collect();
        for ticket in old {
            assert!(!new.contains(&ticket));
            mark.done(ticket);
        }
        assert_eq!((mark.storable(), mark.newest()), (0, 3));
        mark.done(new[0]);
        assert_eq!(mark.storable(), 1);
    }

    #[test]
    fn repetitions_are_told_from_what_comes_late() {
        let mut mark = Watermark::default();
        assert!(mark.see(1).is_some() && mark.see(3).is_some());
        assert!(mark.see(3).is_none() && mark.see(1).is_none());
        assert!(mark.see(2).is_some());
        assert!(mark.see(2).is_none());
        assert!(mark.see(u64::MAX - 1).is_some());
        mark.start_session();
        assert!(mark.see(u64::MAX).is_none());
    }

    proptest! {
        /// Whatever comes in whatever order: what is stored never goes back, never passes an event that is seen and not done
        /// unless it came after that was stored, and reaches the newest once all is done.
        #[test]
        fn nothing_is_stored_too_early(steps in proptest::collection::vec((any::<bool>(), 1_u64..60), 1..300)) {
            let mut mark = Watermark::default();
            let mut open = BTreeSet::new();
            let mut before = 0;
            for (arrives, n) in steps {
                if arrives {
                    if let Some(ticket) = mark.see(n) {
                        prop_assert!(open.insert(ticket));
                    }
                } else if let Some(&ticket) = open.iter().nth(usize::try_from(n).unwrap() % open.len().max(1)) {
                    open.remove(&ticket);
                    mark.done(ticket);
                }
                prop_assert!(mark.storable() >= before && mark.storable() <= mark.newest());
                if mark.storable() > before {
                    prop_assert!(open.first().is_none_or(|&first| mark.storable() < first));
                }
                before = mark.storable();
            }
            for ticket in open {
                mark.done(ticket);
            }
            prop_assert!(mark.storable() == mark.newest() && mark.outstanding() == 0);
        }
    }
}
