//! One attempt of a job, with everything that is known of it.

use crate::types::{AttemptKind, CandidateId, Diagnosis, Digest, GateReport};

/// Why an attempt came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptFailure {
    /// A gate refused its candidate.
    Refused(Diagnosis),
    /// Its answer could not be used.
    Malformed {
        /// Why.
        message: String,
        /// Whether asking for the form again may help.
        reask: bool,
    },
    /// Its answer broke off.
    Truncated(String),
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number in the job, from 1.
    pub number: u32,
    /// The part it works on.
    pub part: usize,
    /// What it is for.
    pub kind: AttemptKind,
    /// Which generator.
    pub tier: usize,
    /// Its place in the tier's sequence.
    pub slot: usize,
    /// Its prompt, in the objects.
    pub prompt: Option<Digest>,
    /// Its answer, in the objects.
    pub completion: Option<Digest>,
    /// The recording's date, when nothing was asked.
    pub replay: Option<String>,
    /// Its candidate, in the objects.
    pub tree: Option<Digest>,
    /// What the gates said.
    pub reports: Vec<GateReport>,
    /// Why it came to nothing.
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
