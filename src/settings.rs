//! What an account has set for one of its servers.

use crate::ids::AccountId;
use crate::sentences::Lang;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use twilight_model::id::{
    Id,
    marker::{GenericMarker, GuildMarker},
};

/// Characters of [`GuildSettings::instructions`]: a page, which every prompt of the server has room for.
pub const MAX_INSTRUCTIONS_CHARS: usize = 4_000;

/// Characters of [`GuildSettings::persona`]: a few sentences.
pub const MAX_PERSONA_CHARS: usize = 500;

/// Ids on one list. With several hundred, a role is the better tool.
pub const MAX_LISTED: usize = 200;

/// The longest pause between two questions of one person: a day.
pub const MAX_COOLDOWN_SECONDS: u32 = 86_400;

/// The largest bound of questions within an hour; whoever wants more wants none.
pub const MAX_QUESTIONS_PER_HOUR: u32 = 1_000;

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
    /// What people call it, as Discord said when it was last asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The hash of its icon, from the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
}

impl Guild {
    /// A server in which everything is as it is at first.
    pub fn new(id: Id<GuildMarker>, account: AccountId) -> Self {
        Self { id, account, settings: GuildSettings::default(), version: 0, left_at: None, name: None, icon: None }
    }
}

/// How Guildhall behaves in one server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuildSettings {
    /// Who the model is to be, and in which tone it speaks, as an admin wants it; trusted, unlike anything members write.
    pub persona: String,
    /// What an admin wants the model to know about the team, and to do; trusted as well.
    pub instructions: String,
    /// In what Guildhall and the model speak; none for the language of each question, else that of the person's Discord.
    pub language: Option<Lang>,
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

impl GuildSettings {
    /// Whether every value is within its bounds; the first that is not.
    pub fn check(&self) -> Result<(), OutOfBounds> {
        self.faults().into_iter().next().map_or(Ok(()), Err)
    }

    /// Every value that is not within its bounds.
    pub fn faults(&self) -> Vec<OutOfBounds> {
        let mut faults = Vec::new();
        if self.persona.chars().count() > MAX_PERSONA_CHARS {
            faults.push(OutOfBounds::Persona);
        }
        if self.instructions.chars().count() > MAX_INSTRUCTIONS_CHARS {
            faults.push(OutOfBounds::Instructions);
        }
        let lists = [
            ("channels.allow", &self.channels.allow),
            ("channels.deny", &self.channels.deny),
            ("roles.allow", &self.roles.allow),
            ("roles.deny", &self.roles.deny),
        ];
        let too_long = lists.iter().filter(|(_, list)| list.len() > MAX_LISTED);
        faults.extend(too_long.map(|(name, _)| OutOfBounds::List(name)));
        if self.cooldown_seconds > MAX_COOLDOWN_SECONDS {
            faults.push(OutOfBounds::Cooldown);
        }
        if self.questions_per_hour > MAX_QUESTIONS_PER_HOUR {
            faults.push(OutOfBounds::QuestionsPerHour);
        }
        faults
    }
}

/// A setting that is not within its bounds. As text, a sentence that names it as the API does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfBounds {
    /// [`GuildSettings::persona`].
    #[error("`persona` must have at most {MAX_PERSONA_CHARS} characters.")]
    Persona,
    /// [`GuildSettings::instructions`].
    #[error("`instructions` must have at most {MAX_INSTRUCTIONS_CHARS} characters.")]
    Instructions,
    /// The list of this name.
    #[error("`{0}` must have at most {MAX_LISTED} ids.")]
    List(&'static str),
    /// [`GuildSettings::cooldown_seconds`].
    #[error("`cooldown_seconds` must be between 0 and {MAX_COOLDOWN_SECONDS}, which is a day.")]
    Cooldown,
    /// [`GuildSettings::questions_per_hour`].
    #[error("`questions_per_hour` must be between 0 and {MAX_QUESTIONS_PER_HOUR}; 0 is no bound.")]
    QuestionsPerHour,
}

/// Which messages of a server are questions. `/ask` always works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum ResponseMode {
    /// None: only the command is answered.
    Command,
    /// Those that mention the bot or its own role, or reply to it.
    #[default]
    Mention,
    /// All of them.
    AllMessages {
        /// Stay silent on casual talk and on what nobody asked the bot.
        smart: bool,
        /// Understand a channel as one conversation of everybody, not one for each person.
        channel_context: bool,
    },
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
    fn what_is_out_of_bounds_is_named() {
        let fine = GuildSettings {
            persona: "é".repeat(MAX_PERSONA_CHARS),
            instructions: "é".repeat(MAX_INSTRUCTIONS_CHARS),
            cooldown_seconds: MAX_COOLDOWN_SECONDS,
            questions_per_hour: MAX_QUESTIONS_PER_HOUR,
            ..GuildSettings::default()
        };
        assert_eq!(fine.check(), Ok(()));
        let many = Access { allow: BTreeSet::new(), deny: (1..=201).map(Id::new).collect() };
        for (settings, named) in [
            (GuildSettings { persona: "x".repeat(501), ..fine.clone() }, "`persona`"),
            (GuildSettings { instructions: "x".repeat(4_001), ..fine.clone() }, "`instructions`"),
            (GuildSettings { cooldown_seconds: 86_401, ..fine.clone() }, "`cooldown_seconds`"),
            (GuildSettings { questions_per_hour: 1_001, ..fine.clone() }, "`questions_per_hour`"),
            (GuildSettings { roles: many, ..fine }, "`roles.deny`"),
        ] {
            assert!(settings.check().unwrap_err().to_string().starts_with(named));
        }
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
        assert_eq!((settings.response_mode, settings.persona.as_str()), (ResponseMode::Mention, ""));
        assert!(settings.channels.is_open() && settings.roles.is_open());
        let mode = r#"{"response_mode":{"mode":"all_messages","smart":true,"channel_context":false}}"#;
        let settings: GuildSettings = serde_json::from_str(mode).unwrap();
        assert_eq!(settings.response_mode, ResponseMode::AllMessages { smart: true, channel_context: false });
    }
}
