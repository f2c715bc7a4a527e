//! What an account has set for one of its servers.

use crate::ids::AccountId;
use serde::{Deserialize, Serialize};
use twilight_model::id::{Id, marker::GuildMarker};

/// A server as Guildhall knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guild {
    /// Discord's id.
    pub id: Id<GuildMarker>,
    /// The account whose documents and quota it uses.
    pub account: AccountId,
    /// How Guildhall behaves in it.
    #[serde(default)]
    pub settings: GuildSettings,
}

/// How Guildhall behaves in one server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuildSettings {
    /// What an admin wants the model to know about the team and its tone; trusted, unlike anything members write.
    pub instructions: String,
}
