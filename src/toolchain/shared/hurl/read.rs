//! Reads blocks in the Hurl file format with its own parser, and refuses what regen does not run.

use hurl_core::ast::{
    Assert, Body, Bytes, Entry, FilterValue, HurlFile, JsonValue, KeyValue, MultilineString,
    PredicateFuncValue, PredicateValue, Query, QueryValue, SectionValue, StatusValue, Template,
    TemplateElement, VersionValue,
};
use hurl_core::error::Error;
use hurl_core::parser::parse_hurl_file;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::{
    HOST, HurlAssert, HurlCapture, HurlEntry, HurlOperand, HurlPair, HurlPart, HurlQuery,
    HurlSource, HurlTest, HurlText,
};
use crate::types::limits;

/// Why a block is refused, and the line in it, from 1.
struct HurlRefusal(String, usize);

impl HurlRefusal {
    /// What regen does not run.
    fn of(what: &str, line: usize) -> Self {
        Self(format!("{what} is not supported"), line)
    }
}

/// Reads a block. The error has its line in it, from 0.
pub fn parse(code: &str) -> Result<Vec<HurlEntry>, (String, usize)> {
    read(code).map_err(|HurlRefusal(why, line)| (why, line.saturating_sub(1)))
}

fn read(code: &str) -> Result<Vec<HurlEntry>, HurlRefusal> {
    check_lines(code)?;
    let file: HurlFile = parse_hurl_file(code)
        .map_err(|error| HurlRefusal(format!("not Hurl: {}", error.fixme()), error.pos.line))?;
    let mut known = vec![HOST.to_owned()];
    let mut entries = Vec::new();
    for one in &file.entries {
        let entry = entry(one, code)?;
        let line = entry.line;
        let unknown = used(&entry).find(|name| !known.iter().any(|one| one == name));
        if let Some(name) = unknown {
            let why = format!("no earlier request of the example captures `{{{{{name}}}}}`");
            return Err(HurlRefusal(why, line));
        }
        known.extend(entry.captures.iter().map(|capture| capture.name.clone()));
        entries.push(entry);
    }
    if entries.is_empty() {
        return Err(HurlRefusal("the example has no request".to_owned(), 1));
    }
    Ok(entries)
}

/// Refuses what the parsers of blocks and of JSONPath do not withstand: they recurse, and do not
/// check for overflow. Brackets that open count in texts, too.
fn check_lines(code: &str) -> Result<(), HurlRefusal> {
    let mut depth = 0_usize;
    for (number, line) in code.lines().enumerate() {
        // Its parser of XML takes time that grows with the square of the length, or more.
        if line.trim_start().starts_with('<') {
            return Err(HurlRefusal::of(
                "a body in XML, or a line that begins with `<`",
                number + 1,
            ));
        }
        let (mut quote, mut digits, mut chars) = (None, 0_usize, line.chars());
        while let Some(c) = chars.next() {
            match (quote, c) {
                (_, '[' | '{' | '(') => depth += 1,
                (None, ']' | '}' | ')') => depth = depth.saturating_sub(1),
                (None, '"' | '`') => quote = Some(c),
                (Some(_), '\\') => drop(chars.next()),
                (Some(open), c) if open == c => quote = None,
                _ => {}
            }
            digits = if quote.is_none() && c.is_ascii_digit() { digits + 1 } else { 0 };
            if depth > limits::HURL_NESTING {
                return Err(HurlRefusal("brackets are nested too deeply".to_owned(), number + 1));
            }
            if digits > limits::HURL_DIGITS {
                return Err(HurlRefusal::of("a number with so many digits", number + 1));
            }
        }
    }
    Ok(())
}

/// The variables that an entry uses.
fn used(entry: &HurlEntry) -> impl Iterator<Item = &str> {
    let pairs = entry.headers.iter().chain(&entry.query).chain(entry.form.iter().flatten());
    let texts = pairs.map(|(_, text)| text).chain(&entry.body).chain([&entry.path]);
    let tests = entry.asserts.iter().flat_map(|one| {
        let source = match &one.source.part {
            HurlQuery::Variable(name) => Some(name.as_str()),
            _ => None,
        };
        source.into_iter().chain(one.test.variables())
    });
    texts.flat_map(HurlText::variables).chain(tests)
}

impl HurlTest {
    /// The variables that it uses.
    fn variables(&self) -> Vec<&str> {
        match self {
            Self::Equal(one)
            | Self::Greater(one)
            | Self::AtLeast(one)
            | Self::Less(one)
            | Self::AtMost(one)
            | Self::Contains(one) => match one {
                HurlOperand::Value(_) => Vec::new(),
                HurlOperand::Text(text) | HurlOperand::Json(text) => text.variables().collect(),
                HurlOperand::Variable(name) => vec![name],
            },
            Self::Among(text) | Self::StartsWith(text) | Self::EndsWith(text) => {
                text.variables().collect()
            }
            _ => Vec::new(),
        }
    }
}

