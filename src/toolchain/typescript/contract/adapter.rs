//! Writes the adapter: the driver, with the contract as data, and the program that turns the
//! candidate's modules into JavaScript.

use serde_json::{Value, json};

use super::names::{camel, member, owner, plain, signature};
use crate::toolchain::typescript::commands;
use crate::toolchain::typescript::package::Dialect;
use crate::toolchain::{Places, ToolCommand};
use crate::types::Interface;
use crate::types::interface::{FunctionRole, NamedType, WitFunction, WitShape, WitType};

/// Its file.
const ADAPTER: &str = "regen_adapter.mjs";
/// The file of the program that removes types.
const STRIP: &str = "regen_strip.mjs";
/// The driver.
const DRIVER: &str = include_str!("driver.txt");
/// The line that the contract replaces.
const PLACE: &str = "const INTERFACE = null;\n";
/// The seconds of computing that loading may take.
const LOADING: &str = "ulimit -t 20; ";

/// The adapter of a package.
pub fn files(interface: &Interface, dialect: Dialect) -> Vec<(String, Vec<u8>)> {
    let resources = interface.types.iter().filter(|one| one.shape == WitShape::Resource);
    let data = json!({
        "end": dialect.end(),
        "types": interface.types.iter().map(|one| named(interface, one)).collect::<Vec<_>>(),
        "functions": interface.functions.iter().map(|one| function(interface, one, dialect)).collect::<Vec<_>>(),
        "resources": resources.map(|one| json!({ "name": camel(&one.name) })).collect::<Vec<_>>(),
    });
    // JSON is an expression of JavaScript.
    let driver = DRIVER.replacen(PLACE, &format!("const INTERFACE = {data};\n"), 1);
    let strip = concat!(include_str!("../modules.txt"), include_str!("strip.txt")).to_owned();
    [(ADAPTER, driver), (STRIP, strip)]
        .map(|(path, text)| (path.to_owned(), text.into_bytes()))
        .into()
}

/// Where the candidate's JavaScript is.
fn out(places: &Places) -> String {
    places.build.join("regen").display().to_string()
}

/// The arguments of the adapter.
pub fn args(places: &Places) -> Vec<String> {
    vec![ADAPTER.to_owned(), out(places)]
}

/// Removes the types, then only loads the candidate.
pub fn build(places: &Places, dialect: Dialect) -> Vec<ToolCommand> {
    let tools = places.dependencies.display().to_string();
    let strip = vec![STRIP.to_owned(), tools, dialect.end().to_owned(), out(places)];
    let strip = ToolCommand { builds: true, ..commands::run("", strip, places) };
    let load = args(places).into_iter().chain(["load".to_owned()]).collect();
    vec![strip, commands::run(LOADING, load, places)]
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
        WitType::Result(ok, err) => {
            json!(["case", [["ok", maybe(ok)], ["err", maybe(err)]], "result"])
        }
        WitType::Tuple(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| encoded(interface, part)).collect();
            json!(["tuple", parts])
        }
        WitType::Named(at) => json!(["named", at]),
        WitType::Own(at) => json!(["own", resource(interface, *at)]),
        WitType::Borrow(at) => json!(["borrow", resource(interface, *at)]),
    }
}

/// The place of a type among the resources.
fn resource(interface: &Interface, at: usize) -> usize {
    interface.types[..at].iter().filter(|one| one.shape == WitShape::Resource).count()
}

fn named(interface: &Interface, one: &NamedType) -> Value {
    let maybe = |ty: &Option<WitType>| ty.as_ref().map(|ty| encoded(interface, ty));
    match &one.shape {
        WitShape::Record(fields) => {
            let fields = fields.iter().map(|f| json!([member(&f.name), encoded(interface, &f.ty)]));
            json!(["record", fields.collect::<Vec<_>>()])
        }
        WitShape::Variant(cases) => {
            let cases = cases.iter().map(|c| json!([c.name, maybe(&c.payload)]));
            json!(["case", cases.collect::<Vec<_>>()])
        }
        WitShape::Enum(cases) => {
            json!(["enum", cases.iter().map(|c| c.name.as_str()).collect::<Vec<_>>()])
        }
        WitShape::Flags(cases) => {
            let flags = cases.iter().map(|c| json!([member(&c.name), ["bool"]]));
            json!(["record", flags.collect::<Vec<_>>()])
        }
        WitShape::Alias(_) | WitShape::Resource => Value::Null,
    }
}

fn function(interface: &Interface, one: &WitFunction, dialect: Dialect) -> Value {
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
    let of = owner(one).map(|at| camel(&interface.types[at].name));
    json!({
        "role": role,
        "name": if of.is_some() { member(&one.name) } else { plain(&one.name) },
        "of": of,
        "params": one.params.iter().map(|(_, ty)| encoded(interface, ty)).collect::<Vec<_>>(),
        "result": result.map(|ty| encoded(interface, &ty)),
        "shown": signature(interface, one, dialect),
    })
}
