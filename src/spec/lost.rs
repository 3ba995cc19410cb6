//! Bindings that make no clause: Markdown reads them as something else, or they are mistyped.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::binding;
use super::blocks::{Block, Kind, Piece};
use super::front::is_near;
use super::places::{SourceMap, Surroundings};
use super::text::says;
use crate::types::{Problem, Span};

/// Languages of fences that show Markdown or plain text.
const PROSE: [&str; 7] = ["", "markdown", "md", "mdx", "text", "txt", "plain"];

/// Words of a requirement.
const LEVELS: [&str; 4] = ["MUST", "SHALL", "SHOULD", "MAY"];

/// What may stand in a word unseen.
const UNSEEN: &str = r"[\x{200b}-\x{200d}\x{2060}\x{feff}\x{ad}]*";

/// Bindings and what is nearly one, in a source: in backticks, in a tag, or bare.
static WRITTEN: LazyLock<Regex> = LazyLock::new(|| {
    let test = test_id();
    let key = format!("(?:guard|bench|{test})[ \\t]*:");
    let forms = [
        format!(r"(?P<ticks>`[ \t]*{key}[^`\n]*`?)"),
        format!(r"<(?:code|tt|kbd|samp)(?:\s[^<>\n]*)?>\s*(?P<tag>{key}[^<\n]*)"),
        format!(r"(?:^|[\s(\[>])(?P<bare>{test}[ \t]*:[ \t]*[A-Za-z_]\w*)"),
    ];
    Regex::new(&forms.join("|")).expect("is constant")
});

/// The pattern of a key of tests, in any of its spellings.
fn test_id() -> String {
    let letters = |word: &str| word.chars().map(|c| format!("{UNSEEN}{c}")).collect::<String>();
    format!("(?i:{}{UNSEEN}[_ -]?{}s?)", letters("test"), letters("id"))
}

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
        let places = SourceMap::of_source(self.source, self.body, self.blocks);
        let mut found = self.unread(&places);
        found.extend(Self::unclosed(&places));
        for block in self.blocks.iter().filter(|b| !matches!(b.kind, Kind::Code | Kind::Html)) {
            found.extend(self.merged(block));
            found.extend(self.mistyped(block));
        }
        found.sort_by_key(|(_, span)| span.start);
        found
    }

    /// Bindings in the source that Markdown does not read as code spans.
    fn unread(&self, places: &SourceMap<'_>) -> Vec<PlacedProblem> {
        let mut spans: Vec<Range<usize>> =
            self.blocks.iter().flat_map(|block| &block.pieces).filter_map(code_span).collect();
        spans.sort_by_key(|span| span.start);
        let is_read = |at: usize| {
            let before = spans.partition_point(|span| span.start <= at);
            before.checked_sub(1).is_some_and(|last| spans[last].contains(&at))
        };
        let all = WRITTEN.captures_iter(&self.source[self.body..]);
        let lost = all.filter_map(|one| {
            let written = WrittenBinding::of(&one, self.body)?;
            let is_escaped = self.source[..written.span.start].ends_with('\\');
            let place = places.around(written.span.start);
            (!is_read(written.span.start) && !is_escaped).then_some(())?;
            let (place, help, is_error) = self.lost_at(places, &place, &written)?;
            let binding = written.text.trim();
            let message = format!("`{binding}` is {place}, so it binds nothing");
            let problem = Problem::error("spec::lost_binding", message).help(help);
            Some((if is_error { problem } else { problem.warning() }, written.span))
        });
        lost.collect()
    }

    /// What a binding is part of, what to do, and whether it is an error. `None` where it is shown
    /// on purpose.
    fn lost_at(
        &self,
        places: &SourceMap<'_>,
        place: &Surroundings<'_>,
        written: &WrittenBinding<'_>,
    ) -> Option<(String, &'static str, bool)> {
        match place {
            Surroundings::Comment { .. } if written.form == BindingForm::Bare => None,
            Surroundings::Comment { line, is_open } => {
                let place = format!("in the HTML comment that begins in line {line}");
                let help = if *is_open {
                    "close the comment with `-->`"
                } else {
                    "move it out, or remove it"
                };
                (*is_open || written.is_exact).then_some((place, help, *is_open))
            }
            Surroundings::Text => match written.form {
                BindingForm::Ticks if written.is_exact => {
                    let help =
                        "write the binding in one pair of backticks, in a list item or paragraph";
                    Some(("not read as a code span".to_owned(), help, true))
                }
                BindingForm::Tag => {
                    let help = "write it in backticks";
                    Some(("written as HTML".to_owned(), help, true))
                }
                _ => None,
            },
            Surroundings::Html { line } => {
                let help = "put a blank line between HTML and Markdown, or remove the HTML";
                Some((format!("in the HTML block that begins in line {line}"), help, true))
            }
            Surroundings::Indented if written.form == BindingForm::Ticks && written.is_exact => {
                let help = "remove the indentation; to show Markdown, use a fence with `markdown`";
                Some(("in a block that is code by its indentation".to_owned(), help, true))
            }
            Surroundings::Fence { line, fence } if written.form != BindingForm::Bare => {
                let place = format!("in the fenced block that begins in line {line}");
                let help = "close the fence before the clause; to show Markdown, use a fence with `markdown`";
                let is_lost = !fence.is_closed
                    || fence.nested
                    || (written.is_exact
                        && !PROSE.contains(&fence.language.as_str())
                        && places.is_item(written.span.start));
                is_lost.then_some((place, help, true))
            }
            _ => None,
        }
    }

    /// Fences without an end.
    fn unclosed(places: &SourceMap<'_>) -> impl Iterator<Item = PlacedProblem> {
        places.unclosed().map(|span| {
            let message = "the fenced block is not closed";
            let problem = Problem::error("spec::unclosed_fence", message).warning();
            let help = "close it with the same fence, indented like its first line";
            (problem.help(help), span)
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
                    let is_merged = says(&text, &LEVELS)
                        || ends_sentence(&text)
                        || text.split_whitespace().count() > 3;
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
        let is_clause = self.is_clause(block);
        // Where the text of the next piece begins.
        let mut from = block.span.start;
        for piece in &block.pieces {
            match piece {
                Piece::Code(code, span) => {
                    from = span.end;
                    let key = mistyped_key(code).filter(|_| binding::read(code).is_none());
                    let Some((key, known)) = key else { continue };
                    let Some(at) = self.source[span.clone()].find(key) else { continue };
                    let place = span.start + at..span.start + at + key.len();
                    let message = format!("`{}` is not a binding", code.trim());
                    let problem = near(message, known, &place);
                    let can_fix = code.contains(':');
                    let place_of = Span::from(place.clone());
                    let fixed = |problem: Problem| problem.fix(place_of, known);
                    found.push((if can_fix { fixed(problem) } else { problem }, place));
                }
                Piece::Text(text) => {
                    let Some((key, is_quoted)) = bare_key(text) else { continue };
                    let end = from.saturating_add(text.len().saturating_mul(4)).saturating_add(64);
                    let end = self.source.floor_char_boundary(end.min(block.span.end));
                    let Some(at) = self.source.get(from..end).and_then(|part| part.find(key))
                    else {
                        continue;
                    };
                    let place = from + at..from + at + key.len();
                    from = place.end;
                    let before = &self.source[..place.start];
                    // A single backtick does not begin a code span: see `unread`.
                    if (is_quoted && !is_clause)
                        || (before.ends_with('`') && !before.ends_with("\\`"))
                    {
                        continue;
                    }
                    let message = format!("`{key}` without backticks is not a binding");
                    found.push((near(message, "test_id", &place), place));
                }
                Piece::Child(child) => from = self.blocks[*child].span.end,
            }
        }
        found
    }

    /// Whether a block has the word of a requirement.
    fn is_clause(&self, block: &Block) -> bool {
        block.pieces.iter().any(|piece| match piece {
            Piece::Text(text) => says(text, &LEVELS),
            _ => false,
        })
    }
}

fn near(message: String, known: &'static str, place: &Range<usize>) -> Problem {
    let problem = Problem::lint("near_binding", message, (Span::from(place.clone()), 0));
    problem.help(format!("write `{known}: NAME` in backticks"))
}

/// How a binding is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BindingForm {
    Ticks,
    Tag,
    Bare,
}

