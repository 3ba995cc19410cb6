//! Rust: what a crate may hold, what the model is told, what can be checked before it is asked.

use super::{
    Expected, Suite, SuiteFile, clause_of, examples, is_test_of, key, nonce, recursion_limit,
};
use crate::types::{Clause, CrateType, Example, Problem, RelPath, Spec, Status, Target, limits};

/// The default gates, in order.
pub const GATES: [&str; 7] = ["layout", "check", "clippy", "test", "hidden", "proof", "clauses"];
/// The default files of a candidate.
pub const FILES: [&str; 2] = ["Cargo.toml", "src/**/*.rs"];
/// The edition of every generated crate.
pub const EDITION: &str = "2024";
/// Crate names that would hide one of the language's own.
const TAKEN: [&str; 6] = ["std", "core", "alloc", "test", "proc_macro", "build"];

/// The name of the crate in code.
pub fn crate_name(spec: &Spec) -> String {
    spec.id.replace('-', "_")
}

/// The crate's root file.
pub fn declared(crate_type: CrateType) -> RelPath {
    let path = match crate_type {
        CrateType::Lib => "src/lib.rs",
        CrateType::Bin => "src/main.rs",
    };
    RelPath::parse(path).expect("it is a plain path")
}

/// What the model is told of the target.
pub fn constraints(spec: &Spec, target: &Target) -> Vec<String> {
    let root = declared(target.crate_type);
    let mut list = vec![match target.crate_type {
        CrateType::Lib => format!(
            "Write a library crate named `{name}` with its root in `{root}`. What the specification \
             names is public and stands at the root of the crate, not inside a `mod {name}`.",
            name = crate_name(spec)
        ),
        CrateType::Bin => format!(
            "Write a command-line program named `{}` with its root in `{root}`; testable parts may \
             go to `src/lib.rs`, the crate `{}`.",
            spec.id,
            crate_name(spec)
        ),
    }];
    list.push(format!(
        "Edition {EDITION}. Answer with source files only, without tests and without code in \
         comments: the harness writes `Cargo.toml` and runs its own tests."
    ));
    if target.allowed_dependencies.is_empty() {
        list.push("Use the standard library only.".to_owned());
    } else {
        let crates =
            target.allowed_dependencies.iter().map(|(name, v)| format!("{name} = \"{v}\""));
        let crates = crates.collect::<Vec<_>>().join(", ");
        list.push(format!(
            "You may depend on these crates only: {crates}; if you do, give a `Cargo.toml` with \
             `[package]` and `[dependencies]`."
        ));
    }
    list.push(
        "The code must compile without warnings, also from clippy: no unused code, no missing pieces."
            .to_owned(),
    );
    list
}

/// Reads a user's suite: its tests are the functions marked `#[test]` and not `#[ignore]`.
pub fn suite(spec: &Spec, file: &SuiteFile) -> Result<Suite, Box<Problem>> {
    let shown = file.text.trim_start_matches('\u{feff}').to_owned();
    let (text, tests) = nonce::file(&shown).map_err(|(why, line)| {
        let mut problem = Problem::error("suite::syntax", format!("{}: {why}", file.name));
        problem.line = line;
        Box::new(problem)
    })?;
    let tests = tests.into_iter().map(|(name, words)| Expected {
        clause: clause_of(spec, &name),
        // What stands around a test may be a part of it.
        key: key(spec, &name, &shown),
        name,
        words,
        transcript: None,
    });
    let tests = tests.collect();
    let path = RelPath::parse(&format!("tests/{}", file.name)).map_err(|why| {
        Box::new(Problem::error("suite::name", format!("the name {} {why}", file.name)))
    })?;
    Ok(Suite { path, text, shown, tests, lines: Vec::new() })
}

/// Checks what can be known before a model is asked.
pub fn check(spec: &Spec, target: &Target, suites: &[Suite]) -> Vec<Problem> {
    let mut problems = Vec::new();
    if TAKEN.contains(&crate_name(spec).as_str())
        || syn::parse_str::<syn::Ident>(&crate_name(spec)).is_err()
    {
        let message = format!("the id `{}` cannot be the name of a crate", spec.id);
        problems.push(Problem::error("spec::crate_name", message).help("give another `id`"));
    }
    for clause in &spec.clauses {
        for name in clause.test_ids() {
            if syn::parse_str::<syn::Ident>(name).is_err() {
                let message = format!("`{name}` cannot be the name of a Rust test");
                problems.push(at(clause, Problem::error("spec::test_name", message)));
            }
        }
        for example in clause.examples.iter().filter(|e| !e.ignored) {
            if let Err((message, line)) = examples::check(example, spec, target) {
                let mut problem = Problem::error("spec::example", message);
                problem.line = example.line + line;
                let help = match example.language.as_str() {
                    "console" => {
                        "a transcript is `$ PROGRAM ARGUMENTS` and what it prints: see the spec format"
                    }
                    _ => "an example is a function's body: see the spec format",
                };
                problems.push(problem.help(help));
            }
        }
    }
    let own = [examples::suite(spec, target, false), examples::suite(spec, target, true)];
    let tests = || own.iter().flatten().chain(suites).flat_map(|suite| &suite.tests);
    for clause in spec.clauses.iter().filter(|clause| clause.is_demanded()) {
        let id = &clause.id;
        for name in
            clause.test_ids().filter(|name| !tests().any(|test| is_test_of(&test.name, name)))
        {
            let message = format!("nothing tests the clause `{id}`: no candidate could pass");
            let help =
                format!("give it an example, or a test named `{name}` in validators/{}/", spec.id);
            problems.push(at(clause, Problem::error("spec::untested_clause", message).help(help)));
        }
    }
    problems.extend(lints(spec, suites, &own));
    if tests().next().is_none() {
        let problem =
            Problem::error("spec::no_test", "nothing tests this spec: no candidate could pass")
                .help("bind a clause (`test_id: NAME`) and give it an example");
        problems.push(problem);
    }
    // More help nobody.
    problems.truncate(limits::PROBLEMS);
    problems.into_iter().map(|problem| problem.file(&spec.file)).collect()
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

/// What an example expects, if it is nothing but comparisons: pairs of an input and its result.
pub fn expects(example: &Example) -> Vec<(String, String)> {
    let pairs = recursion_limit::parse(&format!("{{{}}}", example.code), |text| {
        let block: syn::Block =
            syn::parse_str(text).map_err(|error| (error.to_string(), error.span().start().line))?;
        // Anything else may be a state on which the results depend.
        Ok(block
            .stmts
            .iter()
            .filter(|one| !matches!(one, syn::Stmt::Item(syn::Item::Use(_))))
            .map(comparison)
            .collect())
    });
    pairs.ok().flatten().unwrap_or_default()
}

fn comparison(one: &syn::Stmt) -> Option<(String, String)> {
    let syn::Stmt::Macro(one) = one else { return None };
    let parse = syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
    let args =
        one.mac.parse_body_with(parse).ok().filter(|_| one.mac.path.is_ident("assert_eq"))?;
    let mut args = args.iter().map(|arg| quote::ToTokens::to_token_stream(arg).to_string());
    Some((args.next()?, args.next()?))
}

fn at(clause: &Clause, mut problem: Problem) -> Problem {
    (problem.span, problem.line) = (Some(clause.span), clause.line);
    problem
}
