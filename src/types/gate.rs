//! Reports of gates, and conclusions from them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::text::visible;
use super::{
    Assurance, ClauseId, Digest, Failure, Isolation, Resource, SampleCount, problem::shortened,
};
use crate::types::GateName;

/// One finding of a gate, usable by models and people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Finding {
    /// The gate.
    pub gate: GateName,
    /// The rule, lint or test.
    pub rule: String,
    /// The file, relative to the candidate's root or the workspace.
    pub file: Option<String>,
    /// Line from 1.
    pub line: Option<u32>,
    /// The problem.
    pub message: String,
    /// Affected clauses.
    pub clauses: Vec<ClauseId>,
    /// The remedy.
    pub remedy: Option<String>,
    /// The value that a comparison of a test was given, and the one that it requires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<(String, String)>,
    /// An error in the text of a suite or an example, for another cause than a name that the
    /// candidate does not have.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_suite: bool,
    /// The rule is a lint, which the user can allow.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lint: bool,
}

/// The result of one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestStatus {
    /// It passed.
    Passed,
    /// It failed, or ended without a report.
    Failed,
    /// It was listed but marked `#[ignore]`.
    Ignored,
    /// It exceeded its time limit.
    TimedOut,
}

/// One test in a gate's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// Full name, `suite::module::name`.
    pub name: String,
    /// Its result.
    pub status: TestStatus,
    /// Whether the harness or the user wrote it; a candidate's own tests cover no clause.
    pub trusted: bool,
}

/// The rule of a test that passes without an implementation.
pub const VACUOUS: &str = "vacuous";

/// The rule of a test of behaviour that is wrong by itself, whatever is answered.
pub const TEST_ERROR: &str = "test_error";

/// The rule of code that handles the input of a test by itself.
pub const QUOTES_TESTS: &str = "quotes_tests";

/// The rule of notes on calls whose results differ between the targets of a spec.
pub const DIFFERS: &str = "differs";

/// The rules of notes, which reject only if the user says so.
pub const NOTES: [&str; 2] = [QUOTES_TESTS, DIFFERS];

/// What a candidate gave for a generated call of its contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The call.
    pub call: String,
    /// The result, with floats of 9 digits, or that it trapped.
    pub value: String,
    /// The clauses whose examples call the function.
    pub clauses: Vec<ClauseId>,
}

/// Whether a test was seen to fail without the implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Red {
    /// It was.
    Seen,
    /// It passes with any code.
    Vacuous,
    /// Inconclusive.
    Undecided,
}

/// The red proof of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedProof {
    /// The test's full name.
    pub test: String,
    /// The digest of the test's definition: an unchanged test is proven once.
    pub key: Digest,
    /// Whether it was seen to fail.
    pub red: Red,
}

/// The result of a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// Passed.
    Pass,
    /// Failed; the findings tell why.
    Fail,
    /// Two runs over the same bytes had different results.
    Flaky,
    /// It exceeded its time limit; the candidate's fault.
    Timeout,
    /// Its programs exceeded a resource limit; the candidate's fault.
    Limit {
        /// The resource.
        resource: Resource,
    },
    /// The environment failed; says nothing about the candidate.
    Error {
        /// What failed, and what to do.
        message: String,
        /// The class, if a model under test gave no answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// It did not run.
    Skipped {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// The outcome's name for tables and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Flaky => "flaky",
            Self::Timeout => "timeout",
            Self::Limit { .. } => "limit",
            Self::Error { .. } => "error",
            Self::Skipped { .. } => "skipped",
        }
    }
}

/// A gate's report on one candidate. A failing gate is a value, never an `Err`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateReport {
    /// The gate.
    pub gate: GateName,
    /// The tree it ran over; the report counts for no other.
    pub tree: Digest,
    /// Whether acceptance depends on it.
    pub required: bool,
    /// Its outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Its findings.
    pub findings: Vec<Finding>,
    /// The tests it ran.
    pub tests: Vec<TestResult>,
    /// Red proofs of tests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub red: Vec<RedProof>,
    /// Results of generated calls, to compare with those of the spec's other targets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observed: Vec<Observed>,
    /// What samples of a model's answers showed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<SampleCount>,
    /// Wall-clock time in milliseconds.
    pub elapsed_ms: u64,
    /// The isolation level of its programs.
    #[serde(default)]
    pub isolation: Isolation,
    /// The tools of the machine that ran it, by their own names.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tools: String,
    /// With which assurance its tests were judged; absent for gates without tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assurance: Option<Assurance>,
    /// The object with its output.
    pub evidence: Option<Digest>,
}

impl GateReport {
    /// The tests that were never seen to fail without the implementation.
    pub fn unproven(reports: &[Self]) -> Vec<String> {
        let tests = reports.iter().flat_map(|report| &report.red);
        let open: BTreeSet<&str> =
            tests.filter(|proof| proof.red != Red::Seen).map(|proof| &*proof.test).collect();
        open.into_iter().map(str::to_owned).collect()
    }

