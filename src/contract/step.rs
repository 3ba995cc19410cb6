//! Calls, and what they must give.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::value::WitValue;
use crate::types::Interface;

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The function, by its place in the interface.
    pub function: usize,
    /// The variable of the resource it is called on.
    pub on: Option<usize>,
    /// Its arguments.
    pub args: Vec<WitValue>,
    /// Its text.
    pub text: String,
}

/// What a step expects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Wanted {
    /// That the call returns.
    Return,
    /// A value.
    Value {
        /// The value.
        value: WitValue,
        /// How far a float may be off.
        tolerance: Option<f64>,
    },
    /// A panic, an exception or an abort.
    Trap,
}

/// A call and what it must give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The variable that gets the resource in the result.
    pub bind: Option<usize>,
    /// The call.
    pub call: Call,
    /// What it must give.
    pub wanted: Wanted,
    /// Its lines in the block, from 0.
    pub lines: Range<usize>,
}

impl Step {
    /// The call and its exact result, each in one spelling; `None` if it is not exact.
    pub fn exact(&self, interface: &Interface) -> Option<(String, String)> {
        let function = &interface.functions[self.call.function];
        let result = match &self.wanted {
            Wanted::Trap => "trap".to_owned(),
            Wanted::Value { value, tolerance: None } if !value.has_any() => {
                value.text(interface, function.result.as_ref()?)
            }
            _ => return None,
        };
        let args = self.call.args.iter().zip(&function.params);
        let args = args.map(|(arg, (_, ty))| arg.text(interface, ty)).collect::<Vec<_>>();
        let input = format!("{}({})", interface.call_name(function), args.join(", "));
        Some((input, result))
    }
}
