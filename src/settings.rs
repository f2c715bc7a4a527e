//! What an account has set for one of its servers.

use crate::ids::AccountId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use twilight_model::id::{
    Id,
    marker::{GenericMarker, GuildMarker},
};

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
    /// Counts the changes of `settings`, so that none is overwritten unseen.
    #[serde(default)]
    pub version: u64,
    /// Since when the bot is no longer in it; none while it is, as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at: Option<Timestamp>,
}

impl Guild {
    /// A server in which everything is as it is at first.
    pub fn new(id: Id<GuildMarker>, account: AccountId) -> Self {
        Self { id, account, settings: GuildSettings::default(), version: 0, left_at: None }
    }
}

/// How Guildhall behaves in one server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuildSettings {
    /// What an admin wants the model to know about the team and its tone; trusted, unlike anything members write.
    pub instructions: String,
    /// Which messages are questions.
    pub response_mode: ResponseMode,
    /// Where questions are answered; a thread or a forum post counts as its channel.
    pub channels: Access,
    /// Whose questions are answered.
    pub roles: Access,
    /// Seconds between two questions of one person; 0 is no pause. `/ask` is not held back.
    pub cooldown_seconds: u32,
    /// Questions of one conversation that are answered within an hour; 0 is no bound.
    pub questions_per_hour: u32,
    /// Whether a question in a channel is answered in a thread of its own.
    pub answer_in_thread: bool,
}

/// Which messages of a server are questions. `/ask` always works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum ResponseMode {
    /// None: only the command is answered.
    Command,
    /// Those that mention the bot or its own role, or reply to it.
    Mention,
    /// All of them.
    AllMessages {
        /// Stay silent on casual talk and on what nobody asked the bot.
        smart: bool,
        /// Understand a channel as one conversation of everybody, not one for each person.
        channel_context: bool,
    },
}

impl Default for ResponseMode {
    fn default() -> Self {
        Self::Mention
    }
}

/// An allow and a deny list of channels or roles. Whatever is denied stays out, and where something is allowed, all else
/// stays out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Access {
    /// If it is not empty: only these.
    pub allow: BTreeSet<Id<GenericMarker>>,
    /// Never these.
    pub deny: BTreeSet<Id<GenericMarker>>,
}

impl Access {
    /// Whether everything is let in.
    pub fn is_open(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether somebody or something with these ids is let in: with one of them on the allow list if there is one, and with
    /// none of them on the deny list.
    pub fn lets_in(&self, ids: &[Id<GenericMarker>]) -> bool {
        let on = |list: &BTreeSet<Id<GenericMarker>>| ids.iter().any(|id| list.contains(id));
        (self.allow.is_empty() || on(&self.allow)) && !on(&self.deny)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(allow: &[u64], deny: &[u64]) -> Access {
        let ids = |list: &[u64]| list.iter().map(|&id| Id::new(id)).collect();
        Access { allow: ids(allow), deny: ids(deny) }
    }

    #[test]
    fn denied_wins_over_allowed_and_allowed_shuts_out_the_rest() {
        let roles = [Id::new(1), Id::new(2)];
        assert!(access(&[], &[]).lets_in(&[]) && access(&[], &[]).lets_in(&roles));
        assert!(
            access(&[2], &[]).lets_in(&roles) && !access(&[3], &[]).lets_in(&roles) && !access(&[3], &[]).lets_in(&[])
        );
        assert!(!access(&[1], &[2]).lets_in(&roles) && access(&[], &[3]).lets_in(&roles));
    }

    /// Settings written by an older version, or by hand, mean the defaults where they are silent.
    #[test]
    fn what_is_not_said_is_the_default() {
        let settings: GuildSettings = serde_json::from_str(r#"{"instructions":"Be kind."}"#).unwrap();
        assert_eq!(settings.response_mode, ResponseMode::Mention);
        assert!(settings.channels.is_open() && settings.roles.is_open());
        let mode = r#"{"response_mode":{"mode":"all_messages","smart":true,"channel_context":false}}"#;
        let settings: GuildSettings = serde_json::from_str(mode).unwrap();
        assert_eq!(settings.response_mode, ResponseMode::AllMessages { smart: true, channel_context: false });
    }
}
