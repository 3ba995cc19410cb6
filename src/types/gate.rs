//! What gates say, and what is concluded from it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::text::visible;
use super::{ClauseId, Digest, Isolation, Resource, problem::shortened};
use crate::types::GateName;

/// One thing a gate found, in a form a model and a person can act on.
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
    /// What is wrong.
    pub message: String,
    /// Clauses it touches.
    pub clauses: Vec<ClauseId>,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// How one test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestStatus {
    /// It ran and reported success.
    Passed,
    /// It reported failure, or ended without a report.
    Failed,
    /// It was listed but marked `#[ignore]`.
    Ignored,
    /// It ran into its time limit.
    TimedOut,
}

/// One test as a gate saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// Full name, `suite::module::name`.
    pub name: String,
    /// How it ended.
    pub status: TestStatus,
    /// Whether the harness or the user wrote it; a candidate's own tests prove no clause.
    pub trusted: bool,
}

/// The rule of a test that passes without an implementation.
pub const VACUOUS: &str = "vacuous";

/// Whether a test was seen to fail without the implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Red {
    /// It was.
    Seen,
    /// It passes whatever the code does.
    Vacuous,
    /// Neither could be shown.
    Undecided,
}

/// What is known of a test's failing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedProof {
    /// The test's full name.
    pub test: String,
    /// The digest of what the test is: an unchanged one is proven once.
    pub key: Digest,
    /// Whether it was seen to fail.
    pub red: Red,
}

/// How a gate ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// It ran and holds.
    Pass,
    /// It ran and does not hold; the findings say why.
    Fail,
    /// Two runs over the same bytes disagreed.
    Flaky,
    /// It ran into its time limit: the candidate's fault.
    Timeout,
    /// Its programs used more of something than they may: the candidate's fault.
    Limit {
        /// What they used up.
        resource: Resource,
    },
    /// The environment failed; says nothing about the candidate.
    Error {
        /// What failed, and what to do.
        message: String,
    },
    /// It did not run.
    Skipped {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// The word for tables and logs.
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

/// What one gate said about one candidate. A failing gate is data, never an `Err`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateReport {
    /// The gate.
    pub gate: GateName,
    /// The tree it was run over: a report for other bytes counts for nothing.
    pub tree: Digest,
    /// Whether acceptance depends on it.
    pub required: bool,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What it found.
    pub findings: Vec<Finding>,
    /// The tests it ran.
    pub tests: Vec<TestResult>,
    /// Which tests were seen to fail without the implementation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub red: Vec<RedProof>,
    /// Wall time in milliseconds.
    pub elapsed_ms: u64,
    /// How strongly its programs were kept apart.
    #[serde(default)]
    pub isolation: Isolation,
    /// The tools of the machine that ran it, as they name themselves.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tools: String,
    /// The object that keeps its output.
    pub evidence: Option<Digest>,
}

impl GateReport {
    /// The tests that no gate saw fail without the implementation.
    pub fn unproven(reports: &[Self]) -> Vec<String> {
        let tests = reports.iter().flat_map(|report| &report.red);
        let open: BTreeSet<&str> =
            tests.filter(|proof| proof.red != Red::Seen).map(|proof| &*proof.test).collect();
        open.into_iter().map(str::to_owned).collect()
    }

    /// Whether the pipeline goes on behind it: it passed, or it was advisory, or had nothing to do.
    pub fn lets_through(&self) -> bool {
        matches!(self.outcome, Outcome::Pass | Outcome::Skipped { .. })
            || (!self.required && !matches!(self.outcome, Outcome::Error { .. }))
    }
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// Clauses that cannot hold together, or an example that does not compile.
    Spec,
    /// The model's answer.
    Model,
    /// A gate that gives no reliable answer.
    Gate,
    /// The machine.
    Environment,
    /// The server that should have answered.
    Generator,
    /// The budget.
    Budget,
}

/// Why a candidate or a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Whose fault.
    pub fault: Fault,
    /// One sentence.
    pub summary: String,
    /// The clauses concerned.
    pub clauses: Vec<ClauseId>,
    /// The findings behind it, most telling first.
    pub findings: Vec<Finding>,
    /// Equal for equal failures, whatever the paths, times and numbers in the messages.
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

/// What the judge said, as the ledger keeps it. It is a record: promotion needs the verdict itself,
/// which is made again from the reports.
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

/// Takes a root out of a text, where it is one: not in the middle of another path.
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

/// Takes out of a tool's text what changes from run to run and says nothing: ANSI codes, the roots
/// of temporary folders, thread numbers, addresses, running times. Cuts it to
/// `limits::FINDING_BYTES`.
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
