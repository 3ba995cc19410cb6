//! Bindings: code spans that make a block a clause: `test_id:`, `guard:`, `bench:`; and what stands
//! beside them: `rate:`, `status:`, `waived:`, and `page:` with an assertion.

use crate::types::behaviour::is_rate;
use crate::types::{Binding, Span, Status, Waiver, limits};

/// The content of one code span.
#[derive(Debug, PartialEq, Eq)]
pub enum Mark {
    Binding(Binding),
    Status(Status),
    Waiver(Waiver),
    Rate(String),
    Page(String),
}

/// The words by which a span of a page is an assertion; `page: u32` is ordinary code.
const COMPARING: [&str; 9] = ["=", "!=", "<", "<=", ">", ">=", "contains", "inside", "before"];

/// Parses a code span; `None` for ordinary code.
///
/// Errors are message fragments.
pub fn read(text: &str) -> Option<Result<Vec<Mark>, String>> {
    let text = text.trim();
    let (kind, rest) = text.split_once(':')?;
    let read = match kind {
        "status" => status(rest.trim()).map(|status| vec![Mark::Status(status)]),
        // Another number with this name is ordinary code.
        "rate" => Ok(vec![Mark::Rate(rate(rest.trim()).ok()?)]),
        "waived" => waiver(rest.trim()).map(|waiver| vec![Mark::Waiver(waiver)]),
        "page" if is_assertion(rest) => Ok(vec![Mark::Page(rest.trim().to_owned())]),
        "test_id" | "guard" | "bench" => list(text),
        _ => return None,
    };
    Some(read)
}

fn is_assertion(text: &str) -> bool {
    text.contains("no overflow") || text.split_whitespace().any(|word| COMPARING.contains(&word))
}

/// Whether a code span makes a clause, rightly or wrongly written.
pub fn is_bound(code: &str) -> bool {
    read(code).is_some_and(|read| {
        read.map_or(true, |marks| marks.iter().any(|m| matches!(m, Mark::Binding(_))))
    })
}

/// Whether a span has only a rate, which is ordinary code where no clause is.
pub fn is_rate_alone(read: &Result<Vec<Mark>, String>) -> bool {
    read.as_ref().is_ok_and(|marks| marks.iter().all(|mark| matches!(mark, Mark::Rate(_))))
}

fn list(text: &str) -> Result<Vec<Mark>, String> {
    let mut kind = "";
    let mut marks = Vec::new();
    for item in text.split(',') {
        let mut item = item.trim();
        if let Some((key, rest)) = item.split_once(':')
            && matches!(key, "test_id" | "guard" | "bench" | "rate")
        {
            (kind, item) = (key, rest.trim());
        }
        if kind == "rate" {
            marks.push(Mark::Rate(rate(item)?));
            continue;
        }
        let binding = match kind {
            "test_id" => Binding::TestId { name: name(item)? },
            "guard" => guard(item)?,
            _ => bench(item)?,
        };
        marks.push(Mark::Binding(binding));
    }
    Ok(marks)
}

fn rate(text: &str) -> Result<String, String> {
    match text.parse() {
        Ok(rate) if is_rate(rate) => Ok(text.to_owned()),
        _ => {
            Err(format!("`{text}` cannot be a rate: write a number above 0 and below 1, like 0.99"))
        }
    }
}

fn name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("the binding has no name".to_owned());
    }
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        || !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        || text.len() > limits::TEST_ID_BYTES
    {
        return Err(format!(
            "invalid name `{text}`: use letters, digits and `_`, at most {}",
            limits::TEST_ID_BYTES
        ));
    }
    if text.contains("__") || text.ends_with('_') {
        return Err(format!(
            "`{text}` must not contain `__`, which separates a clause from a test's suffix"
        ));
    }
    Ok(text.to_owned())
}

fn guard(text: &str) -> Result<Binding, String> {
    let mut words = text.split_whitespace();
    let name = name(words.next().unwrap_or_default())?;
    Ok(Binding::Guard { name, args: words.map(str::to_owned).collect() })
}

fn bench(text: &str) -> Result<Binding, String> {
    let why = || format!("invalid bound `{text}`; write `bench: NAME <op> <value><unit>`");
    let (name_text, rest) = text.split_once(char::is_whitespace).ok_or_else(why)?;
    let rest = rest.trim();
    let op = ["<=", ">=", "<", ">", "="].into_iter().find(|op| rest.starts_with(op));
    let op = op.ok_or_else(why)?;
    let value = rest[op.len()..].trim();
    let split = value.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(value.len());
    let (number, unit) = value.split_at(split);
    if number.parse::<f64>().is_err() {
        return Err(why());
    }
    Ok(Binding::Bench {
        name: name(name_text)?,
        op: op.to_owned(),
        value: number.to_owned(),
        unit: unit.trim().to_owned(),
    })
}

fn status(text: &str) -> Result<Status, String> {
    match text {
        "draft" => Ok(Status::Draft),
        "stable" => Ok(Status::Stable),
        "deprecated" => Ok(Status::Deprecated),
        other => Err(format!("invalid status `{other}`; use draft, stable or deprecated")),
    }
}

fn waiver(text: &str) -> Result<Waiver, String> {
    let (reason, until) = text
        .rsplit_once(" until ")
        .filter(|(reason, _)| !reason.trim().is_empty())
        .ok_or("a waiver requires a reason and a date: `waived: REASON until YYYY-MM-DD`")?;
    let until = until.trim();
    if until.parse::<jiff::civil::Date>().is_err() || until.len() != 10 {
        return Err(format!("invalid date `{until}`; write YYYY-MM-DD"));
    }
    Ok(Waiver {
        reason: reason.trim().to_owned(),
        until: until.to_owned(),
        span: Span::default(),
        line: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::{Mark, read};
    use crate::types::Binding;

    #[test]
    fn several_bindings_in_one_span() {
        let marks = read("test_id: a, b, guard: max_lines 400").expect("is one").expect("is right");
        let names: Vec<_> = marks
            .iter()
            .map(|mark| match mark {
                Mark::Binding(binding) => binding.name(),
                _ => "",
            })
            .collect();
        assert_eq!(names, ["a", "b", "max_lines"]);
    }

    #[test]
    fn a_bench_has_a_bound() {
        let marks = read("bench: parse < 5ms").expect("is one").expect("is right");
        let Mark::Binding(Binding::Bench { op, value, unit, .. }) = &marks[0] else { panic!() };
        assert_eq!((op.as_str(), value.as_str(), unit.as_str()), ("<", "5", "ms"));
    }

    #[test]
    fn ordinary_code_is_no_binding_and_invalid_bindings_are_errors() {
        assert!(read("x: u32").is_none());
        assert!(read("page: &'a str").is_none());
        let assertion =
            read("page: at 360px: h1 font-size <= 30px").map(|read| read.map(|m| m.len()));
        assert_eq!(assertion, Some(Ok(1)));
        assert!(read("Vec::new()").is_none());
        for wrong in [
            "test_id:",
            "test_id: a-b",
            "test_id: a__1",
            "test_id: a,",
            "status: done",
            "waived: later",
            "waived: x until 2026-13-01",
            "bench: a 5ms",
            "guard: ",
        ] {
            assert!(read(wrong).expect(wrong).is_err(), "{wrong}");
        }
    }
}
