//! What the gateway saw, for assertions.

use std::time::Instant;

/// How the gateway answered an IDENTIFY or a RESUME.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// READY, or the replay and RESUMED.
    Accepted,
    /// `INVALID_SESSION`, and whether it may be tried again.
    InvalidSession(bool),
    /// This close code.
    Closed(u16),
    /// A planned fault came instead.
    Fault,
}

/// One IDENTIFY.
#[derive(Debug, Clone)]
pub struct Identify {
    /// When it arrived.
    pub at: Instant,
    /// Shard id and number of shards.
    pub shard: (u64, u64),
    /// The intents it asked for.
    pub intents: u64,
    /// Whether the connection is a zstd stream.
    pub zstd: bool,
    /// The answer.
    pub outcome: Outcome,
    /// The session that began, if one did.
    pub session_id: Option<String>,
}

/// One RESUME.
#[derive(Debug, Clone)]
pub struct Resume {
    /// When it arrived.
    pub at: Instant,
    /// The session that it wanted.
    pub session_id: String,
    /// That session's shard, if there is such a session.
    pub shard: Option<(u64, u64)>,
    /// The last sequence number that the client says it has.
    pub seq: u64,
    /// Frames that were to be replayed, RESUMED apart.
    pub replayed: u64,
    /// Whether the connection came to the address that READY gave for it.
    pub at_resume_url: bool,
    /// The answer.
    pub outcome: Outcome,
}

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The client, with a close frame.
    Client,
    /// The gateway, with a close frame.
    Discord,
    /// Nobody said so: the connection broke, or was cut.
    Nobody,
}

/// One connection that ended.
#[derive(Debug, Clone)]
pub struct Closed {
    /// When it ended.
    pub at: Instant,
    /// The session that it belonged to, if it ever did.
    pub session_id: Option<String>,
    /// That session's shard.
    pub shard: Option<(u64, u64)>,
    /// Who ended it.
    pub by: By,
    /// The close code, if there was one.
    pub code: Option<u16>,
}

/// Everything about one bot's gateway so far.
#[derive(Debug, Clone, Default)]
pub struct GatewayRecord {
    /// IDENTIFYs in order.
    pub identifies: Vec<Identify>,
    /// RESUMEs in order.
    pub resumes: Vec<Resume>,
    /// Ended connections in order; those that never said whose they are count as the first bot's.
    pub closes: Vec<Closed>,
    /// What Discord forbids and the client did: IDENTIFYs too soon or beyond the budget, too many sends. Empty, always.
    pub violations: Vec<String>,
    /// Heartbeats that came.
    pub heartbeats: usize,
    /// Other commands that came, as opcodes.
    pub commands: Vec<u64>,
}
