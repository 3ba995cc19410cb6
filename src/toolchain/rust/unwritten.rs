//! Finds macros that replace code which a model left out.

use proc_macro2::{TokenStream, TokenTree};

/// The first call of a macro that replaces code, and its line from 1. Comments and strings do not
/// count, and neither does a file that is not Rust: the compiler reports it.
pub fn find(path: &str, text: &str) -> Option<(&'static str, usize)> {
    const MACROS: [(&str, &str); 2] = [("todo", "todo!("), ("unimplemented", "unimplemented!(")];
    if !path.ends_with(".rs") || !MACROS.iter().any(|(name, _)| text.contains(name)) {
        return None;
    }
    let mut found = Vec::new();
    let mut streams: Vec<TokenStream> = vec![text.parse().ok()?];
    while let Some(stream) = streams.pop() {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            if let TokenTree::Group(group) = token {
                streams.push(group.stream());
            }
            let TokenTree::Ident(name) = token else { continue };
            let is_call = matches!(tokens.get(at + 1), Some(TokenTree::Punct(p)) if p.as_char() == '!')
                && matches!(tokens.get(at + 2), Some(TokenTree::Group(_)));
            let known = MACROS.iter().find(|(known, _)| is_call && name == known);
            found.extend(known.map(|(_, shown)| (*shown, name.span().start().line)));
        }
    }
    found.into_iter().min_by_key(|(_, line)| *line)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn only_calls_in_code_replace_code() {
        for (code, line) in [
            ("fn a() { todo!() }", 1),
            ("fn a() {}\nfn b() { core::unimplemented ! [\"later\"] }", 2),
            ("macro_rules! m { () => {\n todo!() } }", 2),
        ] {
            assert_eq!(find("src/lib.rs", code).map(|(_, line)| line), Some(line), "{code}");
        }
        for code in [
            "// todo!() would panic\nfn a() {}",
            "/// Lists each `todo!()` and `unimplemented!()`.\nfn a() -> &'static str { \"todo!(\" }",
            "/* unimplemented!() */ fn todo(todo: bool) -> bool { todo != true && !(todo) }",
            "fn a( { todo!()",
        ] {
            assert_eq!(find("src/lib.rs", code), None, "{code}");
        }
        assert_eq!(find("README.md", "todo!()"), None);
    }
}
