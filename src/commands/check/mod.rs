//! Whether `generated/` is exactly what was accepted for exactly these specs: without a model, the
//! network or the ledger, and without changing anything.

mod flaw;
mod policy;
mod rerun;
mod run;
mod stale;
mod touched;
mod trees;

pub use flaw::{Flaw, FlawKind};
pub use rerun::RerunTarget;
pub use run::{CheckOptions, CheckOutcome, Checked, check_workspace};
