//! A reply on its way: message by message, each posted once, going on where an interrupted delivery stopped.

use super::{Outcome, fate, spoken_in};
use crate::bot::{Bot, Home};
use crate::discord::{Discord, DiscordError, Post, VoteButtons, code};
use crate::ids::ConversationId;
use crate::question::{Place, Question, ReplyTo};
use crate::sentences::{self, Lang};
use crate::store::{Claim, Posted, Reply, TroubleKind};
use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use twilight_model::id::{
    Id,
    marker::{ApplicationMarker, ChannelMarker, MessageMarker},
};

/// Characters of a thread's name: what a sidebar shows. Discord takes 100.
const THREAD_NAME: usize = 60;

/// Says what was kept to be said.
pub(super) async fn reply(
    bot: &Bot,
    question: &Question,
    claim: &mut Claim,
    is_resumed: bool,
    now: Timestamp,
) -> Result<Outcome> {
    let discord = bot.discord.as_ref().context("a question came from Discord, but DISCORD_TOKEN is not set")?;
    let reply = claim.reply.clone().context("a claim was left without a reply")?;
    match &question.reply_to {
        ReplyTo::Interaction { application_id, token, private } => {
            let to = Interaction { discord, application: *application_id, token, private: *private };
            to_interaction(bot, question, &reply, claim, to).await
        }
        ReplyTo::Message { application_id, channel_id, message_id, .. } => {
            let to = Spot { discord, application: *application_id, channel: *channel_id, asked: *message_id };
            to_message(bot, question, &reply, claim, is_resumed, to, now).await
        }
        ReplyTo::Caller => bail!("a queued question must say where its reply goes"),
    }
}

/// The conversation that an answer belongs to: a thread of its own is a place of its own.
pub(super) fn conversation(question: &Question, thread: Option<Id<ChannelMarker>>) -> ConversationId {
    let (Some(thread), ReplyTo::Message { channel_id, .. }) = (thread, &question.reply_to) else {
        return question.conversation.clone();
    };
    let asker = question.conversation.0.strip_prefix(&format!("{channel_id}-")).and_then(|user| user.parse().ok());
    match asker {
        Some(user) => ConversationId::of_person(thread.get(), user),
        None => ConversationId::of_channel(thread.get()),
    }
}

/// The thread that the answer goes into, started where the server asks for it; none where it goes into the channel.
pub(super) async fn thread(
    bot: &Bot,
    home: &Home,
    question: &Question,
    now: Timestamp,
) -> Result<Option<Id<ChannelMarker>>> {
    let (ReplyTo::Message { application_id, channel_id, message_id, is_thread: false }, Place::Guild(_), Some(discord)) =
        (&question.reply_to, &question.place, &bot.discord)
    else {
        return Ok(None);
    };
    if !home.settings.answer_in_thread {
        return Ok(None);
    }
    let name = thread_name(question, spoken_in(home, question));
    match discord.start_thread(*application_id, *channel_id, *message_id, &name).await {
        Ok(thread) => Ok(Some(thread)),
        Err(error @ DiscordError::Unavailable(_)) => Err(error).context("a thread could not be started"),
        Err(DiscordError::TooLate | DiscordError::Refused { code: code::UNKNOWN_MESSAGE, .. }) => Ok(None),
        Err(DiscordError::Refused { code, .. }) => {
            trouble(bot, question, *channel_id, TroubleKind::StartThread, code, now).await?;
            Ok(None)
        }
    }
}

/// The question's first words, without what would be noise in a list of threads; what this language has for a name where
/// none are left.
fn thread_name(question: &Question, lang: Lang) -> String {
    // Mentions and custom emoji are written in angle brackets.
    let mut words = String::new();
    for piece in question.text.split('<') {
        let piece = match piece.split_once('>') {
            Some((inside, after)) if inside.starts_with(['@', '#', ':', '/']) || inside.starts_with("a:") => after,
            _ => piece,
        };
        words.extend(piece.chars().filter(|char| !matches!(char, '\u{202a}'..='\u{202e}' | '*' | '`' | '@')));
        words.push(' ');
    }
    let mut name = String::new();
    for word in words.split(|char: char| char.is_whitespace() || char.is_control()).filter(|word| !word.is_empty()) {
        if name.chars().count() + word.chars().count() >= THREAD_NAME {
            if name.is_empty() {
                name.extend(word.chars().take(THREAD_NAME - 1));
            }
            name.push('…');
            break;
        }
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(word);
    }
    if name.chars().any(char::is_alphanumeric) { name } else { sentences::thread_name(lang).to_owned() }
}

