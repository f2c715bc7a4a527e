//! What Discord tells about its gateway and about an application.

use super::{Call, Discord, DiscordError};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;
use twilight_http_ratelimiting::Method;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, InteractionMarker},
};

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

#[derive(Deserialize)]
struct Application {
    id: Id<ApplicationMarker>,
}

impl Discord {
    /// Where the gateway is and how it may be used now. One request.
    pub async fn gateway(&self) -> Result<GatewayBot, DiscordError> {
        self.ask(&get("gateway/bot")).await
    }

    /// Whose the token is. One request.
    pub async fn own_application(&self) -> Result<Id<ApplicationMarker>, DiscordError> {
        let application: Application = self.ask(&get("applications/@me")).await?;
        Ok(application.id)
    }

    /// Answers an interaction that came over the gateway. One request; what Discord may have taken is not sent again.
    /// [Discord Docs/Receiving and Responding: Create Interaction Response]
    pub async fn respond(
        &self,
        interaction: Id<InteractionMarker>,
        token: &str,
        response: &Value,
    ) -> Result<(), DiscordError> {
        let path = format!("interactions/{interaction}/{token}/callback");
        let call = Call { method: Method::Post, path, query: &[], body: Some(response), as_bot: false };
        self.rest.send(&call).await.map(drop)
    }
}

fn get(path: &str) -> Call<'static> {
    Call { method: Method::Get, path: path.to_owned(), query: &[], body: None, as_bot: true }
}
