//! Rules of a Python target for the model.

use super::effects;
use super::package::{items, package, root};
use crate::toolchain::{kind_option, package_option};
use crate::types::{Spec, Target};

/// Rules of the target for the model.
pub fn rules(spec: &Spec, target: &Target) -> Vec<String> {
    vec![
        form(spec, target),
        "Answer with source files only, without tests and without code in comments: the harness \
         writes `pyproject.toml` and runs its own tests."
            .to_owned(),
        "Annotate every parameter and result: a strict type checker and a linter must find nothing, \
         and no comment switches them off."
            .to_owned(),
        "Values have exactly the types of the signatures: no `bool` or `float` for an `int`, no \
         `tuple` for a `list`, no subclasses."
            .to_owned(),
        packages(spec, target),
        effects::constraint(spec, target),
    ]
}

/// Which files to write.
fn form(spec: &Spec, target: &Target) -> String {
    let is_program = kind_option::is_program(target);
    let (name, init) = (package(spec), items(spec));
    let what = match spec.contract {
        Some(_) => "Its public items stand in",
        None => "What the specification and its tests name stands in",
    };
    let named =
        format!("{what} `{init}`, which sets `__all__` to a literal list of exactly these names");
    let beside =
        "other modules go beside it and are imported relatively (`from .module import name`)";
    if !is_program {
        return format!("Write the package `{name}` for Python 3.10 and newer. {named}; {beside}.");
    }
    let root = root(spec, is_program);
    let examples = spec.clauses.iter().flat_map(|clause| &clause.examples);
    let has_items = spec.contract.is_some() || examples.clone().any(|one| one.language == "python");
    let named = if has_items { format!(" {named}.") } else { String::new() };
    if kind_option::is_service(target) {
        return format!(
            "Write the program `{id}` as the package `{name}` for Python 3.10 and newer. `{root}` \
             defines `main() -> int | None` without parameters and ends with `if __name__ == \
             \"__main__\":` and `sys.exit(main())`; {beside}.{named} {service} It may use \
             `http.server`, `socketserver` and `os.environ`.",
            id = spec.id.package(),
            service = kind_option::service_rule()
        );
    }
    format!(
        "Write the command-line program `{id}` as the package `{name}` for Python 3.10 and newer. \
         `{root}` defines `main() -> int | None`, which reads `sys.argv` and returns the exit status, \
         and ends with `if __name__ == \"__main__\":` and `sys.exit(main())`; {beside}.{named}",
        id = spec.id.package()
    )
}

/// Which packages there are.
fn packages(spec: &Spec, target: &Target) -> String {
    let allowed = package_option::packages(target);
    if allowed.is_empty() && !spec.depends.is_empty() {
        return "Use only the standard library and the packages of the specifications that this one \
            depends on."
            .to_owned();
    }
    if allowed.is_empty() {
        return "Use the standard library only.".to_owned();
    }
    let list: Vec<String> =
        allowed.iter().map(|(name, versions)| format!("`{name}{versions}`")).collect();
    let more = if spec.depends.is_empty() {
        ""
    } else {
        " and those of the specifications that this one depends on"
    };
    format!(
        "Beside the standard library{more}, these packages are installed, and no others: {}.",
        list.join(", ")
    )
}