/// Where an interaction's reply goes.
#[derive(Clone, Copy)]
struct Interaction<'a> {
    discord: &'a Discord,
    application: Id<ApplicationMarker>,
    token: &'a str,
    private: bool,
}

/// The first message is an edit, which may be repeated, and before a follow-up of uncertain fate is posted again, it is
/// looked for.
async fn to_interaction(
    bot: &Bot,
    question: &Question,
    reply: &Reply,
    claim: &mut Claim,
    to: Interaction<'_>,
) -> Result<Outcome> {
    let Interaction { discord, application, token, private } = to;
    let buttons = VoteButtons { conversation: question.conversation.clone(), question: question.id };
    let last = reply.parts.len().saturating_sub(1);
    let votes = |part: usize| (reply.votable && part == last).then_some(&buttons);
    let first = reply.parts.first().context("a reply has no message")?;
    if reply.whispered && !private {
        return whisper(question, first, to).await;
    }
    let original = match discord.edit_original(application, token, first, votes(0)).await {
        Ok(original) => original,
        Err(error) => {
            let outcome = given_up(question, error)?;
            bot.store.refund(claim).await?;
            return Ok(outcome);
        }
    };
    if !private {
        // Not written down: a later delivery edits it again.
        claim.posted = vec![Posted { channel: original.channel_id, message: original.id }];
    }
    let interrupted = claim.sending;
    for (part, content) in reply.parts.iter().enumerate().skip(interrupted.unwrap_or(1)) {
        if interrupted == Some(part) {
            // Private follow-ups and channels that the bot cannot read show nothing, and Discord knows no nonce for
            // follow-ups: then it is posted again, since a part twice is better than an answer without its end.
            let there = discord.follow_ups(application, &original).await.unwrap_or_default();
            if there.len() >= part {
                continue;
            }
        }
        bot.store.about_to_send(claim, part).await?;
        if let Err(error) = discord.follow_up(application, token, content, private, votes(part)).await {
            return given_up(question, error);
        }
    }
    Ok(Outcome::Replied)
}

/// In place of “thinking…”, which everybody sees, something that only the asker does. Discord makes no message private after
/// the fact, but what follows may be so once the first one is gone. It may come twice where a process dies in between.
/// [Discord Docs/Receiving and Responding: Create Followup Message]
async fn whisper(question: &Question, content: &str, to: Interaction<'_>) -> Result<Outcome> {
    let Interaction { discord, application, token, .. } = to;
    let said = async {
        discord.delete_original(application, token).await?;
        discord.follow_up(application, token, content, true, None).await
    };
    match said.await {
        Ok(_) => Ok(Outcome::Replied),
        Err(error) => given_up(question, error),
    }
}

/// Where a channel's reply goes.
#[derive(Clone, Copy)]
struct Spot<'a> {
    discord: &'a Discord,
    application: Id<ApplicationMarker>,
    channel: Id<ChannelMarker>,
    /// The message that is replied to.
    asked: Id<MessageMarker>,
}

/// Each message has a nonce by which Discord knows it again for some minutes; after an interruption, however long, what
/// may have been posted is looked for first.
async fn to_message(
    bot: &Bot,
    question: &Question,
    reply: &Reply,
    claim: &mut Claim,
    is_resumed: bool,
    to: Spot<'_>,
    now: Timestamp,
) -> Result<Outcome> {
    let channel = reply.thread.unwrap_or(to.channel);
    let conversation = conversation(question, reply.thread);
    let buttons = VoteButtons { conversation, question: question.id };
    let first = claim.posted.len();
    let mut outcome = Outcome::Replied;
    for (part, content) in reply.parts.iter().enumerate().skip(first) {
        let is_last = part + 1 == reply.parts.len();
        let post = Post {
            content,
            nonce: &format!("{}-{part}", question.id),
            reply_to: (part == 0 && reply.thread.is_none()).then_some(to.asked),
            votes: (reply.votable && is_last).then_some(&buttons),
        };
        let there = if is_resumed && part == first { find(to, channel, content, claim).await } else { None };
        let message = match there {
            Some(message) => message,
            None => match posted(to.discord, to.application, channel, &post).await {
                Ok(message) => message,
                Err(DiscordError::Refused { status, code }) => {
                    tracing::warn!(question.id = %question.id, discord.status = status, discord.code = code, "the bot may not reply here");
                    trouble(bot, question, to.channel, TroubleKind::Post, code, now).await?;
                    outcome = Outcome::Refused;
                    break;
                }
                Err(error) => {
                    outcome = given_up(question, error)?;
                    break;
                }
            },
        };
        claim.posted.push(Posted { channel, message });
        bot.store.record_posted(claim).await?;
    }
    if claim.posted.is_empty() {
        bot.store.refund(claim).await?;
    }
    if fate::is_gone(bot, claim).await? {
        fate::remove(bot, to.application, claim).await?;
        return Ok(Outcome::Withdrawn);
    }
    Ok(outcome)
}

