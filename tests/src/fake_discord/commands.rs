//! Application commands: Discord's checks, and what it adds. [Discord Docs/Application Commands]

use serde_json::{Value, json};

use super::error::Refusal;
use super::ids;

/// The commands after a bulk overwrite. A command that was there under the same name and type keeps its id.
pub(crate) fn overwrite(before: &[Value], wanted: &[Value], application_id: u64) -> Result<Vec<Value>, Refusal> {
    let mut kept: Vec<Value> = Vec::new();
    for (at, command) in wanted.iter().enumerate() {
        check(command, at)?;
        let kind = command["type"].as_u64().unwrap_or(1);
        let same = |other: &&Value| other["name"] == command["name"] && other["type"] == kind;
        if kept.iter().any(|other| same(&other)) {
            let message = "Application command names must be unique";
            return Err(Refusal::form(&at.to_string(), "APPLICATION_COMMANDS_DUPLICATE_NAME", message));
        }
        let id = before.iter().find(same).map_or_else(|| json!(ids::snowflake().to_string()), |old| old["id"].clone());
        let mut shown = json!({
            "id": id, "application_id": application_id.to_string(), "version": ids::snowflake().to_string(), "type": kind,
            "default_member_permissions": null, "dm_permission": true, "contexts": null, "integration_types": [0],
            "nsfw": false, "description": "",
        });
        for (field, value) in command.as_object().into_iter().flatten() {
            // An empty list of options is left out of what Discord shows.
            if field != "id" && !(field == "options" && value.as_array().is_some_and(Vec::is_empty)) {
                shown[field] = value.clone();
            }
        }
        shown["type"] = json!(kind);
        let options = shown.get_mut("options").and_then(Value::as_array_mut);
        for option in options.into_iter().flatten() {
            // Discord leaves out what is false anyway.
            let option = option.as_object_mut().expect("its name was checked");
            option.retain(|field, value| *value != false || !matches!(field.as_str(), "required" | "autocomplete"));
        }
        kept.push(shown);
    }
    Ok(kept)
}

/// A command as a list shows it unless `with_localizations=true` is asked for.
pub(crate) fn without_localizations(mut command: Value) -> Value {
    if let Some(fields) = command.as_object_mut() {
        fields.retain(|field, _| !field.ends_with("_localizations"));
    }
    let options = command.get_mut("options").and_then(Value::as_array_mut);
    for option in options.into_iter().flatten() {
        if let Some(fields) = option.as_object_mut() {
            fields.retain(|field, _| !field.ends_with("_localizations"));
        }
    }
    command
}

fn check(command: &Value, at: usize) -> Result<(), Refusal> {
    let is_chat = command["type"].as_u64().unwrap_or(1) == 1;
    name(&command["name"], &format!("{at}.name"), is_chat)?;
    description(&command["description"], &format!("{at}.description"), is_chat)?;
    let options = command["options"].as_array().map_or(&[][..], Vec::as_slice);
    if options.len() > 25 || (!is_chat && !options.is_empty()) {
        let message = "Must be 25 or fewer in length.";
        return Err(Refusal::form(&format!("{at}.options"), "BASE_TYPE_MAX_LENGTH", message));
    }
    let mut optional_seen = false;
    for (number, option) in options.iter().enumerate() {
        let field = format!("{at}.options.{number}");
        name(&option["name"], &format!("{field}.name"), true)?;
        description(&option["description"], &format!("{field}.description"), true)?;
        let required = option["required"] == true;
        if required && optional_seen {
            let message = "Required options must be placed before non-required options";
            return Err(Refusal::form(&field, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message));
        }
        optional_seen |= !required;
    }
    Ok(())
}

fn name(value: &Value, field: &str, is_chat: bool) -> Result<(), Refusal> {
    let name = value.as_str().unwrap_or_default();
    let fits = |c: char| {
        let word = c.is_alphanumeric() || matches!(c, '-' | '_' | '\'');
        if is_chat { word && c.to_lowercase().eq([c]) } else { word || c == ' ' }
    };
    if (1..=32).contains(&name.chars().count()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(Refusal::form(field, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid"))
}

fn description(value: &Value, field: &str, is_chat: bool) -> Result<(), Refusal> {
    let length = value.as_str().unwrap_or_default().chars().count();
    if is_chat && !(1..=100).contains(&length) {
        return Err(Refusal::form(field, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."));
    }
    if !is_chat && length > 0 {
        let message = "Context menu commands cannot have description";
        return Err(Refusal::form(field, "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_CANNOT_BE_SET", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewritten_command_keeps_its_id_and_bad_ones_are_refused() {
        let ask = json!({"name": "ask", "description": "Ask", "options": []});
        let first = overwrite(&[], std::slice::from_ref(&ask), 1).expect("valid");
        let again = overwrite(&first, &[ask, json!({"name": "Ask about this", "type": 3})], 1).expect("valid");
        assert_eq!(first[0]["id"], again[0]["id"]);
        assert_eq!(again[0].get("options"), None);
        overwrite(&[], &[json!({"name": "Ask", "description": "x"})], 1).expect_err("capitals");
        overwrite(&[], &[json!({"name": "Ask", "type": 3, "description": "x"})], 1)
            .expect_err("a described menu command");
    }
}
