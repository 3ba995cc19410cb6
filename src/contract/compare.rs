//! Compares answers with what is expected.

use super::step::{Step, Wanted};
use super::value::WitValue;
use super::wire::AdapterAnswer;
use crate::types::Interface;

/// What a step expects and what it was given instead, as text; `None` if it is as expected.
pub fn mismatch(
    interface: &Interface,
    step: &Step,
    answer: &AdapterAnswer,
) -> Option<(String, String)> {
    let function = &interface.functions[step.call.function];
    let ty = function.result.as_ref();
    let text = |value: &WitValue| ty.map_or(String::new(), |ty| value.text(interface, ty));
    let got = match answer {
        AdapterAnswer::Value(Some(value)) => text(value),
        AdapterAnswer::Value(None) => "a return".to_owned(),
        AdapterAnswer::Trap(message) => format!("a trap: {message}"),
        AdapterAnswer::Unbound => "no call: a variable has no resource".to_owned(),
    };
    let expected = match (&step.wanted, answer) {
        (Wanted::Return, AdapterAnswer::Value(_)) | (Wanted::Trap, AdapterAnswer::Trap(_)) => {
            return None;
        }
        (Wanted::Value { value, tolerance }, AdapterAnswer::Value(Some(given)))
            if value.admits(given, *tolerance) =>
        {
            return None;
        }
        (Wanted::Return, _) => "a return".to_owned(),
        (Wanted::Trap, _) => "a trap".to_owned(),
        (Wanted::Value { value, tolerance: Some(most) }, _) => format!("{} ~ {most}", text(value)),
        (Wanted::Value { value, tolerance: None }, _) => text(value),
    };
    Some((expected, got))
}
