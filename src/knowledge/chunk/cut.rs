//! Cuts the blocks of one section into pieces of at most [`MAX_CHARS`].

use std::sync::LazyLock;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};
use text_splitter::{Characters, ChunkConfig, MarkdownSplitter};

use super::MAX_CHARS;
use super::blocks::{self, Block, Kind};

static SPLITTER: LazyLock<MarkdownSplitter<Characters>> =
    LazyLock::new(|| MarkdownSplitter::new(ChunkConfig::new(MAX_CHARS)));

/// Between two blocks of a piece.
const GAP: &str = "\n\n";

/// Pieces of about the same size: a rest of one sentence would be found for its few words and explain nothing.
pub(super) fn pieces(blocks: &[Block<'_>]) -> Vec<String> {
    let lengths: Vec<usize> = blocks.iter().map(|block| block.text.chars().count()).collect();
    let total: usize = lengths.iter().map(|length| length + GAP.len()).sum();
    let target = total / total.div_ceil(MAX_CHARS).max(1);

    let mut pieces = Vec::new();
    let mut piece = Piece::default();
    for (block, length) in blocks.iter().zip(lengths) {
        if length > MAX_CHARS {
            piece.flush(&mut pieces);
            pieces.extend(oversized(block));
            continue;
        }
        if !piece.has_room_for(length) {
            let introductions = piece.take_introductions(length);
            piece.flush(&mut pieces);
            for (text, length) in introductions {
                piece.push(text, length);
            }
        } else if piece.length + length / 2 > target && !piece.ends_with_introduction() {
            piece.flush(&mut pieces);
        }
        piece.push(block.text, length);
    }
    piece.flush(&mut pieces);
    pieces
}

/// Blocks that will stand together, and how many characters they are with the gaps between them.
#[derive(Default)]
struct Piece<'t> {
    blocks: Vec<(&'t str, usize)>,
    length: usize,
}

impl<'t> Piece<'t> {
    fn has_room_for(&self, length: usize) -> bool {
        self.blocks.is_empty() || self.length + GAP.len() + length <= MAX_CHARS
    }

    fn push(&mut self, text: &'t str, length: usize) {
        self.length += length + if self.blocks.is_empty() { 0 } else { GAP.len() };
        self.blocks.push((text, length));
    }

    fn ends_with_introduction(&self) -> bool {
        self.blocks.last().is_some_and(|(text, _)| introduces(text))
    }

    /// Takes off the end what introduces a block of the length `next`, as far as both fit into one piece and something
    /// is left here.
    fn take_introductions(&mut self, mut next: usize) -> Vec<(&'t str, usize)> {
        let mut taken = Vec::new();
        while self.blocks.len() > 1
            && let Some((text, length)) =
                self.blocks.pop_if(|(text, length)| introduces(text) && *length + GAP.len() + next <= MAX_CHARS)
        {
            self.length -= length + GAP.len();
            next += length + GAP.len();
            taken.push((text, length));
        }
        taken.reverse();
        taken
    }

    fn flush(&mut self, pieces: &mut Vec<String>) {
        if !self.blocks.is_empty() {
            let texts: Vec<&str> = self.blocks.drain(..).map(|(text, _)| text).collect();
            pieces.push(texts.join(GAP));
        }
        self.length = 0;
    }
}

/// "Run this:", and the bold line or the few words that stand above what they are about, belong to what follows.
fn introduces(text: &str) -> bool {
    const FEW: usize = 60;
    let bold = text.starts_with("**") && text.ends_with("**") && !text.contains('\n');
    let label = text.len() <= FEW && !text.contains('\n') && !text.ends_with(['.', '!', '?', '`', '|']);
    text.ends_with(':') || bold || label
}

fn oversized(block: &Block<'_>) -> Vec<String> {
    match block.kind {
        Kind::Code => code(block.text),
        Kind::Table => table(block.text).unwrap_or_else(|| text(block.text)),
        Kind::Heading(_) | Kind::Other => text(block.text),
    }
}

/// Between sentences, words or letters, whichever is the largest unit that fits.
pub(super) fn text(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (window, after) = rest.split_at(window_end(rest));
        let cut = SPLITTER.chunks(window);
        pieces.extend(cut.filter(|piece| piece.chars().any(char::is_alphanumeric)).map(ToOwned::to_owned));
        rest = after;
    }
    pieces
}

/// The splitter takes time that grows faster than the text, so it gets a long one in windows that end at the end of a
/// line or word.
fn window_end(text: &str) -> usize {
    const WINDOW_BYTES: usize = 16_384;
    if text.len() <= WINDOW_BYTES {
        return text.len();
    }
    let window = &text[..text.floor_char_boundary(WINDOW_BYTES)];
    let late = window.floor_char_boundary(WINDOW_BYTES / 2);
    let end = window[late..].rfind('\n').or_else(|| window[late..].rfind(' '));
    end.map_or(window.len(), |end| late + end + 1)
}

/// Between lines, with the fences around every piece.
fn code(block: &str) -> Vec<String> {
    let mut content = String::new();
    let mut language = String::new();
    let mut after = String::new();
    let mut in_code = true;
    for (event, range) in Parser::new_ext(block, blocks::options()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                language = info.split_whitespace().next().unwrap_or_default().chars().take(20).collect();
            }
            Event::Text(text) if in_code => content.push_str(&text),
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => {
                in_code = false;
                block[range.end..].trim().clone_into(&mut after);
            }
            _ => {}
        }
    }
    let fence = "`".repeat(longest_run(&content).max(2) + 1);
    let room = MAX_CHARS.saturating_sub(2 * fence.len() + language.len() + 3).max(MAX_CHARS / 4);
    if fence.len() * 4 > MAX_CHARS {
        return text(block);
    }
    let mut pieces: Vec<String> = by_lines(content.lines(), room)
        .into_iter()
        .filter(|lines| !lines.trim().is_empty())
        .map(|lines| format!("{fence}{language}\n{lines}\n{fence}"))
        .collect();
    pieces.extend(text(&after));
    pieces
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Between rows, with the head of the table on every piece. None if head or rows are too long for that.
fn table(block: &str) -> Option<Vec<String>> {
    let mut lines = block.lines();
    let head = format!("{}\n{}\n", lines.next()?, lines.next()?);
    let head_length = head.chars().count();
    let rows: Vec<&str> = lines.collect();
    let longest = rows.iter().map(|row| row.chars().count()).max()?;
    if head_length + longest > MAX_CHARS || head_length * 2 > MAX_CHARS {
        return None;
    }
    Some(by_lines(rows, MAX_CHARS - head_length).into_iter().map(|rows| format!("{head}{rows}")).collect())
}

/// Joins lines up to `room` characters, and cuts those that are longer.
fn by_lines<'t>(lines: impl IntoIterator<Item = &'t str>, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for line in lines {
        let mut line = line;
        loop {
            let end = line.char_indices().nth(room).map_or(line.len(), |(end, _)| end);
            let (now, later) = line.split_at(end);
            let length = now.chars().count() + 1;
            if used > 0 && used + length > room + 1 {
                pieces.push(String::new());
                used = 0;
            }
            let piece = pieces.last_mut().expect("there is at least one");
            if used > 0 {
                piece.push('\n');
            }
            piece.push_str(now);
            used += length;
            line = later;
            if line.is_empty() {
                break;
            }
        }
    }
    pieces
}
