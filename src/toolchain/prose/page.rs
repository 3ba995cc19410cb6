//! Reads a Markdown page: its prose, code spans, blocks, links and citations, with their places.
//!
//! A citation is a comment: `<!-- clause: NAME -->`, `<!-- claim: SPEC/NAME, NAME -->`; both words
//! mean the same. It holds for one unit of prose (a paragraph, heading, list item or table row):
//!
//! - Inside a unit it holds for that unit.
//! - On lines of its own it holds for the block above; below a heading, also for the block that
//!   follows. If a blank line separates it from the block above, but not from the one below, or if
//!   there is no block above, it holds for the block below. Code blocks and other comments between
//!   do not count. A list or table is one block: each of its items or rows is cited.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};
use regex::Regex;

use crate::types::Tree;

/// A fenced block of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageBlock {
    /// The page.
    pub file: String,
    /// Line of the first line of code, from 1.
    pub line: u32,
    /// First word of the info string, lower case.
    pub language: String,
    /// The info string.
    pub info: String,
    /// The text, without the indent of the list item that it is in.
    pub code: String,
}

/// A heading, paragraph, list item or table row.
#[derive(Debug, Default)]
pub struct ProseUnit {
    /// Its place.
    pub span: Range<usize>,
    /// The level of a heading; 0 for other units.
    pub level: u8,
    /// Its text with that of code spans, without comments.
    pub title: String,
    /// Its prose as it is read: without marks, comments and code spans of their own.
    pub shown: String,
    /// Where parts of the prose begin, and where these are in the page.
    places: Vec<(usize, usize)>,
    /// Names in its citations, as written.
    pub cites: BTreeSet<String>,
}

impl ProseUnit {
    /// The offset in the page of an offset in the prose.
    pub fn at(&self, shown: usize) -> usize {
        let part = self.places.iter().rev().find(|(start, _)| *start <= shown);
        part.map_or(self.span.start, |(start, at)| at + shown - start)
    }

    fn show(&mut self, text: &str, at: usize) {
        self.places.push((self.shown.len(), at));
        self.shown.push_str(text);
    }
}

/// A code span in prose.
#[derive(Debug)]
pub struct CodeSpan {
    /// Its text.
    pub code: String,
    /// Offset of its start.
    pub at: usize,
    /// Index of its unit.
    pub unit: usize,
}

/// A link or an image.
#[derive(Debug)]
pub struct PageLink {
    /// Its target.
    pub target: String,
    /// Its place, with its text.
    pub span: Range<usize>,
}

/// A comment that cites clauses.
#[derive(Debug)]
pub struct Citation {
    /// Names as written; empty if the comment is malformed.
    pub names: Vec<String>,
    /// Offset of its start.
    pub at: usize,
}

/// A page.
#[derive(Debug)]
pub struct ProsePage<'a> {
    /// Its path in the tree.
    pub file: &'a str,
    /// Its source.
    pub text: &'a str,
    /// The source with everything but prose replaced by spaces, byte for byte: code, comments,
    /// targets of links, autolinks, marks.
    pub prose: String,
    /// Units in order.
    pub units: Vec<ProseUnit>,
    /// Code spans in order.
    pub spans: Vec<CodeSpan>,
    /// Links and images in order of their ends.
    pub links: Vec<PageLink>,
    /// Lists in order: where they begin, and how many items they have.
    pub lists: Vec<(usize, usize)>,
    /// Fenced blocks in order.
    pub fences: Vec<PageBlock>,
    /// Offsets of indented code blocks.
    pub indented: Vec<usize>,
    /// Offset of a code fence or comment that is not closed.
    pub unclosed: Option<usize>,
    /// Comments that cite, in order.
    pub citations: Vec<Citation>,
    /// Raw HTML other than comments and `<a id="…">`.
    pub html: Vec<Range<usize>>,
    /// Names of `<a id="…">`.
    pub ids: BTreeSet<String>,
    /// Offsets of the starts of lines.
    starts: Vec<usize>,
}

/// The fenced blocks of a page, in order.
pub fn blocks(path: &str, text: &str) -> Vec<PageBlock> {
    ProsePage::read(path, text).fences
}

/// Whether a file is a page.
pub fn is_page_file(path: &str) -> bool {
    path.ends_with(".md")
}

