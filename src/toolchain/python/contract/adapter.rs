//! Writes the adapter: the driver, with the contract as data.

use serde_json::{Value, json};

use super::names::{camel, case, owner, signature, snake, upper};
use crate::toolchain::python::package::{package, package_of};
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

/// The module with the classes of a type that is from another contract.
fn home(one: &NamedType) -> Option<String> {
    one.from.as_ref().map(|spec| format!("{}.contract", package_of(spec)))
}

/// A type of the contract, without aliases.
fn encoded(interface: &Interface, ty: &WitType) -> Value {
    encoded_in(interface, ty, None)
}

/// The same of a type that is written in the contract of a module.
fn encoded_in(interface: &Interface, ty: &WitType, of: Option<&str>) -> Value {
    let encoded = |ty: &WitType| encoded_in(interface, ty, of);
    let maybe = |ty: &Option<Box<WitType>>| match ty {
        Some(ty) => encoded(ty),
        None => Value::Null,
    };
    match ty {
        WitType::Bool => json!(["bool"]),
        WitType::Int { signed, bits } => json!(["int", signed, bits]),
        WitType::Float { bits } => json!(["float", bits]),
        WitType::Char => json!(["char"]),
        WitType::Text => json!(["text"]),
        WitType::List(of) => json!(["list", encoded(of)]),
        WitType::Option(ty) => json!(["option", encoded(ty), of]),
        WitType::Result(ok, err) => json!(["result", maybe(ok), maybe(err), of]),
        WitType::Tuple(parts) => {
            let parts: Vec<_> = parts.iter().map(encoded).collect();
            json!(["tuple", parts])
        }
        WitType::Named(at) if let WitShape::Alias(of) = &interface.types[*at].shape => {
            encoded_in(interface, of, home(&interface.types[*at]).as_deref())
        }
        WitType::Named(at) => json!(["named", at]),
        WitType::Own(at) => json!(["own", at]),
        WitType::Borrow(at) => json!(["borrow", at]),
    }
}

fn named(interface: &Interface, one: &NamedType) -> Value {
    let home = home(one);
    let encoded = |ty: &WitType| encoded_in(interface, ty, home.as_deref());
    let maybe = |ty: &Option<WitType>| ty.as_ref().map(encoded);
    let (kind, parts) = match &one.shape {
        WitShape::Record(fields) => {
            let fields = fields.iter().map(|f| json!([snake(&f.name), encoded(&f.ty)]));
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
    json!({ "name": camel(&one.name), "kind": kind, "parts": parts, "home": home })
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
