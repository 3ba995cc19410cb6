//! The contract of a spec: a typed interface in WIT, and examples of it as data.
//!
//! An interface is the body of one WIT interface. Examples are lines of WAVE, rows of tables, and
//! properties. A candidate's process gets only calls; what it answers is compared here.

mod block;
mod generate;
mod property;
mod tests_of;
mod value;
mod wave;
mod wire;
mod wit;

pub use block::{Call, Step, Wanted, held_out, is_call, mismatch, read_block, read_table};
pub use generate::Input;
pub use property::{Judged, Property, Trial, read_property};
pub use tests_of::{ContractBody, ContractTest, has_example, is_neutral, tests_of};
pub use value::WitValue;
pub use wire::{Answer, Request, answer, request};
pub use wit::read_interface;

/// An error in the text of a block: what, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// What is wrong.
    pub message: String,
    /// The line in the block, from 0.
    pub line: usize,
    /// The bytes of the line.
    pub columns: std::ops::Range<usize>,
}

impl TextError {
    fn new(message: impl Into<String>, line: usize, columns: std::ops::Range<usize>) -> Self {
        Self { message: message.into(), line, columns }
    }
}
