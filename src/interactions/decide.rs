//! What an interaction means. Pure.

use super::commands::{ABOUT, ASK, CHAT_INPUT, MESSAGE, PRIVATE, QUESTION};
use super::interaction::{Data, Interaction, kind};
use super::response;
use crate::answer;
use crate::discord::VoteId;
use crate::ids::{ConversationId, QuestionId};
use crate::question::{Heard, MAX_CHARS, Place, Question, ReplyTo};
use crate::sentences::{self, Lang};
use jiff::Timestamp;
use serde_json::Value;
use twilight_model::id::{Id, marker::GuildMarker};

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
        /// In which server; none in private.
        guild: Option<Id<GuildMarker>>,
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
    let lang = lang(interaction);
    match (data.kind.unwrap_or(CHAT_INPUT), data.name.as_deref()) {
        (CHAT_INPUT, Some(ASK)) => {
            let text = data.option(QUESTION).and_then(Value::as_str).unwrap_or_default();
            let private = data.option(PRIVATE).and_then(Value::as_bool).unwrap_or(false);
            ask(interaction, text.trim().to_owned(), private, now)
        }
        (MESSAGE, Some(ABOUT)) => match data.target().map(super::interaction::Target::text) {
            Some(text) if !text.is_empty() => Decision::Reply(about_form(lang, &text)),
            _ => say(sentences::no_text(lang)),
        },
        _ => say(sentences::unknown_command(lang)),
    }
}

fn component(interaction: &Interaction, data: &Data) -> Decision {
    let id = data.custom_id.as_deref().and_then(|id| id.parse::<VoteId>().ok());
    match (id, interaction.channel(), interaction.author()) {
        (Some(id), Some(channel), Some(author)) if id.is_of_channel(channel.get()) => {
            Decision::Vote { id, voter: author.id.get(), guild: interaction.guild_id }
        }
        _ => say(sentences::unknown_command(lang(interaction))),
    }
}

