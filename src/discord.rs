//! Scaffold.
use crate::ids::{ConversationId, QuestionId};
use twilight_model::channel::Message;
use twilight_model::id::{Id, marker::ApplicationMarker};
/// x
pub struct Discord;
/// x
pub struct VoteButtons {
    /// x
    pub conversation: ConversationId,
    /// x
    pub question: QuestionId,
}
/// x
#[derive(Debug, thiserror::Error)]
pub enum DiscordError {
    /// x
    #[error("x")]
    TooLate,
    /// x
    #[error("x")]
    Refused {
        /// x
        status: u16,
        /// x
        code: u64,
    },
    /// x
    #[error("x")]
    Unavailable(String),
}
impl Discord {
    /// x
    pub async fn edit_original(
        &self,
        _: Id<ApplicationMarker>,
        _: &str,
        _: &str,
        _: Option<&VoteButtons>,
    ) -> Result<Message, DiscordError> {
        Err(DiscordError::TooLate)
    }
    /// x
    pub async fn follow_up(
        &self,
        _: Id<ApplicationMarker>,
        _: &str,
        _: &str,
        _: bool,
        _: Option<&VoteButtons>,
    ) -> Result<Message, DiscordError> {
        Err(DiscordError::TooLate)
    }
    /// x
    pub async fn follow_ups(&self, _: &Message) -> Result<Vec<Message>, DiscordError> {
        Err(DiscordError::TooLate)
    }
}
