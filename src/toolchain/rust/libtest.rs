//! Runs libtest programs and parses their reports.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;

use super::console;
use crate::toolchain::shared::console::compare;
use crate::toolchain::{
    Expansion, Places, Reported, Sees, TestCase, TestProgram, ToolCommand, ToolOutput,
};
use crate::types::{Resource, limits};

/// The command that lists a program's tests.
pub fn list(program: &TestProgram, places: &Places) -> ToolCommand {
    command(program, &["--list", "--format", "terse"], places)
}

/// The command that runs one test with a JSON report. Its input is the nonce.
pub fn run(case: &TestCase<'_>, places: &Places) -> ToolCommand {
    let below = format!("{}::", case.name);
    let which: &[&str] = if has_cases(case) { &[&below] } else { &["--exact", case.name] };
    let report = ["--format", "json", "-Z", "unstable-options", "--test-threads=1"];
    let mut command = command(case.program, &[which, &report].concat(), places);
    command.stdin = Some(case.nonce.as_bytes().to_vec());
    command.env.extend(case.mutant.map(|(name, value)| (name.to_owned(), value.to_owned())));
    command
}

fn command(program: &TestProgram, args: &[&str], places: &Places) -> ToolCommand {
    let mut env = vec![
        ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("CARGO_MANIFEST_DIR".to_owned(), places.source.display().to_string()),
        // Allows JSON output of the stable test runner. Only test programs get this; with it cargo
        // would allow unstable features in the candidate.
        ("RUSTC_BOOTSTRAP".to_owned(), "1".to_owned()),
    ];
    // As cargo does; suites would otherwise search beside their own program.
    env.extend(program.starts.iter().map(|path| {
        let name = path.rsplit('/').next().unwrap_or_default();
        (format!("CARGO_BIN_EXE_{name}"), path.clone())
    }));
    ToolCommand {
        program: PathBuf::from(&program.executable),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        env,
        sees: Sees::Itself(program.starts.clone()),
        ..ToolCommand::default()
    }
}

/// Parses the output of a test's process. A trusted test passed only if it printed the nonce at its
/// end.
pub fn reported(case: &TestCase<'_>, output: &ToolOutput) -> Reported {
    let text = &output.stdout;
    let seals = text.lines().filter(|line| *line == case.nonce).count();
    let (report, required) =
        if has_cases(case) { read_cases(text, case.name) } else { (read_test(text, case.name), 1) };
    let whole = case.expected.is_none() || seals >= required;
    match (report, output.status) {
        (Some(Reported::Passed), Some(0)) if whole => {
            let steps = case.expected.and_then(|test| test.transcript.as_deref());
            match compare(steps.unwrap_or_default(), &console::told(text)) {
                Ok(()) => Reported::Passed,
                Err(why) => Reported::Failed(why),
            }
        }
        (Some(Reported::Ignored), Some(0)) => Reported::Ignored,
        (Some(Reported::Failed(message)), _) => Reported::Failed(message),
        (report, _) => {
            let printed = text.replace(case.nonce, "") + &output.stderr;
            // What the library reports is for programs.
            let own =
                |line: &&str| !line.starts_with("{ \"type\":") && !line.starts_with("{\"type\":");
            let printed = printed.lines().filter(own).collect::<Vec<_>>().join("\n");
            let how = match report {
                Some(Reported::Passed) if !whole => "before the test reached its end, with a",
                Some(_) => "against the",
                None => "without a",
            };
            Reported::Failed(format!(
                "the test's process {} {how} report of its own; it printed: {}",
                output.ended,
                printed.trim()
            ))
        }
    }
}

/// The sides of a comparison that failed, as the library or a transcript prints them.
pub fn compared(message: &str) -> Option<(String, String)> {
    let side = |name: &str| message.lines().find_map(|line| line.trim_start().strip_prefix(name));
    let cut = |text: &str| text.trim().chars().take(limits::SHOWN_VALUE).collect();
    Some((cut(side("left:")?), cut(side("right:")?)))
}

/// The exceeded limit, from the OS error in a message of Rust's standard library.
pub fn exhausted(message: &str) -> Option<Resource> {
    let (_, rest) = message.split_once("(os error ").or(message.split_once("Os { code: "))?;
    match rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()? {
        11 if message.contains("spawn") => Some(Resource::Processes),
        12 => Some(Resource::Memory),
        24 => Some(Resource::OpenFiles),
        27 => Some(Resource::FileSize),
        28 => Some(Resource::Disk),
        _ => None,
    }
}

