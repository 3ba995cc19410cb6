//! Checks that `generated/` is exactly what was accepted for these specs: without a model, network
//! or ledger, and without writing.

mod flaw;
mod policy;
mod drift;
mod drift_budget;
mod rerun;
mod run;
mod stale;
mod touched;
mod trees;

pub use drift::DriftMachine;
pub use flaw::{Flaw, FlawKind};
pub use rerun::{RerunMachine, RerunTarget};
pub use run::{CheckOptions, CheckOutcome, Checked, check_workspace};
