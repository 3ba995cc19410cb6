//! Examples and tests of one spec that expect different results of one input: no candidate could
//! pass both.

use std::collections::BTreeMap;

use super::suite::{Expectation, clause_of};
use crate::contract::{is_independent, is_neutral};
use crate::types::{Clause, Example, Problem, Spec};

/// Where an expectation is written.
#[derive(Clone)]
struct ExpectedAt<'a> {
    clause: &'a Clause,
    /// The file, if it is not the spec.
    file: Option<String>,
    line: usize,
    result: String,
    is_unequal: bool,
    /// The number of the example or test.
    unit: usize,
}

impl ExpectedAt<'_> {
    /// Whether no result satisfies both.
    fn contradicts(&self, other: &Self) -> bool {
        let is_same = self.result == other.result;
        // Of another type, the call may be another one, too.
        let is_same_type = kind(&self.result) == kind(&other.result);
        match (self.is_unequal, other.is_unequal) {
            (false, false) => !is_same && is_same_type,
            (true, true) => false,
            _ => is_same,
        }
    }

    fn result(&self) -> String {
        let other = if self.is_unequal { "anything but " } else { "" };
        format!("{other}{}", self.result)
    }

    fn words(&self) -> String {
        match &self.file {
            Some(file) => format!("in {file}, line {}", self.line),
            None => format!("in `{}`, line {}", self.clause.id, self.line),
        }
    }
}

/// The expectations of a test in a suite.
pub struct TestExpectations {
    /// The suite's file.
    pub file: String,
    /// The test.
    pub test: String,
    /// What it expects.
    pub expected: Vec<Expectation>,
}

/// Conflicts of a spec's examples with each other and with tests of its suites, at both places.
/// `expectations` reads an example.
pub fn find(
    spec: &Spec,
    expectations: &dyn Fn(&Example) -> Vec<Expectation>,
    tests: Vec<TestExpectations>,
) -> Vec<Problem> {
    let mut known: BTreeMap<(String, String), Vec<ExpectedAt<'_>>> = BTreeMap::new();
    let mut problems = Vec::new();
    for (language, origin, input) in written(spec, expectations, tests) {
        let before = known.entry((language, input.clone())).or_default();
        let other = |one: &&ExpectedAt<'_>| one.unit != origin.unit && one.contradicts(&origin);
        if let Some(other) = before.iter().find(other) {
            problems.push(problem(&input, &origin, other));
            problems.push(problem(&input, other, &origin));
        } else if !before.iter().any(|one| one.result() == origin.result()) {
            before.push(origin);
        }
    }
    problems
}

/// What kind of value a spelling is of, by its first character.
fn kind(result: &str) -> char {
    match result.trim_start_matches('-').chars().next() {
        Some(c) if c.is_ascii_digit() => '0',
        Some(c) if c.is_alphabetic() => 'a',
        other => other.unwrap_or(' '),
    }
}

fn problem(input: &str, here: &ExpectedAt<'_>, there: &ExpectedAt<'_>) -> Problem {
    let (own, other) = (here.result(), there.result());
    let message = match &here.file {
        Some(file) => format!(
            "`{input}` gives {own} in {file}, line {}, and {other} {}",
            here.line,
            there.words()
        ),
        None => format!("`{input}` gives {own} here, and {other} {}", there.words()),
    };
    let line = if here.file.is_some() { here.clause.line } else { here.line };
    let help = "one of the two is wrong, or they need different inputs";
    Problem::lint("example_conflict", message, (here.clause.span, line)).help(help)
}

/// What examples and suites expect, with the language and the input.
fn written<'a>(
    spec: &'a Spec,
    expectations: &dyn Fn(&Example) -> Vec<Expectation>,
    tests: Vec<TestExpectations>,
) -> Vec<(String, ExpectedAt<'a>, String)> {
    let (mut found, mut unit) = (Vec::new(), 0);
    for clause in &spec.clauses {
        for example in clause.examples.iter().filter(|example| !example.ignored) {
            unit += 1;
            let all = expectations(example);
            let is_apart = spec.granted_effects().is_empty()
                && is_independent(&example.language, &example.code)
                && !all.iter().any(|one| one.input.ends_with("()"));
            let all = if is_apart { all } else { stateless(all) };
            found.extend(all.into_iter().map(|one| {
                unit += usize::from(is_apart);
                let line = example.line + one.line;
                let Expectation { input, result, is_unequal, .. } = one;
                let at = ExpectedAt { clause, file: None, line, result, is_unequal, unit };
                // All contract examples are of one language.
                let language =
                    if is_neutral(&example.language) { "wave" } else { &example.language };
                (language.to_owned(), at, input)
            }));
        }
    }
    // A suite is in the language of the target's examples.
    let native = found.iter().find(|(language, ..)| language != "wave");
    let language = native.map(|(language, ..)| language.clone()).unwrap_or_default();
    for TestExpectations { file, test, expected } in tests {
        let id = clause_of(spec, &test);
        let clause = spec.clauses.iter().find(|clause| Some(&clause.id) == id.as_ref());
        let Some(clause) = clause else { continue };
        unit += 1;
        found.extend(stateless(expected).into_iter().map(|one| {
            let (line, file) = (one.line + 1, Some(file.clone()));
            let Expectation { input, result, is_unequal, .. } = one;
            let at = ExpectedAt { clause, file, line, result, is_unequal, unit };
            (language.clone(), at, input)
        }));
    }
    found
}

/// A test that expects two results of one input knows of a state, on which others may depend too.
fn stateless(all: Vec<Expectation>) -> Vec<Expectation> {
    let mut results: BTreeMap<&str, &str> = BTreeMap::new();
    let is_stateless = all
        .iter()
        .filter(|one| !one.is_unequal)
        .all(|one| *results.entry(&one.input).or_insert(&one.result) == one.result);
    if is_stateless { all } else { Vec::new() }
}
