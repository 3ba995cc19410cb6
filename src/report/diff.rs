//! Renders changes of specs: for people, pull requests and GitHub annotations.

use crate::commands::diff::{OutOfDate, SpecsDiff};
use crate::spec::{Change, ClauseChange, SpecChange, Stretch};

use super::markup::{self, markdown_code as code};
use super::{Styler, spans, words};
use crate::types::Waiver;
use crate::types::text::counted;

/// The mark of a change.
fn mark(change: &Change) -> char {
    match change {
        Change::Added => '+',
        Change::Removed => '-',
        Change::Changed => '~',
        Change::Renamed { .. } => '>',
    }
}

fn name(change: &ClauseChange) -> String {
    match &change.change {
        Change::Renamed { from } => format!("{from} -> {}", change.clause),
        _ => change.clause.clone(),
    }
}

/// Details of a change besides its words.
fn details(change: &ClauseChange) -> Vec<String> {
    let mut list = Vec::new();
    if let Some((before, now)) = change.level {
        list.push(format!("{} -> {}", before.word(), now.word()));
    }
    if let Some((before, now)) = &change.waiver {
        let word = |waiver: &Option<Waiver>| match waiver {
            Some(waiver) => format!("waived until {}: {}", waiver.until, waiver.reason),
            None => "demanded".to_owned(),
        };
        list.push(format!("{} -> {}", word(before), word(now)));
    }
    if let Some((before, now)) = &change.rate {
        let word = |rate: &Option<String>| rate.clone().unwrap_or_else(|| "the usual".to_owned());
        list.push(format!("rate {} -> {}", word(before), word(now)));
    }
    match change.examples {
        (0, 0) => {}
        (new, 0) => list.push(counted(new, "new example")),
        (0, gone) => list.push(format!("{} removed", counted(gone, "example"))),
        (new, gone) => list.push(format!("{}, {gone} removed", counted(new, "new example"))),
    }
    if list.is_empty() && change.words.is_empty() {
        list.push(match change.change {
            Change::Renamed { .. } => "the same words".to_owned(),
            _ => "bindings or status changed, or the old words are unknown".to_owned(),
        });
    }
    list
}

/// Cuts long unchanged stretches in the middle.
fn cut(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    match words.len() {
        0..=14 => text.to_owned(),
        count => format!("{} … {}", words[..6].join(" "), words[count - 6..].join(" ")),
    }
}

fn stretches(words: &[Stretch], show: impl Fn(char, &str) -> String) -> String {
    words
        .iter()
        .map(|one| match one.sign {
            '=' => show('=', &cut(&one.text)),
            sign => {
                // Surrounding blanks stay outside of the marks.
                let inner = one.text.trim();
                let at = one.text.len() - one.text.trim_start().len();
                let end = at + inner.len();
                format!(
                    "{}{}{}",
                    &one.text[..at],
                    show(sign, inner),
                    &one.text[end.min(one.text.len())..]
                )
            }
        })
        .collect()
}

fn of_spec<'a>(diff: &'a SpecsDiff, spec: &'a str) -> impl Iterator<Item = &'a OutOfDate> {
    diff.out_of_date.iter().filter(move |one| one.spec == spec && !one.dependent)
}

fn tests<'a>(diff: &'a SpecsDiff, spec: &SpecChange) -> Vec<&'a str> {
    let names = spec.clauses.iter().filter_map(|clause| diff.tests.get(&clause.clause));
    names.flatten().map(String::as_str).collect()
}

fn heading(change: &SpecChange) -> String {
    let word = match change.change {
        Change::Added => " (new)",
        Change::Removed => " (gone)",
        _ => "",
    };
    format!("{}{word}", change.spec)
}

/// Word changes of specs, for a terminal.
pub fn clauses(specs: &[SpecChange], paint: Styler) -> String {
    specs.iter().map(|spec| of_words(spec, paint)).collect()
}

fn of_words(spec: &SpecChange, paint: Styler) -> String {
    let mut out = String::new();
    let show = |sign: char, text: &str| match (paint.colour, sign) {
        (_, '=') => text.to_owned(),
        (true, '-') => paint.bad(text),
        (true, _) => paint.good(text),
        (false, '-') => format!("[-{text}-]"),
        (false, _) => format!("{{+{text}+}}"),
    };
    if spec.prose && spec.change == Change::Changed {
        out += "  ~ prose outside clauses\n";
    }
    for one in &spec.named {
        out += &format!("  {} {}\n", one.sign, one.text);
    }
    for clause in &spec.clauses {
        let line = if clause.line > 0 { format!("  line {}", clause.line) } else { String::new() };
        out += &format!("  {} {}{}\n", mark(&clause.change), name(clause), paint.dim(&line));
        if !clause.words.is_empty() {
            out += &format!("      {}\n", stretches(&clause.words, show));
        }
        for detail in details(clause) {
            out += &format!("      {}\n", paint.dim(&detail));
        }
    }
    out
}

