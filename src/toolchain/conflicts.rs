//! Examples and tests of one spec that expect different results of one input: no candidate could
//! pass both.

use std::collections::BTreeMap;

use super::{Suite, clause_of, expectations};
use crate::toolchain::Toolchain;
use crate::types::{Clause, ClauseId, Problem, Spec};

/// What an example or a test expects of one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The input, in one spelling.
    pub input: String,
    /// The result, in one spelling.
    pub result: String,
    /// Its line in the example or the file, from 0.
    pub line: usize,
}

/// Where an expectation is written.
#[derive(Clone)]
struct Origin<'a> {
    clause: &'a Clause,
    /// The file, if it is not the spec.
    file: Option<String>,
    line: usize,
    result: String,
}

impl Origin<'_> {
    fn words(&self) -> String {
        match &self.file {
            Some(file) => format!("in {file}, line {}", self.line),
            None => format!("in `{}`, line {}", self.clause.id, self.line),
        }
    }
}

/// Conflicts of a spec's examples with each other and with its suites, at both places.
pub fn find(spec: &Spec, suites: &[Suite], language: Option<&dyn Toolchain>) -> Vec<Problem> {
    let mut known: BTreeMap<(String, String), Origin<'_>> = BTreeMap::new();
    let mut problems = Vec::new();
    for (language, origin, input) in written(spec, suites, language) {
        let Some(before) = known.get(&(language.clone(), input.clone())) else {
            known.insert((language, input), origin);
            continue;
        };
        let is_same_example = before.clause.id == origin.clause.id && before.file == origin.file;
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

fn problem(input: &str, here: &Origin<'_>, there: &Origin<'_>) -> Problem {
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
    suites: &[Suite],
    language: Option<&dyn Toolchain>,
) -> Vec<(String, Origin<'a>, String)> {
    let mut found = Vec::new();
    for clause in &spec.clauses {
        for example in clause.examples.iter().filter(|example| !example.ignored) {
            found.extend(stateless(expectations(example)).into_iter().map(|one| {
                let line = example.line + 1 + one.line;
                let origin = Origin { clause, file: None, line, result: one.result };
                (example.language.clone(), origin, one.input)
            }));
        }
    }
    let Some(language) = language else { return found };
    for suite in suites {
        for (test, expected) in language.suite_expectations(suite) {
            let Some(id): Option<ClauseId> = clause_of(spec, &test) else { continue };
            let Some(clause) = spec.clauses.iter().find(|clause| clause.id == id) else { continue };
            found.extend(stateless(expected).into_iter().map(|one| {
                let file = Some(suite.file().to_owned());
                let origin = Origin { clause, file, line: one.line + 1, result: one.result };
                (language.id().to_owned(), origin, one.input)
            }));
        }
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
