//! Properties: variables with types or ranges, then one CEL expression over calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cel::extractors::Arguments;
use cel::{Context, Env, ExecutionError, Program, Value};

use super::cel_values::{cel_name, from_cel, to_cel};
use super::generate::{Input, inputs};
use super::property_limits::{BOUND, limited};
use super::spelling::near;
use super::statements::nesting;
use super::step::Call;
use super::text_error::TextError;
use super::value::WitValue;
use super::wire::{AdapterAnswer, value_to};
use crate::types::interface::{FunctionRole, Interface, WitFunction, WitShape, WitType};
use crate::types::text::counted;
use crate::types::{Digest, limits};

/// Functions of CEL itself.
const STANDARD: [&str; 14] = [
    "bool",
    "bytes",
    "contains",
    "double",
    "endsWith",
    "has",
    "int",
    "max",
    "min",
    "size",
    "startsWith",
    "string",
    "type",
    "uint",
];

/// The same with its types, made once: a property is judged over thousands of inputs.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A property.
#[derive(Clone, Debug)]
pub struct Property {
    /// Its variables.
    variables: Vec<Variable>,
    /// Its expression.
    expression: String,
    /// The same, read.
    program: Arc<Program>,
    /// The expression's first line in the block, from 0.
    line: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Variable {
    name: String,
    ty: WitType,
    range: Option<(i128, i128)>,
}

/// The answers that are known, by function and arguments.
#[derive(Default)]
pub struct PropertyTrial {
    answers: BTreeMap<(usize, String), (String, AdapterAnswer)>,
}

/// What a property is over one input.
#[derive(Clone, Debug, PartialEq)]
pub enum Judged {
    /// True.
    Holds,
    /// Not true, and why.
    Fails(String),
    /// It has no value, and why: of another type, too large, an absent key.
    Unable(String),
    /// It depends on the answer to a call.
    Needs(Call),
}

/// Reads a `property` block.
///
/// # Errors
/// What is wrong, and where.
pub fn read_property(interface: &Interface, code: &str) -> Result<Property, TextError> {
    let mut variables = Vec::new();
    let mut rest = Vec::new();
    for (at, line) in code.lines().enumerate() {
        let text = line.split("//").next().unwrap_or_default();
        let text = if text.contains(['"', '\'']) { line.trim() } else { text.trim() };
        if text.is_empty() {
            continue;
        }
        // Of a type, angle brackets nest.
        if rest.is_empty() && text.contains(':') && nesting(text) > limits::VALUE_NESTING {
            return Err(TextError::new("the type is nested too deeply", at, 0..line.len()));
        }
        match variable(interface, text).filter(|_| rest.is_empty()) {
            Some(read) => {
                variables.push(read.map_err(|message| TextError::new(message, at, 0..line.len()))?);
            }
            None => rest.push((at, line)),
        }
    }
    let Some((first, _)) = rest.first() else {
        return Err(TextError::new("the property has no expression", 0, 0..0));
    };
    let text = rest.iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n");
    let place = |message: String| TextError::new(message, *first, 0..0);
    limited(&text).map_err(place)?;
    // The text of these errors panics for a column beyond 65,535.
    let program = Program::compile(&text).map_err(|errors| {
        let error = errors.errors.first();
        let line = error.and_then(|error| usize::try_from(error.pos.0 - 1).ok()).unwrap_or(0);
        let why = error.map_or("", |error| error.msg.as_str());
        let line = first + line.min(rest.len() - 1);
        TextError::new(format!("the expression is not CEL: {why}"), line, 0..0)
    })?;
    let program = Arc::new(program);
    let property = Property { variables, expression: text, program, line: *first };
    property.check(interface).map_err(place)?;
    Ok(property)
}

/// A line `NAME in LEAST..=MOST` or `NAME: TYPE`; `None` for others.
fn variable(interface: &Interface, text: &str) -> Option<Result<Variable, String>> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if let Some((name, range)) = text.split_once(" in ").filter(|(name, _)| is_name(name.trim())) {
        let (least, most) = range.split_once("..")?;
        let (most, open) = match most.strip_prefix('=') {
            Some(most) => (most, 0),
            None => (most, 1),
        };
        let number = |text: &str| text.trim().replace('_', "").parse::<i64>().ok();
        let (Some(least), Some(most)) = (number(least), number(most)) else {
            return Some(Err(format!("`{range}` is not a range: write `1..=100`")));
        };
        let (least, most) = (i128::from(least), i128::from(most) - open);
        if least > most {
            return Some(Err(format!("the range `{range}` is empty")));
        }
        let ty = WitType::Int { signed: true, bits: 64 };
        return Some(Ok(Variable { name: name.trim().to_owned(), ty, range: Some((least, most)) }));
    }
    let (name, ty) = text.split_once(':').filter(|(name, _)| is_name(name.trim()))?;
    let read = type_of(interface, ty.trim());
    Some(read.map(|ty| Variable { name: name.trim().to_owned(), ty, range: None }))
}

