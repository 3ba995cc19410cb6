//! The logic behind each command that only reads, or changes the workspace itself: one file each.
#![expect(clippy::disallowed_methods, reason = "commands look into the workspace")]

pub mod check;
pub mod conformance;
pub mod diff;
pub mod export;
pub mod fix_lock;
pub mod gc;
pub mod grade;
pub mod lint;
pub mod log;
pub mod migrate;
pub mod remove;
pub mod rollback;
pub mod samples;
pub mod show;
pub mod trace;