fn entry(one: &Entry, code: &str) -> Result<HurlEntry, HurlRefusal> {
    let request = &one.request;
    let line = request.url.source_info.start.line;
    let mut path = text(&request.url);
    let is_host = matches!(path.0.first(), Some(HurlPart::Variable(name)) if name == HOST);
    let is_path = match path.0.get(1) {
        Some(HurlPart::Text(rest)) => rest.starts_with(['/', '?']),
        Some(_) => false,
        None => true,
    };
    if !is_host || !is_path {
        let why = format!("the URL `{}` does not begin with `{{{{{HOST}}}}}/`", request.url);
        return Err(HurlRefusal(why, line));
    }
    path.0.remove(0);
    let mut entry = HurlEntry {
        line,
        method: request.method.0.clone(),
        path,
        headers: request.headers.iter().map(pair).collect(),
        query: Vec::new(),
        form: None,
        body: None,
        asserts: Vec::new(),
        captures: Vec::new(),
    };
    for section in &request.sections {
        match &section.value {
            SectionValue::QueryParams(pairs) => entry.query = pairs.iter().map(pair).collect(),
            SectionValue::FormParams(pairs) => entry.form = Some(pairs.iter().map(pair).collect()),
            _ => {
                let what = format!("the section [{}]", section.name());
                return Err(HurlRefusal::of(&what, section.source_info.start.line));
            }
        }
    }
    if let Some(body) = &request.body {
        let (is_json, text) = body_text(body)?;
        let is_typed = entry.headers.iter().any(|(name, _)| is_type(name));
        let json = HurlText(vec![HurlPart::Text("application/json".to_owned())]);
        entry.headers.extend((is_json && !is_typed).then(|| ("Content-Type".to_owned(), json)));
        entry.body = Some(text);
    }
    if entry.form.is_some() && entry.body.is_some() {
        return Err(HurlRefusal("a request has a form or a body, not both".to_owned(), line));
    }
    answer(one, code, &mut entry)?;
    Ok(entry)
}

fn is_type(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-type")
}

/// Adds what an answer must be.
fn answer(one: &Entry, code: &str, entry: &mut HurlEntry) -> Result<(), HurlRefusal> {
    let Some(response) = &one.response else { return Ok(()) };
    let line = response.version.source_info.start.line;
    let of = |part: HurlQuery| HurlSource { part, counts: false };
    let mut add = |line: usize, text: String, part: HurlQuery, test: HurlTest| {
        entry.asserts.push(HurlAssert { line, text, source: of(part), not: false, test });
    };
    match &response.version.value {
        VersionValue::VersionAny | VersionValue::VersionAnyLegacy => {}
        VersionValue::Version11 => {
            let version = HurlOperand::Value(Value::from("HTTP/1.1"));
            add(line, "HTTP/1.1".to_owned(), HurlQuery::Version, HurlTest::Equal(version));
        }
        version => return Err(HurlRefusal::of(&format!("the version {version}"), line)),
    }
    if let StatusValue::Specific(status) = response.status.value {
        let test = HurlTest::Equal(HurlOperand::Value(Value::from(status)));
        add(line, format!("status {status}"), HurlQuery::Status, test);
    }
    for header in &response.headers {
        let (name, value) = pair(header);
        let told = format!("`{name}: {}`", header.value);
        let line = header.value.source_info.start.line;
        add(line, told, HurlQuery::Header(name), HurlTest::Among(value));
    }
    for section in &response.sections {
        match &section.value {
            SectionValue::Asserts(asserts) => {
                for one in asserts {
                    entry.asserts.push(assert(one, code)?);
                }
            }
            SectionValue::Captures(captures) => {
                for one in captures {
                    let line = one.query.source_info.start.line;
                    let filters = one.filters.iter().map(|(_, filter)| &filter.value);
                    let source = source(&one.query, filters)?;
                    let name = one.name.value.clone();
                    if name == HOST {
                        return Err(HurlRefusal(
                            format!("`{HOST}` is the service's address"),
                            line,
                        ));
                    }
                    entry.captures.push(HurlCapture { line, name, source });
                }
            }
            _ => {
                let what = format!("the section [{}]", section.name());
                return Err(HurlRefusal::of(&what, section.source_info.start.line));
            }
        }
    }
    if let Some(body) = &response.body {
        let line = body.space0.source_info.start.line;
        let (is_json, text) = body_text(body)?;
        let (part, operand) = if is_json {
            (HurlQuery::Json(JsonPath::default(), true), HurlOperand::Json(text))
        } else {
            (HurlQuery::Body, HurlOperand::Text(text))
        };
        let told = "the body of the example".to_owned();
        let test = HurlTest::Equal(operand);
        entry.asserts.push(HurlAssert { line, text: told, source: of(part), not: false, test });
    }
    Ok(())
}