/// Reads a type.
fn type_of(interface: &Interface, text: &str) -> Result<WitType, String> {
    let int = |signed, bits| Ok(WitType::Int { signed, bits });
    match text {
        "bool" => return Ok(WitType::Bool),
        "u8" => return int(false, 8),
        "u16" => return int(false, 16),
        "u32" => return int(false, 32),
        "u64" => return int(false, 64),
        "s8" => return int(true, 8),
        "s16" => return int(true, 16),
        "s32" => return int(true, 32),
        "s64" => return int(true, 64),
        "f32" => return Ok(WitType::Float { bits: 32 }),
        "f64" => return Ok(WitType::Float { bits: 64 }),
        "char" => return Ok(WitType::Char),
        "string" => return Ok(WitType::Text),
        _ => {}
    }
    if let Some((outer, inner)) = text.strip_suffix('>').and_then(|text| text.split_once('<')) {
        let parts = parts_of(inner).into_iter().map(|part| type_of(interface, part.trim()));
        let mut parts: Vec<WitType> = parts.collect::<Result<_, _>>()?;
        match (outer, parts.len()) {
            ("list", 1) => return Ok(WitType::List(Box::new(parts.remove(0)))),
            ("option", 1) => return Ok(WitType::Option(Box::new(parts.remove(0)))),
            ("tuple", 1..) => return Ok(WitType::Tuple(parts)),
            _ => {}
        }
    }
    let names = || interface.types.iter().map(|one| one.name.as_str());
    let at = names().position(|name| name == text);
    match at.filter(|at| interface.types[*at].shape != WitShape::Resource) {
        Some(at) => Ok(WitType::Named(at)),
        None => Err(format!("`{text}` is not a type of this contract{}", near(text, names()))),
    }
}

