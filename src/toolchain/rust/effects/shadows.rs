//! Public items with the name of something that every test file uses without importing it.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};

use super::super::identifiers::plain;

/// Types and traits of the prelude.
const TYPES: &str = "
    Send Sync Sized Copy Drop Fn FnMut FnOnce Box ToOwned Clone PartialEq PartialOrd Eq Ord AsRef
    AsMut Into From Default Iterator Extend IntoIterator DoubleEndedIterator ExactSizeIterator
    Option Some None Result Ok Err String ToString Vec TryFrom TryInto FromIterator Future
    IntoFuture";
/// Primitive types.
const PRIMITIVES: &str =
    "bool char str u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64";
/// Variants and functions of the prelude.
const VALUES: &str = "Some None Ok Err drop";
/// Macros that tests use.
const MACROS: &str = "
    assert assert_eq assert_ne debug_assert debug_assert_eq debug_assert_ne panic matches format
    vec write writeln print println eprint eprintln dbg unreachable todo unimplemented concat
    stringify include_str env cfg column compile_error file format_args include include_bytes line
    module_path option_env thread_local assert_matches debug_assert_matches";
/// The standard crate.
const CRATES: &str = "std";

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ItemKind {
    Type,
    Value,
    Module,
    Macro,
    Import,
}

impl ItemKind {
    /// Whether an item of this kind hides something that every file has.
    fn hides(self, name: &str) -> bool {
        let lists: &[&str] = match self {
            Self::Type => &[TYPES, PRIMITIVES],
            Self::Value => &[VALUES],
            Self::Module => &[CRATES],
            Self::Macro => &[MACROS],
            Self::Import => &[TYPES, CRATES],
        };
        lists.iter().any(|list| list.split_whitespace().any(|known| known == name))
    }
}

/// A public item: its kind and name, and the name of what is imported.
type Public = (ItemKind, String, Option<String>);

/// Public items of the expanded source that shadow others, with a message each. An item that the
/// spec itself declares is its author's choice. Bodies are not read.
pub fn find(tokens: TokenStream, spec: &str) -> Vec<(String, String)> {
    let mut found: Vec<Public> = exported(tokens.clone());
    let (mut modules, mut macros) = (vec![tokens], BTreeSet::new());
    while let Some(module) = modules.pop() {
        let tokens: Vec<TokenTree> = module.into_iter().collect();
        for at in 0..tokens.len() {
            let word = |at: usize| match tokens.get(at) {
                Some(TokenTree::Ident(word)) => plain(word),
                _ => String::new(),
            };
            match word(at).as_str() {
                "mod" => modules.extend(tokens.get(at + 2).and_then(content)),
                // `pub(crate)` is followed by a group.
                "pub" => found.extend(public(&tokens[at + 1..])),
                "as" => found.push((ItemKind::Module, word(at + 1), None)),
                "macro_rules" => {
                    macros.insert(word(at + 2));
                }
                _ => {}
            }
        }
    }
    let hides = |(kind, name, of): &Public| {
        let is_macro = of.as_ref().is_some_and(|of| macros.contains(of));
        kind.hides(name) || (is_macro && ItemKind::Macro.hides(name))
    };
    found.retain(|item| hides(item) && !declared_by(spec, &item.1));
    let message = |(_, name, _): Public| {
        let message = format!(
            "the public name `{name}` hides the one that every Rust file has, also in files that test \
             this crate"
        );
        (name, message)
    };
    found.into_iter().map(message).collect()
}

fn content(token: &TokenTree) -> Option<TokenStream> {
    match token {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    }
}