/// The names of the clauses that a tree's pages cite, without the name of the spec.
pub fn cited(tree: &Tree) -> BTreeSet<String> {
    let pages = tree.iter().filter(|(path, _)| is_page_file(path.as_str()));
    let texts = pages.filter_map(|(path, bytes)| Some((path, std::str::from_utf8(bytes).ok()?)));
    let citations = texts.flat_map(|(path, text)| ProsePage::read(path, text).citations);
    let names = citations.flat_map(|one| one.names);
    names.filter_map(|name| Some(name.rsplit('/').next()?.to_owned())).collect()
}

impl<'a> ProsePage<'a> {
    /// Reads a page.
    pub fn read(file: &'a str, text: &'a str) -> Self {
        let page = ProsePage {
            file,
            text,
            prose: String::new(),
            units: Vec::new(),
            spans: Vec::new(),
            links: Vec::new(),
            lists: Vec::new(),
            fences: Vec::new(),
            indented: Vec::new(),
            unclosed: None,
            citations: Vec::new(),
            html: Vec::new(),
            ids: BTreeSet::new(),
            starts: std::iter::once(0)
                .chain(text.match_indices('\n').map(|(at, _)| at + 1))
                .collect(),
        };
        let blank = |byte: u8| if byte == b'\n' { b'\n' } else { b' ' };
        let mask = text.bytes().map(blank).collect();
        let frames = vec![PageFrame::default()];
        let (links, lists) = (Vec::new(), Vec::new());
        let mut reader = PageReader { page, mask, frames, unit: None, links, lists, code: None };
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_FOOTNOTES;
        for (event, span) in Parser::new_ext(text, options).into_offset_iter() {
            reader.event(event, span);
        }
        reader.finish()
    }

    /// The line of an offset, from 1.
    pub fn line(&self, at: usize) -> u32 {
        self.starts.partition_point(|start| *start <= at) as u32
    }

    /// The last line, from 1.
    pub fn last_line(&self) -> u32 {
        self.line(self.text.trim_end().len())
    }
}

/// A container while it is read.
#[derive(Default)]
struct PageFrame {
    /// Index of its first unit.
    first: usize,
    siblings: Vec<PageSibling>,
}

/// A block in a container.
struct PageSibling {
    span: Range<usize>,
    /// Indices of its units; empty for comments and code.
    units: Range<usize>,
    /// Names that it cites as a comment of its own.
    cites: Vec<String>,
}

struct PageReader<'a> {
    page: ProsePage<'a>,
    mask: Vec<u8>,
    frames: Vec<PageFrame>,
    /// The open unit, which is the last one.
    unit: Option<Range<usize>>,
    links: Vec<PageLink>,
    /// Indices of open lists.
    lists: Vec<usize>,
    /// The open fenced block, or an indented one.
    code: Option<PageBlock>,
}

