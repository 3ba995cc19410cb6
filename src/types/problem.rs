//! Problems in people's files: values with a place, not errors.

use serde::{Deserialize, Serialize};

use super::limits;

/// A range of bytes in a source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// How much a problem weighs, most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is accepted; a person should look.
    Warning,
    /// Advice, shown only to who asks for it.
    Note,
}

/// A change that fixes a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// What is replaced.
    pub span: Span,
    /// By what.
    pub text: String,
}

/// Something wrong in a file that a person wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable code, such as `spec::duplicate_clause`.
    pub code: String,
    /// Error or warning.
    pub severity: Severity,
    /// The file, relative to the workspace.
    pub file: String,
    /// What is wrong, as a lowercase fragment that names the thing.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where; `None` when the whole file is meant.
    pub span: Option<Span>,
    /// Line of the span's start, from 1; 0 without a span.
    pub line: usize,
    /// The change that fixes it, where that needs no thought.
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

    /// Makes a warning of it.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Makes a warning of the rule `name` of `lint`, at a place whose line is known.
    pub fn lint(name: &str, message: impl Into<String>, place: (Span, usize)) -> Self {
        let code = format!("lint::{name}");
        let (span, line) = place;
        Self { span: Some(span), line, ..Self::error(&code, message).warning() }
    }

    /// Offers a change that fixes it.
    #[must_use]
    pub fn fix(mut self, span: Span, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { span, text: text.into() });
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(shortened(help.into()));
        self
    }

    /// Says where it is; the line is counted from `source`.
    #[must_use]
    pub fn at(mut self, source: &str, span: impl Into<Span>) -> Self {
        let span = span.into();
        let upto = source.as_bytes().get(..span.start).unwrap_or(source.as_bytes());
        self.line = 1 + upto.iter().filter(|b| **b == b'\n').count();
        self.span = Some(span);
        self
    }

    /// Names the file.
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