/// The form comes back with the message in it: a form's own id is too short for it, and so nothing need be kept meanwhile.
fn form(interaction: &Interaction, data: &Data, now: Timestamp) -> Decision {
    if data.custom_id.as_deref() != Some(ABOUT_FORM) {
        return say(sentences::unknown_command(lang(interaction)));
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
    let lang = lang(interaction);
    if let Err(refusal) = answer::check(&text) {
        return say(&refusal.sentence(lang));
    }
    let (Some(channel), Some(author)) = (interaction.channel(), interaction.author()) else {
        return say(sentences::unknown_command(lang));
    };
    Decision::Ask(Box::new(Question {
        id: QuestionId(interaction.id.get()),
        place: interaction.guild_id.map_or(Place::DirectMessage, Place::Guild),
        conversation: ConversationId::of_person(channel.get(), author.id.get()),
        text,
        asker: first_chars(interaction.author_name(), NAME_CHARS).to_owned(),
        locale: Some(first_chars(interaction.locale(), LOCALE_CHARS).to_owned()).filter(|locale| !locale.is_empty()),
        asked_at: now,
        reply_to: ReplyTo::Interaction {
            application_id: interaction.application_id,
            token: interaction.token.clone(),
            private,
        },
        messages: Vec::new(),
        heard: Heard::Directly,
    }))
}

fn about_form(lang: Lang, message: &str) -> Value {
    response::form(
        ABOUT_FORM,
        sentences::about_title(lang),
        &[
            response::Field {
                id: ABOUT_QUESTION,
                label: sentences::about_question(lang),
                hint: Some(sentences::about_question_hint(lang)),
                placeholder: Some(sentences::about_placeholder(lang)),
                value: None,
                max_chars: ABOUT_QUESTION_CHARS,
                required: false,
            },
            response::Field {
                id: ABOUT_MESSAGE,
                label: sentences::about_message(lang),
                hint: None,
                placeholder: None,
                value: Some(first_units(message, FIELD_CHARS)),
                max_chars: FIELD_CHARS,
                required: true,
            },
        ],
    )
}

/// The language of the person's Discord: what is said at once is shown to nobody else.
fn lang(interaction: &Interaction) -> Lang {
    Lang::from_locale(interaction.locale())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Vote;
    use proptest::prelude::*;
    use serde_json::json;

    fn interaction_json(kind: u8, locale: &str, data: &Value) -> Value {
        json!({
            "id": "1300000000000000001", "application_id": "5", "type": kind, "token": "secret", "version": 1,
            "guild_id": "2", "channel": {"id": "3", "type": 0}, "channel_id": "3", "locale": locale, "data": data,
            "member": {"nick": null, "roles": [], "user": {"id": "4", "username": "ann", "global_name": "Ann"}},
        })
    }

    fn of(kind: u8, locale: &str, data: impl Into<Value>) -> Decision {
        let interaction = serde_json::from_value(interaction_json(kind, locale, &data.into())).unwrap();
        decide(&interaction, Timestamp::UNIX_EPOCH)
    }

    fn ask(text: &str, private: Option<bool>) -> Value {
        let mut options = vec![json!({"name": "question", "type": 3, "value": text})];
        options.extend(private.map(|private| json!({"name": "private", "type": 5, "value": private})));
        json!({"id": "9", "name": "ask", "type": 1, "options": options})
    }

    fn asked(decision: Decision) -> Question {
        match decision {
            Decision::Ask(question) => *question,
            other => panic!("no question: {other:?}"),
        }
    }

    /// What only the person sees.
    fn said(decision: Decision) -> String {
        match decision {
            Decision::Reply(reply) if reply["type"] == 4 && reply["data"]["flags"] == 0x44 => {
                reply["data"]["content"].as_str().unwrap().to_owned()
            }
            other => panic!("not said: {other:?}"),
        }
    }

    #[test]
    fn discord_checks_the_address() {
        let ping = r#"{"id":"1","application_id":"5","type":1,"token":"t","user":{"id":"4"}}"#;
        let ping: Interaction = serde_json::from_str(ping).unwrap();
        assert_eq!(decide(&ping, Timestamp::UNIX_EPOCH), Decision::Reply(json!({"type": 1})));
    }

    #[test]
    fn ask_becomes_a_question() {
        let question = asked(of(2, "fr", ask("  How long is the warranty?\n", None)));
        let expected = Question {
            id: QuestionId(1_300_000_000_000_000_001),
            place: Place::Guild(twilight_model::id::Id::new(2)),
            conversation: ConversationId::of_person(3, 4),
            text: "How long is the warranty?".to_owned(),
            asker: "Ann".to_owned(),
            locale: Some("fr".to_owned()),
            asked_at: Timestamp::UNIX_EPOCH,
            reply_to: ReplyTo::Interaction {
                application_id: twilight_model::id::Id::new(5),
                token: "secret".to_owned(),
                private: false,
            },
            messages: Vec::new(),
            heard: Heard::Directly,
        };
        assert_eq!(question, expected);
        let private = asked(of(2, "fr", ask("x", Some(true))));
        assert!(matches!(private.reply_to, ReplyTo::Interaction { private: true, .. }));
    }

    #[test]
    fn a_person_without_a_language_has_the_servers() {
        let of = |locale: Value, guild_locale: Value| {
            let mut asked_here = interaction_json(2, "", &ask("Windows?", None));
            (asked_here["locale"], asked_here["guild_locale"]) = (locale, guild_locale);
            asked(decide(&serde_json::from_value(asked_here).unwrap(), Timestamp::UNIX_EPOCH)).locale
        };
        assert_eq!(of(json!("en-US"), json!("fr")), Some("en-US".to_owned()));
        assert_eq!(of(Value::Null, json!("fr")), Some("fr".to_owned()));
        assert_eq!(of(Value::Null, Value::Null), None);
    }

    #[test]
    fn a_private_conversation_is_no_server() {
        let direct = json!({
            "id": "1", "application_id": "5", "type": 2, "token": "t", "channel_id": "3", "data": ask("x", None),
            "user": {"id": "4", "username": "ann", "global_name": "Ann"},
        });
        let question = asked(decide(&serde_json::from_value(direct).unwrap(), Timestamp::UNIX_EPOCH));
        assert_eq!((question.place, question.asker.as_str()), (Place::DirectMessage, "Ann"));
    }

    #[test]
    fn what_is_no_question_is_said_at_once() {
        assert_eq!(said(of(2, "en-US", ask(" \n\t ", None))), sentences::nothing_asked(Lang::En));
        assert_eq!(said(of(2, "fr", ask("", None))), sentences::nothing_asked(Lang::Fr));
        assert_eq!(said(of(2, "en-US", ask(&"é".repeat(6_001), None))), sentences::question_too_long(Lang::En, 6_000));
        asked(of(2, "en-US", ask(&"é".repeat(6_000), None)));
        assert_eq!(said(of(2, "en-US", json!({"name": "dance", "type": 1}))), sentences::unknown_command(Lang::En));
    }

    fn about(message: &Value) -> Value {
        json!({"name": "Ask about this", "type": 3, "target_id": "8", "resolved": {"messages": {"8": message}}})
    }

    #[test]
    fn a_message_is_asked_about_by_a_form() {
        let Decision::Reply(form) = of(2, "en-US", about(&json!({"content": " It broke. "}))) else { panic!() };
        let rows = &form["data"]["components"];
        assert_eq!((&form["type"], &form["data"]["custom_id"]), (&json!(9), &json!("about")));
        assert_eq!(rows[1]["component"]["value"], "It broke.");

        let sent = |question: &str| {
            json!({"custom_id": "about", "components": [
                {"type": 18, "component": {"type": 4, "custom_id": "question", "value": question}},
                {"type": 1, "components": [{"type": 4, "custom_id": "message", "value": "It broke.\nTwice."}]},
            ]})
        };
        let question = asked(of(5, "en-US", sent("Why?")));
        assert_eq!(question.text, "Why?\n\n> It broke.\n> Twice.");
        assert!(matches!(question.reply_to, ReplyTo::Interaction { private: true, .. }));
        assert_eq!(asked(of(5, "en-US", sent(" "))).text, "It broke.\nTwice.");
        assert_eq!(said(of(5, "en-US", json!({"custom_id": "other"}))), sentences::unknown_command(Lang::En));
    }

    #[test]
    fn the_words_of_a_message_are_found() {
        let cases = [
            (json!({"content": "", "embeds": [{"title": "News", "description": "We moved"}]}), "News\nWe moved"),
            (json!({"content": "", "message_snapshots": [{"message": {"content": "Hi"}}]}), "Hi"),
            (json!({"content": null, "embeds": null, "attachments": [{"id": "1"}]}), ""),
        ];
        for (message, text) in cases {
            let message: super::super::interaction::Target = serde_json::from_value(message).unwrap();
            assert_eq!(message.text(), text);
        }
        assert_eq!(said(of(2, "en-US", about(&json!({"content": " "})))), sentences::no_text(Lang::En));
        assert_eq!(said(of(2, "en-US", json!({"name": "Ask about this", "type": 3}))), sentences::no_text(Lang::En));
    }

    #[test]
    fn a_vote_counts_in_its_own_channel() {
        let click = |id: &str| of(3, "fr", json!({"component_type": 2, "custom_id": id}));
        let id = VoteId { vote: Vote::Down, conversation: ConversationId::of_person(3, 11), question: QuestionId(6) };
        assert_eq!(click("vote:down:3-11:6"), Decision::Vote { id, voter: 4, guild: Some(Id::new(2)) });
        for forged in ["vote:down:33-11:6", "vote:down:api-local-3:6", "", "about"] {
            assert_eq!(said(click(forged)), sentences::unknown_command(Lang::Fr));
        }
    }

    #[test]
    fn suggestions_are_empty_and_new_kinds_unknown() {
        assert_eq!(of(4, "fr", ask("x", None)), Decision::Reply(json!({"type": 8, "data": {"choices": []}})));
        assert_eq!(of(6, "fr", json!({})), Decision::Unknown);
        assert_eq!(of(0, "fr", json!({})), Decision::Unknown);
    }

    proptest! {
        #[test]
        fn a_quoted_message_always_fits(question in "\\PC{1,1500}", message in "(\\PC{0,3}\n){0,2000}") {
            let text = about_text(question.trim(), message.trim());
            prop_assert!(text.chars().count() <= MAX_CHARS);
            prop_assert!(text.contains(question.trim()));
        }

        #[test]
        fn a_field_is_cut_as_discord_counts(text in "\\PC{0,40}", units in 0usize..40) {
            let cut = first_units(&text, units);
            prop_assert!(text.starts_with(cut));
            let length = cut.encode_utf16().count();
            prop_assert!(length <= units && (cut == text || length + 2 > units));
        }
    }
}
