//! What checks can find: as data, so that it can be kept, compared, and told in any language.

use crate::store::SessionNotice;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use twilight_model::guild::Permissions;
use twilight_model::id::{Id, marker::ChannelMarker};

/// One check and what it has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// Since when it is so, as far as anybody has looked.
    pub since: Timestamp,
}

/// How bad it is; the worst is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CheckStatus)]
pub enum Status {
    /// Something does not work.
    Problem,
    /// Something does not work everywhere, or soon will not.
    Warning,
    /// It cannot be told now.
    Unknown,
    /// All is well.
    Ok,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Whether Discord answers, and knows the bot.
    Discord,
    /// Whether the bot is in the server.
    Membership,
    /// Whether the connection stands that hears what is said in the server.
    Gateway,
    /// Whether the bot may read messages that are not addressed to it, where it has to.
    MessageContent,
    /// Whether the bot has the permissions it needs in the channels in which it should answer.
    Permissions,
    /// Whether Discord took the answers.
    Answers,
    /// Whether what the settings name is still there.
    Settings,
    /// Whether Discord has the commands.
    Commands,
    /// Whether commands that people use get here.
    Interactions,
    /// What is left of the month's messages.
    Quota,
    /// Whether the model answers.
    Model,
    /// Whether the embeddings server answers.
    Embeddings,
    /// Whether there is something to answer from.
    Sources,
    /// Whether e-mails to the team are taken.
    Mail,
    /// Whether the tokens of the team's own bot can be sealed and opened.
    Key,
}

/// A channel in which something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Which.
    pub channel: Id<ChannelMarker>,
    /// What it is called; none where that is not known, as of a thread.
    pub name: Option<String>,
    /// What the bot lacks there.
    #[serde(default = "Permissions::empty", skip_serializing_if = "Permissions::is_empty")]
    pub missing: Permissions,
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is one sentence in `messages/health.en.ftl`, under its own name")]
pub enum Finding {
    DiscordAnswers,
    DiscordSilent,
    DiscordTokenRefused,
    DiscordNoBot,

    MemberYes,
    MemberNo,
    MemberUnknown,

    GatewayConnected,
    GatewayNotNeeded,
    GatewayConnecting,
    GatewayNone,
    GatewayLost,
    GatewayStopped {
        notice: Option<SessionNotice>,
    },

    ContentRead,
    ContentNotNeeded,
    ContentRefused,
    ContentUnknown,

    PermissionsFine {
        channels: usize,
    },
    PermissionsNotNeeded,
    /// `places` are the first of `count`.
    PermissionsMissing {
        places: Vec<Place>,
        count: usize,
        is_grave: bool,
    },
    PermissionsNowhere,
    PermissionsUnknown,

    AnswersTaken,
    AnswersRefused {
        places: Vec<Place>,
        count: usize,
    },
    ThreadsRefused {
        places: Vec<Place>,
        count: usize,
    },

    SettingsFine,
    SettingsStale {
        channels: usize,
        roles: usize,
    },
    SettingsUnknown,

    CommandsThere,
    CommandsMissing,

    InteractionsByEndpoint {
        host: String,
    },
    InteractionsByGateway,
    InteractionsLost,
    InteractionsUnknown,

    QuotaLeft {
        used: u32,
        limit: u32,
    },
    QuotaNear {
        used: u32,
        limit: u32,
    },
    QuotaUsedUp {
        limit: u32,
    },

    ModelAnswers,
    ModelNone,
    ModelFails,

    EmbeddingsAnswer,
    EmbeddingsNone,
    EmbeddingsFail,

    SourcesReady {
        count: usize,
    },
    SourcesNone,
    /// `titles` are the first of `count`.
    SourcesFailed {
        titles: Vec<String>,
        count: usize,
    },

    MailTaken,
    MailRefused,

    KeyServes,
    KeyRefused,
}

impl Finding {
    /// Which check it is of.
    pub fn code(&self) -> Code {
        match self {
            Self::DiscordAnswers | Self::DiscordSilent | Self::DiscordTokenRefused | Self::DiscordNoBot => {
                Code::Discord
            }
            Self::MemberYes | Self::MemberNo | Self::MemberUnknown => Code::Membership,
            Self::GatewayConnected
            | Self::GatewayNotNeeded
            | Self::GatewayConnecting
            | Self::GatewayNone
            | Self::GatewayLost
            | Self::GatewayStopped { .. } => Code::Gateway,
            Self::ContentRead | Self::ContentNotNeeded | Self::ContentRefused | Self::ContentUnknown => {
                Code::MessageContent
            }
            Self::PermissionsFine { .. }
            | Self::PermissionsNotNeeded
            | Self::PermissionsMissing { .. }
            | Self::PermissionsNowhere
            | Self::PermissionsUnknown => Code::Permissions,
            Self::AnswersTaken | Self::AnswersRefused { .. } | Self::ThreadsRefused { .. } => Code::Answers,
            Self::SettingsFine | Self::SettingsStale { .. } | Self::SettingsUnknown => Code::Settings,
            Self::CommandsThere | Self::CommandsMissing => Code::Commands,
            Self::InteractionsByEndpoint { .. }
            | Self::InteractionsByGateway
            | Self::InteractionsLost
            | Self::InteractionsUnknown => Code::Interactions,
            Self::QuotaLeft { .. } | Self::QuotaNear { .. } | Self::QuotaUsedUp { .. } => Code::Quota,
            Self::ModelAnswers | Self::ModelNone | Self::ModelFails => Code::Model,
            Self::EmbeddingsAnswer | Self::EmbeddingsNone | Self::EmbeddingsFail => Code::Embeddings,
            Self::SourcesReady { .. } | Self::SourcesNone | Self::SourcesFailed { .. } => Code::Sources,
            Self::MailTaken | Self::MailRefused => Code::Mail,
            Self::KeyServes | Self::KeyRefused => Code::Key,
        }
    }

