//! `regen lint`: checks specs for unbound requirements, vague words and contradictions.

use std::ops::Range;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::args::SpecArgs;
use super::{Context, exit};
use crate::commands::lint::Standalone;
use crate::report::{github, render, sarif};
use crate::spec::shapes;
use crate::store::{files, write_atomic};
use crate::types::text::counted;
use crate::types::{Fix, Problem, RuleLevel, Severity, Span, Spec, SpecId, limits};
use crate::workspace::{CommandError, ErrorKind, Sources, load};

/// Arguments of `lint`.
#[derive(Debug, Args)]
pub struct LintArgs {
    #[command(flatten)]
    specs: SpecArgs,
    /// Apply safe fixes.
    #[arg(long)]
    fix: bool,
    /// Output format; all but `human` on standard output.
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    format: LintFormat,
    /// Lowest level to show.
    #[arg(long, value_enum, default_value = "warning", value_name = "LEVEL")]
    level: LintView,
}

/// Output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LintFormat {
    Human,
    Json,
    Sarif,
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LintView {
    Note,
    Warning,
    Error,
}

/// The linted specs.
struct LintInput {
    root: PathBuf,
    specs: Vec<Spec>,
    problems: Vec<Problem>,
    sources: Sources,
}

fn subject(door: &Context, args: &LintArgs) -> Result<LintInput, CommandError> {
    let named = args.specs.all();
    let places = match door.reading() {
        Err(error) if error.kind() == ErrorKind::NoWorkspace && !named.is_empty() => {
            let paths: Vec<PathBuf> = named.iter().map(PathBuf::from).collect();
            let Standalone { specs, problems, sources } = Standalone::read(&paths)?;
            return Ok(LintInput { root: PathBuf::from("."), specs, problems, sources });
        }
        places => places?,
    };
    let mut workspace = load(&places, None)?;
    let only = workspace.select(&named)?;
    let mut problems = std::mem::take(&mut workspace.problems);
    problems.append(&mut workspace.remarks());
    let wanted = |id: &SpecId| only.as_ref().is_none_or(|only| only.contains(id));
    problems.retain(|problem| workspace.files.get(&problem.file).is_none_or(wanted));
    let specs = workspace.read.into_iter().filter(|spec| wanted(&spec.id)).collect();
    Ok(LintInput { root: places.root, specs, problems, sources: workspace.sources })
}

/// Lints.
pub fn lint(door: &Context, args: &LintArgs) -> Result<u8, CommandError> {
    let mut subject = subject(door, args)?;
    if args.fix {
        let fixed = fix(door, &subject)?;
        for file in &fixed {
            door.say(&format!("{file}: fixed"));
        }
        if !fixed.is_empty() {
            subject = self::subject(door, args)?;
        }
    }
    let LintInput { specs, mut problems, sources, .. } = subject;
    let least = match args.level {
        LintView::Note => RuleLevel::Note,
        LintView::Warning => RuleLevel::Warning,
        LintView::Error => RuleLevel::Error,
    };
    let least = least.severity();
    // Errors come first in the order of severities.
    problems.retain(|problem| Some(problem.severity) <= least);
    problems.sort_by(|a, b| (&a.file, a.line, &a.code).cmp(&(&b.file, b.line, &b.code)));
    let count = |severity| problems.iter().filter(|p| p.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let code = if errors > 0 { exit::SPEC_REFUSED } else { exit::DONE };
    let format = if door.global.json { LintFormat::Json } else { args.format };
    match format {
        LintFormat::Json => {
            let clauses: Vec<_> = specs.iter().flat_map(shapes).collect();
            door.json(&json!({
                "type": "lint", "exit_code": code, "problems": problems, "clauses": clauses,
            }));
        }
        LintFormat::Sarif => {
            let log = serde_json::to_string_pretty(&sarif(&problems, &sources));
            door.print(&log.unwrap_or_default());
        }
        LintFormat::Github => door.print(&github(&problems, &sources)),
        LintFormat::Human => {
            let text = render(&problems, &sources, door.paint);
            if !text.is_empty() {
                door.say(text.trim_end());
            }
            if !door.global.quiet {
                let clauses: usize = specs.iter().map(|spec| spec.clauses.len()).sum();
                let read = [counted(specs.len(), "spec"), counted(clauses, "clause")].join(", ");
                let found = [counted(errors, "error"), counted(warnings, "warning")].join(", ");
                door.say(&format!("{read}: {found}"));
            }
        }
    }
    Ok(code)
}

/// Applies the fixes of all problems. Gives the files that were changed.
fn fix(door: &Context, subject: &LintInput) -> Result<Vec<String>, CommandError> {
    let mut changed = Vec::new();
    for (file, source) in &subject.sources {
        let fixes = subject.problems.iter().filter(|problem| problem.file == *file);
        let mut fixes: Vec<&Fix> = fixes.filter_map(|problem| problem.fix.as_ref()).collect();
        fixes.sort_by_key(|fix| std::cmp::Reverse((fix.span.start, fix.span.end)));
        fixes.dedup();
        let path = subject.root.join(file);
        if fixes.is_empty() {
            continue;
        }
        // Spans are byte offsets into text with `\n` line ends; other files are not changed.
        if let Some(link) = files::link_on(&subject.root, file) {
            door.say(&format!("{file}: not fixed: {link} is a link"));
            continue;
        }
        if files::read_capped(&path, limits::SPEC_BYTES)? != source.as_bytes() {
            door.say(&format!("{file}: not fixed: its line ends are not `\\n`"));
            continue;
        }
        let mut text = source.clone();
        let mut before = text.len();
        for Fix { span, text: by } in fixes {
            if span.end <= before && span.start <= span.end {
                let range = if by.is_empty() { gone(&text, *span) } else { span.start..span.end };
                before = range.start;
                text.replace_range(range, by);
            }
        }
        write_atomic(&path, text.as_bytes())?;
        changed.push(file.clone());
    }
    Ok(changed)
}

/// The range to delete with a span: its whole line if nothing else is on it, else the blank before
/// it too.
fn gone(text: &str, span: Span) -> Range<usize> {
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |at| span.end + at + 1);
    let (before, behind) = (&text[start..span.start], &text[span.end..end]);
    if before.trim().is_empty() && behind.trim().is_empty() {
        start..end
    } else {
        span.start - usize::from(before.ends_with(' '))..span.end
    }
}
