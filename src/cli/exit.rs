//! Exit codes, computed from stored facts. A missing or failing thing never exits 0.

use crate::commands::check::{CheckOutcome, Flaw, FlawKind};
use crate::engine::RunOutcome;
use crate::types::{Fault, JobOutcome};
use crate::workspace::{CommandError, ErrorKind};

/// Promoted, up to date, or a query answered.
pub const DONE: u8 = 0;
/// A bug.
pub const UNEXPECTED: u8 = 1;
/// Usage or configuration.
pub const USAGE: u8 = 2;
/// A spec is refused.
pub const SPEC_REFUSED: u8 = 10;
/// Gates rejected every attempt.
pub const REJECTED: u8 = 20;
/// The model reports a conflict between clauses.
pub const SPEC_SUSPECTED: u8 = 21;
/// Drift: `generated/` or regen.lock differs from what was accepted.
pub const DRIFT: u8 = 22;
/// The generator is unavailable.
pub const GENERATOR: u8 = 30;
/// A limit of the budget is reached.
pub const BUDGET: u8 = 31;
/// The environment: disk, toolchain, isolation.
pub const ENVIRONMENT: u8 = 40;
/// Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// The exit code of one job.
pub fn of_job(outcome: &JobOutcome) -> u8 {
    match outcome {
        JobOutcome::Promoted => DONE,
        JobOutcome::Rejected { .. } => REJECTED,
        JobOutcome::SpecSuspected { .. } => SPEC_SUSPECTED,
        JobOutcome::SpecRefused { .. } | JobOutcome::Waits { .. } => SPEC_REFUSED,
        JobOutcome::Drifted { .. } => DRIFT,
        JobOutcome::Superseded => UNEXPECTED,
        JobOutcome::Cancelled => INTERRUPTED,
        JobOutcome::Failed { diagnosis, .. } => match diagnosis.fault {
            Fault::Budget => BUDGET,
            Fault::Generator => GENERATOR,
            Fault::Environment => ENVIRONMENT,
            Fault::Spec => SPEC_SUSPECTED,
            Fault::Model | Fault::Gate => REJECTED,
        },
    }
}

/// The exit code of a check: the highest code of its flaws.
pub fn of_check(outcome: &CheckOutcome) -> u8 {
    let of_flaw = |flaw: &Flaw| match flaw.kind {
        FlawKind::GateBroken => ENVIRONMENT,
        FlawKind::OverBudget => BUDGET,
        FlawKind::GateFailed => REJECTED,
        FlawKind::Drift => DRIFT,
        FlawKind::SpecRefused => SPEC_REFUSED,
    };
    outcome.flaws.iter().map(of_flaw).max().unwrap_or(DONE)
}

/// The exit code of a run: the highest code of its jobs.
pub fn of_run(outcome: &RunOutcome, refused: bool) -> u8 {
    let jobs = outcome.jobs.iter().filter_map(|(_, end)| end.as_ref()).map(of_job);
    jobs.chain([if refused { SPEC_REFUSED } else { DONE }]).max().unwrap_or(DONE)
}

/// The exit code of an error that ends a command.
pub fn of_error(error: &CommandError) -> u8 {
    match error.kind() {
        ErrorKind::NoWorkspace | ErrorKind::Config | ErrorKind::Usage | ErrorKind::Generator => {
            USAGE
        }
        ErrorKind::HostTools
        | ErrorKind::State
        | ErrorKind::Ledger
        | ErrorKind::Lockfile
        | ErrorKind::Promotion
        | ErrorKind::Isolation
        | ErrorKind::NoDaemon
        | ErrorKind::Io => ENVIRONMENT,
        ErrorKind::Bug => UNEXPECTED,
    }
}