    /// What samples showed, by test, as the lockfile has it.
    pub fn sampled(reports: &[Self]) -> BTreeMap<String, String> {
        let all = reports.iter().flat_map(|report| &report.samples);
        all.map(|count| (count.test.clone(), count.to_string())).collect()
    }

    /// The weakest assurance of the gates that ran tests.
    pub fn weakest(reports: &[Self]) -> Option<Assurance> {
        let ran = reports.iter().filter(|one| !matches!(one.outcome, Outcome::Skipped { .. }));
        ran.filter_map(|report| report.assurance.clone()).reduce(Assurance::weakest)
    }

    /// Whether an error may not come again. What a model's server refuses, or a limit, stays.
    pub fn may_pass(&self) -> bool {
        let Outcome::Error { failure, .. } = self.outcome else { return true };
        failure.is_none_or(Failure::may_pass)
    }

    /// Whether it has no result because an answer of the model under test is not known.
    pub fn lacks_recordings(&self) -> bool {
        let missing = Some(Failure::CassetteMiss);
        matches!(self.outcome, Outcome::Error { failure, .. } if failure == missing)
    }

    /// Whether the pipeline continues: it passed, was advisory, or was skipped.
    pub fn lets_through(&self) -> bool {
        matches!(self.outcome, Outcome::Pass | Outcome::Skipped { .. })
            || (!self.required && !matches!(self.outcome, Outcome::Error { .. }))
    }
}

/// Who is at fault for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// The spec: contradicting clauses, or an example that does not compile.
    Spec,
    /// The model's answer.
    Model,
    /// A gate without reliable results.
    Gate,
    /// The environment.
    Environment,
    /// The model's server.
    Generator,
    /// The budget.
    Budget,
}

/// Why a candidate or a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Who is at fault.
    pub fault: Fault,
    /// One sentence.
    pub summary: String,
    /// The affected clauses.
    pub clauses: Vec<ClauseId>,
    /// The findings, most important first.
    pub findings: Vec<Finding>,
    /// Equal for equal failures, independent of paths, times and numbers in the messages.
    pub fingerprint: Option<Digest>,
}

impl Diagnosis {
    /// The summary for people: ``gate `test` failed: …`` for the ledger's `gate test: fail: …`.
    pub fn told(&self) -> String {
        let parts = self.summary.strip_prefix("gate ").and_then(|rest| {
            let (gate, rest) = rest.split_once(": ")?;
            let (word, why) = rest.split_once(": ")?;
            let word = match word {
                "fail" => "failed",
                "flaky" => "is flaky",
                "timeout" => "timed out",
                "limit" => "exceeded a limit",
                _ => return None,
            };
            Some(format!("gate `{gate}` {word}: {why}"))
        });
        parts.unwrap_or_else(|| self.summary.clone())
    }
}

/// A judgement in the ledger. Only a record: promotion derives the verdict again from the reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Judgement {
    /// Every required gate passed over exactly this tree.
    Accept,
    /// A gate refused the candidate.
    Refuse {
        /// Why.
        diagnosis: Diagnosis,
    },
    /// The environment failed; the candidate is not to blame.
    Unsound {
        /// Why.
        diagnosis: Diagnosis,
    },
}

/// Removes a root folder from paths in a text.
fn without(text: &str, root: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(root) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        if out.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/')) {
            out.push_str(root);
        }
        rest = &found[root.len()..];
    }
    out + rest
}

/// Removes variable parts from a tool's output: ANSI codes, temporary roots, thread numbers,
/// addresses, times. Cuts it to `limits::FINDING_BYTES`.
pub fn clean(text: &str, roots: &[&str]) -> String {
    static NOISE: LazyLock<[(Regex, &str); 5]> = LazyLock::new(|| {
        let pattern = |text| Regex::new(text).expect("the pattern is a constant");
        [
            (pattern(r"\x1b\[[0-9;?]*[A-Za-z]"), ""),
            (pattern(r"(thread '[^']*') \(\d+\)"), "$1"),
            (pattern(r"0x[0-9a-f]{6,16}\b"), "0x…"),
            (pattern(r"(?m)^note: run with `RUST_BACKTRACE=1`.*\n?"), ""),
            (pattern(r"finished in \d+(\.\d+)?s"), "finished"),
        ]
    });
    let mut text = text.to_owned();
    for root in roots.iter().filter(|root| root.len() > 1) {
        text = without(&text, &format!("{}/", root.trim_end_matches('/')));
    }
    for (pattern, by) in NOISE.iter() {
        text = pattern.replace_all(&text, *by).into_owned();
    }
    visible(&shortened(text.trim().to_owned()))
}
