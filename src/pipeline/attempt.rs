//! One attempt of a job, with its results.

use crate::types::{AttemptKind, CandidateId, Diagnosis, Digest, GateReport};

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptFailure {
    /// A gate refused its candidate.
    Refused(Diagnosis),
    /// Its answer could not be used.
    Malformed {
        /// Why.
        message: String,
        /// Whether asking again for the right format may help.
        reask: bool,
    },
    /// Its answer was truncated.
    Truncated(String),
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number in the job, from 1.
    pub number: u32,
    /// The part it works on.
    pub part: usize,
    /// Its kind.
    pub kind: AttemptKind,
    /// The generator's tier.
    pub tier: usize,
    /// Its place in the tier's sequence of attempts.
    pub slot: usize,
    /// Its prompt, in the objects.
    pub prompt: Option<Digest>,
    /// Its answer, in the objects.
    pub completion: Option<Digest>,
    /// The recording's date, for a replay.
    pub replay: Option<String>,
    /// Its candidate, in the objects.
    pub tree: Option<Digest>,
    /// The reports of its gates.
    pub reports: Vec<GateReport>,
    /// Why it failed.
    pub failed: Option<AttemptFailure>,
    /// Its candidate, once every gate has passed.
    pub accepted: Option<CandidateId>,
}

impl Attempt {
    /// Why a gate refused its candidate.
    pub fn refusal(&self) -> Option<&Diagnosis> {
        match &self.failed {
            Some(AttemptFailure::Refused(diagnosis)) => Some(diagnosis),
            _ => None,
        }
    }
}
