//! How far a session has come: which of its events may be forgotten, because nothing more is to be done for them.

use std::collections::{BTreeSet, VecDeque};

/// Sequence numbers that were passed over and may still come. A gateway counts without gaps; this only bounds nonsense: a
/// number that passes over more than so many at once is none.
const MOST_GAPS: usize = 1_024;

/// What a sequence number says of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is new. What is done with it goes by this ticket.
    New(u64),
    /// It was here before.
    Again,
    /// It is so far from the newest that it cannot be right. Nothing was noted: after a resume, what was missed comes again.
    Absurd,
}

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
    /// Tickets in order, each with how often it is still to be [`done`](Self::done); the first one's is never 0.
    outstanding: VecDeque<(u64, u32)>,
    /// The same of earlier sessions: what Discord cannot send again. None of them is done.
    stranded: VecDeque<(u64, u32)>,
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
        self.stranded.extend(self.outstanding.drain(..).filter(|&(_, left)| left > 0));
        self.gaps.clear();
    }

    /// Takes note of an event, which is to be done once.
    pub fn see(&mut self, seq: u64) -> Seen {
        let Some(ticket) = self.base.checked_add(seq) else { return Seen::Absurd };
        if ticket > self.newest {
            if ticket - self.newest > MOST_GAPS as u64 {
                return Seen::Absurd;
            }
            self.gaps.extend(self.newest + 1..ticket);
            while self.gaps.len() > MOST_GAPS {
                self.gaps.pop_first();
            }
            self.newest = ticket;
            self.outstanding.push_back((ticket, 1));
            return Seen::New(ticket);
        }
        if !self.gaps.remove(&ticket) {
            return Seen::Again;
        }
        let place = self.outstanding.partition_point(|&(other, _)| other < ticket);
        self.outstanding.insert(place, (ticket, 1));
        Seen::New(ticket)
    }

    /// One thing more is to be done for this event than was known. Said before the last of them is.
    pub fn more(&mut self, ticket: u64) {
        for events in [&mut self.outstanding, &mut self.stranded] {
            if let Some(place) = place_of(events, ticket) {
                events[place].1 += 1;
            }
        }
    }

    /// One of the things that were to be done for this event is done. Unknown ones change nothing.
    pub fn done(&mut self, ticket: u64) {
        if let Some(place) = place_of(&self.stranded, ticket) {
            self.stranded[place].1 -= 1;
            if self.stranded[place].1 == 0 {
                self.stranded.remove(place);
            }
            return;
        }
        if let Some(place) = place_of(&self.outstanding, ticket) {
            let left = &mut self.outstanding[place].1;
            *left = left.saturating_sub(1);
        }
        while let Some(&(_, 0)) = self.outstanding.front() {
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

    /// Events of earlier sessions that are not done: whoever drops them loses them.
    pub fn stranded(&self) -> usize {
        self.stranded.len()
    }
}

fn place_of(events: &VecDeque<(u64, u32)>, ticket: u64) -> Option<usize> {
    events.binary_search_by_key(&ticket, |&(other, _)| other).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ticket(seen: Seen) -> Option<u64> {
        match seen {
            Seen::New(ticket) => Some(ticket),
            Seen::Again | Seen::Absurd => None,
        }
    }

    #[test]
    fn the_first_that_is_not_done_holds_up_what_is_stored() {
        let mut mark = Watermark::resumed_at(10);
        for seq in 11..=14 {
            assert_eq!(mark.see(seq), Seen::New(seq));
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
        let old: Vec<u64> = (1..=3).filter_map(|seq| ticket(mark.see(seq))).collect();
        mark.start_session();
        let new: Vec<u64> = (1..=3).filter_map(|seq| ticket(mark.see(seq))).collect();
        mark.more(old[0]);
        for (n, &ticket) in old.iter().enumerate() {
            assert!(!new.contains(&ticket));
            assert_eq!(mark.stranded(), 3 - n.saturating_sub(1), "there are two things to do for the first");
            mark.done(ticket);
        }
        mark.done(old[0]);
        assert_eq!((mark.storable(), mark.newest(), mark.stranded()), (0, 3, 0));
        mark.done(new[0]);
        assert_eq!(mark.storable(), 1);
    }

    #[test]
    fn repetitions_are_told_from_what_comes_late() {
        let mut mark = Watermark::default();
        assert_eq!([1, 3, 3, 1, 2, 2].map(|seq| ticket(mark.see(seq))), [Some(1), Some(3), None, None, Some(2), None]);
    }

    #[test]
    fn an_event_with_several_jobs_is_done_with_the_last_of_them() {
        let mut mark = Watermark::default();
        for seq in 1..=2 {
            mark.see(seq);
        }
        for _ in 0..2 {
            mark.more(1);
        }
        mark.done(2);
        for _ in 0..2 {
            mark.done(1);
            assert_eq!(mark.storable(), 0);
        }
        mark.done(1);
        assert_eq!((mark.storable(), mark.outstanding()), (2, 0));
    }

    #[test]
    fn a_number_that_cannot_be_right_changes_nothing() {
        let mut mark = Watermark::resumed_at(10);
        let next = mark.see(11);
        for absurd in [1 << 53, u64::MAX - 1, u64::MAX, 11 + MOST_GAPS as u64 + 1] {
            assert_eq!(mark.see(absurd), Seen::Absurd, "{absurd}");
        }
        assert_eq!((mark.storable(), mark.newest(), mark.gaps.len()), (10, 11, 0));
        mark.done(ticket(next).unwrap());
        assert_eq!((mark.storable(), mark.see(12)), (11, Seen::New(12)), "what comes next is heard");
        mark.start_session();
        assert_eq!(mark.see(u64::MAX), Seen::Absurd);
    }

    #[test]
    fn gaps_are_bounded_however_many_there_are() {
        let mut mark = Watermark::default();
        for seq in (1_000..100_000).step_by(1_000) {
            assert!(matches!(mark.see(seq), Seen::New(_)));
            assert!(mark.gaps.len() <= MOST_GAPS);
        }
        assert!(matches!(mark.see(98_999), Seen::New(_)), "the newest ones are kept");
    }

    proptest! {
        /// Whatever comes in whatever order: what is stored never goes back, never passes an event that is seen and not done
        /// unless it came after that was stored, and reaches the newest once all is done.
        #[test]
        fn nothing_is_stored_too_early(
            steps in proptest::collection::vec((any::<bool>(), prop_oneof![9 => 1_u64..60, 1 => any::<u64>()]), 1..300),
        ) {
            let mut mark = Watermark::default();
            let mut open = BTreeSet::new();
            let mut before = 0;
            for (arrives, n) in steps {
                if arrives {
                    if let Some(ticket) = ticket(mark.see(n)) {
                        prop_assert!(open.insert(ticket));
                    }
                } else if let Some(&ticket) = open.iter().nth(usize::try_from(n % 60).unwrap() % open.len().max(1)) {
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
