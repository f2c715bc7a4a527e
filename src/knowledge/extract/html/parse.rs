//! HTML text to a tree, within limits.
//!
//! Any text is valid HTML, and a few kilobytes of it can stand for a tree that is 100,000 levels deep, has a thousand
//! times as many nodes as the text has letters, or takes hours to build (each attribute of a tag is compared with all
//! before it; unclosed formatting is repeated in every paragraph). So the parser gets the text in small pieces, and
//! after each piece the tree and the clock are looked at. The stages after it walk the tree with effort and recursion
//! that these limits bound.

use std::time::{Duration, Instant};

use dom_query::Document;
use html5ever::ParseOpts;
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tree_builder::TreeBuilderOpts;

use super::SourceError;

/// The parser's stack of open elements. Browsers stop at 512; pages made by people stay below 60.
const MAX_DEPTH: usize = 256;

/// Ten megabytes of real documentation have about 300,000 nodes.
const MAX_NODES: usize = 600_000;

/// A megabyte takes 20 ms.
const MAX_TIME: Duration = Duration::from_secs(10);

/// Small enough that one piece cannot do harm, large enough that looking costs nothing.
const PIECE_BYTES: usize = 4096;

pub(super) fn parse(html: &str) -> Result<Document, SourceError> {
    let started = Instant::now();
    let options = ParseOpts {
        // Then the content of <noscript> counts, as for a reader without scripts, which we are.
        tree_builder: TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() },
        ..ParseOpts::default()
    };
    let mut parser = html5ever::parse_document(Document::default(), options);
    let mut rest = html;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES.min(rest.len())));
        rest = after;
        parser.process(StrTendril::from_slice(piece));
        let tree = &parser.tokenizer.sink.sink.tree;
        if tree.len() > MAX_NODES || depth(tree) > MAX_DEPTH {
            return Err(SourceError::Nested);
        }
        if started.elapsed() > MAX_TIME {
            return Err(SourceError::SlowFile);
        }
    }
    Ok(parser.finish())
}

/// How many elements are open: a new element is always the last child of the one around it.
fn depth(tree: &dom_query::Tree) -> usize {
    let mut depth = 0;
    let mut node = tree.root_id();
    while let Some(child) = tree.last_child_of(&node) {
        node = child.id;
        depth += 1;
    }
    depth
}
