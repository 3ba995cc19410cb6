//! Parses test results of other tools (JUnit XML, JSON lines of libtest and nextest), and finds
//! tests in files that regen does not run.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use roxmltree::Node;

use crate::toolchain;
use crate::types::{TestResult, TestStatus};

/// Parses a results file of any known format.
///
/// # Errors
/// The format is unknown; the message names the place.
pub fn read(text: &str) -> Result<Vec<TestResult>, String> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('<') { junit(text) } else { lines(text) }
}

/// Parses JUnit XML of pytest, nextest, node and others: `testcase` at any depth.
fn junit(text: &str) -> Result<Vec<TestResult>, String> {
    let tree =
        roxmltree::Document::parse(text).map_err(|error| format!("invalid JUnit XML: {error}"))?;
    let root = tree.root_element();
    if !["testsuites", "testsuite"].contains(&root.tag_name().name()) {
        return Err(format!("not JUnit XML: the root element is <{}>", root.tag_name().name()));
    }
    let cases = root.descendants().filter(|node| node.has_tag_name("testcase"));
    Ok(cases
        .map(|case| {
            let status = status(case);
            let name = case.attribute("name").unwrap_or_default();
            let class = case.attribute("classname").filter(|class| !class.is_empty());
            let name = class.map_or_else(|| name.to_owned(), |class| format!("{class}::{name}"));
            TestResult { name, status, trusted: true }
        })
        .collect())
}

/// What a case comes to: passed only if nothing says that it failed or did not run.
fn status(case: Node<'_, '_>) -> TestStatus {
    let has = |names: &[&str]| {
        case.children().any(|child| {
            names.iter().any(|name| child.tag_name().name().eq_ignore_ascii_case(name))
        })
    };
    let is = |names: &[&str], value: bool| names.iter().any(|name| flag(case, name) == Some(value));
    let words: Vec<TestStatus> = ["status", "result", "outcome"]
        .iter()
        .filter_map(|name| case.attribute(*name).map(word_of))
        .collect();
    let passed = words.contains(&TestStatus::Passed) || is(&["success"], true);
    let suites = || case.ancestors().filter(|node| node.has_tag_name("testsuite"));
    if has(&["failure", "error"])
        || words.contains(&TestStatus::Failed)
        || is(&["success"], false)
        || (has(&["rerunFailure", "rerunError"]) && !passed)
    {
        TestStatus::Failed
    } else if has(&["skipped", "disabled", "ignored"])
        || words.contains(&TestStatus::Ignored)
        || is(&["disabled", "skipped", "ignored"], true)
        || is(&["executed", "run"], false)
        || suites().any(|suite| all_are(suite, &["skipped", "skip", "disabled", "ignored"]))
    {
        TestStatus::Ignored
    } else if suites().any(|suite| all_are(suite, &["failures", "errors"])) {
        TestStatus::Failed
    } else {
        TestStatus::Passed
    }
}

/// An attribute that is true or false.
fn flag(node: Node<'_, '_>, name: &str) -> Option<bool> {
    match node.attribute(name)?.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// Whether a suite's counters say that all of its tests ended like this.
fn all_are(suite: Node<'_, '_>, counters: &[&str]) -> bool {
    let count = |name: &str| suite.attribute(name)?.trim().parse::<u32>().ok();
    let sum: u64 = counters.iter().filter_map(|name| count(name)).map(u64::from).sum();
    let is_off = counters.contains(&"disabled") && suite.attribute("disabled") == Some("true");
    is_off || count("tests").is_some_and(|all| all > 0 && sum >= all.into())
}

/// What an attribute of a case says of it; nothing, or a word for success, leaves it passed. A word
/// that is not known means that the test did not pass.
fn word_of(value: &str) -> TestStatus {
    match value.to_ascii_lowercase().as_str() {
        "" | "run" | "completed" | "complete" | "passed" | "pass" | "success" | "successful"
        | "succeeded" | "ok" => TestStatus::Passed,
        "failed" | "fail" | "failure" | "error" | "errored" | "broken" => TestStatus::Failed,
        _ => TestStatus::Ignored,
    }
}

/// `{"type":"test","event":"ok","name":"…"}`, one per line.
fn lines(text: &str) -> Result<Vec<TestResult>, String> {
    let mut results = Vec::new();
    let mut events = 0;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value: serde_json::Value = serde_json::from_str(line).map_err(|error| {
            format!("neither JUnit XML nor JSON lines: line {}: {error}", number + 1)
        })?;
        events += usize::from(value.get("event").is_some());
        let field = |name: &str| value.get(name).and_then(|field| field.as_str());
        let status = match (field("type"), field("event")) {
            (Some("test"), Some("ok")) => TestStatus::Passed,
            (Some("test"), Some("failed")) => TestStatus::Failed,
            (Some("test"), Some("timeout")) => TestStatus::TimedOut,
            (Some("test"), Some("ignored")) => TestStatus::Ignored,
            _ => continue,
        };
        // Nextest writes `binary$name`.
        let name = field("name").unwrap_or_default().replace('$', "::");
        results.push(TestResult { name, status, trusted: true });
    }
    match events {
        0 => Err("neither JUnit XML nor JSON lines: no results".to_owned()),
        _ => Ok(results),
    }
}

