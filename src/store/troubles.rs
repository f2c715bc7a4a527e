//! What servers keep the bot from doing, for the dashboard's health page.

use super::{Store, failure, keys, number, text};
use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use twilight_model::id::{
    Id,
    marker::{ChannelMarker, GuildMarker},
};

/// What has not happened again for so long is over.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What the bot may not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// Post its answers.
    Post,
    /// Start threads for its answers; they are posted as plain replies.
    StartThread,
}

/// What went wrong in a channel, the last time for this reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Where.
    pub channel: Id<ChannelMarker>,
    /// What.
    pub kind: TroubleKind,
    /// Discord's code for the reason. [Discord Docs/Opcodes and Status Codes: JSON]
    pub code: u64,
    /// How often, of every kind.
    pub count: u64,
    /// When last.
    pub last: Timestamp,
}

impl Store {
    /// Records that something went wrong. One UpdateItem.
    pub async fn record_trouble(
        &self,
        guild: Id<GuildMarker>,
        channel: Id<ChannelMarker>,
        kind: TroubleKind,
        code: u64,
        now: Timestamp,
    ) -> Result<()> {
        let kind = match kind {
            TroubleKind::Post => "post",
            TroubleKind::StartThread => "start_thread",
        };
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::trouble(guild, channel).item()))
            .update_expression(
                "SET channel = :channel, kind = :kind, #code = :code, #last = :now, expires = :expires ADD #count :one",
            )
            .expression_attribute_names("#code", "code")
            .expression_attribute_names("#last", "last")
            .expression_attribute_names("#count", "count")
            .expression_attribute_values(":channel", text(channel.to_string()))
            .expression_attribute_values(":kind", text(kind))
            .expression_attribute_values(":code", number(code))
            .expression_attribute_values(":now", text(now.to_string()))
            .expression_attribute_values(":expires", number((now + KEPT).as_second()))
            .expression_attribute_values(":one", number(1))
            .send()
            .await
            .map_err(|error| failure("record a trouble", &error))?;
        Ok(())
    }

    /// What goes wrong in a server. One Query.
    pub async fn troubles(&self, guild: Id<GuildMarker>) -> Result<Vec<Trouble>> {
        self.query_all(&keys::guild_partition(guild), keys::TROUBLE).await
    }
}
