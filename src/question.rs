//! What a question is, wherever it was asked.

use crate::ids::{AccountId, ConversationId, QuestionId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, GuildMarker},
};

/// Characters a question may have. Discord's own limit for a text option; the prompt is sized for it.
/// [Discord Docs/Application Commands: Option Structure]
pub const MAX_CHARS: usize = 6_000;

/// One question, as a queue carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Discord's id of the interaction, or one of the same kind.
    pub id: QuestionId,
    /// Whose documents answer it and whose quota it counts on.
    pub place: Place,
    /// Whose earlier words belong to it.
    pub conversation: ConversationId,
    /// What was asked, as typed.
    pub text: String,
    /// How the person who asks is called; data, never instructions.
    pub asker: String,
    /// Their language as Discord or the API caller names it, for example `fr`.
    pub locale: Option<String>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// How the answer travels back.
    pub reply_to: ReplyTo,
}

/// Where a question was asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A Discord server.
    Guild(Id<GuildMarker>),
    /// A private conversation with the bot on Discord.
    DirectMessage,
    /// The API or the command line, on behalf of an account.
    Account(AccountId),
}

/// How an answer travels back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyTo {
    /// Edits the “thinking…” reply of an interaction. Its token is a secret, good for 15 minutes.
    Interaction {
        /// The application that was asked.
        application_id: Id<ApplicationMarker>,
        /// The interaction's token.
        token: String,
        /// Only the asker sees the reply.
        private: bool,
    },
    /// The caller waits for it.
    Caller,
}
