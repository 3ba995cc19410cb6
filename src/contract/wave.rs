//! Reads WAVE values with their types.

use std::ops::Range;

use wasm_wave::ast::{Node, NodeType};
use wasm_wave::untyped::UntypedValue;

use super::spelling::{near, value_word, word_at};
use super::statements::nesting;
use super::value::WitValue;
use crate::types::interface::{Interface, WitCase, WitShape, WitType};
use crate::types::limits;

/// What `_` is replaced by before the text is parsed: a label of the same meaning.
const ANY: &str = "%regen-any";

/// What is wrong with a value, and where in its text.
pub type ValueError = (String, Range<usize>);

/// Reads a value of a type. `_` is any value where `wild`.
///
/// # Errors
/// What is wrong, and where.
pub fn read_value(
    interface: &Interface,
    ty: &WitType,
    text: &str,
    wild: bool,
) -> Result<WitValue, ValueError> {
    if nesting(text) > limits::VALUE_NESTING {
        return Err(("the value is nested too deeply".to_owned(), 0..0));
    }
    let (source, moved) = if wild { with_labels(text) } else { (text.to_owned(), Vec::new()) };
    let back = |span: Range<usize>| original(span, &moved, text.len());
    let parsed = UntypedValue::parse(&source).map_err(|error| {
        let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        let span = back(error.span());
        meant(text, span.start)
            .unwrap_or_else(|| (format!("not a value: {}{detail}", error.kind()), span))
    })?;
    let reader = ValueReader { interface, source: &source, wild };
    reader.value(parsed.node(), ty).map_err(|(message, span)| (message, back(span)))
}

/// What is wrong at an offset, if a value is written there as in another language.
fn meant(text: &str, at: usize) -> Option<ValueError> {
    let rest = text.get(at..)?;
    if rest.starts_with('=') {
        return Some(("write one `=` before the result".to_owned(), at..at + 1));
    }
    if rest.starts_with('\'') {
        let message = "a string is written in double quotes, and `'` is around one character";
        return Some((message.to_owned(), at..text.len()));
    }
    let (start, word) = word_at(text, at)?;
    let name = value_word(word)?;
    Some((format!("`{word}` is not a value; is it `{name}`?"), start..start + word.len()))
}

