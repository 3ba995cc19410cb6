//! Generated calls, whose results are the same in every language.

use super::generate::inputs;
use super::step::Call;
use super::tests_of::{ContractBody, ContractTest};
use super::value::WitValue;
use super::wire::AdapterAnswer;
use crate::types::gate::Observed;
use crate::types::interface::{FunctionRole, Interface, WitFunction};
use crate::types::{ClauseId, Digest};

/// Calls of each function.
const CALLS: usize = 32;
/// Characters that are kept of a call and of a result.
const SHOWN: usize = 200;

/// Generated calls of each function without resources, the same for one interface.
pub fn calls(interface: &Interface) -> Vec<Vec<Call>> {
    let callable = |one: &WitFunction| {
        one.role == FunctionRole::Free
            && !one.params.is_empty()
            && one
                .params
                .iter()
                .map(|(_, ty)| ty)
                .chain(&one.result)
                .all(|ty| !interface.has_resource(ty))
    };
    let of = |(at, one): (usize, &WitFunction)| {
        let seed = Digest::of_parts(["observed", interface.call_name(one).as_str()]);
        let types: Vec<_> = one.params.iter().map(|(_, ty)| (ty, None)).collect();
        let call = |values: Vec<WitValue>| {
            let args = values.iter().zip(&one.params);
            let args: Vec<_> = args.map(|(value, (_, ty))| value.text(interface, ty)).collect();
            let text = format!("{}({})", interface.call_name(one), args.join(", "));
            Call { function: at, on: None, args: values, text }
        };
        let all = inputs(interface, &types, seed, CALLS);
        all.into_iter().map(|input| call(input.values())).collect()
    };
    let all = interface.functions.iter().enumerate();
    all.filter(|(_, one)| callable(one)).map(of).collect()
}

/// What a call gave, in a form that is equal in every language.
pub fn observed(
    interface: &Interface,
    call: &Call,
    answer: &AdapterAnswer,
    tests: &[ContractTest],
) -> Observed {
    let function = &interface.functions[call.function];
    let value = match (answer, &function.result) {
        (AdapterAnswer::Value(Some(value)), Some(ty)) => rounded(value).text(interface, ty),
        (AdapterAnswer::Value(_), _) => "no value".to_owned(),
        (AdapterAnswer::Trap(_) | AdapterAnswer::Unbound, _) => "a trap".to_owned(),
    };
    let short = |text: &str| {
        if text.chars().count() <= SHOWN {
            return text.to_owned();
        }
        // Long texts differ in their digests.
        let start: String = text.chars().take(SHOWN).collect();
        format!("{start}… {}", Digest::of(text).short())
    };
    Observed { call: short(&call.text), value: short(&value), clauses: clauses(call, tests) }
}

/// The clauses whose examples call the same function.
fn clauses(call: &Call, tests: &[ContractTest]) -> Vec<ClauseId> {
    let calls_it = |test: &&ContractTest| match &test.body {
        ContractBody::Steps(steps) => steps.iter().any(|s| s.call.function == call.function),
        ContractBody::Property(_) => false,
    };
    let mut found: Vec<_> = tests.iter().filter(calls_it).map(|t| t.clause.clone()).collect();
    found.dedup();
    found
}

/// A value with floats of 9 significant digits: languages round the last ones in their own ways.
fn rounded(value: &WitValue) -> WitValue {
    match value {
        WitValue::Float(one) if one.is_finite() => {
            WitValue::Float(format!("{one:.8e}").parse().unwrap_or(*one))
        }
        WitValue::List(parts) => WitValue::List(parts.iter().map(rounded).collect()),
        WitValue::Case(case, Some(part)) => WitValue::Case(*case, Some(Box::new(rounded(part)))),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::read_interface;

    #[test]
    fn calls_are_the_same_each_time_and_floats_are_rounded() {
        let interface =
            read_interface("f: func(a: f64, b: list<u8>) -> f64;\ng: func();").expect("is WIT");
        let (one, two) = (calls(&interface), calls(&interface));
        assert_eq!((one.len(), one[0].len()), (1, CALLS));
        assert_eq!(
            one[0].iter().map(|c| &c.text).collect::<Vec<_>>(),
            two[0].iter().map(|c| &c.text).collect::<Vec<_>>()
        );
        let value = |x: f64| {
            let answer = AdapterAnswer::Value(Some(WitValue::Float(x)));
            observed(&interface, &one[0][0], &answer, &[]).value
        };
        assert_eq!(value(0.1 + 0.2), value(0.3));
        assert_ne!(value(0.300_001), value(0.3));
        assert_ne!(value(-0.0), value(f64::NAN));
    }
}
