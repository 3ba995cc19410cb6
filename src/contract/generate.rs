//! Generates inputs of properties from types.

use proptest::prelude::*;
use proptest::strategy::{BoxedStrategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::value::WitValue;
use crate::types::Digest;
use crate::types::interface::{Interface, WitCase, WitShape, WitType};

/// Longest generated text, and list outside of other lists.
const LENGTH: usize = 24;

/// One generated input, which can be made simpler.
pub struct Input(Box<dyn ValueTree<Value = Vec<WitValue>>>);

impl Input {
    /// The values of the variables.
    pub fn values(&self) -> Vec<WitValue> {
        self.0.current()
    }

    /// Makes it simpler, if it can be.
    pub fn simplify(&mut self) -> bool {
        self.0.simplify()
    }

    /// Takes the last simplification back in part, if it can be.
    pub fn complicate(&mut self) -> bool {
        self.0.complicate()
    }
}

/// Generated inputs for variables of these types and ranges, the same for one seed.
pub fn inputs(
    interface: &Interface,
    variables: &[(&WitType, Option<(i128, i128)>)],
    seed: Digest,
    count: usize,
) -> Vec<Input> {
    let of = |(ty, range): &(&WitType, Option<(i128, i128)>)| match range {
        Some((least, most)) => int(*least, *most),
        None => strategy(interface, ty, LENGTH),
    };
    let all: Vec<_> = variables.iter().map(of).collect();
    let mut bytes = [0; 32];
    bytes.copy_from_slice(seed.as_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let input = |_| all.new_tree(&mut runner).ok().map(|tree| Input(Box::new(tree)));
    (0..count).filter_map(input).collect()
}

fn int(least: i128, most: i128) -> BoxedStrategy<WitValue> {
    let near = least.max(most.min(0).max(least));
    let small = near..=near.saturating_add(16).min(most);
    let edges = prop_oneof![Just(least), Just(most), small];
    prop_oneof![1 => edges, 3 => least..=most].prop_map(WitValue::Int).boxed()
}

fn strategy(interface: &Interface, ty: &WitType, length: usize) -> BoxedStrategy<WitValue> {
    let below = |ty: &WitType| strategy(interface, ty, length / 2);
    match interface.plain(ty) {
        WitType::Bool => any::<bool>().prop_map(WitValue::Bool).boxed(),
        WitType::Int { signed, bits } => {
            // Whole numbers of an expression are signed and of 64 bits.
            let (least, most) = Interface::range(*signed, *bits);
            int(least, most.min(i64::MAX.into()))
        }
        WitType::Float { bits: 32 } => floats(f32::MAX.into())
            .prop_map(|value| WitValue::Float(f64::from(value as f32)))
            .boxed(),
        WitType::Float { .. } => floats(f64::MAX).prop_map(WitValue::Float).boxed(),
        WitType::Char => any::<char>().prop_map(WitValue::Char).boxed(),
        WitType::Text => {
            let plain = proptest::collection::vec(proptest::char::range(' ', '~'), 0..=length);
            let wide = proptest::collection::vec(any::<char>(), 0..=length);
            prop_oneof![3 => plain, 1 => wide]
                .prop_map(|chars| WitValue::Text(chars.into_iter().collect()))
                .boxed()
        }
        WitType::List(of) => {
            proptest::collection::vec(below(of), 0..=length).prop_map(WitValue::List).boxed()
        }
        WitType::Tuple(types) => {
            types.iter().map(below).collect::<Vec<_>>().prop_map(WitValue::List).boxed()
        }
        WitType::Option(of) => cases(&[(0, None), (1, Some(&**of))], &below),
        WitType::Result(ok, err) => cases(&[(0, ok.as_deref()), (1, err.as_deref())], &below),
        WitType::Named(at) => match &interface.types[*at].shape {
            WitShape::Record(fields) => {
                let fields: Vec<_> = fields.iter().map(|field| below(&field.ty)).collect();
                fields.prop_map(WitValue::List).boxed()
            }
            WitShape::Variant(list) | WitShape::Enum(list) => {
                let payload = |(at, case): (usize, &'_ WitCase)| (at, case.payload.clone());
                let list: Vec<_> = list.iter().enumerate().map(payload).collect();
                let list: Vec<_> = list.iter().map(|(at, of)| (*at, of.as_ref())).collect();
                cases(&list, &below)
            }
            WitShape::Flags(names) => proptest::collection::vec(any::<bool>(), names.len())
                .prop_map(WitValue::Flags)
                .boxed(),
            WitShape::Alias(_) | WitShape::Resource => Just(WitValue::Any).boxed(),
        },
        WitType::Own(_) | WitType::Borrow(_) => Just(WitValue::Any).boxed(),
    }
}

fn floats(most: f64) -> BoxedStrategy<f64> {
    let special = prop_oneof![
        Just(0.0),
        Just(-0.0),
        Just(1.0),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(most),
    ];
    prop_oneof![1 => special, 2 => -1e6..1e6, 1 => any::<f64>()].boxed()
}

fn cases(
    list: &[(usize, Option<&WitType>)],
    below: &dyn Fn(&WitType) -> BoxedStrategy<WitValue>,
) -> BoxedStrategy<WitValue> {
    let one = |(at, payload): &(usize, Option<&WitType>)| {
        let at = *at;
        match payload {
            None => Just(WitValue::Case(at, None)).boxed(),
            Some(of) => {
                below(of).prop_map(move |of| WitValue::Case(at, Some(Box::new(of)))).boxed()
            }
        }
    };
    proptest::strategy::Union::new(list.iter().map(one)).boxed()
}
