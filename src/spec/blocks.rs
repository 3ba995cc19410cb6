//! Turns CommonMark events into a tree of blocks with source positions.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::binding::is_bound;

/// Maximum nesting depth; deeper blocks become part of the block at this depth.
const DEPTH: usize = 64;

/// The kinds of blocks that matter for clauses.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Kind {
    Root,
    Item,
    Paragraph,
    Heading(u8),
    Code,
    Table,
    Html,
    Other,
}

/// A part of a block, in document order.
#[derive(Debug)]
pub enum Piece {
    Text(String),
    Code(String, Range<usize>),
    Child(usize),
}

/// A block.
#[derive(Debug)]
pub struct Block {
    pub kind: Kind,
    pub span: Range<usize>,
    pub parent: usize,
    pub pieces: Vec<Piece>,
    /// Whether it is a fenced code block.
    pub fenced: bool,
    /// The info string of a fenced block.
    pub info: String,
    /// Offset of the first byte of a code block's text.
    pub text_start: usize,
}

/// The blocks of a text; the first is the root.
pub fn read(text: &str, offset: usize) -> Vec<Block> {
    let body = &text[offset..];
    let mut reader = BlockReader {
        blocks: vec![block(Kind::Root, 0..body.len(), 0)],
        stack: vec![0],
        links: Vec::new(),
    };
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
    let mut skipped = 0;
    let parser = Parser::new_ext(body, options);
    let mut definitions: Vec<(usize, String)> = Vec::new();
    for (label, one) in parser.reference_definitions().iter() {
        let title = one.title.as_deref().unwrap_or_default();
        definitions.push((one.span.start, format!("[{label}]: {} {title}", one.dest)));
    }
    for (event, span) in parser.into_offset_iter() {
        let span = span.start + offset..span.end + offset;
        match event {
            Event::Start(_) if reader.stack.len() >= DEPTH => skipped += 1,
            Event::End(_) if skipped > 0 => skipped -= 1,
            Event::Start(tag) => reader.open(&tag, span),
            Event::End(tag) => reader.close(tag, &span),
            Event::Text(text) => reader.text(&text, &span),
            Event::Html(text) | Event::InlineHtml(text) => reader.text(&text, &span),
            Event::Code(code) => reader.piece(Piece::Code(code.into_string(), span)),
            Event::SoftBreak | Event::HardBreak | Event::Rule => reader.text(" ", &span),
            Event::TaskListMarker(done) => reader.text(if done { "[x] " } else { "[ ] " }, &span),
            Event::FootnoteReference(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }
    // The model reads them, but they are no part of the document.
    definitions.sort();
    for (start, text) in definitions {
        let at = reader.blocks.len();
        let span = start + offset..start + offset;
        reader
            .blocks
            .push(Block { pieces: vec![Piece::Text(text)], ..block(Kind::Other, span, 0) });
        reader.blocks[0].pieces.push(Piece::Child(at));
    }
    for item in 0..reader.blocks.len() {
        split_tight(&mut reader.blocks, item, text);
    }
    reader.blocks
}

/// Makes paragraphs of the texts of a tight list item that other blocks separate, if more than one
/// of them has a binding.
fn split_tight(blocks: &mut Vec<Block>, item: usize, source: &str) {
    let is_child = |piece: &Piece| matches!(piece, Piece::Child(_));
    let runs = blocks[item].pieces.split(is_child);
    let bound = runs.filter(|run| run.iter().any(is_binding)).count();
    if blocks[item].kind != Kind::Item || bound < 2 {
        return;
    }
    let ends = blocks[item].span.end;
    let mut start = blocks[item].span.start;
    let mut pieces = std::mem::take(&mut blocks[item].pieces).into_iter().peekable();
    let mut kept = Vec::new();
    while let Some(piece) = pieces.next() {
        if let Piece::Child(child) = piece {
            start = blocks[child].span.end;
            kept.push(piece);
            continue;
        }
        let mut run = vec![piece];
        while let Some(piece) = pieces.next_if(|piece| !is_child(piece)) {
            run.push(piece);
        }
        let end = match pieces.peek() {
            Some(Piece::Child(next)) => blocks[*next].span.start,
            _ => ends,
        };
        let text = &source[start.min(end)..end];
        let from = start.min(end) + (text.len() - text.trim_start().len());
        let to = end - (text.len() - text.trim_end().len());
        kept.push(Piece::Child(blocks.len()));
        blocks.push(Block { pieces: run, ..block(Kind::Paragraph, from..to.max(from), item) });
    }
    blocks[item].pieces = kept;
}

fn is_binding(piece: &Piece) -> bool {
    matches!(piece, Piece::Code(code, _) if is_bound(code))
}

struct BlockReader {
    blocks: Vec<Block>,
    stack: Vec<usize>,
    /// Targets of the open links; `None` for autolinks.
    links: Vec<Option<String>>,
}

fn block(kind: Kind, span: Range<usize>, parent: usize) -> Block {
    let text_start = span.start;
    let (pieces, fenced, info) = (Vec::new(), false, String::new());
    Block { kind, span, parent, pieces, fenced, info, text_start }
}

impl BlockReader {
    fn top(&self) -> usize {
        self.stack.last().copied().unwrap_or(0)
    }

    fn piece(&mut self, piece: Piece) {
        let top = self.top();
        self.blocks[top].pieces.push(piece);
    }

    fn text(&mut self, text: &str, span: &Range<usize>) {
        let top = self.top();
        let block = &mut self.blocks[top];
        if block.kind == Kind::Code && block.pieces.is_empty() {
            block.text_start = span.start;
        }
        match block.pieces.last_mut() {
            Some(Piece::Text(before)) => before.push_str(text),
            _ => block.pieces.push(Piece::Text(text.to_owned())),
        }
    }

    fn open(&mut self, tag: &Tag<'_>, span: Range<usize>) {
        let kind = match tag {
            Tag::Item => Kind::Item,
            Tag::Paragraph => Kind::Paragraph,
            Tag::Heading { level, .. } => Kind::Heading(*level as u8),
            Tag::CodeBlock(_) => Kind::Code,
            Tag::Table(_) => Kind::Table,
            Tag::HtmlBlock => Kind::Html,
            Tag::List(_) | Tag::BlockQuote(_) | Tag::FootnoteDefinition(_) => Kind::Other,
            // The text of inline marks belongs to the block. Link targets and strike-through change
            // the meaning, so they are included.
            Tag::Link { link_type, dest_url, title, .. }
            | Tag::Image { link_type, dest_url, title, .. } => {
                let plain = matches!(link_type, LinkType::Autolink | LinkType::Email);
                let title = if title.is_empty() { String::new() } else { format!(" \"{title}\"") };
                return self.links.push((!plain).then(|| format!("{dest_url}{title}")));
            }
            Tag::Strikethrough => return self.text("~~", &span),
            Tag::TableCell | Tag::TableRow => return self.text(" | ", &span),
            _ => return,
        };
        let parent = self.top();
        let index = self.blocks.len();
        let mut block = block(kind, span, parent);
        if let Tag::CodeBlock(CodeBlockKind::Fenced(info)) = tag {
            (block.fenced, block.info) = (true, info.to_string());
        }
        self.blocks.push(block);
        self.piece(Piece::Child(index));
        self.stack.push(index);
    }

    fn close(&mut self, tag: TagEnd, span: &Range<usize>) {
        match tag {
            TagEnd::Link | TagEnd::Image => {
                if let Some(address) = self.links.pop().flatten() {
                    self.text(&format!(" <{address}>"), span);
                }
            }
            TagEnd::Strikethrough => self.text("~~", span),
            _ => {}
        }
        let closes = matches!(
            tag,
            TagEnd::Item
                | TagEnd::Paragraph
                | TagEnd::Heading(_)
                | TagEnd::CodeBlock
                | TagEnd::Table
                | TagEnd::List(_)
                | TagEnd::BlockQuote(_)
                | TagEnd::HtmlBlock
                | TagEnd::FootnoteDefinition
        );
        if closes && self.stack.len() > 1 {
            self.stack.pop();
        }
    }
}
