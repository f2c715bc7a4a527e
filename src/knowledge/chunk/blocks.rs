//! What a Markdown text consists of at its top level.

use std::collections::HashMap;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// One block with its source.
#[derive(Debug)]
pub(super) struct Block<'t> {
    pub(super) kind: Kind,
    /// From its own start to the start of the next block, without the white space around it. What the parser reports no
    /// block for, such as link definitions, stays with the block before.
    pub(super) text: &'t str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Heading(Heading),
    Code,
    Table,
    Other,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Heading {
    /// 1 to 6.
    pub(super) level: u8,
    /// As a reader sees it, without markup.
    pub(super) text: String,
    /// Under which a link reaches it.
    pub(super) id: Option<String>,
}

pub(super) fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
}

/// The blocks of a text, comments left out.
pub(super) fn top_level(markdown: &str) -> Vec<Block<'_>> {
    let mut starts: Vec<(Kind, usize)> = Vec::new();
    let mut open = 0_usize;
    let mut in_heading = false;
    for (event, range) in Parser::new_ext(markdown, options()).into_offset_iter() {
        match &event {
            Event::Start(tag) => {
                if open == 0 {
                    let kind = kind(tag);
                    in_heading = matches!(kind, Kind::Heading(_));
                    starts.push((kind, range.start));
                }
                open += 1;
            }
            Event::End(_) => {
                open -= 1;
                if open == 0 && in_heading {
                    in_heading = false;
                    // What follows on the next line belongs to no heading.
                    starts.push((Kind::Other, range.end));
                }
            }
            Event::Rule if open == 0 => starts.push((Kind::Other, range.start)),
            Event::Text(text) | Event::Code(text) if in_heading => {
                push_heading_text(&mut starts, text);
            }
            Event::SoftBreak | Event::HardBreak if in_heading => {
                push_heading_text(&mut starts, " ");
            }
            _ => {}
        }
    }
    if starts.first().is_none_or(|(_, start)| *start > 0) {
        starts.insert(0, (Kind::Other, 0));
    }
    let ends: Vec<usize> = starts.iter().skip(1).map(|(_, start)| *start).chain([markdown.len()]).collect();
    for (kind, _) in &mut starts {
        if let Kind::Heading(heading) = kind {
            heading.text = heading.text.split_whitespace().collect::<Vec<_>>().join(" ");
        }
    }
    starts
        .into_iter()
        .zip(ends)
        .map(|((kind, start), end)| {
            let text = markdown[start..end.max(start)].trim_end();
            // An indent makes code; elsewhere it is nothing.
            let text = if kind == Kind::Code { text.trim_start_matches('\n') } else { text.trim_start() };
            Block { kind, text }
        })
        .filter(|block| matches!(block.kind, Kind::Heading(_)) || says_something(block.text))
        .collect()
}

fn kind(tag: &Tag<'_>) -> Kind {
    match tag {
        Tag::Heading { level, id, .. } => Kind::Heading(Heading {
            level: *level as u8,
            text: String::new(),
            id: id.as_ref().map(ToString::to_string),
        }),
        Tag::CodeBlock(_) => Kind::Code,
        Tag::Table(_) => Kind::Table,
        _ => Kind::Other,
    }
}

fn push_heading_text(starts: &mut [(Kind, usize)], text: &str) {
    if let Some((Kind::Heading(heading), _)) = starts.last_mut() {
        heading.text.push_str(text);
    }
}

/// Rules and comments do not.
fn says_something(text: &str) -> bool {
    let is_comment = text.starts_with("<!--") && text.ends_with("-->") && text.matches("-->").count() == 1;
    !is_comment && text.chars().any(char::is_alphanumeric)
}

/// Whether nearly all words are links, of which there are several.
pub(super) fn is_link_list(text: &str) -> bool {
    const SEVERAL: usize = 3;
    if text.matches("](").take(SEVERAL).count() < SEVERAL {
        return false;
    }
    let (mut links, mut inside, mut outside) = (0_usize, 0_usize, 0_usize);
    let mut in_link = false;
    for event in Parser::new_ext(text, options()) {
        match event {
            Event::Start(Tag::Link { .. }) => {
                links += 1;
                in_link = true;
            }
            Event::End(TagEnd::Link) => in_link = false,
            Event::Text(text) | Event::Code(text) => {
                let letters = text.chars().filter(|c| c.is_alphabetic()).count();
                *(if in_link { &mut inside } else { &mut outside }) += letters;
            }
            _ => {}
        }
    }
    links >= SEVERAL && outside * 10 < inside
}

/// Names of headings as GitHub and the tools that follow it make them.
#[derive(Debug, Default)]
pub(super) struct Slugs {
    used: HashMap<String, usize>,
}

impl Slugs {
    pub(super) fn slug(&mut self, heading: &str) -> String {
        let slug: String = heading
            .trim()
            .chars()
            .flat_map(char::to_lowercase)
            .filter_map(|c| match c {
                ' ' => Some('-'),
                '-' | '_' => Some(c),
                _ => c.is_alphanumeric().then_some(c),
            })
            .collect();
        let count = self.used.entry(slug.clone()).or_default();
        *count += 1;
        if *count == 1 { slug } else { format!("{slug}-{}", *count - 1) }
    }
}