fn pair(one: &KeyValue) -> HurlPair {
    (one.key.value.clone(), text(&one.value))
}

fn text(template: &Template) -> HurlText {
    let parts = template.elements.iter().map(|element| match element {
        TemplateElement::String { value, .. } => HurlPart::Text(value.clone()),
        TemplateElement::Expression(one) => HurlPart::Variable(one.variable.name.clone()),
    });
    HurlText(parts.collect())
}

/// A body, and whether it is JSON.
fn body_text(body: &Body) -> Result<(bool, HurlText), HurlRefusal> {
    let line = body.space0.source_info.start.line;
    match &body.value {
        Bytes::Json(value) => {
            let mut parts = Vec::new();
            json(value, &mut parts);
            Ok((true, HurlText(parts)))
        }
        Bytes::OnelineString(template) => Ok((false, text(template))),
        Bytes::MultilineString(one) => match one {
            MultilineString::OneLineText(template) => Ok((false, text(template))),
            MultilineString::Text(one) => Ok((false, text(&one.value))),
            MultilineString::Json(one) => Ok((true, text(&one.value))),
            MultilineString::Xml(_) | MultilineString::GraphQl(_) => {
                Err(HurlRefusal::of("a body in XML or GraphQL", line))
            }
        },
        Bytes::Xml(_) => Err(HurlRefusal::of("a body in XML", line)),
        Bytes::Base64(_) | Bytes::Hex(_) => Err(HurlRefusal::of("a body in base64 or hex", line)),
        Bytes::File(_) => Err(HurlRefusal::of("a body in a file", line)),
    }
}

fn json(value: &JsonValue, parts: &mut Vec<HurlPart>) {
    let put = |parts: &mut Vec<HurlPart>, text: &str| parts.push(HurlPart::Text(text.to_owned()));
    match value {
        JsonValue::Expression(one) => parts.push(HurlPart::Json(one.variable.name.clone())),
        JsonValue::Number(number) => put(parts, number),
        JsonValue::String(template) => quoted(template, parts),
        JsonValue::Boolean(value) => put(parts, if *value { "true" } else { "false" }),
        JsonValue::Null {} => put(parts, "null"),
        JsonValue::List { elements, .. } => {
            put(parts, "[");
            for (number, one) in elements.iter().enumerate() {
                put(parts, if number > 0 { "," } else { "" });
                json(&one.value, parts);
            }
            put(parts, "]");
        }
        JsonValue::Object { elements, .. } => {
            put(parts, "{");
            for (number, one) in elements.iter().enumerate() {
                put(parts, if number > 0 { "," } else { "" });
                quoted(&one.name, parts);
                put(parts, ":");
                json(&one.value, parts);
            }
            put(parts, "}");
        }
    }
}

/// A JSON string with its quotes.
fn quoted(template: &Template, parts: &mut Vec<HurlPart>) {
    parts.push(HurlPart::Text("\"".to_owned()));
    parts.extend(template.elements.iter().map(|element| match element {
        TemplateElement::String { encoded, .. } => HurlPart::Text(encoded.clone()),
        TemplateElement::Expression(one) => HurlPart::Quoted(one.variable.name.clone()),
    }));
    parts.push(HurlPart::Text("\"".to_owned()));
}

/// A text without variables.
fn literal(template: &Template, line: usize) -> Result<String, HurlRefusal> {
    let parts = template.elements.iter().map(|element| match element {
        TemplateElement::String { value, .. } => Ok(value.as_str()),
        TemplateElement::Expression(_) => Err(HurlRefusal::of("a variable here", line)),
    });
    parts.collect()
}

fn source<'a>(
    query: &Query,
    filters: impl Iterator<Item = &'a FilterValue>,
) -> Result<HurlSource, HurlRefusal> {
    let line = query.source_info.start.line;
    let filters: Vec<&FilterValue> = filters.collect();
    let counts = match filters.as_slice() {
        [] => false,
        [FilterValue::Count] => true,
        _ => return Err(HurlRefusal::of("this filter", line)),
    };
    let part = match &query.value {
        QueryValue::Status {} => HurlQuery::Status,
        QueryValue::Header { name, .. } => HurlQuery::Header(literal(name, line)?),
        QueryValue::Body {} => HurlQuery::Body,
        QueryValue::Bytes {} if counts => HurlQuery::Bytes,
        QueryValue::Bytes {} => return Err(HurlRefusal::of("`bytes` without `count`", line)),
        QueryValue::Variable { name, .. } => HurlQuery::Variable(literal(name, line)?),
        QueryValue::Jsonpath { expr, .. } => {
            let path = literal(expr, line)?;
            let parsed = JsonPath::parse(&path).map_err(|error| {
                HurlRefusal(format!("`{path}` is not a JSONPath: {error}"), line)
            })?;
            let is_one = !["*", "..", "?", ":", ","].iter().any(|many| path.contains(many));
            HurlQuery::Json(parsed, is_one)
        }
        _ => return Err(HurlRefusal::of("this query", line)),
    };
    Ok(HurlSource { part, counts })
}

