//! Guildhall's connection to Discord's gateway: what reads messages and mentions, keeps sessions across crashes and
//! deploys, and hands work to the queue. Nothing that the queue has not accepted is ever marked as read.

pub mod backoff; // how long to wait before the next connection
pub mod fleet; // which worker keeps which session
pub mod forward; // jobs on their way to the queue
pub mod health; // whether this worker is well, and what it counts
pub mod identify; // when a session may be started
pub mod judge; // what becomes of an event
pub mod lookups; // what is done out of line
pub mod metrics; // what is counted
pub mod plan; // how an application's servers are shared out
pub mod session; // one session: read this first
pub mod tenure; // whether this worker may still act
pub mod watermark; // which events are done with
pub mod wire; // what Discord's frames and close codes mean
pub mod worker; // everything together

pub use worker::{Application, Options, run};

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// Tells tokens apart without saying anything of them.
pub fn fingerprint(token: &SecretString) -> String {
    hex::encode(&Sha256::digest(token.expose_secret())[..8])
}
