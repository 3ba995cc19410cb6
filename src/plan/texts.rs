//! Texts in a plan: the code that they are about, and the clauses that they cite.

use std::collections::BTreeMap;

use crate::toolchain::{self, about};
use crate::types::{
    Digest, Harness, Link, Reason, Spec, Standing, TargetJob, TargetName, TargetStanding, Tree,
};

/// The promoted code that a text is judged with.
pub fn own_code(spec: &Spec, code: &TargetName, standing: &Standing) -> Option<Link> {
    let entry = standing.spec.get(&spec.id)?.target.get(code)?;
    Some(Link::to_code(&spec.id, entry.path.clone(), entry.tree, entry.spec))
}

/// Texts are judged again after the code that they are about.
pub fn follow_code(spec: &Spec, harness: &Harness, parts: &mut [TargetJob]) {
    let has_work = |part: &&TargetJob| part.reason.is_some();
    let work: Vec<TargetName> = parts.iter().filter(has_work).map(|p| p.target.clone()).collect();
    for part in parts.iter_mut().filter(|part| part.reason.is_none()) {
        let target = harness.target.get(&part.target);
        let target = target.filter(|one| toolchain::of(one).text().is_some());
        let code = target.and_then(|one| about::code_of(harness, spec, one).ok());
        if let Some((code, _)) = code.filter(|(code, _)| work.contains(code)) {
            part.reason = Some(Reason::Gates { changed: vec![code_input(code)] });
        }
    }
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