/// Exported macros, which are at the crate's root wherever they are defined, also in bodies.
fn exported(tokens: TokenStream) -> Vec<Public> {
    let (mut found, mut streams) = (Vec::new(), vec![tokens]);
    while let Some(stream) = streams.pop() {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let is_definition = |at: Option<usize>| matches!(at.map(|at| &tokens[at]), Some(TokenTree::Ident(word)) if word == "macro_rules");
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Ident(name)
                    if is_definition(at.checked_sub(2)) && is_exported(&tokens[..at - 2]) =>
                {
                    found.push((ItemKind::Macro, plain(name), None));
                }
                TokenTree::Group(group) if !is_definition(at.checked_sub(3)) => {
                    streams.push(group.stream());
                }
                _ => {}
            }
        }
    }
    found
}

/// Whether an item's attributes, before it, export it.
fn is_exported(before: &[TokenTree]) -> bool {
    let pairs = before.rchunks(2).take_while(|pair| {
        matches!(pair, [TokenTree::Punct(hash), TokenTree::Group(_)] if hash.as_char() == '#')
    });
    let mut attributes = pairs.filter_map(|pair| content(&pair[1]));
    let exports = |token| matches!(token, TokenTree::Ident(word) if word == "macro_export");
    attributes.any(|attribute| attribute.into_iter().any(exports))
}

/// Whether a spec asks for an item of this name.
pub fn declared_by(spec: &str, name: &str) -> bool {
    let kinds = ["struct", "enum", "union", "trait", "type", "mod", "fn", "const", "macro"];
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let has =
        |text: String| spec.match_indices(&text).any(|(at, _)| is_end(&spec[at + text.len()..]));
    let is_function = name.starts_with(char::is_lowercase) && spec.contains(&format!("`{name}("));
    is_function || kinds.iter().any(|kind| has(format!("{kind} {name}")))
}

/// The kind of item that a keyword begins.
fn kind(word: &str) -> Option<ItemKind> {
    match word {
        "struct" | "enum" | "union" | "trait" | "type" => Some(ItemKind::Type),
        "fn" | "static" => Some(ItemKind::Value),
        "mod" => Some(ItemKind::Module),
        _ => None,
    }
}

/// The names of an item, from the tokens after `pub`.
fn public(tokens: &[TokenTree]) -> Vec<Public> {
    let is_end = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ';');
    let end = tokens.iter().position(is_end).map_or(tokens.len(), |end| end + 1);
    let item = &tokens[..end];
    let words = tokens.iter().map_while(|token| match token {
        TokenTree::Ident(word) => Some(plain(word)),
        // The ABI of a function.
        TokenTree::Literal(_) => Some(String::new()),
        _ => None,
    });
    let words: Vec<String> = words.collect();
    match words.first().map_or("", String::as_str) {
        "use" => return reexported(&item[1..]),
        "type" if is_same(item) => return Vec::new(),
        _ => {}
    }
    let item = words.iter().zip(words.iter().skip(1));
    let mut named = item.filter_map(|(word, name)| Some((kind(word)?, name.clone(), None)));
    named.next().into_iter().collect()
}

/// `type Result<T> = std::result::Result<T, Error>`: still the same type.
fn is_same(item: &[TokenTree]) -> bool {
    let (mut depth, mut equals) = (0_i32, None);
    for (at, token) in item.iter().enumerate() {
        let TokenTree::Punct(punct) = token else { continue };
        match punct.as_char() {
            '<' => depth += 1,
            '>' => depth -= 1,
            '=' if depth == 0 && equals.is_none() => equals = Some(at),
            _ => {}
        }
    }
    let path =
        item[equals.map_or(item.len(), |at| at + 1)..].iter().map_while(|token| match token {
            TokenTree::Ident(word) => Some(plain(word)),
            TokenTree::Punct(punct) if punct.as_char() == ':' => Some(String::new()),
            _ => None,
        });
    let path: Vec<String> = path.filter(|word| !word.is_empty()).collect();
    let name = item.get(1).map(ToString::to_string);
    path.last().is_some_and(|last| name.as_ref() == Some(last)) && is_standard(&path)
}

/// A path to the standard library's own item of its name.
fn is_standard(path: &[String]) -> bool {
    let first = path.first().map_or("", String::as_str);
    let same = path.last().is_none_or(|last| last != "Result") || !path.iter().any(|p| p == "fmt");
    (path.len() == 1 || ["std", "core", "alloc"].contains(&first)) && same
}

