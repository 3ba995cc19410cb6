//! The rule `clause`: citations name proven clauses, and clauses are cited.

use std::collections::BTreeSet;

use super::facts::{TextSubject, fix, found, missing, nearest};
use crate::toolchain::TextForm;
use crate::types::{ClauseId, Finding};

/// Findings of the rule.
pub fn check(subject: &TextSubject<'_>) -> Vec<Finding> {
    let spec = subject.facts.spec;
    let mut all = Vec::new();
    let mut cited: BTreeSet<&ClauseId> = BTreeSet::new();
    let mut count = 0;
    for page in &subject.pages {
        for citation in &page.citations {
            count += 1;
            if citation.names.is_empty() {
                let message = "the citation has no name of a clause".to_owned();
                let one = found(page, "clause", citation.at, message);
                all.push(fix(one, "Write `<!-- clause: NAME -->`"));
            }
            for name in &citation.names {
                let clause = spec.clause(name);
                cited.extend(clause.map(|clause| &clause.id));
                match clause {
                    Some(clause) if subject.is_proven(clause) => {}
                    Some(clause) => {
                        let message = format!("no test of the code shows clause `{}`", clause.id);
                        let one = found(page, "clause", citation.at, message);
                        let remedy = "Delete the sentence and its citation, or cite another clause";
                        let clauses = vec![clause.id.clone()];
                        all.push(Finding { clauses, ..fix(one, remedy) });
                    }
                    None => {
                        let message = format!("the spec has no clause `{name}`");
                        let one = found(page, "clause", citation.at, message);
                        all.push(fix(one, instead_of(subject, name)));
                    }
                }
            }
        }
    }
    let Some(page) = subject.pages.first() else { return all };
    if subject.form == TextForm::Copy {
        if count == 0 {
            let one = missing(page, "clause", "the text cites no clause".to_owned());
            let remedy = "Add `<!-- claim: NAME -->` to each sentence that rests on a clause";
            all.push(fix(one, remedy));
        }
        return all;
    }
    let required = spec.clauses.iter().filter(|one| one.is_demanded() && subject.is_proven(one));
    for clause in required.filter(|one| !cited.contains(&one.id)) {
        let one = missing(page, "clause", format!("no page cites clause `{}`", clause.id));
        let name = clause.id.name();
        let remedy =
            format!("Say what the clause requires and add `<!-- clause: {name} -->` to that text");
        all.push(Finding { clauses: vec![clause.id.clone()], ..fix(one, remedy) });
    }
    all
}

/// The remedy for a wrong name.
fn instead_of(subject: &TextSubject<'_>, wrong: &str) -> String {
    let names = subject.facts.spec.clauses.iter().map(|clause| clause.id.name());
    match nearest(wrong.rsplit('/').next().unwrap_or(wrong), names) {
        Some(name) => format!("Write `{name}`"),
        None => "Cite a clause of the spec, or delete the citation".to_owned(),
    }
}
