//! Names, types and signatures of a contract in Rust.

use std::collections::BTreeMap;

use crate::types::interface::{FunctionRole, WitFunction, WitShape, WitType};
use crate::types::{Interface, Problem};

/// Names that cannot be written as `r#name`.
const NEVER_RAW: [&str; 4] = ["self", "super", "crate", "_"];

/// A name of a function, field or parameter.
pub fn snake(name: &str) -> String {
    let plain = name.to_lowercase().replace('-', "_");
    if NEVER_RAW.contains(&plain.as_str()) {
        return format!("{plain}_");
    }
    match syn::parse_str::<syn::Ident>(&plain) {
        Ok(_) if plain != "gen" => plain,
        _ => format!("r#{plain}"),
    }
}

/// A name of a type or case.
pub fn camel(name: &str) -> String {
    let mut out = String::new();
    for word in name.split('-') {
        let mut chars = word.chars();
        out.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(&chars.as_str().to_lowercase());
    }
    if out == "Self" { "Self_".to_owned() } else { out }
}

/// A type as a result or a part of another one.
pub fn owned(interface: &Interface, ty: &WitType) -> String {
    let maybe = |ty: &Option<Box<WitType>>| match ty {
        Some(ty) => owned(interface, ty),
        None => "()".to_owned(),
    };
    match ty {
        WitType::Bool => "bool".to_owned(),
        WitType::Int { signed, bits } => format!("{}{bits}", if *signed { 'i' } else { 'u' }),
        WitType::Float { bits } => format!("f{bits}"),
        WitType::Char => "char".to_owned(),
        WitType::Text => "String".to_owned(),
        WitType::List(of) => format!("Vec<{}>", owned(interface, of)),
        WitType::Option(of) => format!("Option<{}>", owned(interface, of)),
        WitType::Result(ok, err) => format!("Result<{}, {}>", maybe(ok), maybe(err)),
        WitType::Tuple(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| owned(interface, part)).collect();
            let comma = if parts.len() == 1 { "," } else { "" };
            format!("({}{comma})", parts.join(", "))
        }
        WitType::Named(at) | WitType::Own(at) => camel(&interface.types[*at].name),
        WitType::Borrow(at) => format!("&{}", camel(&interface.types[*at].name)),
    }
}

/// Whether values of a type are copied.
pub fn is_copy(interface: &Interface, ty: &WitType) -> bool {
    match interface.plain(ty) {
        WitType::Bool | WitType::Int { .. } | WitType::Float { .. } | WitType::Char => true,
        WitType::Named(at) => {
            matches!(interface.types[*at].shape, WitShape::Enum(_) | WitShape::Flags(_))
        }
        _ => false,
    }
}

/// A type as a parameter, and the expression that gives it from a variable with an owned value.
pub fn parameter(interface: &Interface, ty: &WitType, variable: &str) -> (String, String) {
    let text = |ty: &WitType| owned(interface, ty);
    match ty {
        WitType::Own(_) | WitType::Borrow(_) => (text(ty), variable.to_owned()),
        _ if is_copy(interface, ty) => (text(ty), variable.to_owned()),
        WitType::Text => ("&str".to_owned(), format!("&{variable}")),
        WitType::List(of) => (format!("&[{}]", text(of)), format!("&{variable}")),
        WitType::Option(of) => match &**of {
            of if is_copy(interface, of) => (text(ty), variable.to_owned()),
            WitType::Text => ("Option<&str>".to_owned(), format!("{variable}.as_deref()")),
            WitType::List(of) => {
                (format!("Option<&[{}]>", text(of)), format!("{variable}.as_deref()"))
            }
            of => (format!("Option<&{}>", text(of)), format!("{variable}.as_ref()")),
        },
        _ => (format!("&{}", text(ty)), format!("&{variable}")),
    }
}

/// A function's signature; a method's and a static function's stand in an `impl`.
pub fn signature(interface: &Interface, function: &WitFunction) -> String {
    let params = function.params.iter();
    let params = params.map(|(name, ty)| {
        let (ty, _) = parameter(interface, ty, "");
        format!("{}: {ty}", snake(name))
    });
    let receiver = matches!(function.role, FunctionRole::Method(_)).then(|| "&mut self".to_owned());
    let params: Vec<_> = receiver.into_iter().chain(params).collect();
    let result = function.result.as_ref().map(|ty| format!(" -> {}", owned(interface, ty)));
    let (name, result) = match function.role {
        FunctionRole::Constructor(_) => ("new".to_owned(), " -> Self".to_owned()),
        _ => (snake(&function.name), result.unwrap_or_default()),
    };
    format!("pub fn {name}({}){result}", params.join(", "))
}

/// The public items that a candidate writes, one line each.
pub fn signatures(interface: &Interface) -> Vec<String> {
    let free = interface.functions.iter().filter(|one| one.role == FunctionRole::Free);
    let mut lines: Vec<_> = free.map(|one| signature(interface, one)).collect();
    for (at, resource) in interface.types.iter().enumerate() {
        if resource.shape != WitShape::Resource {
            continue;
        }
        let name = camel(&resource.name);
        lines.push(format!("pub struct {name}"));
        let own = interface.functions.iter().filter(|one| match one.role {
            FunctionRole::Free => false,
            FunctionRole::Constructor(of) | FunctionRole::Method(of) | FunctionRole::Static(of) => {
                of == at
            }
        });
        lines.extend(own.map(|one| format!("impl {name}: {}", signature(interface, one))));
    }
    lines
}

/// Names of the contract that are one in Rust, or that mean something else there.
pub fn clashes(interface: &Interface) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |message: String| {
        let problem = Problem::error("contract::name", message);
        problems.push(problem.help("use another name in the `wit` block"));
    };
    let prelude = ["Option", "Result", "String", "Vec", "Box", "Some", "None", "Ok", "Err"];
    let mut types: BTreeMap<String, &str> = BTreeMap::new();
    for one in &interface.types {
        let name = camel(&one.name);
        if prelude.contains(&name.as_str()) {
            add(format!("the type `{}` would hide Rust's `{name}`", one.name));
        }
        if let Some(other) = types.insert(name.clone(), &one.name) {
            add(format!("`{}` and `{other}` are both `{name}` in Rust", one.name));
        }
        let parts: Vec<(String, &str)> = match &one.shape {
            WitShape::Record(fields) => fields.iter().map(|f| (snake(&f.name), &*f.name)).collect(),
            WitShape::Flags(cases) => cases.iter().map(|c| (snake(&c.name), &*c.name)).collect(),
            WitShape::Variant(cases) | WitShape::Enum(cases) => {
                cases.iter().map(|c| (camel(&c.name), &*c.name)).collect()
            }
            WitShape::Alias(_) | WitShape::Resource => Vec::new(),
        };
        let mut seen = BTreeMap::new();
        for (name, part) in parts {
            if let Some(other) = seen.insert(name.clone(), part) {
                add(format!("`{part}` and `{other}` of `{}` are both `{name}` in Rust", one.name));
            }
        }
    }
    problems
}
