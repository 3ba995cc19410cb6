//! Renders what `regen check` found: for people, test reports and pull requests.

use std::fmt::Write;

use super::Styler;
use super::markup::{markdown_code, xml};
use super::spans;
use crate::commands::check::{CheckOutcome, Checked, Flaw};
use crate::types::text::counted;
use crate::types::text::visible_line;

fn place(flaw: &Flaw) -> String {
    let file = visible_line(&flaw.problem.file);
    match flaw.problem.line {
        0 => file,
        number => format!("{file}:{number}"),
    }
}

/// A summary in one line.
pub fn summary(outcome: &CheckOutcome) -> String {
    let specs = outcome.checked.len();
    let count = outcome.flaws.len();
    let of = format!("{}, {}", counted(specs, "target"), counted(outcome.files, "file"));
    match count {
        0 => format!("{of}: everything matches regen.lock"),
        _ => format!("{of}: {}", counted(count, "finding")),
    }
}

/// For a terminal.
pub fn human(outcome: &CheckOutcome, paint: Styler) -> String {
    let mut out = String::new();
    for flaw in &outcome.flaws {
        let message = visible_line(&flaw.problem.message);
        let _ = writeln!(out, "{}  {message}", paint.name(&place(flaw)));
        let code = paint.dim(&flaw.problem.code);
        match &flaw.problem.help {
            Some(hint) => {
                let _ = writeln!(out, "    {code}  hint: {}", visible_line(hint));
            }
            None => {
                let _ = writeln!(out, "    {code}");
            }
        }
    }
    out
}

/// The flaws of a target, including those of its spec as a whole.
fn of<'a>(outcome: &'a CheckOutcome, one: &'a Checked) -> impl Iterator<Item = &'a Flaw> {
    let whole = |flaw: &Flaw| flaw.target.is_empty() || flaw.target == one.target;
    outcome.flaws.iter().filter(move |flaw| flaw.spec == one.spec && whole(flaw))
}

/// The flaws that belong to no checked target.
fn others(outcome: &CheckOutcome) -> Vec<&Flaw> {
    let known =
        |flaw: &&Flaw| outcome.checked.iter().any(|one| of(outcome, one).any(|own| own == *flaw));
    outcome.flaws.iter().filter(|flaw| !known(flaw)).collect()
}

/// A JUnit report: one test per target, and one for everything else. It satisfies both schemas in
/// use and has no clock, so the same state gives the same bytes.
pub fn junit(outcome: &CheckOutcome) -> String {
    let mut cases: Vec<(String, String, Vec<&Flaw>)> = outcome
        .checked
        .iter()
        .map(|one| (one.spec.to_string(), one.target.to_string(), of(outcome, one).collect()))
        .collect();
    cases.push(("workspace".to_owned(), "everything else".to_owned(), others(outcome)));
    let bad = cases.iter().filter(|(.., flaws)| !flaws.is_empty()).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite id=\"0\" name=\"regen check\" \
         package=\"regen\" hostname=\"localhost\" timestamp=\"1970-01-01T00:00:00\" time=\"0\" tests=\"{}\" \
         failures=\"{bad}\" errors=\"0\">\n    <properties/>\n",
        cases.len()
    );
    for (spec, target, flaws) in cases {
        let (spec, target) = (xml(&spec), xml(&target));
        let _ = write!(out, "    <testcase classname=\"{spec}\" name=\"{target}\" time=\"0\"");
        let Some(first) = flaws.first() else {
            out += "/>\n";
            continue;
        };
        let head = format!("{}: {}", place(first), first.problem.message);
        let line = |flaw: &&Flaw| {
            let Flaw { problem, .. } = flaw;
            let said = xml(&format!("{}: {} ({})", place(flaw), problem.message, problem.code));
            format!("{said}\n  hint: {}", xml(problem.help.as_deref().unwrap_or_default()))
        };
        let all: Vec<String> = flaws.iter().map(line).collect();
        let (head, kind) = (xml(&head), xml(&first.problem.code));
        let _ = writeln!(
            out,
            ">\n      <failure type=\"{kind}\" message=\"{head}\">{}</failure>\n    </testcase>",
            all.join("\n")
        );
    }
    out + "    <system-out/>\n    <system-err/>\n  </testsuite>\n</testsuites>\n"
}

/// A Markdown page for a pull request or a job summary.
pub fn markdown(outcome: &CheckOutcome) -> String {
    let verdict = if outcome.flaws.is_empty() { "passed" } else { "failed" };
    let mut out = format!("### regen check {verdict}\n\n{}\n", summary(outcome));
    if !outcome.flaws.is_empty() {
        out += "\n| where | what | hint |\n|---|---|---|\n";
        for flaw in &outcome.flaws {
            let hint = flaw.problem.help.clone().unwrap_or_default();
            let (place, what) =
                (markdown_code(&place(flaw)), spans::markdown(&flaw.problem.message));
            let _ = writeln!(out, "| {place} | {what} | {} |", markdown_code(&hint));
        }
    }
    out += "\n<details><summary>Targets</summary>\n\n| spec | target | tree | written by | clauses | |\n\
            |---|---|---|---|---|---|\n";
    for one in &outcome.checked {
        let tree = one.tree.map_or("-".to_owned(), |tree| tree.short());
        let by = spans::markdown(one.origin.as_deref().unwrap_or("-"));
        let word = if of(outcome, one).next().is_none() { "ok" } else { "**failed**" };
        let _ = writeln!(
            out,
            "| {} | {} | `{tree}` | {by} | {} | {word} |",
            spans::markdown(&one.spec),
            spans::markdown(&one.target),
            one.clauses
        );
    }
    out + "\n</details>\n"
}
