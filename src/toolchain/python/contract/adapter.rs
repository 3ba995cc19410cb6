//! Writes the adapter: the driver, with the contract as data.

use serde_json::{Value, json};

use super::names::{camel, case, owner, signature, snake, upper};
use crate::toolchain::python::package::package;
use crate::types::interface::{FunctionRole, NamedType, WitFunction, WitShape, WitType};
use crate::types::{Interface, Spec};

/// Its file.
pub const ADAPTER: &str = "regen_adapter.py";
/// The driver.
const DRIVER: &str = include_str!("driver.txt");
/// The line that the contract replaces.
const PLACE: &str = "INTERFACE = None\n";

/// The adapter of a package.
pub fn text(spec: &Spec, interface: &Interface) -> String {
    let data = json!({
        "package": package(spec),
        "has_types": super::types_file::text(interface).is_some(),
        "types": interface.types.iter().map(|one| named(interface, one)).collect::<Vec<_>>(),
        "functions": interface.functions.iter().map(|one| function(interface, one)).collect::<Vec<_>>(),
    });
    // JSON in JSON is a string literal of Python.
    let literal = Value::from(data.to_string()).to_string();
    DRIVER.replacen(PLACE, &format!("INTERFACE = json.loads({literal})\n"), 1)
}

/// A type, without aliases.
fn encoded(interface: &Interface, ty: &WitType) -> Value {
    let maybe = |ty: &Option<Box<WitType>>| match ty {
        Some(ty) => encoded(interface, ty),
        None => Value::Null,
    };
    match interface.plain(ty) {
        WitType::Bool => json!(["bool"]),
        WitType::Int { signed, bits } => json!(["int", signed, bits]),
        WitType::Float { bits } => json!(["float", bits]),
        WitType::Char => json!(["char"]),
        WitType::Text => json!(["text"]),
        WitType::List(of) => json!(["list", encoded(interface, of)]),
        WitType::Option(of) => json!(["option", encoded(interface, of)]),
        WitType::Result(ok, err) => json!(["result", maybe(ok), maybe(err)]),
        WitType::Tuple(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| encoded(interface, part)).collect();
            json!(["tuple", parts])
        }
        WitType::Named(at) => json!(["named", at]),
        WitType::Own(at) => json!(["own", at]),
        WitType::Borrow(at) => json!(["borrow", at]),
    }
}

fn named(interface: &Interface, one: &NamedType) -> Value {
    let maybe = |ty: &Option<WitType>| ty.as_ref().map(|ty| encoded(interface, ty));
    let (kind, parts) = match &one.shape {
        WitShape::Record(fields) => {
            let fields = fields.iter().map(|f| json!([snake(&f.name), encoded(interface, &f.ty)]));
            ("record", fields.collect())
        }
        WitShape::Variant(cases) => {
            let cases = cases.iter().map(|c| json!([case(&one.name, &c.name), maybe(&c.payload)]));
            ("variant", cases.collect())
        }
        WitShape::Enum(cases) => ("enum", cases.iter().map(|c| json!(upper(&c.name))).collect()),
        WitShape::Flags(cases) => ("flags", cases.iter().map(|c| json!(upper(&c.name))).collect()),
        WitShape::Alias(_) => ("alias", Vec::new()),
        WitShape::Resource => ("resource", Vec::<Value>::new()),
    };
    json!({ "name": camel(&one.name), "kind": kind, "parts": parts })
}

fn function(interface: &Interface, one: &WitFunction) -> Value {
    let role = match one.role {
        FunctionRole::Free => "free",
        FunctionRole::Constructor(_) => "constructor",
        FunctionRole::Method(_) => "method",
        FunctionRole::Static(_) => "static",
    };
    let result = match one.role {
        FunctionRole::Constructor(at) => Some(WitType::Own(at)),
        _ => one.result.clone(),
    };
    json!({
        "role": role,
        "name": snake(&one.name),
        "of": owner(one).map(|at| camel(&interface.types[at].name)),
        "params": one.params.iter().map(|(_, ty)| encoded(interface, ty)).collect::<Vec<_>>(),
        "result": result.map(|ty| encoded(interface, &ty)),
        "shown": signature(interface, one),
    })
}
