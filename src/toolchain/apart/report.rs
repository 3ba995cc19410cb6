//! Reads the report of the tests' process. The candidate cannot write to it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::toolchain::{Reported, TestCase, ToolOutput};
use crate::types::Finding;

/// The report: one line.
#[derive(Deserialize)]
struct SuiteReport {
    /// The tests of the file.
    names: Vec<String>,
    /// The cases that were run.
    collected: Vec<String>,
    /// Why tests could not be collected, with the place of an error in the suite's own text.
    errors: Vec<(String, Option<String>, Option<u32>)>,
    /// Each case's phases with their outcomes.
    phases: BTreeMap<String, Vec<(String, String)>>,
    /// What did not pass.
    bad: Vec<FailedCase>,
    /// The call after which the candidate was not asked again, and why.
    broken: Option<String>,
    /// Whether that call did not end in time.
    late: bool,
    /// What fails the test, whatever came after it.
    swallowed: Option<String>,
    /// The runner's exit status.
    status: i32,
}

/// A case that did not pass: its name, outcome and message, and the place of an error in the suite's
/// own text.
#[derive(Deserialize)]
struct FailedCase(String, String, String, Option<String>, Option<u32>);

fn read(output: &ToolOutput) -> Result<SuiteReport, String> {
    let told = output.stderr.lines().next_back().and_then(|line| serde_json::from_str(line).ok());
    told.ok_or_else(|| {
        let said = output.stderr.trim();
        format!("the tests gave no report: the process {}\n{said}", output.ended)
    })
}

/// The tests of a file.
///
/// # Errors
/// They cannot be collected.
pub fn names(output: &ToolOutput) -> Result<Vec<String>, Box<Finding>> {
    let failed = |message, file: Option<String>, line| {
        let in_suite = file.is_some();
        Box::new(Finding { message, file, line, in_suite, ..Finding::default() })
    };
    let told = read(output).map_err(|why| failed(why, None, None))?;
    if let Some(call) = told.broken {
        return Err(failed(call, None, None));
    }
    match told.errors.into_iter().next() {
        Some((why, file, line)) => Err(failed(why, file, line)),
        None => Ok(told.names),
    }
}

/// The result of a test, of which all cases must pass in all phases.
pub fn result(run: &TestCase<'_>, outputs: &[ToolOutput]) -> Reported {
    let Some(output) = outputs.first() else {
        return Reported::Failed("the test did not run".to_owned());
    };
    let told = match read(output) {
        Ok(told) => told,
        Err(why) => return Reported::Failed(why),
    };
    if let Some(call) = told.broken {
        let ended = outputs.get(1).filter(|_| call.ends_with("ended the process"));
        let how = ended.map(|output| format!(" (it {})", output.ended)).unwrap_or_default();
        let message = format!("{call}{how}");
        return if told.late { Reported::Late(message) } else { Reported::Failed(message) };
    }
    if let Some(why) = told.swallowed {
        return Reported::Failed(why);
    }
    if let Some(FailedCase(case, outcome, message, file, line)) = told.bad.into_iter().next() {
        let case = case.rsplit_once('[').map(|(_, case)| format!("[{case} "));
        let mut how = if outcome == "failed" { String::new() } else { format!("it was {outcome}") };
        if !how.is_empty() && !message.is_empty() {
            how.push_str(": ");
        }
        return failed(format!("{}{how}{message}", case.unwrap_or_default()), file, line);
    }
    if let Some((why, file, line)) = told.errors.into_iter().next() {
        return failed(why, file, line);
    }
    let whole = ["setup", "call", "teardown"].map(|phase| (phase.to_owned(), "passed".to_owned()));
    let passed = |case: &String| told.phases.get(case).is_some_and(|phases| *phases == whole);
    let is_whole = told.phases.len() == told.collected.len();
    if told.collected.is_empty() || !is_whole || !told.collected.iter().all(passed) {
        return Reported::Failed(format!("{} was not run, or not once", run.name));
    }
    match told.status {
        0 => Reported::Passed,
        status => Reported::Failed(format!("the runner ended with status {status}")),
    }
}

/// A failure; one with a file is the suite's own.
fn failed(message: String, file: Option<String>, line: Option<u32>) -> Reported {
    match file {
        Some(file) => Reported::Wrong { message, file, line },
        None => Reported::Failed(message),
    }
}

#[cfg(test)]
mod tests {
    use super::{names, result};
    use crate::toolchain::{Reported, TestCase, TestProgram, ToolOutput};

    const GOOD: &str = r#"{"end": true, "status": 0, "names": ["test_a"], "collected": ["t.py::test_a"],
        "errors": [], "phases": {"t.py::test_a": [["setup", "passed"], ["call", "passed"], ["teardown", "passed"]]},
        "bad": [], "broken": null, "late": false, "swallowed": null}"#;

    fn told(text: &str) -> Reported {
        let (executable, source) = (String::new(), "t.py".to_owned());
        let program = TestProgram { executable, source, starts: Vec::new() };
        let case =
            TestCase { program: &program, name: "test_a", expected: None, nonce: "", mutant: None };
        let stderr = text.replace('\n', " ");
        result(&case, &[ToolOutput { stderr, ..ToolOutput::default() }])
    }

    #[test]
    fn only_a_whole_report_of_each_case_passes() {
        assert_eq!(told(GOOD), Reported::Passed);
        for (part, other) in [
            ("\"status\": 0", "\"status\": 5"),
            ("[\"t.py::test_a\"]", "[]"),
            ("[\"t.py::test_a\"]", "[\"t.py::test_a\", \"t.py::test_a[1]\"]"),
            (", [\"teardown\", \"passed\"]", ""),
            ("[\"call\", \"passed\"]", "[\"call\", \"skipped\"]"),
            ("[\"call\", \"passed\"]", "[\"call\", \"passed\"], [\"call\", \"passed\"]"),
            ("\"bad\": []", "\"bad\": [[\"t.py::test_a\", \"skipped\", \"later\", null, null]]"),
            ("\"errors\": []", "\"errors\": [[\"no\", null, null]]"),
            ("\"broken\": null", "\"broken\": \"a.f() ended the process\""),
            ("\"swallowed\": null", "\"swallowed\": \"no\""),
            ("\"late\": false, ", ""),
        ] {
            let other = GOOD.replacen(part, other, 1);
            assert!(matches!(told(&other), Reported::Failed(_)), "{other}");
        }
        assert!(matches!(told(""), Reported::Failed(_)));
        let late = "\"broken\": \"a.f() did not end in time\", \"late\": true";
        let late = GOOD.replace("\"broken\": null, \"late\": false", late);
        assert_eq!(told(&late), Reported::Late("a.f() did not end in time".to_owned()));
    }

    #[test]
    fn errors_in_a_suites_own_text_are_told_apart() {
        let output =
            |text: &str| ToolOutput { stderr: text.replace('\n', " "), ..Default::default() };
        assert_eq!(names(&output(GOOD)).expect("has some"), ["test_a"]);
        let own = GOOD.replace("\"errors\": []", "\"errors\": [[\"no\", \"tests/t.py\", 3]]");
        let own = names(&output(&own)).expect_err("is one");
        assert!(own.in_suite && own.line == Some(3));
    }
}
