//! Reads tables of examples.

use super::block::StepReader;
use super::statements::{call_parts, split};
use super::step::Step;
use super::text_error::TextError;
use crate::types::Interface;

/// A row of a table: the line in the table's text, and its cells.
type Row = (usize, Vec<String>);

/// Reads a table whose last header is a call over the other headers.
///
/// # Errors
/// What is wrong, and where.
pub fn read_table(interface: &Interface, code: &str) -> Result<Vec<Step>, TextError> {
    let mut rows = rows(code);
    let header = rows.next().map(|(_, cells)| cells).unwrap_or_default();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
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
    let mut reader = StepReader::new(interface);
    let mut steps = Vec::new();
    for (line, cells) in rows.skip(1) {
        if cells.len() != header.len() {
            let message = format!("the row has {} cells, not {}", cells.len(), header.len());
            return Err(TextError::new(message, line, 0..0));
        }
        let value = |param: &&str| {
            let at = names.iter().position(|one| one == param).unwrap_or(0);
            cells[at].as_str()
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

/// Whether the last header of a table is a call.
pub fn is_call(table: &str) -> bool {
    let header = rows(table).next().map(|(_, cells)| cells).unwrap_or_default();
    let last = header.last().map(String::as_str).unwrap_or_default();
    header.len() > 1 && last.ends_with(')') && call_parts(last).is_ok()
}

/// The rows of a table, the delimiter row included.
fn rows(table: &str) -> impl Iterator<Item = Row> {
    table.lines().enumerate().map(|(at, line)| (at, cells(line)))
}

fn cells(line: &str) -> Vec<String> {
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

/// A cell without the backticks around it, and with `\|` as `|`.
fn unquoted(cell: &str) -> String {
    let cell = cell.trim();
    let cell = cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap_or(cell);
    cell.replace("\\|", "|")
}
