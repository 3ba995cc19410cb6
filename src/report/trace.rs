//! Renders the matrix of clauses and tests: text, HTML, Markdown, CSV, JUnit.

use std::fmt::Write;

use crate::spec::{Coverage, Matrix, TestVerdict, TraceRow};
use crate::types::Level;

use super::Styler;
use super::markup::{markdown_code as code, xml};
use super::spans;

/// The levels, strongest first.
pub const LEVELS: [Level; 3] = [Level::Must, Level::Should, Level::May];

/// A level's word.
pub fn level(level: Level) -> &'static str {
    match level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
        Level::May => "MAY",
    }
}

fn word(coverage: Coverage) -> &'static str {
    match coverage {
        Coverage::Passed => "passed",
        Coverage::Linked => "has a test",
        Coverage::Unproven => "unproven",
        Coverage::NotRun => "not run",
        Coverage::Failed => "failed",
        Coverage::Uncovered => "no test",
        Coverage::Exempt => "exempt",
    }
}

fn said(said: TestVerdict) -> &'static str {
    match said {
        TestVerdict::Failed => "failed",
        TestVerdict::Ignored => "ignored",
        TestVerdict::NotRun => "not run",
        TestVerdict::Unproven => "never seen to fail",
        TestVerdict::Passed => "passed",
    }
}

