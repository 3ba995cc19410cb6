//! The rules for pages. Each is deterministic and reads only the pages, the spec and the outline of
//! the code. That a sentence means what its clause says is a reader's judgement.
//!
//! - `page`: no page; a page that is empty, not UTF-8, or has an open block or comment. `length`: a
//!   page over 64 KiB. With one of these findings, no other rule judges. `length` and `structure`
//!   are also what the target says: `max_words`, `sections`.
//! - `clause`: a citation without a clause or proof; in `docs` and `tutorial` a proven MUST clause
//!   that no page cites; in `copy` no citation at all. Not seen: whether the text says what the
//!   clause says.
//! - `item`: in `docs`, headings against the public items of the code, both ways. Not seen: items
//!   outside of headings.
//! - `name`: calls, paths, `snake_case` and `camelCase` in code spans that neither the code, the
//!   spec nor a block of the page has. Not seen: single plain words, names in capitals, arguments,
//!   receivers of methods, files, and whether a library has such a method. Signatures with other
//!   types than the code's. Not seen: types that the span leaves out.
//! - `number`: digits in prose that neither the spec, the outline nor a block of the page has; in
//!   `copy`, that the clauses which the unit cites do not have. Not seen: numbers in words, in code
//!   spans, in names such as `UTF-8`, of steps and sections; a right number in a wrong place.
//! - `letters`: words that mix scripts or look like others. Not seen: words of three letters.
//! - `claim`: words such as "best" or "never fails" in a unit that cites no proven clause. Not
//!   seen: other praise.
//! - `language`: a block without a language, or with one that is not run; in `docs` and `tutorial`
//!   no block that is run. Not seen: what a block prints.
//! - `link`: dead links and anchors in the tree, hosts that the spec does not name, other schemes.
//!   Not seen: whether an address answers.
//! - `order`: in `tutorial`, a type or function in a block that is run, before prose of this page
//!   or of an earlier one names it. Not seen: whether the name is explained; methods count as their
//!   type.
//! - `marker`: "TODO", "coming soon" and such, unless the spec has the word.
//! - `html`: raw HTML other than comments and `<a id="…">`.
//! - `secret`: lines that look like keys, also in code. Not seen: keys of unknown forms.

mod blocks;
mod citations;
mod facts;
mod form;
mod items;
mod letters;
mod links;
mod names;
mod numbers;
mod shape;
mod signatures;
#[cfg(test)]
mod tests;
mod words;

use crate::toolchain::TextForm;
use crate::types::{Finding, GateName, Tree};

pub use facts::TextFacts;
pub use links::anchors_of;
pub use numbers::collect;

/// Findings over all pages (`*.md`) of a tree, by file and line.
pub fn check(gate: &GateName, form: TextForm, tree: &Tree, facts: &TextFacts<'_>) -> Vec<Finding> {
    let (pages, mut all) = form::read(tree);
    let is_whole = all.is_empty();
    let subject = facts::TextSubject { form, facts, tree, pages };
    let rules = [
        citations::check,
        items::check,
        names::check,
        signatures::check,
        names::order,
        numbers::check,
        words::claims,
        letters::check,
        shape::check,
        words::markers,
        form::languages,
        links::check,
        form::html,
        form::secrets,
    ];
    if is_whole {
        all.extend(rules.iter().flat_map(|rule| rule(&subject)));
    }
    all.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    all.into_iter().map(|one| Finding { gate: gate.clone(), ..one }).collect()
}
