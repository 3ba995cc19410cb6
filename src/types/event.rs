//! Events: the content of the ledger, and the only input of a job's state machine.

use serde::{Deserialize, Serialize};

use super::{
    ClauseId, Diagnosis, Digest, Failure, GateReport, Job, JobId, Judgement, Provenance, Usage,
};
use crate::types::{SpecId, TargetName};

/// The kind of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptKind {
    /// A first answer.
    Generate,
    /// A repair: the last candidate with its findings.
    Repair,
    /// A fresh start: a first answer again, without earlier candidates.
    Fresh,
    /// The same task after an unreadable reply.
    Reask,
    /// The gates over the promoted tree; no model is called.
    Revalidate,
    /// The gates over the tree that the harness writes for a spec without code.
    Verify,
}

impl AttemptKind {
    /// Whether a model is called.
    pub fn asks(self) -> bool {
        !matches!(self, Self::Revalidate | Self::Verify)
    }
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum JobOutcome {
    /// Every target is promoted.
    Promoted,
    /// Every attempt was rejected.
    Rejected {
        /// Why.
        diagnosis: Diagnosis,
    },
    /// The model reports contradicting clauses.
    SpecSuspected {
        /// Why.
        diagnosis: Diagnosis,
    },
    /// No answer could pass, whatever it were: nothing was asked.
    SpecRefused {
        /// Why.
        diagnosis: Diagnosis,
    },
    /// A spec whose code it uses is not promoted: nothing was asked.
    Waits {
        /// Which, and what to do.
        why: String,
    },
    /// A newer revision replaced it.
    Superseded,
    /// The promoted tree was edited by hand and was kept.
    Drifted {
        /// The files, relative to the workspace.
        files: Vec<String>,
    },
    /// A person cancelled it.
    Cancelled,
    /// An error of generator, budget or environment.
    Failed {
        /// Why.
        diagnosis: Diagnosis,
        /// The server's rate limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<RateLimit>,
    },
}

impl JobOutcome {
    /// Why, if it is an end without promotion that somebody is at fault for.
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        match self {
            Self::Rejected { diagnosis }
            | Self::SpecSuspected { diagnosis }
            | Self::SpecRefused { diagnosis }
            | Self::Failed { diagnosis, .. } => Some(diagnosis),
            Self::Promoted
            | Self::Waits { .. }
            | Self::Superseded
            | Self::Drifted { .. }
            | Self::Cancelled => None,
        }
    }

    /// The outcome's name, in the ledger and in reports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Promoted => "promoted",
            Self::Rejected { .. } => "rejected",
            Self::SpecSuspected { .. } => "spec_suspected",
            Self::SpecRefused { .. } => "spec_refused",
            Self::Waits { .. } => "waits",
            Self::Superseded => "superseded",
            Self::Drifted { .. } => "drifted",
            Self::Cancelled => "cancelled",
            Self::Failed { .. } => "failed",
        }
    }
}

/// A server's rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// The generator's tier.
    pub tier: usize,
    /// Seconds, from when the server sent it.
    pub wait_s: u64,
}

/// An event. Events up to `Planned` belong to a run, the others to a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// A run was started.
    Triggered {
        /// By which command or other cause.
        by: String,
    },
    /// A spec was admitted.
    SpecAdmitted {
        /// Its id.
        spec: SpecId,
        /// How many clauses it has.
        clauses: usize,
    },
    /// A spec was refused.
    SpecRefused {
        /// Its file.
        file: String,
        /// The first problem.
        problem: String,
    },
    /// The plan of the run.
    Planned {
        /// Specs with work to do.
        specs: Vec<SpecId>,
        /// Specs without.
        up_to_date: Vec<SpecId>,
    },
    /// A job starts.
    Queued {
        /// The job.
        job: Job,
    },
    /// An attempt starts.
    AttemptStarted {
        /// Its number in the job, from 1.
        attempt: u32,
        /// Its kind.
        kind: AttemptKind,
        /// The generator's tier.
        tier: usize,
        /// The target.
        target: TargetName,
        /// The prompt, in the objects.
        prompt: Option<Digest>,
    },
    /// No answer could pass: no generator is asked.
    InputsRefused {
        /// The attempt that would have been the first.
        attempt: u32,
        /// Why.
        diagnosis: Diagnosis,
    },
    /// The generator answered.
    Completed {
        /// The attempt.
        attempt: u32,
        /// The completion, in the objects.
        completion: Digest,
        /// Tokens.
        usage: Usage,
        /// The recording's date, for a replay.
        replay: Option<String>,
    },
    /// The generator gave no answer.
    GenerationFailed {
        /// The attempt.
        attempt: u32,
        /// The class of failure.
        failure: Failure,
        /// What failed and what to do.
        message: String,
        /// Seconds of the server's rate limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait_s: Option<u64>,
        /// What an agent left all the same, in the objects: for people, not judged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        completion: Option<Digest>,
    },
    /// The answer was parsed into a tree.
    CandidateMade {
        /// The attempt.
        attempt: u32,
        /// The tree, in the objects.
        tree: Digest,
        /// Its origin.
        provenance: Provenance,
        /// The reader that parsed the reply.
        reader: String,
        /// Files changed by the toolchain's formatter.
        formatted: Vec<String>,
        /// The user's files that were its inputs, as a tree in the objects.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Digest>,
    },
    /// The answer could not be used.
    Malformed {
        /// The attempt.
        attempt: u32,
        /// The problem, for the model to fix.
        message: String,
        /// Whether asking again for the right format may help.
        reask: bool,
    },
    /// The model reports contradicting clauses.
    Conflict {
        /// The attempt.
        attempt: u32,
        /// The clause it names; `None` where there is no such clause.
        clause: Option<ClauseId>,
        /// The other clauses that it names.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<ClauseId>,
        /// Its reason.
        message: String,
    },
    /// A gate finished.
    GateReported {
        /// The attempt.
        attempt: u32,
        /// Its report.
        report: GateReport,
        /// The worker that ran it; absent for this machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worker: Option<String>,
    },
    /// The candidate was judged.
    Judged {
        /// The attempt.
        attempt: u32,
        /// The judgement.
        judgement: Judgement,
    },
    /// The trees were promoted.
    Promoted {
        /// Targets and trees.
        trees: Vec<(TargetName, Digest)>,
        /// Entries and attestations, in the objects.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record: Option<Digest>,
    },
    /// The live tree was edited by hand; nothing was switched.
    PromotionRefused {
        /// The files, relative to the workspace.
        files: Vec<String>,
    },
    /// The promotion failed.
    PromotionFailed {
        /// What failed and what to do.
        message: String,
    },
    /// A newer revision replaced the job.
    Superseded,
    /// A newer process resumed the job.
    Resumed,
    /// Accepted, but not promoted: another member of its set could not be made.
    Held {
        /// Which, and its clauses.
        why: String,
    },
    /// A person cancelled the job.
    Cancelled {
        /// By which command or other cause.
        by: String,
    },
    /// A person requested a retry of these specs' failed jobs.
    Retried {
        /// The specs.
        specs: Vec<SpecId>,
    },
    /// A person paused scheduling.
    Paused,
    /// A person resumed scheduling.
    Unpaused,
}

/// An event in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1, without gaps.
    pub seq: i64,
    /// The run.
    pub run: i64,
    /// The job, if it belongs to one.
    pub job: Option<JobId>,
    /// The spec, if it belongs to one.
    pub spec: Option<SpecId>,
    /// UTC, RFC 3339, milliseconds.
    pub at: String,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}