impl<'a> PageReader<'a> {
    fn event(&mut self, event: Event<'a>, span: Range<usize>) {
        match event {
            Event::Start(tag) => self.open(tag, span),
            Event::End(tag) => self.close(tag, span),
            Event::Text(text) => match &mut self.code {
                Some(code) => code.code.push_str(&text),
                None => self.text(&text, span),
            },
            Event::Code(code) => {
                let unit = self.inline(&span);
                self.page.units[unit].title.push_str(&code);
                // Within a word, it is read as a part of it.
                let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
                let is_part = is_letter(self.page.text[..span.start].chars().next_back())
                    || is_letter(self.page.text[span.end..].chars().next());
                self.page.units[unit].show(if is_part { &code } else { " " }, span.start);
                let code = code.into_string();
                self.page.spans.push(CodeSpan { code, at: span.start, unit });
            }
            Event::InlineHtml(_) => {
                let unit = self.inline(&span);
                let names = self.html(span);
                self.page.units[unit].cites.extend(names);
            }
            Event::SoftBreak | Event::HardBreak => {
                let unit = self.inline(&span);
                self.page.units[unit].title.push(' ');
                self.page.units[unit].show(" ", span.start);
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, span: Range<usize>) {
        let Range { start, end } = span;
        let unit = self.inline(&span);
        self.page.units[unit].title.push_str(text);
        let is_address = |link: &PageLink| self.page.text[link.span.clone()].starts_with('<');
        if !self.links.iter().any(is_address) {
            self.page.units[unit].show(text, start);
            self.mask[start..end].copy_from_slice(&self.page.text.as_bytes()[start..end]);
        }
    }

    /// The index of the open unit; opens one for the text of a tight list item.
    fn inline(&mut self, span: &Range<usize>) -> usize {
        if self.unit.is_none() {
            self.open_unit(0, span.clone());
        }
        let last = self.page.units.len() - 1;
        let unit = &mut self.page.units[last];
        unit.span.end = unit.span.end.max(span.end);
        last
    }

    fn open_unit(&mut self, level: u8, span: Range<usize>) {
        self.page.units.push(ProseUnit { level, span: span.clone(), ..ProseUnit::default() });
        self.unit = Some(span);
    }

    fn close_unit(&mut self) {
        if self.unit.take().is_some() {
            let last = self.page.units.len() - 1;
            let span = self.page.units[last].span.clone();
            self.sibling(span, last..last + 1, Vec::new());
        }
    }

    fn sibling(&mut self, span: Range<usize>, units: Range<usize>, cites: Vec<String>) {
        let frame = self.frames.last_mut().expect("the page's frame is never closed");
        frame.siblings.push(PageSibling { span, units, cites });
    }

    fn open(&mut self, tag: Tag<'a>, span: Range<usize>) {
        match tag {
            Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. } => {
                self.inline(&span);
                let is_mail = link_type == LinkType::Email && !dest_url.starts_with("mailto:");
                let target = if is_mail { format!("mailto:{dest_url}") } else { dest_url.into() };
                return self.links.push(PageLink { target, span });
            }
            Tag::TableCell => {
                let unit = self.inline(&span);
                return self.page.units[unit].show(" ", span.start);
            }
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough => return,
            _ => self.close_unit(),
        }
        match tag {
            Tag::Paragraph => self.open_unit(0, span),
            Tag::Heading { level, .. } => self.open_unit(level as u8, span),
            Tag::TableHead | Tag::TableRow => self.open_unit(0, span),
            Tag::CodeBlock(kind) => self.open_code(kind, span),
            Tag::HtmlBlock => {
                let names = self.html(span.clone());
                self.sibling(span, 0..0, names);
            }
            _ => {
                match tag {
                    Tag::List(_) => {
                        self.lists.push(self.page.lists.len());
                        self.page.lists.push((span.start, 0));
                    }
                    Tag::Item => self.lists.last().into_iter().for_each(|at| {
                        self.page.lists[*at].1 += 1;
                    }),
                    _ => {}
                }
                let first = self.page.units.len();
                self.frames.push(PageFrame { first, siblings: Vec::new() });
            }
        }
    }

    fn open_code(&mut self, kind: CodeBlockKind<'a>, span: Range<usize>) {
        let source = &self.page.text[span.clone()];
        let info = match kind {
            CodeBlockKind::Indented => {
                self.page.indented.push(span.start);
                String::new()
            }
            CodeBlockKind::Fenced(info) => {
                if !is_closed(source) {
                    self.page.unclosed.get_or_insert(span.start);
                }
                info.into_string()
            }
        };
        let is_part = |c: char| !(c.is_whitespace() || matches!(c, ',' | '{'));
        let language: String = info.chars().take_while(|c| is_part(*c)).collect();
        self.code = Some(PageBlock {
            file: self.page.file.to_owned(),
            line: self.page.line(span.start) + 1,
            language: language.to_lowercase(),
            info,
            code: String::new(),
        });
    }

    fn close(&mut self, tag: TagEnd, span: Range<usize>) {
        match tag {
            TagEnd::Link | TagEnd::Image => self.page.links.extend(self.links.pop()),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::TableCell => {}
            TagEnd::HtmlBlock => {}
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::TableHead | TagEnd::TableRow => {
                self.close_unit();
            }
            TagEnd::CodeBlock => {
                let code = self.code.take();
                if self.page.indented.last() != Some(&span.start) {
                    self.page.fences.extend(code);
                }
                self.sibling(span, 0..0, Vec::new());
            }
            _ => {
                if matches!(tag, TagEnd::List(_)) {
                    self.lists.pop();
                }
                self.close_unit();
                self.close_frame(span);
            }
        }
    }

    fn close_frame(&mut self, span: Range<usize>) {
        let Some(frame) = self.frames.pop() else { return };
        for at in 0..frame.siblings.len() {
            for to in cited_by(&self.page, &frame.siblings, at) {
                for unit in frame.siblings[to].units.clone() {
                    let names = frame.siblings[at].cites.iter().cloned();
                    self.page.units[unit].cites.extend(names);
                }
            }
        }
        if !self.frames.is_empty() {
            self.sibling(span, frame.first..self.page.units.len(), Vec::new());
        }
    }

    /// Reads raw HTML; returns the names that its comments cite.
    fn html(&mut self, span: Range<usize>) -> Vec<String> {
        static PARTS: LazyLock<Regex> = LazyLock::new(|| {
            let comment = r"<!--(?P<comment>(?s:.*?))-->";
            let anchor = r#"<a\s+id="(?P<id>[\w.:-]+)"\s*/?>|</a\s*>"#;
            Regex::new(&format!("{comment}|{anchor}")).expect("the pattern is a constant")
        });
        let source = &self.page.text[span.clone()];
        let (mut names, mut rest, mut end) = (Vec::new(), String::new(), 0);
        for found in PARTS.captures_iter(source) {
            let whole = found.get(0).map_or(0..0, |one| one.range());
            rest.push_str(&source[end..whole.start]);
            end = whole.end;
            self.page.ids.extend(found.name("id").map(|id| id.as_str().to_owned()));
            let Some(comment) = found.name("comment") else { continue };
            if let Some(cites) = citation(comment.as_str()) {
                names.extend(cites.iter().cloned());
                self.page.citations.push(Citation { names: cites, at: span.start + whole.start });
            }
        }
        rest.push_str(&source[end..]);
        if source[end..].contains("<!--") {
            self.page.unclosed.get_or_insert(span.start + end);
        } else if !rest.trim_matches(|c: char| c.is_whitespace() || c == '>').is_empty() {
            self.page.html.push(span);
        }
        names
    }

    fn finish(mut self) -> ProsePage<'a> {
        self.close_unit();
        while !self.frames.is_empty() {
            self.close_frame(0..0);
        }
        self.page.prose = String::from_utf8(self.mask).expect("whole texts are copied");
        let open = self.page.prose.find("<!--");
        self.page.unclosed = self.page.unclosed.or(open);
        self.page
    }
}

