//! Cuts source lines to what a person can read. miette's work and widths grow with the length of
//! lines, and it panics from 65,536 columns on.

use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::types::text::is_hidden;
use crate::types::{Problem, Span, limits};

/// Lines shown after the last line of a span.
const AFTER: usize = 2;

/// The line and column of an offset. Counting continues from the previous offset.
#[derive(Debug, Default)]
pub(super) struct LineCount {
    offset: usize,
    lines: usize,
    column: usize,
}

impl LineCount {
    /// Line and column from 1, in characters.
    pub fn place(&mut self, text: &str, offset: usize) -> (usize, usize) {
        if offset < self.offset {
            *self = Self::default();
        }
        let passed = text.get(self.offset..offset).unwrap_or_default();
        self.offset = offset;
        self.lines += passed.matches('\n').count();
        self.column = match passed.rfind('\n') {
            Some(at) => passed[at + 1..].chars().count(),
            None => self.column + passed.chars().count(),
        };
        (self.lines + 1, self.column + 1)
    }
}

/// An excerpt of a file.
#[derive(Debug)]
pub(super) struct Excerpt {
    file: String,
    text: String,
    /// The marked range, in bytes of `text`.
    pub marked: Range<usize>,
    /// Lines of the file before `text`.
    before: usize,
    /// Bytes of the marked line before the mark, in the file.
    column: usize,
}

impl Excerpt {
    /// The lines around a problem; `None` if its span is not in this text.
    pub fn of(problem: &Problem, text: &str, lines: &mut LineCount) -> Option<Self> {
        let span = problem.span.filter(|span| is_inside(*span, text))?;
        let start = line_start(text, span.start);
        let mut excerpt = Self {
            file: problem.file.clone(),
            text: String::new(),
            marked: 0..0,
            before: lines.place(text, start).0 - 1,
            column: span.start - start,
        };
        if start > 0 {
            excerpt.before = excerpt.before.saturating_sub(1);
            excerpt.push(text, line_start(text, start - 1)..start, span);
        }
        excerpt.marked = excerpt.text.len()..0;
        let (mut at, mut shown, mut after) = (start, 0, 0);
        while at < text.len() && after < AFTER && shown < limits::SHOWN_LINES {
            let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1);
            after += usize::from(end > span.end);
            excerpt.push(text, at..end, span);
            (at, shown) = (end, shown + 1);
        }
        excerpt.marked.end = excerpt.marked.end.max(excerpt.marked.start);
        Some(excerpt)
    }

    /// Appends a line, cut around the marked range.
    fn push(&mut self, text: &str, line: Range<usize>, span: Span) {
        let marked = span.start.clamp(line.start, line.end)..span.end.clamp(line.start, line.end);
        let kept = kept(text, line.clone(), marked.clone());
        let mark = |out: &mut String, cut: bool| out.push_str(if cut { "…" } else { "" });
        mark(&mut self.text, kept.start > line.start);
        let shift = |at: usize, out: &str| out.len() + at.clamp(kept.start, kept.end) - kept.start;
        if (line.start..=line.end).contains(&span.start) {
            self.marked.start = shift(marked.start, &self.text);
        }
        if span.end > line.start || span.start == span.end {
            self.marked.end = shift(marked.end, &self.text);
        }
        let cut = kept.end < line.end;
        self.text.push_str(&tame(&text[kept]));
        mark(&mut self.text, cut);
        if cut && text[line].ends_with('\n') {
            self.text.push('\n');
        }
    }
}

fn is_inside(span: Span, text: &str) -> bool {
    span.start <= span.end && text.is_char_boundary(span.start) && text.is_char_boundary(span.end)
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The visible range of a line.
fn kept(text: &str, line: Range<usize>, marked: Range<usize>) -> Range<usize> {
    if line.len() <= limits::SHOWN_LINE {
        return line;
    }
    let around = limits::SHOWN_LINE / 4;
    let start = text.floor_char_boundary(marked.start.saturating_sub(around).max(line.start));
    let end = (marked.end + around).min(start + limits::SHOWN_LINE).min(line.end);
    start..text.floor_char_boundary(end)
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let found = self.text.read_span(span, lines_before, lines_after)?;
        // Without context lines the renderer asks for the start of the mark.
        let column = if lines_before == 0 { self.column } else { found.column() };
        Ok(Box::new(MietteSpanContents::new_named(
            self.file.clone(),
            found.data(),
            *found.span(),
            self.before + found.line(),
            column,
            found.line_count(),
        )))
    }
}

/// A source without control characters. Offsets stay the same.
fn tame(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) && c != '\n' {
            out.extend(std::iter::repeat_n('?', c.len_utf8()));
        } else {
            out.push(c);
        }
    }
    out
}