/// A binding, or what is nearly one, in a source.
struct WrittenBinding<'a> {
    form: BindingForm,
    text: &'a str,
    span: Range<usize>,
    /// Whether its key is right.
    is_exact: bool,
}

impl<'a> WrittenBinding<'a> {
    /// What was found in a text that begins at `body`.
    fn of(found: &Captures<'a>, body: usize) -> Option<Self> {
        let forms =
            [(BindingForm::Ticks, "ticks"), (BindingForm::Tag, "tag"), (BindingForm::Bare, "bare")];
        let (form, one) = forms.iter().find_map(|(form, name)| Some((*form, found.name(name)?)))?;
        let text = one.as_str().trim_matches('`').trim();
        let key = text.split(':').next().unwrap_or_default().trim_end();
        let is_exact = ["test_id", "guard", "bench"].contains(&key);
        Some(Self { form, text, span: one.start() + body..one.end() + body, is_exact })
    }
}

/// Whether a text has the end of a sentence behind a word.
fn ends_sentence(text: &str) -> bool {
    let ends = |word: &str| word.ends_with(['.', ';', '!', '?']) && word.len() > 2;
    text.split_whitespace().any(|word| ends(word) && !["etc.", "e.g.", "i.e."].contains(&word))
}

fn code_span(piece: &Piece) -> Option<Range<usize>> {
    match piece {
        Piece::Code(_, span) => Some(span.clone()),
        _ => None,
    }
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
    let bare: String = key.chars().filter(|c| !is_unseen(*c)).collect();
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

/// Characters that do not tell keys apart.
fn is_unseen(c: char) -> bool {
    ['_', '-', ' ', '\u{a0}', '\u{ad}', '\u{2060}', '\u{feff}'].contains(&c)
        || ('\u{200b}'..='\u{200d}').contains(&c)
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

/// `test_id:` in plain words, and whether it is in quotes: typographic ones, or backticks that
/// Markdown does not read.
fn bare_key(text: &str) -> Option<(&str, bool)> {
    static BARE: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = format!(
            r"(?:^|[\s(\[{{]|([`‘’‚‛“”„«‹´]))({})\s*[:：=]\s*[A-Za-z_]\w*",
            test_id().replace("[_ -]", "[_-]")
        );
        Regex::new(&pattern).expect("the pattern is a constant")
    });
    let found = BARE.captures(text)?;
    found.get(2).map(|key| (key.as_str(), found.get(1).is_some()))
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
            "test_\u{200b}id: a",
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
        assert_eq!(bare_key("It MUST. test_id: a"), Some(("test_id", false)));
        assert_eq!(bare_key("(testid: a)"), Some(("testid", false)));
        assert_eq!(bare_key("‘test_id: a’"), Some(("test_id", true)));
        assert_eq!(bare_key("The test id identifies it: a"), None);
        assert_eq!(bare_key("the latest_id: a"), None);
    }
}
