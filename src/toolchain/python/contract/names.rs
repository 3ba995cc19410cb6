//! Names, types and signatures of a contract in Python.

use std::collections::BTreeMap;

use crate::toolchain::python::package::{is_keyword, is_name};
use crate::types::interface::{FunctionRole, WitFunction, WitShape, WitType};
use crate::types::{Interface, Problem};

/// Classes of the types' file beside the contract's.
pub const OWN: [&str; 3] = ["Ok", "Err", "Some"];

/// A name of a function, field or parameter.
pub fn snake(name: &str) -> String {
    let plain = name.to_lowercase().replace('-', "_");
    if is_keyword(&plain) || plain == "self" { format!("{plain}_") } else { plain }
}

/// A name of a type.
pub fn camel(name: &str) -> String {
    let mut out = String::new();
    for word in name.split('-') {
        let mut chars = word.chars();
        out.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(&chars.as_str().to_lowercase());
    }
    if is_keyword(&out) { format!("{out}_") } else { out }
}

/// A name of an enum's case or a flag.
pub fn upper(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

/// The class of a variant's case.
pub fn case(variant: &str, case: &str) -> String {
    format!("{}_{}", camel(variant), camel(case).trim_end_matches('_'))
}

/// A type as an annotation.
pub fn annotation(interface: &Interface, ty: &WitType) -> String {
    let maybe = |ty: &Option<Box<WitType>>| match ty {
        Some(ty) => annotation(interface, ty),
        None => "None".to_owned(),
    };
    match ty {
        WitType::Bool => "bool".to_owned(),
        WitType::Int { .. } => "int".to_owned(),
        WitType::Float { .. } => "float".to_owned(),
        WitType::Char | WitType::Text => "str".to_owned(),
        WitType::List(of) => format!("list[{}]", annotation(interface, of)),
        WitType::Option(of) => match interface.plain(of) {
            WitType::Option(_) => format!("Some[{}] | None", annotation(interface, of)),
            _ => format!("{} | None", annotation(interface, of)),
        },
        WitType::Result(ok, err) => format!("Ok[{}] | Err[{}]", maybe(ok), maybe(err)),
        WitType::Tuple(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| annotation(interface, part)).collect();
            format!("tuple[{}]", parts.join(", "))
        }
        WitType::Named(at) | WitType::Own(at) | WitType::Borrow(at) => {
            camel(&interface.types[*at].name)
        }
    }
}

/// A function's definition; those of a resource stand in its class.
pub fn signature(interface: &Interface, function: &WitFunction) -> String {
    let params = function.params.iter();
    let params = params.map(|(name, ty)| format!("{}: {}", snake(name), annotation(interface, ty)));
    let is_static = matches!(function.role, FunctionRole::Free | FunctionRole::Static(_));
    let receiver = (!is_static).then(|| "self".to_owned());
    let params: Vec<_> = receiver.into_iter().chain(params).collect();
    let (result, raises) = match function.result.as_ref().map(|ty| (ty, interface.plain(ty))) {
        None => ("None".to_owned(), String::new()),
        Some((_, WitType::Result(ok, err))) => {
            let of = |ty: &Option<Box<WitType>>| {
                ty.as_ref().map_or("None".to_owned(), |ty| annotation(interface, ty))
            };
            (of(ok), format!("  # raises `Err`, whose value is: {}", of(err)))
        }
        Some((ty, _)) => (annotation(interface, ty), String::new()),
    };
    let (name, result) = match function.role {
        FunctionRole::Constructor(_) => ("__init__".to_owned(), "None".to_owned()),
        _ => (snake(&function.name), result),
    };
    let mark = if matches!(function.role, FunctionRole::Static(_)) { "@staticmethod " } else { "" };
    format!("{mark}def {name}({}) -> {result}:{raises}", params.join(", "))
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
pub fn signatures(interface: &Interface) -> Vec<String> {
    let free = interface.functions.iter().filter(|one| one.role == FunctionRole::Free);
    let mut lines: Vec<_> = free.map(|one| signature(interface, one)).collect();
    for (at, resource) in interface.types.iter().enumerate() {
        if resource.shape != WitShape::Resource {
            continue;
        }
        let name = camel(&resource.name);
        lines.push(format!("class {name}:"));
        let own = interface.functions.iter().filter(|one| owner(one) == Some(at));
        lines.extend(own.map(|one| format!("{name}: {}", signature(interface, one))));
    }
    lines
}

/// Names of the contract that are one in Python, or that mean something else there.
pub fn clashes(interface: &Interface) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |message: String| {
        let problem = Problem::error("contract::name", message);
        problems.push(problem.help("use another name in the `wit` block"));
    };
    let mut types: BTreeMap<String, &str> = BTreeMap::new();
    for one in &interface.types {
        let name = camel(&one.name);
        if OWN.contains(&name.as_str()) {
            add(format!("the type `{}` would hide `{name}` of the types' file", one.name));
        }
        if let Some(other) = types.insert(name.clone(), &one.name) {
            add(format!("`{}` and `{other}` are both `{name}` in Python", one.name));
        }
        let parts: Vec<(String, &str)> = match &one.shape {
            WitShape::Record(fields) => fields.iter().map(|f| (snake(&f.name), &*f.name)).collect(),
            WitShape::Flags(cases) | WitShape::Enum(cases) => {
                cases.iter().map(|c| (upper(&c.name), &*c.name)).collect()
            }
            WitShape::Variant(cases) => {
                cases.iter().map(|c| (case(&one.name, &c.name), &*c.name)).collect()
            }
            WitShape::Alias(_) | WitShape::Resource => Vec::new(),
        };
        let mut seen = BTreeMap::new();
        for (name, part) in parts {
            if !is_name(&name) || name == "MRO" {
                add(format!("`{part}` of `{}` cannot be a name in Python", one.name));
            }
            if let Some(other) = seen.insert(name.clone(), part) {
                add(format!(
                    "`{part}` and `{other}` of `{}` are both `{name}` in Python",
                    one.name
                ));
            }
        }
    }
    problems
}
