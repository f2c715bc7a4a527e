//! Words that the gateway did not show. Without the Message Content intent it shows a bot only what mentions it by name: no
//! reply without a ping, no mention of its role, nothing that follows in a second message or in its own thread. Where the
//! application has the intent, all of it can still be asked for.
//!
//! [Discord Docs/Gateway: Message Content Intent]

use crate::bot::Bot;
use crate::discord::DiscordError;
use crate::question::{Place, Question, ReplyTo, Said};
use anyhow::{Context as _, Result};
use std::borrow::Cow;

/// The question, its messages that came without words as Discord shows them now. Most have theirs, and nothing is asked.
pub(super) async fn shown<'a>(bot: &Bot, question: Cow<'a, Question>) -> Result<Cow<'a, Question>> {
    let (Place::Guild(_), ReplyTo::Message { application_id, channel_id, .. }, Some(discord)) =
        (&question.place, &question.reply_to, &bot.discord)
    else {
        return Ok(question);
    };
    if question.messages.iter().all(|said| !said.text.is_empty()) {
        return Ok(question);
    }
    let mut messages = question.messages.clone();
    let mut is_new = false;
    for said in messages.iter_mut().filter(|said| said.text.is_empty()) {
        match discord.message(*application_id, *channel_id, said.id).await {
            Ok(message) => {
                said.text = without_mentions(&message.words(), application_id.get());
                is_new |= !said.text.is_empty();
            }
            // It is gone, or the bot may not read what was said: then there is nothing to read.
            Err(DiscordError::Refused { .. } | DiscordError::TooLate) => {}
            Err(error @ DiscordError::Unavailable(_)) => return Err(error).context("a message could not be read"),
        }
    }
    Ok(if is_new { Cow::Owned(question.into_owned().saying(messages)) } else { question })
}

impl Question {
    /// The same made of these messages.
    pub(super) fn saying(self, messages: Vec<Said>) -> Self {
        let words: Vec<&str> = messages.iter().map(|said| &*said.text).filter(|text| !text.is_empty()).collect();
        Self { text: words.join("\n"), messages, ..self }
    }
}

/// Without those of roles, which say nothing to a model, and the bot's, whose user id is the application's.
fn without_mentions(text: &str, bot: u64) -> String {
    let mut words = String::with_capacity(text.len());
    for (at, piece) in text.split("<@").enumerate() {
        let mention = piece.split_once('>').filter(|_| at > 0).filter(|(inside, _)| {
            let role = inside.strip_prefix('&').is_some_and(|role| role.bytes().all(|byte| byte.is_ascii_digit()));
            role || inside.trim_start_matches('!').parse() == Ok(bot)
        });
        match mention {
            Some((_, after)) if words.is_empty() || words.ends_with(' ') => words.push_str(after.trim_start()),
            Some((_, after)) => words.push_str(after),
            None if at > 0 => words.extend(["<@", piece]),
            None => words.push_str(piece),
        }
    }
    words.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn mentions_of_the_bot_and_of_roles_are_no_words() {
        for (text, words) in [
            ("<@&7> how long?", "how long?"),
            ("how <@5> long?", "how long?"),
            ("<@!5>", ""),
            ("<@6> and <@x> < @", "<@6> and <@x> < @"),
            ("", ""),
        ] {
            assert_eq!(without_mentions(text, 5), words);
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic_or_grow(text in "[<@&!>5-7 aé]{0,40}") {
            prop_assert!(without_mentions(&text, 5).len() <= text.len());
        }
    }
}
