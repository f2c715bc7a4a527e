//! What Discord is told at once. [Discord Docs/Receiving and Responding: Interaction Response Object]

use serde_json::{Value, json};
use twilight_model::channel::message::MessageFlags;

/// Response types.
const PONG: u8 = 1;
const MESSAGE: u8 = 4;
const THINKING: u8 = 5;
const CHOICES: u8 = 8;
const FORM: u8 = 9;

/// Component types, and the style of a field of several lines. [Discord Docs/Component Reference]
const TEXT_INPUT: u8 = 4;
const LABEL: u8 = 18;
const PARAGRAPH: u8 = 2;

/// A field of a form.
pub(super) struct Field<'a> {
    pub(super) id: &'a str,
    pub(super) label: &'a str,
    pub(super) hint: Option<&'a str>,
    pub(super) placeholder: Option<&'a str>,
    pub(super) value: Option<&'a str>,
    pub(super) max_chars: usize,
    pub(super) required: bool,
}

/// Here we are.
pub(super) fn pong() -> Value {
    json!({"type": PONG})
}

/// “thinking…”, to be replaced by the answer.
pub(super) fn thinking(private: bool) -> Value {
    let flags = if private { MessageFlags::EPHEMERAL } else { MessageFlags::empty() };
    json!({"type": THINKING, "data": {"flags": flags.bits()}})
}

/// A sentence that only the person sees who did something.
pub(super) fn only_to_you(text: &str) -> Value {
    let flags = MessageFlags::EPHEMERAL | MessageFlags::SUPPRESS_EMBEDS;
    json!({
        "type": MESSAGE,
        "data": {"content": text, "flags": flags.bits(), "allowed_mentions": {"parse": []}},
    })
}

/// Nothing is suggested.
pub(super) fn no_choices() -> Value {
    json!({"type": CHOICES, "data": {"choices": []}})
}

/// A form to fill in.
pub(super) fn form(id: &str, title: &str, fields: &[Field<'_>]) -> Value {
    let rows: Vec<Value> = fields
        .iter()
        .map(|field| {
            let mut input = json!({
                "type": TEXT_INPUT, "style": PARAGRAPH, "custom_id": field.id,
                "required": field.required, "max_length": field.max_chars,
            });
            if let Some(value) = field.value {
                input["value"] = value.into();
            }
            if let Some(placeholder) = field.placeholder {
                input["placeholder"] = placeholder.into();
            }
            let mut row = json!({"type": LABEL, "label": field.label, "component": input});
            if let Some(hint) = field.hint {
                row["description"] = hint.into();
            }
            row
        })
        .collect();
    json!({"type": FORM, "data": {"custom_id": id, "title": title, "components": rows}})
}
