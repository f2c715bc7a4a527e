//! What a test may set about one bot's gateway.

use std::time::Duration;

/// One bot's gateway. The defaults are Discord's, where Discord says.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// The interval that HELLO names.
    pub heartbeat: Duration,
    /// How many shards `GET /gateway/bot` recommends.
    pub shards: u64,
    /// IDENTIFYs a day.
    pub total: u32,
    /// Buckets that may IDENTIFY at the same time: bucket = shard id % this.
    pub max_concurrency: u64,
    /// How long a bucket is closed after an IDENTIFY.
    pub identify_window: Duration,
    /// After how long the daily budget is whole again.
    pub day: Duration,
    /// Whether the application has the `MESSAGE_CONTENT` intent switched on.
    pub message_content: bool,
    /// How many frames a session keeps for replay; older ones are gone, and RESUMEs from before them fail.
    pub replay_frames: usize,
    /// How long a session without a connection can be resumed. Discord says "a few minutes".
    pub resume_window: Duration,
    /// More guilds than this on one shard: close 4011.
    pub guilds_per_shard: usize,
    /// What a client may send in 60 seconds; one more: close 4008.
    pub sends_per_minute: u32,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(41_250),
            shards: 1,
            total: 1_000,
            max_concurrency: 1,
            identify_window: Duration::from_secs(5),
            day: Duration::from_hours(24),
            message_content: true,
            replay_frames: 50_000,
            resume_window: Duration::from_mins(3),
            guilds_per_shard: 2_500,
            sends_per_minute: 120,
        }
    }
}
