//! Problems in people's files, with the line they point at.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};

use super::{MARK, Styler};
use crate::types::text::{is_hidden, visible};
use crate::types::{Problem, Severity};
use crate::workspace::Sources;

/// A problem in the form miette renders.
#[derive(Debug)]
struct ProblemView<'a> {
    problem: &'a Problem,
    source: Option<NamedSource<Arc<String>>>,
}

impl fmt::Display for ProblemView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line =
            if self.problem.line > 0 { format!(":{}", self.problem.line) } else { String::new() };
        write!(f, "{}{line}: {}", visible(&self.problem.file), visible(&self.problem.message))
    }
}

impl std::error::Error for ProblemView<'_> {}

impl Diagnostic for ProblemView<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.problem.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.problem.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help.as_ref().map(|help| Box::new(visible(help)) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.problem.span?;
        let label = LabeledSpan::new(None, span.start, span.end.saturating_sub(span.start));
        Some(Box::new(std::iter::once(label)))
    }
}

/// Renders problems, each with the line it points at.
pub fn render<'a>(
    problems: impl IntoIterator<Item = &'a Problem>,
    sources: &Sources,
    paint: Styler,
) -> String {
    let theme =
        if paint.colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
    let mut out = String::new();
    let mut texts: BTreeMap<&str, Arc<String>> = BTreeMap::new();
    for problem in problems {
        let text = sources.get(&problem.file).filter(|text| inside(problem, text));
        let text = text
            .map(|text| texts.entry(&problem.file).or_insert_with(|| Arc::new(tame(text))).clone());
        let source = text.map(|text| NamedSource::new(&problem.file, text));
        let shown = ProblemView { problem, source };
        if handler.render_report(&mut out, &shown).is_err() {
            out.push_str(&format!("{shown}\n"));
        }
    }
    out.replace("\x1b[", &MARK.to_string())
}

/// A source without what a terminal would take for a command. No offset changes.
fn tame(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) && c != '\n' {
            out.extend(std::iter::repeat_n('?', c.len_utf8()));
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a problem's place is in the text at hand: a stale one would point nowhere.
fn inside(problem: &Problem, text: &str) -> bool {
    problem.span.is_some_and(|span| span.start <= span.end && span.end <= text.len())
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::report::Styler;
    use crate::workspace::Sources;

    #[test]
    fn the_line_is_shown_with_its_number_and_the_remedy() {
        let text = "[generator]\nmodle = \"m\"\n";
        let problems = crate::config::parse("harness.toml", text).expect_err("is wrong");
        let sources = Sources::from([("harness.toml".to_owned(), text.to_owned())]);
        let shown = render(&problems, &sources, Styler::default());
        for part in ["harness.toml:2", "modle = \"m\"", "did you mean `model`?"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}