    /// How bad it is.
    pub fn status(&self) -> Status {
        match self {
            Self::DiscordTokenRefused
            | Self::DiscordNoBot
            | Self::MemberNo
            | Self::GatewayNone
            | Self::GatewayLost
            | Self::GatewayStopped { .. }
            | Self::ContentRefused
            | Self::PermissionsMissing { is_grave: true, .. }
            | Self::PermissionsNowhere
            | Self::AnswersRefused { .. }
            | Self::InteractionsLost
            | Self::QuotaUsedUp { .. }
            | Self::ModelFails
            | Self::KeyRefused => Status::Problem,
            Self::DiscordSilent
            | Self::GatewayConnecting
            | Self::PermissionsMissing { .. }
            | Self::ThreadsRefused { .. }
            | Self::SettingsStale { .. }
            | Self::CommandsMissing
            | Self::QuotaNear { .. }
            | Self::ModelNone
            | Self::EmbeddingsFail
            | Self::SourcesNone
            | Self::SourcesFailed { .. }
            | Self::MailRefused => Status::Warning,
            Self::MemberUnknown
            | Self::ContentUnknown
            | Self::PermissionsUnknown
            | Self::SettingsUnknown
            | Self::InteractionsUnknown => Status::Unknown,
            Self::DiscordAnswers
            | Self::MemberYes
            | Self::GatewayConnected
            | Self::GatewayNotNeeded
            | Self::ContentRead
            | Self::ContentNotNeeded
            | Self::PermissionsFine { .. }
            | Self::PermissionsNotNeeded
            | Self::AnswersTaken
            | Self::SettingsFine
            | Self::CommandsThere
            | Self::InteractionsByEndpoint { .. }
            | Self::InteractionsByGateway
            | Self::QuotaLeft { .. }
            | Self::ModelAnswers
            | Self::EmbeddingsAnswer
            | Self::EmbeddingsNone
            | Self::SourcesReady { .. }
            | Self::MailTaken
            | Self::KeyServes => Status::Ok,
        }
    }

    /// The channels that it is about.
    pub fn places(&self) -> &[Place] {
        match self {
            Self::PermissionsMissing { places, .. }
            | Self::AnswersRefused { places, .. }
            | Self::ThreadsRefused { places, .. } => places,
            _ => &[],
        }
    }

    /// Whether it says the same as another one, perhaps with other numbers and names.
    fn is_alike(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.status() == other.status()
    }
}

/// Findings with the time since when they are so: what was found before keeps its own.
pub(super) fn since(findings: Vec<Finding>, before: &[Check], now: Timestamp) -> Vec<Check> {
    let since = |finding: &Finding| {
        let same = before.iter().find(|check| check.finding.is_alike(finding));
        same.map_or(now, |check| check.since.min(now))
    };
    findings.into_iter().map(|finding| Check { since: since(&finding), finding }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_keeps_its_beginning() {
        let (then, now) = ("2026-11-24T10:00:00Z".parse().unwrap(), "2026-11-24T11:00:00Z".parse().unwrap());
        let near = |used| Finding::QuotaNear { used, limit: 2_500 };
        let before = [Check { finding: near(2_001), since: then }, Check { finding: Finding::MemberYes, since: then }];
        let checks = since(vec![near(2_100), Finding::MemberNo], &before, now);
        assert_eq!(checks.iter().map(|check| check.since).collect::<Vec<_>>(), [then, now]);
    }

    #[test]
    fn what_was_kept_can_be_read_again() {
        let missing = Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES;
        let place = Place { channel: Id::new(5), name: Some("help".to_owned()), missing };
        let finding = Finding::PermissionsMissing { places: vec![place], count: 1, is_grave: true };
        let check = Check { finding, since: Timestamp::UNIX_EPOCH };
        let json = serde_json::to_string(&check).unwrap();
        insta::assert_snapshot!(json, @r#"{"found":"permissions_missing","places":[{"channel":"5","name":"help","missing":"3072"}],"count":1,"is_grave":true,"since":"1970-01-01T00:00:00Z"}"#);
        assert_eq!(serde_json::from_str::<Check>(&json).unwrap(), check);
    }
}
