//! What the runs of the red proof say about each test.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::context::GateContext;
use super::result::{GateResult, finding};
use crate::toolchain::{Expected, Mutant};
use crate::types::{Clause, Digest, Finding, GateName, Outcome, Red, RedProof, gate::VACUOUS};

/// The gate of the proof.
pub static GATE: LazyLock<GateName> = LazyLock::new(|| "proof".into());

/// Observations of a test.
#[derive(Clone, Copy, Default)]
pub struct Learnt {
    /// It fails if every function panics.
    pub panics: bool,
    /// It fails if every function returns a default.
    pub defaults: bool,
    /// It fails on a small mutation.
    pub mutant: bool,
    /// It fails if constants have other values.
    pub constants: bool,
    /// It runs the candidate's code.
    pub reaches: bool,
    /// A run was inconclusive.
    pub unsure: bool,
}

/// The digest of a test in a target. For a user's test it covers all suites, which may share code.
pub fn key(bench: &GateContext<'_>, test: &Expected) -> Digest {
    let mut parts = vec![bench.name.to_string(), test.key.to_string()];
    if bench.suites.iter().any(|suite| suite.tests.contains(test)) {
        parts.extend(bench.suites.iter().map(|suite| suite.shown.clone()));
        let data = bench.suites.iter().filter_map(|suite| suite.bytes.as_ref());
        parts.extend(data.map(|bytes| Digest::of(bytes).to_string()));
    }
    Digest::of_parts(parts)
}

/// The proof of a test.
pub fn proof(bench: &GateContext<'_>, test: &Expected, red: Red) -> RedProof {
    RedProof { test: test.name.clone(), key: key(bench, test), red }
}

/// Observations of all tests.
pub struct Tried<'a> {
    pub tests: Vec<(&'a Expected, Learnt)>,
    /// Tests that are missing or fail with all mutations switched off.
    pub strange: Vec<&'a Expected>,
    /// How many of them failed.
    pub failed: usize,
    /// Mutations that no test detects, if all were tried.
    pub survivors: Option<Vec<Mutant>>,
    /// Whether all tests were tried, so none was proven before.
    pub whole: bool,
    /// Names of code without mutations.
    pub rest: BTreeSet<String>,
}

/// Words in a test that expects panics, starts threads that may panic, or hides the switch from a
/// program that it starts.
const APART: [&str; 4] = ["should_panic", "catch_unwind", "spawn", "env_clear"];

impl Tried<'_> {
    /// What is known about a test.
    pub fn red(&self, test: &Expected, learnt: Learnt) -> Red {
        if learnt.panics || learnt.defaults || learnt.mutant || learnt.constants {
            return Red::Seen;
        }
        let has = |word: &str| test.words.contains(word);
        // A test that starts a program does not run the code itself.
        let reaches = learnt.reaches || test.transcript.is_some() || has("Command");
        let open = learnt.unsure
            || if reaches {
                self.survivors.is_none() || APART.into_iter().any(has)
            } else {
                test.words.iter().any(|word| self.rest.contains(word))
            };
        if open { Red::Undecided } else { Red::Vacuous }
    }

    /// The gate's result.
    pub fn conclude(self, bench: &GateContext<'_>) -> GateResult {
        let mut seen = GateResult::default();
        if self.tests.is_empty() && self.failed > 0 && self.failed == self.strange.len() {
            let why = "every test fails where the code is compiled with changes that are not made";
            seen.findings.push(unprovable(why, None));
        }
        for test in &self.strange {
            let why = format!("the test {} fails with all mutations switched off", test.name);
            let clauses = test.clause.iter().cloned().collect();
            seen.findings.push(Finding { clauses, ..finding(&GATE, UNDECIDED, why) });
            seen.red.push(proof(bench, test, Red::Undecided));
        }
        for (test, learnt) in &self.tests {
            let red = self.red(test, *learnt);
            seen.red.push(proof(bench, test, red));
            let mut clauses = bench.spec.clauses.iter();
            let clause = clauses.find(|clause| Some(&clause.id) == test.clause.as_ref());
            let demanded = clause.is_some_and(Clause::is_demanded);
            seen.findings.extend(self.told(test, *learnt, red, demanded));
        }
        let blocks = |finding: &Finding| [VACUOUS, UNPROVABLE].contains(&finding.rule.as_str());
        seen.findings.sort_by_key(|finding| !blocks(finding));
        if !seen.findings.iter().any(blocks) {
            seen.outcome = Some(Outcome::Pass);
        }
        // Tests that were proven before, and contract examples, might detect it.
        let outside = bench.contract.visible.is_empty() && bench.contract.hidden.is_empty();
        let all = self.whole && outside && bench.console.is_empty();
        let survivors = self.survivors.into_iter().flatten().filter(|_| all);
        seen.findings.extend(survivors.map(unnoticed));
        seen
    }

    /// The finding for a test.
    fn told(&self, test: &Expected, learnt: Learnt, red: Red, demanded: bool) -> Option<Finding> {
        let name = &test.name;
        let hint = "assert the result that the clause requires";
        let weak = learnt.panics && !learnt.defaults && !learnt.mutant && self.survivors.is_some();
        let (rule, message, remedy) = match red {
            Red::Vacuous => {
                let why = if learnt.reaches {
                    "with any code"
                } else {
                    "without an implementation: it never runs the code"
                };
                let rule = if demanded { VACUOUS } else { "vacuous_undemanded" };
                (rule, format!("the test {name} passes {why}"), hint)
            }
            Red::Undecided => {
                let remedy = "call a function whose result the clause defines";
                (UNDECIDED, format!("could not make the test {name} fail"), remedy)
            }
            Red::Seen if weak && !APART.into_iter().any(|word| test.words.contains(word)) => {
                (WEAK, format!("the test {name} fails only where the code panics"), hint)
            }
            Red::Seen => return None,
        };
        Some(Finding {
            clauses: test.clause.iter().cloned().collect(),
            remedy: Some(remedy.to_owned()),
            ..finding(&GATE, rule, message)
        })
    }
}

/// The rule for a candidate whose tests cannot be proven, because of its own code.
const UNPROVABLE: &str = "unprovable";

/// The finding for a candidate that builds and passes, but not where it is mutated.
pub fn unprovable(why: &str, place: Option<(String, u32)>) -> Finding {
    let remedy = "write it in plainer Rust: the tests are proven by changing this code";
    let (file, line) = place.unzip();
    Finding {
        file,
        line,
        remedy: Some(remedy.to_owned()),
        ..finding(&GATE, UNPROVABLE, format!("the tests of this code cannot be proven: {why}"))
    }
}

/// The rule of notes on tests that could not be made fail.
pub const UNDECIDED: &str = "undecided";

/// The rule of notes on tests that fail only where the code panics.
pub const WEAK: &str = "weak";

/// The rule of notes on changes of the code that no test notices.
pub const UNNOTICED: &str = "unnoticed";

/// An undetected mutation.
pub fn unnoticed(mutant: Mutant) -> Finding {
    Finding {
        file: Some(mutant.file),
        line: Some(mutant.line),
        remedy: Some("if it matters, add a clause".to_owned()),
        ..finding(&GATE, UNNOTICED, format!("no test fails {}", mutant.what))
    }
}
