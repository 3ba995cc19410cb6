//! Writes `contract.py`.

use super::names::{annotation, camel, case, snake, upper};
use crate::toolchain::python::package::package_of;
use crate::types::Interface;
use crate::types::interface::{NamedType, WitShape, WitType};

const HEAD: &str =
    "\"\"\"The types of the contract. Written by regen from the spec: edits are drift.\"\"\"\n";
/// The variable of the classes below.
const VARIABLE: &str = "\n_T = typing.TypeVar(\"_T\")\n";
const OK: &str = "
@dataclasses.dataclass
class Ok(typing.Generic[_T]):
    \"\"\"A success, where a result is not what a function returns or raises.\"\"\"

    value: _T
";
const ERR: &str = "
@dataclasses.dataclass(unsafe_hash=True)
class Err(Exception, typing.Generic[_T]):
    \"\"\"A failure: `raise Err(value)`.\"\"\"

    value: _T
";
const SOME: &str = "
@dataclasses.dataclass
class Some(typing.Generic[_T]):
    \"\"\"A value that may itself be `None`.\"\"\"

    value: _T
";

/// The file's text; `None` if the contract needs no types.
pub fn text(interface: &Interface) -> Option<String> {
    let (results, options) = (has_results(interface), has_nested_options(interface));
    let own = interface.types.iter().filter(|one| one.from.is_none());
    let items: Vec<String> = own.filter_map(|one| item(interface, one)).collect();
    let mut body = String::new();
    if results || options {
        body.push_str(VARIABLE);
    }
    let generic = [(results, OK), (results, ERR), (options, SOME)];
    let generic = generic.into_iter().filter(|(is_used, _)| *is_used).map(|(_, text)| text);
    let mut before_class = true;
    for text in generic.map(str::to_owned).chain(items) {
        let is_class = !text.contains(": typing.TypeAlias = ") || text.contains("\nclass ");
        // Two empty lines around classes.
        if is_class || before_class {
            body.push('\n');
        }
        body.push_str(&text);
        before_class = is_class;
    }
    let modules = ["dataclasses", "enum", "typing"];
    let used = modules.into_iter().filter(|name| body.contains(&format!("{name}.")));
    let imports: String = used.map(|name| format!("import {name}\n")).collect();
    let mut taken: Vec<String> = interface.types.iter().filter_map(taken).collect();
    taken.sort();
    let blocks = [imports, taken.concat()].into_iter().filter(|block| !block.is_empty());
    let imports = blocks.collect::<Vec<_>>().join("\n");
    (!imports.is_empty() || !body.is_empty()).then(|| format!("{HEAD}\n{imports}{body}"))
}

/// The import of a type of another contract, with what belongs to it.
fn taken(one: &NamedType) -> Option<String> {
    let mut names = vec![camel(&one.name)];
    if let WitShape::Variant(cases) = &one.shape {
        names.extend(cases.iter().map(|part| case(&one.name, &part.name)));
    }
    let module = format!("{}.contract", package_of(one.from.as_ref()?));
    let lines = names.iter().map(|name| format!("from {module} import {name} as {name}\n"));
    Some(lines.collect())
}

/// Every type of a contract, with those in it.
fn every(interface: &Interface) -> Vec<&WitType> {
    let mut open: Vec<&WitType> = Vec::new();
    for one in &interface.types {
        match &one.shape {
            WitShape::Record(fields) => open.extend(fields.iter().map(|field| &field.ty)),
            WitShape::Variant(cases) => {
                open.extend(cases.iter().filter_map(|c| c.payload.as_ref()))
            }
            WitShape::Alias(of) => open.push(of),
            WitShape::Enum(_) | WitShape::Flags(_) | WitShape::Resource => {}
        }
    }
    for function in &interface.functions {
        open.extend(function.params.iter().map(|(_, ty)| ty).chain(&function.result));
    }
    let mut at = 0;
    while let Some(ty) = open.get(at).copied() {
        at += 1;
        match ty {
            WitType::List(of) | WitType::Option(of) => open.push(of),
            WitType::Result(ok, err) => {
                open.extend([ok, err].into_iter().flatten().map(|of| &**of))
            }
            WitType::Tuple(parts) => open.extend(parts),
            _ => {}
        }
    }
    open
}

/// Whether a contract has results.
fn has_results(interface: &Interface) -> bool {
    every(interface).iter().any(|ty| matches!(ty, WitType::Result(..)))
}

/// Whether it has options of options.
fn has_nested_options(interface: &Interface) -> bool {
    let is_nested = |ty: &&WitType| match ty {
        WitType::Option(of) => matches!(interface.plain(of), WitType::Option(_)),
        _ => false,
    };
    every(interface).iter().any(is_nested)
}

/// The code of a type; `None` for a resource.
fn item(interface: &Interface, one: &NamedType) -> Option<String> {
    let name = camel(&one.name);
    let mut out = String::from("\n") + &comment(&one.docs, "");
    match &one.shape {
        WitShape::Resource => return None,
        WitShape::Alias(of) => {
            out.push_str(&format!("{name}: typing.TypeAlias = {}\n", annotation(interface, of)));
        }
        WitShape::Record(fields) => {
            out.push_str(&format!("@dataclasses.dataclass\nclass {name}:\n"));
            for field in fields {
                out.push_str(&comment(&field.docs, "    "));
                let ty = annotation(interface, &field.ty);
                out.push_str(&format!("    {}: {ty}\n", snake(&field.name)));
            }
        }
        WitShape::Variant(cases) => {
            out.clear();
            for one_case in cases {
                let class = case(&one.name, &one_case.name);
                let ty = one_case.payload.as_ref().map(|ty| annotation(interface, ty));
                let body = ty.map_or("    pass\n".to_owned(), |ty| format!("    value: {ty}\n"));
                let docs = comment(&one_case.docs, "");
                out.push_str(&format!("\n{docs}@dataclasses.dataclass\nclass {class}:\n{body}\n"));
            }
            let classes: Vec<_> = cases.iter().map(|c| case(&one.name, &c.name)).collect();
            let (docs, classes) = (comment(&one.docs, ""), classes.join(" | "));
            out.push_str(&format!("\n{docs}{name}: typing.TypeAlias = {classes}\n"));
        }
        WitShape::Enum(cases) => {
            out.push_str(&format!("class {name}(enum.Enum):\n"));
            for (number, one) in cases.iter().enumerate() {
                out.push_str(&comment(&one.docs, "    "));
                out.push_str(&format!("    {} = {number}\n", upper(&one.name)));
            }
        }
        WitShape::Flags(cases) => {
            out.push_str(&format!("class {name}(enum.Flag):\n"));
            for one in cases {
                out.push_str(&comment(&one.docs, "    "));
                out.push_str(&format!("    {} = enum.auto()\n", upper(&one.name)));
            }
        }
    }
    Some(out)
}

fn comment(text: &str, indent: &str) -> String {
    let lines = text.lines().map(|line| format!("{indent}# {}", line.trim()).trim_end().to_owned());
    lines.map(|line| line + "\n").collect()
}
