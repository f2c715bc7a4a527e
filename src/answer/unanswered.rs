//! What the documents did not answer, noted for the team, which may want to write it down.

use super::NEWS_TAKE;
use crate::bot::Bot;
use crate::ids::AccountId;
use crate::question::{Place, Question, ReplyTo};
use crate::store::OpenQuestion;
use crate::usage::Kind;
use anyhow::anyhow;
use jiff::Timestamp;

/// Notes a question whose answer is missing; again changes nothing. Nobody's answer depends on it.
pub(super) async fn note(bot: &Bot, account: &AccountId, question: &Question, now: Timestamp) {
    let open = open(question, now);
    let noted = tokio::time::timeout(NEWS_TAKE, bot.store.put_unanswered(account, &open)).await;
    if let Err(error) = noted.unwrap_or_else(|_| Err(anyhow!("it takes too long"))) {
        tracing::warn!(question.id = %question.id, error = format!("{error:#}"), "an unanswered question was not noted");
    }
}

fn open(question: &Question, now: Timestamp) -> OpenQuestion {
    let guild = match question.place {
        Place::Guild(guild) => Some(guild),
        Place::DirectMessage | Place::Account(_) => None,
    };
    let channel = match question.reply_to {
        ReplyTo::Message { channel_id, .. } => Some(channel_id),
        ReplyTo::Interaction { .. } | ReplyTo::Caller => question.conversation.channel(),
    };
    let open = OpenQuestion::new(question.id, &question.text, question.asked_at, now);
    OpenQuestion { guild, channel, asked_by: Some(Kind::of(question)), ..open }
}
