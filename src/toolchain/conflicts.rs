//! Examples and tests of one spec that expect different results of one input: no candidate could
//! pass both.

use std::collections::BTreeMap;

use super::suite::{Expectation, clause_of};
use crate::contract::is_neutral;
use crate::types::{Clause, Example, Problem, Spec};

/// Where an expectation is written.
#[derive(Clone)]
struct ExpectedAt<'a> {
    clause: &'a Clause,
    /// The file, if it is not the spec.
    file: Option<String>,
    line: usize,
    result: String,
    /// The number of the example or test.
    unit: usize,
}

impl ExpectedAt<'_> {
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
    let mut known: BTreeMap<(String, String), ExpectedAt<'_>> = BTreeMap::new();
    let mut problems = Vec::new();
    for (language, origin, input) in written(spec, expectations, tests) {
        let Some(before) = known.get(&(language.clone(), input.clone())) else {
            known.insert((language, input), origin);
            continue;
        };
        let is_same_example = before.unit == origin.unit;
        // Of another type, the call may be another one, too.
        let is_same_type = kind(&before.result) == kind(&origin.result);
        if before.result != origin.result && !is_same_example && is_same_type {
            problems.push(problem(&input, &origin, before));
            problems.push(problem(&input, before, &origin));
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
    let (own, other) = (&here.result, &there.result);
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
            found.extend(stateless(expectations(example)).into_iter().map(|one| {
                let line = example.line + one.line;
                let at = ExpectedAt { clause, file: None, line, result: one.result, unit };
                // All contract examples are of one language.
                let language =
                    if is_neutral(&example.language) { "wave" } else { &example.language };
                (language.to_owned(), at, one.input)
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
            let at = ExpectedAt { clause, file, line, result: one.result, unit };
            (language.clone(), at, one.input)
        }));
    }
    found
}

/// A test that expects two results of one input knows of a state, on which others may depend too.
fn stateless(all: Vec<Expectation>) -> Vec<Expectation> {
    let mut results: BTreeMap<&str, &str> = BTreeMap::new();
    let is_stateless =
        all.iter().all(|one| *results.entry(&one.input).or_insert(&one.result) == one.result);
    if is_stateless { all } else { Vec::new() }
}
