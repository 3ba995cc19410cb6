//! Renders problems in source files, with the lines they point at.

use std::collections::BTreeMap;
use std::fmt;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

use super::excerpt::{Excerpt, LineCount};
use super::{MARK, Styler};
use crate::types::text::visible;
use crate::types::{Problem, Severity};
use crate::workspace::Sources;

/// A problem as a miette diagnostic.
#[derive(Debug)]
struct ProblemView<'a> {
    problem: &'a Problem,
    source: Option<Excerpt>,
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
        let marked = &self.source.as_ref()?.marked;
        let label = LabeledSpan::new(None, marked.start, marked.len());
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
    let mut counts: BTreeMap<&str, LineCount> = BTreeMap::new();
    for problem in problems {
        let lines = counts.entry(&problem.file).or_default();
        let source = sources.get(&problem.file).and_then(|text| Excerpt::of(problem, text, lines));
        let shown = ProblemView { problem, source };
        if handler.render_report(&mut out, &shown).is_err() {
            out.push_str(&format!("{shown}\n"));
        }
    }
    out.replace("\x1b[", &MARK.to_string())
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::report::Styler;
    use crate::workspace::Sources;

    #[test]
    fn the_line_is_shown_with_its_number_and_a_hint() {
        let text = "[generator]\nmodle = \"m\"\n";
        let problems = crate::config::parse("harness.toml", text).expect_err("is wrong");
        let sources = Sources::from([("harness.toml".to_owned(), text.to_owned())]);
        let shown = render(&problems, &sources, Styler::default());
        for part in ["harness.toml:2", "modle = \"m\"", "did you mean `model`?"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}
