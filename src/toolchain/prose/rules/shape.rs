//! The rules `length` and `structure`: what the target says of its pages.

use super::facts::{TextSubject, fix, missing};
use crate::types::Finding;

/// Findings of the rules.
pub fn check(subject: &TextSubject<'_>) -> Vec<Finding> {
    let shape = subject.facts.shape;
    let Some(page) = subject.pages.first() else { return Vec::new() };
    let units = || subject.pages.iter().flat_map(|page| &page.units);
    let count = units().map(|unit| unit.title.split_whitespace().count() as u64).sum::<u64>();
    let long = shape.max_words.filter(|most| count > *most).map(|most| {
        let message = format!("{count} words; the target allows {most} (`max_words`)");
        fix(missing(page, "length", message), "Delete what a reader can do without")
    });
    let mut titles = units().filter(|unit| unit.level > 0).map(|unit| unit.title.trim());
    let mut is_there =
        |wanted: &&String| titles.any(|one| one.to_lowercase() == wanted.trim().to_lowercase());
    // What follows a missing one is not looked for.
    let absent = shape.sections.iter().find(|wanted| !is_there(wanted)).map(|title| {
        let before = shape.sections.iter().take_while(|one| *one != title).last();
        let place = before.map(|one| format!(" behind \"{one}\"")).unwrap_or_default();
        let message = format!("no heading \"{title}\"{place} (`sections`)");
        fix(missing(page, "structure", message), format!("Add the section `## {title}`{place}"))
    });
    long.into_iter().chain(absent).collect()
}
