//! The test world: what stands around Guildhall, as real servers on loopback, for stories and for benches.
//!
//! The fakes know the outside's rules (Discord's validation, rate limits and life of a token) and nothing of how
//! Guildhall is built inside.

pub mod browser; // cookies, redirects, and where a request comes from
pub mod chromium; // a real browser without a window
pub mod documents; // files as people upload them
pub mod fake_discord; // Discord: REST, signed interactions, and what members see
pub mod fake_model; // an OpenAI-compatible server: chat completions and embeddings
pub mod fake_site; // a website for the crawler, with everything that goes wrong on websites
pub mod fake_smtp; // a mail server
pub mod local_aws; // AWS on loopback: a table and queues
pub mod process; // the real binary in its own process, to be killed and started again
pub mod python; // virtual environments of the tests' own
pub mod server; // loopback servers, the HTTP client, polling
pub mod workers; // several workers' clients of Discord on one table
pub mod world; // all of it together: what a story begins with

/// What stories with much chance in them begin with: what people and faults do depends on nothing else. `STORY_SEED` is
/// another one.
///
/// # Panics
/// When that is no whole number.
pub fn seed() -> u64 {
    std::env::var("STORY_SEED").map_or(20_261_124, |seed| seed.parse().expect("STORY_SEED is a whole number"))
}
