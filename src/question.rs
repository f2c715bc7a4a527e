//! What a question is, wherever it was asked.

use crate::ids::{AccountId, ConversationId, QuestionId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, ChannelMarker, GuildMarker, MessageMarker},
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
    /// The messages of a channel that it is made of, oldest first: the first one's id is the question's own. Empty where
    /// it was asked in another way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Said>,
    /// Who was meant.
    #[serde(default, skip_serializing_if = "Heard::is_directly")]
    pub heard: Heard,
}

/// One message of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Discord's id of it.
    pub id: Id<MessageMarker>,
    /// Its words.
    pub text: String,
}

/// Whether a question was put to the bot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// By a command, a mention, a reply or in private.
    #[default]
    Directly,
    /// It was said in a channel where all messages are read, and is answered whatever it is.
    InPassing,
    /// The same, but the model may find that there is nothing to answer, and then nothing is said.
    InPassingSmart,
}

/// How long an interaction's token is good for, which is as long as anybody waits for an answer.
/// [Discord Docs/Receiving and Responding: Interaction Callback]
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

impl Question {
    /// When nobody waits for an answer any more.
    pub fn gives_up_at(&self) -> Timestamp {
        self.asked_at.saturating_add(PATIENCE).unwrap_or(Timestamp::MAX)
    }
}

impl Heard {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
    fn is_directly(&self) -> bool {
        *self == Self::Directly
    }
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
    /// Posts into a channel, as a reply to a message.
    Message {
        /// The application whose bot heard it.
        application_id: Id<ApplicationMarker>,
        /// The channel, or thread, that it was said in.
        channel_id: Id<ChannelMarker>,
        /// The message: the last of those that the question is made of.
        message_id: Id<MessageMarker>,
        /// Whether that place is a thread already, so that none can be started in it.
        is_thread: bool,
    },
    /// The caller waits for it.
    Caller,
}