/// Posts a message; without its reference where that is what Discord does not take: the message is gone, or the bot may
/// not read what was said before.
async fn posted(
    discord: &Discord,
    application: Id<ApplicationMarker>,
    channel: Id<ChannelMarker>,
    post: &Post<'_>,
) -> Result<Id<MessageMarker>, DiscordError> {
    let mut outcome = discord.post(application, channel, post).await;
    if let Err(DiscordError::Refused { code, .. }) = outcome
        && post.reply_to.is_some()
        && matches!(code, code::UNKNOWN_MESSAGE | code::INVALID_FORM | code::REPLY_NEEDS_HISTORY)
    {
        outcome = discord.post(application, channel, &Post { reply_to: None, ..post.clone() }).await;
    }
    outcome.map(|message| message.id)
}

/// The message that says `content`, if an interrupted delivery has posted it. Where the bot may not read the channel there
/// is only the nonce.
async fn find(to: Spot<'_>, channel: Id<ChannelMarker>, content: &str, claim: &Claim) -> Option<Id<MessageMarker>> {
    let after = claim.posted.last().map_or(to.asked, |posted| posted.message);
    let messages = to.discord.messages_after(to.application, channel, after).await.unwrap_or_default();
    messages.into_iter().find(|message| message.is_post(content, to.asked)).map(|message| message.id)
}

/// What Discord will never take is recorded and not tried again; everything else is the queue's to retry.
fn given_up(question: &Question, error: DiscordError) -> Result<Outcome> {
    match error {
        // A moderator may have taken “thinking…” away.
        DiscordError::TooLate | DiscordError::Refused { code: code::UNKNOWN_MESSAGE, .. } => {
            tracing::warn!(question.id = %question.id, "the reply came too late for Discord");
            Ok(Outcome::TooLate)
        }
        DiscordError::Refused { status, code } => {
            tracing::error!(question.id = %question.id, discord.status = status, discord.code = code, "Discord refused the reply");
            Ok(Outcome::Refused)
        }
        DiscordError::Unavailable(_) => Err(error).context("Discord could not be reached for the reply"),
    }
}

/// Keeps for the dashboard what a server does not let the bot do.
async fn trouble(
    bot: &Bot,
    question: &Question,
    channel: Id<ChannelMarker>,
    kind: TroubleKind,
    code: u64,
    now: Timestamp,
) -> Result<()> {
    match question.place {
        Place::Guild(guild) => bot.store.record_trouble(guild, channel, kind, code, now).await,
        Place::DirectMessage | Place::Account(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_thread_is_called_what_was_asked_or_what_the_server_calls_one() {
        let name = |text: &str, lang| {
            let question = serde_json::from_value(json!({
                "id": 1, "place": {"guild": "2"}, "conversation": "3-4", "text": text, "asker": "Ann",
                "asked_at": "2026-11-24T10:00:00Z",
                "reply_to": {"message": {"application_id": "5", "channel_id": "3", "message_id": "1", "is_thread": false}},
            }));
            thread_name(&question.unwrap(), lang)
        };
        assert_eq!(name("<@5> How `long`?", Lang::Fr), "How long?");
        for lang in [Lang::En, Lang::Fr] {
            assert_eq!(name("<@5> ?!", lang), sentences::thread_name(lang));
        }
    }
}
