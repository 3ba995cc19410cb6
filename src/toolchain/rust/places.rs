//! Finds macros that tell code where it stands: `file!`, `line!`, `column!`, `module_path!`. An
//! expansion shows only their values, so they are searched by name.

use proc_macro2::{TokenStream, TokenTree};

use super::identifiers::plain;

/// The macros, and those that are hidden in the same way.
const MACROS: [&str; 7] =
    ["file", "line", "column", "module_path", "include", "include_str", "include_bytes"];

/// What was found: line, rule and message.
pub type Trick = (usize, &'static str, String);

/// Calls of these macros by name, by another name, or by a name that a macro is given.
pub fn find(tokens: &TokenStream) -> Vec<Trick> {
    let mut reader = PlaceReader::default();
    let mut streams = vec![(tokens.clone(), false)];
    while let Some((stream, is_call)) = streams.pop() {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for at in 0..tokens.len() {
            if let TokenTree::Group(group) = &tokens[at] {
                let called = at > 0 && is(tokens.get(at - 1), '!');
                streams.push((group.stream(), called));
            }
            reader.token(&tokens, at, is_call);
        }
    }
    reader.found()
}

/// What the tokens say so far.
#[derive(Default)]
struct PlaceReader {
    /// Calls by name.
    calls: Vec<(usize, String)>,
    /// Names that are imported under another one.
    renamed: Vec<(usize, String, String)>,
    /// Macros that are called.
    called: Vec<String>,
    /// Names that are a whole argument of a macro.
    given: Vec<(usize, String)>,
    /// Whether a macro calls what it is given.
    calls_given: bool,
}

impl PlaceReader {
    fn token(&mut self, tokens: &[TokenTree], at: usize, is_call: bool) {
        let TokenTree::Ident(ident) = &tokens[at] else { return };
        let (name, line) = (plain(ident), ident.span().start().line);
        let next = tokens.get(at + 1);
        if is(next, '!') && matches!(tokens.get(at + 2), Some(TokenTree::Group(_))) {
            self.calls_given |= at > 0 && is(tokens.get(at - 1), '$');
            // The other ones have rules of their own.
            if MACROS[..4].contains(&&*name) {
                self.calls.push((line, name.clone()));
            }
            self.called.push(name);
            return;
        }
        if !MACROS.contains(&&*name) && name != "cfg" {
            return;
        }
        if let (Some(TokenTree::Ident(word)), Some(TokenTree::Ident(new))) =
            (next, tokens.get(at + 2))
            && word == "as"
        {
            self.renamed.push((line, name.clone(), plain(new)));
        }
        let ends = |token: Option<&TokenTree>| token.is_none() || is(token, ',') || is(token, ';');
        let before = at.checked_sub(1).map(|at| &tokens[at]);
        if is_call && ends(before) && ends(next) {
            self.given.push((line, name));
        }
    }

    fn found(self) -> Vec<Trick> {
        let renamed = self.renamed.into_iter().filter(|(_, _, new)| self.called.contains(new));
        let renamed = renamed.map(|(line, name, _)| (line, name));
        let given = self.given.into_iter().filter(|_| self.calls_given);
        let all = self.calls.into_iter().chain(renamed).chain(given);
        let trick = |(line, name): (usize, String)| {
            let message = format!(
                "`{name}!` gives code what differs between the place where it is tested and the one \
                 where it is used; do without it"
            );
            (line, "surroundings", message)
        };
        all.map(trick).collect()
    }
}

fn is(token: Option<&TokenTree>, char: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}
