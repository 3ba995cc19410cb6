//! Values of a contract in CEL, and back.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value;
use cel::objects::{Key, Map};

use super::value::WitValue;
use crate::types::interface::{Interface, WitShape, WitType};

/// A name in CEL.
pub fn cel_name(name: &str) -> String {
    name.replace(['-', '.'], "_")
}

/// A value in CEL: cases with a payload are maps of one key, other cases are texts, `none` is an
/// empty map.
pub fn to_cel(interface: &Interface, ty: &WitType, value: &WitValue) -> Value {
    let ty = interface.plain(ty);
    let map = |entries: Vec<(String, Value)>| {
        let entries = entries.into_iter().map(|(key, value)| (Key::from(key), value));
        Value::Map(Map { map: Arc::new(entries.collect::<HashMap<_, _>>()) })
    };
    match (value, ty, interface.shape(ty)) {
        (WitValue::Bool(value), ..) => Value::Bool(*value),
        (WitValue::Int(value), ..) => match i64::try_from(*value) {
            Ok(value) => Value::Int(value),
            Err(_) => Value::UInt(u64::try_from(*value).unwrap_or(u64::MAX)),
        },
        (WitValue::Float(value), ..) => Value::Float(*value),
        (WitValue::Char(value), ..) => Value::String(Arc::new(value.to_string())),
        (WitValue::Text(value), ..) => Value::String(Arc::new(value.clone())),
        (WitValue::List(parts), WitType::List(of), _) => {
            Value::List(Arc::new(parts.iter().map(|part| to_cel(interface, of, part)).collect()))
        }
        (WitValue::List(parts), WitType::Tuple(types), _) => {
            let parts = parts.iter().zip(types).map(|(part, ty)| to_cel(interface, ty, part));
            Value::List(Arc::new(parts.collect()))
        }
        (WitValue::List(parts), _, Some(WitShape::Record(fields))) => {
            let parts = parts
                .iter()
                .zip(fields)
                .map(|(part, field)| (cel_name(&field.name), to_cel(interface, &field.ty, part)));
            map(parts.collect())
        }
        (WitValue::Case(0, None), WitType::Option(_), _) => map(Vec::new()),
        (WitValue::Case(1, Some(part)), WitType::Option(of), _) => {
            map(vec![("some".to_owned(), to_cel(interface, of, part))])
        }
        (WitValue::Case(at, part), WitType::Result(ok, err), _) => {
            let (name, of) = if *at == 0 { ("ok", ok) } else { ("err", err) };
            let part = part.as_ref().zip(of.as_ref());
            let part = part.map_or(Value::Bool(true), |(part, of)| to_cel(interface, of, part));
            map(vec![(name.to_owned(), part)])
        }
        (WitValue::Case(at, part), _, Some(WitShape::Variant(cases) | WitShape::Enum(cases))) => {
            let case = &cases[*at];
            match part.as_ref().zip(case.payload.as_ref()) {
                Some((part, of)) => map(vec![(cel_name(&case.name), to_cel(interface, of, part))]),
                None => Value::String(Arc::new(cel_name(&case.name))),
            }
        }
        (WitValue::Flags(set), _, Some(WitShape::Flags(names))) => {
            let set = set.iter().zip(names).filter(|(is_set, _)| **is_set);
            let set = set.map(|(_, flag)| Value::String(Arc::new(cel_name(&flag.name))));
            Value::List(Arc::new(set.collect()))
        }
        _ => Value::Null,
    }
}

