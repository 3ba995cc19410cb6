//! Renders problems for machines: SARIF 2.1.0 and GitHub workflow commands.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::excerpt::LineCount;
use super::markup;
use crate::types::text::visible;
use crate::types::{Problem, Severity, Span, lint};
use crate::workspace::Sources;

/// A place: line and column from 1, in characters.
type Place = (usize, usize);

/// Where problems begin and end. Counting continues from the previous problem.
struct Regions<'a> {
    sources: &'a Sources,
    starts: BTreeMap<&'a str, LineCount>,
    ends: BTreeMap<&'a str, LineCount>,
}

impl<'a> Regions<'a> {
    fn new(sources: &'a Sources) -> Self {
        Self { sources, starts: BTreeMap::new(), ends: BTreeMap::new() }
    }

    /// Where a problem begins and ends; `None` when the whole file is meant.
    fn of(&mut self, problem: &'a Problem) -> Option<(Place, Place)> {
        let source = self.sources.get(&problem.file);
        let span = problem.span.map(|Span { start, end }| start..end);
        let part =
            source.zip(span).and_then(|(text, span)| Some((text, span.start, text.get(span)?)));
        match (part, problem.line) {
            (Some((text, start, part)), _) => {
                // A range that ends with a line break does not include the next line.
                let end = start + part.trim_end().len();
                let starts = self.starts.entry(&problem.file).or_default();
                let start = starts.place(text, start);
                Some((start, self.ends.entry(&problem.file).or_default().place(text, end)))
            }
            (None, 0) => None,
            (None, line) => Some(((line, 1), (line, 1))),
        }
    }
}

/// The log of one run in SARIF 2.1.0 (OASIS, 2020).
pub fn sarif<'a>(problems: &'a [Problem], sources: &'a Sources) -> Value {
    let level = |severity| match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let mut rules: BTreeMap<&str, Value> = BTreeMap::new();
    for problem in problems {
        let name = problem.code.strip_prefix("lint::").unwrap_or_default();
        let about = lint::RULES.iter().find(|(rule, ..)| *rule == name).map(|(.., about)| *about);
        let text = about.unwrap_or(&problem.code);
        rules.entry(&problem.code).or_insert(json!({
            "id": problem.code, "shortDescription": { "text": text },
        }));
    }
    let numbers: BTreeMap<&str, usize> = rules.keys().copied().zip(0..).collect();
    let mut regions = Regions::new(sources);
    let mut result = |problem: &'a Problem| {
        let mut location = json!({ "artifactLocation": { "uri": uri(&problem.file) } });
        if let Some(((line, column), (end_line, end_column))) = regions.of(problem) {
            location["region"] = json!({
                "startLine": line, "startColumn": column,
                "endLine": end_line, "endColumn": end_column,
            });
        }
        json!({
            "ruleId": problem.code,
            "ruleIndex": numbers[problem.code.as_str()],
            "level": level(problem.severity),
            "message": { "text": visible(&with_help(problem)) },
            "locations": [{ "physicalLocation": location }],
        })
    };
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "regen",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.values().collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": problems.iter().map(&mut result).collect::<Vec<_>>(),
        }],
    })
}

/// A relative URI reference; reserved characters are escaped (RFC 3986).
fn uri(file: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let letter =
        |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    file.bytes().map(letter).collect()
}

fn with_help(problem: &Problem) -> String {
    match &problem.help {
        Some(help) => format!("{}\n{help}", problem.message),
        None => problem.message.clone(),
    }
}

/// GitHub workflow commands: annotations at lines of a pull request.
pub fn github(problems: &[Problem], sources: &Sources) -> String {
    let mut out = String::new();
    let mut regions = Regions::new(sources);
    for problem in problems {
        let kind = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let at = match regions.of(problem) {
            Some(((line, column), (end, _))) => format!(",line={line},endLine={end},col={column}"),
            None => String::new(),
        };
        let (file, title) =
            (markup::github(&problem.file, true), markup::github(&problem.code, true));
        let text = markup::github(&with_help(problem), false);
        out += &format!("::{kind} file={file}{at},title={title}::{text}\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{LineCount, github, sarif};
    use crate::types::Problem;
    use crate::workspace::Sources;

    #[test]
    fn columns_are_characters() {
        let mut lines = LineCount::default();
        for (offset, place) in [(5, (2, 3)), (5, (2, 3)), (6, (2, 4)), (1, (1, 2)), (2, (2, 1))] {
            assert_eq!(lines.place("a\näbc", offset), place);
        }
    }

    #[test]
    fn special_characters_are_escaped() {
        let text = "- ä MUST: 100%, so\n";
        let problem = Problem::error("spec::x", "100%\nbad").at(text, 2..4).file("specs/a b,c.md");
        let sources = Sources::from([("specs/a b,c.md".to_owned(), text.to_owned())]);
        assert_eq!(
            github(std::slice::from_ref(&problem), &sources),
            "::error file=specs/a b%2Cc.md,line=1,endLine=1,col=3,title=spec%3A%3Ax::100%25%0Abad\n"
        );
        let log = sarif(&[problem], &sources);
        let location = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "specs/a%20b%2Cc.md");
        assert_eq!(location["region"]["startColumn"], 3);
    }
}
