//! What the rules judge, and what they know.

use std::collections::BTreeSet;

use crate::toolchain::TextForm;
use crate::toolchain::prose::TextShape;
use crate::toolchain::prose::page::{ProsePage, ProseUnit};
use crate::types::{Clause, Finding, Spec, Tree};

/// What is known when pages are judged.
#[derive(Debug)]
pub struct TextFacts<'a> {
    /// The spec of the text and of the code.
    pub spec: &'a Spec,
    /// Names of the clauses that tests of the code show.
    pub proven: &'a BTreeSet<String>,
    /// The public items of the code, one signature each. That of a member begins with its owner:
    /// `impl Cache: pub fn len(&self) -> usize`, `class Cache: def get(self) -> str`.
    pub items: &'a [String],
    /// Languages of blocks that are run.
    pub run: &'a [&'a str],
    /// Versions of the language that the code's manifest names.
    pub versions: &'a BTreeSet<String>,
    /// What the target says of its pages.
    pub shape: &'a TextShape,
    /// The texts that the text needs, by the way to them from its folder.
    pub beside: &'a [(&'a str, &'a Tree)],
}

/// Pages with what is known.
pub struct TextSubject<'a> {
    pub form: TextForm,
    pub facts: &'a TextFacts<'a>,
    pub tree: &'a Tree,
    pub pages: Vec<ProsePage<'a>>,
}

impl<'a> TextSubject<'a> {
    /// Whether tests of the code show a clause.
    pub fn is_proven(&self, clause: &Clause) -> bool {
        self.facts.proven.contains(clause.id.name())
    }

    /// The proven clauses that a unit cites.
    pub fn proven_of(&self, unit: &ProseUnit) -> Vec<&'a Clause> {
        let clauses = unit.cites.iter().filter_map(|name| self.facts.spec.clause(name));
        clauses.filter(|clause| self.is_proven(clause)).collect()
    }
}

/// A finding at an offset of a page.
pub fn found(page: &ProsePage<'_>, rule: &str, at: usize, message: String) -> Finding {
    let (file, line) = (Some(page.file.to_owned()), Some(page.line(at)));
    Finding { rule: rule.to_owned(), file, line, message, ..Finding::default() }
}

/// A finding about what a page does not have, at its last line.
pub fn missing(page: &ProsePage<'_>, rule: &str, message: String) -> Finding {
    Finding { line: Some(page.last_line()), ..found(page, rule, 0, message) }
}

/// The finding with what to do.
pub fn fix(finding: Finding, remedy: impl Into<String>) -> Finding {
    Finding { remedy: Some(remedy.into()), ..finding }
}

/// The name most similar to a wrong one, if one is similar enough.
pub fn nearest<'n>(wrong: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let alike = |name: &str| strsim::damerau_levenshtein(wrong, name);
    let near = known.into_iter().map(|name| (alike(name), name)).min()?;
    (near.0 <= 1 + wrong.chars().count() / 5).then_some(near.1)
}

/// A name of a contract in the languages' ways.
pub fn spellings(word: &str) -> [String; 4] {
    let capital = |part: &str| match part.chars().next() {
        Some(first) => first.to_uppercase().chain(part.chars().skip(1)).collect(),
        None => String::new(),
    };
    let parts: Vec<String> = word.split('-').map(capital).collect();
    let pascal = parts.concat();
    let first = pascal.chars().next().map(char::to_lowercase).into_iter().flatten();
    let camel = first.chain(pascal.chars().skip(1)).collect();
    [word.to_owned(), word.replace('-', "_"), pascal, camel]
}
