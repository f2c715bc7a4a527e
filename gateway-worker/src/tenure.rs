//! Whether this worker may still act for the sessions that it holds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A worker that could not raise its counter for so long stops by itself. Others take over after
/// [`DEAD_AFTER`](crate::fleet::DEAD_AFTER), which is longer by the time that a sign of life may travel.
pub const FENCED_AFTER: Duration = Duration::from_secs(2);

/// The signs of life that this worker has given, by its own clock that only goes forward.
#[derive(Debug, Clone)]
pub struct Tenure {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    /// Nobody else can take anything over.
    alone: bool,
    last: Instant,
    /// Counts the times that it had lapsed and began anew. What was held before is lost.
    term: u64,
}

/// Permission for what was taken in one term.
#[derive(Debug, Clone)]
pub struct Permit {
    tenure: Tenure,
    term: u64,
}

impl Tenure {
    /// Begins now. A worker that is `alone` never loses it.
    pub fn new(alone: bool, now: Instant) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { alone, last: now, term: 0 })) }
    }

    /// A sign of life that was begun at `sent` has arrived.
    pub fn renew(&self, sent: Instant) {
        self.with(|inner| {
            if !inner.alone && sent.duration_since(inner.last) > FENCED_AFTER {
                inner.term += 1;
            }
            inner.last = inner.last.max(sent);
        });
    }

    /// Permission to act for what is taken now; none while there is no sign of life.
    pub fn permit(&self, now: Instant) -> Option<Permit> {
        let permit = Permit { tenure: self.clone(), term: self.with(|inner| inner.term) };
        permit.holds(now).then_some(permit)
    }

    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Permit {
    /// Whether it still holds. Once it does not, it never does again.
    pub fn holds(&self, now: Instant) -> bool {
        self.tenure
            .with(|inner| inner.alone || inner.term == self.term && now.duration_since(inner.last) <= FENCED_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_slept_has_lost_what_it_held() {
        let start = Instant::now();
        let tenure = Tenure::new(false, start);
        let before = tenure.permit(start).unwrap();
        tenure.renew(start + Duration::from_secs(1));
        assert!(before.holds(start + Duration::from_secs(3)));
        let late = start + Duration::from_mins(1);
        assert!(!before.holds(late) && tenure.permit(late).is_none());
        // The first sign of life after it may arrive before anybody has looked.
        tenure.renew(late);
        assert!(!before.holds(late));
        assert!(tenure.permit(late).unwrap().holds(late));
        assert!(Tenure::new(true, start).permit(late).is_some());
    }
}
