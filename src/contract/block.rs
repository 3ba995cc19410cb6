//! Reads blocks of examples: lines of calls with their results, and tables.

use std::ops::Range;

use super::TextError;
use super::value::WitValue;
use super::wave::{near, read_value};
use super::wire::Answer;
use crate::types::Digest;
use crate::types::interface::{FunctionRole, Interface, WitFunction, WitType};
use crate::types::text::counted;

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function, by its place in the interface.
    pub function: usize,
    /// The variable of the resource it is called on.
    pub on: Option<usize>,
    /// Its arguments.
    pub args: Vec<WitValue>,
    /// Its text.
    pub text: String,
}

/// What a step expects.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// That the call returns.
    Return,
    /// A value.
    Value {
        /// The value.
        value: WitValue,
        /// How far a float may be off.
        tolerance: Option<f64>,
    },
    /// A panic, an exception or an abort.
    Trap,
}

/// A call and what it must give.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The variable that gets the resource in the result.
    pub bind: Option<usize>,
    /// The call.
    pub call: Call,
    /// What it must give.
    pub wanted: Wanted,
    /// Its lines in the block, from 0.
    pub lines: Range<usize>,
}

/// A row of a table: the line in the table's text, and its cells.
type Row<'a> = (usize, Vec<&'a str>);

