//! How long to wait before the next connection.

use rand::{Rng, RngExt as _};
use std::time::Duration;

/// The first pause; each further failure doubles it.
const FIRST: Duration = Duration::from_secs(1);

/// No pause is longer.
const LONGEST: Duration = Duration::from_mins(1);

/// No pause is longer after a connection that was ready, however short: Discord holds a session for a few minutes only.
const LONGEST_AFTER_READY: Duration = Duration::from_secs(5);

/// A connection that lasted this long shows that connecting works.
const LASTED: Duration = Duration::from_secs(10);

/// Pauses that grow while nothing works.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after a connection that was ready for so long, or never: none after one that worked, so that a resume
    /// asked for by Discord loses no time, and half to all of a growing time after others, so that many do not come at once.
    pub fn after(&mut self, ready_for: Option<Duration>, rng: &mut impl Rng) -> Duration {
        if ready_for.is_some_and(|lasted| lasted >= LASTED) {
            self.failures = 0;
        }
        let failures = self.failures;
        self.failures = failures.saturating_add(1);
        if failures == 0 && ready_for.is_some() {
            return Duration::ZERO;
        }
        let longest = if ready_for.is_some() { LONGEST_AFTER_READY } else { LONGEST };
        let full = FIRST.saturating_mul(1 << failures.min(6)).min(longest);
        full.mul_f64(rng.random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_worked_is_tried_again_at_once_and_what_does_not_ever_more_slowly() {
        let (mut backoff, mut rng) = (Backoff::default(), rand::rng());
        assert_eq!(backoff.after(Some(Duration::from_mins(5)), &mut rng), Duration::ZERO);
        assert_eq!(backoff.after(Some(Duration::from_mins(5)), &mut rng), Duration::ZERO);
        let mut last = Duration::ZERO;
        for _ in 0..5 {
            let pause = backoff.after(None, &mut rng);
            assert!(pause >= last.mul_f64(0.99) || last >= LONGEST / 2, "{pause:?} after {last:?}");
            last = pause;
        }
        for _ in 0..100 {
            last = backoff.after(None, &mut rng);
        }
        assert!(last >= LONGEST / 2 && last <= LONGEST);
        last = backoff.after(Some(Duration::from_millis(1)), &mut rng);
        assert!(last >= LONGEST_AFTER_READY / 2 && last <= LONGEST_AFTER_READY);
    }
}
