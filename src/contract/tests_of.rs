//! The tests of a spec's contract examples.

use super::block::read_block;
use super::property::{Property, read_property};
use super::step::Step;
use super::table::read_table;
use super::text_error::TextError;
use crate::types::{Clause, ClauseId, Digest, Example, Interface, Spec};

/// A test of contract examples.
#[derive(Clone, Debug)]
pub struct ContractTest {
    /// Its name: the clause's `test_id`, the kind of the block and its number.
    pub name: String,
    /// The clause.
    pub clause: ClauseId,
    /// Whether it is held out.
    pub hidden: bool,
    /// The digest of its definition.
    pub key: Digest,
    /// The line of its block in the spec, from 1.
    pub line: usize,
    /// What it checks.
    pub body: ContractBody,
}

/// What a test of contract examples checks.
#[derive(Clone, Debug)]
pub enum ContractBody {
    /// Calls in order, in a fresh process.
    Steps(Vec<Step>),
    /// A property over generated inputs.
    Property(Property),
}

/// Whether a block's language is one of contract examples.
pub fn is_neutral(language: &str) -> bool {
    matches!(language, "wave" | "table" | "property")
}

/// Whether a clause has a contract example, be it one with errors.
pub fn has_example(clause: &Clause) -> bool {
    clause.examples.iter().any(|one| !one.ignored && is_neutral(&one.language))
}

/// Reads a contract example for its errors.
///
/// # Errors
/// What is wrong, and where.
pub fn check_example(interface: &Interface, example: &Example) -> Result<(), TextError> {
    match example.language.as_str() {
        "table" => read_table(interface, &example.code).map(drop),
        "property" => {
            let property = read_property(interface, &example.code)?;
            let examined = property.examine(interface, Digest::of(&example.code));
            examined.map_err(|why| property.problem(why))
        }
        _ => read_block(interface, &example.code).map(drop),
    }
}

/// The tests of a spec's contract examples; none without a contract.
pub fn tests_of(spec: &Spec) -> Vec<ContractTest> {
    let Some(interface) = &spec.contract else { return Vec::new() };
    spec.clauses.iter().flat_map(|clause| of_clause(spec, clause, interface)).collect()
}

fn of_clause(spec: &Spec, clause: &Clause, interface: &Interface) -> Vec<ContractTest> {
    let Some(id) = clause.test_ids().next() else { return Vec::new() };
    let blocks = clause.examples.iter().filter(|e| !e.ignored && is_neutral(&e.language));
    let mut tests = Vec::new();
    for (number, example) in blocks.enumerate() {
        let (language, at) = (&example.language, number + 1);
        let mut add = |suffix: &str, hidden: bool, body: ContractBody| {
            let name = format!("{id}__{language}{at}{suffix}");
            let key = Digest::of_parts(["contract test 1", &spec.id, &name, &example.code]);
            let (clause, line) = (clause.id.clone(), example.line);
            tests.push(ContractTest { name, clause, hidden, key, line, body });
        };
        // Blocks with errors were refused with the spec.
        match language.as_str() {
            "property" => {
                if let Ok(property) = read_property(interface, &example.code) {
                    add("", false, ContractBody::Property(property));
                }
            }
            language => {
                let steps = match language {
                    "table" => read_table(interface, &example.code),
                    _ => read_block(interface, &example.code),
                };
                let is_held = |step: &Step| example.held.contains(&step.lines.start);
                let (held, shown): (Vec<_>, Vec<_>) =
                    steps.unwrap_or_default().into_iter().partition(is_held);
                if !shown.is_empty() {
                    add("", example.hidden, ContractBody::Steps(shown));
                }
                if !held.is_empty() {
                    add("_held", true, ContractBody::Steps(held));
                }
            }
        }
    }
    tests
}
