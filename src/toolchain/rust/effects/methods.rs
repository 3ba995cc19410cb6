//! Public traits that hide methods of the standard library. Where such a trait is imported, its
//! method for `String` is found before the one of `str`, one with `self` before one with `&self`,
//! and one with `&self` before one with `&mut self`.

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
/// Other methods with `&self`, of types and of the traits that every file imports.
const SHARED: &str = "
    as_bytes as_deref as_mut as_ref as_slice as_str back borrow capacity clone cmp contains_key
    count
    deref difference eq fmt front ge get_key_value gt hash intersection is_disjoint is_empty is_err
    is_none is_ok is_some is_subset is_superset keys le len lt ne partial_cmp peek range size_hint
    symmetric_difference to_owned to_string union values";
/// Methods with `&mut self`.
const MUTABLE: &str = "
    all any append clear drain entry extend find find_map get_mut get_or_insert get_or_insert_with
    insert iter_mut next next_back nth pop pop_back pop_first pop_front pop_last position push
    push_back push_front push_str remove replace resize retain reverse rposition sort sort_by
    sort_by_key sort_unstable swap take truncate try_fold values_mut";
/// Methods of traits on which tests rely, and which need not be written: they follow from others.
const FOLLOWING: [(&str, &str); 3] = [
    ("Iterator", "eq ne lt le gt ge cmp partial_cmp all any is_sorted"),
    ("PartialOrd", "lt le gt ge"),
    ("PartialEq", "ne"),
];
/// Types whose methods are mostly those of what they point to.
const POINTERS: [&str; 9] =
    [ARRAY, "String", "Vec", "Box", "Rc", "Arc", "Cow", "PathBuf", "OsString"];
const ARRAY: &str = "array";

/// Methods of public traits that hide others, with a message each. A method that the spec asks for,
/// by `asked`, is its author's choice. Bodies are not read.
pub fn find(tokens: TokenStream, asked: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut traits: BTreeMap<String, BTreeSet<TraitMethod>> = BTreeMap::new();
    let mut given: Vec<(String, ImplementedFor)> = Vec::new();
    let (mut own, mut aliases) = (BTreeSet::new(), BTreeMap::new());
    let mut replaced: Vec<(String, String)> = Vec::new();
    let mut modules = vec![tokens];
    while let Some(module) = modules.pop() {
        let tokens: Vec<TokenTree> = module.into_iter().collect();
        for at in 0..tokens.len() {
            let before = |back: usize| at.checked_sub(back).and_then(|at| word(&tokens, at));
            // The names of an import.
            if at > 0 && is(&tokens[at - 1], ':') {
                modules.extend(braces(&tokens[at..], 1));
            }
            match word(&tokens, at).as_deref() {
                Some("mod") => modules.extend(braces(&tokens[at..], 3)),
                Some("trait") if ["pub", "unsafe"].contains(&&*before(1).unwrap_or_default()) => {
                    let name = word(&tokens, at + 1).unwrap_or_default();
                    let body = braces(&tokens[at..], usize::MAX).unwrap_or_default();
                    traits.entry(name).or_default().extend(functions(body));
                }
                Some("impl") => {
                    let Some((of, to)) = implemented(&tokens[at + 1..]) else { continue };
                    let body = braces(&tokens[at..], usize::MAX).unwrap_or_default();
                    replaced.extend(functions(body).into_iter().map(|one| (of.clone(), one.name)));
                    given.push((of, to));
                }
                Some("as") => {
                    aliases
                        .extend(before(1).zip(word(&tokens, at + 1)).map(|(of, name)| (name, of)));
                }
                Some("struct" | "enum" | "union") => own.extend(word(&tokens, at + 1)),
                _ => {}
            }
        }
    }
    let mut found = BTreeMap::new();
    for (of, to) in given {
        for TraitMethod { name, receiver } in traits.get(&of).into_iter().flatten() {
            if !to.is_hidden_in(*receiver, name, &own) {
                continue;
            }
            let message = format!(
                "the public trait `{of}` gives {to} a method `{name}`, which hides the one of the \
                 standard library"
            );
            found.insert(name.clone(), message);
        }
    }
    for (of, method) in replaced {
        let of = aliases.get(&of).unwrap_or(&of);
        let follows = |(name, methods): &(&str, &str)| {
            name == of && methods.split_whitespace().any(|known| known == method)
        };
        if FOLLOWING.iter().any(follows) {
            let message = format!(
                "an implementation of `{of}` replaces `{method}`, which follows from its other methods: \
                 leave it out"
            );
            found.insert(method, message);
        }
    }
    found.into_iter().filter(|(method, _)| !asked(method)).collect()
}

/// A method of a trait.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct TraitMethod {
    name: String,
    receiver: Receiver,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Receiver {
    Value,
    Shared,
    Mutable,
}

/// The type that a trait is implemented for.
enum ImplementedFor {
    /// A parameter.
    Every,
    /// One with this name, or a word for what has none.
    Named(String),
}

impl std::fmt::Display for ImplementedFor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Every => f.write_str("every type"),
            Self::Named(name) => write!(f, "`{name}`"),
        }
    }
}

