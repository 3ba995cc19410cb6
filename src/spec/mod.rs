//! Parses Markdown into a [`Spec`](crate::types::Spec) and problems, and admits specs.
//!
//! Parsing never fails: any input gives a spec and a list of problems.

mod admit;
mod binding;
mod blocks;
mod claims;
mod context;
mod contract;
mod depends;
mod diff;
mod front;
mod id;
mod integration;
mod lint;
mod lost;
mod parse;
mod places;
mod renames;
mod system;
mod text;
mod trace;
mod words;
#[cfg(test)]
mod tests;

pub use admit::{Parsed, admit};
pub use diff::{Change, ClauseChange, SpecChange, Stretch, conflicts, diff};
pub use id::is_readme;
pub use lint::{Lint, Shape, lint, set_levels, shapes};
pub use parse::{parse, parse_in};
pub use system::parse_all;
pub use trace::{Coverage, Matrix, Proof, Proofs, Share, Stray, TestVerdict, TraceRow, trace};
