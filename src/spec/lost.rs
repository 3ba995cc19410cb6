//! Bindings that make no clause: Markdown reads them as something else, or they are mistyped.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::binding;
use super::blocks::{Block, Kind, Piece};
use super::front::is_near;
use super::text::says;
use crate::types::{Problem, Span};

/// Languages of fences that show Markdown or plain text.
const PROSE: [&str; 7] = ["", "markdown", "md", "mdx", "text", "txt", "plain"];

/// A problem, and its place in the source.
pub type PlacedProblem = (Problem, Range<usize>);

/// A spec's text and its blocks.
pub struct Lost<'a> {
    pub source: &'a str,
    /// The offset of the text after the front matter.
    pub body: usize,
    pub blocks: &'a [Block],
}

impl Lost<'_> {
    /// All problems, in the order of their places.
    pub fn find(&self) -> Vec<PlacedProblem> {
        let mut found: Vec<PlacedProblem> = self.unread().collect();
        found.extend(self.unclosed());
        for block in self.blocks.iter().filter(|b| !matches!(b.kind, Kind::Code | Kind::Html)) {
            found.extend(self.merged(block));
            found.extend(self.mistyped(block));
        }
        found.sort_by_key(|(_, span)| span.start);
        found
    }

    /// Bindings in the source that Markdown does not read as code spans.
    fn unread(&self) -> impl Iterator<Item = PlacedProblem> {
        static BINDING: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"`[ \t]*(?:test_id|guard|bench)[ \t]*:[^`\n]*`?").expect("is constant")
        });
        let mut spans: Vec<Range<usize>> =
            self.blocks.iter().flat_map(|block| &block.pieces).filter_map(code_span).collect();
        spans.sort_by_key(|span| span.start);
        let is_read = move |at: usize| {
            let before = spans.partition_point(|span| span.start <= at);
            before.checked_sub(1).is_some_and(|last| spans[last].contains(&at))
        };
        let all = BINDING.find_iter(&self.source[self.body..]);
        let all = all.map(|one| one.start() + self.body..one.end() + self.body);
        let lost = all.filter(move |one| !is_read(one.start));
        lost.filter(|one| !self.source[..one.start].ends_with('\\')).filter_map(|one| {
            let (place, help, is_error) = self.place(one.start)?;
            let binding = self.source[one.clone()].trim_matches('`').trim();
            let message = format!("`{binding}` is {place}, so it binds nothing");
            let problem = Problem::error("spec::lost_binding", message).help(help);
            Some((if is_error { problem } else { problem.warning() }, one))
        })
    }

    /// What a binding is part of, what to do, and whether it is an error. `None` where it is shown
    /// on purpose.
    fn place(&self, at: usize) -> Option<(String, &'static str, bool)> {
        let comment = self.source[..at].rfind("<!--").filter(|from| *from >= self.body);
        if let Some(from) = comment.filter(|from| !self.source[*from..at].contains("-->")) {
            let is_open = !self.source[at..].contains("-->");
            let line = self.line(from);
            let place = format!("in the HTML comment that begins in line {line}");
            let help =
                if is_open { "close the comment with `-->`" } else { "move it out, or remove it" };
            return Some((place, help, is_open));
        }
        let around = self.blocks.iter().rev().find(|block| {
            matches!(block.kind, Kind::Code | Kind::Html) && block.span.contains(&at)
        });
        let Some(block) = around else {
            let help = "write the binding in one pair of backticks, in a list item or paragraph";
            return Some(("not read as a code span".to_owned(), help, true));
        };
        let line = self.line(block.span.start);
        if block.kind == Kind::Html {
            let help = "put a blank line between HTML and Markdown, or remove the HTML";
            return Some((format!("in the HTML block that begins in line {line}"), help, true));
        }
        if !block.fenced {
            let help = "remove the indentation; to show Markdown, use a fence with `markdown`";
            return Some(("in a block that is code by its indentation".to_owned(), help, true));
        }
        let fence = CodeFence::of(self.source, block);
        let place = format!("in the fenced block that begins in line {line}");
        let help =
            "close the fence before the clause; to show Markdown, use a fence with `markdown`";
        let is_lost = !fence.is_closed || fence.nested || {
            let start = self.source[..at].rfind('\n').map_or(0, |end| end + 1);
            !PROSE.contains(&fence.language.as_str()) && is_item(&self.source[start..at])
        };
        is_lost.then_some((place, help, true))
    }

    fn line(&self, at: usize) -> usize {
        1 + self.source[..at].matches('\n').count()
    }

    /// Fences without an end.
    fn unclosed(&self) -> impl Iterator<Item = PlacedProblem> {
        let fenced = self.blocks.iter().filter(|block| block.fenced);
        let open = fenced.filter(|block| !CodeFence::of(self.source, block).is_closed);
        open.map(|block| {
            let message = "the fenced block is not closed";
            let problem = Problem::error("spec::unclosed_fence", message).warning();
            let help = "close it with the same fence, indented like its first line";
            let line = self.source[block.span.clone()].lines().next().unwrap_or_default();
            (problem.help(help), block.span.start..block.span.start + line.len())
        })
    }

    /// Two requirements in one paragraph, each with a binding.
    fn merged(&self, block: &Block) -> Vec<PlacedProblem> {
        let mut found = Vec::new();
        let (mut before, mut text): (Option<&str>, String) = (None, String::new());
        for piece in &block.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Code(code, span) if binding::is_bound(code) => {
                    let level = ["MUST", "SHALL", "SHOULD", "MAY"];
                    let is_merged = says(&text, &level) || text.split_whitespace().count() > 3;
                    if let Some(before) = before.filter(|_| is_merged) {
                        let message = format!("`{code}` and `{before}` bind one clause");
                        let help = "put each requirement into a list item or paragraph of its own";
                        let problem = Problem::error("spec::merged_binding", message).warning();
                        found.push((problem.help(help), span.clone()));
                    }
                    before = Some(code);
                    text.clear();
                }
                Piece::Code(..) => text.push_str(" code "),
                Piece::Child(_) => {
                    before = None;
                    text.clear();
                }
            }
        }
        found
    }

    /// Code spans and words that look like a binding.
    fn mistyped(&self, block: &Block) -> Vec<PlacedProblem> {
        let mut found = Vec::new();
        for piece in &block.pieces {
            let (text, span, in_code) = match piece {
                Piece::Code(code, span) if binding::read(code).is_none() => {
                    (code, span.clone(), true)
                }
                Piece::Text(text) => (text, block.span.clone(), false),
                _ => continue,
            };
            let bare = || bare_key(text).map(|key| (key, "test_id"));
            let key = if in_code { mistyped_key(text) } else { bare() };
            let Some((key, known)) = key else { continue };
            let Some(at) = self.source[span.clone()].find(key) else { continue };
            let place = span.start + at..span.start + at + key.len();
            let message = if in_code {
                format!("`{}` is not a binding", text.trim())
            } else {
                format!("`{key}` without backticks is not a binding")
            };
            let span = Span::from(place.clone());
            let problem = Problem::lint("near_binding", message, (span, 0));
            let problem = problem.help(format!("write `{known}: NAME` in backticks"));
            let can_fix = in_code && text.contains(':');
            found.push((if can_fix { problem.fix(span, known) } else { problem }, place));
        }
        found
    }
}

