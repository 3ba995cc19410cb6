//! Generates a test file from examples.

use std::collections::BTreeSet;

use super::language::ApartTests;
use crate::toolchain::{Expansion, Expected, Suite, Visibility, key};
use crate::types::{RelPath, Spec};

/// The test file of a spec's visible or hidden examples.
pub fn suite(language: &impl ApartTests, spec: &Spec, shown: Visibility) -> Option<Suite> {
    let hidden = shown == Visibility::Hidden;
    let mut text = language.head(spec);
    let mut tests = Vec::new();
    let mut lines = Vec::new();
    for clause in &spec.clauses {
        let Some(id) = clause.test_ids().next() else { continue };
        let mine = clause.examples.iter().filter(|example| language.runs(example));
        let several = mine.clone().count() > 1;
        for (number, example) in mine.enumerate().filter(|(_, e)| e.hidden == hidden) {
            let id = if several { format!("{id}__{}", number + 1) } else { id.to_owned() };
            let (name, test) = language.example(&id, &example.code);
            let first = text.lines().count() as u32 + 1;
            text.push_str(&test);
            lines.push((first, text.lines().count() as u32, clause.id.clone()));
            tests.push(Expected {
                key: key(spec, &name, &example.code),
                name,
                clause: Some(clause.id.clone()),
                words: BTreeSet::new(),
                transcript: None,
                expansion: Expansion::Plain,
            });
        }
    }
    let path = RelPath::parse(language.examples_path()).expect("it is a plain path");
    let has_some = !tests.is_empty();
    let shown = String::new();
    has_some.then_some(Suite { path, text, shown, tests, data: false, bytes: None, lines })
}
