//! What stands around a place in a spec's source: comments, HTML, code, lines.

use super::blocks::{Block, Kind};

/// What is around a place.
#[derive(Debug)]
pub enum Surroundings<'a> {
    /// An HTML comment that begins in a line, and whether nothing closes it.
    Comment { line: usize, is_open: bool },
    /// An HTML block that begins in a line.
    Html { line: usize },
    /// Code by its indentation.
    Indented,
    /// A fenced block that begins in a line.
    Fence { line: usize, fence: &'a CodeFence },
    /// Text.
    Text,
}

/// A comment: its first byte, and the one behind its last, where it has an end.
type CommentSpan = (usize, Option<usize>);

/// The places of a source, read once: looking one up does not depend on the length of the source.
#[derive(Debug)]
pub struct SourceMap<'a> {
    source: &'a str,
    /// The first byte of each line.
    lines: Vec<usize>,
    comments: Vec<CommentSpan>,
    /// Blocks of code and HTML, by their places.
    blocks: Vec<(&'a Block, CodeFence)>,
    /// Whether a line begins like a list item.
    items: Vec<bool>,
}

impl<'a> SourceMap<'a> {
    /// The places of a source, whose text begins at `body`.
    pub fn of_source(source: &'a str, body: usize, blocks: &'a [Block]) -> Self {
        let ends = source.match_indices('\n').map(|(at, _)| at + 1);
        let items = source.split('\n').map(is_item).collect();
        let raw = blocks.iter().filter(|block| matches!(block.kind, Kind::Code | Kind::Html));
        let mut blocks: Vec<_> = raw.map(|block| (block, CodeFence::of(source, block))).collect();
        blocks.sort_by_key(|(block, _)| block.span.start);
        let lines = [0].into_iter().chain(ends).collect();
        Self { source, lines, comments: comments(source, body), blocks, items }
    }

    /// The number of the line of a place.
    pub fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// Whether the line of a place begins like a list item.
    pub fn is_item(&self, at: usize) -> bool {
        self.items.get(self.line(at).saturating_sub(1)).copied().unwrap_or_default()
    }

    /// What is around a place.
    pub fn around(&self, at: usize) -> Surroundings<'_> {
        let before = self.comments.partition_point(|(from, _)| *from <= at);
        let comment = before.checked_sub(1).map(|last| self.comments[last]);
        if let Some((from, end)) = comment.filter(|(_, end)| end.is_none_or(|end| at < end)) {
            return Surroundings::Comment { line: self.line(from), is_open: end.is_none() };
        }
        let before = self.blocks.partition_point(|(block, _)| block.span.start <= at);
        let block = before.checked_sub(1).map(|last| &self.blocks[last]);
        match block.filter(|(block, _)| block.span.contains(&at)) {
            None => Surroundings::Text,
            Some((block, _)) if block.kind == Kind::Html => {
                Surroundings::Html { line: self.line(block.span.start) }
            }
            Some((block, fence)) if block.fenced => {
                Surroundings::Fence { line: self.line(block.span.start), fence }
            }
            Some(_) => Surroundings::Indented,
        }
    }

    /// Fenced blocks without an end, each with its first line.
    pub fn unclosed(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let open = self.blocks.iter().filter(|(block, fence)| block.fenced && !fence.is_closed);
        open.map(|(block, _)| {
            let line = self.source[block.span.clone()].lines().next().unwrap_or_default();
            block.span.start..block.span.start + line.len()
        })
    }
}

fn comments(source: &str, body: usize) -> Vec<CommentSpan> {
    let (mut found, mut at) = (Vec::new(), body);
    while let Some(from) = source[at..].find("<!--").map(|found| at + found) {
        let end = source[from..].find("-->").map(|end| from + end);
        found.push((from, end));
        match end {
            Some(end) => at = end,
            None => break,
        }
    }
    found
}

/// Whether a line begins like a list item.
fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark))
        || (digits.len() < line.len() && (digits.starts_with(". ") || digits.starts_with(") ")))
}

/// The fence of a block.
#[derive(Debug)]
pub struct CodeFence {
    pub language: String,
    pub is_closed: bool,
    /// Whether it contains the first line of another block of the same fence.
    pub nested: bool,
}

impl CodeFence {
    fn of(source: &str, block: &Block) -> Self {
        let text = source[block.span.clone()].trim_end();
        let mut lines = text.lines().map(|line| line.trim_start_matches([' ', '\t', '>']));
        let first = lines.next().unwrap_or_default();
        let mark = first.chars().next().unwrap_or('`');
        let length = |line: &str| line.len() - line.trim_start_matches(mark).len();
        let most = length(first);
        let last = lines.next_back().unwrap_or_default();
        let rest = |line: &str| line.trim_start_matches(mark).trim().to_owned();
        let opens = |line: &str| length(line) >= most && !rest(line).is_empty();
        let nested = lines.any(|line| {
            // Also as the first block of a list item.
            let inner = line.trim_start_matches(['-', '*', '+', ' ']);
            opens(inner)
        });
        let language = block.info.split([' ', ',', '\t']).next().unwrap_or_default();
        Self {
            language: language.to_lowercase(),
            is_closed: length(last) >= most && rest(last).is_empty(),
            nested,
        }
    }
}