/// A value of a type from one in CEL; `None` if it is not one.
pub fn from_cel(interface: &Interface, ty: &WitType, value: &Value) -> Option<WitValue> {
    let ty = interface.plain(ty);
    Some(match ty {
        WitType::Bool => WitValue::Bool(
            matches!(value, Value::Bool(true)).then_some(true).or(matches!(
                value,
                Value::Bool(false)
            )
            .then_some(false))?,
        ),
        WitType::Int { signed, bits } => {
            let number = match value {
                Value::Int(value) => i128::from(*value),
                Value::UInt(value) => i128::from(*value),
                _ => return None,
            };
            let (least, most) = Interface::range(*signed, *bits);
            WitValue::Int(Some(number).filter(|n| (least..=most).contains(n))?)
        }
        WitType::Float { bits } => {
            let number = match value {
                Value::Float(value) => *value,
                Value::Int(value) => *value as f64,
                _ => return None,
            };
            WitValue::Float(if *bits == 32 { f64::from(number as f32) } else { number })
        }
        WitType::Char | WitType::Text => {
            let Value::String(text) = value else { return None };
            let mut chars = text.chars();
            match (ty, chars.next(), chars.next()) {
                (WitType::Text, ..) => WitValue::Text(text.to_string()),
                (_, Some(one), None) => WitValue::Char(one),
                _ => return None,
            }
        }
        WitType::List(of) => {
            let parts = parts(value)?;
            let parts = parts.iter().map(|part| from_cel(interface, of, part));
            WitValue::List(parts.collect::<Option<_>>()?)
        }
        WitType::Tuple(types) => {
            let parts = parts(value).filter(|parts| parts.len() == types.len())?;
            let parts = parts.iter().zip(types).map(|(part, ty)| from_cel(interface, ty, part));
            WitValue::List(parts.collect::<Option<_>>()?)
        }
        WitType::Option(of) => match field(value, "some") {
            Some(part) => payload(interface, 1, Some(of), part)?,
            None if matches!(value, Value::Map(map) if map.map.is_empty()) => {
                WitValue::Case(0, None)
            }
            None => payload(interface, 1, Some(of), value)?,
        },
        WitType::Result(ok, err) => match (field(value, "ok"), field(value, "err")) {
            (Some(part), _) => payload(interface, 0, ok.as_deref(), part)?,
            (_, Some(part)) => payload(interface, 1, err.as_deref(), part)?,
            _ => return None,
        },
        WitType::Named(at) => named_from_cel(interface, &interface.types[*at].shape, value)?,
        WitType::Own(_) | WitType::Borrow(_) => return None,
    })
}

/// A value of a named type from one in CEL.
fn named_from_cel(interface: &Interface, shape: &WitShape, value: &Value) -> Option<WitValue> {
    Some(match shape {
        WitShape::Record(fields) => {
            let parts =
                fields.iter().map(|one| from_cel(interface, &one.ty, field(value, &one.name)?));
            WitValue::List(parts.collect::<Option<_>>()?)
        }
        WitShape::Variant(cases) | WitShape::Enum(cases) => {
            let found = cases.iter().enumerate().find_map(|(at, case)| {
                let bare = matches!(value, Value::String(text) if **text == cel_name(&case.name));
                match &case.payload {
                    Some(of) => Some((at, Some(of), field(value, &case.name)?)),
                    None => bare.then_some((at, None, value)),
                }
            });
            let (at, of, part) = found?;
            payload(interface, at, of, part)?
        }
        WitShape::Flags(names) => {
            let parts = parts(value)?;
            let has = |flag: &str| {
                parts.iter().any(|one| matches!(one, Value::String(t) if **t == cel_name(flag)))
            };
            WitValue::Flags(names.iter().map(|flag| has(&flag.name)).collect())
        }
        WitShape::Alias(_) | WitShape::Resource => return None,
    })
}

/// The entry of a map.
fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Map(map) => map.map.get(&Key::from(cel_name(name))),
        _ => None,
    }
}

/// The parts of a list.
fn parts(value: &Value) -> Option<Arc<Vec<Value>>> {
    match value {
        Value::List(parts) => Some(parts.clone()),
        _ => None,
    }
}

/// A case with its payload.
fn payload(
    interface: &Interface,
    at: usize,
    of: Option<&WitType>,
    value: &Value,
) -> Option<WitValue> {
    let payload = match of {
        Some(of) => Some(Box::new(from_cel(interface, of, value)?)),
        None => None,
    };
    Some(WitValue::Case(at, payload))
}
