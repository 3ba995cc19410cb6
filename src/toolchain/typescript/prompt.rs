//! Rules of a target for the model.

use super::effects;
use super::package::Dialect;
use crate::toolchain::{kind_option, package_option};
use crate::types::{Spec, Target};

/// Rules of the target for the model.
pub fn rules(spec: &Spec, target: &Target, dialect: Dialect) -> Vec<String> {
    let private = dialect.choose("`private` or `#private`", "`#private`");
    let erased = "Use only syntax that is JavaScript once the types are removed: no `enum`, no \
        `namespace`, no parameter properties, no decorators.";
    let mut rules = vec![
        form(spec, dialect, target),
        "Answer with source files only, without tests and without code in comments: the harness \
         writes `package.json` and runs its own tests."
            .to_owned(),
        "A strict type checker (also `noUncheckedIndexedAccess` and `exactOptionalPropertyTypes`) and \
         a linter must find nothing; write no `any`, and no comment switches them off."
            .to_owned(),
        packages(spec, target),
        effects::constraint(spec, target),
    ];
    if spec.contract.is_some() {
        let values = "Values have exactly the types of the signatures: plain objects without other \
            properties, arrays without gaps, no promises. Members of a class that are not in its \
            signatures are";
        rules.insert(3, format!("{values} {private}."));
    }
    if dialect == Dialect::TypeScript {
        rules.insert(1, erased.to_owned());
    }
    rules
}

/// Which files to write.
fn form(spec: &Spec, dialect: Dialect, target: &Target) -> String {
    let (is_program, is_service) =
        (kind_option::is_program(target), kind_option::is_service(target));
    let (id, root, end) = (spec.id.package(), dialect.root(), dialect.end());
    let language = dialect.choose("TypeScript", "JavaScript");
    let types = dialect.choose(
        ", types with `import type`",
        "; types stand in documentation (`@param {number} n`, `@returns {string}`, `@import { Name } from`)",
    );
    let named = format!("Its public items are exported by `{root}` by name");
    let program = if is_service { "program" } else { "command-line program" };
    let (what, starts) = match (is_program, &spec.contract) {
        (false, _) => ("package", named),
        (true, None) => (program, String::new()),
        (true, Some(_)) => (program, format!(". {named}")),
    };
    let does = if is_service {
        "it may use `node:http` and `process.env`"
    } else {
        "it reads `process.argv` and sets `process.exitCode`"
    };
    let main = format!("`{}` runs when it is loaded: {does}", dialect.main());
    let starts = if is_program { main + &starts } else { starts };
    let service = is_service.then(|| " ".to_owned() + &kind_option::service_rule());
    format!(
        "Write the {what} `{id}` in {language}, as ES modules. {starts}; other modules go below `src/` \
         and are imported with their ends (`from \"./module{end}\"`){types}.{}",
        service.unwrap_or_default()
    )
}

/// Which packages there are.
fn packages(spec: &Spec, target: &Target) -> String {
    let allowed = package_option::packages(target);
    let list: Vec<String> =
        allowed.iter().map(|(name, versions)| format!("`{name}` {versions}")).collect();
    match list.len() {
        0 if !spec.depends.is_empty() => {
            "Use no packages but those of the specifications that this one depends on, and Node's \
             modules only where an effect allows them."
                .to_owned()
        }
        0 => "Use no packages, and Node's modules only where an effect allows them.".to_owned(),
        _ => format!(
            "These packages are installed{more}, and no others: {}. Use Node's modules only where an \
             effect allows them.",
            list.join(", "),
            more = if spec.depends.is_empty() {
                ""
            } else {
                " beside those of the specifications that this one depends on"
            }
        ),
    }
}
