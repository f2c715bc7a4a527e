//! 👍 and 👎 below an answer: what their ids say, and the row that shows them.

use crate::ids::{ConversationId, QuestionId};
use crate::store::Vote;
use serde_json::{Value, json};
use std::fmt;
use std::str::FromStr;

/// Component types and the quiet grey button style. [Discord Docs/Component Reference]
const ACTION_ROW: u8 = 1;
const BUTTON: u8 = 2;
const SECONDARY: u8 = 2;

/// Buttons for votes on one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoteButtons {
    /// The conversation that the answer belongs to.
    pub conversation: ConversationId,
    /// The question it answers.
    pub question: QuestionId,
}

/// What one button stands for: its `custom_id`, read and written here only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoteId {
    /// What the button says.
    pub vote: Vote,
    /// The conversation that the answer belongs to.
    pub conversation: ConversationId,
    /// The question it answers.
    pub question: QuestionId,
}

/// The id of a component is not that of a vote.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no vote")]
pub struct NoVote;

impl VoteButtons {
    /// The message's `components`.
    pub(super) fn components(&self) -> Value {
        let button = |vote, emoji| {
            let id = VoteId { vote, conversation: self.conversation.clone(), question: self.question };
            json!({"type": BUTTON, "style": SECONDARY, "emoji": {"name": emoji}, "custom_id": id.to_string()})
        };
        json!([{"type": ACTION_ROW, "components": [button(Vote::Up, "👍"), button(Vote::Down, "👎")]}])
    }
}

impl VoteId {
    /// Whether its conversation is one of this channel, as every answer's is that has buttons.
    pub fn is_of_channel(&self, channel: u64) -> bool {
        let is_everybodys = self.conversation == ConversationId::of_channel(channel);
        is_everybodys || self.conversation.0.split_once('-').is_some_and(|(of, _)| of.parse() == Ok(channel))
    }
}

/// At most 73 of the 100 characters that Discord allows: three numbers below 2⁶⁴ and ten letters.
impl fmt::Display for VoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vote = match self.vote {
            Vote::Up => "up",
            Vote::Down => "down",
        };
        write!(f, "vote:{vote}:{}:{}", self.conversation, self.question)
    }
}

/// Strict: only conversations of a channel, or of a person in one, have buttons, so a forged id reaches nothing else.
impl FromStr for VoteId {
    type Err = NoVote;

    fn from_str(id: &str) -> Result<Self, NoVote> {
        let mut parts = id.split(':');
        let (Some("vote"), Some(vote), Some(conversation), Some(question), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoVote);
        };
        let vote = match vote {
            "up" => Vote::Up,
            "down" => Vote::Down,
            _ => return Err(NoVote),
        };
        let read = |number: &str| number.parse::<u64>().map_err(|_| NoVote);
        let conversation = match conversation.rsplit_once('-') {
            None | Some(("channel", _)) => {
                ConversationId::of_channel(read(conversation.trim_start_matches("channel-"))?)
            }
            Some((channel, user)) => ConversationId::of_person(read(channel)?, read(user)?),
        };
        let found = Self { vote, conversation, question: QuestionId(read(question)?) };
        // Other spellings of the same numbers, such as a leading zero, were not written by us.
        if found.to_string() == id { Ok(found) } else { Err(NoVote) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(channel: u64, user: Option<u64>, question: u64, up: bool) {
            let id = VoteId {
                vote: if up { Vote::Up } else { Vote::Down },
                conversation: match user {
                    Some(user) => ConversationId::of_person(channel, user),
                    None => ConversationId::of_channel(channel),
                },
                question: QuestionId(question),
            };
            prop_assert!(id.to_string().len() <= 100);
            prop_assert!(id.is_of_channel(channel));
            prop_assert!(!id.is_of_channel(channel ^ 1));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn anything_else_is_no_vote(id in ".{0,100}") {
            prop_assume!(!id.starts_with("vote:"));
            prop_assert_eq!(id.parse::<VoteId>(), Err(NoVote));
        }
    }

    #[test]
    fn forged_ids_are_no_votes() {
        for id in [
            "vote:up:1-2",
            "vote:up:1-2:3:4",
            "vote:maybe:1-2:3",
            "vote:up:api-local-x:3",
            "vote:up:channel-01:3",
            "vote:up:01-2:3",
            "vote:up:+1-2:3",
            "vote:up:1-2:18446744073709551616",
            "vote:up::",
        ] {
            assert_eq!(id.parse::<VoteId>(), Err(NoVote), "{id}");
        }
    }
}
