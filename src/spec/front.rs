//! Front matter: the YAML between two `---` lines at the very start.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::types::{Problem, Span, SpecId, TargetName};

/// Bytes of front matter: it holds a few names.
const FRONT_BYTES: usize = 64 * 1024;

/// What regen reads of a front matter.
#[derive(Debug, Default, Deserialize)]
pub struct Front {
    pub id: Option<String>,
    pub title: Option<String>,
    #[serde(default)]
    pub targets: Vec<TargetName>,
    #[serde(default)]
    pub depends: Vec<SpecId>,
    /// Keys of other tools; only looked at for typing mistakes.
    #[serde(flatten)]
    others: BTreeMap<String, serde_norway::Value>,
}

/// The keys regen reads.
const KEYS: [&str; 4] = ["id", "title", "targets", "depends"];

/// Whether a word is another one but for two letters; the comparison takes the product of their
/// lengths, in memory too.
pub(super) fn is_near(word: &str, known: &str) -> bool {
    word.len() <= 4 * (known.len() + 2) && strsim::damerau_levenshtein(word, known) <= 2
}

/// Warns of keys that look like one of ours.
fn near_misses(front: &Front, source: &str, span: Span, problems: &mut Vec<Problem>) {
    for key in front.others.keys() {
        let near = KEYS.iter().find(|known| is_near(key, known));
        // A key that is written with escapes is not found.
        let place = source[span.start..span.end].find(key.as_str());
        let near = near.filter(|known| key.len() > 2 && known.len() > 2);
        if let Some((known, at)) = near.zip(place) {
            let at = span.start + at;
            let message = format!("`{key}` is not read");
            let problem = Problem::error("spec::unknown_key", message).warning();
            let problem = problem.help(format!("did you mean `{known}`?"));
            let problem = problem.fix(Span { start: at, end: at + key.len() }, *known);
            problems.push(problem.at(source, at..at + key.len()));
        }
    }
}

/// The front matter's inside and the offset at which the body begins.
fn split(source: &str) -> Option<(Span, usize)> {
    let mut offset = opening(source)?;
    let start = offset;
    for line in source[start..].split_inclusive('\n') {
        if matches!(line.trim_end(), "---" | "...") {
            return Some((Span { start, end: offset }, offset + line.len()));
        }
        offset += line.len();
    }
    None
}

/// Where the inside begins, if the first line opens a front matter.
fn opening(source: &str) -> Option<usize> {
    let first = source.split_inclusive('\n').next()?;
    (first.trim_end() == "---").then_some(first.len())
}

/// Text under a first `---` that reads like one of our keys: the closing line is missing. Without
/// it the `---` is a rule, as anywhere else.
fn unclosed(source: &str) -> Option<Problem> {
    let inside = &source[opening(source)?..];
    let key = inside.lines().find(|line| !line.trim().is_empty())?.split_once(':')?.0;
    KEYS.contains(&key.trim()).then(|| {
        let problem = Problem::error("spec::front_matter", "the front matter does not end");
        problem.help("put a line `---` below its last key").at(source, 0..3)
    })
}

/// Reads the front matter; gives the offset at which the body begins.
pub fn read(source: &str, problems: &mut Vec<Problem>) -> (Front, usize) {
    let Some((span, body)) = split(source) else {
        problems.extend(unclosed(source));
        return (Front::default(), 0);
    };
    let text = &source[span.start..span.end];
    if text.len() > FRONT_BYTES {
        let problem = Problem::error("spec::front_matter", "the front matter exceeds 64 KiB");
        problems.push(problem.help("move prose below the second `---`").at(source, span));
        return (Front::default(), body);
    }
    if text.trim().is_empty() {
        return (Front::default(), body);
    }
    match serde_norway::from_str(text) {
        Ok(front) => {
            near_misses(&front, source, span, problems);
            (front, body)
        }
        Err(error) => {
            let line_start = error.location().map_or(span.start, |at| span.start + at.index());
            let at = line_start.min(span.end);
            let problem = Problem::error("spec::front_matter", error.to_string())
                .help("known keys: `id` and `title` are texts, `targets` and `depends` are lists")
                .at(source, Span { start: at, end: at });
            problems.push(problem);
            (Front::default(), body)
        }
    }
}