/// Reads a `wave` block: `[let x =] CALL [= VALUE]` on each line.
///
/// # Errors
/// What is wrong, and where.
pub fn read_block(interface: &Interface, code: &str) -> Result<Vec<Step>, TextError> {
    let mut reader = BlockReader { interface, variables: Vec::new() };
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

/// Reads a table whose last header is a call over the other headers.
///
/// # Errors
/// What is wrong, and where.
pub fn read_table(interface: &Interface, code: &str) -> Result<Vec<Step>, TextError> {
    let mut rows = rows(code);
    let header = rows.next().map(|(_, cells)| cells).unwrap_or_default();
    let Some((call, names)) = header.split_last() else {
        return Err(TextError::new("the table has no header", 0, 0..0));
    };
    let (name, given) =
        call_parts(call).map_err(|(message, _)| TextError::new(message, 0, 0..0))?;
    let params = split(&given).into_iter().map(|(text, _)| text.trim()).collect::<Vec<_>>();
    if let Some(param) = params.iter().find(|param| !names.contains(param)) {
        let message = format!("`{param}` in `{call}` is not a column of the table");
        return Err(TextError::new(message, 0, 0..0));
    }
    let mut reader = BlockReader { interface, variables: Vec::new() };
    let mut steps = Vec::new();
    for (line, cells) in rows.skip(1) {
        if cells.len() != header.len() {
            let message = format!("the row has {} cells, not {}", cells.len(), header.len());
            return Err(TextError::new(message, line, 0..0));
        }
        let value = |param: &&str| {
            let at = names.iter().position(|one| one == param).unwrap_or(0);
            cells[at]
        };
        let args = params.iter().map(value).collect::<Vec<_>>().join(", ");
        let text = format!("{name}({args}) = {}", cells[names.len()]);
        let row = code.lines().nth(line).unwrap_or_default();
        let mut step = reader.step(&text).map_err(|(message, span)| {
            let at = row.find(text.get(span).unwrap_or_default()).unwrap_or(0);
            TextError::new(message, line, at..row.len())
        })?;
        step.lines = line..line + 1;
        steps.push(step);
    }
    if steps.is_empty() {
        return Err(TextError::new("the table has no row", 0, 0..0));
    }
    Ok(steps)
}

/// What a step expects and what it was given instead, as text; `None` if it is as expected.
pub fn mismatch(interface: &Interface, step: &Step, answer: &Answer) -> Option<(String, String)> {
    let function = &interface.functions[step.call.function];
    let ty = function.result.as_ref();
    let text = |value: &WitValue| ty.map_or(String::new(), |ty| value.text(interface, ty));
    let got = match answer {
        Answer::Value(Some(value)) => text(value),
        Answer::Value(None) => "a return".to_owned(),
        Answer::Trap(message) => format!("a trap: {message}"),
        Answer::Unbound => "no call: a variable has no resource".to_owned(),
    };
    let expected = match (&step.wanted, answer) {
        (Wanted::Return, Answer::Value(_)) | (Wanted::Trap, Answer::Trap(_)) => return None,
        (Wanted::Value { value, tolerance }, Answer::Value(Some(given)))
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

/// Whether the last header of a table is a call.
pub fn is_call(table: &str) -> bool {
    let header = rows(table).next().map(|(_, cells)| cells).unwrap_or_default();
    let last = header.last().copied().unwrap_or_default();
    header.len() > 1 && last.ends_with(')') && call_parts(last).is_ok()
}

/// The rows of a table, the delimiter row included.
fn rows(table: &str) -> impl Iterator<Item = Row<'_>> {
    table.lines().enumerate().map(|(at, line)| (at, cells(line)))
}

fn cells(line: &str) -> Vec<&str> {
    let line = line.trim().trim_start_matches('|');
    let line = line.strip_suffix('|').unwrap_or(line);
    let (mut cells, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in line.char_indices() {
        if c == '|' && !escaped {
            cells.push(&line[start..at]);
            start = at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    cells.push(&line[start..]);
    cells.into_iter().map(unquoted).collect()
}

/// A cell without the backticks around it.
fn unquoted(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap_or(cell)
}

/// The lines that are held out of the visible examples of a clause, for each of them: of three or
/// more rows and independent lines a third, chosen by their digests.
pub fn held_out(examples: &[(&str, &str)], seed: &str) -> Vec<Vec<usize>> {
    let mut units: Vec<(Digest, usize, Range<usize>)> = Vec::new();
    for (number, (language, code)) in examples.iter().enumerate() {
        let lines: Vec<&str> = code.lines().collect();
        for unit in independent(language, code) {
            let text = lines.get(unit.clone()).unwrap_or_default().join("\n");
            units.push((Digest::of_parts(["hold out", seed, text.trim()]), number, unit));
        }
    }
    let mut held = vec![Vec::new(); examples.len()];
    if units.len() < 3 {
        return held;
    }
    units.sort_by_key(|(digest, number, unit)| (*digest, *number, unit.start));
    for (_, number, unit) in units.iter().take(units.len() / 3) {
        held[*number].extend(unit.clone());
    }
    held.iter_mut().for_each(|lines| lines.sort_unstable());
    held
}

/// The lines of each example of a block that does not depend on the others.
fn independent(language: &str, code: &str) -> Vec<Range<usize>> {
    if language == "table" {
        return (2..code.lines().count()).map(|at| at..at + 1).collect();
    }
    let statements: Vec<_> = statements(code).collect();
    let has_state = statements.iter().any(|(_, text)| text.starts_with("let "));
    let checked = |text: &str| top_level(text, '=').next().is_some();
    if has_state || !statements.iter().all(|(_, text)| checked(text)) {
        return Vec::new();
    }
    statements.iter().map(|(at, text)| *at..at + text.lines().count()).collect()
}

/// The statements of a block with the lines they begin in. One goes on where a bracket is open, and
/// behind a `=`.
fn statements(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let (mut found, mut start, mut line, mut first) = (Vec::new(), 0, 0, 0);
    let mut scan = Scan::default();
    for (at, c) in code.char_indices() {
        if c == '\n' {
            line += 1;
            let goes_on =
                scan.depth > 0 || scan.is_quoted() || code[..at].trim_end().ends_with('=');
            if !goes_on {
                found.push((first, &code[start..at]));
                (start, first) = (at + 1, line);
            }
        }
        scan.next(c);
    }
    found.push((first, &code[start..]));
    found.into_iter().filter_map(|(line, text)| {
        let kept = without_comment(text).trim();
        (!kept.is_empty()).then_some((line, kept))
    })
}

/// A one-line statement without its comment.
fn without_comment(text: &str) -> &str {
    let mut scan = Scan::default();
    for (at, c) in text.char_indices() {
        if !scan.is_quoted() && text[at..].starts_with("//") && !text[at..].contains('\n') {
            return &text[..at];
        }
        scan.next(c);
    }
    text
}

/// Where a text is in quotes and brackets.
#[derive(Default)]
struct Scan {
    quote: Option<char>,
    escaped: bool,
    depth: usize,
}

impl Scan {
    fn is_quoted(&self) -> bool {
        self.quote.is_some()
    }

    fn next(&mut self, c: char) {
        match self.quote {
            Some(_) if self.escaped => self.escaped = false,
            Some(_) if c == '\\' => self.escaped = true,
            Some(quote) if c == quote => self.quote = None,
            Some(_) => {}
            None => match c {
                '"' | '\'' => self.quote = Some(c),
                '(' | '[' | '{' => self.depth += 1,
                ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            },
        }
    }
}

/// The places of a character outside of quotes and brackets.
fn top_level(text: &str, wanted: char) -> impl Iterator<Item = usize> {
    let mut scan = Scan::default();
    let at = text.char_indices().filter_map(move |(at, c)| {
        let found = c == wanted && scan.depth == 0 && !scan.is_quoted();
        scan.next(c);
        found.then_some(at)
    });
    at.collect::<Vec<_>>().into_iter()
}

/// The parts between commas, with their offsets.
fn split(text: &str) -> Vec<(&str, usize)> {
    let mut parts = Vec::new();
    let mut start = 0;
    for at in top_level(text, ',').chain([text.len()]) {
        parts.push((&text[start..at], start));
        start = at + 1;
    }
    if parts.last().is_some_and(|(part, _)| part.trim().is_empty()) {
        parts.pop();
    }
    parts
}

type StepError = (String, Range<usize>);

/// The name and the text of the arguments of a call.
fn call_parts(text: &str) -> Result<(String, String), StepError> {
    let wrong = || ("write a call as `NAME(ARGUMENTS)`".to_owned(), 0..text.len());
    let open = text.find('(').ok_or_else(wrong)?;
    let name = text[..open].trim();
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '%' | '_');
    let is_name = !name.is_empty() && name.chars().all(word);
    let close = top_level(&text[open + 1..], ')').next().filter(|_| is_name).ok_or_else(wrong)?;
    match text[open + 1 + close + 1..].trim() {
        "" => Ok((name.to_owned(), text[open + 1..open + 1 + close].to_owned())),
        _ => Err(wrong()),
    }
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

struct BlockReader<'a> {
    interface: &'a Interface,
    /// Names of variables and the resources they have.
    variables: Vec<(String, usize)>,
}

impl BlockReader<'_> {
    fn step(&mut self, text: &str) -> Result<Step, StepError> {
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
pub(super) fn made_by(interface: &Interface, function: &WitFunction) -> Option<usize> {
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
