//! Our commands as Discord lists them. [Discord Docs/Application Commands: Application Command Object]

use crate::locale::Locale;
use crate::question::MAX_CHARS;
use crate::sentences::{self, Lang};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// `/ask`.
pub const ASK: &str = "ask";
/// Its option that holds the question.
pub const QUESTION: &str = "question";
/// Its option that keeps the reply from others.
pub const PRIVATE: &str = "private";
/// The command in a message's menu.
pub const ABOUT: &str = "Ask about this";

/// Command types.
pub(super) const CHAT_INPUT: u8 = 1;
/// A command in a message's menu.
pub(super) const MESSAGE: u8 = 3;

/// Option types.
const STRING: u8 = 3;
const BOOLEAN: u8 = 5;

/// Installed to servers; used in them and in private messages with the bot. Conversations between other people are open only
/// to what a person installs for themselves, and Guildhall is a team's.
const GUILD_INSTALL: u8 = 0;
const GUILD: u8 = 0;
const BOT_DM: u8 = 1;

/// Tells our commands of today from those of another version.
pub fn fingerprint() -> String {
    hex::encode(&Sha256::digest(all().to_string())[..16])
}

/// All of them, as `PUT /applications/…/commands` takes them.
pub fn all() -> Value {
    json!([
        {
            "type": CHAT_INPUT,
            "name": ASK,
            "description": sentences::ask_description(Lang::En),
            "description_localizations": localizations(sentences::ask_description),
            "integration_types": [GUILD_INSTALL],
            "contexts": [GUILD, BOT_DM],
            "options": [
                {
                    "type": STRING,
                    "name": QUESTION,
                    "description": sentences::question_description(Lang::En),
                    "description_localizations": localizations(sentences::question_description),
                    "required": true,
                    "max_length": MAX_CHARS,
                },
                {
                    "type": BOOLEAN,
                    "name": PRIVATE,
                    "name_localizations": localizations(sentences::private_name),
                    "description": sentences::private_description(Lang::En),
                    "description_localizations": localizations(sentences::private_description),
                },
            ],
        },
        {
            "type": MESSAGE,
            "name": ABOUT,
            "name_localizations": localizations(sentences::about_name),
            "integration_types": [GUILD_INSTALL],
            "contexts": [GUILD, BOT_DM],
        },
    ])
}

/// A sentence in the languages other than English, for each of Discord's locales that they are spoken in.
fn localizations(sentence: fn(Lang) -> &'static str) -> Map<String, Value> {
    Locale::all()
        .map(|locale| (locale, Lang::from_locale(locale)))
        .filter(|(_, lang)| *lang != Lang::En)
        .map(|(locale, lang)| (locale.to_owned(), sentence(lang).into()))
        .collect()
}

/// Whether two lists of commands mean the same: whatever their order, what Discord adds, and defaults left out or not.
pub fn are_same(a: &Value, b: &Value) -> bool {
    match (a.as_array(), b.as_array()) {
        (Some(a), Some(b)) => a.len() == b.len() && sorted(a) == sorted(b),
        _ => false,
    }
}

fn sorted(commands: &[Value]) -> BTreeMap<(u64, String), Map<String, Value>> {
    commands
        .iter()
        .map(|command| {
            let kind = command["type"].as_u64().unwrap_or(CHAT_INPUT.into());
            let name = command["name"].as_str().unwrap_or_default().to_owned();
            ((kind, name), normal(command))
        })
        .collect()
}

/// A command or an option without what Discord adds and without defaults.
fn normal(object: &Value) -> Map<String, Value> {
    let mut normal = Map::new();
    for (field, value) in object.as_object().into_iter().flatten() {
        let is_default = match field.as_str() {
            // Discord's own, or said by `contexts` today.
            "id" | "application_id" | "version" | "guild_id" | "dm_permission" | "default_permission" => true,
            "integration_types" => *value == json!([GUILD_INSTALL]),
            _ => false,
        };
        let is_empty = match value {
            Value::Null | Value::Bool(false) => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            _ => false,
        };
        if is_default || is_empty {
            continue;
        }
        let value = match (field.as_str(), value) {
            ("options", Value::Array(options)) => {
                options.iter().map(|option| Value::Object(self::normal(option))).collect()
            }
            ("contexts" | "integration_types", Value::Array(numbers)) => {
                let mut numbers: Vec<_> = numbers.iter().map(Value::as_u64).collect();
                numbers.sort_unstable();
                json!(numbers)
            }
            _ => value.clone(),
        };
        normal.insert(field.clone(), value);
    }
    normal.entry("type").or_insert_with(|| CHAT_INPUT.into());
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Our commands as Discord gives them back.
    fn echoed() -> Value {
        let mut commands = all();
        let list = commands.as_array_mut().unwrap();
        for (number, command) in list.iter_mut().enumerate() {
            command["id"] = json!(format!("90{number}"));
            command["application_id"] = json!("7");
            command["version"] = json!("901");
            command["default_member_permissions"] = Value::Null;
            command["dm_permission"] = json!(true);
            command["nsfw"] = json!(false);
            if command["type"] == 3 {
                command["description"] = json!("");
                command["description_localizations"] = Value::Null;
            } else {
                command["name_localizations"] = Value::Null;
                command["options"][0]["name_localizations"] = Value::Null;
                command["options"][1]["required"] = json!(false);
                command["contexts"] = json!([1, 0]);
            }
        }
        list.reverse();
        commands
    }

    /// What Discord sends back is the English name, whatever the person's language.
    #[test]
    fn the_english_names_are_those_that_we_are_called_by() {
        assert_eq!(sentences::private_name(Lang::En), PRIVATE);
        assert_eq!(sentences::about_name(Lang::En), ABOUT);
    }

    #[test]
    fn every_language_but_english_is_listed_under_discords_own_name() {
        let names = localizations(sentences::private_name);
        assert_eq!(names["fr"], "privé");
        assert!(!names.contains_key("en-US") && !names.contains_key("en-GB"));
        for lang in Lang::ALL {
            assert!(Locale::all().any(|locale| Lang::from_locale(locale) == *lang), "{lang:?} is none of Discord's");
        }
    }

    #[test]
    fn what_discord_adds_is_no_difference() {
        assert!(are_same(&echoed(), &all()));
    }

    #[test]
    fn what_we_say_is_a_difference() {
        let changes: [fn(&mut Value); 6] = [
            |c| c[0]["name_localizations"] = Value::Null,
            |c| c[1]["description"] = json!("Ask"),
            |c| c[1]["options"][0]["max_length"] = json!(100),
            |c| c[1]["options"][0]["required"] = json!(false),
            |c| c[1]["contexts"] = json!([0]),
            |c| c[1]["default_member_permissions"] = json!("0"),
        ];
        for change in changes {
            let mut theirs = echoed();
            change(&mut theirs);
            assert_ne!(theirs, echoed(), "a change that changes nothing");
            assert!(!are_same(&theirs, &all()), "{theirs}");
        }
        assert!(!are_same(&json!([]), &all()));
        assert!(!are_same(&json!({"message": "no"}), &all()));
    }
}
