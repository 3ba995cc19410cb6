//! The lines and parts of a block's text.

use std::ops::Range;

/// What is wrong with a statement, and where in its text.
pub type StepError = (String, Range<usize>);

/// The deepest nesting of brackets, those in strings included.
pub fn nesting(text: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b')' | b']' | b'}' | b'>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        most = most.max(depth);
    }
    most
}

/// The statements of a block with the lines they begin in. One goes on where a bracket is open, and
/// behind a `=`.
pub fn statements(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let (mut found, mut start, mut line, mut first) = (Vec::new(), 0, 0, 0);
    let mut scan = BracketScan::default();
    for (at, c) in code.char_indices() {
        if c == '\n' {
            line += 1;
            let goes_on =
                scan.depth > 0 || scan.is_quoted() || code[..at].trim_end().ends_with('=');
            if !goes_on {
                found.push((first, &code[start..at]));
                (start, first) = (at + 1, line);
            }
        }
        scan.next(c);
    }
    found.push((first, &code[start..]));
    found.into_iter().filter_map(|(line, text)| {
        let kept = without_comment(text).trim();
        (!kept.is_empty()).then_some((line, kept))
    })
}

/// A one-line statement without its comment.
fn without_comment(text: &str) -> &str {
    let mut scan = BracketScan::default();
    for (at, c) in text.char_indices() {
        if !scan.is_quoted() && text[at..].starts_with("//") && !text[at..].contains('\n') {
            return &text[..at];
        }
        scan.next(c);
    }
    text
}

/// Where a text is in quotes and brackets.
#[derive(Default)]
struct BracketScan {
    quote: Option<char>,
    escaped: bool,
    depth: usize,
}

impl BracketScan {
    fn is_quoted(&self) -> bool {
        self.quote.is_some()
    }

    fn next(&mut self, c: char) {
        match self.quote {
            Some(_) if self.escaped => self.escaped = false,
            Some(_) if c == '\\' => self.escaped = true,
            Some(quote) if c == quote => self.quote = None,
            Some(_) => {}
            None => match c {
                '"' | '\'' => self.quote = Some(c),
                '(' | '[' | '{' => self.depth += 1,
                ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            },
        }
    }
}

/// The places of a character outside of quotes and brackets.
pub fn top_level(text: &str, wanted: char) -> impl Iterator<Item = usize> {
    let mut scan = BracketScan::default();
    let at = text.char_indices().filter_map(move |(at, c)| {
        let found = c == wanted && scan.depth == 0 && !scan.is_quoted();
        scan.next(c);
        found.then_some(at)
    });
    at.collect::<Vec<_>>().into_iter()
}

/// The parts between commas, with their offsets.
pub fn split(text: &str) -> Vec<(&str, usize)> {
    let mut parts = Vec::new();
    let mut start = 0;
    for at in top_level(text, ',').chain([text.len()]) {
        parts.push((&text[start..at], start));
        start = at + 1;
    }
    if parts.last().is_some_and(|(part, _)| part.trim().is_empty()) {
        parts.pop();
    }
    parts
}

/// The name and the text of the arguments of a call.
pub fn call_parts(text: &str) -> Result<(String, String), StepError> {
    let wrong = || ("write a call as `NAME(ARGUMENTS)`".to_owned(), 0..text.len());
    let open = text.find('(').ok_or_else(wrong)?;
    let name = text[..open].trim();
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '%' | '_');
    let is_name = !name.is_empty() && name.chars().all(word);
    let close = top_level(&text[open + 1..], ')').next().filter(|_| is_name).ok_or_else(wrong)?;
    match text[open + 1 + close + 1..].trim() {
        "" => Ok((name.to_owned(), text[open + 1..open + 1 + close].to_owned())),
        _ => Err(wrong()),
    }
}
