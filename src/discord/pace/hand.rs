//! The slots that one worker has booked, and when it should book how many. Pure: clocks and the table are the caller's.

use crate::store::{Booked, Stretch};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Between two requests, in microseconds: 46.3 a second. What is left to 50 is for what cannot be known here: requests
/// that leave in time and reach Discord up to 58 ms closer together than they left, since clocks and ways differ.
pub(super) const SPACING: i64 = 21_600;

/// A slot may be used so much later; afterwards it is lost. Late requests would come too close to those behind them.
pub(super) const GRACE: Duration = Duration::from_millis(20);

/// Slots that are booked at once, at most: a worker that dies wastes a quarter of a second. The further off the slots of
/// the last booking were, the more workers want some, and the fewer each takes, so that all come to their turn.
const AT_ONCE: [(Duration, usize); 2] = [(Duration::from_millis(1_200), 12), (Duration::from_secs(2), 4)];

/// Taken for how far off they are where nothing is known: it makes a first booking a small one.
const UNKNOWN: Duration = Duration::from_millis(1_200);

/// New slots are booked so long before the last one is over, and twice as long before as the table takes.
const AHEAD: Duration = Duration::from_millis(200);

/// Nothing is booked further off, in microseconds: a clock that is wrong by less than this holds up others for as long.
const LATEST: i64 = 3_000_000;

/// What is booked further off than this was booked by a clock that is wrong: more than [`LATEST`] and what is booked at
/// once.
const ABSURD: i64 = 5_000_000;

/// Between two requests of a worker that cannot reach the table, and so does not know of the others: 10 a second.
const SPACING_ALONE: Duration = Duration::from_millis(100);

/// Booked slots of one worker.
#[derive(Debug)]
pub(super) struct Hand {
    slots: VecDeque<Instant>,
    /// The last slot, used or not.
    last: Instant,
    /// How far was booked by all when it was last heard of.
    booked: Option<Instant>,
    /// How far off the slots of the last booking were.
    off: Duration,
    /// The table said that too much is booked: not to be asked before.
    refused: Instant,
    /// How long the table takes.
    lead: Duration,
}

impl Hand {
    pub(super) fn new(now: Instant, lead: Duration) -> Self {
        Self { slots: VecDeque::new(), last: now, booked: None, off: Duration::ZERO, refused: now, lead }
    }

    /// The next slot that is not lost.
    pub(super) fn take(&mut self, now: Instant) -> Option<Instant> {
        std::iter::from_fn(|| self.slots.pop_front()).find(|slot| now <= *slot + GRACE)
    }

    /// When further slots should be booked, if they are needed.
    pub(super) fn book_at(&self) -> Instant {
        self.last.checked_sub(AHEAD + 2 * self.lead).unwrap_or(self.last).max(self.refused)
    }

    /// What to book for so many requests; `wall` is `now` by the clock that is shared.
    pub(super) fn stretch(&self, waiting: usize, now: Instant, wall: i64) -> Stretch {
        // Who has not booked for a while does not know how many others do.
        let off = if self.booked.is_some_and(|booked| booked > now) { self.off } else { UNKNOWN };
        let most = AT_ONCE.iter().find(|(below, _)| off < *below).map_or(1, |(_, most)| *most);
        let count = i64::try_from(waiting.clamp(1, most)).unwrap_or(1);
        Stretch {
            from: wall + micros(self.lead),
            length: count * SPACING,
            latest: wall + LATEST,
            absurd: wall + ABSURD,
        }
    }

    /// How far is booked, as far as is known.
    pub(super) fn seen(&self, now: Instant, wall: i64) -> Option<i64> {
        let booked = self.booked?;
        Some(wall + micros(booked.saturating_duration_since(now)) - micros(now.saturating_duration_since(booked)))
    }

    /// Takes what was booked. `asked` says when it was asked for, by both clocks, `now` when the answer came.
    pub(super) fn keep(&mut self, booked: Booked, asked: (Instant, i64), now: Instant, jitter: Duration) {
        let at = |time: i64| asked.0 + Duration::from_micros(u64::try_from(time - asked.1).unwrap_or(0));
        self.booked = Some(at(booked.next));
        self.off = at(booked.start.unwrap_or(booked.next)) - asked.0;
        match booked.start {
            Some(start) => {
                let times = (start..booked.next).step_by(usize::try_from(SPACING).unwrap_or(usize::MAX));
                self.slots.extend(times.map(at));
                self.last = self.slots.back().copied().unwrap_or(self.last).max(self.last);
            }
            None => self.refused = at(booked.next - LATEST) + jitter,
        }
        let took = now - asked.0;
        self.lead = if took > self.lead { took + took / 4 } else { (self.lead * 7 + took) / 8 };
    }

    /// Gives itself a slot without asking anybody.
    pub(super) fn go_alone(&mut self, now: Instant) {
        self.last = now.max(self.last + SPACING_ALONE);
        self.slots.push_back(self.last);
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
