//! Reads the user's suites: which tests they have by their text.

use std::collections::BTreeSet;

use super::language::ApartTests;
use crate::toolchain::{Expansion, Expected, Suite, SuiteFile, clause_of, key};
use crate::types::{Problem, RelPath, Spec};

/// Reads a user's suite, or a module beside one.
pub fn read(
    language: &impl ApartTests,
    spec: &Spec,
    file: &SuiteFile,
) -> Result<Suite, Box<Problem>> {
    let wrong = |rule: &str, message: String| Box::new(Problem::error(rule, message));
    let shown = file.text.trim_start_matches('\u{feff}').to_owned();
    let path = RelPath::parse(&format!("tests/{}", file.name))
        .map_err(|why| wrong("suite::name", format!("the name {} {why}", file.name)))?;
    let names = if language.is_test_file(&file.name) {
        let read = language.names(&shown);
        read.map_err(|why| wrong("suite::file", format!("{}: {why}", file.name)))?
    } else {
        Vec::new()
    };
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
        let message = format!("{}: `{twice}` is written twice: only one of them runs", file.name);
        return Err(wrong("suite::twice", message));
    }
    let tests = names.into_iter().map(|name| Expected {
        clause: clause_of(spec, &name),
        // Code around a test may be part of it.
        key: key(spec, &name, &shown),
        name,
        words: BTreeSet::new(),
        transcript: None,
        expansion: Expansion::Plain,
    });
    let tests = tests.collect();
    let text = shown.clone();
    Ok(Suite { path, text, shown, tests, data: false, bytes: None, lines: Vec::new() })
}
