//! Compares what a package exports with its contract: the type checker reads a module that says
//! what each item must be, one line each.

use super::names::{Beside, TypedFunction, camel, function, member, owner, plain, signature};
use crate::toolchain::ToolOutput;
use crate::toolchain::typescript::package::Dialect;
use crate::toolchain::typescript::type_errors::{TypeError, type_errors};
use crate::types::interface::{FunctionRole, WitFunction, WitShape};
use crate::types::{Finding, Interface};

/// The configuration for this module.
pub const CONFIG: &str = "regen_surface.json";
/// The module.
const FILE: &str = "regen_surface.ts";
/// Before the lines. A parameter or result may be read-only, or another name of the same type.
const HEAD: &str = include_str!("surface.txt");

/// A line of the module: the type that must be `true`, and what it is about.
struct SurfaceLine<'a> {
    ty: String,
    subject: SurfaceSubject<'a>,
}

enum SurfaceSubject<'a> {
    /// A function.
    Function(&'a WitFunction),
    /// A resource.
    Class(String),
    /// The public names of a class, or of the package.
    Names(Option<String>),
}

/// The module and its configuration.
pub fn files(interface: &Interface, dialect: Dialect) -> Vec<(String, Vec<u8>)> {
    let package = format!("import * as candidate from \"./{}\";\n", dialect.root());
    let has_types = super::types_file::text(interface, dialect).is_some();
    let types = format!("import type * as contract from \"./{}\";\n", dialect.types());
    let types = if has_types { types } else { String::new() };
    let lines = lines(interface).into_iter().enumerate();
    let lines = lines.map(|(at, line)| format!("export const c{at}: {} = true;\n", line.ty));
    let module = format!("{package}{HEAD}{}{types}", lines.collect::<String>());
    let config = serde_json::json!({
        "extends": "./tsconfig.json",
        "compilerOptions": { "noUnusedLocals": false },
        "include": [],
        "files": [FILE],
    });
    [(FILE, module), (CONFIG, config.to_string())]
        .map(|(path, text)| (path.to_owned(), text.into_bytes()))
        .into()
}

fn lines(interface: &Interface) -> Vec<SurfaceLine<'_>> {
    let functions = interface.functions.iter();
    let mut lines: Vec<_> = functions
        .map(|one| SurfaceLine {
            ty: typed(interface, one),
            subject: SurfaceSubject::Function(one),
        })
        .collect();
    let free = interface.functions.iter().filter(|one| one.role == FunctionRole::Free);
    let mut names: Vec<String> = free.map(|one| plain(&one.name)).collect();
    for (at, resource) in interface.types.iter().enumerate() {
        if resource.shape == WitShape::Resource {
            names.push(camel(&resource.name));
            lines.extend(of_class(interface, at));
        }
    }
    names.push("ContractError".to_owned());
    let ty = format!("Only<keyof typeof candidate, {}>", union(names));
    lines.push(SurfaceLine { ty, subject: SurfaceSubject::Names(None) });
    lines
}

/// The lines about a resource's class, without its functions.
fn of_class(interface: &Interface, at: usize) -> Vec<SurfaceLine<'_>> {
    let class = camel(&interface.types[at].name);
    let named = |wanted: FunctionRole| {
        let own = interface.functions.iter().filter(move |one| one.role == wanted);
        own.map(|one| member(&one.name)).collect::<Vec<_>>()
    };
    let methods = union(named(FunctionRole::Method(at)));
    let mut fixed = named(FunctionRole::Static(at));
    fixed.push("prototype".to_owned());
    let there = format!("Only<\"{class}\", keyof typeof candidate>");
    let subject = SurfaceSubject::Class(class.clone());
    let names = |of: String, open: String| SurfaceLine {
        ty: format!("Only<keyof {of}, {open}>"),
        subject: SurfaceSubject::Names(Some(class.clone())),
    };
    vec![
        SurfaceLine { ty: there, subject },
        names(format!("candidate.{class}"), methods),
        names(format!("typeof candidate.{class}"), union(fixed)),
    ]
}

fn union(names: Vec<String>) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    if names.is_empty() { "never".to_owned() } else { names.join(" | ") }
}

/// The type that is `true` if a candidate's function is the contract's.
fn typed(interface: &Interface, one: &WitFunction) -> String {
    let TypedFunction { params, result, .. } = function(interface, one, Beside::Surface);
    let params: Vec<String> = params.into_iter().map(|(_, ty)| ty).collect();
    let params = format!("[{}]", params.join(", "));
    let name = member(&one.name);
    let class = owner(one).map(|at| format!("candidate.{}", camel(&interface.types[at].name)));
    let class = class.unwrap_or_default();
    let has =
        |of: &str| format!("Has<{of}, \"{name}\", Is<({of})[\"{name}\"], {params}, {result}>>");
    match one.role {
        FunctionRole::Free => {
            format!("Is<typeof candidate.{}, {params}, {result}>", plain(&one.name))
        }
        FunctionRole::Constructor(_) => format!("Makes<typeof {class}, {params}>"),
        FunctionRole::Method(_) => has(&class),
        FunctionRole::Static(_) => has(&format!("typeof {class}")),
    }
}

