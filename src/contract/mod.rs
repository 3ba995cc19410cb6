//! The contract of a spec: a typed interface in WIT, and examples of it as data.
//!
//! An interface is the body of one WIT interface. Examples are lines of WAVE, rows of tables, and
//! properties. A candidate's process gets only calls; what it answers is compared here.

mod block;
mod cel_values;
mod compare;
mod generate;
mod held_out;
mod observe;
mod property;
mod property_limits;
mod spelling;
mod statements;
mod step;
mod table;
mod tests_of;
mod text_error;
mod value;
mod visible;
mod wave;
mod wire;
mod wit;

pub use block::read_block;
pub use compare::mismatch;
pub use generate::Input;
pub use held_out::{held_out, is_independent};
pub use observe::{calls as generated_calls, observed};
pub use property::{Judged, Property, PropertyTrial, read_property};
pub use spelling::{contract_word, word_at};
pub use step::{Call, Step, Wanted};
pub use table::{is_call, read_table};
pub use tests_of::{ContractBody, ContractTest, check_example, has_example, is_neutral, tests_of};
pub use text_error::TextError;
pub use value::WitValue;
pub use visible::VisibleExamples;
pub use wire::{AdapterAnswer, AdapterCall, answers, requests};
pub use wit::{Foreign, read_interface, read_interface_with};

#[cfg(test)]
mod tests;