/// The text with labels for each `_`, and where they are.
fn with_labels(text: &str) -> (String, Vec<usize>) {
    let (mut out, mut moved) = (String::new(), Vec::new());
    let (mut quoted, mut escaped) = (None, false);
    for c in text.chars() {
        match quoted {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(quote) if c == quote => quoted = None,
            None if c == '"' || c == '\'' => quoted = Some(c),
            None if c == '_' => {
                moved.push(out.len());
                out.push_str(ANY);
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    (out, moved)
}

/// A span before labels were put in.
fn original(span: Range<usize>, moved: &[usize], most: usize) -> Range<usize> {
    let back = |at: usize| {
        let before = moved.iter().filter(|start| **start < at).count();
        at.saturating_sub(before * (ANY.len() - 1)).min(most)
    };
    back(span.start)..back(span.end)
}

struct ValueReader<'a> {
    interface: &'a Interface,
    source: &'a str,
    wild: bool,
}

impl ValueReader<'_> {
    fn value(&self, node: &Node, ty: &WitType) -> Result<WitValue, ValueError> {
        let span = node.span();
        if self.wild && self.source.get(span.clone()) == Some(ANY) {
            return Ok(WitValue::Any);
        }
        let plain = self.interface.plain(ty);
        let wrong = || {
            let text = self.source.get(span.clone()).unwrap_or_default();
            let text = text.replace(ANY, "_");
            (format!("`{text}` is not a value of type {}", self.interface.text(ty)), span.clone())
        };
        Ok(match plain {
            WitType::Bool => WitValue::Bool(node.as_bool().map_err(|_| wrong())?),
            WitType::Int { signed, bits } => {
                let value: i128 = node.as_number(self.source).map_err(|_| wrong())?;
                let (least, most) = Interface::range(*signed, *bits);
                if !(least..=most).contains(&value) {
                    return Err(wrong());
                }
                WitValue::Int(value)
            }
            WitType::Float { bits: 32 } => {
                let value: f32 = node.as_number(self.source).map_err(|_| wrong())?;
                WitValue::Float(value.into())
            }
            WitType::Float { .. } => {
                WitValue::Float(node.as_number(self.source).map_err(|_| wrong())?)
            }
            WitType::Char => WitValue::Char(node.as_char(self.source).map_err(|_| wrong())?),
            WitType::Text => {
                WitValue::Text(node.as_str(self.source).map_err(|_| wrong())?.into_owned())
            }
            WitType::List(of) => {
                let parts = node.as_list().map_err(|_| wrong())?;
                WitValue::List(parts.map(|part| self.value(part, of)).collect::<Result<_, _>>()?)
            }
            WitType::Tuple(types) => {
                let parts = node.as_tuple().map_err(|_| wrong())?;
                if parts.len() != types.len() {
                    return Err(wrong());
                }
                let parts = parts.zip(types).map(|(part, ty)| self.value(part, ty));
                WitValue::List(parts.collect::<Result<_, _>>()?)
            }
            WitType::Option(of) => self.option(node, of)?,
            WitType::Result(ok, err) => self.result(node, ok.as_deref(), err.as_deref())?,
            WitType::Named(at) => match &self.interface.types[*at].shape {
                WitShape::Record(_) => self.record(node, plain)?,
                WitShape::Variant(cases) | WitShape::Enum(cases) => {
                    self.case(node, cases, plain)?
                }
                WitShape::Flags(cases) => self.flags(node, cases, plain)?,
                WitShape::Alias(_) | WitShape::Resource => return Err(wrong()),
            },
            WitType::Own(_) | WitType::Borrow(_) => return Err(wrong()),
        })
    }

    fn option(&self, node: &Node, of: &WitType) -> Result<WitValue, ValueError> {
        let full = matches!(node.ty(), NodeType::OptionSome | NodeType::OptionNone);
        Ok(match node.as_option() {
            Ok(None) => WitValue::Case(0, None),
            Ok(Some(part)) if full => WitValue::Case(1, Some(Box::new(self.value(part, of)?))),
            _ => WitValue::Case(1, Some(Box::new(self.value(node, of)?))),
        })
    }

    fn result(
        &self,
        node: &Node,
        ok: Option<&WitType>,
        err: Option<&WitType>,
    ) -> Result<WitValue, ValueError> {
        let full = matches!(node.ty(), NodeType::ResultOk | NodeType::ResultErr);
        let (case, part, of) = match node.as_result() {
            Ok(Ok(part)) if full => (0, part, ok),
            Ok(Err(part)) if full => (1, part, err),
            // WAVE writes `ok` without its name where it has a value.
            _ => (0, Some(node), ok),
        };
        let name = if case == 0 { "ok" } else { "err" };
        let payload = match (part, of) {
            (Some(part), Some(of)) => Some(Box::new(self.value(part, of)?)),
            (None, None) => None,
            (Some(_), None) => return Err((format!("`{name}` has no value here"), node.span())),
            (None, Some(of)) => {
                let of = self.interface.text(of);
                return Err((format!("`{name}` needs a value of type {of}"), node.span()));
            }
        };
        Ok(WitValue::Case(case, payload))
    }

    fn record(&self, node: &Node, ty: &WitType) -> Result<WitValue, ValueError> {
        let wrong = |message: String| (message, node.span());
        let Some(WitShape::Record(fields)) = self.interface.shape(ty) else {
            return Err(wrong("not a record".to_owned()));
        };
        let name = self.interface.text(ty);
        // A record without its optional fields is written like flags.
        let given: Vec<(&str, &Node)> = match node.as_record(self.source) {
            Ok(given) => given.collect(),
            Err(_) => return Err(wrong(format!("write a `{name}` as `{{field: value, …}}`"))),
        };
        for (given_name, value) in &given {
            let known = fields.iter().map(|field| field.name.as_str());
            if !known.clone().any(|field| field == *given_name) {
                let hint = near(given_name, known);
                return Err((format!("`{name}` has no field `{given_name}`{hint}"), value.span()));
            }
        }
        let parts = fields.iter().map(|field| {
            match given.iter().filter(|(given, _)| *given == field.name).collect::<Vec<_>>()[..] {
                [(_, value)] => self.value(value, &field.ty),
                [] if matches!(self.interface.plain(&field.ty), WitType::Option(_)) => {
                    Ok(WitValue::Case(0, None))
                }
                [] => Err(wrong(format!("the field `{}` of `{name}` is missing", field.name))),
                _ => Err(wrong(format!("the field `{}` is given twice", field.name))),
            }
        });
        Ok(WitValue::List(parts.collect::<Result<_, _>>()?))
    }

    fn case(&self, node: &Node, cases: &[WitCase], ty: &WitType) -> Result<WitValue, ValueError> {
        let name = self.interface.text(ty);
        let wrong = |message: String| (message, node.span());
        let (given, part) = match (node.as_enum(self.source), node.as_variant(self.source)) {
            (Ok(given), _) => (given, None),
            (_, Ok((given, part))) => (given, part),
            _ => return Err(wrong(format!("not a case of `{name}`"))),
        };
        let found = cases.iter().position(|case| case.name == given);
        let Some(at) = found else {
            let hint = near(given, cases.iter().map(|case| case.name.as_str()));
            return Err(wrong(format!("`{name}` has no case `{given}`{hint}")));
        };
        match (part, &cases[at].payload) {
            (None, None) => Ok(WitValue::Case(at, None)),
            (Some(part), Some(of)) => Ok(WitValue::Case(at, Some(Box::new(self.value(part, of)?)))),
            (Some(_), None) => Err(wrong(format!("`{given}` has no value"))),
            (None, Some(of)) => {
                let of = self.interface.text(of);
                Err(wrong(format!("`{given}` needs a value of type {of}")))
            }
        }
    }

    fn flags(&self, node: &Node, cases: &[WitCase], ty: &WitType) -> Result<WitValue, ValueError> {
        let name = self.interface.text(ty);
        let wrong = |message: String| (message, node.span());
        let given = node.as_flags(self.source);
        let given = given.map_err(|_| wrong(format!("write `{name}` as `{{flag, …}}`")))?;
        let mut set = vec![false; cases.len()];
        for flag in given {
            let Some(at) = cases.iter().position(|case| case.name == flag) else {
                let hint = near(flag, cases.iter().map(|case| case.name.as_str()));
                return Err(wrong(format!("`{name}` has no flag `{flag}`{hint}")));
            };
            set[at] = true;
        }
        Ok(WitValue::Flags(set))
    }
}
