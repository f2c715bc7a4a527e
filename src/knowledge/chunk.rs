//! Splits a document into the passages that are searched and quoted.
//!
//! Headings decide first: a passage never reaches over one, so its heading path is true of all of it. Sections stay
//! apart even when they are short, because headings are searched with the text and a short section under its own
//! heading is found, and linked, better than as a part of something longer. Long sections are cut between blocks, into
//! pieces of about the same size; only a block that is too long itself is cut inside.

mod blocks;
mod cut;

use std::collections::HashSet;

use url::Url;

use self::blocks::{Block, Kind};
use super::{Document, Passage};

/// The longest passage, in characters. About 300 tokens: small enough that eight of them leave a prompt room and that an
/// embedding (most models read 512 tokens) covers all of it, large enough for a procedure with its example.
pub const MAX_CHARS: usize = 1_200;

/// Longer than any real heading. Of one that is longer (a text set as a heading) the path keeps this much.
const MAX_HEADING_CHARS: usize = 120;

/// Splits a document. The passages stand in the document's order; together they hold all of its text except repetitions,
/// comments, and lists of nothing but links. Takes time in proportion to the length.
pub fn passages(document: &Document) -> Vec<Passage> {
    let blocks = blocks::top_level(&document.markdown);
    let mut sections = Sections::new(document, &blocks);
    let mut passages = Vec::new();
    let mut rest = &blocks[..];
    while !rest.is_empty() {
        let heading = match &rest[0].kind {
            Kind::Heading(heading) => {
                rest = &rest[1..];
                Some(heading)
            }
            _ => None,
        };
        if let Some(heading) = heading {
            sections.enter(heading);
        }
        let end = rest.iter().position(|block| matches!(block.kind, Kind::Heading(_))).unwrap_or(rest.len());
        let (body, after) = rest.split_at(end);
        let is_parent = matches!(
            (heading, after.first().map(|block| &block.kind)),
            (Some(above), Some(Kind::Heading(below))) if below.level > above.level
        );
        rest = after;

        let mut texts = cut::pieces(body);
        if let Some(heading) = heading {
            if heading.text.chars().count() > MAX_HEADING_CHARS {
                let mut all = cut::text(&heading.text);
                all.append(&mut texts);
                texts = all;
            } else if texts.is_empty() && !is_parent && !heading.text.trim().is_empty() {
                // "Opening hours: 9 to 5", and nothing below: the heading is the text.
                texts.push(heading.text.clone());
                passages.extend(texts.drain(..).map(|text| sections.passage_above(text)));
            }
        }
        passages.extend(texts.into_iter().map(|text| sections.passage(text)));
    }
    without_link_lists(without_repetitions(passages))
}

/// Where in the document's headings we are.
struct Sections<'d> {
    document: &'d Document,
    /// Outermost first.
    path: Vec<Open>,
    slugs: Option<blocks::Slugs>,
}

struct Open {
    level: u8,
    text: String,
    fragment: Option<String>,
}

impl<'d> Sections<'d> {
    fn new(document: &'d Document, blocks: &[Block<'_>]) -> Self {
        // Sites that show Markdown files make ids from their headings. Elsewhere only what the page says is known.
        let is_markdown_file = document.address.as_ref().is_some_and(|address| {
            let path = address.path().to_ascii_lowercase();
            path.ends_with(".md") || path.ends_with(".markdown")
        });
        let has_ids = blocks.iter().any(|block| matches!(&block.kind, Kind::Heading(heading) if heading.id.is_some()));
        let slugs = (is_markdown_file && !has_ids).then(blocks::Slugs::default);
        Self { document, path: Vec::new(), slugs }
    }

    fn enter(&mut self, heading: &blocks::Heading) {
        while self.path.last().is_some_and(|open| open.level >= heading.level) {
            self.path.pop();
        }
        let mut text: String = heading.text.chars().take(MAX_HEADING_CHARS).collect();
        if text.len() < heading.text.len() {
            text.push('…');
        }
        let fragment = match &mut self.slugs {
            Some(slugs) => Some(slugs.slug(&heading.text)),
            None => heading.id.clone(),
        };
        self.path.push(Open { level: heading.level, text, fragment });
    }

    fn passage(&self, text: String) -> Passage {
        self.passage_under(&self.path, text)
    }

    /// For a heading that is itself the text.
    fn passage_above(&self, text: String) -> Passage {
        let mut passage = self.passage_under(&self.path, text);
        passage.headings.pop();
        passage
    }

    fn passage_under(&self, path: &[Open], text: String) -> Passage {
        let fragment = path.iter().rev().find_map(|open| open.fragment.as_deref());
        let address = self.document.address.as_ref().map(|address| with_fragment(address, fragment));
        let title = self.document.title.trim();
        let headings = path
            .iter()
            .enumerate()
            .filter(|(depth, open)| !open.text.is_empty() && !(*depth == 0 && open.text.eq_ignore_ascii_case(title)))
            .map(|(_, open)| open.text.clone())
            .collect();
        Passage { title: self.document.title.clone(), headings, address, text }
    }
}

fn with_fragment(address: &Url, fragment: Option<&str>) -> String {
    let Some(fragment) = fragment else {
        return address.to_string();
    };
    let mut address = address.clone();
    address.set_fragment(Some(fragment));
    address.into()
}

/// The same words under the same headings are said once.
fn without_repetitions(mut passages: Vec<Passage>) -> Vec<Passage> {
    let mut seen = HashSet::new();
    let first: Vec<bool> = passages.iter().map(|passage| seen.insert((&passage.headings, &passage.text))).collect();
    let mut first = first.into_iter();
    passages.retain(|_| first.next().unwrap_or(true));
    passages
}

/// Menus and tables of contents repeat the words of the pages that they lead to, and win over them in a search. A
/// document that has nothing else keeps them: then the links are what it says.
fn without_link_lists(passages: Vec<Passage>) -> Vec<Passage> {
    let keep: Vec<bool> = passages.iter().map(|passage| !blocks::is_link_list(&passage.text)).collect();
    if !keep.contains(&true) {
        return passages;
    }
    passages.into_iter().zip(keep).filter_map(|(passage, keep)| keep.then_some(passage)).collect()
}
