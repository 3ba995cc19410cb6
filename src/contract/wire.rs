//! Calls and answers as JSON, between regen and an adapter.
//!
//! A call is `["ID",FUNCTION,BIND,ON,[ARGUMENTS]]` with -1 where there is no variable; an answer is
//! `["ID",0,VALUE]`, `["ID",1,"MESSAGE"]` for a trap, `["ID",2]` for a variable without a value, or
//! `["ID",3,"MESSAGE"]` for a value that the adapter sees is not of the result's type.

use serde_json::{Value, json};

use super::step::Call;
use super::value::WitValue;
use crate::types::interface::{Interface, WitShape, WitType};

/// A call with the number that its answer must have.
#[derive(Clone, Debug)]
pub struct AdapterCall<'a> {
    /// A random number.
    pub id: String,
    /// The variable that gets the resource in the result.
    pub bind: Option<usize>,
    /// The call.
    pub call: &'a Call,
}

/// An adapter's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum AdapterAnswer {
    /// The result; `None` for a function without one.
    Value(Option<WitValue>),
    /// A panic or exception, with its message.
    Trap(String),
    /// A variable has no value.
    Unbound,
}

/// A request as one line.
pub(super) fn request(interface: &Interface, request: &AdapterCall<'_>) -> String {
    let slot = |at: Option<usize>| at.map_or(-1, |at| i64::try_from(at).unwrap_or(-1));
    let call = request.call;
    let params = &interface.functions[call.function].params;
    let args = call.args.iter().zip(params);
    let args: Vec<Value> = args.map(|(arg, (_, ty))| value_to(interface, ty, arg)).collect();
    json!([request.id, call.function, slot(request.bind), slot(call.on), args]).to_string()
}

/// What an adapter reads: the number of a free descriptor, then the calls.
pub fn requests(interface: &Interface, descriptor: u32, calls: &[AdapterCall<'_>]) -> String {
    let mut text = format!("{descriptor}\n");
    for call in calls {
        text.push_str(&request(interface, call));
        text.push('\n');
    }
    text
}

/// Reads an adapter's output, up to the first answer that is missing or wrong, and how it is wrong.
pub fn answers(
    interface: &Interface,
    calls: &[AdapterCall<'_>],
    output: &str,
) -> (Vec<AdapterAnswer>, Option<String>) {
    let mut lines = output.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    let mut answers = Vec::new();
    for (one, line) in calls.iter().zip(&mut lines) {
        match answer(interface, one, line) {
            Ok(answer) => answers.push(answer),
            Err(why) => return (answers, Some(why)),
        }
    }
    let is_more = answers.len() == calls.len() && lines.next().is_some();
    if is_more {
        answers.pop();
    }
    (answers, is_more.then(|| "there are more answers than calls".to_owned()))
}

/// Reads the answer to a request.
///
/// # Errors
/// It is not an answer to this request, or its value is not of the result's type.
pub(super) fn answer(
    interface: &Interface,
    request: &AdapterCall<'_>,
    line: &str,
) -> Result<AdapterAnswer, String> {
    let parsed: Value =
        serde_json::from_str(line).map_err(|_| "the answer is not an answer".to_owned())?;
    let parts = parsed.as_array().map(Vec::as_slice).unwrap_or_default();
    let function = &interface.functions[request.call.function];
    if parts.first().and_then(Value::as_str) != Some(&request.id) {
        return Err("an answer does not belong to its call".to_owned());
    }
    match parts {
        [_, Value::Number(kind), value] if kind.as_u64() == Some(0) => match &function.result {
            Some(ty) => Ok(AdapterAnswer::Value(Some(value_from(interface, ty, value)?))),
            None => Ok(AdapterAnswer::Value(None)),
        },
        [_, Value::Number(kind), Value::String(message)] if kind.as_u64() == Some(1) => {
            Ok(AdapterAnswer::Trap(message.clone()))
        }
        [_, Value::Number(kind)] if kind.as_u64() == Some(2) => Ok(AdapterAnswer::Unbound),
        [_, Value::Number(kind), Value::String(message)] if kind.as_u64() == Some(3) => {
            Err(message.clone())
        }
        _ => Err("the answer is not an answer".to_owned()),
    }
}

/// A value as JSON.
pub fn value_to(interface: &Interface, ty: &WitType, value: &WitValue) -> Value {
    let ty = interface.plain(ty);
    match (value, ty, interface.shape(ty)) {
        (WitValue::Bool(value), ..) => json!(value),
        // JSON's numbers are not exact beyond 53 bits everywhere.
        (WitValue::Int(value), WitType::Int { bits: 64, .. }, _) => json!(value.to_string()),
        (WitValue::Int(value), ..) => json!(i64::try_from(*value).unwrap_or_default()),
        (WitValue::Float(value), WitType::Float { bits: 32 }, _) => {
            json!(format!("{:08x}", (*value as f32).to_bits()))
        }
        (WitValue::Float(value), ..) => json!(format!("{:016x}", value.to_bits())),
        (WitValue::Char(value), ..) => json!(value),
        (WitValue::Text(value), ..) => json!(value),
        (WitValue::List(parts), WitType::List(of), _) => {
            parts.iter().map(|part| value_to(interface, of, part)).collect()
        }
        (WitValue::List(parts), WitType::Tuple(types), _) => {
            parts.iter().zip(types).map(|(part, ty)| value_to(interface, ty, part)).collect()
        }
        (WitValue::List(parts), _, Some(WitShape::Record(fields))) => {
            let parts = parts.iter().zip(fields);
            parts.map(|(part, field)| value_to(interface, &field.ty, part)).collect()
        }
        (WitValue::Case(case, None), ..) => json!([case]),
        (WitValue::Case(case, Some(payload)), ..) => match payload_of(interface, ty, *case) {
            Some(Some(of)) => json!([case, value_to(interface, of, payload)]),
            _ => json!([case]),
        },
        (WitValue::Flags(set), ..) => json!(set),
        (WitValue::Handle(at), ..) => json!(at),
        (WitValue::Any | WitValue::List(_), ..) => Value::Null,
    }
}

/// The payload's type of a case; `None` if there is no such case.
fn payload_of<'a>(
    interface: &'a Interface,
    ty: &'a WitType,
    case: usize,
) -> Option<Option<&'a WitType>> {
    match (ty, case) {
        (WitType::Option(_), 0) => Some(None),
        (WitType::Option(of), 1) => Some(Some(of)),
        (WitType::Result(ok, _), 0) => Some(ok.as_deref()),
        (WitType::Result(_, err), 1) => Some(err.as_deref()),
        (WitType::Option(_) | WitType::Result(..), _) => None,
        _ => match interface.shape(ty)? {
            WitShape::Variant(cases) | WitShape::Enum(cases) => {
                cases.get(case).map(|case| case.payload.as_ref())
            }
            _ => None,
        },
    }
}

