//! Reads the source with its macros expanded: attributes and items that only an expansion shows.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};

use super::super::tamper;
use super::{methods, shadows};
use crate::toolchain::EffectSubject;
use crate::types::{Finding, Tree};

/// A finding of a rule, at the place of another one if there is one.
pub fn finding(rule: &str, at: Option<&Finding>) -> Finding {
    let (message, remedy) = match rule {
        "unreadable" => (
            "the source cannot be read, so it cannot be checked",
            "write plain Rust source, without unusual syntax",
        ),
        "shadow" => ("", "use another name, or do not make it public"),
        "surroundings" => ("", "compute the result from the arguments alone"),
        _ => ("", "remove it, and fix the code instead"),
    };
    Finding {
        rule: rule.to_owned(),
        message: message.to_owned(),
        remedy: Some(remedy.to_owned()),
        file: at.and_then(|at| at.file.clone()),
        line: at.and_then(|at| at.line),
        ..Finding::default()
    }
}

/// Files that compile, but that regen cannot read.
pub fn unreadable(tree: &Tree) -> Vec<Finding> {
    let files = tree.iter().filter(|(path, _)| path.as_str().ends_with(".rs"));
    let bad = files.filter(|(_, bytes)| {
        let text = String::from_utf8_lossy(bytes);
        tamper::shebang(&text) || text.parse::<TokenStream>().is_err()
    });
    bad.map(|(path, _)| Finding { file: Some(path.to_string()), ..finding("unreadable", None) })
        .collect()
}

/// A word of the candidate's own source.
#[derive(Clone, Debug)]
struct SourceWord {
    file: String,
    line: u32,
    /// Whether it names an item, or what is imported.
    declares: bool,
}

/// The words of the candidate's files, each at its best place.
fn words(tree: &Tree) -> BTreeMap<String, SourceWord> {
    const BEFORE: [&str; 12] = [
        "struct",
        "enum",
        "union",
        "trait",
        "type",
        "mod",
        "fn",
        "as",
        "const",
        "static",
        "use",
        "macro_rules",
    ];
    let mut words: BTreeMap<String, SourceWord> = BTreeMap::new();
    for (path, bytes) in tree.iter().filter(|(path, _)| path.as_str().ends_with(".rs")) {
        let text = String::from_utf8_lossy(bytes);
        let Ok(tokens) = text.parse::<TokenStream>() else { continue };
        let mut streams = vec![tokens];
        while let Some(stream) = streams.pop() {
            let mut before = String::new();
            for token in stream {
                match &token {
                    TokenTree::Group(group) => streams.push(group.stream()),
                    // A method's call is no attribute.
                    TokenTree::Ident(name) if before != "." => {
                        let line = u32::try_from(name.span().start().line).unwrap_or(u32::MAX);
                        let declares = BEFORE.contains(&before.as_str());
                        let word = SourceWord { file: path.to_string(), line, declares };
                        let name = name.to_string().trim_start_matches("r#").to_owned();
                        let known = words.entry(name).or_insert_with(|| word.clone());
                        if declares && !known.declares {
                            *known = word;
                        }
                    }
                    _ => {}
                }
                match &token {
                    TokenTree::Punct(punct) if punct.as_char() == '!' => {}
                    // The text of a deeply nested group would overflow the stack.
                    TokenTree::Group(_) => before.clear(),
                    _ => before = token.to_string(),
                }
            }
        }
    }
    words
}

/// Names, with a finding at each one's place; without a place where only a macro's expansion has it.
pub fn at_words(tree: &Tree, names: Vec<String>) -> Vec<(String, Finding)> {
    let words = words(tree);
    let placed = names.into_iter().map(|name| {
        let at = words.get(&name);
        let (file, line) = (at.map(|at| at.file.clone()), at.map(|at| at.line));
        (name, Finding { file, line, ..Finding::default() })
    });
    placed.collect()
}

/// Checks the expanded source.
pub fn find(expanded: &str, subject: EffectSubject<'_>) -> Vec<Finding> {
    let words = words(subject.tree);
    let Ok(tokens) = expanded.parse::<TokenStream>() else {
        return vec![finding("unreadable", None)];
    };
    let at = |word: &str, found: Finding| {
        let at = words.get(word);
        let (file, line) = (at.map(|at| at.file.clone()), at.map(|at| at.line));
        Finding { file, line, ..found }
    };
    let spec = &subject.spec.visible;
    let methods = methods::find(tokens.clone(), |name| shadows::declared_by(spec, name));
    let shadows = shadows::find(tokens.clone(), spec).into_iter().chain(methods);
    let shadows = shadows
        .into_iter()
        .map(|(name, message)| at(&name, Finding { message, ..finding("shadow", None) }));
    // Macros of the standard library and of dependencies expand to attributes too: an attribute is
    // the candidate's own if all its words are in the candidate's files.
    let tricks = tamper::in_expanded(tokens).into_iter();
    let own = tricks.filter(|(used, _)| used.iter().all(|word| words.contains_key(word)));
    let own = own.map(|(_, message)| {
        let name = message.split('`').nth(1).unwrap_or_default().to_owned();
        at(&name, Finding { message, ..finding("attribute", None) })
    });
    own.chain(shadows).collect()
}

#[cfg(test)]
mod tests {
    use super::{EffectSubject, find, unreadable};
    use crate::spec_for_tests::spec;
    use crate::types::{RelPath, Tree};

    fn rules(source: &str, expanded: &str) -> Vec<(String, Option<u32>)> {
        let (spec, target) = spec("");
        let file = (RelPath::parse("src/lib.rs").unwrap(), source.as_bytes().to_vec());
        let tree = Tree::from_iter([file]);
        let found = find(expanded, EffectSubject { spec: &spec, target: &target, tree: &tree });
        let found = unreadable(&tree).into_iter().chain(found);
        found.map(|finding| (finding.rule, finding.line)).collect()
    }

    #[test]
    fn only_attributes_of_the_candidates_own_words_count() {
        let matches = concat!("#", "[allow(non_exhaustive_omitted_patterns)] fn a() {}");
        assert_eq!(rules("fn a(allow: bool) { b.expect(matches!(c, d)) }", matches), []);
        let made = concat!("#", "[allow(dead_code)] fn a() {}");
        let source = "m! {\n[r#allow(dead_code)] }";
        assert_eq!(rules(source, made), [("attribute".to_owned(), Some(2))]);
        assert_eq!(rules("m! { Some }", "pub struct Some;"), [("shadow".to_owned(), Some(1))]);
    }

    #[test]
    fn nesting_of_any_depth_is_read() {
        let (open, close) = ("(".repeat(20_000), ")".repeat(20_000));
        let deep = format!(
            "fn a() {{ {open}{close} }} pub type A = {open}{close}; pub use {open}{close};"
        );
        assert_eq!(rules(&deep, &deep), []);
    }

    #[test]
    fn what_cannot_be_read_is_a_finding() {
        let unreadable = |line| ("unreadable".to_owned(), line);
        assert_eq!(rules("#!/bin/x\nfn a() {}", ""), [unreadable(None)]);
        assert_eq!(rules("fn a() { \"", ""), [unreadable(None)]);
        assert_eq!(rules("", "fn a( {"), [unreadable(None)]);
    }
}
