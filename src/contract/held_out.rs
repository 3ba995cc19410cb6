//! Chooses the examples that are held out.

use std::ops::Range;

use super::statements::{statements, top_level};
use crate::types::Digest;

/// The lines that are held out of the visible examples of a clause, for each of them: of three or
/// more rows and independent lines a third, chosen by their digests.
pub fn held_out(examples: &[(&str, &str)], seed: &str) -> Vec<Vec<usize>> {
    let mut units: Vec<(Digest, usize, Range<usize>)> = Vec::new();
    for (number, (language, code)) in examples.iter().enumerate() {
        let lines: Vec<&str> = code.lines().collect();
        for unit in independent(language, code) {
            let text = lines.get(unit.clone()).unwrap_or_default().join("\n");
            units.push((Digest::of_parts(["hold out", seed, text.trim()]), number, unit));
        }
    }
    let mut held = vec![Vec::new(); examples.len()];
    if units.len() < 3 {
        return held;
    }
    units.sort_by_key(|(digest, number, unit)| (*digest, *number, unit.start));
    for (_, number, unit) in units.iter().take(units.len() / 3) {
        held[*number].extend(unit.clone());
    }
    held.iter_mut().for_each(|lines| lines.sort_unstable());
    held
}

/// Whether each line or row of a block is an example of its own.
pub fn is_independent(language: &str, code: &str) -> bool {
    !independent(language, code).is_empty()
}

/// The lines of each example of a block that does not depend on the others.
fn independent(language: &str, code: &str) -> Vec<Range<usize>> {
    if language == "table" {
        return (2..code.lines().count()).map(|at| at..at + 1).collect();
    }
    let statements: Vec<_> = statements(code).collect();
    let has_state = statements.iter().any(|(_, text)| text.starts_with("let "));
    let checked = |text: &str| top_level(text, '=').next().is_some();
    if has_state || !statements.iter().all(|(_, text)| checked(text)) {
        return Vec::new();
    }
    statements.iter().map(|(at, text)| *at..at + text.lines().count()).collect()
}