#[derive(Deserialize)]
struct TestLine {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    message: String,
}

/// Parses libtest's JSON of a process that ran exactly `test`. `None` without exactly one report of
/// that test.
pub fn read_test(output: &str, test: &str) -> Option<Reported> {
    let mut reports = output
        .lines()
        .filter_map(|line| serde_json::from_str::<TestLine>(line).ok())
        .filter(|line| line.kind == "test" && line.name == test && line.event != "started");
    let report = reports.next()?;
    if reports.next().is_some() {
        return None;
    }
    match report.event.as_str() {
        "ok" => Some(Reported::Passed),
        "ignored" => Some(Reported::Ignored),
        "failed" | "timeout" => Some(Reported::Failed(report.stdout + &report.message)),
        _ => None,
    }
}

/// Whether a test is a function with cases, which run in one process.
fn has_cases(case: &TestCase<'_>) -> bool {
    case.expected.is_some_and(|test| test.expansion == Expansion::Cases)
}

/// The reports of all cases of a function as one, and how many passed. `None` unless each case that
/// started has one report.
fn read_cases(output: &str, test: &str) -> (Option<Reported>, usize) {
    let below = format!("{test}::");
    let lines = output.lines().filter_map(|line| serde_json::from_str::<TestLine>(line).ok());
    let lines: Vec<TestLine> =
        lines.filter(|line| line.kind == "test" && line.name.starts_with(&below)).collect();
    let names: BTreeSet<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    let mut reports: Vec<Option<Reported>> =
        names.into_iter().map(|name| read_test(output, name)).collect();
    let passed = reports.iter().filter(|one| **one == Some(Reported::Passed)).count();
    let rank = |one: &Option<Reported>| match one {
        Some(Reported::Failed(_) | Reported::Late(_) | Reported::Wrong { .. }) => 0,
        None => 1,
        Some(Reported::Passed) => 2,
        Some(Reported::Ignored) => 3,
    };
    reports.sort_by_key(rank);
    (reports.into_iter().next().flatten(), passed.max(1))
}

/// Parses `--list --format terse`.
pub fn read_list(output: &str) -> Vec<String> {
    output.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{Reported, read_cases, read_list, read_test};

    #[test]
    fn a_test_counts_only_with_exactly_one_report_of_its_own() {
        let ok = r#"{"type":"test","name":"a","event":"ok"}"#;
        assert_eq!(read_test(ok, "a"), Some(Reported::Passed));
        assert_eq!(read_test(ok, "b"), None);
        assert_eq!(read_test(&format!("{ok}\n{ok}"), "a"), None);
        assert_eq!(read_test("test result: ok. 1 passed", "a"), None);
        let failed = r#"{"type":"test","name":"a","event":"failed","stdout":"boom"}"#;
        assert_eq!(read_test(failed, "a"), Some(Reported::Failed("boom".to_owned())));
    }

    #[test]
    fn cases_pass_only_together() {
        let line = |name: &str, event: &str| {
            format!("{{\"type\":\"test\",\"name\":\"{name}\",\"event\":\"{event}\"}}\n")
        };
        let both = line("a::case_1", "started") + &line("a::case_1", "ok");
        let both = both + &line("a::case_2", "started") + &line("a::case_2", "ok");
        assert_eq!(read_cases(&both, "a"), (Some(Reported::Passed), 2));
        let other = both.clone() + &line("ab::case_1", "failed") + &line("a", "failed");
        assert_eq!(read_cases(&other, "a"), (Some(Reported::Passed), 2));
        let ends = line("a::case_1", "ok") + &line("a::case_2", "started");
        assert_eq!(read_cases(&ends, "a").0, None);
        let failed = both + &line("a::case_3", "failed");
        assert!(matches!(read_cases(&failed, "a").0, Some(Reported::Failed(_))));
        assert_eq!(read_cases("", "a"), (None, 1));
    }

    #[test]
    fn lists_are_read() {
        assert_eq!(read_list("a: test\nm::b: test\nc: benchmark\n"), ["a", "m::b"]);
    }
}