fn assert(one: &Assert, code: &str) -> Result<HurlAssert, HurlRefusal> {
    let line = one.query.source_info.start.line;
    let source = source(&one.query, one.filters.iter().map(|(_, filter)| &filter.value))?;
    let test = match &one.predicate.predicate_func.value {
        PredicateFuncValue::Equal { value, .. } | PredicateFuncValue::NotEqual { value, .. } => {
            HurlTest::Equal(operand(value, line)?)
        }
        PredicateFuncValue::GreaterThan { value, .. } => HurlTest::Greater(operand(value, line)?),
        PredicateFuncValue::GreaterThanOrEqual { value, .. } => {
            HurlTest::AtLeast(operand(value, line)?)
        }
        PredicateFuncValue::LessThan { value, .. } => HurlTest::Less(operand(value, line)?),
        PredicateFuncValue::LessThanOrEqual { value, .. } => {
            HurlTest::AtMost(operand(value, line)?)
        }
        PredicateFuncValue::StartWith { value, .. } => HurlTest::StartsWith(words(value, line)?),
        PredicateFuncValue::EndWith { value, .. } => HurlTest::EndsWith(words(value, line)?),
        PredicateFuncValue::Contain { value, .. } | PredicateFuncValue::Include { value, .. } => {
            HurlTest::Contains(operand(value, line)?)
        }
        PredicateFuncValue::Match { value, .. } => HurlTest::Matches(regex(value, line)?),
        PredicateFuncValue::Exist {} => HurlTest::Exists,
        PredicateFuncValue::IsEmpty {} => HurlTest::Empty,
        PredicateFuncValue::IsInteger {} => HurlTest::Integer,
        PredicateFuncValue::IsFloat {} => HurlTest::Float,
        PredicateFuncValue::IsBoolean {} => HurlTest::Boolean,
        PredicateFuncValue::IsString {} => HurlTest::Text,
        PredicateFuncValue::IsCollection {} => HurlTest::Collection,
        PredicateFuncValue::CountEqual { .. } => {
            return Err(HurlRefusal::of("`countEquals` (write `count ==`)", line));
        }
    };
    let differs = matches!(one.predicate.predicate_func.value, PredicateFuncValue::NotEqual { .. });
    let text = code.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim();
    let (text, not) = (format!("`{text}`"), one.predicate.not != differs);
    Ok(HurlAssert { line, text, source, not, test })
}

fn operand(value: &PredicateValue, line: usize) -> Result<HurlOperand, HurlRefusal> {
    Ok(match value {
        PredicateValue::String(template) => HurlOperand::Text(text(template)),
        PredicateValue::MultilineString(one) => HurlOperand::Text(text(&one.value())),
        PredicateValue::Integer(number) => HurlOperand::Value(Value::from(*number)),
        PredicateValue::Float(number) => HurlOperand::Value(Value::from(number.value)),
        PredicateValue::Bool(value) => HurlOperand::Value(Value::from(*value)),
        PredicateValue::Null {} => HurlOperand::Value(Value::Null),
        PredicateValue::Expression(one) => HurlOperand::Variable(one.variable.name.clone()),
        PredicateValue::Hex(_) | PredicateValue::Base64(_) | PredicateValue::Regex(_) => {
            return Err(HurlRefusal::of("this kind of value", line));
        }
    })
}

fn words(value: &PredicateValue, line: usize) -> Result<HurlText, HurlRefusal> {
    match operand(value, line)? {
        HurlOperand::Text(text) => Ok(text),
        _ => Err(HurlRefusal::of("a value other than a text here", line)),
    }
}

fn regex(value: &PredicateValue, line: usize) -> Result<regex::Regex, HurlRefusal> {
    match value {
        PredicateValue::Regex(one) => Ok(one.inner.clone()),
        PredicateValue::String(template) => {
            let text = literal(template, line)?;
            regex::Regex::new(&text)
                .map_err(|error| HurlRefusal(format!("`{text}` is not a regex: {error}"), line))
        }
        _ => Err(HurlRefusal::of("a value other than a regex here", line)),
    }
}
