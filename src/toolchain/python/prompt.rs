//! Rules of a Python target for the model.

use super::effects;
use super::package::{package, root};
use crate::toolchain::package_option;
use crate::types::{Spec, Target};

/// Rules of the target for the model.
pub fn rules(spec: &Spec, target: &Target) -> Vec<String> {
    let (name, root) = (package(spec), root(spec));
    let items = match spec.contract {
        Some(_) => "Its public items stand in",
        None => "What the specification and its tests name stands in",
    };
    vec![
        format!(
            "Write the package `{name}` for Python 3.10 and newer. {items} `{root}`, which sets \
             `__all__` to a literal list of exactly these names; other modules go beside it and are \
             imported relatively (`from .module import name`)."
        ),
        "Answer with source files only, without tests and without code in comments: the harness \
         writes `pyproject.toml` and runs its own tests."
            .to_owned(),
        "Annotate every parameter and result: a strict type checker and a linter must find nothing, \
         and no comment switches them off."
            .to_owned(),
        "Values have exactly the types of the signatures: no `bool` or `float` for an `int`, no \
         `tuple` for a `list`, no subclasses."
            .to_owned(),
        packages(target),
        effects::constraint(spec, target),
    ]
}

/// Which packages there are.
fn packages(target: &Target) -> String {
    let allowed = package_option::packages(target);
    if allowed.is_empty() {
        return "Use the standard library only.".to_owned();
    }
    let list: Vec<String> =
        allowed.iter().map(|(name, versions)| format!("`{name}{versions}`")).collect();
    format!(
        "Beside the standard library, these packages are installed, and no others: {}.",
        list.join(", ")
    )
}
