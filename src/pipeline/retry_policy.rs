//! Decides which attempt follows a failed one.
//!
//! Per generator: one answer and two repairs, then one fresh start and one repair; then the next
//! generator. A repeated failure or answer skips to the fresh start. Alternating between two
//! answers ends the job. Sources: `docs/design/repair.md`.

use super::attempt::{Attempt, AttemptFailure};
use crate::types::{AttemptKind, Digest, limits};

/// The sequence of attempts of one generator.
const SEQUENCE: [AttemptKind; 5] = [
    AttemptKind::Generate,
    AttemptKind::Repair,
    AttemptKind::Repair,
    AttemptKind::Fresh,
    AttemptKind::Repair,
];
/// The position of the fresh start in it.
const FRESH: usize = 3;

/// The most calls for one target, with this many generators. One more than the sequence: an answer
/// in the wrong format is asked for again once.
pub fn most_calls(tiers: usize) -> u32 {
    let all = SEQUENCE.len() * tiers.max(1) + 1;
    u32::try_from(all).unwrap_or(u32::MAX).min(limits::CALLS)
}

/// The most versions of one target that are judged in a job: what is promoted, and the answers.
pub fn most_versions(tiers: usize) -> u32 {
    let answers = SEQUENCE.len() * tiers.max(1);
    u32::try_from(answers).unwrap_or(u32::MAX).min(limits::CALLS) + 1
}

/// The next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextAttempt {
    pub kind: AttemptKind,
    pub tier: usize,
    pub slot: usize,
}

/// Decides; the error is the reason why the job ends.
pub fn next(calls: &[&Attempt], tiers: usize) -> Result<NextAttempt, &'static str> {
    let Some(last) = calls.last() else {
        return Ok(NextAttempt { kind: SEQUENCE[0], tier: 0, slot: 0 });
    };
    if calls.len() >= limits::CALLS as usize {
        return Err("the limit of calls was reached");
    }
    let asked_again = calls.iter().any(|a| a.kind == AttemptKind::Reask);
    if matches!(last.failed, Some(AttemptFailure::Malformed { reask: true, .. })) && !asked_again {
        return Ok(NextAttempt { kind: AttemptKind::Reask, tier: last.tier, slot: last.slot });
    }
    let segment: Vec<_> = calls.iter().filter(|a| same_segment(a, last)).collect();
    let trees: Vec<Digest> = segment.iter().filter_map(|a| a.tree).collect();
    if let [.., a, b, c] = trees.as_slice()
        && a == c
        && a != b
    {
        return Err("the model alternates between two answers");
    }
    let stuck = match segment.as_slice() {
        [.., before, last] => {
            (last.tree.is_some() && before.tree == last.tree)
                || (fingerprint(last).is_some() && fingerprint(before) == fingerprint(last))
        }
        _ => false,
    };
    let slot = if !stuck {
        last.slot + 1
    } else if last.slot < FRESH {
        FRESH
    } else {
        SEQUENCE.len()
    };
    if let Some(kind) = SEQUENCE.get(slot) {
        return Ok(NextAttempt { kind: *kind, tier: last.tier, slot });
    }
    match last.tier + 1 {
        tier if tier < tiers => Ok(NextAttempt { kind: SEQUENCE[0], tier, slot: 0 }),
        _ => Err("every attempt was rejected"),
    }
}

/// Whether two attempts belong to the same start: an answer and its repairs.
fn same_segment(a: &Attempt, b: &Attempt) -> bool {
    a.tier == b.tier && (a.slot < FRESH) == (b.slot < FRESH)
}

fn fingerprint(attempt: &Attempt) -> Option<Digest> {
    match &attempt.failed {
        Some(AttemptFailure::Refused(diagnosis)) => diagnosis.fingerprint,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{AttemptFailure, AttemptKind, Digest, next};
    use crate::pipeline::Attempt;
    use crate::types::{Diagnosis, Fault};

    /// Plays failures (tree, fingerprint; `-` for an unreadable reply) and gives the kinds of
    /// attempts.
    fn play(failures: &[(&str, &str)], tiers: usize) -> String {
        let mut attempts: Vec<Attempt> = Vec::new();
        let mut kinds = String::new();
        for (tree, print) in failures {
            let Ok(next) = next(&attempts.iter().collect::<Vec<_>>(), tiers) else { break };
            kinds.push(match next.kind {
                AttemptKind::Generate => 'G',
                AttemptKind::Repair => 'R',
                AttemptKind::Fresh => 'F',
                AttemptKind::Reask => 'A',
                AttemptKind::Revalidate | AttemptKind::Verify => 'V',
            });
            let diagnosis = Diagnosis {
                fault: Fault::Model,
                summary: String::new(),
                clauses: Vec::new(),
                findings: Vec::new(),
                fingerprint: Some(Digest::of(print)),
            };
            let malformed = AttemptFailure::Malformed { message: String::new(), reask: true };
            let failed = if *tree == "-" { malformed } else { AttemptFailure::Refused(diagnosis) };
            attempts.push(Attempt {
                number: attempts.len() as u32 + 1,
                part: 0,
                kind: next.kind,
                tier: next.tier,
                slot: next.slot,
                prompt: None,
                completion: None,
                replay: None,
                tree: (*tree != "-").then(|| Digest::of(tree)),
                reports: Vec::new(),
                failed: Some(failed),
                accepted: None,
            });
        }
        let end = next(&attempts.iter().collect::<Vec<_>>(), tiers);
        format!("{kinds}{}", end.map_or("!", |_| "…"))
    }

    #[test]
    fn the_sequence_of_the_contract() {
        let all: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|x| (x, x)).to_vec();
        assert_eq!(play(&all, 1), "GRRFR!");
        assert_eq!(play(&all, 3), "GRRFRGRR!", "never more than eight calls");
        assert_eq!(play(&[("a", "x"), ("b", "x")], 1), "GR…");
        assert_eq!(play(&[("a", "x"), ("b", "x"), ("c", "y"), ("d", "z")], 1), "GRFR!");
        assert_eq!(play(&[("a", "x"), ("a", "x"), ("c", "y")], 1), "GRF…", "the same answer");
        assert_eq!(play(&[("a", "1"), ("b", "2"), ("a", "1")], 1), "GRR!", "back and forth");
        assert_eq!(
            play(&[("-", ""), ("-", ""), ("-", ""), ("-", ""), ("-", ""), ("-", "")], 1),
            "GARRFR!"
        );
    }
}
