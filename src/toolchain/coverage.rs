//! Checks before a model is called whether a spec's clauses have tests.

use crate::contract::{has_example, is_neutral, tests_of};
use crate::toolchain::conflicts::{self, TestExpectations};
use crate::toolchain::contract::neutral_expectations;
use crate::toolchain::{Suite, Toolchain, Visibility, is_page, is_test_of, program_examples};
use crate::types::{Clause, Problem, Spec, Status, Target, limits};

/// The problems of a spec that has too few tests.
pub const UNTESTED: [&str; 2] = ["spec::untested_clause", "spec::no_test"];

/// Checks a spec in a language: names, examples and tests.
pub fn check(
    toolchain: &dyn Toolchain,
    spec: &Spec,
    target: &Target,
    suites: &[Suite],
) -> Vec<Problem> {
    if toolchain.text().is_some() {
        // The code that it is about is tested; a text is compared with that.
        return Vec::new();
    }
    let mut problems = toolchain.check_spec(spec, target, suites);
    let own = [Visibility::Visible, Visibility::Hidden];
    let own = own.map(|shown| toolchain.native()?.examples(spec, target, shown));
    let mut outside = contract(toolchain, spec, target, &mut problems);
    if spec.integration || toolchain.is_outside(target) {
        problems.extend(program_examples::check(spec, target));
        outside.extend(program_examples::tests(spec, target).into_iter().map(|test| test.name));
    }
    problems.extend(program_examples::check_guard(spec, target));
    let tests = || {
        let native = own.iter().flatten().chain(suites).flat_map(|suite| &suite.tests);
        native.map(|test| test.name.as_str()).chain(outside.iter().map(String::as_str))
    };
    for clause in spec.clauses.iter().filter(|clause| clause.is_demanded()) {
        let id = &clause.id;
        // Contract examples test the first name; their errors are told elsewhere.
        let names = clause.test_ids().skip(usize::from(has_example(clause)));
        for name in names.filter(|name| !tests().any(|test| is_test_of(test, name))) {
            let message = format!("clause `{id}` has no test, so {}", without_tests(spec));
            let titled =
                || format!("write a test with the title `test_id: {name}` in a file of `tests`");
            let help = if toolchain.keeps_paths() {
                titled()
            } else if is_page(target) {
                "add a block `page` with assertions; see docs/pages.md".to_owned()
            } else {
                let test = toolchain.test_of(name);
                format!("add an example, or {test}, in validators/{}/", spec.id)
            };
            problems.push(at(clause, Problem::error(UNTESTED[0], message).help(help)));
        }
    }
    problems.extend(lints(spec, suites, &own, &outside));
    problems.extend(conflicts::find(
        spec,
        &|one| match spec.contract.as_ref().filter(|_| is_neutral(&one.language)) {
            Some(interface) => neutral_expectations(interface, one),
            None => {
                let native = toolchain.native();
                native.map(|native| native.expectations(one)).unwrap_or_default()
            }
        },
        in_suites(toolchain, suites),
    ));
    if tests().next().is_none() && !spec.clauses.iter().any(has_example) {
        let message = format!("the spec has no test, so {}", without_tests(spec));
        let help = "add a clause with `test_id: NAME` and an example";
        problems.push(Problem::error(UNTESTED[1], message).help(help));
    }
    problems.truncate(limits::PROBLEMS);
    problems.into_iter().map(|problem| problem.file(&spec.file)).collect()
}

/// What missing tests mean.
fn without_tests(spec: &Spec) -> &'static str {
    if spec.integration { "nothing would be checked" } else { "no candidate could pass" }
}

/// The names of the tests of a spec's contract, and what the language cannot carry of it.
fn contract(
    toolchain: &dyn Toolchain,
    spec: &Spec,
    target: &Target,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let Some(interface) = &spec.contract else { return Vec::new() };
    match toolchain.contract() {
        Some(language) => problems.extend(language.check(spec, interface, target)),
        None => {
            let message = format!("{} targets have no contracts yet", toolchain.language());
            problems.push(Problem::error("contract::language", message));
        }
    }
    tests_of(spec).into_iter().map(|test| test.name).collect()
}

/// What the tests of suites expect.
fn in_suites(toolchain: &dyn Toolchain, suites: &[Suite]) -> Vec<TestExpectations> {
    let Some(native) = toolchain.native() else { return Vec::new() };
    let of_suite = |suite: &Suite| {
        let file = suite.file().to_owned();
        let tests = native.suite_expectations(suite).into_iter();
        tests.map(move |(test, expected)| TestExpectations { file: file.clone(), test, expected })
    };
    suites.iter().flat_map(of_suite).collect()
}

/// A problem at a clause.
pub fn at(clause: &Clause, mut problem: Problem) -> Problem {
    (problem.span, problem.line) = (Some(clause.span), clause.line);
    problem
}

/// Warns of optional clauses without tests, and tests without clauses.
fn lints(spec: &Spec, suites: &[Suite], own: &[Option<Suite>], outside: &[String]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let tests = || {
        let native = own.iter().flatten().chain(suites).flat_map(|suite| &suite.tests);
        native.map(|test| test.name.as_str()).chain(outside.iter().map(String::as_str))
    };
    let wanted = spec.clauses.iter().filter(|c| !c.is_demanded() && c.status != Status::Draft);
    for clause in wanted {
        for name in clause.test_ids().filter(|name| !tests().any(|test| is_test_of(test, name))) {
            let message = format!("clause `{}` has no test", clause.id);
            let help = format!("add an example, or a test named `{name}`");
            let place = (clause.span, clause.line);
            problems.push(Problem::lint("uncovered", message, place).help(help));
        }
    }
    for suite in suites {
        for test in suite.tests.iter().filter(|test| test.clause.is_none()) {
            let message = format!("the test `{}` in {} has no clause", test.name, suite.file());
            let help = "start its name with a clause's `test_id`, or add a clause";
            problems.push(Problem::lint("stray_test", message, Default::default()).help(help));
        }
    }
    for problem in problems.iter_mut().filter(|problem| problem.line == 0) {
        problem.span = None;
    }
    problems
}
