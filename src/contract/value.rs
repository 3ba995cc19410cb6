//! Values of a contract's types.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::types::interface::{Interface, WitShape, WitType};

/// A value, read with its type.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum WitValue {
    /// Of `bool`.
    Bool(bool),
    /// Of an integer type.
    Int(i128),
    /// Of a float type.
    #[serde(serialize_with = "bits", deserialize_with = "of_bits")]
    Float(f64),
    /// Of `char`.
    Char(char),
    /// Of `string`.
    Text(String),
    /// Of a list, a tuple, or a record with its fields in order.
    List(Vec<WitValue>),
    /// Of a variant or an enum: the number of the case. `none` and `ok` are 0, `some` and `err` 1.
    Case(usize, Option<Box<WitValue>>),
    /// Of flags: which are set.
    Flags(Vec<bool>),
    /// A resource: the number of the variable that has it; 0 in results.
    Handle(usize),
    /// In an example: any value.
    Any,
}

/// JSON has no infinity.
fn bits<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    value.to_bits().serialize(to)
}

fn of_bits<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    u64::deserialize(from).map(f64::from_bits)
}

impl PartialEq for WitValue {
    fn eq(&self, other: &Self) -> bool {
        self.admits(other, None)
    }
}

impl WitValue {
    /// Whether a value is the expected one: floats by their bits, all NaN alike, or with a
    /// tolerance.
    pub fn admits(&self, got: &Self, tolerance: Option<f64>) -> bool {
        let all = |a: &[Self], b: &[Self]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.admits(b, tolerance))
        };
        match (self, got) {
            (Self::Any, _) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => {
                let near = tolerance.is_some_and(|most| (a - b).abs() <= most);
                near || (a.is_nan() && b.is_nan()) || a.to_bits() == b.to_bits()
            }
            (Self::Char(a), Self::Char(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::List(a), Self::List(b)) => all(a, b),
            (Self::Case(a, None), Self::Case(b, None)) => a == b,
            (Self::Case(a, Some(x)), Self::Case(b, Some(y))) => a == b && x.admits(y, tolerance),
            (Self::Flags(a), Self::Flags(b)) => a == b,
            (Self::Handle(_), Self::Handle(_)) => true,
            _ => false,
        }
    }

    /// Whether some part of it is any value.
    pub fn has_any(&self) -> bool {
        match self {
            Self::Any => true,
            Self::List(parts) => parts.iter().any(Self::has_any),
            Self::Case(_, Some(part)) => part.has_any(),
            _ => false,
        }
    }

    /// The value as WAVE text.
    pub fn text(&self, interface: &Interface, ty: &WitType) -> String {
        let mut out = String::new();
        self.write(interface, ty, &mut out);
        out
    }

    fn write(&self, interface: &Interface, ty: &WitType, out: &mut String) {
        let ty = interface.plain(ty);
        match (self, ty, interface.shape(ty)) {
            (Self::Bool(value), ..) => out.push_str(&value.to_string()),
            (Self::Int(value), ..) => out.push_str(&value.to_string()),
            (Self::Float(value), ..) => out.push_str(&float(*value, ty)),
            (Self::Char(value), ..) => {
                out.push('\'');
                escape(*value, '\'', out);
                out.push('\'');
            }
            (Self::Text(value), ..) => {
                out.push('"');
                value.chars().for_each(|c| escape(c, '"', out));
                out.push('"');
            }
            (Self::List(parts), _, Some(WitShape::Record(fields))) => {
                let parts = parts.iter().zip(fields).map(|(part, field)| {
                    format!("{}: {}", field.name, part.text(interface, &field.ty))
                });
                out.push_str(&format!("{{{}}}", parts.collect::<Vec<_>>().join(", ")));
            }
            (Self::List(parts), WitType::Tuple(types), _) => {
                let parts = parts.iter().zip(types).map(|(part, ty)| part.text(interface, ty));
                out.push_str(&format!("({})", parts.collect::<Vec<_>>().join(", ")));
            }
            (Self::List(parts), WitType::List(of), _) => {
                let parts = parts.iter().map(|part| part.text(interface, of));
                out.push_str(&format!("[{}]", parts.collect::<Vec<_>>().join(", ")));
            }
            (Self::Case(case, payload), ..) => {
                let (name, of) = Self::case(interface, ty, *case);
                out.push_str(&name);
                if let (Some(payload), Some(of)) = (payload, of) {
                    out.push_str(&format!("({})", payload.text(interface, of)));
                }
            }
            (Self::Flags(set), _, Some(WitShape::Flags(names))) => {
                let set = set.iter().zip(names).filter(|(is_set, _)| **is_set);
                let names: Vec<_> = set.map(|(_, flag)| flag.name.as_str()).collect();
                out.push_str(&format!("{{{}}}", names.join(", ")));
            }
            (Self::Handle(_), ..) => out.push_str("a resource"),
            (Self::Any, ..) => out.push('_'),
            (Self::List(_) | Self::Flags(_), ..) => out.push('?'),
        }
    }

    /// The name and the payload's type of a case.
    fn case<'a>(
        interface: &'a Interface,
        ty: &'a WitType,
        case: usize,
    ) -> (String, Option<&'a WitType>) {
        match ty {
            WitType::Option(of) if case == 1 => ("some".to_owned(), Some(of)),
            WitType::Option(_) => ("none".to_owned(), None),
            WitType::Result(ok, err) => match case {
                0 => ("ok".to_owned(), ok.as_deref()),
                _ => ("err".to_owned(), err.as_deref()),
            },
            _ => match interface.shape(ty) {
                Some(WitShape::Variant(cases) | WitShape::Enum(cases)) => cases
                    .get(case)
                    .map(|case| (label(&case.name), case.payload.as_ref()))
                    .unwrap_or_default(),
                _ => Default::default(),
            },
        }
    }
}

/// A case's name as WAVE writes it: with `%` where it is a keyword.
fn label(name: &str) -> String {
    let keywords = ["true", "false", "some", "none", "ok", "err", "inf", "nan"];
    if keywords.contains(&name) { format!("%{name}") } else { name.to_owned() }
}

fn float(value: f64, ty: &WitType) -> String {
    let text = match ty {
        WitType::Float { bits: 32 } => format!("{:?}", value as f32),
        _ => format!("{value:?}"),
    };
    text.replace("NaN", "nan")
}

fn escape(c: char, quote: char, out: &mut String) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c == quote => {
            out.push('\\');
            out.push(c);
        }
        c if c.is_control() => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        c => out.push(c),
    }
}
