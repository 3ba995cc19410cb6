//! Problems in source files: values with a place, not errors.

use serde::{Deserialize, Serialize};

use super::limits;

/// A range of bytes in a source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// The severity of a problem, highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is accepted; a person should check it.
    Warning,
    /// Advice, shown only on request.
    Note,
}

/// A fix for a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// The range to replace.
    pub span: Span,
    /// The replacement.
    pub text: String,
}

/// A problem in a source file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable code, such as `spec::duplicate_clause`.
    pub code: String,
    /// Its severity.
    pub severity: Severity,
    /// The file, relative to the workspace.
    pub file: String,
    /// The problem, as a lowercase fragment that names the thing.
    pub message: String,
    /// The hint.
    pub help: Option<String>,
    /// The place; `None` for the whole file.
    pub span: Option<Span>,
    /// Line of the span's start, from 1; 0 without a span.
    pub line: usize,
    /// A fix that is safe to apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

impl Problem {
    /// An error without a place; see the other builders.
    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            severity: Severity::Error,
            file: String::new(),
            message: shortened(message.into()),
            help: None,
            span: None,
            line: 0,
            fix: None,
        }
    }

    /// Makes it a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// A warning of the lint rule `name`, at a place whose line is known.
    pub fn lint(name: &str, message: impl Into<String>, place: (Span, usize)) -> Self {
        let code = format!("lint::{name}");
        let (span, line) = place;
        Self { span: Some(span), line, ..Self::error(&code, message).warning() }
    }

    /// Adds a fix.
    #[must_use]
    pub fn fix(mut self, span: Span, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { span, text: text.into() });
        self
    }

    /// Adds a hint.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(shortened(help.into()));
        self
    }

    /// Sets the place; the line is counted in `source`.
    #[must_use]
    pub fn at(mut self, source: &str, span: impl Into<Span>) -> Self {
        let span = span.into();
        let upto = source.as_bytes().get(..span.start).unwrap_or(source.as_bytes());
        self.line = 1 + upto.iter().filter(|b| **b == b'\n').count();
        self.span = Some(span);
        self
    }

    /// Sets the file.
    #[must_use]
    pub fn file(mut self, file: impl Into<String>) -> Self {
        self.file = file.into();
        self
    }
}

/// Cuts a message to `limits::FINDING_BYTES`.
pub(super) fn shortened(mut text: String) -> String {
    if text.len() > limits::FINDING_BYTES {
        text.truncate(text.floor_char_boundary(limits::FINDING_BYTES));
        text.push_str(" […]");
    }
    text
}