/// Reads a value of a type.
///
/// # Errors
/// It is not one.
pub fn value_from(interface: &Interface, ty: &WitType, json: &Value) -> Result<WitValue, String> {
    let plain = interface.plain(ty);
    let wrong = || format!("an answer is not of type {}", interface.text(ty));
    let list = || json.as_array().ok_or_else(wrong);
    let all = |parts: &[Value], types: &mut dyn Iterator<Item = &WitType>| {
        let parts = parts.iter().zip(types).map(|(part, ty)| value_from(interface, ty, part));
        parts.collect::<Result<Vec<_>, _>>().map(WitValue::List)
    };
    Ok(match (plain, interface.shape(plain)) {
        (WitType::Bool, _) => WitValue::Bool(json.as_bool().ok_or_else(wrong)?),
        (WitType::Int { signed, bits }, _) => {
            let text = json.as_str().filter(|_| *bits == 64);
            let number = json.as_i64().filter(|_| *bits != 64).map(i128::from);
            let value = text.and_then(|text| text.parse().ok()).or(number).ok_or_else(wrong)?;
            let (least, most) = Interface::range(*signed, *bits);
            WitValue::Int(Some(value).filter(|v| (least..=most).contains(v)).ok_or_else(wrong)?)
        }
        (WitType::Float { bits }, _) => {
            let digits = usize::from(bits / 4);
            let text = json.as_str().filter(|text| text.len() == digits).ok_or_else(wrong)?;
            let read = u64::from_str_radix(text, 16).map_err(|_| wrong())?;
            WitValue::Float(match bits {
                32 => f32::from_bits(u32::try_from(read).map_err(|_| wrong())?).into(),
                _ => f64::from_bits(read),
            })
        }
        (WitType::Char, _) => {
            let mut chars = json.as_str().ok_or_else(wrong)?.chars();
            let (one, rest) = (chars.next().ok_or_else(wrong)?, chars.next());
            WitValue::Char(Some(one).filter(|_| rest.is_none()).ok_or_else(wrong)?)
        }
        (WitType::Text, _) => WitValue::Text(json.as_str().ok_or_else(wrong)?.to_owned()),
        (WitType::List(of), _) => all(list()?, &mut std::iter::repeat(&**of))?,
        (WitType::Tuple(types), _) if list()?.len() == types.len() => {
            all(list()?, &mut types.iter())?
        }
        (_, Some(WitShape::Record(fields))) if list()?.len() == fields.len() => {
            all(list()?, &mut fields.iter().map(|field| &field.ty))?
        }
        (_, Some(WitShape::Flags(names))) if list()?.len() == names.len() => {
            let set = list()?.iter().map(|flag| flag.as_bool().ok_or_else(wrong));
            WitValue::Flags(set.collect::<Result<_, _>>()?)
        }
        (WitType::Own(_) | WitType::Borrow(_), _) => WitValue::Handle(0),
        (WitType::Tuple(_), _) | (_, Some(WitShape::Record(_) | WitShape::Flags(_))) => {
            return Err(wrong());
        }
        _ => {
            let parts = list()?;
            let case = parts.first().and_then(Value::as_u64).ok_or_else(wrong)?;
            let case = usize::try_from(case).map_err(|_| wrong())?;
            match (payload_of(interface, plain, case), &parts[1..]) {
                (Some(None), []) => WitValue::Case(case, None),
                (Some(Some(of)), [payload]) => {
                    WitValue::Case(case, Some(Box::new(value_from(interface, of, payload)?)))
                }
                _ => return Err(wrong()),
            }
        }
    })
}
