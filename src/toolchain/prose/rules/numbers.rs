//! The rule `number`: numbers in prose are those of the spec.
//!
//! `1,000`, `1_000` and `1000` are the same, `0.50` and `0.5` too; `99 %` is also `0.99`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::blocks;
use super::facts::{TextSubject, fix, found};
use crate::toolchain::TextForm;
use crate::toolchain::prose::page::{PageBlock, ProsePage, ProseUnit};
use crate::types::{Binding, Clause, Finding};

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\d+(?:[,_\u{a0}\u{202f}]\d+)*(?:\.\d+)*").expect("the pattern is a constant")
});

/// Findings of the rule.
pub fn check(subject: &TextSubject<'_>) -> Vec<Finding> {
    let spec = subject.facts.spec;
    let is_copy = subject.form == TextForm::Copy;
    let mut of_spec = BTreeSet::new();
    collect(&spec.title, &mut of_spec);
    collect(&spec.visible, &mut of_spec);
    spec.clauses.iter().for_each(|clause| collect(&clause.text, &mut of_spec));
    subject.facts.items.iter().for_each(|line| collect(line, &mut of_spec));
    let mut all = Vec::new();
    for page in &subject.pages {
        let mut of_page = of_spec.clone();
        blocks::lines(subject, page).iter().for_each(|(_, line)| collect(line, &mut of_page));
        for unit in &page.units {
            let clauses: Vec<&Clause> =
                unit.cites.iter().filter_map(|name| spec.clause(name)).collect();
            let of_clauses = is_copy.then(|| of(&clauses));
            let known = of_clauses.as_ref().unwrap_or(&of_page);
            for (at, number) in numbers(page, unit, is_copy) {
                let (before, after) = (&unit.shown[..at], &unit.shown[at + number.len()..]);
                let is_known = forms(number, after).iter().any(|one| known.contains(one));
                if is_known || !is_copy && is_evident(subject, page, unit, before, number, after) {
                    continue;
                }
                let at = unit.at(at);
                let (message, remedy) = told(number, is_copy, clauses.is_empty());
                let clauses = clauses.iter().map(|clause| clause.id.clone()).collect();
                all.push(Finding { clauses, ..fix(found(page, "number", at, message), remedy) });
            }
        }
    }
    all
}

fn told(number: &str, is_copy: bool, is_uncited: bool) -> (String, &'static str) {
    if !is_copy {
        let message =
            format!("the number {number} is neither in the spec nor in a block of the page");
        return (message, "Write the number of the spec, or delete it");
    }
    let message = if is_uncited {
        format!("the number {number} cites no clause")
    } else {
        format!("the number {number} is not in the cited clauses")
    };
    (message, "Cite the clause that has the number in this block, or delete the number")
}

/// The numbers of clauses.
fn of(clauses: &[&Clause]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for clause in clauses {
        collect(&clause.text, &mut all);
        clause.rate.iter().for_each(|rate| collect(rate, &mut all));
        for binding in &clause.bindings {
            if let Binding::Bench { value, .. } = binding {
                collect(value, &mut all);
            }
        }
        for example in clause.examples.iter().filter(|one| !one.hidden && !one.ignored) {
            let lines = example.code.lines().enumerate();
            let shown = lines.filter(|(at, _)| !example.held.contains(at));
            shown.for_each(|(_, line)| collect(line, &mut all));
        }
    }
    all
}

/// Adds the numbers of a text.
pub fn collect(text: &str, all: &mut BTreeSet<String>) {
    let found = NUMBER.find_iter(text).flat_map(|number| apart(number.as_str()));
    all.extend(found.map(|(_, number)| plain(number)));
}