/// The blocks that a comment on lines of its own cites for.
fn cited_by(page: &ProsePage<'_>, siblings: &[PageSibling], at: usize) -> Vec<usize> {
    if siblings[at].cites.is_empty() {
        return Vec::new();
    }
    let is_prose = |one: &usize| !siblings[*one].units.is_empty();
    let above = (0..at).rev().find(is_prose);
    let below = (at + 1..siblings.len()).find(is_prose);
    let last_line = |span: &Range<usize>| {
        page.line(span.start + page.text[span.clone()].trim_end().len().saturating_sub(1))
    };
    let touches = |from: usize, to: usize| {
        siblings[from..=to]
            .windows(2)
            .all(|pair| page.line(pair[1].span.start) <= last_line(&pair[0].span) + 1)
    };
    let is_heading = |one: usize| {
        let units = &page.units[siblings[one].units.clone()];
        units.iter().all(|unit| unit.level > 0)
    };
    let is_above = above.is_some_and(|above| touches(above, at));
    if !is_above && below.is_some_and(|below| touches(at, below)) {
        return below.into_iter().collect();
    }
    match (above, below) {
        (Some(above), Some(below)) if is_heading(above) => vec![above, below],
        (above, below) => above.or(below).into_iter().collect(),
    }
}

/// Whether a fenced block ends with a fence.
fn is_closed(source: &str) -> bool {
    let sign = source.chars().next().unwrap_or('`');
    let long = source.chars().take_while(|c| *c == sign).count();
    let last = source.trim_end().lines().skip(1).last().unwrap_or_default();
    let last = last.trim_matches(|c: char| c.is_whitespace() || c == '>');
    last.chars().all(|c| c == sign) && last.chars().count() >= long
}

/// The names in a comment that cites; none if it is malformed.
fn citation(comment: &str) -> Option<Vec<String>> {
    static WORD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?s)^\s*(?:clause|claim)s?\b\s*(:?)(.*)$").expect("the pattern is a constant")
    });
    let found = WORD.captures(comment)?;
    let is_part = |c: char| c.is_whitespace() || matches!(c, ',' | '`');
    let names = found[2].split(is_part).filter(|name| !name.is_empty()).map(str::to_owned);
    Some(if found[1].is_empty() { Vec::new() } else { names.collect() })
}
