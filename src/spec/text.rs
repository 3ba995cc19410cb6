//! Text of clauses: collected from blocks, normalised, with its level.

use std::collections::BTreeMap;

use super::binding;
use super::blocks::{Block, Kind, Piece};
use crate::types::{Binding, Level, Problem, Status, Waiver, limits};

/// White space collapsed to single blanks, so that re-wrapping changes nothing.
pub fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The code spans of one clause.
#[derive(Default)]
pub struct Marks {
    pub bindings: Vec<Binding>,
    pub status: Option<Status>,
    pub rate: Option<String>,
    pub waiver: Option<Waiver>,
    /// Assertions on a page, and the lines that they are in.
    pub asserted: Vec<(String, usize)>,
}

/// Flags after an example's language.
pub const FLAGS: [&str; 2] = ["hidden", "ignore"];

pub fn is_held_back(info: &str) -> Option<&'static str> {
    let mut words = info.split([' ', ',', '\t']).skip(1);
    words.find_map(|word| FLAGS.into_iter().find(|flag| *flag == word))
}

/// Whether a line looks like the fence of a hidden block, with any prefix.
pub fn looks_hidden(line: &str) -> bool {
    let fence = line.trim_start_matches([' ', '\t', '>', '-', '*', '+', '.', ')', '0', '1']);
    let info = fence.trim_start_matches(['`', '~']);
    fence.len() - info.len() >= 3 && is_held_back(info.trim()) == Some("hidden")
}

pub fn code_text(block: &Block) -> String {
    let texts = block.pieces.iter().filter_map(|piece| match piece {
        Piece::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// RFC 2119 words, uppercase as in RFC 8174. A bound clause without one is a MUST.
pub fn level(text: &str) -> Level {
    let found = |list: &[&str]| says(text, list);
    if found(&["MUST", "SHALL", "REQUIRED"]) {
        Level::Must
    } else if found(&["SHOULD", "RECOMMENDED"]) {
        Level::Should
    } else if found(&["MAY", "OPTIONAL"]) {
        Level::May
    } else {
        Level::Must
    }
}

/// Whether a text contains one of these words.
pub fn says(text: &str, words: &[&str]) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word))
}

/// Collects the text and code blocks below a block, without other clauses.
pub struct Gather<'a> {
    pub blocks: &'a [Block],
    pub all: &'a BTreeMap<usize, Marks>,
    pub text: String,
    pub code: Vec<usize>,
    /// Whether paragraphs, list items and headings are separated.
    pub apart: bool,
}

/// The separator.
pub const APART: char = '\u{b6}';

impl Gather<'_> {
    /// `blocks` bounds the recursion.
    pub fn block(&mut self, index: usize) {
        let block = &self.blocks[index];
        if block.kind == Kind::Code {
            return self.code.push(index);
        }
        if self.apart && matches!(block.kind, Kind::Item | Kind::Paragraph | Kind::Heading(_)) {
            self.text.push(APART);
        }
        for piece in &block.pieces {
            match piece {
                Piece::Text(text) => self.text.push_str(text),
                Piece::Code(code, _) if binding::read(code).is_some() => {}
                Piece::Code(code, _) => {
                    self.text.push('`');
                    self.text.push_str(code);
                    self.text.push('`');
                }
                Piece::Child(child) if self.all.contains_key(child) => {}
                Piece::Child(child) => {
                    self.text.push(' ');
                    self.block(*child);
                }
            }
        }
    }
}

/// The text of a file: without a byte-order mark, with LF line ends.
pub fn decode(bytes: &[u8], problems: &mut Vec<Problem>) -> String {
    if bytes.len() > limits::SPEC_BYTES {
        let problem = Problem::error("spec::too_large", "the spec is larger than 10 MiB");
        problems.push(problem.help("split it, or move data to other files"));
        return String::new();
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let plain = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
    match std::str::from_utf8(bytes) {
        Ok(text) => plain(text),
        Err(error) => {
            let text = plain(&String::from_utf8_lossy(bytes));
            let at = plain(&String::from_utf8_lossy(&bytes[..error.valid_up_to()])).len();
            let problem = Problem::error("spec::not_utf8", "invalid UTF-8");
            let problem = problem.help("save the file as UTF-8").at(&text, at..at);
            problems.push(problem);
            text
        }
    }
}

/// Offsets of the lines.
pub fn line_starts(source: &str) -> Vec<usize> {
    let ends = source.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
    std::iter::once(0).chain(ends).collect()
}
