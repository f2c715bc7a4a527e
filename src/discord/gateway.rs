//! What Discord tells about its gateway and about an application.

use super::{Discord, DiscordError, ask, get};
use serde::Deserialize;
use std::time::Duration;
use twilight_model::id::{Id, marker::ApplicationMarker};

/// Where the gateway is and how it may be used now. [Discord Docs/Gateway: Get Gateway Bot]
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GatewayBot {
    /// Where to connect.
    pub url: String,
    /// Shards that Discord recommends.
    pub shards: u32,
    /// How often sessions may be started.
    #[serde(rename = "session_start_limit")]
    pub limit: StartLimit,
}

/// How often sessions may be started: each identify is one. [Discord Docs/Gateway: Session Start Limit Object]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct StartLimit {
    /// Starts in a day.
    pub total: u32,
    /// Starts that are left until the reset. Discord takes the token away from a bot that goes on without any.
    pub remaining: u32,
    /// Milliseconds until the reset.
    pub reset_after: u64,
    /// Shards that may identify within the same five seconds.
    pub max_concurrency: u32,
}

impl StartLimit {
    /// Time until the reset.
    pub fn reset_after(&self) -> Duration {
        Duration::from_millis(self.reset_after)
    }
}

impl Discord {
    /// Where the gateway is and how it may be used now. One request.
    pub async fn gateway(&self, application: Id<ApplicationMarker>) -> Result<GatewayBot, DiscordError> {
        ask(self.rest(application).await?, &get("gateway/bot".to_owned())).await
    }
}
