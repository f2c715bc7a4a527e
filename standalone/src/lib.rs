//! Guildhall on one machine.

pub mod cli; // what can be typed
pub mod client; // the API, from the other side
pub mod commands; // what the commands do
