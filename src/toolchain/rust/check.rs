//! Checks a spec before a model is called.

use super::package::crate_name;
use super::{examples, recursion_limit};
use crate::toolchain::coverage::at;
use crate::types::{Example, Problem, Spec, Target};

/// Crate names that would shadow a standard crate.
const TAKEN: [&str; 6] = ["std", "core", "alloc", "test", "proc_macro", "build"];

/// Checks a spec before a model is called.
pub fn check(spec: &Spec, target: &Target) -> Vec<Problem> {
    let mut problems = Vec::new();
    if TAKEN.contains(&crate_name(spec).as_str())
        || syn::parse_str::<syn::Ident>(&crate_name(spec)).is_err()
    {
        let message = format!("the id `{}` cannot be the name of a crate", spec.id);
        problems.push(Problem::error("spec::crate_name", message).help("use another `id`"));
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
                        "a transcript is `$ PROGRAM ARGUMENTS` and its output; see docs/formats/spec.md"
                    }
                    _ => "an example is a function body; see docs/formats/spec.md",
                };
                problems.push(problem.help(help));
            }
        }
    }
    problems
}

/// The expectations of an example, if it has only comparisons: pairs of input and result.
pub fn expects(example: &Example) -> Vec<(String, String)> {
    let pairs = recursion_limit::parse(&format!("{{{}}}", example.code), |text| {
        let block: syn::Block =
            syn::parse_str(text).map_err(|error| (error.to_string(), error.span().start().line))?;
        // Other statements may be state on which the results depend.
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
