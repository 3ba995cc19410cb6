//! Tests of a candidate that writes equality by hand: what they compare must not be of its types.

use super::result::finding;
use super::test_run::{TestRunner, TestStart};
use crate::toolchain::{Expected, Suite, TestProgram};
use crate::types::{Clause, Finding, GateName, TestStatus};

/// Runs the checked forms of suites: a finding for each test of a required clause that compares
/// values of such a type.
pub async fn run(
    runner: &TestRunner<'_>,
    programs: &[TestProgram],
    forms: &[Suite],
) -> Vec<Finding> {
    let mut found = Vec::new();
    for form in forms {
        let program = programs.iter().find(|one| one.source == form.path.as_str());
        for test in form.tests.iter().filter(|test| is_demanded(runner, test)) {
            let Some(program) = program else { return vec![unseen(runner.gate)] };
            let said = runner.say(program, Some(test), &test.name, TestStart::default()).await;
            let Ok(said) = said else { return vec![unseen(runner.gate)] };
            let of = runner.native.compared_type(&said.message);
            if let Some(of) = of.filter(|_| said.status == TestStatus::Failed) {
                let name = &test.name;
                let why = format!(
                    "the test {name} compares values of `{of}`, whose equality is not derived"
                );
                found.push(by_hand(runner.gate, test, why));
            }
        }
    }
    found
}

fn is_demanded(runner: &TestRunner<'_>, test: &Expected) -> bool {
    let mut clauses = runner.bench.spec.clauses.iter();
    clauses.any(|clause| Some(&clause.id) == test.clause.as_ref() && Clause::is_demanded(clause))
}

/// The rule of a candidate's own equality.
const RULE: &str = "own_equality";
const REMEDY: &str = "derive equality, or return the type that the specification names; a \
    specification that wants equality of its own says `impl PartialEq`";

fn by_hand(gate: &GateName, test: &Expected, message: String) -> Finding {
    Finding {
        clauses: test.clause.iter().cloned().collect(),
        remedy: Some(REMEDY.to_owned()),
        ..finding(gate, RULE, message)
    }
}

/// The finding where the forms could not be built or run.
pub fn unseen(gate: &GateName) -> Finding {
    let message = "the tests cannot be checked against equality that is not derived".to_owned();
    Finding { remedy: Some(REMEDY.to_owned()), ..finding(gate, RULE, message) }
}
