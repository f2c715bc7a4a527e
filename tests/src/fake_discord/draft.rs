//! The rules that Discord checks before it takes a message. [Discord Docs/Message: Create Message]

use serde_json::{Map, Value, json};

use super::error::Refusal;
use super::message::{COMPONENTS_V2, snowflake_text};

/// The fields of a message body that passed Discord's checks. A field is absent when the body does not name it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) content: Option<String>,
    pub(crate) components: Option<Value>,
    pub(crate) embeds: Option<Value>,
    pub(crate) flags: Option<u64>,
    pub(crate) allowed_mentions: Option<Value>,
    pub(crate) reference: Option<Value>,
    pub(crate) nonce: Option<String>,
    pub(crate) enforce_nonce: bool,
    pub(crate) attachments: usize,
}

impl Draft {
    /// Checks a body as Discord does. `files` is how many came with it.
    pub(crate) fn check(body: &Map<String, Value>, files: usize) -> Result<Self, Refusal> {
        let list = |field: &str| -> Result<Option<Value>, Refusal> {
            match body.get(field) {
                None | Some(Value::Null) => Ok(body.get(field).map(|_| json!([]))),
                Some(value) if value.is_array() => Ok(Some(value.clone())),
                Some(_) => Err(Refusal::form(field, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")),
            }
        };
        let draft = Self {
            content: text(body, "content", 2_000)?,
            components: list("components")?,
            embeds: list("embeds")?,
            flags: body.get("flags").and_then(Value::as_u64),
            allowed_mentions: body.get("allowed_mentions").cloned(),
            reference: body.get("message_reference").filter(|value| !value.is_null()).cloned(),
            nonce: nonce(body.get("nonce"))?,
            enforce_nonce: body.get("enforce_nonce").is_some_and(|enforce| enforce == true),
            attachments: files,
        };
        draft.check_mentions()?;
        draft.check_components()?;
        if draft.embeds.as_ref().and_then(Value::as_array).is_some_and(|embeds| embeds.len() > 10) {
            return Err(Refusal::form("embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length."));
        }
        Ok(draft)
    }

    /// Whether a message of just this would show nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let none = |list: &Option<Value>| list.as_ref().and_then(Value::as_array).is_none_or(Vec::is_empty);
        self.content.as_deref().unwrap_or_default().trim().is_empty()
            && none(&self.components)
            && none(&self.embeds)
            && self.attachments == 0
    }

    fn check_mentions(&self) -> Result<(), Refusal> {
        let Some(allowed) = self.allowed_mentions.as_ref().filter(|allowed| !allowed.is_null()) else {
            return Ok(());
        };
        let kinds = allowed["parse"].as_array().cloned().unwrap_or_default();
        if let Some(at) =
            kinds.iter().position(|kind| !["roles", "users", "everyone"].iter().any(|known| kind == known))
        {
            let field = format!("allowed_mentions.parse.{at}");
            let message = "Value must be one of ('users', 'roles', 'everyone').";
            return Err(Refusal::form(&field, "BASE_TYPE_CHOICES", message));
        }
        for kind in ["users", "roles"] {
            let ids = allowed[kind].as_array().map_or(0, Vec::len);
            if ids > 100 {
                let field = format!("allowed_mentions.{kind}");
                return Err(Refusal::form(&field, "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length."));
            }
            if ids > 0 && kinds.iter().any(|parsed| parsed == kind) {
                let message = format!("parse:[\"{kind}\"] and {kind}: [ids...] are mutually exclusive.");
                return Err(Refusal::form("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", &message));
            }
        }
        Ok(())
    }

    fn check_components(&self) -> Result<(), Refusal> {
        let Some(components) = &self.components else {
            return Ok(());
        };
        let top = components.as_array().map_or(0, Vec::len);
        let second = self.flags.unwrap_or(0) & COMPONENTS_V2 != 0;
        if second && self.content.as_ref().is_some_and(|content| !content.is_empty()) {
            let message = "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2";
            return Err(Refusal::form("content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message));
        }
        if !second && top > 5 {
            return Err(Refusal::form("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length."));
        }
        let mut ids: Vec<&str> = Vec::new();
        for (row, component) in components.as_array().into_iter().flatten().enumerate() {
            if !second && component["type"] != 1 {
                let field = format!("components.{row}.type");
                return Err(Refusal::form(&field, "BASE_TYPE_CHOICES", "Value of field \"type\" must be one of (1,)."));
            }
            let inner = component["components"].as_array().map_or(&[][..], Vec::as_slice);
            if component["type"] == 1 && !(1..=5).contains(&inner.len()) {
                let field = format!("components.{row}.components");
                return Err(Refusal::form(&field, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length."));
            }
            for (at, button) in inner.iter().enumerate().filter(|(_, button)| button["type"] == 2) {
                check_button(button, &format!("components.{row}.components.{at}"), &mut ids)?;
            }
        }
        Ok(())
    }
}

fn check_button<'a>(button: &'a Value, field: &str, ids: &mut Vec<&'a str>) -> Result<(), Refusal> {
    let label = button["label"].as_str().unwrap_or_default();
    if label.chars().count() > 80 {
        let field = format!("{field}.label");
        return Err(Refusal::form(&field, "BASE_TYPE_MAX_LENGTH", "Must be 80 or fewer in length."));
    }
    let is_link = button["style"] == 5;
    if label.is_empty() && !button["emoji"].is_object() {
        return Err(Refusal::form(field, "BUTTON_COMPONENT_INVALID", "A button needs a label or an emoji."));
    }
    if is_link {
        return match button["url"].as_str() {
            Some(url) if url.len() <= 512 && url.contains("://") => Ok(()),
            _ => Err(Refusal::form(&format!("{field}.url"), "URL_TYPE_INVALID_URL", "Not a well formed URL.")),
        };
    }
    let id = button["custom_id"].as_str().unwrap_or_default();
    if !(1..=100).contains(&id.chars().count()) {
        let field = format!("{field}.custom_id");
        return Err(Refusal::form(&field, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."));
    }
    if ids.contains(&id) {
        let field = format!("{field}.custom_id");
        let message = "Component custom id cannot be duplicated";
        return Err(Refusal::form(&field, "COMPONENT_CUSTOM_ID_DUPLICATED", message));
    }
    ids.push(id);
    Ok(())
}

fn text(body: &Map<String, Value>, field: &str, limit: usize) -> Result<Option<String>, Refusal> {
    match body.get(field) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(String::new())),
        Some(Value::String(text)) if text.chars().count() > limit => {
            let message = format!("Must be {limit} or fewer in length.");
            Err(Refusal::form(field, "BASE_TYPE_MAX_LENGTH", &message))
        }
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::form(field, "STRING_TYPE_CONVERT", "Could not interpret value as string.")),
    }
}

fn nonce(value: Option<&Value>) -> Result<Option<String>, Refusal> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let text = snowflake_text(value);
    if text.chars().count() > 25 {
        return Err(Refusal::form("nonce", "NONCE_TYPE_TOO_LONG", "Nonce cannot be longer than 25 characters."));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &Value) -> Value {
        Draft::check(body.as_object().expect("an object"), 0).expect_err("Discord refuses this").1
    }

    #[test]
    fn what_discord_refuses_is_refused() {
        assert_eq!(
            refused(&json!({"content": "é".repeat(2_001)}))["errors"]["content"]["_errors"][0]["code"],
            "BASE_TYPE_MAX_LENGTH"
        );
        assert!(Draft::check(json!({"content": "é".repeat(2_000)}).as_object().expect("an object"), 0).is_ok());
        let button = json!({"type": 2, "style": 2, "label": "a", "custom_id": "same"});
        let twice = json!({"components": [{"type": 1, "components": [button, button]}]});
        let error = refused(&twice);
        assert_eq!(error["code"], 50035);
        assert_eq!(
            error["errors"]["components"]["0"]["components"]["1"]["custom_id"]["_errors"][0]["code"],
            "COMPONENT_CUSTOM_ID_DUPLICATED"
        );
        refused(&json!({"allowed_mentions": {"parse": ["users"], "users": ["1"]}}));
        refused(&json!({"nonce": "x".repeat(26)}));
        refused(&json!({"content": 5}));
    }
}
