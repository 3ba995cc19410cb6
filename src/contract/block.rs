//! Reads lines of calls with their results.

use std::ops::Range;

use super::spelling::near;
use super::statements::{StepError, call_parts, split, statements, top_level};
use super::step::{Call, Step, Wanted};
use super::text_error::TextError;
use super::value::WitValue;
use super::wave::read_value;
use crate::types::interface::{FunctionRole, Interface, WitFunction, WitType};
use crate::types::text::counted;

/// Reads a `wave` block: `[let x =] CALL [= VALUE]` on each line.
///
/// # Errors
/// What is wrong, and where.
pub fn read_block(interface: &Interface, code: &str) -> Result<Vec<Step>, TextError> {
    let mut reader = StepReader::new(interface);
    let mut steps = Vec::new();
    for (line, text) in statements(code) {
        steps.push(
            reader.step(text).map_err(|(message, span)| within(code, line, text, message, span))?,
        );
        let last: &mut Step = steps.last_mut().expect("it was just added");
        last.lines = line..line + text.lines().count();
    }
    if !steps.iter().any(|step| step.wanted != Wanted::Return) {
        let message = "no line says what it gives: write `CALL = VALUE`, or `CALL = trap`";
        return Err(TextError::new(message, 0, 0..0));
    }
    Ok(steps)
}

/// An error in a statement as one in its block.
fn within(
    code: &str,
    line: usize,
    statement: &str,
    message: String,
    span: Range<usize>,
) -> TextError {
    let before = &statement[..span.start.min(statement.len())];
    let down = before.matches('\n').count();
    let column = span.start - before.rfind('\n').map_or(0, |at| at + 1);
    let row = code.lines().nth(line + down).unwrap_or_default();
    let indent = if down == 0 { row.len() - row.trim_start().len() } else { 0 };
    let length = span.len().min(row.len().saturating_sub(column + indent));
    TextError::new(message, line + down, column + indent..column + indent + length)
}

/// Reads the steps of one block.
pub struct StepReader<'a> {
    interface: &'a Interface,
    /// Names of variables and the resources they have.
    variables: Vec<(String, usize)>,
}

impl<'a> StepReader<'a> {
    /// A reader without variables.
    pub fn new(interface: &'a Interface) -> Self {
        Self { interface, variables: Vec::new() }
    }