/// The parts between commas that are in no angle brackets.
fn parts_of(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The functions that an expression can call: those without resources.
fn callable(interface: &Interface) -> impl Iterator<Item = (usize, &WitFunction)> {
    interface.functions.iter().enumerate().filter(|(_, one)| {
        let mut params = one.params.iter().map(|(_, ty)| ty);
        matches!(one.role, FunctionRole::Free | FunctionRole::Static(_))
            && !params.any(|ty| interface.has_resource(ty))
            && one.result.as_ref().is_some_and(|ty| !interface.has_resource(ty))
    })
}

impl Property {
    /// An error at its expression.
    pub fn problem(&self, message: impl Into<String>) -> TextError {
        TextError::new(message, self.line, 0..0)
    }

    /// Its expression, for messages.
    pub fn expression(&self) -> &str {
        self.expression.trim()
    }

    fn check(&self, interface: &Interface) -> Result<(), String> {
        let known: BTreeSet<String> =
            callable(interface).map(|(_, one)| cel_name(&interface.call_name(one))).collect();
        let references = self.program.references();
        let names: BTreeSet<&str> = self.variables.iter().map(|v| v.name.as_str()).collect();
        // `all(y, …)` and the other macros bind a name.
        let bound = BOUND.captures_iter(&self.expression).filter_map(|found| found.get(1));
        let bound: BTreeSet<&str> = bound.map(|name| name.as_str()).collect();
        let is_known =
            |name: &&str| names.contains(name) || bound.contains(name) || name.starts_with('@');
        if let Some(name) = references.variables().into_iter().find(|name| !is_known(name)) {
            let hint = near(name, names.iter().copied());
            return Err(format!("the property has no variable `{name}`{hint}"));
        }
        let functions = references.functions();
        if !functions.iter().any(|name| known.contains(*name)) {
            return Err("the property calls no function of the contract".to_owned());
        }
        let is_known = |name: &str| known.contains(name) || STANDARD.contains(&name);
        let wrong = functions.iter().find(|name| {
            let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic());
            is_word && !is_known(name)
        });
        match wrong {
            None => Ok(()),
            Some(name) => {
                let hint = near(name, known.iter().map(String::as_str));
                Err(format!("there is no function `{name}`{hint}"))
            }
        }
    }

    /// Generated inputs, the same for one seed.
    pub fn inputs(&self, interface: &Interface, seed: Digest) -> Vec<Input> {
        let variables: Vec<_> = self.variables.iter().map(|v| (&v.ty, v.range)).collect();
        let count = if variables.is_empty() { 1 } else { limits::PROPERTY_CASES };
        inputs(interface, &variables, seed, count)
    }

    /// Judges it with arbitrary results of the functions.
    ///
    /// # Errors
    /// Why no answer satisfies it: it holds always, or it has no value over an input whatever the
    /// results are.
    pub fn examine(&self, interface: &Interface, seed: Digest) -> Result<(), String> {
        let made = |one: &WitFunction| -> Vec<WitValue> {
            let made = one.result.as_ref().map(|ty| inputs(interface, &[(ty, None)], seed, 16));
            made.unwrap_or_default().iter().flat_map(Input::values).collect()
        };
        let results: Vec<_> = interface.functions.iter().map(made).collect();
        let mut can_fail = false;
        for (at, input) in self.inputs(interface, seed).iter().enumerate() {
            let values = input.values();
            let mut unable = None;
            for turn in at..at + 16 {
                match self.imagine(interface, &values, &results, turn) {
                    Judged::Unable(why) => unable = unable.or(Some(why)),
                    judged => {
                        can_fail |= matches!(judged, Judged::Fails(_));
                        unable = None;
                        break;
                    }
                }
            }
            if let Some(why) = unable {
                let shown = self.over(interface, &values);
                return Err(format!("the property has no value{shown}: {why}"));
            }
        }
        if can_fail {
            Ok(())
        } else {
            Err("the property holds whatever the functions give".to_owned())
        }
    }

    /// Judges it over one input with results that are taken in turn.
    fn imagine(
        &self,
        interface: &Interface,
        values: &[WitValue],
        results: &[Vec<WitValue>],
        mut turn: usize,
    ) -> Judged {
        let mut trial = PropertyTrial::default();
        let mut judged = Judged::Holds;
        for _ in 0..limits::PROPERTY_CALLS {
            let shared = Arc::new(trial);
            judged = self.judge(interface, values, &shared);
            trial = Arc::into_inner(shared).unwrap_or_default();
            let Judged::Needs(call) = &judged else { break };
            turn += 1;
            let made = &results[call.function];
            let value = made.get(turn % made.len().max(1)).cloned();
            trial.learn(interface, call, AdapterAnswer::Value(value));
        }
        judged
    }

    /// An input as text, after a message; nothing without variables.
    pub fn over(&self, interface: &Interface, values: &[WitValue]) -> String {
        let all = self.variables.iter().zip(values);
        let all = all.map(|(v, value)| format!("{} = {}", v.name, value.text(interface, &v.ty)));
        let shown = all.collect::<Vec<_>>().join(", ");
        if shown.is_empty() { shown } else { format!(" for {shown}") }
    }

    /// Evaluates the property over one input, as far as answers are known.
    pub fn judge(
        &self,
        interface: &Interface,
        values: &[WitValue],
        trial: &Arc<PropertyTrial>,
    ) -> Judged {
        let needed = Arc::new(Mutex::new(None));
        let mut context = Context::with_env(ENVIRONMENT.clone());
        for (variable, value) in self.variables.iter().zip(values) {
            let value = to_cel(interface, &variable.ty, value);
            context.add_variable_from_value(variable.name.clone(), value);
        }
        let shared = Arc::new(interface.clone());
        for (at, function) in callable(interface) {
            let name = cel_name(&interface.call_name(function));
            let (shared, trial, needed) = (shared.clone(), trial.clone(), needed.clone());
            let called = move |Arguments(args): Arguments| {
                let found = call(&shared, at, &args, &trial);
                found.map_err(|missing| {
                    let message = match &missing {
                        MissingAnswer::Call(_) => "not known yet",
                        MissingAnswer::Value(message) | MissingAnswer::Trap(message) => message,
                    };
                    let message = message.to_owned();
                    let mut first = needed.lock().unwrap_or_else(PoisonError::into_inner);
                    first.get_or_insert(missing);
                    ExecutionError::function_error("call", message)
                })
            };
            // A function of the contract cannot replace one of the language.
            let _ = context.add_function(&name, called);
        }
        let result = self.program.execute(&context);
        let needed = needed.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (result, needed) {
            (Ok(Value::Bool(true)), _) => Judged::Holds,
            (_, Some(MissingAnswer::Call(call))) => Judged::Needs(call),
            (_, Some(MissingAnswer::Trap(message))) => Judged::Fails(message),
            (_, Some(MissingAnswer::Value(message))) => Judged::Unable(message),
            (Ok(Value::Bool(false)), None) => Judged::Fails("it is false".to_owned()),
            (Ok(_), None) => Judged::Unable("it is not true or false".to_owned()),
            (Err(error), None) => Judged::Unable(error.to_string()),
        }
    }
}

