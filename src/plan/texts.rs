//! Texts in a plan: the code that they are about, and the clauses that they cite.

use std::collections::BTreeMap;

use crate::toolchain::{self, about};
use crate::types::{
    Digest, Harness, Link, Reason, Spec, Standing, TargetJob, TargetName, TargetStanding, Tree, way,
};

/// The promoted code that a text is judged with.
pub fn own_code(spec: &Spec, code: &TargetName, standing: &Standing) -> Option<Link> {
    let entry = standing.spec.get(&spec.id)?.target.get(code)?;
    Some(Link::to_code(&spec.id, entry.path.clone(), entry.tree, entry.spec))
}

/// The promoted texts that a text needs.
pub fn own_texts(
    spec: &Spec,
    name: &TargetName,
    harness: &Harness,
    standing: &Standing,
) -> Vec<Link> {
    let Some(target) = harness.target.get(name) else { return Vec::new() };
    let link = |other: &TargetName| {
        let entry = standing.spec.get(&spec.id)?.target.get(other)?;
        let from = target.path(&spec.id, name).ok()?;
        let link = Link::to_code(&spec.id, entry.path.clone(), entry.tree, entry.spec);
        Some(Link { at: way(&from, &entry.path), ..link })
    };
    about::needed(harness, spec, target).into_iter().filter_map(link).collect()
}

/// The link of a text to another one, without its tree and revision.
pub fn link_to_text(
    spec: &Spec,
    name: &TargetName,
    other: &TargetName,
    harness: &Harness,
) -> Option<Link> {
    let path = |name: &TargetName| harness.target.get(name)?.path(&spec.id, name).ok();
    let (from, to) = (path(name)?, path(other)?);
    let at = way(&from, &to);
    let unknown = Digest::default();
    Some(Link { at, ..Link::to_code(&spec.id, to, unknown, unknown) })
}

/// Texts are judged again after the code that they are about, and the texts that they need.
pub fn follow_code(spec: &Spec, harness: &Harness, parts: &mut [TargetJob]) {
    let mut work: Vec<TargetName> = Vec::new();
    for part in parts {
        let target = harness.target.get(&part.target);
        let target = target.filter(|one| toolchain::of(one).text().is_some());
        if let Some(target) = target.filter(|_| part.reason.is_none()) {
            let code = about::code_of(harness, spec, target).ok().map(|(code, _)| code);
            let code = code.filter(|code| work.contains(code)).map(code_input);
            let texts = about::needed(harness, spec, target).into_iter();
            let texts = texts.filter(|text| work.contains(text)).filter_map(|text| {
                let link = link_to_text(spec, &part.target, text, harness)?;
                Some(text_input(&link.at))
            });
            let changed: Vec<String> = code.into_iter().chain(texts).collect();
            part.reason = (!changed.is_empty()).then_some(Reason::Gates { changed });
        }
        work.extend(part.reason.as_ref().map(|_| part.target.clone()));
    }
}

/// The display name of a text that another one needs, by the way to it.
pub fn text_input(at: &str) -> String {
    format!("text {at}")
}

/// The start of the display name of code that a text is judged with.
pub const CODE: &str = "code of ";

/// The display name of the code that a text is judged with.
pub fn code_input(code: &TargetName) -> String {
    format!("{CODE}{code}")
}

/// The start of the display name of a clause that a text cites.
const CITED: &str = "clause ";

/// The clauses that a text cites, by display name.
pub fn cited(spec: &Spec, tree: &Tree) -> BTreeMap<String, Digest> {
    let cited = toolchain::prose::cited(tree);
    let cited = spec.clauses.iter().filter(|clause| cited.contains(clause.id.name()));
    cited.map(|one| (format!("{CITED}{}", one.id.name()), one.digest)).collect()
}

/// The clauses that a promoted text cites and that no test has to show any more, as a changed
/// input.
pub fn lost_proofs(spec: &Spec, standing: &TargetStanding) -> Option<String> {
    let is_lost = |name: &&str| {
        let clause = spec.clauses.iter().find(|clause| clause.id.name() == *name);
        clause.is_some_and(|clause| !clause.is_demanded())
    };
    let names = standing.uses.keys().filter_map(|name| name.strip_prefix(CITED));
    let lost: Vec<&str> = names.filter(is_lost).collect();
    (!lost.is_empty()).then(|| format!("{PROOF}of cited clauses ({})", lost.join(", ")))
}

/// The start of the display name of lost proofs.
pub const PROOF: &str = "the proof ";

/// Whether a display name is that of a cited clause.
pub fn is_citation(name: &str) -> bool {
    name.starts_with(CITED)
}

/// Whether clauses changed, and none that a promoted text cites: its gates say whether it must
/// speak of them.
pub fn cites_none(standing: &TargetStanding, changed: &[String]) -> bool {
    let is_cited = |name: &String| standing.uses.contains_key(&format!("{CITED}{name}"));
    !changed.is_empty() && !changed.iter().any(is_cited)
}
