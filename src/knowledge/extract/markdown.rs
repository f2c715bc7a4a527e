//! Markdown stays as it is, but for its front matter.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::Read;

pub(super) fn read(text: &str) -> Read {
    let (front_matter, markdown) = split_front_matter(text);
    let title = front_matter.and_then(front_matter_title).or_else(|| first_heading(markdown));
    Read { title, markdown: markdown.to_owned() }
}

/// Front matter stands between two `---` (YAML) or `+++` (TOML) at the very start.
fn split_front_matter(text: &str) -> (Option<&str>, &str) {
    for fence in ["---", "+++"] {
        let Some(rest) = text.strip_prefix(fence).and_then(|rest| rest.strip_prefix('\n')) else {
            continue;
        };
        let mut offset = 0;
        for line in rest.split_inclusive('\n') {
            if line.trim_end() == fence {
                let matter = &rest[..offset];
                // A rule at the top of a text is no front matter.
                let is_fields = matter.lines().any(|line| line.contains([':', '=']));
                return if is_fields { (Some(matter), &rest[offset + line.len()..]) } else { (None, text) };
            }
            offset += line.len();
        }
    }
    (None, text)
}

/// The one field that is of use here; not worth a YAML parser in front of hostile text.
fn front_matter_title(matter: &str) -> Option<String> {
    let value = matter.lines().find_map(|line| {
        let rest = line.strip_prefix("title")?.trim_start();
        rest.strip_prefix([':', '='])
    })?;
    let value = value.trim().trim_matches(['"', '\'']).trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// The first heading, if it is of the first level.
pub(super) fn first_heading(markdown: &str) -> Option<String> {
    let mut title = String::new();
    let mut inside = false;
    for event in Parser::new_ext(markdown, Options::ENABLE_HEADING_ATTRIBUTES) {
        match event {
            Event::Start(Tag::Heading { level, .. }) if level == HeadingLevel::H1 => inside = true,
            Event::Start(Tag::Heading { .. }) => return None,
            Event::End(TagEnd::Heading(_)) => break,
            Event::Text(text) | Event::Code(text) if inside => title.push_str(&text),
            Event::SoftBreak if inside => title.push(' '),
            _ => {}
        }
    }
    (!title.trim().is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(text: &str) -> Option<String> {
        read(text).title
    }

    #[test]
    fn the_title_is_in_the_front_matter_or_the_first_heading() {
        assert_eq!(
            title("---\ntags: [a]\ntitle: \"Getting started\"\n---\n# Other\n").as_deref(),
            Some("Getting started")
        );
        assert_eq!(title("+++\ntitle = 'Setup'\n+++\ntext").as_deref(), Some("Setup"));
        assert_eq!(title("intro\n\n# The `x` *manual* {#top}\n\n# Two").as_deref(), Some("The x manual"));
        assert_eq!(title("## Only a section\n\n# Later"), None);
        assert_eq!(title("plain"), None);
    }

    #[test]
    fn front_matter_goes_and_everything_else_stays() {
        assert_eq!(read("---\ntitle: x\n---\n\nBody ---\n").markdown, "\nBody ---\n");
        assert_eq!(read("---\nno field here\n---\nBody").markdown, "---\nno field here\n---\nBody");
        assert_eq!(read("---\ntitle: never closed\n").markdown, "---\ntitle: never closed\n");
    }
}
