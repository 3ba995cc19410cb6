//! Values that a function could return without doing its work.

use std::collections::BTreeSet;

use quote::ToTokens;
use syn::{GenericArgument, PathArguments, ReturnType, Type};

const DEFAULT: &str = "::core::default::Default::default()";
/// Standard types with only a default value.
const EMPTY: [&str; 7] =
    ["HashMap", "BTreeMap", "PathBuf", "OsString", "Duration", "Cow", "Wrapping"];
/// Collections of one type.
const MANY: [&str; 7] =
    ["Vec", "VecDeque", "HashSet", "BTreeSet", "BinaryHeap", "LinkedList", "IndexSet"];
/// Wrappers of one value.
const HOLDS: [&str; 6] = ["Box", "Rc", "Arc", "Cell", "RefCell", "Mutex"];
const INTEGERS: [&str; 12] =
    ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize"];

/// Types of files with a default value.
#[derive(Debug, Default)]
pub struct Defaults {
    pub names: BTreeSet<String>,
    /// The types of the files, with or without one.
    pub declared: Vec<String>,
}

impl Defaults {
    /// The types with a default value whose name only one type has.
    pub fn unambiguous(mut self) -> BTreeSet<String> {
        self.names.retain(|name| self.declared.iter().filter(|one| *one == name).count() == 1);
        self.names
    }

    /// Looks at items, in modules too.
    pub fn in_items(&mut self, items: &[syn::Item]) {
        let derives = |attrs: &[syn::Attribute]| {
            attrs.iter().any(|attr| {
                let text = attr.meta.to_token_stream().to_string();
                attr.path().is_ident("derive") && text.contains("Default")
            })
        };
        for item in items {
            match item {
                syn::Item::Struct(syn::ItemStruct { ident, .. })
                | syn::Item::Enum(syn::ItemEnum { ident, .. }) => {
                    self.declared.push(ident.to_string())
                }
                _ => {}
            }
            match item {
                syn::Item::Mod(item) => {
                    self.in_items(item.content.as_ref().map_or(&[], |(_, items)| items));
                }
                syn::Item::Struct(item) if derives(&item.attrs) => {
                    self.names.insert(item.ident.to_string());
                }
                syn::Item::Enum(item) if derives(&item.attrs) => {
                    self.names.insert(item.ident.to_string());
                }
                syn::Item::Impl(item) => {
                    let of = |path: &syn::Path| {
                        path.segments.last().is_some_and(|s| s.ident == "Default")
                    };
                    if item.trait_.as_ref().is_some_and(|(path, _)| of(path))
                        && let Type::Path(path) = &*item.self_ty
                        && let Some(last) = path.path.segments.last()
                    {
                        self.names.insert(last.ident.to_string());
                    }
                }
                _ => {}
            }
        }
    }
}

/// Possible values of a type, the most usual default first; empty for unknown types.
pub fn of(output: &ReturnType, defaults: &BTreeSet<String>) -> Vec<String> {
    match output {
        ReturnType::Default => vec!["()".to_owned()],
        ReturnType::Type(_, of) => values(of, defaults),
    }
}

/// A value of a simple type, as a constant expression.
pub fn constant(output: &ReturnType) -> Option<String> {
    let values = of(output, &BTreeSet::new()).into_iter();
    values.into_iter().find(|value| ![DEFAULT, "From", "iter"].iter().any(|no| value.contains(no)))
}

/// Code before and after a constant that changes its value.
pub fn other(of: &Type) -> Option<(String, String)> {
    let text = of.to_token_stream().to_string().replace("'static ", "");
    let change = match text.as_str() {
        "bool" => "!it",
        "char" => "if it == 'x' { 'y' } else { 'x' }",
        "f32" | "f64" => "it + 1.0",
        "& str" => "if it.is_empty() { \"xyzzy\" } else { \"\" }",
        text if INTEGERS.contains(&text) => "it ^ 1",
        _ => return None,
    };
    Some((format!("{{ let it: {text} = "), format!("; {change} }}")))
}

fn values(of: &Type, defaults: &BTreeSet<String>) -> Vec<String> {
    let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    match of {
        Type::Paren(inner) => values(&inner.elem, defaults),
        Type::Group(inner) => values(&inner.elem, defaults),
        Type::Tuple(tuple) if tuple.elems.is_empty() => list(&["()"]),
        Type::Tuple(tuple) => {
            let firsts: Option<Vec<String>> =
                tuple.elems.iter().map(|one| values(one, defaults).into_iter().next()).collect();
            firsts.map(|firsts| format!("({},)", firsts.join(", "))).into_iter().collect()
        }
        Type::Array(array) => {
            let first = values(&array.elem, defaults).into_iter().find(|value| value.len() < 6);
            let length = array.len.to_token_stream();
            first.map(|value| format!("[{value}; {length}]")).into_iter().collect()
        }
        Type::Reference(reference) if reference.mutability.is_none() => match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") => list(&["\"\"", "\"xyzzy\""]),
            Type::Slice(_) => list(&["&[]"]),
            _ => Vec::new(),
        },
        Type::Path(path) if path.qself.is_none() => named(&path.path, defaults),
        _ => Vec::new(),
    }
}

fn named(path: &syn::Path, defaults: &BTreeSet<String>) -> Vec<String> {
    let Some(last) = path.segments.last() else { return Vec::new() };
    let name = last.ident.to_string();
    let list = |values: &[&str]| -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    };
    let first = || match &last.arguments {
        PathArguments::AngleBracketed(given) => given.args.iter().find_map(|arg| match arg {
            GenericArgument::Type(of) => Some(of),
            _ => None,
        }),
        _ => None,
    };
    let inner = || first().map_or_else(Vec::new, |of| values(of, defaults));
    let within = |open: &str| {
        inner().into_iter().map(|value| format!("{open}({value})")).collect::<Vec<_>>()
    };
    match name.as_str() {
        "bool" => list(&["false", "true"]),
        "ExitCode" => {
            ["SUCCESS", "FAILURE"].map(|one| format!("::std::process::ExitCode::{one}")).to_vec()
        }
        "f32" | "f64" => list(&["0.0", "1.0"]),
        "char" => list(&["'\\0'", "'x'"]),
        "String" => {
            list(&["::core::convert::From::from(\"\")", "::core::convert::From::from(\"xyzzy\")"])
        }
        "Ordering" => {
            ["Equal", "Less", "Greater"].map(|one| format!("::core::cmp::Ordering::{one}")).to_vec()
        }
        "Option" => {
            [list(&["::core::option::Option::None"]), within("::core::option::Option::Some")]
                .concat()
        }
        "Result" if first().is_none() => vec![format!("::core::result::Result::Ok({DEFAULT})")],
        "Result" => within("::core::result::Result::Ok"),
        name if INTEGERS.contains(&name) => list(&["0", "1"]),
        name if HOLDS.contains(&name) => within("::core::convert::From::from"),
        name if MANY.contains(&name) => {
            let one =
                within("::core::iter::once").into_iter().map(|one| format!("{one}.collect()"));
            [list(&[DEFAULT]), one.collect()].concat()
        }
        name if EMPTY.contains(&name) || defaults.contains(name) => list(&[DEFAULT]),
        _ => Vec::new(),
    }
}
