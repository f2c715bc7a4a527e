//! What Discord tells about its gateway and about an application.

use super::rest::Call;
use super::{Discord, DiscordError, ask, get};
use serde::Deserialize;
use std::time::Duration;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, GuildMarker},
};

/// Servers that Discord lists at once.
pub const MOST_GUILDS: usize = 200;

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
        let mut told: GatewayBot = ask(&*self.rest(application).await?, &get("gateway/bot".to_owned())).await?;
        let StartLimit { total, ref mut remaining, .. } = told.limit;
        if *remaining > total {
            tracing::warn!(application.id = %application, identifies.remaining = *remaining, identifies.total = total, "Discord says that more session starts are left than a day has; the day's are counted on");
            *remaining = total;
        }
        Ok(told)
    }

    /// The servers that a bot is in, by id, that come after this one: at most [`MOST_GUILDS`]. One request.
    /// [Discord Docs/User: Get Current User Guilds]
    pub async fn guilds_after(
        &self,
        application: Id<ApplicationMarker>,
        after: Option<Id<GuildMarker>>,
    ) -> Result<Vec<Id<GuildMarker>>, DiscordError> {
        #[derive(Deserialize)]
        struct Listed {
            id: Id<GuildMarker>,
        }
        let (after, limit) = (after.map_or_else(|| "0".to_owned(), |id| id.to_string()), MOST_GUILDS.to_string());
        let query = [("after", &*after), ("limit", &*limit)];
        let call = Call { query: &query, ..get("users/@me/guilds".to_owned()) };
        let listed: Vec<Listed> = ask(&*self.rest(application).await?, &call).await?;
        Ok(listed.into_iter().map(|guild| guild.id).collect())
    }
}
