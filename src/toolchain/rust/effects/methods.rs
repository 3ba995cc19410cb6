//! Public traits that hide methods of the standard library: where such a trait is imported, its
//! method for `String` is found before the one of `str`.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::super::identifiers::plain;

/// Methods of `str` and of slices that `String` and `Vec` do not have themselves.
const METHODS: &str = "
    bytes char_indices chars contains ends_with eq_ignore_ascii_case find get is_ascii
    is_char_boundary lines matches parse repeat replace replacen rfind rsplit rsplit_once split
    split_at split_once split_whitespace splitn starts_with strip_prefix strip_suffix
    to_ascii_lowercase to_ascii_uppercase to_lowercase to_uppercase trim trim_end trim_start
    binary_search chunks concat first is_sorted iter iter_mut join last reverse sort sort_by
    sort_unstable split_first split_last swap to_vec windows";
/// Types whose methods are mostly those of what they point to.
const POINTERS: [&str; 8] = ["String", "Vec", "Box", "Rc", "Arc", "Cow", "PathBuf", "OsString"];

/// Methods of public traits that hide others, with a message each. A method that the spec asks for,
/// by `asked`, is its author's choice. Bodies are not read.
pub fn find(tokens: TokenStream, asked: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut traits: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut given: Vec<(String, String)> = Vec::new();
    let mut modules = vec![tokens];
    while let Some(module) = modules.pop() {
        let tokens: Vec<TokenTree> = module.into_iter().collect();
        for at in 0..tokens.len() {
            let before = |back: usize| at.checked_sub(back).and_then(|at| word(&tokens, at));
            match word(&tokens, at).as_deref() {
                Some("mod") => modules.extend(braces(&tokens[at..], 3)),
                Some("trait") if ["pub", "unsafe"].contains(&&*before(1).unwrap_or_default()) => {
                    let name = word(&tokens, at + 1).unwrap_or_default();
                    let body = braces(&tokens[at..], usize::MAX).unwrap_or_default();
                    traits.entry(name).or_default().extend(functions(body));
                }
                Some("impl") => given.extend(implemented(&tokens[at + 1..])),
                _ => {}
            }
        }
    }
    let mut found = BTreeMap::new();
    for (of, to) in given {
        let hides = |name: &&String| METHODS.split_whitespace().any(|known| known == *name);
        for method in traits.get(&of).into_iter().flatten().filter(hides) {
            let message = format!(
                "the public trait `{of}` gives {to} a method `{method}`, which hides the one of the \
                 standard library"
            );
            found.insert(method.clone(), message);
        }
    }
    found.into_iter().filter(|(method, _)| !asked(method)).collect()
}

fn word(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at) {
        Some(TokenTree::Ident(word)) => Some(plain(word)),
        _ => None,
    }
}

/// The first group of braces among the first tokens.
fn braces(tokens: &[TokenTree], among: usize) -> Option<TokenStream> {
    let mut groups = tokens.iter().take(among).filter_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    });
    groups.next()
}

/// The functions of a trait.
fn functions(body: TokenStream) -> Vec<String> {
    let tokens: Vec<TokenTree> = body.into_iter().collect();
    let all = 0..tokens.len();
    let names = all.filter(|at| word(&tokens, *at).is_some_and(|word| word == "fn"));
    names.filter_map(|at| word(&tokens, at + 1)).collect()
}

/// The trait and the type of an implementation, from the tokens after `impl`, if the type points to
/// another one or may be any.
fn implemented(tokens: &[TokenTree]) -> Option<(String, String)> {
    let (mut depth, mut before) = (0_i32, ' ');
    let (mut names, mut parameters): (Vec<String>, BTreeSet<String>) = Default::default();
    let mut of = None;
    for token in tokens {
        match token {
            TokenTree::Punct(punct) => {
                let char = punct.as_char();
                depth += i32::from(char == '<') - i32::from(char == '>' && before != '-');
                before = char;
                continue;
            }
            TokenTree::Ident(name) if depth > 0 && of.is_none() && names.is_empty() => {
                parameters.insert(plain(name));
            }
            TokenTree::Ident(name) if depth == 0 => match plain(name).as_str() {
                "for" => of = std::mem::take(&mut names).pop(),
                "where" => break,
                name => names.push(name.to_owned()),
            },
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
            TokenTree::Group(group) if of.is_some() && depth == 0 => {
                let is_array = group.stream().into_iter().any(|token| token.to_string() == ";");
                names.extend(is_array.then(|| "arrays".to_owned()));
            }
            _ => {}
        }
        before = ' ';
    }
    let to = names.pop()?;
    let hides = POINTERS.contains(&to.as_str()) || to == "arrays" || parameters.contains(&to);
    let to = if parameters.contains(&to) { "every type".to_owned() } else { format!("`{to}`") };
    of.filter(|_| hides).map(|of| (of, to))
}

#[cfg(test)]
mod tests {
    use super::find;

    fn methods(code: &str) -> Vec<String> {
        let found = find(code.parse().expect("is Rust"), |name| name == "windows");
        found.into_iter().map(|one| one.0).collect()
    }

    #[test]
    fn methods_that_hide_others_are_found() {
        for (code, name) in [
            (
                "pub trait A { fn contains(&self, a: &str) -> bool; } impl A for String {}",
                "contains",
            ),
            (
                "mod m { pub trait A { fn iter(&self) {} } } impl<T: B<C>> m::A for Vec<T> {}",
                "iter",
            ),
            ("pub trait A { fn lines(&self); } impl<T> A for T where T: for<'a> B<'a> {}", "lines"),
            (
                "pub trait A<F> { fn first(&self); } impl<F: Fn(u8) -> u8> A<F> for [F; 2] {}",
                "first",
            ),
            (
                "pub unsafe trait A { fn r#trim(&self); } unsafe impl A for ::std::boxed::Box<str> {}",
                "trim",
            ),
        ] {
            assert_eq!(methods(code), [name], "{code}");
        }
    }

    #[test]
    fn other_methods_hide_nothing() {
        for code in [
            "pub trait A { fn words(&self); fn len(&self); } impl A for String {}",
            "pub trait A { fn contains(&self); } impl A for str {} impl A for Own {} impl A for [u8] {}",
            "trait A { fn contains(&self); } impl A for String {}",
            "pub(crate) trait A { fn contains(&self); } impl A for String {}",
            "pub trait A { fn contains(&self); } impl A for Own<String> {} impl<T> A for Own<T> {}",
            "pub trait A { fn windows(&self); } impl A for String {}",
            "impl Own { pub fn contains(&self) {} } impl Iterator for Vec2 { fn last(self) {} }",
        ] {
            assert_eq!(methods(code), [""; 0], "{code}");
        }
    }
}
