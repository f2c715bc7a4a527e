//! What an interaction means. Pure.

use super::commands::{ABOUT, ASK, CHAT_INPUT, MESSAGE, PRIVATE, QUESTION};
use super::interaction::{Data, Interaction, kind};
use super::{response, words};
use crate::discord::VoteId;
use crate::ids::{ConversationId, QuestionId};
use crate::question::{MAX_CHARS, Place, Question, ReplyTo};
use jiff::Timestamp;
use serde_json::Value;

/// Characters of a name that the model sees. Discord allows 32.
const NAME_CHARS: usize = 32;

/// Characters of a locale's name; Discord's longest has six.
const LOCALE_CHARS: usize = 16;

/// The form that asks about a message, and its fields.
const ABOUT_FORM: &str = "about";
const ABOUT_QUESTION: &str = "question";
const ABOUT_MESSAGE: &str = "message";

/// Characters that a form's field takes. [Discord Docs/Component Reference: Text Input]
const FIELD_CHARS: usize = 4_000;

/// Characters of the question in the form, so that most messages fit beside it.
const ABOUT_QUESTION_CHARS: usize = 1_500;

/// What is to be done, and what is said at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Only this is said.
    Reply(Value),
    /// The question is queued, then “thinking…” is said.
    Ask(Box<Question>),
    /// The vote is stored, then thanks are said.
    Vote {
        /// Which answer, and what about it.
        id: VoteId,
        /// Who votes.
        voter: u64,
    },
    /// A kind that Discord has added since: nothing is done.
    Unknown,
}

/// Decides about an interaction.
pub fn decide(interaction: &Interaction, now: Timestamp) -> Decision {
    match (interaction.kind, &interaction.data) {
        (kind::PING, _) => Decision::Reply(response::pong()),
        (kind::COMMAND, Some(data)) => command(interaction, data, now),
        (kind::COMPONENT, Some(data)) => component(interaction, data),
        (kind::MODAL, Some(data)) => form(interaction, data, now),
        (kind::AUTOCOMPLETE, _) => Decision::Reply(response::no_choices()),
        _ => Decision::Unknown,
    }
}

fn command(interaction: &Interaction, data: &Data, now: Timestamp) -> Decision {
    let locale = interaction.locale();
    match (data.kind.unwrap_or(CHAT_INPUT), data.name.as_deref()) {
        (CHAT_INPUT, Some(ASK)) => {
            let text = data.option(QUESTION).and_then(Value::as_str).unwrap_or_default();
            let private = data.option(PRIVATE).and_then(Value::as_bool).unwrap_or(false);
            ask(interaction, text.trim().to_owned(), private, now)
        }
        (MESSAGE, Some(ABOUT)) => match data.target().map(super::interaction::Target::text) {
            Some(text) if !text.is_empty() => Decision::Reply(about_form(locale, &text)),
            _ => say(words::no_text(locale)),
        },
        _ => say(words::unknown(locale)),
    }
}

fn component(interaction: &Interaction, data: &Data) -> Decision {
    let id = data.custom_id.as_deref().and_then(|id| id.parse::<VoteId>().ok());
    match (id, interaction.channel(), interaction.author()) {
        (Some(id), Some(channel), Some(author)) if id.is_of_channel(channel.get()) => {
            Decision::Vote { id, voter: author.id.get() }
        }
        _ => say(words::unknown(interaction.locale())),
    }
}

/// The form comes back with the message in it: a form's own id is too short for it, and so nothing need be kept meanwhile.
fn form(interaction: &Interaction, data: &Data, now: Timestamp) -> Decision {
    if data.custom_id.as_deref() != Some(ABOUT_FORM) {
        return say(words::unknown(interaction.locale()));
    }
    let (question, message) = (data.field(ABOUT_QUESTION).trim(), data.field(ABOUT_MESSAGE).trim());
    ask(interaction, about_text(question, message), true, now)
}

/// The message alone, or the question with the message quoted below it, as far as it fits.
fn about_text(question: &str, message: &str) -> String {
    if question.is_empty() || message.is_empty() {
        return [question, message].concat();
    }
    let quoted: String = message.lines().flat_map(|line| ["\n> ", line]).collect();
    let room = MAX_CHARS.saturating_sub(question.chars().count() + 1);
    format!("{question}\n{}", first_chars(&quoted, room))
}

fn ask(interaction: &Interaction, text: String, private: bool, now: Timestamp) -> Decision {
    let locale = interaction.locale();
    if text.is_empty() {
        return say(words::nothing_asked(locale));
    }
    if text.chars().count() > MAX_CHARS {
        return say(&words::too_long(locale, MAX_CHARS));
    }
    let (Some(channel), Some(author)) = (interaction.channel(), interaction.author()) else {
        return say(words::unknown(locale));
    };
    Decision::Ask(Box::new(Question {
        id: QuestionId(interaction.id.get()),
        place: interaction.guild_id.map_or(Place::DirectMessage, Place::Guild),
        conversation: ConversationId::of_person(channel.get(), author.id.get()),
        text,
        asker: first_chars(interaction.author_name(), NAME_CHARS).to_owned(),
        locale: interaction.locale.as_deref().map(|locale| first_chars(locale, LOCALE_CHARS).to_owned()),
        asked_at: now,
        reply_to: ReplyTo::Interaction {
            application_id: interaction.application_id,
            token: interaction.token.clone(),
            private,
        },
    }))
}

fn about_form(locale: &str, message: &str) -> Value {
    response::form(
        ABOUT_FORM,
        words::about_title(locale),
        &[
            response::Field {
                id: ABOUT_QUESTION,
                label: words::about_question(locale),
                hint: Some(words::about_question_hint(locale)),
                placeholder: Some(words::about_placeholder(locale)),
                value: None,
                max_chars: ABOUT_QUESTION_CHARS,
                required: false,
            },
            response::Field {
                id: ABOUT_MESSAGE,
                label: words::about_message(locale),
                hint: None,
                placeholder: None,
                value: Some(first_units(message, FIELD_CHARS)),
                max_chars: FIELD_CHARS,
                required: true,
            },
        ],
    )
}

fn say(text: &str) -> Decision {
    Decision::Reply(response::only_to_you(text))
}

fn first_chars(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}

/// Discord counts a field's characters as JavaScript does, in UTF-16.
fn first_units(text: &str, units: usize) -> &str {
    let mut taken = 0;
    let end = text.char_indices().find(|(_, letter)| {
        taken += letter.len_utf16();
        taken > units
    });
    end.map_or(text, |(end, _)| &text[..end])
}
