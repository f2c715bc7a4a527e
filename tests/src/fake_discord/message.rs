//! Messages: what one shows, and what it does to the people who read it.

use serde_json::Value;

/// Link previews are off for this message. [Discord Docs/Message: Message Flags]
pub(crate) const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Only the person who asked sees this message.
pub(crate) const EPHEMERAL: u64 = 1 << 6;
/// "… is thinking".
pub(crate) const LOADING: u64 = 1 << 7;
/// The message consists of components alone.
pub(crate) const COMPONENTS_V2: u64 = 1 << 15;

/// Who would be notified: `@everyone`, `@here`, `user 1`, `role 2`, `author of 3`. Mentions inside code, which Discord leaves
/// alone, count here too: a message that is safe by this count is safe.
///
/// [Discord Docs/Message: Allowed Mentions Object]
pub fn would_ping(text: &str, allowed: Option<&Value>, replies_to: Option<u64>) -> Vec<String> {
    let allowed = allowed.filter(|allowed| !allowed.is_null());
    let parses = |kind: &str| {
        allowed.is_none_or(|allowed| {
            allowed["parse"].as_array().is_some_and(|parse| parse.iter().any(|item| item == kind))
        })
    };
    let lists = |kind: &str, id: &str| {
        allowed.is_some_and(|allowed| {
            allowed[kind].as_array().is_some_and(|ids| ids.iter().any(|listed| snowflake_text(listed) == id))
        })
    };
    let mut pinged = Vec::new();
    for name in ["@everyone", "@here"] {
        if text.contains(name) && parses("everyone") {
            pinged.push(name.to_owned());
        }
    }
    for part in text.split("<@").skip(1) {
        let Some((inside, _)) = part.split_once('>') else {
            continue;
        };
        let (kind, singular, id) = match inside.strip_prefix('&') {
            Some(id) => ("roles", "role", id),
            None => ("users", "user", inside.trim_start_matches('!')),
        };
        if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) && (parses(kind) || lists(kind, id)) {
            pinged.push(format!("{singular} {id}"));
        }
    }
    if let Some(message) = replies_to
        && allowed.is_none_or(|allowed| allowed["replied_user"] == true)
    {
        pinged.push(format!("author of {message}"));
    }
    pinged
}

/// The links for which Discord would look for a preview: bare `http(s)` addresses and Markdown links whose address is not in
/// angle brackets, outside code, while `SUPPRESS_EMBEDS` is off.
pub fn would_unfurl(text: &str, flags: u64) -> Vec<String> {
    if flags & SUPPRESS_EMBEDS != 0 {
        return Vec::new();
    }
    let text = without_code(text);
    let mut links: Vec<String> = Vec::new();
    for (start, _) in text.match_indices("http") {
        let rest = &text[start..];
        if !(rest.starts_with("http://") || rest.starts_with("https://")) || text[..start].ends_with('<') {
            continue;
        }
        let link = rest.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ')')).next().unwrap_or(rest);
        if link.len() > "https://".len() && !links.iter().any(|known| known == link) {
            links.push(link.to_owned());
        }
    }
    links
}

fn without_code(text: &str) -> String {
    let outside_blocks: String = text.split("```").step_by(2).collect::<Vec<_>>().join(" ");
    outside_blocks.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// A button as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// The words or the emoji on it.
    pub label: String,
    /// What its click sends; empty for link buttons.
    pub custom_id: String,
    /// Where a link button leads.
    pub url: Option<String>,
    /// It is shown grey and cannot be clicked.
    pub disabled: bool,
}

/// All buttons in a tree of components, in reading order.
pub(crate) fn buttons(components: &Value) -> Vec<Button> {
    let mut found = Vec::new();
    visit(components, &mut |component| {
        if component["type"] == 2 {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let label = format!("{}{}", text(&component["emoji"]["name"]), text(&component["label"]));
            found.push(Button {
                label,
                custom_id: text(&component["custom_id"]),
                url: component["url"].as_str().map(str::to_owned),
                disabled: component["disabled"] == true,
            });
        }
    });
    found
}

/// The words of a message: its content and every text display in its components.
pub(crate) fn words(content: &str, components: &Value) -> String {
    let mut parts: Vec<String> = (!content.is_empty()).then(|| content.to_owned()).into_iter().collect();
    visit(components, &mut |component| {
        if component["type"] == 10 {
            parts.extend(component["content"].as_str().map(str::to_owned));
        }
    });
    parts.join("\n")
}

fn visit(components: &Value, each: &mut impl FnMut(&Value)) {
    for component in components.as_array().into_iter().flatten() {
        each(component);
        visit(&component["components"], each);
        if component["accessory"].is_object() {
            each(&component["accessory"]);
        }
    }
}

/// An id as text, whether it came as a string or as a number.
pub(crate) fn snowflake_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pings_follow_allowed_mentions() {
        let text = "hi @everyone <@1> <@!2> <@&3> <@> <@x>";
        assert_eq!(would_ping(text, None, None), ["@everyone", "user 1", "user 2", "role 3"]);
        assert!(would_ping(text, Some(&json!({"parse": []})), Some(9)).is_empty());
        assert_eq!(would_ping(text, Some(&json!({"parse": [], "users": ["2"]})), None), ["user 2"]);
        assert_eq!(would_ping("@here", Some(&json!({"parse": ["everyone"]})), None), ["@here"]);
        assert_eq!(would_ping("", None, Some(9)), ["author of 9"]);
    }

    #[test]
    fn only_bare_links_unfurl() {
        let text = "https://a.example/x <https://b.example> [c](https://c.example) [d](<https://d.example>) \
                    `https://e.example` ```\nhttps://f.example\n``` https://a.example/x";
        assert_eq!(would_unfurl(text, 0), ["https://a.example/x", "https://c.example"]);
        assert!(would_unfurl(text, SUPPRESS_EMBEDS).is_empty());
    }
}
