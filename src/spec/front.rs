//! Front matter: the YAML between two `---` lines at the very start.

use serde::Deserialize;

use crate::types::{Problem, Span};

/// Bytes of front matter: it holds a few names.
const FRONT_BYTES: usize = 64 * 1024;

/// What regen reads of a front matter.
#[derive(Debug, Default, Deserialize)]
pub struct Front {
    pub id: Option<String>,
    pub title: Option<String>,
    #[serde(default)]
    pub targets: Vec<String>,
    #[serde(default)]
    pub depends: Vec<String>,
}

/// The front matter's inside and the offset at which the body begins.
fn split(source: &str) -> Option<(Span, usize)> {
    let rest = source.strip_prefix("---\n")?;
    let mut offset = 4;
    for line in rest.split_inclusive('\n') {
        if matches!(line.trim_end(), "---" | "...") {
            return Some((Span { start: 4, end: offset }, offset + line.len()));
        }
        offset += line.len();
    }
    None
}

/// Reads the front matter; gives the offset at which the body begins.
pub fn read(source: &str, problems: &mut Vec<Problem>) -> (Front, usize) {
    let Some((span, body)) = split(source) else { return (Front::default(), 0) };
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
        Ok(front) => (front, body),
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
