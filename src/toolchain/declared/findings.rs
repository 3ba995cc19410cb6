//! Reads what the tools of a declared toolchain found.

use regex::Regex;
use serde_json::Value;

use super::file::ReportFormat;
use crate::toolchain::{ToolOutput, results};
use crate::types::{Finding, GateName, TestStatus};

/// How one gate's output is read.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    /// The format.
    pub format: ReportFormat,
    /// The pattern of a line.
    pub pattern: Option<Regex>,
}

impl Reader {
    /// The findings in an output. `root` is the candidate's folder there. A report that cannot be
    /// read is a finding too: what was not looked at is not passed.
    pub fn read(&self, gate: &GateName, output: &ToolOutput, root: &str) -> Vec<Finding> {
        let found = match self.format {
            ReportFormat::Lines => Ok(self.lines(output, root)),
            ReportFormat::Sarif => sarif(&output.stdout, root),
            ReportFormat::Junit | ReportFormat::Libtest => tests(&output.stdout),
            ReportFormat::Tap => tap(&output.stdout),
        };
        let mut found = found.unwrap_or_else(|why| {
            let message = format!("the report of `{gate}` cannot be read: {why}");
            vec![Finding { rule: "report".to_owned(), message, ..Finding::default() }]
        });
        for one in &mut found {
            gate.clone_into(&mut one.gate);
            if one.rule.is_empty() {
                one.rule = gate.to_string();
            }
        }
        found
    }

    fn lines(&self, output: &ToolOutput, root: &str) -> Vec<Finding> {
        let Some(pattern) = &self.pattern else { return Vec::new() };
        let lines = output.stdout.lines().chain(output.stderr.lines());
        let read = |line: &str| {
            let found = pattern.captures(line)?;
            let part = |name: &str| found.name(name).map(|part| part.as_str().trim().to_owned());
            Some(Finding {
                rule: part("rule").unwrap_or_default(),
                file: part("file").map(|file| relative(&file, root)),
                line: part("line").and_then(|line| line.parse().ok()),
                message: part("message").unwrap_or_else(|| line.trim().to_owned()),
                ..Finding::default()
            })
        };
        lines.filter_map(read).collect()
    }
}

/// A path as one below the candidate's root.
fn relative(path: &str, root: &str) -> String {
    let path = path.strip_prefix("file://").unwrap_or(path);
    let path = path.strip_prefix(root).map_or(path, |rest| rest.trim_start_matches('/'));
    path.trim_start_matches("./").to_owned()
}

/// The results of a SARIF report that are errors or warnings.
fn sarif(text: &str, root: &str) -> Result<Vec<Finding>, String> {
    let report: Value = serde_json::from_str(text).map_err(|why| why.to_string())?;
    let runs = report["runs"].as_array().ok_or("it has no `runs`")?;
    let results = runs.iter().flat_map(|run| run["results"].as_array().into_iter().flatten());
    let counts = |one: &&Value| !matches!(one["level"].as_str(), Some("none" | "note"));
    let read = |one: &Value| {
        let place = &one["locations"][0]["physicalLocation"];
        let file = place["artifactLocation"]["uri"].as_str();
        let line = place["region"]["startLine"].as_u64();
        Finding {
            rule: one["ruleId"].as_str().unwrap_or_default().to_owned(),
            file: file.map(|file| relative(file, root)),
            line: line.and_then(|line| u32::try_from(line).ok()),
            message: one["message"]["text"].as_str().unwrap_or_default().to_owned(),
            ..Finding::default()
        }
    };
    Ok(results.filter(counts).map(read).collect())
}

/// The tests of a report that did not pass.
fn tests(text: &str) -> Result<Vec<Finding>, String> {
    let results = results::read(text)?;
    if results.is_empty() {
        return Err("it has no tests".to_owned());
    }
    let failed = results.into_iter().filter(|one| one.status != TestStatus::Passed);
    let finding = |name: String| {
        let message = format!("the test `{name}` did not pass");
        Finding { rule: name, message, ..Finding::default() }
    };
    Ok(failed.map(|one| finding(one.name)).collect())
}

/// The same for TAP: as many results as its plan says.
fn tap(text: &str) -> Result<Vec<Finding>, String> {
    let (mut plan, mut seen, mut found) = (None, 0_u64, Vec::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("1..") {
            let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
            plan = number.parse::<u64>().ok();
        } else if line.starts_with("Bail out!") {
            return Err(line.to_owned());
        } else if line == "ok" || line.starts_with("ok ") || line.starts_with("not ok") {
            seen += 1;
            let upper = line.to_ascii_uppercase();
            if line.starts_with("not ok") || upper.contains("# SKIP") || upper.contains("# TODO") {
                found.push(Finding { message: line.to_owned(), ..Finding::default() });
            }
        }
    }
    match plan {
        Some(plan) if plan == seen && plan > 0 => Ok(found),
        Some(plan) => Err(format!("it has {seen} results, its plan says {plan}")),
        None => Err("it has no plan".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: ReportFormat, pattern: Option<&str>, stdout: &str) -> Vec<String> {
        let pattern = pattern.map(|text| Regex::new(text).expect("is right"));
        let output = ToolOutput { stdout: stdout.to_owned(), ..ToolOutput::default() };
        let found = Reader { format, pattern }.read(&"check".into(), &output, "/src");
        let shown = |one: Finding| {
            let (file, line) = (one.file.unwrap_or_default(), one.line.unwrap_or(0));
            format!("{file}:{line} {}: {}", one.rule, one.message)
        };
        found.into_iter().map(shown).collect()
    }

    #[test]
    fn lines_have_file_line_rule_and_message() {
        let pattern = r"^(?P<file>\S+?):(?P<line>\d+): (?P<rule>\w+): (?P<message>.*)$";
        let text = "/src/a.c:3: E1: no\n./b.c:4: E2: too\nother\n";
        let told = read(ReportFormat::Lines, Some(pattern), text);
        assert_eq!(told, ["a.c:3 E1: no", "b.c:4 E2: too"]);
    }

    #[test]
    fn reports_are_read_whole_or_are_findings() {
        let sarif = r#"{"runs":[{"results":[{"ruleId":"r","message":{"text":"m"},"locations":[{"physicalLocation":
            {"artifactLocation":{"uri":"file:///src/a.c"},"region":{"startLine":7}}}]},
            {"level":"note","message":{"text":"n"}}]}]}"#;
        assert_eq!(read(ReportFormat::Sarif, None, sarif), ["a.c:7 r: m"]);
        let junit =
            "<testsuite><testcase name='a'/><testcase name='b'><failure/></testcase></testsuite>";
        assert_eq!(read(ReportFormat::Junit, None, junit), [":0 b: the test `b` did not pass"]);
        assert_eq!(
            read(ReportFormat::Tap, None, "1..2\nok 1 - a\nnot ok 2 - b\n"),
            [":0 check: not ok 2 - b"]
        );
        for (format, text) in [
            (ReportFormat::Sarif, "{}"),
            (ReportFormat::Junit, "<testsuite/>"),
            (ReportFormat::Libtest, "x"),
            (ReportFormat::Tap, "1..2\nok 1\n"),
            (ReportFormat::Tap, "1..0\n"),
            (ReportFormat::Tap, ""),
        ] {
            assert_eq!(read(format, None, text).len(), 1, "{text}");
        }
        assert_eq!(read(ReportFormat::Tap, None, "1..1\nok 1 - a # SKIP no\n").len(), 1);
    }
}
