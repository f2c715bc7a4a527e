//! The deterministic reader: it knows no prompt format, only that a prompt holds a question and things to read.

use serde_json::{Map, Value, json};

/// What the reader says when it finds nothing.
const NOTHING: &str = "I could not find that in the documents.";

/// Every message as (role, text). A content in parts is put together.
pub(crate) fn messages(body: &Value) -> Vec<(String, String)> {
    let text = |content: &Value| match content {
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        content => content.as_str().unwrap_or_default().to_owned(),
    };
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    messages
        .iter()
        .map(|message| (message["role"].as_str().unwrap_or_default().to_owned(), text(&message["content"])))
        .collect()
}

/// The reply to a request: the latest script that fits, else what the reader knows and finds, else that it found nothing.
pub(crate) fn answer(body: &Value, scripts: &[(String, String)], knows: &[(String, String)]) -> String {
    let messages = messages(body);
    let last = messages.iter().rposition(|(role, _)| role == "user");
    // Whoever asks puts what there is to read first and the question last.
    let question = last.and_then(|at| messages[at].1.trim_end().lines().last()).unwrap_or_default().to_lowercase();
    if let Some((_, said)) = scripts.iter().rev().find(|(needle, _)| question.contains(needle.as_str())) {
        if serde_json::from_str::<Value>(said).is_ok_and(|value| value.is_object()) {
            return said.clone();
        }
        return shaped(body, said, &[1], true);
    }
    let prompt: String = messages.iter().map(|(_, text)| text.to_lowercase() + "\n").collect();
    for (needle, answer) in knows {
        // Once is the question itself; what there is to read must hold it too.
        if question.contains(needle.as_str()) && prompt.matches(needle.as_str()).count() > 1 {
            let passage = prompt.find(needle.as_str()).and_then(|at| number_before(&prompt[..at]));
            return shaped(body, answer, &[passage.unwrap_or(1)], true);
        }
    }
    shaped(body, NOTHING, &[], false)
}

/// The number of the passage that a place in the prompt belongs to: the nearest line above it that starts with a number in
/// some kind of mark: `[2]`, `2.`, `#2`, `<passage id="2">`, `Source 2:`.
fn number_before(text: &str) -> Option<u64> {
    text.lines().rev().take(200).find_map(|line| {
        let start = line.find(|c: char| c.is_ascii_digit())?;
        let (before, rest) = line.split_at(start);
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        let marks = ['[', '#', '"', '\'', '=', '(', '<', ':'];
        let marked = before.is_empty() || before.ends_with(marks) || {
            let word = before.trim().trim_start_matches(marks);
            ["passage", "source", "document", "excerpt", "quelle"].contains(&word)
        };
        let closed = after.is_empty() || after.starts_with([',', ']', '.', ':', ')', '"', '\'', '>', ' ']);
        (marked && closed && before.len() < 40 && digits.len() < 4).then(|| digits.parse().ok()).flatten()
    })
}

/// Puts an answer into what the request wants: its schema's JSON, any JSON, or plain text.
fn shaped(body: &Value, answer: &str, sources: &[u64], found: bool) -> String {
    let format = &body["response_format"];
    match format["type"].as_str() {
        Some("json_schema") => fill(&format["json_schema"]["schema"], "", answer, sources, found).to_string(),
        Some("json_object") => json!({"answer": answer, "sources": sources}).to_string(),
        _ => answer.to_owned(),
    }
}

fn fill(schema: &Value, name: &str, answer: &str, sources: &[u64], found: bool) -> Value {
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find_map(|kind| kind.as_str().filter(|kind| *kind != "null")),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let filled: Map<String, Value> =
                fields.map(|(name, schema)| (name.clone(), fill(schema, name, answer, sources, found))).collect();
            Value::Object(filled)
        }
        Some("array") => json!(sources),
        Some("integer" | "number") => json!(sources.first()),
        // Yes to "is there an answer?", no to "is a human wanted?".
        Some("boolean") => json!(found && !["human", "escalat", "handover"].iter().any(|word| name.contains(word))),
        Some("string") => match schema["enum"].as_array() {
            Some(choices) => choices.first().cloned().unwrap_or_default(),
            None => json!(answer),
        },
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_are_numbered_in_many_ways() {
        for text in
            ["[3] T\nx", "3. T\nx", "<passage id=\"3\" title=\"T 9\">\nx", "Source 3: T\nx", "#3\nlasts 31 months x"]
        {
            assert_eq!(number_before(&text.to_lowercase()), Some(3), "{text}");
        }
        assert_eq!(number_before("the warranty lasts 31 months"), None);
    }
}