fn code_span(piece: &Piece) -> Option<Range<usize>> {
    match piece {
        Piece::Code(_, span) => Some(span.clone()),
        _ => None,
    }
}

/// Whether a line begins like a list item.
fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark))
        || (digits.len() < line.len() && (digits.starts_with(". ") || digits.starts_with(") ")))
}

/// The key of a code span that is nearly a binding, and the binding's key.
fn mistyped_key(code: &str) -> Option<(&str, &'static str)> {
    let code = code.trim();
    let end = code.find([':', '：', '='])?;
    let (key, value) = (code[..end].trim(), code[end..].trim_start_matches('：'));
    let value = value.strip_prefix([':', '=']).unwrap_or(value).trim();
    let first = value.split([' ', ',']).next().unwrap_or_default();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if first.is_empty() || value.starts_with(':') || !first.chars().all(is_name) {
        return None;
    }
    let bare: String = key.chars().filter(|c| !['_', '-', ' '].contains(c)).collect();
    let bare = bare.to_lowercase();
    if bare == "testid" || is_slip(&bare, "testid") {
        return Some((key, "test_id"));
    }
    let is_guard = first.starts_with("forbid") || first == "max_lines";
    if is_guard && is_near(&bare, "guard") {
        return Some((key, "guard"));
    }
    let is_bound = bare == "bench" || bare == "benchmark";
    if is_bound && value.contains(['<', '>', '=']) {
        return Some((key, "bench"));
    }
    None
}

/// Whether a letter is missing or typed twice, or two are swapped. Another letter makes another
/// word: `rest_id`.
fn is_slip(word: &str, known: &str) -> bool {
    let sorted = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    let is_near = word.len() <= known.len() + 1 && strsim::damerau_levenshtein(word, known) == 1;
    is_near && (word.len() != known.len() || sorted(word) == sorted(known))
}

/// `test_id:` in plain words.
fn bare_key(text: &str) -> Option<&str> {
    static BARE: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = r"(?:^|[\s(\[{])((?i:test[_-]?id)s?)\s*[:：=]\s*[A-Za-z_]\w*";
        Regex::new(pattern).expect("the pattern is a constant")
    });
    BARE.captures(text)?.get(1).map(|key| key.as_str())
}

/// A fence.
struct CodeFence {
    language: String,
    is_closed: bool,
    /// Whether it contains the first line of another block of the same fence.
    nested: bool,
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

#[cfg(test)]
mod tests {
    use super::{bare_key, mistyped_key};

    #[test]
    fn near_misses_of_bindings_are_recognised() {
        for near in [
            "testid: a",
            "test-id: a",
            "Test_ID: a",
            "test_ids: a, b",
            "TestId: a",
            "tset_id: a",
            "test_id= a",
            "test id: a",
            "test_id：a",
            "Guard: forbid_unsafe",
            "guards: forbid x",
            "Bench: a < 5ms",
        ] {
            assert!(mistyped_key(near).is_some(), "{near}");
        }
        for other in [
            "x: u32",
            "test_id",
            "user_id: 5",
            "text_id: 5",
            "rest: T",
            "rest_id: u8",
            "guard: MutexGuard",
            "Guard: Send",
            "test_id::name",
            "bench: usize",
            "test_id: &str",
            "a = b",
            "latest_id: 4",
        ] {
            assert!(mistyped_key(other).is_none(), "{other}");
        }
        assert_eq!(bare_key("It MUST. test_id: a"), Some("test_id"));
        assert_eq!(bare_key("(testid: a)"), Some("testid"));
        assert_eq!(bare_key("The test id identifies it: a"), None);
        assert_eq!(bare_key("the latest_id: a"), None);
    }
}