/// Types that a package exports beside those of the contract.
pub fn exported_types(
    interface: &Interface,
    types: &[(String, u32)],
    dialect: Dialect,
) -> Vec<Finding> {
    let is_known = |name: &str| {
        name == "ContractError" || interface.types.iter().any(|one| camel(&one.name) == name)
    };
    let more = types.iter().filter(|(name, _)| !is_known(name));
    let finding = |(name, line): &(String, u32)| {
        let message = format!("the public type `{name}` is not in the contract");
        Finding { line: Some(*line), ..finding(dialect, message, "do not export it") }
    };
    more.map(finding).collect()
}

/// Differences as findings, without gate.
///
/// # Errors
/// The type checker failed, which says nothing about the candidate.
pub fn read(
    interface: &Interface,
    output: &ToolOutput,
    dialect: Dialect,
) -> Result<Vec<Finding>, String> {
    let errors = type_errors(&output.stdout);
    match output.status {
        Some(0) => return Ok(Vec::new()),
        Some(_) if errors.is_empty() => {
            let why = output.stdout.lines().chain(output.stderr.lines()).next();
            return Err(format!("the type checker failed: {}", why.unwrap_or(&output.ended)));
        }
        Some(_) => {}
        None => {
            let message = format!("the type checker ended over the package: {}", output.ended);
            return Ok(vec![finding(dialect, message, "use simpler types")]);
        }
    }
    let lines = lines(interface);
    let head = HEAD.lines().count() + 2;
    let own = errors.iter().filter(|error| error.file == FILE);
    let found = own.filter_map(|error| {
        if error.line == 1 {
            let message = format!("`{}` exports nothing: {}", dialect.root(), error.message);
            return Some(finding(dialect, message, "export the contract's items"));
        }
        let at = usize::try_from(error.line).ok()?.checked_sub(head)?;
        // What the checker cannot say of the types' file is no candidate's fault.
        lines.get(at).map(|line| difference(interface, &line.subject, error, dialect))
    });
    Ok(found.collect())
}

fn difference(
    interface: &Interface,
    subject: &SurfaceSubject<'_>,
    error: &TypeError,
    dialect: Dialect,
) -> Finding {
    match subject {
        SurfaceSubject::Function(one) => {
            let class = owner(one).map(|at| camel(&interface.types[at].name) + ".");
            let name = match one.role {
                FunctionRole::Free => plain(&one.name),
                FunctionRole::Constructor(_) => "constructor".to_owned(),
                _ => member(&one.name),
            };
            let name = class.unwrap_or_default() + &name;
            let missing = ["TS2339", "TS2551", "TS2694", "TS2724"].contains(&&*error.rule);
            let message = if missing {
                format!("the contract's function `{name}` is missing")
            } else {
                format!("`{name}` has another type than in the contract")
            };
            finding(dialect, message, &format!("write `{}`", signature(interface, one, dialect)))
        }
        SurfaceSubject::Class(name) => missing_class(dialect, name),
        // Without the class there are no names.
        SurfaceSubject::Names(Some(name)) if error.rule != "TS2322" => missing_class(dialect, name),
        SurfaceSubject::Names(class) => {
            // The checker names what is left of a union.
            let left = error.message.split_once("assignable to type '").map_or("", |two| two.1);
            let left = left.lines().next().unwrap_or_default().trim_end_matches(['.', '\'']);
            let of = class.as_ref().map_or(String::new(), |class| format!(" in `{class}`"));
            let names = left.replace('"', "`").replace(" | ", ", ");
            let message = format!("the contract does not have{of}: {names}");
            let private =
                dialect.choose("make them `private` or `#private`", "make them `#private`");
            finding(dialect, message, class.as_ref().map_or("do not export them", |_| private))
        }
    }
}

fn missing_class(dialect: Dialect, name: &str) -> Finding {
    let message = format!("the contract's class `{name}` is missing");
    finding(dialect, message, &format!("write `export class {name}`"))
}

fn finding(dialect: Dialect, message: String, remedy: &str) -> Finding {
    Finding {
        rule: "surface".to_owned(),
        file: Some(dialect.root().to_owned()),
        message,
        remedy: Some(remedy.to_owned()),
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, SurfaceSubject, TypeError, difference};
    use crate::types::Interface;

    #[test]
    fn what_is_left_is_named() {
        let told = |rule: &str, message: &str, class: Option<&str>| {
            let (rule, message) = (rule.to_owned(), message.to_owned());
            let error = TypeError { file: String::new(), line: 1, rule, message };
            let subject = SurfaceSubject::Names(class.map(str::to_owned));
            difference(&Interface::default(), &subject, &error, Dialect::TypeScript).message
        };
        let left = "Type 'true' is not assignable to type '\"a\" | \"b\"'.";
        assert_eq!(told("TS2322", left, None), "the contract does not have: `a`, `b`");
        let symbol = "Type 'true' is not assignable to type 'typeof Symbol.iterator'.";
        let in_class = "the contract does not have in `A`: typeof Symbol.iterator";
        assert_eq!(told("TS2322", symbol, Some("A")), in_class);
        let no_class = "Namespace '\"/src/index\"' has no exported member 'A'.";
        let missing = "the contract's class `A` is missing";
        assert_eq!(told("TS2694", no_class, Some("A")), missing);
    }
}
