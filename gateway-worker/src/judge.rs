//! What a session makes of its events. Everything is nothing for now.

use guildhall::job::Job;
use jiff::Timestamp;
use std::time::Instant;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, UserMarker},
};

/// When a judge began.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// By the clock on the wall.
    pub started: Timestamp,
    /// The same moment by the clock that only goes forward.
    pub began: Instant,
}

/// Something that has to be looked up out of line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lookup {}

/// What a lookup found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {}

/// What is to be done.
#[derive(Debug, Default)]
pub struct Outputs {
    /// Jobs, each with the events that are done when the queue has accepted it.
    pub jobs: Vec<(Vec<u64>, Job)>,
    /// Events that are done.
    pub done: Vec<u64>,
    /// What has to be looked up.
    pub lookups: Vec<Lookup>,
    /// Interactions: the whole frame.
    pub interactions: Vec<(u64, String)>,
    /// Whether some server is set to all messages.
    pub wants_content: bool,
}

/// Judges the events of one session.
#[derive(Debug)]
pub struct Judge {
    out: Outputs,
}

impl Judge {
    /// A judge that knows nothing.
    pub fn new(_application: Id<ApplicationMarker>, _bot: Option<Id<UserMarker>>, _options: Options) -> Self {
        Self { out: Outputs::default() }
    }

    /// Takes an event.
    pub fn on_frame(&mut self, text: &str, kind: &str, seq: u64, _now: Instant) {
        if kind == "INTERACTION_CREATE" {
            self.out.interactions.push((seq, text.to_owned()));
        } else {
            self.out.done.push(seq);
        }
    }

    /// What is to be done by `now`.
    pub fn poll(&mut self, _now: Instant) -> Outputs {
        std::mem::take(&mut self.out)
    }

    /// When [`poll`](Self::poll) may have something though no event came.
    pub fn next_wake(&self) -> Option<Instant> {
        None
    }

    /// Takes what a lookup found.
    pub fn found(&mut self, lookup: Lookup, _found: Found) {
        match lookup {}
    }

    /// Whether so much waits for lookups that the session had better close and resume later.
    pub fn is_full(&self) -> bool {
        false
    }
}
