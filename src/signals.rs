//! How a process that runs for long is told to stop.

use anyhow::Result;

/// Listens for Ctrl-C and SIGTERM from now on; the future ends with the first of them. Must be called within a tokio
/// runtime.
#[cfg(unix)]
pub fn asked_to_stop() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Listens for Ctrl-C; the future ends with it.
#[cfg(not(unix))]
pub fn asked_to_stop() -> Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
