//! The digest of a spec's text outside of its clauses.

use std::collections::BTreeMap;

use super::blocks::{Block, Kind, Piece};
use super::text::{APART, Gather, Marks, code_text, squeeze};
use crate::types::{Digest, Encoder};

/// An element of the context digest.
enum OutlinePart {
    Prose(String),
    Code(String),
    Clause(String),
}

/// The blocks of a spec, with those that belong to clauses.
pub struct Prose<'a> {
    pub blocks: &'a [Block],
    /// Marks of the blocks that are clauses.
    pub marks: &'a BTreeMap<usize, Marks>,
    /// Whether a block belongs to a clause.
    pub owned: &'a [bool],
}

impl Prose<'_> {
    /// Whether a block or an ancestor belongs to a clause. `blocks` bounds the depth.
    pub fn in_clause(&self, block: usize) -> bool {
        let around = std::iter::successors(Some(block), |at| Some(self.blocks[*at].parent));
        around.take_while(|at| *at != 0).any(|at| self.owned[at])
    }

    /// Digest of the prose outside of clauses and of the clauses' positions in it: heading and
    /// surrounding paragraphs. The order of neighbouring clauses is ignored.
    pub fn context(&self) -> Digest {
        let mut parts = Vec::new();
        self.outline(0, &mut parts);
        let mut out = Encoder::new("context");
        let mut clauses: Vec<&str> = Vec::new();
        for part in parts.iter().map(Some).chain([None]) {
            if let Some(OutlinePart::Clause(name)) = part {
                clauses.push(name);
                continue;
            }
            if !clauses.is_empty() {
                clauses.sort_unstable();
                out.text("clauses").texts(&clauses);
                clauses.clear();
            }
            match part {
                Some(OutlinePart::Prose(text)) => drop(out.text("prose").text(text)),
                Some(OutlinePart::Code(text)) => drop(out.text("code").text(text)),
                _ => {}
            }
        }
        out.finish()
    }

    /// The content below a block, in order. `blocks` bounds the recursion.
    fn outline(&self, index: usize, parts: &mut Vec<OutlinePart>) {
        let block = &self.blocks[index];
        if let Some(marks) = self.marks.get(&index) {
            let name = marks.bindings.first().map_or("", |binding| binding.name());
            parts.push(OutlinePart::Clause(self.nested(index, name.to_owned())));
        } else if !self.in_clause(index) {
            let mut text = String::new();
            if block.kind == Kind::Code {
                return parts.push(OutlinePart::Code(code_text(block)));
            }
            if let Kind::Heading(level) = block.kind {
                text.push_str(&format!("{} ", "#".repeat(level.into())));
            }
            self.inline_text(index, &mut text);
            let text = squeeze(&text);
            if !text.is_empty() {
                parts.push(OutlinePart::Prose(self.nested(index, text)));
            }
        }
        for piece in &block.pieces {
            if let Piece::Child(child) = piece {
                self.outline(*child, parts);
            }
        }
    }

    /// A text with the depth of its list, if that is inside of another list's item.
    fn nested(&self, index: usize, text: String) -> String {
        let around = std::iter::successors(Some(index), |at| Some(self.blocks[*at].parent));
        let around = around.take_while(|at| *at != 0);
        match around.filter(|at| self.blocks[*at].kind == Kind::Item).count() {
            0 | 1 => text,
            depth => format!("{} {text}", ">".repeat(depth)),
        }
    }

    /// A block's text without that of nested blocks.
    fn inline_text(&self, index: usize, text: &mut String) {
        for piece in &self.blocks[index].pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Code(code, _) => text.push_str(&format!("`{code}`")),
                Piece::Child(_) => {}
            }
        }
    }

    /// The digest of older versions, without positions; for old lockfiles.
    pub fn loose_context(&self) -> Digest {
        let mut gather = Gather {
            blocks: self.blocks,
            all: self.marks,
            text: String::new(),
            code: Vec::new(),
            apart: true,
        };
        for piece in &self.blocks[0].pieces {
            if let Piece::Child(child) = piece
                && !self.owned[*child]
            {
                gather.block(*child);
                gather.text.push(APART);
            }
        }
        let mut texts: Vec<String> = gather.text.split(APART).map(squeeze).collect();
        texts.retain(|text| !text.is_empty());
        texts.extend(gather.code.iter().map(|c| code_text(&self.blocks[*c])));
        texts.sort();
        Digest::of_parts(texts)
    }
}
