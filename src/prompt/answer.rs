//! Reading what the model wrote. It was asked for JSON by a schema, but servers enforce that unevenly and small models
//! drift, so everything here expects anything.

mod citations;
mod lenient;
mod repetition;

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::question::Heard;
use crate::sentences::{self, Lang};

/// Most sources of one answer: more than this is a list to scroll past, not a reference.
pub const MAX_SOURCES: usize = 5;
/// Longest answer, in characters: four full Discord messages. What is longer was not asked for.
const MAX_ANSWER: usize = 8_000;
/// More of a response than this is not looked at.
const MAX_RAW: usize = 200_000;
/// How many `{` are tried as the beginning of the answer.
const MAX_ATTEMPTS: usize = 32;

/// What the model said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelAnswer {
    /// Markdown. `[1]` in it means the first of `sources`. Empty only if it cannot answer or hands over.
    pub answer: String,
    /// Indexes (from 0) of the passages it rests on, in the order of mention, each once, all existing, at most
    /// [`MAX_SOURCES`].
    pub sources: Vec<usize>,
    /// Whether the passages contain the answer.
    pub can_answer: bool,
    /// Whether whoever asks wants to speak to a person.
    pub wants_human: bool,
    /// Whether an overheard message is one to answer, where the model said so.
    pub addressed: Option<bool>,
}

/// Why there is no answer in what the model wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It wrote nothing, or nothing but its thoughts.
    #[error("the model wrote no answer")]
    Empty,
    /// What it wrote is neither the JSON that was asked for nor a sentence.
    #[error("the model wrote something that is not an answer")]
    NotAnAnswer,
    /// It repeated itself until it was stopped, and said nothing whole before.
    #[error("the model only repeated itself")]
    Loop,
}

/// The JSON schema of an answer to what was heard so, in the subset that strict servers take.
pub fn answer_schema(heard: Heard) -> &'static Value {
    static ASKED: LazyLock<Value> = LazyLock::new(|| {
        json!({
            "type": "object",
            "properties": {
                "answer": { "type": "string", "description": "The answer, in the language of the question" },
                "can_answer": { "type": "boolean", "description": "Whether the passages contain the answer" },
                "sources": {
                    "type": "array",
                    "items": { "type": "integer" },
                    "description": "Numbers of the passages used"
                },
                "wants_human": { "type": "boolean", "description": "Whether the member wants to speak to a person" }
            },
            "required": ["answer", "can_answer", "sources", "wants_human"],
            "additionalProperties": false
        })
    });
    // Properties are written in alphabetical order, so the model decides whether to speak before it does.
    static OVERHEARD: LazyLock<Value> = LazyLock::new(|| {
        let mut schema = ASKED.clone();
        schema["properties"]["addressed"] = json!({
            "type": "boolean",
            "description": "Whether the message is one that the assistant should answer; false for talk between people"
        });
        schema["required"] = json!(["addressed", "answer", "can_answer", "sources", "wants_human"]);
        schema
    });
    match heard {
        Heard::Directly | Heard::InPassing => &ASKED,
        Heard::InPassingSmart => &OVERHEARD,
    }
}

/// An answer whose parts were found but not yet checked.
#[derive(Debug, Default)]
struct Draft {
    answer: String,
    /// Numbers as the model gave them, from 1.
    sources: Vec<usize>,
    can_answer: Option<bool>,
    wants_human: bool,
    addressed: Option<bool>,
}

/// Reads the model's answer to a prompt that showed `passages` passages.
///
/// Taken as an answer, in this order: a JSON object with an `answer`, wherever it stands (fenced, quoted, inside
/// prose); the same with broken strings or a missing end; and, if there were passages to answer from, plain text that
/// does not look like JSON, because that is how small models answer when nothing holds them to the schema.
pub fn parse(raw: &str, passages: usize) -> Result<ModelAnswer, Unusable> {
    let raw = without_thoughts(&raw[..raw.floor_char_boundary(MAX_RAW)]).trim();
    if raw.is_empty() {
        return Err(Unusable::Empty);
    }
    let draft = from_json(raw)
        .or_else(|| lenient::read(raw))
        .or_else(|| from_prose(raw, passages))
        .ok_or(Unusable::NotAnAnswer)?;
    let draft = unwrap_nested(draft);

    let text = repetition::before_loop(draft.answer.trim()).ok_or(Unusable::Loop)?;
    let (answer, sources) = citations::settle(&shorten(text), &draft.sources, passages);
    let can_answer = draft.can_answer.unwrap_or(true) && has_words(&answer);
    let may_be_empty = draft.can_answer == Some(false) || draft.wants_human || draft.addressed == Some(false);
    if !has_words(&answer) && !may_be_empty {
        return Err(Unusable::Empty);
    }
    Ok(ModelAnswer { answer, sources, can_answer, wants_human: draft.wants_human, addressed: draft.addressed })
}

