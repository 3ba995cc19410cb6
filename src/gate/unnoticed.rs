//! Changes of the code that a suite misses, and those of them that the spec's own examples notice.

use std::collections::BTreeSet;

use super::context::GateContext;
use super::contract;
use super::effects::passes;
use super::over_code::{OverCode, TextContext};
use super::proof_result::{GATE, UNNOTICED};
use super::red_proof;
use crate::contract::is_neutral;
use crate::toolchain::{Extent, Mutant, Mutator};
use crate::types::{Candidate, Finding};

/// How many builds are tried; each leaves out the changes at lines where the one before failed.
const BUILDS: usize = 4;

/// A change of the code: its file, its line and what it is.
pub type CodeChange = (Option<String>, Option<u32>, String);

/// The change that a finding is about.
pub fn change(one: &Finding) -> CodeChange {
    (one.file.clone(), one.line, one.message.clone())
}

/// Those of the changes that the spec's visible examples notice. None are known where examples run
/// as console transcripts or requests.
pub async fn noticed(
    context: &GateContext<'_>,
    of: &TextContext<'_>,
    mutator: &dyn Mutator,
    missed: BTreeSet<CodeChange>,
) -> BTreeSet<CodeChange> {
    if missed.is_empty() {
        return missed;
    }
    let room = OverCode::new(context, of, context.spec.clone(), &[]);
    let over_code = room.context(context);
    let mut found = by_contract(&over_code, &room.candidate, mutator, &missed).await;
    // Beside a contract, examples in the code's language.
    let mut spec = context.spec.clone();
    for clause in &mut spec.clauses {
        clause.examples.retain(|one| !is_neutral(&one.language));
    }
    let room = OverCode::new(context, of, spec, &[]);
    let over_code = room.context(context);
    if over_code.examples.visible.is_some() && over_code.console.is_empty() {
        let proof = red_proof::whole(&over_code, &room.candidate).await;
        let left = proof.findings.iter().filter(|one| one.rule == UNNOTICED);
        let left: BTreeSet<CodeChange> = left.map(change).collect();
        if passes(&proof) {
            found.extend(missed.difference(&left).cloned());
        }
    }
    found
}

/// Those of the changes that the examples of the contract notice.
async fn by_contract(
    over_code: &GateContext<'_>,
    candidate: &Candidate,
    mutator: &dyn Mutator,
    missed: &BTreeSet<CodeChange>,
) -> BTreeSet<CodeChange> {
    let tests = &over_code.contract.visible;
    let of_mutant = |one: &Mutant| change(&super::proof_result::unnoticed(one.clone()));
    let mut spared = BTreeSet::new();
    for _ in 0..BUILDS {
        let extent = Extent::But(spared.clone());
        let mutants = mutator.mutants(candidate.tree(), &extent, candidate.digest());
        let Some(mutants) = mutants.ok().filter(|_| !tests.is_empty()) else { break };
        let numbered = (1..).zip(&mutants.list);
        let numbered: Vec<(usize, CodeChange)> =
            numbered.map(|(number, one)| (number, of_mutant(one))).collect();
        let numbered: Vec<_> =
            numbered.into_iter().filter(|(_, one)| missed.contains(one)).collect();
        let numbers: Vec<usize> = numbered.iter().map(|(number, _)| *number).collect();
        match contract::noticed(over_code, &GATE, &mutants, &numbers, tests).await {
            Ok(found) => {
                let found = numbered.into_iter().filter(|(number, _)| found.contains(number));
                return found.map(|(_, one)| one).collect();
            }
            Err(seen) => {
                let places = seen.findings.iter().filter_map(|f| Some((f.file.clone()?, f.line?)));
                let before = spared.len();
                spared.extend(places);
                if seen.outcome.is_some() || spared.len() == before {
                    break;
                }
            }
        }
    }
    BTreeSet::new()
}