/// A number without separators and useless zeros. One with digits of other scripts is only itself.
fn plain(number: &str) -> String {
    if number.chars().any(|c| c.is_numeric() && !c.is_ascii()) {
        return number.to_owned();
    }
    let digits: String = number.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    let (whole, part) = digits.split_once('.').unwrap_or((&digits, ""));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let part = if part.contains('.') { part } else { part.trim_end_matches('0') };
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

/// The same number in the ways that a spec may write it.
fn forms(number: &str, after: &str) -> Vec<String> {
    let one = plain(number);
    let share = one.parse::<f64>().ok().filter(|_| after.trim_start().starts_with('%'));
    let share = share.map(|value| plain(&format!("{:.6}", value / 100.0)));
    std::iter::once(one).chain(share).collect()
}

/// The numbers in the prose of a unit that state something, with their offsets in it.
fn numbers<'p>(page: &ProsePage<'_>, unit: &'p ProseUnit, is_copy: bool) -> Vec<(usize, &'p str)> {
    let mut all = Vec::new();
    for found in NUMBER.find_iter(&unit.shown) {
        for (start, number) in apart(found.as_str()) {
            all.push((found.start() + start, number));
        }
    }
    all.retain(|(at, number)| {
        let before = &unit.shown[..*at];
        let after = &unit.shown[at + number.len()..];
        let linked = || page.links.iter().any(|link| link.span.contains(&unit.at(*at)));
        !(is_in_name(before) || is_ordinal(after))
            && (is_copy || !(is_place(unit, before, number, after) || linked()))
    });
    all
}

/// The parts of digits and separators: `1,000` is one number, `1,20` two.
fn apart(text: &str) -> Vec<(usize, &str)> {
    let is_separator = |c: char| !(c.is_numeric() || c == '.');
    let mut groups = text.split(is_separator);
    let is_short = groups.next().is_some_and(|first| first.len() <= 3);
    let is_one = is_short
        && groups.all(|group| group.split('.').next().is_some_and(|whole| whole.len() == 3));
    if is_one || !text.contains(is_separator) {
        return vec![(0, text)];
    }
    let start = |part: &str| part.as_ptr() as usize - text.as_ptr() as usize;
    text.split(is_separator).map(|part| (start(part), part)).collect()
}

/// Whether a number is a part of a name: `v2`, `u32`, `UTF-8`.
fn is_in_name(before: &str) -> bool {
    let mut last = before.chars().rev();
    match last.next() {
        Some('-') => last.next().is_some_and(char::is_uppercase),
        Some(c) => c.is_alphabetic() || c == '_',
        None => false,
    }
}

/// Whether a number is the one in `2nd` or `0-based`.
fn is_ordinal(after: &str) -> bool {
    let is_part = |c: char| c.is_alphabetic() || c == '-';
    let end = after.find(|c| !is_part(c)).unwrap_or(after.len());
    ["st", "nd", "rd", "th", "-based"].contains(&&after[..end])
}

/// Whether the page or the code's manifest shows a number: the 3 in "3 kinds:" above a list of
/// three, the status 0 of commands that are run, a version of the language.
fn is_evident(
    subject: &TextSubject<'_>,
    page: &ProsePage<'_>,
    unit: &ProseUnit,
    before: &str,
    number: &str,
    after: &str,
) -> bool {
    let follows = |from: usize, to: usize| {
        page.text.get(from..to).is_some_and(|between| between.trim().is_empty())
    };
    let below = page.lists.iter().find(|(start, _)| follows(unit.span.end, *start));
    let is_count = below.is_some_and(|(_, items)| *number == items.to_string());
    let word = |text: Option<&str>| {
        let plain = text.unwrap_or_default().trim_matches(|c: char| !c.is_alphanumeric());
        plain.to_lowercase()
    };
    let last = word(before.split_whitespace().next_back());
    let is_status = number == "0" && ["code", "status"].contains(&last.as_str());
    let runs = |fence: &PageBlock| fence.language == "console";
    let is_version = ["python", "rust", "node", "node.js", "edition"].contains(&last.as_str())
        || word(after.split_whitespace().next()) == "edition";
    is_count && unit.shown.trim_end().ends_with(':')
        || is_status && page.fences.iter().any(runs)
        || is_version && subject.facts.versions.contains(&plain(number))
}

/// Whether a number counts steps or sections: `Step 2`, `2.` or `2.1` at the start of a heading.
fn is_place(unit: &ProseUnit, before: &str, number: &str, after: &str) -> bool {
    let words = ["step", "part", "section", "chapter", "lesson", "example", "page"];
    let last = before.split_whitespace().next_back().unwrap_or_default().to_lowercase();
    let last = last.trim_start_matches(|c: char| !c.is_alphanumeric());
    let is_first = unit.level > 0 && before.trim().is_empty();
    words.contains(&last)
        || is_first && (number.contains('.') || after.starts_with(['.', ')', ':']))
}