/// What follows the model's thoughts. They stand at the beginning; some templates swallow the opening tag.
fn without_thoughts(raw: &str) -> &str {
    let text = raw.trim_start();
    for (open, close) in [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<reasoning>", "</reasoning>")] {
        let starts = text.starts_with(open);
        match text.find(close) {
            // A closing tag inside an answer's own JSON is part of the answer.
            Some(end) if starts || !text.starts_with(['{', '`', '"', '[']) => {
                return without_thoughts(&text[end + close.len()..]);
            }
            None if starts => return "",
            _ => {}
        }
    }
    text
}

fn from_json(raw: &str) -> Option<Draft> {
    // The whole reply may be one JSON string with the object in it.
    if raw.starts_with('"')
        && let Ok(inner) = serde_json::from_str::<String>(raw)
    {
        return objects(&inner).find_map(|object| draft(&object));
    }
    objects(raw).find_map(|object| draft(&object))
}

/// The JSON objects that begin somewhere in `text`, outermost and first ones first.
fn objects(text: &str) -> impl Iterator<Item = Map<String, Value>> {
    text.match_indices('{').take(MAX_ATTEMPTS).filter_map(|(start, _)| {
        // Depth is bounded by the library; what follows the object is not looked at.
        match serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>().next()? {
            Ok(Value::Object(object)) => Some(object),
            _ => None,
        }
    })
}

fn draft(object: &Map<String, Value>) -> Option<Draft> {
    let answer = match object.get("answer")? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Null => String::new(),
        Value::Array(lines) => {
            let lines: Vec<&str> = lines.iter().map(Value::as_str).collect::<Option<_>>()?;
            lines.join("\n")
        }
        Value::Object(inner) => return draft(inner),
    };
    Some(Draft {
        answer,
        sources: object.get("sources").map(numbers).unwrap_or_default(),
        can_answer: object.get("can_answer").and_then(truth),
        wants_human: object.get("wants_human").and_then(truth).unwrap_or(false),
        addressed: object.get("addressed").and_then(truth),
    })
}

/// An answer that is itself an answer's JSON. One that merely quotes JSON, as documents about APIs do, is left alone.
fn unwrap_nested(draft: Draft) -> Draft {
    let text = draft.answer.trim();
    if !text.starts_with('{') || !text.contains("\"can_answer\"") {
        return draft;
    }
    from_json(text).unwrap_or(draft)
}

fn from_prose(raw: &str, passages: usize) -> Option<Draft> {
    let looks_like_json = raw.starts_with(['{', '[', '"']) || raw.contains("\"answer\"") || raw.starts_with("```json");
    // Sentences consist of letters, even those around code.
    let visible = raw.chars().filter(|char| !char.is_whitespace()).count();
    let is_prose = raw.chars().filter(|char| char.is_alphanumeric()).count() * 2 > visible;
    (passages > 0 && is_prose && !looks_like_json && !raw.ends_with(':'))
        .then(|| Draft { answer: raw.to_owned(), ..Draft::default() })
}

fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(yes) => Some(*yes),
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        Value::String(word) => match word.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The numbers in a value of whatever type: `[1, 2]`, `"1, 2"`, `["[1]"]`, `1`, `1.0`, `"passage 3"`.
fn numbers(value: &Value) -> Vec<usize> {
    match value {
        Value::Number(number) => {
            number.to_string().split('.').next().and_then(|whole| whole.parse().ok()).into_iter().collect()
        }
        Value::String(text) => numbers_in(text),
        Value::Array(values) => values.iter().take(100).flat_map(numbers).collect(),
        Value::Object(fields) => {
            ["number", "id", "source"].iter().filter_map(|name| fields.get(*name)).flat_map(numbers).collect()
        }
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

fn numbers_in(text: &str) -> Vec<usize> {
    text.split(|char: char| !char.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).take(100).collect()
}

/// Cuts an answer of unreasonable length at the end of a paragraph, line or sentence, and says so.
fn shorten(answer: &str) -> Cow<'_, str> {
    let Some((limit, _)) = answer.char_indices().nth(MAX_ANSWER) else {
        return Cow::Borrowed(answer);
    };
    let kept = &answer[..limit];
    let end = ["\n\n", "\n", ". ", "。", "! ", "? ", " "]
        .iter()
        .find_map(|end| kept.rfind(end).map(|at| at + end.trim_end().len()).filter(|at| *at > limit / 2))
        .unwrap_or(limit);
    let note = sentences::cut(Lang::of(&answer[..answer.floor_char_boundary(500)], ""));
    Cow::Owned(format!("{}\n\n-# {note}", kept[..end].trim_end()))
}

#[cfg(test)]
mod tests;
