//! Finds tests in hand-written Rust files.

use proc_macro2::{TokenStream, TokenTree};

/// Functions with a test attribute, including those passed to macros.
pub fn tests_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // An invalid token stream has no tests.
    let tokens = text.parse::<TokenStream>().unwrap_or_default();
    let mut streams = vec![(tokens, String::new())];
    while let Some((stream, path)) = streams.pop() {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let word = |at: usize| match tokens.get(at) {
            Some(TokenTree::Ident(word)) => word.to_string(),
            Some(TokenTree::Punct(punct)) => punct.to_string(),
            _ => String::new(),
        };
        let (mut is_test, mut off) = (false, false);
        for (at, token) in tokens.iter().enumerate() {
            let before = |back: usize| at.checked_sub(back).map(word).unwrap_or_default();
            match token {
                TokenTree::Group(group) if before(1) == "#" => {
                    is_test |= attribute(group.stream(), &ATTRIBUTES);
                    off |= attribute(group.stream(), &["ignore"]);
                }
                TokenTree::Group(group) if before(2) == "mod" => {
                    streams.push((group.stream(), format!("{path}{}::", before(1))));
                }
                TokenTree::Group(group) if before(1) == "!" && before(2) != "#" => {
                    streams.push((group.stream(), path.clone()));
                }
                TokenTree::Ident(name) if before(1) == "fn" => {
                    if std::mem::take(&mut is_test) && !std::mem::take(&mut off) {
                        found.push(format!("{path}{name}"));
                    }
                    off = false;
                }
                _ => {}
            }
        }
    }
    found
}

/// Test attributes: of the standard library and of the crates rstest, test-case and quickcheck.
const ATTRIBUTES: [&str; 4] = ["test", "rstest", "test_case", "quickcheck"];

/// Whether an attribute's path ends in one of these words.
fn attribute(tokens: TokenStream, words: &[&str]) -> bool {
    let path = tokens.into_iter().take_while(|token| !matches!(token, TokenTree::Group(_)));
    let path = path.take_while(|token| !token.to_string().starts_with('='));
    path.last().is_some_and(|last| words.contains(&last.to_string().as_str()))
}
