//! Problems for machines: SARIF 2.1.0 and GitHub's workflow commands.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::types::{Problem, Severity, Span, lint};
use crate::workspace::Sources;

/// Line and column from 1 of an offset, in characters.
fn place(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset).unwrap_or(source);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (1 + before.matches('\n').count(), 1 + before[start..].chars().count())
}

/// Where a problem begins and ends, from 1; `None` when the whole file is meant.
fn region(problem: &Problem, sources: &Sources) -> Option<((usize, usize), (usize, usize))> {
    let source = sources.get(&problem.file);
    match (source, problem.span, problem.line) {
        (Some(source), Some(Span { start, end }), _) if start <= end && end <= source.len() => {
            // A line that ends with the place is not the next one.
            let shown = source.get(start..end).unwrap_or_default().trim_end().len();
            Some((place(source, start), place(source, start + shown)))
        }
        (.., 0) => None,
        (.., line) => Some(((line, 1), (line, 1))),
    }
}

/// The log of one run in SARIF 2.1.0 (OASIS, 2020).
pub fn sarif(problems: &[Problem], sources: &Sources) -> Value {
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
    let result = |problem: &Problem| {
        let mut location = json!({ "artifactLocation": { "uri": uri(&problem.file) } });
        if let Some(((line, column), (end_line, end_column))) = region(problem, sources) {
            location["region"] = json!({
                "startLine": line, "startColumn": column,
                "endLine": end_line, "endColumn": end_column,
            });
        }
        json!({
            "ruleId": problem.code,
            "ruleIndex": numbers[problem.code.as_str()],
            "level": level(problem.severity),
            "message": { "text": with_help(problem) },
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
            "results": problems.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

/// A relative reference: what is special in it is escaped (RFC 3986).
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

/// A text in a workflow command; `property` for those before the message.
pub fn escape(text: &str, property: bool) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    if property { text.replace(':', "%3A").replace(',', "%2C") } else { text }
}

/// Workflow commands: annotations at the lines of a pull request.
pub fn github(problems: &[Problem], sources: &Sources) -> String {
    let mut out = String::new();
    for problem in problems {
        let kind = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let at = match region(problem, sources) {
            Some(((line, column), (end, _))) => format!(",line={line},endLine={end},col={column}"),
            None => String::new(),
        };
        let (file, title) = (escape(&problem.file, true), escape(&problem.code, true));
        let text = escape(&with_help(problem), false);
        out += &format!("::{kind} file={file}{at},title={title}::{text}\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{github, place, sarif};
    use crate::types::Problem;
    use crate::workspace::Sources;

    #[test]
    fn columns_are_characters() {
        assert_eq!(place("a\näbc", 5), (2, 3));
    }

    #[test]
    fn what_is_special_is_escaped() {
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