/// The tests in a hand-written file: by the language's rules if known, else by names that look like
/// tests and by titles that name a clause.
pub fn tests(file: &str, text: &str) -> Vec<String> {
    let of_language = toolchain::natives().find_map(|native| native.tests_in(file, text));
    if let Some(tests) = of_language {
        return tests;
    }
    static FOUND: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\bdef (test_\w+)|\bfunc (Test\w+)|(test_id: \w+)")
            .expect("the pattern is a constant")
    });
    let found = FOUND.captures_iter(text);
    found
        .filter_map(|one| one.iter().skip(1).flatten().next().map(|one| one.as_str().to_owned()))
        .collect()
}

/// The `test_id`s that a test covers: by its leaf name (pytest adds the prefix `test_` and
/// parameters), and by a title with `test_id: NAME`.
pub fn ids(test: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let own = |text: &str| text.split(|c| !word(c)).next().unwrap_or_default().to_owned();
    let titles = test.match_indices("test_id:");
    let mut ids: BTreeSet<String> =
        titles.map(|(at, mark)| own(test[at + mark.len()..].trim_start())).collect();
    let leaf = leaf(test);
    // A title with blanks names a clause only through `test_id:`. Text after two underscores
    // distinguishes tests of one clause.
    let first = |leaf: &str| leaf.split("__").next().unwrap_or(leaf).to_owned();
    if !leaf.contains(' ') {
        ids.insert(first(leaf));
        ids.extend(leaf.strip_prefix("test_").map(first));
    }
    ids.remove("");
    ids
}

/// A test's leaf name, without modules, classes and parameters.
pub fn leaf(test: &str) -> &str {
    let leaf = test.split('[').next().unwrap_or(test);
    let (around, leaf) = leaf.rsplit_once("::").unwrap_or(("", leaf));
    // rstest puts the cases of a test below its name.
    let case = leaf
        .strip_prefix("case_")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let leaf =
        if case && !around.is_empty() { around.rsplit("::").next().unwrap_or(leaf) } else { leaf };
    if leaf.contains(' ') { leaf } else { leaf.rsplit(['.', '$']).next().unwrap_or(leaf) }
}

#[cfg(test)]
mod tests {
    use super::{ids, read, tests};
    use crate::types::TestStatus::{Failed, Ignored, Passed};

