//! The crates that code uses, by name.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};

use super::identifiers::plain;
use crate::types::Tree;

/// Those of the named crates that some file uses by a path or an import, and that no module is
/// named like.
pub fn find<'a>(tree: &Tree, names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let names: Vec<(&str, String)> = names.map(|name| (name, name.replace('-', "_"))).collect();
    if names.is_empty() {
        return BTreeSet::new();
    }
    let mut roots = CrateRoots::default();
    let files = tree.iter().filter(|(path, _)| path.ends_with(".rs"));
    for text in files.filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok()) {
        roots.read(text.parse().unwrap_or_default());
    }
    let is_used = |name: &String| roots.used.contains(name) && !roots.modules.contains(name);
    names.into_iter().filter(|(_, code)| is_used(code)).map(|(name, _)| name.to_owned()).collect()
}

#[derive(Default)]
struct CrateRoots {
    used: BTreeSet<String>,
    modules: BTreeSet<String>,
}

impl CrateRoots {
    fn read(&mut self, stream: TokenStream) {
        let mut streams = vec![stream];
        while let Some(stream) = streams.pop() {
            let tokens: Vec<TokenTree> = stream.into_iter().collect();
            for (at, token) in tokens.iter().enumerate() {
                match token {
                    TokenTree::Group(group) => streams.push(group.stream()),
                    TokenTree::Ident(ident) => self.word(&plain(ident), &tokens, at),
                    _ => {}
                }
            }
        }
    }

    fn word(&mut self, name: &str, tokens: &[TokenTree], at: usize) {
        let before = |n: usize| at.checked_sub(n).and_then(|at| tokens.get(at));
        // Behind `::`, a root is one only where nothing is before that.
        let inside = is_colon(before(1))
            && is_colon(before(2))
            && matches!(before(3), Some(TokenTree::Ident(_)))
            && !is_word(before(3), &["use", "return", "in", "as", "dyn", "impl", "mut"]);
        let starts = is_colon(tokens.get(at + 1)) && is_colon(tokens.get(at + 2));
        if is_word(before(1), &["mod"]) {
            self.modules.insert(name.to_owned());
        } else if !inside && (starts || is_word(before(1), &["use", "crate"])) {
            self.used.insert(name.to_owned());
        }
    }
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
}

fn is_word(token: Option<&TokenTree>, words: &[&str]) -> bool {
    matches!(token, Some(TokenTree::Ident(word)) if words.iter().any(|one| word == one))
}
