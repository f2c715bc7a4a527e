//! What people say in a channel that is one conversation of everybody, and nobody answers: casual talk, what comes too soon
//! after the last question, what is said by people whose questions are not answered.

use super::has_channel_context;
use crate::bot::Bot;
use crate::ids::{ConversationId, QuestionId, snowflake_time};
use crate::job::Remark;
use crate::question::Place;
use crate::store::{Fate, Turn};
use anyhow::Result;

/// Remembers what was said, or forgets it where it has no words any more. No model is asked, and nothing is counted.
pub async fn remember(bot: &Bot, remark: &Remark) -> Result<()> {
    let Remark { application_id, guild_id, channel_id, said, author, .. } = remark;
    let home = bot.home(&Place::Guild(*guild_id), Some(*application_id)).await?;
    // It may have been switched off meanwhile.
    if !home.is_some_and(|home| has_channel_context(&home)) {
        return Ok(());
    }
    if said.text.is_empty() {
        return bot.store.forget_remark(*channel_id, said.id).await;
    }
    let asked_at = snowflake_time(said.id.get());
    let turn = Turn {
        question_id: QuestionId(said.id.get()),
        asker: author.clone(),
        question: said.text.clone(),
        answer: String::new(),
        sources: Vec::new(),
        answered: false,
        wants_human: false,
        asked_at,
        expires: Turn::expiry(asked_at),
    };
    bot.store.put_remark(&ConversationId::of_channel(channel_id.get()), &turn).await?;
    // Who hears that it was deleted writes that down before they look for it here.
    if bot.store.fates(&[said.id]).await?.get(&said.id) == Some(&Fate::Deleted) {
        bot.store.forget_remark(*channel_id, said.id).await?;
    }
    Ok(())
}
