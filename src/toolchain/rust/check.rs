//! Checks a spec before a model is called.

use super::package::crate_name;
use super::{examples, imports, modules};
use crate::toolchain::Suite;
use crate::toolchain::coverage::at;
use crate::types::{Problem, Spec, Target};

/// Crate names that would shadow a standard crate, or what the harness adds to tests.
const TAKEN: [&str; 8] =
    ["std", "core", "alloc", "test", "proc_macro", "build", "gen", "regen_guard"];

/// Checks a spec before a model is called.
pub fn check(spec: &Spec, target: &Target, suites: &[Suite]) -> Vec<Problem> {
    let mut problems = Vec::new();
    if TAKEN.contains(&crate_name(spec).as_str())
        || syn::parse_str::<syn::Ident>(&crate_name(spec)).is_err()
    {
        let message = format!("the id `{}` cannot be the name of a crate", spec.id);
        problems.push(Problem::error("spec::crate_name", message).help("use another `id`"));
    }
    for suite in suites.iter().filter(|suite| !suite.data) {
        for (name, line) in modules::missing(suite, suites) {
            let place = format!("{}:{line}: ", suite.path);
            let message = format!("{place}no file for the module `{name}`");
            let help = format!("add `{name}.rs` or `{name}/mod.rs` beside the suite");
            problems.push(Problem::error("suite::module", message).help(help));
        }
        for (name, line) in imports::not_allowed(&suite.shown, spec, target) {
            let place = format!("{}:{line}: ", suite.file());
            problems.push(not_allowed(spec, &place, &name));
        }
    }
    for clause in &spec.clauses {
        for name in clause.test_ids() {
            if syn::parse_str::<syn::Ident>(name).is_err() || name == "gen" {
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
                        "a transcript is `$ PROGRAM ARGUMENTS` and its output; see docs/formats/spec.md"
                    }
                    _ => "an example is a function body; see docs/formats/spec.md",
                };
                problems.push(problem.help(help));
                continue;
            }
            if example.language == "rust" {
                let body = format!("fn example() {{\n{}\n}}", examples::unhide(&example.code));
                for (name, line) in imports::not_allowed(&body, spec, target) {
                    let mut problem = at(clause, not_allowed(spec, "", &name));
                    problem.line = example.line + line - 2;
                    problems.push(problem);
                }
            }
        }
    }
    problems
}

fn not_allowed(spec: &Spec, place: &str, name: &str) -> Problem {
    let (what, help) = if spec.integration {
        ("that `depends` names", "name its spec in `depends`, or do without it")
    } else {
        let help = "allow it in `allowed_dependencies` of the target, or do without it";
        ("that the target allows", help)
    };
    Problem::error("spec::import", format!("{place}`{name}` is not a crate {what}")).help(help)
}
