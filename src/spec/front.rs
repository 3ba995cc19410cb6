//! Front matter: YAML between two `---` lines at the start of a spec.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::types::{CodeEffect, Problem, Span, SpecId, TargetName};

/// Maximum size of front matter, in bytes.
const FRONT_BYTES: usize = 64 * 1024;

/// The keys that regen reads.
#[derive(Debug, Default, Deserialize)]
pub struct Front {
    pub id: Option<String>,
    pub title: Option<String>,
    /// An empty list is not the same as none.
    pub targets: Option<Vec<TargetName>>,
    #[serde(default)]
    pub depends: Vec<SpecId>,
    #[serde(default)]
    effects: Vec<String>,
    /// Other tools' keys; checked only for typing mistakes.
    #[serde(flatten)]
    others: BTreeMap<String, serde_norway::Value>,
}

/// The keys regen reads.
const KEYS: [&str; 5] = ["id", "title", "targets", "depends", "effects"];

impl Front {
    /// The effects that it grants; unknown ones were reported.
    pub fn effects(&self) -> BTreeSet<CodeEffect> {
        self.effects.iter().filter_map(|word| CodeEffect::read(word).ok()).collect()
    }
}

/// Whether two words differ in at most two letters. The comparison takes time and memory of the
/// product of their lengths.
pub(super) fn is_near(word: &str, known: &str) -> bool {
    word.len() <= 4 * (known.len() + 2) && strsim::damerau_levenshtein(word, known) <= 2
}

/// Warns of keys similar to regen's.
fn near_misses(front: &Front, source: &str, span: Span, problems: &mut Vec<Problem>) {
    for key in front.others.keys() {
        let near = KEYS.iter().find(|known| is_near(key, known));
        // A key with escapes cannot be located.
        let place = source[span.start..span.end].find(key.as_str());
        let near = near.filter(|known| key.len() > 2 && known.len() > 2);
        if let Some((known, at)) = near.zip(place) {
            let at = span.start + at;
            let message = format!("unknown key `{key}`");
            let problem = Problem::error("spec::unknown_key", message).warning();
            let problem = problem.help(format!("did you mean `{known}`?"));
            let problem = problem.fix(Span { start: at, end: at + key.len() }, *known);
            problems.push(problem.at(source, at..at + key.len()));
        }
    }
}

/// Unknown names of effects.
fn unknown_effects(front: &Front, source: &str, span: Span, problems: &mut Vec<Problem>) {
    let unknown =
        front.effects.iter().filter_map(|word| Some((word, CodeEffect::read(word).err()?)));
    for (word, (message, help)) in unknown {
        let problem = Problem::error("spec::effect", message).help(help);
        let text = &source[span.start..span.end];
        let list = text.find("effects").unwrap_or(0);
        let at = span.start + list + text[list..].find(word.as_str()).unwrap_or(0);
        problems.push(problem.at(source, at..at));
    }
}

/// The front matter's text, and the offset of the body.
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

/// The start of the text, if the first line opens front matter.
fn opening(source: &str) -> Option<usize> {
    let first = source.split_inclusive('\n').next()?;
    (first.trim_end() == "---").then_some(first.len())
}

/// Detects a missing closing line: text after a first `---` with one of regen's keys. Otherwise
/// `---` is a thematic break.
fn unclosed(source: &str) -> Option<Problem> {
    let inside = &source[opening(source)?..];
    let key = inside.lines().find(|line| !line.trim().is_empty())?.split_once(':')?.0;
    KEYS.contains(&key.trim()).then(|| {
        let problem = Problem::error("spec::front_matter", "the front matter is not closed");
        problem.help("add a line `---` below its last key").at(source, 0..3)
    })
}

/// Parses the front matter. Gives the offset of the body.
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
            unknown_effects(&front, source, span, problems);
            near_misses(&front, source, span, problems);
            (front, body)
        }
        Err(error) => {
            let line_start = error.location().map_or(span.start, |at| span.start + at.index());
            let at = line_start.min(span.end);
            let problem = Problem::error("spec::front_matter", error.to_string())
                .help("`id` and `title` are strings; `targets`, `depends` and `effects` are lists")
                .at(source, Span { start: at, end: at });
            problems.push(problem);
            (Front::default(), body)
        }
    }
}