impl PropertyTrial {
    /// Adds the answer to a call.
    pub fn learn(&mut self, interface: &Interface, call: &Call, answer: AdapterAnswer) {
        let key = key(interface, call.function, &call.args);
        self.answers.insert(key, (call.text.clone(), answer));
    }

    /// The calls with their answers, as text.
    pub fn shown(&self, interface: &Interface) -> String {
        let one =
            |((function, _), (call, answer)): (&(usize, String), &(String, AdapterAnswer))| {
                let ty = interface.functions[*function].result.as_ref();
                let value = match answer {
                    AdapterAnswer::Value(value) => {
                        value.as_ref().zip(ty).map(|(value, ty)| value.text(interface, ty))
                    }
                    AdapterAnswer::Trap(message) => Some(format!("a trap: {message}")),
                    AdapterAnswer::Unbound => None,
                };
                format!("\n{call} = {}", value.unwrap_or_default())
            };
        self.answers.iter().map(one).collect()
    }

    /// How many calls are known.
    pub fn calls(&self) -> usize {
        self.answers.len()
    }
}

enum MissingAnswer {
    /// The answer to a call.
    Call(Call),
    /// The answer is a trap.
    Trap(String),
    /// An argument: why.
    Value(String),
}

fn key(interface: &Interface, function: usize, args: &[WitValue]) -> (usize, String) {
    let params = interface.functions[function].params.iter();
    let args = args.iter().zip(params).map(|(arg, (_, ty))| value_to(interface, ty, arg));
    (function, args.collect::<serde_json::Value>().to_string())
}

/// The result of a call in an expression.
fn call(
    interface: &Interface,
    at: usize,
    given: &[Value],
    trial: &PropertyTrial,
) -> Result<Value, MissingAnswer> {
    let function = &interface.functions[at];
    let name = interface.call_name(function);
    if given.len() != function.params.len() {
        let signature = interface.signature(function);
        let message = format!("`{signature}` has {}", counted(function.params.len(), "parameter"));
        return Err(MissingAnswer::Value(message));
    }
    let args = given.iter().zip(&function.params).map(|(value, (param, ty))| {
        from_cel(interface, ty, value).ok_or_else(|| {
            let ty = interface.text(ty);
            MissingAnswer::Value(format!("`{param}` of `{name}` is not given a value of type {ty}"))
        })
    });
    let args: Vec<WitValue> = args.collect::<Result<_, _>>()?;
    let shown = args.iter().zip(&function.params).map(|(arg, (_, ty))| arg.text(interface, ty));
    let text = format!("{name}({})", shown.collect::<Vec<_>>().join(", "));
    match trial.answers.get(&key(interface, at, &args)) {
        None => Err(MissingAnswer::Call(Call { function: at, on: None, args, text })),
        Some((_, AdapterAnswer::Value(Some(value)))) => {
            let ty = function.result.as_ref().expect("only functions with results are callable");
            Ok(to_cel(interface, ty, value))
        }
        Some((_, AdapterAnswer::Value(None) | AdapterAnswer::Unbound)) => Ok(Value::Null),
        Some((_, AdapterAnswer::Trap(message))) => {
            Err(MissingAnswer::Trap(format!("{text} ended in a trap: {message}")))
        }
    }
}
