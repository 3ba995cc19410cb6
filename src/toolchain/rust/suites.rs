//! Parses the user's suites.

use super::nonce;
use crate::toolchain::{Expansion, Expected, Suite, SuiteFile, clause_of, key};
use crate::types::{Problem, RelPath, Spec};

/// Parses a user's suite: its tests are functions with `#[test]` or an attribute of a test library, and
/// those that macros make, without `#[ignore]`.
pub fn read(spec: &Spec, file: &SuiteFile) -> Result<Suite, Box<Problem>> {
    let stem = file.name.trim_end_matches(".rs");
    if !stem.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        let message = format!("`{}` cannot be the name of a test program", file.name);
        let problem = Problem::error("suite::name", message);
        return Err(Box::new(problem.help("use letters, digits, `-` and `_`")));
    }
    let shown = file.text.trim_start_matches('\u{feff}').to_owned();
    let (text, tests) = nonce::file(&shown).map_err(|(why, line)| {
        let mut problem = Problem::error("suite::syntax", format!("{}: {why}", file.name));
        problem.line = line;
        Box::new(problem)
    })?;
    let tests = tests.into_iter().map(|test| Expected {
        clause: clause_of(spec, &test.name),
        // Code around a test may be part of it.
        key: key(spec, &test.name, &shown),
        name: test.name,
        words: test.words,
        transcript: None,
        expansion: test.expansion,
    });
    // Of the words in a macro's call only those that name a clause are known to name a test.
    let tests = tests.filter(|test| test.expansion != Expansion::Macro || test.clause.is_some());
    let tests = tests.collect();
    let path = RelPath::parse(&format!("tests/{}", file.name)).map_err(|why| {
        Box::new(Problem::error("suite::name", format!("the name {} {why}", file.name)))
    })?;
    Ok(Suite { path, text, shown, tests, data: false, bytes: None, lines: Vec::new() })
}
