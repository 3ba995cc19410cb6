//! Names, types and signatures of a contract.

use crate::toolchain::typescript::package::{Dialect, is_reserved};
use crate::types::interface::{FunctionRole, NamedType, WitFunction, WitShape, WitType};
use crate::types::{Interface, Problem};

/// Types of which the types' file has or uses one.
const OWN: [&str; 2] = ["ContractError", "Error"];

/// A name of a type.
pub fn camel(name: &str) -> String {
    let mut out = String::new();
    for word in name.split('-') {
        let mut chars = word.chars();
        out.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(&chars.as_str().to_lowercase());
    }
    out
}

/// A name of a field or a method.
pub fn member(name: &str) -> String {
    let name = camel(name);
    let first = name.chars().next().map(|first| first.to_ascii_lowercase());
    let name: String = first.into_iter().chain(name.chars().skip(1)).collect();
    if ["constructor", "prototype"].contains(&&*name) { format!("{name}_") } else { name }
}

/// A name of a function or a parameter.
pub fn plain(name: &str) -> String {
    let name = member(name);
    if is_reserved(&name) { format!("{name}_") } else { name }
}

/// Where a type is written.
#[derive(Clone, Copy, Debug)]
pub enum Beside {
    /// Beside the types' file and the candidate's classes.
    Package,
    /// In the module that compares public items.
    Surface,
}

/// A type.
fn typed(interface: &Interface, ty: &WitType, beside: Beside) -> String {
    let inner = |ty: &WitType| typed(interface, ty, beside);
    let (types, classes) = match beside {
        Beside::Package => ("", ""),
        Beside::Surface => ("contract.", "candidate."),
    };
    let case = |tag: &str, ty: &Option<Box<WitType>>| match ty {
        Some(ty) => format!("{{ tag: \"{tag}\"; val: {} }}", inner(ty)),
        None => format!("{{ tag: \"{tag}\" }}"),
    };
    match ty {
        WitType::Bool => "boolean".to_owned(),
        WitType::Int { bits: 64, .. } => "bigint".to_owned(),
        WitType::Int { .. } | WitType::Float { .. } => "number".to_owned(),
        WitType::Char | WitType::Text => "string".to_owned(),
        WitType::List(of) => match interface.plain(of) {
            WitType::Option(_) | WitType::Result(..) => format!("({})[]", inner(of)),
            _ => format!("{}[]", inner(of)),
        },
        WitType::Option(of) => match interface.plain(of) {
            WitType::Option(_) => format!("{{ tag: \"some\"; val: {} }} | undefined", inner(of)),
            _ => format!("{} | undefined", inner(of)),
        },
        WitType::Result(ok, err) => format!("{} | {}", case("ok", ok), case("err", err)),
        WitType::Tuple(parts) => {
            let parts: Vec<_> = parts.iter().map(inner).collect();
            format!("[{}]", parts.join(", "))
        }
        WitType::Named(at) => format!("{types}{}", camel(&interface.types[*at].name)),
        // A resource is a class of the candidate's.
        WitType::Own(at) | WitType::Borrow(at) => {
            format!("{classes}{}", camel(&interface.types[*at].name))
        }
    }
}

/// A type as it is written beside the types' file's.
pub fn annotation(interface: &Interface, ty: &WitType) -> String {
    typed(interface, ty, Beside::Package)
}

/// What a function takes, returns and throws, as types.
pub struct TypedFunction {
    /// Parameters: names and types.
    pub params: Vec<(String, String)>,
    /// The result.
    pub result: String,
    /// What the error that it throws holds.
    pub throws: Option<String>,
}

/// A function's types.
pub fn function(interface: &Interface, function: &WitFunction, beside: Beside) -> TypedFunction {
    let of = |ty: &WitType| typed(interface, ty, beside);
    let maybe = |ty: &Option<Box<WitType>>, none: &str| {
        ty.as_ref().map_or_else(|| none.to_owned(), |ty| of(ty))
    };
    let (result, throws) = match function.result.as_ref().map(|ty| (ty, interface.plain(ty))) {
        None => ("void".to_owned(), None),
        Some((_, WitType::Result(ok, err))) => (maybe(ok, "void"), Some(maybe(err, "undefined"))),
        Some((ty, _)) => (of(ty), None),
    };
    let params = function.params.iter().map(|(name, ty)| (plain(name), of(ty))).collect();
    TypedFunction { params, result, throws }
}

/// A function's declaration; those of a resource stand in its class.
pub fn signature(interface: &Interface, one: &WitFunction, dialect: Dialect) -> String {
    let TypedFunction { params, result, throws } = function(interface, one, Beside::Package);
    let is_constructor = matches!(one.role, FunctionRole::Constructor(_));
    let (docs, params, result) = match dialect {
        Dialect::TypeScript => {
            let params: Vec<_> = params.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
            (String::new(), params.join(", "), format!(": {result}"))
        }
        Dialect::JavaScript => {
            let docs = params.iter().map(|(name, ty)| format!("@param {{{ty}}} {name} "));
            let returns = (!is_constructor).then(|| format!("@returns {{{result}}} "));
            let docs: String = docs.chain(returns).collect();
            let names: Vec<_> = params.into_iter().map(|(name, _)| name).collect();
            (format!("/** {docs}*/ "), names.join(", "), String::new())
        }
    };
    let throws = throws.map_or(String::new(), |of| format!(" // throws `ContractError<{of}>`"));
    let name = member(&one.name);
    match one.role {
        FunctionRole::Free => {
            format!("{docs}export function {}({params}){result}{throws}", plain(&one.name))
        }
        FunctionRole::Constructor(_) => format!("{docs}constructor({params})"),
        FunctionRole::Method(_) => format!("{docs}{name}({params}){result}{throws}"),
        FunctionRole::Static(_) => format!("{docs}static {name}({params}){result}{throws}"),
    }
}

/// The resource of a function.
pub fn owner(function: &WitFunction) -> Option<usize> {
    match function.role {
        FunctionRole::Free => None,
        FunctionRole::Constructor(of) | FunctionRole::Method(of) | FunctionRole::Static(of) => {
            Some(of)
        }
    }
}

/// The public items that a candidate writes, one line each.
pub fn signatures(interface: &Interface, dialect: Dialect) -> Vec<String> {
    let free = interface.functions.iter().filter(|one| one.role == FunctionRole::Free);
    let mut lines: Vec<_> = free.map(|one| signature(interface, one, dialect)).collect();
    for (at, resource) in interface.types.iter().enumerate() {
        if resource.shape != WitShape::Resource {
            continue;
        }
        let name = camel(&resource.name);
        lines.push(format!("export class {name}"));
        let own = interface.functions.iter().filter(|one| owner(one) == Some(at));
        lines.extend(own.map(|one| format!("{name}: {}", signature(interface, one, dialect))));
    }
    lines
}

/// Names of the contract that mean something else in the types' file. WIT itself refuses two names
/// that differ in upper and lower case only, so that no two are one in TypeScript.
pub fn clashes(interface: &Interface) -> Vec<Problem> {
    let taken = interface.types.iter().filter(|one| OWN.contains(&&*camel(&one.name)));
    let problem = |one: &NamedType| {
        let message = format!("the type `{}` would hide `{}`", one.name, camel(&one.name));
        Problem::error("contract::name", message).help("use another name in the `wit` block")
    };
    taken.map(problem).collect()
}
