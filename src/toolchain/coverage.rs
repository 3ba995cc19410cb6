//! Whether tests cover a spec's clauses: what can be known before a model is asked.

use crate::toolchain::conflicts;
use crate::toolchain::{Suite, Toolchain, Visibility, is_test_of};
use crate::types::{Clause, Problem, Spec, Status, Target, limits};

/// Checks a spec in a language: its names and examples, and that there are tests.
pub fn check(
    toolchain: &dyn Toolchain,
    spec: &Spec,
    target: &Target,
    suites: &[Suite],
) -> Vec<Problem> {
    let mut problems = toolchain.check_spec(spec, target, suites);
    let own = [Visibility::Visible, Visibility::Hidden];
    let own = own.map(|shown| toolchain.examples(spec, target, shown));
    let tests = || own.iter().flatten().chain(suites).flat_map(|suite| &suite.tests);
    for clause in spec.clauses.iter().filter(|clause| clause.is_demanded()) {
        let id = &clause.id;
        for name in
            clause.test_ids().filter(|name| !tests().any(|test| is_test_of(&test.name, name)))
        {
            let message = format!("nothing tests the clause `{id}`: no candidate could pass");
            let help = format!(
                "give it an example, or a test named `{name}` in validators/{}/; a test behind a condition (`#[cfg]`) may not exist, and does not count",
                spec.id
            );
            problems.push(at(clause, Problem::error("spec::untested_clause", message).help(help)));
        }
    }
    problems.extend(lints(spec, suites, &own));
    problems.extend(conflicts::find(spec, suites, Some(toolchain)));
    if tests().next().is_none() {
        let problem =
            Problem::error("spec::no_test", "nothing tests this spec: no candidate could pass")
                .help("bind a clause (`test_id: NAME`) and give it an example");
        problems.push(problem);
    }
    problems.truncate(limits::PROBLEMS);
    problems.into_iter().map(|problem| problem.file(&spec.file)).collect()
}

/// A problem at a clause.
pub fn at(clause: &Clause, mut problem: Problem) -> Problem {
    (problem.span, problem.line) = (Some(clause.span), clause.line);
    problem
}

/// Names that no test covers where that refuses nothing, and tests that cover no name.
fn lints(spec: &Spec, suites: &[Suite], own: &[Option<Suite>]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let tests = || own.iter().flatten().chain(suites).flat_map(|suite| &suite.tests);
    let wanted = spec.clauses.iter().filter(|c| !c.is_demanded() && c.status != Status::Draft);
    for clause in wanted {
        for name in clause.test_ids().filter(|name| !tests().any(|t| is_test_of(&t.name, name))) {
            let message = format!("no test covers the clause `{}`", clause.id);
            let help = format!("give it an example, or a test named `{name}`");
            let place = (clause.span, clause.line);
            problems.push(Problem::lint("uncovered", message, place).help(help));
        }
    }
    for suite in suites {
        for test in suite.tests.iter().filter(|test| test.clause.is_none()) {
            let message = format!("the test `{}` in {} names no clause", test.name, suite.file());
            let help = "begin its name with a clause's `test_id`, or bind a clause to it";
            problems.push(Problem::lint("stray_test", message, Default::default()).help(help));
        }
    }
    for problem in problems.iter_mut().filter(|problem| problem.line == 0) {
        problem.span = None;
    }
    problems
}
