//! Functions in tokens: in macros, and in files that the parser does not read.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::super::identifiers::plain;

/// Offsets of the starts of the bodies of functions, at any depth; not of `const fn`s, which a
/// panic would stop while they are compiled, and not of those with attributes inside.
pub fn bodies(tokens: TokenStream) -> Vec<usize> {
    let (mut found, mut streams) = (Vec::new(), vec![tokens]);
    while let Some(stream) = streams.pop() {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => streams.push(group.stream()),
                TokenTree::Ident(word) if word == "fn" && !is_const(&tokens[..at]) => {
                    found.extend(body(&tokens[at + 1..]));
                }
                _ => {}
            }
        }
    }
    found
}

/// The same in the definition of a macro, where only what it writes has functions.
pub fn bodies_in_rules(tokens: TokenStream) -> Vec<usize> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |at: Option<usize>, char: char| {
        let token = at.and_then(|at| tokens.get(at));
        matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
    };
    let written = tokens.iter().enumerate().filter_map(|(at, token)| match token {
        TokenTree::Group(group) if is(at.checked_sub(1), '>') && is(at.checked_sub(2), '=') => {
            Some(group.stream())
        }
        _ => None,
    });
    written.flat_map(bodies).collect()
}

fn is_const(before: &[TokenTree]) -> bool {
    let words = before.iter().rev().map_while(|token| match token {
        TokenTree::Ident(word) => Some(plain(word)),
        // The ABI of a function.
        TokenTree::Literal(_) => Some(String::new()),
        _ => None,
    });
    let mut words = words.take_while(|word| {
        word.is_empty() || ["const", "async", "unsafe", "extern"].contains(&word.as_str())
    });
    words.any(|word| word == "const")
}

/// The body of the function whose name comes first in these tokens.
fn body(tokens: &[TokenTree]) -> Option<usize> {
    // A type has no name.
    if let Some(TokenTree::Group(_)) | None = tokens.first() {
        return None;
    }
    let is_end = |token: &TokenTree| match token {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Ident(word) => word == "fn",
        TokenTree::Group(_) | TokenTree::Literal(_) => false,
    };
    let body = tokens.iter().take_while(|token| !is_end(token)).find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
        _ => None,
    })?;
    let mut inside = body.stream().into_iter();
    let mut is_next = |char: char| match inside.next() {
        Some(TokenTree::Punct(punct)) => punct.as_char() == char,
        _ => false,
    };
    let has_attributes = is_next('#') && is_next('!');
    (!has_attributes).then(|| body.span_open().byte_range().end)
}

#[cfg(test)]
mod tests {
    use super::{bodies, bodies_in_rules};

    fn marked(text: &str, of: fn(proc_macro2::TokenStream) -> Vec<usize>) -> String {
        let mut marked = text.to_owned();
        let mut places = of(text.parse().expect("is Rust"));
        places.sort_unstable();
        for at in places.into_iter().rev() {
            marked.insert(at, '@');
        }
        marked
    }

    #[test]
    fn bodies_are_found_in_any_tokens() {
        for (text, found) in [
            (
                "fn a() -> u8 { 1 } mod b { pub async fn c() {} }",
                "fn a() -> u8 {@ 1 } mod b { pub async fn c() {@} }",
            ),
            (
                "fn $name(n: $t) -> [u8; { 2 }] where T: A { 1 }",
                "fn $name(n: $t) -> [u8; { 2 }] where T: A {@ 1 }",
            ),
            ("fn a() { fn b() {} }", "fn a() {@ fn b() {@} }"),
            (
                "pub const fn a() {} const unsafe extern \"C\" fn b() {}",
                "pub const fn a() {} const unsafe extern \"C\" fn b() {}",
            ),
            (
                "trait A { fn a(); fn b() {} } fn c $body",
                "trait A { fn a(); fn b() {@} } fn c $body",
            ),
            ("let a: fn(u8) -> u8 = { b };", "let a: fn(u8) -> u8 = { b };"),
            (
                "fn a() { #![warn(x)] } fn b() { #[c] d }",
                "fn a() { #![warn(x)] } fn b() {@ #[c] d }",
            ),
        ] {
            assert_eq!(marked(text, bodies), found);
        }
        let rules = "(fn $a:ident() {}) => { fn $a() {} }; ($b:block) => (fn c() {});";
        let found = "(fn $a:ident() {}) => { fn $a() {@} }; ($b:block) => (fn c() {@});";
        assert_eq!(marked(rules, bodies_in_rules), found);
    }
}
