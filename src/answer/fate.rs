//! What becomes of a question's messages after they were heard: edited, deleted.
//!
//! Who hears of a deletion writes it down before it looks for an answer; who answers looks for a deletion after it has
//! written down what it posted. So one of the two sees the other, and the answer goes.

use super::words;
use crate::bot::Bot;
use crate::discord::DiscordError;
use crate::ids::{QuestionId, snowflake_time};
use crate::question::{Question, Said};
use crate::store::{Claim, Fate};
use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use std::borrow::Cow;
use std::collections::HashMap;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, ChannelMarker, MessageMarker},
};

/// An answer that has stood for longer has been read; it is not taken away with its question.
const TAKEN_AWAY_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// A message that was taken for a question has new words.
pub async fn edited(bot: &Bot, message: Id<MessageMarker>, text: &str, now: Timestamp) -> Result<()> {
    bot.store.put_fate(message, Fate::Edited { text: text.to_owned() }, now).await
}

/// A message that was taken for a question is gone. Its answer goes too, if all messages of the question are gone and it
/// has not stood for long.
pub async fn withdrawn(
    bot: &Bot,
    application: Id<ApplicationMarker>,
    channel: Id<ChannelMarker>,
    message: Id<MessageMarker>,
    now: Timestamp,
) -> Result<()> {
    bot.store.put_fate(message, Fate::Deleted, now).await?;
    let claim = bot.store.claim_of(QuestionId(message.get())).await?;
    // What a claim remembers goes with all of its messages.
    if !claim.as_ref().is_some_and(Claim::made_turn) {
        bot.store.forget_remark(channel, message).await?;
    }
    let Some(claim) = claim else { return Ok(()) };
    let Some(last) = claim.posted.last() else {
        // What was overheard and not answered is forgotten with its message.
        return if is_gone(bot, &claim).await? { forget(bot, &claim).await } else { Ok(()) };
    };
    let posted_at = snowflake_time(last.message.get());
    if now.duration_since(posted_at) > TAKEN_AWAY_WITHIN || !is_gone(bot, &claim).await? {
        return Ok(());
    }
    remove(bot, application, &claim).await
}

/// Takes away what was posted, and the memory of it.
pub(super) async fn remove(bot: &Bot, application: Id<ApplicationMarker>, claim: &Claim) -> Result<()> {
    let discord = bot.discord.as_ref().context("an answer is in Discord, but DISCORD_TOKEN is not set")?;
    for posted in &claim.posted {
        match discord.delete_message(application, posted.channel, posted.message).await {
            Ok(()) => {}
            Err(error @ DiscordError::Unavailable(_)) => {
                return Err(error).context("an answer could not be taken away");
            }
            Err(error) => {
                tracing::warn!(question.id = %claim.question(), error = %error, "an answer could not be taken away");
            }
        }
    }
    forget(bot, claim).await
}

/// Forgets what was asked: for the conversation, and for the team.
async fn forget(bot: &Bot, claim: &Claim) -> Result<()> {
    bot.store.forget_turn(claim).await?;
    if let Some(account) = claim.account() {
        bot.store.close_question(account, claim.question()).await?;
    }
    Ok(())
}

/// Whether every message that the claim covers is deleted.
pub(super) async fn is_gone(bot: &Bot, claim: &Claim) -> Result<bool> {
    let ids: Vec<Id<MessageMarker>> = claim.messages().iter().filter_map(|id| Id::new_checked(id.0)).collect();
    let fates = bot.store.fates(&ids).await?;
    Ok(ids.iter().all(|id| fates.get(id) == Some(&Fate::Deleted)))
}

/// The question with its newest words; none where all of it is gone.
pub(super) async fn current<'a>(bot: &Bot, question: &'a Question) -> Result<Option<Cow<'a, Question>>> {
    let ids: Vec<Id<MessageMarker>> = question.messages.iter().map(|message| message.id).collect();
    match with(question, &bot.store.fates(&ids).await?) {
        Some(question) => words::shown(bot, question).await.map(Some),
        None => Ok(None),
    }
}

fn with<'a>(question: &'a Question, fates: &HashMap<Id<MessageMarker>, Fate>) -> Option<Cow<'a, Question>> {
    if fates.is_empty() {
        return Some(Cow::Borrowed(question));
    }
    let left: Vec<Said> = question
        .messages
        .iter()
        .filter_map(|message| match fates.get(&message.id) {
            None => Some(message.clone()),
            Some(Fate::Edited { text }) => Some(Said { id: message.id, text: text.clone() }),
            Some(Fate::Deleted) => None,
        })
        .collect();
    (!left.is_empty()).then(|| Cow::Owned(question.clone().saying(left)))
}

/// The ids that a question is claimed by.
pub(super) fn claimed_as(question: &Question) -> Vec<QuestionId> {
    if question.messages.is_empty() {
        return vec![question.id];
    }
    question.messages.iter().map(|message| QuestionId(message.id.get())).collect()
}

/// The question as far as these messages make it.
pub(super) fn narrowed<'a>(question: &'a Question, messages: &[QuestionId]) -> Cow<'a, Question> {
    if claimed_as(question) == messages {
        return Cow::Borrowed(question);
    }
    let left: Vec<Said> =
        question.messages.iter().filter(|said| messages.contains(&QuestionId(said.id.get()))).cloned().collect();
    let id = messages.first().copied().unwrap_or(question.id);
    Cow::Owned(Question { id, ..question.clone().saying(left) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ConversationId;
    use crate::question::{Heard, Place, ReplyTo};

    fn question(messages: &[(u64, &str)]) -> Question {
        let messages: Vec<Said> =
            messages.iter().map(|&(id, text)| Said { id: Id::new(id), text: text.to_owned() }).collect();
        Question {
            id: QuestionId(messages[0].id.get()),
            place: Place::DirectMessage,
            conversation: ConversationId::of_person(3, 4),
            text: messages.iter().map(|said| said.text.as_str()).collect::<Vec<_>>().join("\n"),
            asker: "Ann".to_owned(),
            locale: None,
            asked_at: Timestamp::UNIX_EPOCH,
            reply_to: ReplyTo::Caller,
            messages,
            heard: Heard::Directly,
        }
    }

    #[test]
    fn the_newest_words_count_and_deleted_ones_do_not() {
        let asked = question(&[(1, "hi"), (2, "how long?")]);
        let edit = |text: &str| Fate::Edited { text: text.to_owned() };
        let text = |fates: &[(u64, Fate)]| {
            let fates = fates.iter().map(|(id, fate)| (Id::new(*id), fate.clone())).collect();
            with(&asked, &fates).map(|question| question.text.clone())
        };
        assert_eq!(text(&[]).as_deref(), Some("hi\nhow long?"));
        assert_eq!(text(&[(2, edit("how wide?"))]).as_deref(), Some("hi\nhow wide?"));
        assert_eq!(text(&[(1, Fate::Deleted)]).as_deref(), Some("how long?"));
        assert_eq!(text(&[(1, Fate::Deleted), (2, Fate::Deleted)]), None);
    }

    #[test]
    fn what_was_answered_before_is_left_out() {
        let asked = question(&[(1, "hi"), (2, "how long?"), (3, "thanks")]);
        let left = narrowed(&asked, &[QuestionId(2), QuestionId(3)]);
        assert_eq!((left.id, left.text.as_str(), left.messages.len()), (QuestionId(2), "how long?\nthanks", 2));
        assert!(matches!(narrowed(&asked, &claimed_as(&asked)), Cow::Borrowed(_)));
    }
}