    #[test]
    fn results_of_pytest_nextest_and_node() {
        let pytest = "<?xml version=\"1.0\" encoding=\"utf-8\"?><testsuites name=\"pytest tests\"><testsuite name=\"pytest\" \
            errors=\"0\" failures=\"1\"><testcase classname=\"test_a\" name=\"test_adds[1-2]\" time=\"0.001\" />\
            <testcase classname=\"test_a.TestB\" name=\"test_takes\"><failure message=\"assert 1 == 2\">x</failure></testcase>\
            <testcase classname=\"test_a\" name=\"test_later\"><skipped type=\"pytest.skip\" message=\"no\"/></testcase>\
            </testsuite></testsuites>";
        let nextest = "<testsuites name=\"nextest-run\"><testsuite name=\"adder::it\"><testcase name=\"deep::adds__one\" \
            classname=\"adder::it\" time=\"0.1\"></testcase></testsuite></testsuites>";
        let node = "<testsuites><testsuite name=\"adder\"><testcase name=\"it adds (test_id: adds)\" classname=\"test\"/>\
            </testsuite></testsuites>";
        let libtest = "{ \"type\": \"suite\", \"event\": \"started\", \"test_count\": 1 }\n\
            { \"type\": \"test\", \"name\": \"adder::it$adds\", \"event\": \"failed\" }\n";
        let attributes = "<testsuite><testcase name=\"off\" status=\"notrun\" result=\"suppressed\"/>\
            <testcase name=\"late\" status=\"run\" result=\"skipped\"/><testcase name=\"no\" status=\"disabled\"/>\
            <testcase name=\"bad\" status=\"FAIL\"/><testcase name=\"good\" status=\"run\" result=\"completed\"/></testsuite>";
        for (text, id, expected) in [
            (attributes, "off", Some(Ignored)),
            (attributes, "late", Some(Ignored)),
            (attributes, "no", Some(Ignored)),
            (attributes, "bad", Some(Failed)),
            (attributes, "good", Some(Passed)),
            (pytest, "adds", Some(Passed)),
            (pytest, "takes", Some(Failed)),
            (pytest, "later", Some(Ignored)),
            (pytest, "add", None),
            (nextest, "adds", Some(Passed)),
            (node, "adds", Some(Passed)),
            (node, "add", None),
            (node, "it", None),
            (libtest, "adds", Some(Failed)),
            (&libtest.replace("it$adds", "it::adds::case_1_more"), "adds", Some(Failed)),
        ] {
            let results = read(text).expect("is one of them");
            let found = results.iter().find(|result| ids(&result.name).contains(id));
            assert_eq!(found.map(|result| result.status), expected, "{id}: {results:?}");
        }
        for wrong in [
            "",
            "[1,2]",
            "<html/>",
            "<testsuites",
            "plain text",
            "<!DOCTYPE x [<!ENTITY a \"b\">]><testsuites/>",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_case_that_did_not_run_or_failed_has_not_passed() {
        for (attributes, child, expected) in [
            ("", "", Passed),
            ("disabled='false' executed='True' run='true' success='True'", "", Passed),
            ("disabled='true'", "", Ignored),
            ("skipped='True'", "", Ignored),
            ("ignored='true'", "", Ignored),
            ("executed='False'", "", Ignored),
            ("run='false'", "", Ignored),
            ("success='false'", "", Failed),
            ("", "<ignored/>", Ignored),
            ("", "<Skipped/>", Ignored),
            ("", "<rerunFailure message='no'/>", Failed),
            ("status='passed'", "<rerunFailure/>", Passed),
            ("", "<flakyFailure/>", Passed),
            ("", "<system-out/>", Passed),
        ] {
            let case = format!("<testcase name='a' {attributes}>{child}</testcase>");
            let results = read(&format!("<testsuite>{case}</testsuite>")).expect("is JUnit");
            assert_eq!(results[0].status, expected, "{case}");
        }
        for (counters, expected) in [
            ("tests=\"2\" skipped=\"0\" failures=\"0\"", Passed),
            ("tests=\"2\" skipped=\"1\"", Passed),
            ("tests=\"2\" skipped=\"2\"", Ignored),
            ("tests=\"2\" disabled=\"2\"", Ignored),
            ("tests=\"2\" errors=\"1\" failures=\"1\"", Failed),
            ("tests=\"0\" skipped=\"0\"", Passed),
        ] {
            let cases = "<testcase name=\"a\"/><testcase name=\"b\"/>";
            let text =
                format!("<testsuites><testsuite {counters}>{cases}</testsuite></testsuites>");
            let results = read(&text).expect("is JUnit");
            assert!(results.iter().all(|one| one.status == expected), "{counters}: {results:?}");
        }
    }

    #[test]
    fn tests_in_files() {
        let rust = "mod a { #[test] fn one() {} #[tokio::test] async fn two() {} fn not() {} #[test] #[ignore] fn off() {} }";
        assert_eq!(tests("a.rs", rust), ["a::one", "a::two"]);
        let macros = "proptest! { #![proptest_config(c())]\n #[test] fn any(n in 0..9u8) { assert!(n < 9); } fn no() {} }\n\
            #[rstest] #[case(1)] fn cases(#[case] n: u8) {}\n#[cfg(test)] fn no() {}\n#[ignore] #[test] fn off() {}\n\
            #[test] fn on() {}\nmacro_rules! m { ($n:ident) => { #[test] fn $n() {} } }\n";
        assert_eq!(tests("a.rs", macros), ["cases", "on", "any"]);
        assert_eq!(tests("a.rs", "fn a( {"), [""; 0]);
        assert_eq!(tests("a.py", "def test_adds():\n    pass\n"), ["test_adds"]);
        let title = "adds (test_id: adds)";
        assert_eq!(tests("a.test.ts", "it('adds (test_id: adds)', () => {})"), [title]);
    }
}