/// Status and waiver, if not the default.
fn life(row: &TraceRow) -> String {
    let status = row.status.word();
    let status = if status == "stable" { "" } else { status };
    [status.to_owned(), row.waived.clone().map(|why| format!("waived {why}")).unwrap_or_default()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The coverage by level, in one line.
pub fn summary(matrix: &Matrix) -> String {
    let share = |one: &Level| {
        let share = matrix.share(*one);
        format!("{} {} of {}", level(*one), share.covered, share.all)
    };
    let shares = LEVELS.iter().map(share).collect::<Vec<_>>().join(", ");
    match matrix.strays.len() {
        0 => format!("covered: {shares}"),
        1 => format!("covered: {shares}; 1 test or file without a clause"),
        count => format!("covered: {shares}; {count} tests or files without a clause"),
    }
}

/// For a terminal.
pub fn human(matrix: &Matrix, paint: Styler) -> String {
    let mut out = String::new();
    for row in &matrix.rows {
        let word = match row.coverage {
            Coverage::Passed => paint.good(word(row.coverage)),
            Coverage::Unproven => paint.warn(word(row.coverage)),
            Coverage::Linked | Coverage::NotRun | Coverage::Exempt => paint.dim(word(row.coverage)),
            Coverage::Failed | Coverage::Uncovered => paint.bad(word(row.coverage)),
        };
        let life = life(row);
        let life = if life.is_empty() { life } else { format!("  {}", paint.dim(&life)) };
        let _ = writeln!(out, "{:<6} {}  {word}{life}", level(row.level), paint.name(&row.clause));
        for proof in &row.proofs {
            let samples = proof.samples.as_ref().map(|seen| format!(" ({seen})"));
            let said = format!("{}{}", said(proof.said), samples.unwrap_or_default());
            let _ = writeln!(out, "         {} · {}: {said}", proof.target, proof.test);
        }
    }
    for stray in &matrix.strays {
        let test = if stray.test.is_empty() { "no spec" } else { &stray.test };
        let _ = writeln!(out, "{}  {}: {test}", paint.warn("no clause"), stray.place);
    }
    out
}

/// A Markdown table.
pub fn markdown(matrix: &Matrix) -> String {
    let mut out =
        format!("{}\n\n| clause | level | status | tests |\n|---|---|---|---|\n", summary(matrix));
    for row in &matrix.rows {
        let tests: Vec<String> = row
            .proofs
            .iter()
            .map(|p| format!("{} {} {}", spans::markdown(&p.target), code(&p.test), said(p.said)))
            .collect();
        let life = life(row);
        let stands = [word(row.coverage), &life].join(" ");
        let (clause, tests) = (code(&row.clause), tests.join("<br>"));
        let _ = writeln!(
            out,
            "| {clause} | {} | {} | {tests} |",
            level(row.level),
            spans::markdown(stands.trim())
        );
    }
    if !matrix.strays.is_empty() {
        out += "\nWithout a clause:\n\n";
        for stray in &matrix.strays {
            let _ = writeln!(out, "- {} {}", spans::markdown(&stray.place), code(&stray.test));
        }
    }
    out
}

/// CSV with a row for each clause and test (RFC 4180).
pub fn csv(matrix: &Matrix) -> String {
    let cell = |text: &str| {
        if text.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let mut out =
        String::from("clause,level,status,waived,coverage,target,test,verdict,file,line\r\n");
    for row in &matrix.rows {
        let status = row.status.word();
        let waived = row.waived.clone().unwrap_or_default();
        let head = [&row.clause, level(row.level), status, &waived, word(row.coverage)]
            .map(cell)
            .join(",");
        let tail = format!("{},{}", cell(&row.file), row.line);
        if row.proofs.is_empty() {
            let _ = write!(out, "{head},,,,{tail}\r\n");
        }
        for proof in &row.proofs {
            let (target, test) = (cell(&proof.target), cell(&proof.test));
            let _ = write!(out, "{head},{target},{test},{},{tail}\r\n", said(proof.said));
        }
    }
    out
}

/// A JUnit report in which each clause is a test; a clause without a test fails.
pub fn junit(matrix: &Matrix) -> String {
    let failed = |row: &&TraceRow| {
        matches!(row.coverage, Coverage::Failed | Coverage::Uncovered | Coverage::Unproven)
    };
    let skipped = |row: &&TraceRow| matches!(row.coverage, Coverage::Exempt | Coverage::NotRun);
    let (count, bad) = (matrix.rows.len(), matrix.rows.iter().filter(failed).count());
    let left = matrix.rows.iter().filter(skipped).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{count}\" failures=\"{bad}\" errors=\"0\">\n  \
         <testsuite name=\"clauses\" tests=\"{count}\" failures=\"{bad}\" errors=\"0\" skipped=\"{left}\">\n"
    );
    for row in &matrix.rows {
        let (spec, name) = row.clause.rsplit_once('/').unwrap_or(("", &row.clause));
        let (spec, name) = (xml(spec), xml(name));
        let _ = write!(
            out,
            "    <testcase classname=\"{spec}\" name=\"{name}\" file=\"{}\" line=\"{}\"",
            xml(&row.file),
            row.line
        );
        let why = xml(&format!("{}: {}", word(row.coverage), row.text));
        let _ = if failed(&row) {
            writeln!(out, ">\n      <failure message=\"{why}\"/>\n    </testcase>")
        } else if skipped(&row) {
            let life = xml(&life(row));
            writeln!(out, ">\n      <skipped message=\"{life}\"/>\n    </testcase>")
        } else {
            writeln!(out, "/>")
        };
    }
    out + "  </testsuite>\n</testsuites>\n"
}

/// A self-contained HTML page.
pub fn html(matrix: &Matrix) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Clauses and tests</title><style>\n\
         :root{{color-scheme:light dark}}body{{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}}\n\
         table{{border-collapse:collapse;width:100%}}th,td{{text-align:left;vertical-align:top;padding:.4rem .6rem;\
         border-bottom:1px solid #8884}}\ncode{{font-size:.9em}}.passed{{color:light-dark(#106b2a,#6fd58b)}}\
         .failed,.no{{color:light-dark(#b3151f,#ff8f8f);font-weight:600}}small{{opacity:.75}}\n</style></head><body>\n\
         <h1>Clauses and tests</h1>\n<p>{}</p>\n<table><thead><tr><th scope=\"col\">Clause</th><th scope=\"col\">Level</th>\
         <th scope=\"col\">Status</th><th scope=\"col\">Tests</th></tr></thead><tbody>\n",
        xml(&summary(matrix))
    );
    for row in &matrix.rows {
        let tests: Vec<String> = row
            .proofs
            .iter()
            .map(|p| format!("{} <code>{}</code> {}", xml(&p.target), xml(&p.test), said(p.said)))
            .collect();
        let class = word(row.coverage).split(' ').next().unwrap_or_default();
        let _ = writeln!(
            out,
            "<tr><td><code>{}</code><br><small>{}</small></td><td>{}</td><td class=\"{class}\">{}<br><small>{}</small></td>\
             <td>{}</td></tr>",
            xml(&row.clause),
            xml(&row.text),
            level(row.level),
            word(row.coverage),
            xml(&life(row)),
            tests.join("<br>")
        );
    }
    out += "</tbody></table>\n";
    if !matrix.strays.is_empty() {
        out += "<h2>Without a clause</h2>\n<ul>\n";
        for stray in &matrix.strays {
            let _ =
                writeln!(out, "<li>{} <code>{}</code></li>", xml(&stray.place), xml(&stray.test));
        }
        out += "</ul>\n";
    }
    out + "</body></html>\n"
}