impl ImplementedFor {
    /// Whether a trait's method of this name hides another one of this type.
    fn is_hidden_in(&self, receiver: Receiver, name: &str, own: &BTreeSet<String>) -> bool {
        let is_in = |lists: &[&str]| {
            lists.iter().any(|list| list.split_whitespace().any(|known| known == name))
        };
        match self {
            Self::Named(of) if own.contains(of) => false,
            _ if receiver == Receiver::Value => is_in(&[METHODS, SHARED, MUTABLE]),
            _ if receiver == Receiver::Shared && is_in(&[MUTABLE]) => true,
            Self::Named(of) if !POINTERS.contains(&of.as_str()) => false,
            _ => is_in(&[METHODS]),
        }
    }
}

fn word(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at) {
        Some(TokenTree::Ident(word)) => Some(plain(word)),
        _ => None,
    }
}

fn is(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

/// The first group of braces among the first tokens.
fn braces(tokens: &[TokenTree], among: usize) -> Option<TokenStream> {
    let mut groups = tokens.iter().take(among).filter_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    });
    groups.next()
}

/// The methods of a trait.
fn functions(body: TokenStream) -> Vec<TraitMethod> {
    let tokens: Vec<TokenTree> = body.into_iter().collect();
    let all = 0..tokens.len();
    let starts = all.filter(|at| word(&tokens, *at).is_some_and(|word| word == "fn"));
    let method = |at: usize| {
        let (mut depth, mut before) = (0_i32, None);
        let parameters = tokens[at..].iter().find_map(|token| {
            let opens = i32::from(is(token, '<'));
            let closes = is(token, '>') && !before.is_some_and(|before| is(before, '-'));
            depth += opens - i32::from(closes);
            before = Some(token);
            match token {
                TokenTree::Group(group) if depth == 0 => Some(group.stream().into_iter()),
                _ => None,
            }
        });
        let first: Vec<TokenTree> =
            parameters?.take_while(|token| !is(token, ',') && !is(token, ':')).collect();
        let has =
            |wanted: &str| (0..first.len()).any(|at| word(&first, at).as_deref() == Some(wanted));
        let receiver = match (first.iter().any(|token| is(token, '&')), has("mut")) {
            (true, true) => Receiver::Mutable,
            (true, false) => Receiver::Shared,
            _ => Receiver::Value,
        };
        let name = word(&tokens, at + 1)?;
        has("self").then_some(TraitMethod { name, receiver })
    };
    starts.filter_map(method).collect()
}

/// The trait and the type of an implementation, from the tokens after `impl`.
fn implemented(tokens: &[TokenTree]) -> Option<(String, ImplementedFor)> {
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
                let is_array = group.stream().into_iter().any(|token| is(&token, ';'));
                let is_tuple = group.delimiter() == Delimiter::Parenthesis;
                names.push(
                    if is_tuple {
                        "tuple"
                    } else if is_array {
                        ARRAY
                    } else {
                        "slice"
                    }
                    .to_owned(),
                );
            }
            _ => {}
        }
        before = ' ';
    }
    let to = names.pop()?;
    let is_every = parameters.contains(&to);
    Some((of?, if is_every { ImplementedFor::Every } else { ImplementedFor::Named(to) }))
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
            ("pub trait A { fn is_none(self) -> bool; } impl A for Option<u8> {}", "is_none"),
            (
                "pub trait A { fn all(&self, of: F) -> bool; } impl<T> A for std::slice::Iter<'_, T> {}",
                "all",
            ),
            (
                "pub trait A { fn all<F: Fn(u8) -> u8>(self); } impl<'a> A for Iter<'a, u8> {}",
                "all",
            ),
            ("pub trait A { fn lt(self, other: Self) -> bool; } impl<T: Ord> A for T {}", "lt"),
            ("pub trait A { fn get(mut self: Box<Self>); } impl A for (u8, u8) {}", "get"),
            ("pub trait A { fn insert<T>(&self); } impl A for HashSet<Own> {}", "insert"),
            (
                "impl Iterator for Own { fn next(&mut self) {} fn eq<I>(self, _: I) -> bool {} }",
                "eq",
            ),
            (
                "use std::{cmp, cmp::{PartialOrd as P}}; impl<T> P for Own<T> { fn lt(&self) {} }",
                "lt",
            ),
            ("impl ::core::cmp::PartialEq for Own { fn eq(&self) {} fn ne(&self) {} }", "ne"),
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
            "impl Iterator for Own { fn next(&mut self) {} fn size_hint(&self) {} fn fold(self) {} }",
            "impl PartialOrd for Own { fn partial_cmp(&self) {} } impl PartialEq for Own { fn eq(&self) {} }",
            "impl Own { pub fn lt(&self) {} } impl Own2 for Own { fn eq(&self) {} }",
            "impl Own { pub fn contains(&self) {} } impl Iterator for Vec2 { fn last(self) {} }",
            "struct Own; pub trait A { fn is_none(self); fn all(&self); } impl A for Own {} impl A for &Own {}",
            "pub trait A { fn is_some(&self); fn len(&mut self); fn get(n: u8); } impl A for Option<u8> {}",
            "pub trait A { fn area(self); fn is_even(self); } impl A for f64 {} impl<T> A for T {}",
        ] {
            assert_eq!(methods(code), [""; 0], "{code}");
        }
    }
}
