//! Runs a reader of a complicated format so that its mistakes stay its own.

use std::panic::AssertUnwindSafe;
use std::sync::mpsc;
use std::time::Duration;

use super::SourceError;

/// Readers descend once per level of nesting. Only pages that are touched take memory.
const STACK_BYTES: usize = 64 << 20;

/// Runs `read` on a thread of its own and gives up on it after `limit`. A panic becomes an error.
///
/// A thread cannot be ended from outside, so `read` should look at the clock as well where it can.
pub(super) fn run<T: Send + 'static>(
    limit: Duration,
    read: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    let (send, receive) = mpsc::sync_channel(1);
    let guarded = move || {
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(read));
        // Nobody listens any more if it took too long.
        let _ = send.send(outcome);
    };
    std::thread::Builder::new()
        .name("extract".into())
        .stack_size(STACK_BYTES)
        .spawn(guarded)
        .map_err(|_| SourceError::Busy)?;
    match receive.recv_timeout(limit) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) | Err(mpsc::RecvTimeoutError::Disconnected) => Err(SourceError::DamagedFile),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(SourceError::SlowFile),
    }
}