    /// Reads one statement.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn step(&mut self, text: &str) -> Result<Step, StepError> {
        let mut rest = text;
        let mut name = None;
        if let Some(after) = text.strip_prefix("let ") {
            let (variable, call) = after
                .split_once('=')
                .ok_or_else(|| ("write `let NAME = CALL`".to_owned(), 0..text.len()))?;
            name = Some(variable.trim());
            rest = call.trim_start();
        }
        let base = text.len() - rest.len();
        let moved = |(message, span): StepError| (message, span.start + base..span.end + base);
        let equals = top_level(rest, '=').next();
        let (call_text, value_text) = match equals {
            Some(at) => (rest[..at].trim_end(), Some((&rest[at + 1..], at + 1))),
            None => (rest, None),
        };
        let call = self.call(call_text).map_err(moved)?;
        let function = &self.interface.functions[call.function];
        let wanted = match value_text {
            None => Wanted::Return,
            Some((text, at)) => self.wanted(function, text).map_err(|(message, span)| {
                (message, span.start + base + at..span.end + base + at)
            })?,
        };
        let bind = name.map(|name| self.bind(name, call.function)).transpose().map_err(moved)?;
        Ok(Step { bind, call, wanted, lines: 0..0 })
    }

    fn bind(&mut self, name: &str, function: usize) -> Result<usize, StepError> {
        let function = &self.interface.functions[function];
        let wrong = |message: String| (message, 0..0);
        if !name.starts_with(|c: char| c.is_ascii_lowercase())
            || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        {
            return Err(wrong(format!("`{name}` cannot be the name of a variable")));
        }
        let Some(resource) = made_by(self.interface, function) else {
            let call = self.interface.call_name(function);
            return Err(wrong(format!("`{call}` gives no resource: variables are for resources")));
        };
        self.variables.push((name.to_owned(), resource));
        Ok(self.variables.len() - 1)
    }

    /// The latest variable with a name.
    fn variable(&self, name: &str) -> Option<(usize, usize)> {
        let at = self.variables.iter().rposition(|(known, _)| known == name)?;
        Some((at, self.variables[at].1))
    }

    fn call(&self, text: &str) -> Result<Call, StepError> {
        let (name, args) = call_parts(text)?;
        let (function, on) = self.function(&name)?;
        let params = &self.interface.functions[function].params;
        let offset = text.find('(').map_or(0, |at| at + 1);
        let given = split(&args);
        if given.len() != params.len() {
            let signature = self.interface.signature(&self.interface.functions[function]);
            let (wanted, given) = (counted(params.len(), "parameter"), given.len());
            let message = format!("`{signature}` has {wanted}, not {given}");
            return Err((message, 0..text.len()));
        }
        let args = given.iter().zip(params).map(|((text, at), (_, ty))| {
            let start = offset + at + (text.len() - text.trim_start().len());
            let moved =
                |(message, span): StepError| (message, span.start + start..span.end + start);
            self.argument(text.trim(), ty).map_err(moved)
        });
        let args = args.collect::<Result<_, _>>()?;
        Ok(Call { function, on, args, text: text.to_owned() })
    }

    /// The function with a name, and the variable it is called on.
    fn function(&self, name: &str) -> Result<(usize, Option<usize>), StepError> {
        let functions = self.interface.functions.iter();
        let method = name.split_once('.').and_then(|(variable, method)| {
            let (variable, resource) = self.variable(variable)?;
            let is_it = |one: &WitFunction| {
                one.role == FunctionRole::Method(resource) && one.name == method
            };
            Some((functions.clone().position(is_it)?, Some(variable)))
        });
        let free = functions.clone().position(|one| {
            !matches!(one.role, FunctionRole::Method(_)) && self.interface.call_name(one) == name
        });
        method.or(free.map(|at| (at, None))).ok_or_else(|| {
            let known: Vec<_> = functions.map(|one| self.interface.call_name(one)).collect();
            let hint = near(name, known.iter().map(String::as_str));
            (format!("the contract has no function `{name}`{hint}"), 0..name.len())
        })
    }

    fn argument(&self, text: &str, ty: &WitType) -> Result<WitValue, StepError> {
        let (WitType::Own(resource) | WitType::Borrow(resource)) = ty else {
            return read_value(self.interface, ty, text, false);
        };
        match self.variable(text) {
            Some((at, of)) if of == *resource => Ok(WitValue::Handle(at)),
            _ => {
                let name = &self.interface.types[*resource].name;
                Err((format!("`{text}` is not a variable with a `{name}`"), 0..text.len()))
            }
        }
    }

    fn wanted(&self, function: &WitFunction, text: &str) -> Result<Wanted, StepError> {
        let start = text.len() - text.trim_start().len();
        let body = text.trim();
        if body == "trap" {
            return Ok(Wanted::Trap);
        }
        let (value, tolerance) = match top_level(body, '~').last() {
            Some(at) => (body[..at].trim_end(), Some(&body[at + 1..])),
            None => (body, None),
        };
        let tolerance = tolerance
            .map(|text| text.trim().parse::<f64>().ok().filter(|most| *most > 0.0))
            .map(|most| most.ok_or(("write a tolerance as `~ 0.001`".to_owned(), 0..body.len())))
            .transpose()?;
        let Some(ty) = &function.result else {
            let name = self.interface.call_name(function);
            return Err((format!("`{name}` gives no value"), start..start + body.len()));
        };
        let value = match value {
            "_" => WitValue::Any,
            text if matches!(ty, WitType::Own(_)) => {
                return Err((
                    format!("`{text}` is a resource: write `_`"),
                    start..start + text.len(),
                ));
            }
            text => read_value(self.interface, ty, text, true)
                .map_err(|(message, span)| (message, span.start + start..span.end + start))?,
        };
        Ok(Wanted::Value { value, tolerance })
    }
}

/// The resource that a function's result has.
fn made_by(interface: &Interface, function: &WitFunction) -> Option<usize> {
    fn inside(ty: &WitType) -> Option<usize> {
        match ty {
            WitType::Own(at) => Some(*at),
            WitType::Option(of) => inside(of),
            WitType::Result(ok, _) => ok.as_ref().and_then(|ty| inside(ty)),
            _ => None,
        }
    }
    match function.role {
        FunctionRole::Constructor(at) => Some(at),
        _ => function.result.as_ref().and_then(|ty| inside(interface.plain(ty))),
    }
}