/// For a terminal. `dependents` is the tree of specs that depend on changed ones, or empty.
pub fn human(diff: &SpecsDiff, dependents: &str, paint: Styler) -> String {
    let mut out = String::new();
    for spec in &diff.specs {
        out += &format!("{}  {}\n", paint.name(&heading(spec)), paint.dim(&spec.file));
        out += &of_words(spec, paint);
        for one in of_spec(diff, &spec.spec) {
            let reason = words::reason(Some(&one.reason));
            out += &format!("  out of date: {}: {reason}\n", one.target);
        }
        let tests = tests(diff, spec);
        if !tests.is_empty() {
            out += &format!("  tests: {}\n", tests.join(", "));
        }
    }
    if !dependents.is_empty() {
        out += &format!("out of date with what depends on it:\n{dependents}\n");
    }
    out
}

/// Markdown for a pull request.
pub fn markdown(diff: &SpecsDiff) -> String {
    if diff.specs.is_empty() {
        return "No clause changed.\n".to_owned();
    }
    let mut out = String::from("### Changed requirements\n");
    for spec in &diff.specs {
        out += &format!("\n#### {}\n\n", heading(spec));
        if !spec.clauses.is_empty() {
            out += "| | clause | change |\n|---|---|---|\n";
        }
        for clause in &spec.clauses {
            let mut cells: Vec<String> = Vec::new();
            if !clause.words.is_empty() {
                let words = clause.words.iter().map(|one| (one.sign, one.text.as_str()));
                cells.push(spans::changed(words));
            }
            cells.extend(details(clause).iter().map(|detail| spans::markdown(detail)));
            let what = cells.join("<br>");
            out += &format!("| {} | {} | {what} |\n", mark(&clause.change), code(&name(clause)));
        }
        let mut notes: Vec<String> = Vec::new();
        if spec.prose && spec.change == Change::Changed {
            notes.push("Prose outside clauses changed.".to_owned());
        }
        notes.extend(spec.named.iter().map(|one| code(&format!("{} {}", one.sign, one.text))));
        let targets: Vec<_> =
            of_spec(diff, &spec.spec).map(|one| format!("`{}`", one.target)).collect();
        if !targets.is_empty() {
            notes.push(format!("Out of date: {}.", targets.join(", ")));
        }
        let tests: Vec<_> = tests(diff, spec).iter().map(|test| code(test)).collect();
        if !tests.is_empty() {
            notes.push(format!("Tests: {}.", tests.join(", ")));
        }
        for note in notes {
            out += &format!("\n{note}\n");
        }
    }
    let dependents: Vec<_> = diff.out_of_date.iter().filter(|one| one.dependent).collect();
    if !dependents.is_empty() {
        let list = dependents.iter().map(|one| format!("`{}` ({})", one.spec, one.target));
        out += &format!(
            "\nAlso out of date, because they depend on these: {}.\n",
            list.collect::<Vec<_>>().join(", ")
        );
    }
    out
}

/// Markdown of a conflict.
pub fn conflict_markdown(text: &str) -> String {
    format!("\n**Conflict:** {}", spans::markdown(text))
}

/// GitHub annotations at the changed clauses.
pub fn annotations(diff: &SpecsDiff) -> String {
    let escape = markup::github;
    let mut out = String::new();
    for clause in diff.specs.iter().flat_map(|spec| &spec.clauses) {
        let word = match clause.change {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Changed => "changed",
            Change::Renamed { .. } => "renamed",
        };
        let at = if clause.line > 0 && clause.change != Change::Removed {
            format!(",line={}", clause.line)
        } else {
            String::new()
        };
        let show = |sign: char, text: &str| match sign {
            '=' => text.to_owned(),
            _ => format!("[{sign}{text}{sign}]"),
        };
        let mut lines = vec![name(clause)];
        if !clause.words.is_empty() {
            lines.push(stretches(&clause.words, show));
        }
        lines.extend(details(clause));
        let (file, text) = (escape(&clause.file, true), escape(&lines.join("\n"), false));
        out += &format!("::notice file={file}{at},title=clause {word}::{text}\n");
    }
    out
}

/// How both sides changed one clause.
pub fn against(ours: &ClauseChange, theirs: &ClauseChange) -> String {
    let show = |sign: char, text: &str| match sign {
        '=' => text.to_owned(),
        '-' => format!("[-{text}-]"),
        _ => format!("{{+{text}+}}"),
    };
    let side = |change: &ClauseChange| match (&change.change, change.words.is_empty()) {
        (Change::Removed, _) => "removed".to_owned(),
        (Change::Renamed { .. }, true) => format!("renamed to `{}`", change.clause),
        (_, true) => details(change).join(", "),
        (_, false) => stretches(&change.words, show),
    };
    format!("\"{}\" against \"{}\"", side(ours), side(theirs))
}

/// A GitHub annotation of a conflict.
pub fn conflict(ours: &ClauseChange, text: &str) -> String {
    let escape = markup::github;
    let at = if ours.line > 0 { format!(",line={}", ours.line) } else { String::new() };
    let (file, text) = (escape(&ours.file, true), escape(text, false));
    format!("::error file={file}{at},title=conflict::{text}")
}
