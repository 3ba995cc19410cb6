//! What happened: the ledger's content, and the only thing that moves a job.

use serde::{Deserialize, Serialize};

use super::{ClauseId, Diagnosis, Digest, GateReport, Job, JobId, Judgement, Provenance, Usage};
use crate::types::{SpecId, TargetName};

/// What an attempt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptKind {
    /// A first answer.
    Generate,
    /// The last candidate with its findings.
    Repair,
    /// A first answer again, without the candidates that failed.
    Fresh,
    /// The same task after a reply that could not be read; no repair.
    Reask,
    /// The promoted tree through the gates; no model is called.
    Revalidate,
}

/// Why a generator gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Asked too often, and it did not get better.
    RateLimited,
    /// The generator is overloaded or in trouble, and it did not get better.
    Overloaded,
    /// The key or the login is refused.
    Unauthorised,
    /// The account has no credit left.
    Quota,
    /// The request is refused as it is: an unknown model, a wrong setting.
    BadRequest,
    /// The prompt does not fit the model.
    ContextOverflow,
    /// No connection, or it broke before the first content.
    Connection,
    /// Nothing came in time, before the first content.
    TimedOut,
    /// The answer cannot be read.
    BadResponse,
    /// The answer ended or stalled after content began: an attempt of the model's.
    Truncated,
    /// The model, or a filter before it, refuses to answer.
    Refused,
    /// No recording for the request.
    CassetteMiss,
    /// The answer differs from the recording.
    CassetteDiffers,
    /// A cap would be passed.
    Budget,
    /// A missing key or another thing to configure.
    Configuration,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum JobOutcome {
    /// Every target is promoted.
    Promoted,
    /// Every attempt was refused.
    Rejected {
        /// Why.
        diagnosis: Diagnosis,
    },
    /// The model reports clauses that cannot all hold.
    SpecSuspected {
        /// Why.
        diagnosis: Diagnosis,
    },
    /// A newer revision took its place.
    Superseded,
    /// The promoted tree was edited by hand and stands as it was.
    Drifted {
        /// The files, relative to the workspace.
        files: Vec<String>,
    },
    /// A person ended it.
    Cancelled,
    /// Generator, budget or environment.
    Failed {
        /// Why.
        diagnosis: Diagnosis,
        /// A server asked for fewer requests.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<RateLimit>,
    },
}

impl JobOutcome {
    /// The word for it, in the ledger and in reports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Promoted => "promoted",
            Self::Rejected { .. } => "rejected",
            Self::SpecSuspected { .. } => "spec_suspected",
            Self::Superseded => "superseded",
            Self::Drifted { .. } => "drifted",
            Self::Cancelled => "cancelled",
            Self::Failed { .. } => "failed",
        }
    }
}

/// A rate limit that a server asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Which generator.
    pub tier: usize,
    /// For how many seconds, from when it said so.
    pub wait_s: u64,
}

/// One thing that happened. Events up to `Planned` belong to a run, the others to a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// Somebody asked for a run.
    Triggered {
        /// The command line or what else it was.
        by: String,
    },
    /// A spec is fit to generate from.
    SpecAdmitted {
        /// Its id.
        spec: SpecId,
        /// How many clauses it has.
        clauses: usize,
    },
    /// A spec is not.
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
    /// A job begins.
    Queued {
        /// The job.
        job: Job,
    },
    /// A generator is about to be asked.
    AttemptStarted {
        /// Its number in the job, from 1.
        attempt: u32,
        /// What for.
        kind: AttemptKind,
        /// Which generator.
        tier: usize,
        /// The target.
        target: TargetName,
        /// The prompt, in the objects.
        prompt: Option<Digest>,
    },
    /// It answered.
    Completed {
        /// The attempt.
        attempt: u32,
        /// The completion, in the objects.
        completion: Digest,
        /// Tokens.
        usage: Usage,
        /// The recording's date, when nothing was asked.
        replay: Option<String>,
    },
    /// It did not.
    GenerationFailed {
        /// The attempt.
        attempt: u32,
        /// What kind.
        failure: Failure,
        /// What happened and what to do.
        message: String,
        /// For how many seconds the server limits the rate of requests.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wait_s: Option<u64>,
    },
    /// The answer is a tree.
    CandidateMade {
        /// The attempt.
        attempt: u32,
        /// The tree, in the objects.
        tree: Digest,
        /// Where it comes from.
        provenance: Provenance,
        /// Which reader understood the reply.
        reader: String,
        /// Files the toolchain's formatter changed: a recorded normalisation.
        formatted: Vec<String>,
        /// The user's files that it was made and is judged from, as a tree in the objects.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Digest>,
    },
    /// The answer is not one.
    Malformed {
        /// The attempt.
        attempt: u32,
        /// What is wrong, for the model to act on.
        message: String,
        /// Whether asking for the form again may help.
        reask: bool,
    },
    /// The model says that clauses contradict each other.
    Conflict {
        /// The attempt.
        attempt: u32,
        /// The clause it names.
        clause: ClauseId,
        /// Its reason.
        message: String,
    },
    /// A gate has spoken.
    GateReported {
        /// The attempt.
        attempt: u32,
        /// What it said.
        report: GateReport,
    },
    /// The judge has spoken.
    Judged {
        /// The attempt.
        attempt: u32,
        /// What it said.
        judgement: Judgement,
    },
    /// The trees are in place.
    Promoted {
        /// Target and tree.
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
    /// The trees could not be put in place.
    PromotionFailed {
        /// What failed and what to do.
        message: String,
    },
    /// A newer revision took the job's place.
    Superseded,
    /// A newer process took the job up again.
    Resumed,
    /// A person ended the job.
    Cancelled {
        /// The command line or what else it was.
        by: String,
    },
    /// A person wants failed jobs of these specs tried again.
    Retried {
        /// The specs.
        specs: Vec<SpecId>,
    },
    /// A person wants no job to start.
    Paused,
    /// A person wants jobs to start again.
    Unpaused,
}

/// An event as the ledger keeps it.
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
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}