/// The names that a public import makes, except those of the standard library's own items.
fn reexported(tokens: &[TokenTree]) -> Vec<Public> {
    let mut found = Vec::new();
    let mut trees = vec![(tokens.to_vec(), Vec::new())];
    while let Some((tokens, around)) = trees.pop() {
        let ends = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if [',', ';'].contains(&p.as_char()));
        for tree in tokens.split(ends) {
            let words = tree.iter().filter_map(|token| match token {
                TokenTree::Ident(word) => Some(plain(word)),
                _ => None,
            });
            let path: Vec<String> = [around.clone(), words.collect()].concat();
            match (tree.last(), &path[..]) {
                (Some(TokenTree::Group(group)), _) => {
                    trees.push((group.stream().into_iter().collect(), path));
                }
                (Some(TokenTree::Punct(_)) | None, _) => {}
                (_, [.., name, word, rename]) if word == "as" => {
                    found.push((ItemKind::Import, rename.clone(), Some(name.clone())));
                }
                (_, [.., name]) if path.len() == 1 || !is_standard(&path) => {
                    found.push((ItemKind::Import, name.clone(), Some(name.clone())));
                }
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::find;

    fn shadows(code: &str) -> Vec<String> {
        let tokens = code.parse().expect("is Rust");
        let found = find(tokens, "It has a `struct Box` and `drop(text)`.");
        found.into_iter().map(|one| one.0).collect()
    }

    #[test]
    fn names_of_every_rust_file_are_found_however_they_are_made_public() {
        for (code, name) in [
            ("pub struct String(u8);", "String"),
            ("mod a { pub enum Option { A } }", "Option"),
            ("pub use a::b as Some;", "Some"),
            ("macro_rules! a { () => {} } pub use checks::{a as assert, c};", "assert"),
            ("pub fn Some() {}", "Some"),
            ("#[macro_export] macro_rules! assert_eq { () => {} }", "assert_eq"),
            (
                "const _: () = { fn a() { #[macro_export] macro_rules! assert { () => {} } } };",
                "assert",
            ),
            ("pub type Vec = u8;", "Vec"),
            ("pub type u32 = i32;", "u32"),
            ("pub type Result<T = std::result::Result> = Same<T>;", "Result"),
            ("pub use {a::{b::{self, c::{Vec}}}};", "Vec"),
            ("pub use std::fmt::Result;", "Result"),
            ("pub use std::collections::BTreeMap as Vec;", "Vec"),
            ("extern crate self as std;", "std"),
            ("pub mod std {}", "std"),
            ("pub(crate) fn a() {} pub struct r#Vec;", "Vec"),
            ("pub unsafe extern \"C\" fn drop2() {} pub const unsafe fn None() {}", "None"),
        ] {
            assert_eq!(shadows(code), [name], "{code}");
        }
    }

    #[test]
    fn ordinary_names_are_no_shadows() {
        for code in [
            "pub type Result<T> = std::result::Result<T, Error>;",
            "pub use std::string::String; pub use core::option::Option;",
            "struct String; mod a { pub(crate) struct Vec; use b::Some; }",
            "pub struct Box; pub fn drop() {}",
            "pub struct Error; impl A { pub fn drop() {} pub fn assert() {} }",
            "macro_rules! vec { () => {} }",
            "pub fn format() {} pub fn char() {} pub struct Hash; pub mod str {} pub mod core {} pub use a::format;",
            "extern crate std; pub enum Kind { String, Some }",
            "pub type Result<T, E = Box<dyn Error<A = u8>>> = core::result::Result<T, E>;",
            "pub use ::std::{string::{String, ToString}, vec::Vec}; pub use a::{*};",
        ] {
            assert!(shadows(code).is_empty(), "{code}: {:?}", shadows(code));
        }
    }
}
