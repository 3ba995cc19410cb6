//! Identifiers in Rust code.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream, TokenTree};

/// An identifier without `r#`.
pub fn plain(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

/// Every identifier in a token stream, at any depth; not in strings.
pub fn of(tokens: TokenStream) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut streams = vec![tokens];
    while let Some(stream) = streams.pop() {
        for token in stream {
            match token {
                TokenTree::Ident(name) => drop(names.insert(name.to_string())),
                TokenTree::Group(group) => streams.push(group.stream()),
                _ => {}
            }
        }
    }
    names
}

/// The names of items declared in a token stream, at any depth.
pub fn declared(tokens: TokenStream) -> BTreeSet<String> {
    const ITEMS: [&str; 8] = ["fn", "struct", "enum", "union", "const", "static", "type", "trait"];
    let mut names = BTreeSet::new();
    let mut streams = vec![tokens];
    while let Some(stream) = streams.pop() {
        let mut item = false;
        for token in stream {
            match &token {
                TokenTree::Ident(name) if item => drop(names.insert(name.to_string())),
                TokenTree::Group(group) => streams.push(group.stream()),
                _ => {}
            }
            item = matches!(&token, TokenTree::Ident(word) if ITEMS.contains(&&*word.to_string()));
        }
    }
    names
}

/// Every identifier in a text, with its line, in order; raw ones without `r#`.
///
/// # Errors
/// It cannot be tokenized.
pub fn with_lines(text: &str) -> Result<Vec<(String, u32)>, String> {
    let tokens = text.parse().map_err(|_| "cannot parse this file as Rust".to_owned())?;
    let (mut names, mut streams): (_, Vec<TokenStream>) = (Vec::new(), vec![tokens]);
    while let Some(stream) = streams.pop() {
        for token in stream {
            match token {
                TokenTree::Ident(name) => {
                    let line = u32::try_from(name.span().start().line).unwrap_or(u32::MAX);
                    names.push((name.to_string().trim_start_matches("r#").to_owned(), line));
                }
                TokenTree::Group(group) => streams.push(group.stream()),
                _ => {}
            }
        }
    }
    names.sort_by_key(|(_, line)| *line);
    Ok(names)
}

/// Every identifier in a text, if it is Rust.
pub fn in_text(text: &str) -> BTreeSet<String> {
    of(text.parse().unwrap_or_default())
}

/// An item's name, and the identifiers in it.
pub type Named = (String, BTreeSet<String>);

/// Adds identifiers transitively.
pub fn follow(names: &mut BTreeSet<String>, items: &[Named]) {
    let mut left: Vec<&Named> = items.iter().collect();
    loop {
        let (named, rest): (Vec<&Named>, Vec<&Named>) =
            left.iter().partition(|(name, _)| names.contains(name));
        if named.is_empty() {
            return;
        }
        names.extend(named.iter().flat_map(|(_, names)| names.iter().cloned()));
        left = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::{follow, in_text};

    #[test]
    fn names_are_followed_transitively_and_strings_are_ignored() {
        let mut names = in_text("a(\"b\", [c::d], 'e', 1)");
        assert_eq!(names, ["a", "c", "d"].map(str::to_owned).into());
        let tokens = "#[m] pub fn one() { struct Two; } ($x:ident) => { fn $x() {} }";
        let declared = super::declared(tokens.parse().unwrap());
        assert_eq!(declared, ["one", "Two"].map(str::to_owned).into());
        let item = |name: &str, text: &str| (name.to_owned(), in_text(text));
        follow(&mut names, &[item("d", "x; y"), item("y", "z"), item("q", "p")]);
        assert!(names.contains("z") && !names.contains("p"));
    }
}
