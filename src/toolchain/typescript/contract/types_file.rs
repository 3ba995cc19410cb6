//! Writes `contract.ts` or `contract.js`.

use super::names::{Beside, annotation, camel, function, member};
use crate::toolchain::typescript::package::Dialect;
use crate::types::interface::{Field, NamedType, WitCase, WitShape, WitType};
use crate::types::{Interface, SpecId};

const HEAD: &str =
    "// The types of the contract. Written by regen from the spec: edits are drift.\n";
const ERROR: &str = "
/** A failure: `throw new ContractError(value)`. */
export class ContractError<E> extends Error {
  readonly val: E;

  constructor(val: E) {
    super(\"the contract's failure\");
    this.name = \"ContractError\";
    this.val = val;
  }
}
";

const PLAIN_ERROR: &str = "
/**
 * A failure: `throw new ContractError(value)`.
 * @template E
 */
export class ContractError extends Error {
  /** @param {E} val */
  constructor(val) {
    super(\"the contract's failure\");
    this.name = \"ContractError\";
    /** @readonly @type {E} */
    this.val = val;
  }
}
";

/// The file's text; `None` if the contract needs no types.
pub fn text(interface: &Interface, dialect: Dialect) -> Option<String> {
    let mut functions = interface.functions.iter();
    let fails = functions.any(|one| function(interface, one, Beside::Package).throws.is_some());
    let item = dialect.choose(item as fn(&Interface, &NamedType) -> Option<String>, documented);
    let one = |one: &NamedType| match &one.from {
        Some(spec) => Some(taken(spec, &camel(&one.name), dialect)),
        None => item(interface, one),
    };
    let items = interface.types.iter().filter_map(one);
    let error = dialect.choose(ERROR, PLAIN_ERROR);
    let items: String = fails.then(|| error.to_owned()).into_iter().chain(items).collect();
    (!items.is_empty()).then(|| format!("{HEAD}{items}"))
}

/// A type of another contract.
fn taken(spec: &SpecId, name: &str, dialect: Dialect) -> String {
    let from = format!("\"{}/contract\"", spec.package());
    dialect.choose(
        format!("\nimport type {{ {name} }} from {from};\nexport type {{ {name} }};\n"),
        format!("\n/** @typedef {{import({from}).{name}}} {name} */\n"),
    )
}

/// The code of a type; `None` for a resource.
fn item(interface: &Interface, one: &NamedType) -> Option<String> {
    let name = camel(&one.name);
    let body = match &one.shape {
        WitShape::Resource => return None,
        WitShape::Alias(of) => format!("export type {name} = {};\n", annotation(interface, of)),
        WitShape::Record(fields) => {
            let field = |field: &Field| {
                let is_option = matches!(interface.plain(&field.ty), WitType::Option(_));
                let (mark, ty) =
                    (if is_option { "?" } else { "" }, annotation(interface, &field.ty));
                format!("{}  {}{mark}: {ty};\n", comment(&field.docs, "  "), member(&field.name))
            };
            interface_of(&name, fields.iter().map(field).collect())
        }
        WitShape::Flags(cases) => {
            let flag = |one: &WitCase| {
                format!("{}  {}: boolean;\n", comment(&one.docs, "  "), member(&one.name))
            };
            interface_of(&name, cases.iter().map(flag).collect())
        }
        WitShape::Variant(cases) => {
            let case = |one: &WitCase| {
                let ty = one.payload.as_ref().map(|ty| annotation(interface, ty));
                let val = ty.map_or(String::new(), |ty| format!("; val: {ty}"));
                let docs = comment(&one.docs, "  ");
                format!("\n{docs}  | {{ tag: \"{}\"{val} }}", one.name)
            };
            format!("export type {name} ={};\n", cases.iter().map(case).collect::<String>())
        }
        WitShape::Enum(cases) => {
            let case =
                |one: &WitCase| format!("\n{}  | \"{}\"", comment(&one.docs, "  "), one.name);
            format!("export type {name} ={};\n", cases.iter().map(case).collect::<String>())
        }
    };
    Some(format!("\n{}{body}", comment(&one.docs, "")))
}

fn interface_of(name: &str, fields: String) -> String {
    format!("export interface {name} {{\n{fields}}}\n")
}

/// Lines of comments: no text ends one.
fn comment(text: &str, indent: &str) -> String {
    // What ends a line in JavaScript.
    let text = text.replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let lines =
        text.lines().map(|line| format!("{indent}// {}", line.trim()).trim_end().to_owned());
    lines.map(|line| line + "\n").collect()
}

/// A type in the documentation of JavaScript; `None` for a resource.
fn documented(interface: &Interface, one: &NamedType) -> Option<String> {
    let ty = match &one.shape {
        WitShape::Resource => return None,
        WitShape::Alias(of) => annotation(interface, of),
        WitShape::Record(fields) => object(fields.iter().map(|field| {
            let is_option = matches!(interface.plain(&field.ty), WitType::Option(_));
            let (mark, ty) = (if is_option { "?" } else { "" }, annotation(interface, &field.ty));
            format!("{}{mark}: {ty}", member(&field.name))
        })),
        WitShape::Flags(cases) => {
            object(cases.iter().map(|one| format!("{}: boolean", member(&one.name))))
        }
        WitShape::Variant(cases) => union(cases.iter().map(|one| {
            let ty = one.payload.as_ref().map(|ty| annotation(interface, ty));
            let val = ty.map_or(String::new(), |ty| format!("; val: {ty}"));
            format!("{{ tag: \"{}\"{val} }}", one.name)
        })),
        WitShape::Enum(cases) => union(cases.iter().map(|one| format!("\"{}\"", one.name))),
    };
    let name = camel(&one.name);
    Some(format!("\n{}/** @typedef {{{ty}}} {name} */\n", comment(&one.docs, "")))
}

fn object(fields: impl Iterator<Item = String>) -> String {
    format!("{{ {} }}", fields.collect::<Vec<_>>().join("; "))
}

fn union(cases: impl Iterator<Item = String>) -> String {
    cases.collect::<Vec<_>>().join(" | ")
}
