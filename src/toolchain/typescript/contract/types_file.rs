//! Writes `contract.ts`.

use super::names::{Beside, annotation, camel, function, member};
use crate::types::Interface;
use crate::types::interface::{Field, NamedType, WitCase, WitShape, WitType};

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

/// The file's text; `None` if the contract needs no types.
pub fn text(interface: &Interface) -> Option<String> {
    let mut functions = interface.functions.iter();
    let fails = functions.any(|one| function(interface, one, Beside::Package).throws.is_some());
    let items = interface.types.iter().filter_map(|one| item(interface, one));
    let items: String = fails.then(|| ERROR.to_owned()).into_iter().chain(items).collect();
    (!items.is_empty()).then(|| format!("{HEAD}{items}"))
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
