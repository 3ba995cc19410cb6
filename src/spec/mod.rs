//! Markdown text -> [`Spec`](crate::types::Spec) and problems; specs -> admitted specs.
//!
//! Parsing never fails: whatever the bytes are, there is a spec and a list of problems.

mod admit;
mod binding;
mod blocks;
mod front;
mod parse;
#[cfg(test)]
mod tests;

pub use admit::{Parsed, admit};
pub use parse::parse;
