//! Compares a service's answer with what it must be.

use serde_json::Value;

use super::{
    HttpReply, HurlEntry, HurlOperand, HurlQuery, HurlSource, HurlTest, HurlVariables, plain,
};
use crate::types::limits;

impl HurlEntry {
    /// Compares an answer, and takes the values of variables from it.
    ///
    /// # Errors
    /// What was expected, and what was there instead.
    pub fn check(&self, reply: &HttpReply, variables: &mut HurlVariables) -> Result<(), String> {
        for one in &self.asserts {
            let place = format!("line {} of the example", one.line);
            let value = one.source.value(reply, variables);
            let value =
                value.map_err(|why| format!("{place}: expected {}, but {why}", one.text))?;
            let holds = match (&one.test, &value) {
                (HurlTest::Exists, value) => value.is_some() != one.not,
                (_, None) => false,
                (test, Some(value)) => test.holds(value, variables) != one.not,
            };
            if !holds {
                return Err(format!("{place}: expected {}, got {}", one.text, shown(value)));
            }
        }
        for one in &self.captures {
            let place = format!("line {} of the example", one.line);
            let value = one.source.value(reply, variables);
            let value = value.map_err(|why| format!("{place}: no value for `{}`: {why}", one.name));
            let Some(value) = value? else {
                return Err(format!("{place}: there is no value for `{}`", one.name));
            };
            variables.insert(one.name.clone(), value);
        }
        Ok(())
    }
}

/// A value as a finding shows it.
fn shown(value: Option<Value>) -> String {
    let text = value.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
    let mut short: String = text.chars().take(limits::SHOWN_VALUE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

impl HurlSource {
    /// The value in an answer. `None` if there is none.
    fn value(&self, reply: &HttpReply, variables: &HurlVariables) -> Result<Option<Value>, String> {
        let value = match &self.part {
            HurlQuery::Status => Some(Value::from(reply.status)),
            HurlQuery::Version => Some(Value::from(reply.version.as_str())),
            HurlQuery::Header(name) => {
                let name = name.to_lowercase();
                let mine = reply.headers.iter().filter(|(other, _)| *other == name);
                let mut all: Vec<Value> = mine.map(|(_, value)| value.as_str().into()).collect();
                if all.len() > 1 { Some(Value::from(all)) } else { all.pop() }
            }
            HurlQuery::Body => {
                let text = std::str::from_utf8(&reply.body);
                Some(Value::from(text.map_err(|_| "the body is not UTF-8")?))
            }
            HurlQuery::Bytes => return Ok(Some(Value::from(reply.body.len()))),
            HurlQuery::Json(path, is_one) => {
                let body: Value = serde_json::from_slice(&reply.body).map_err(|error| {
                    let body = String::from_utf8_lossy(&reply.body);
                    format!("the body is not JSON ({error}): {}", shown(Some(body.into())))
                })?;
                let mut found = path.query(&body).all().into_iter().cloned();
                if *is_one {
                    found.next()
                } else {
                    let all: Vec<Value> = found.collect();
                    (!all.is_empty() || self.counts).then(|| Value::from(all))
                }
            }
            HurlQuery::Variable(name) => variables.get(name).cloned(),
        };
        match value {
            Some(value) if self.counts => match value.as_array() {
                Some(list) => Ok(Some(Value::from(list.len()))),
                None => Err(format!("{} is not a list", shown(Some(value)))),
            },
            value => Ok(value),
        }
    }
}

impl HurlTest {
    fn holds(&self, value: &Value, variables: &HurlVariables) -> bool {
        let compares = |operand: &HurlOperand, right: fn(f64, f64) -> bool| {
            let operand = operand.value(variables);
            let both = value.as_f64().zip(operand.as_ref().and_then(Value::as_f64));
            both.is_some_and(|(value, operand)| right(value, operand))
        };
        let text = value.as_str();
        match self {
            Self::Equal(operand) => {
                operand.value(variables).is_some_and(|operand| equals(value, &operand))
            }
            Self::Among(expected) => {
                let expected = expected.fill(variables);
                let is_it = |value: &Value| value.as_str() == Some(expected.as_str());
                is_it(value) || value.as_array().is_some_and(|list| list.iter().any(is_it))
            }
            Self::Greater(operand) => compares(operand, |a, b| a > b),
            Self::AtLeast(operand) => compares(operand, |a, b| a >= b),
            Self::Less(operand) => compares(operand, |a, b| a < b),
            Self::AtMost(operand) => compares(operand, |a, b| a <= b),
            Self::StartsWith(start) => text.is_some_and(|t| t.starts_with(&start.fill(variables))),
            Self::EndsWith(end) => text.is_some_and(|t| t.ends_with(&end.fill(variables))),
            Self::Contains(operand) => {
                let Some(operand) = operand.value(variables) else { return false };
                match value {
                    Value::Array(list) => list.iter().any(|one| equals(one, &operand)),
                    value => text.is_some_and(|t| {
                        t.contains(&plain(&operand)) && operand.is_string() && value.is_string()
                    }),
                }
            }
            Self::Matches(regex) => text.is_some_and(|text| regex.is_match(text)),
            Self::Exists => true,
            Self::Empty => match value {
                Value::Array(list) => list.is_empty(),
                Value::Object(map) => map.is_empty(),
                value => value.as_str() == Some(""),
            },
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Float => value.is_f64(),
            Self::Boolean => value.is_boolean(),
            Self::Text => value.is_string(),
            Self::Collection => value.is_array() || value.is_object(),
        }
    }
}

/// Whether two values are equal. Integers are not rounded.
fn equals(one: &Value, other: &Value) -> bool {
    let is_float = one.is_f64() || other.is_f64();
    one == other || (is_float && one.as_f64().is_some() && one.as_f64() == other.as_f64())
}

impl HurlOperand {
    /// The value; `None` if there is none.
    fn value(&self, variables: &HurlVariables) -> Option<Value> {
        match self {
            Self::Value(value) => Some(value.clone()),
            Self::Text(text) => Some(Value::from(text.fill(variables))),
            Self::Json(text) => serde_json::from_str(&text.fill(variables)).ok(),
            Self::Variable(name) => variables.get(name).cloned(),
        }
    }
}
