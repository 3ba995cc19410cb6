//! The rule `item`: the headings of an API reference are the public items of the code.
//!
//! An item is shown by a heading with its signature as a code span. A member is shown with its
//! owner (`impl Cache: pub fn len(&self) -> usize`) or without; of several with the same signature
//! it is that of the owner in a heading above. Spaces do not count between signs, nor a `;`, `:` or
//! `{` at the end.
//!
//! A code span of a heading is a signature if it begins as an item does (`pub fn`, `class Cache`),
//! or if it has a parenthesis and a type or is the whole heading: `to_roman(n)` in "Errors of
//! `to_roman(n)`" is not. `LIMIT: int = 3` is one if it is the whole heading.

use std::collections::BTreeSet;

use super::facts::{TextSubject, fix, found, missing, spellings};
use crate::toolchain::TextForm;
use crate::toolchain::prose::page::{CodeSpan, ProsePage, ProseUnit};
use crate::types::Finding;

/// Words that begin items.
const BEGINS: [&str; 16] = [
    "abstract",
    "async",
    "class",
    "const",
    "declare",
    "def",
    "enum",
    "export",
    "fn",
    "function",
    "impl",
    "interface",
    "pub",
    "static",
    "struct",
    "trait",
];

/// A public item.
pub struct OutlineItem<'a> {
    /// The line of the outline.
    pub line: &'a str,
    /// What it is a member of: `impl Cache`.
    pub owner: Option<&'a str>,
    /// Its signature without the owner.
    pub signature: &'a str,
}

impl<'a> OutlineItem<'a> {
    /// Reads a line of an outline.
    pub fn read(line: &'a str) -> Self {
        let line = line.trim().trim_end_matches([';', ':', '{', ' ']);
        let mut depth = 0;
        let colon = line.char_indices().find(|(at, c)| {
            match c {
                '(' | '[' | '{' | '<' => depth += 1,
                ')' | ']' | '}' | '>' => depth -= 1,
                _ => {}
            }
            depth == 0 && line[*at..].starts_with(": ")
        });
        let parts = colon.map(|(at, _)| (&line[..at], line[at + 2..].trim()));
        let is_owner = |owner: &str, rest: &str| {
            let words: Vec<&str> = owner.split_whitespace().collect();
            let is_class = |word: &&str| ["class", "interface"].contains(word);
            let is_name = words.len() == 1 && owner.starts_with(char::is_uppercase);
            // Not the bounds of a trait, nor the type of a constant.
            let is_item = rest.contains('(') || begins_item(rest);
            owner.starts_with("impl")
                || words.iter().any(is_class)
                || is_item && (is_name || words.contains(&"trait"))
        };
        match parts.filter(|(owner, rest)| is_owner(owner, rest)) {
            Some((owner, signature)) => Self { line, owner: Some(owner), signature },
            None => Self { line, owner: None, signature: line },
        }
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        name(self.signature)
    }

    /// The name of its owner: `Cache` of `impl Lookup for Cache`.
    pub fn owner_name(&self) -> Option<&'a str> {
        self.owner.map(|owner| name(owner.rsplit(" for ").next().unwrap_or(owner)))
    }
}

/// Whether the rule `item` judges a code span of a heading.
pub fn is_signature(subject: &TextSubject<'_>, page: &ProsePage<'_>, span: &CodeSpan) -> bool {
    let unit = &page.units[span.unit];
    let code = span.code.trim();
    let is_typed = code.contains("->") || code.contains(": ");
    let is_alone = unit.title.trim() == code;
    let mut items = subject.facts.items.iter().map(|line| OutlineItem::read(line));
    let is_value = is_alone && code.contains([':', '=']);
    unit.level > 0
        && (begins_item(code)
            || code.contains('(') && (is_typed || is_alone)
            || is_value && items.any(|item| item.name() == name(code)))
}

/// Whether a text begins as an item does: `pub fn`, `class Cache`.
fn begins_item(text: &str) -> bool {
    let (first, rest) = text.split_once([' ', '(', '<']).unwrap_or_default();
    BEGINS.contains(&first) && !rest.is_empty()
}

/// A heading that shows a signature.
struct Shown<'a> {
    page: &'a ProsePage<'a>,
    at: usize,
    code: &'a str,
    /// The text of the headings that it is below.
    above: Vec<&'a str>,
}

impl Shown<'_> {
    fn is_below(&self, item: &OutlineItem<'_>) -> bool {
        let has = |name: &str| self.above.iter().any(|text| words(text).any(|one| one == name));
        item.owner_name().is_none_or(has)
    }
}

/// Findings of the rule.
pub fn check(subject: &TextSubject<'_>) -> Vec<Finding> {
    if subject.form != TextForm::Docs || subject.facts.items.is_empty() {
        return Vec::new();
    }
    let items: Vec<OutlineItem<'_>> =
        subject.facts.items.iter().map(|line| OutlineItem::read(line)).collect();
    let mut is_open = vec![true; items.len()];
    let mut others = Vec::new();
    let types: BTreeSet<String> = types(subject).collect();
    for one in subject.pages.iter().flat_map(|page| shown(subject, page)) {
        let code = plain(one.code);
        let is_it =
            |item: &OutlineItem<'_>| code == plain(item.signature) || code == plain(item.line);
        match best(&items, &is_open, &one, is_it) {
            Some(at) => is_open[at] = false,
            None if items
                .iter()
                .any(|item| item.owner.is_some_and(|owner| plain(owner) == code)) => {}
            None if !one.code.contains('(') && types.contains(name(one.code)) => {}
            None => others.push(one),
        }
    }
    let mut all = Vec::new();
    for one in others {
        let wrong = name(one.code);
        match best(&items, &is_open, &one, |item| item.name() == wrong) {
            Some(at) => {
                is_open[at] = false;
                let right = items[at].signature;
                let message = format!("wrong signature of `{wrong}`; the code has `{right}`");
                let finding = found(one.page, "item", one.at, message);
                all.push(fix(finding, format!("Write `{right}` in the heading")));
            }
            None => {
                let message = format!("the code has no public item `{}`", one.code);
                let finding = found(one.page, "item", one.at, message);
                all.push(fix(finding, "Delete the heading and its section"));
            }
        }
    }
    let Some(page) = subject.pages.first() else { return all };
    for (item, _) in items.iter().zip(is_open).filter(|(_, is_open)| *is_open) {
        let finding = missing(page, "item", format!("no heading shows `{}`", item.line));
        let below = item.owner_name().map(|name| format!(" below the heading of `{name}`"));
        let below = below.unwrap_or_default();
        let remedy = format!("Add a section with the heading `{}`{below}", item.signature);
        all.push(fix(finding, remedy));
    }
    all
}

/// The names of the contract's types, which the harness writes.
fn types(subject: &TextSubject<'_>) -> impl Iterator<Item = String> {
    let contract = subject.facts.spec.contract.iter();
    contract.flat_map(|one| &one.types).flat_map(|one| spellings(&one.name))
}

/// The best item for a heading: not shown yet, and of the owner that the heading is below.
fn best(
    items: &[OutlineItem<'_>],
    is_open: &[bool],
    one: &Shown<'_>,
    is_it: impl Fn(&OutlineItem<'_>) -> bool,
) -> Option<usize> {
    let all = (0..items.len()).filter(|at| is_it(&items[*at]));
    all.min_by_key(|at| (!is_open[*at], !one.is_below(&items[*at])))
}

/// The headings of a page that show signatures, in order.
fn shown<'a>(subject: &TextSubject<'_>, page: &'a ProsePage<'a>) -> Vec<Shown<'a>> {
    let mut all = Vec::new();
    for span in page.spans.iter().filter(|span| is_signature(subject, page, span)) {
        let mut level = page.units[span.unit].level;
        let mut above = Vec::new();
        for unit in page.units[..span.unit].iter().rev() {
            if unit.level > 0 && unit.level < level {
                level = unit.level;
                above.push(unit.title.as_str());
            }
        }
        all.push(Shown { page, at: span.at, code: span.code.trim(), above });
    }
    let is_bare = |at: usize, unit: &ProseUnit| {
        let has_code = page.spans.iter().any(|span| span.unit == at);
        unit.level > 0 && !has_code && begins_item(unit.title.trim()) && unit.title.contains('(')
    };
    let bare = page.units.iter().enumerate().filter(|(at, unit)| is_bare(*at, unit));
    all.extend(bare.map(|(_, unit)| {
        let code = unit.title.trim();
        Shown { page, at: unit.span.start, code, above: Vec::new() }
    }));
    all
}

/// A signature without spaces that mean nothing.
pub fn plain(signature: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::new();
    for part in signature.split_whitespace() {
        if out.ends_with(is_word) && part.starts_with(is_word) {
            out.push(' ');
        }
        out.push_str(part);
    }
    out.truncate(out.trim_end_matches([';', ':', '{']).len());
    out
}

/// The identifiers of a text.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let all = text.split(move |c| !is_part(c));
    all.filter(|word| !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit()))
}

/// The name in a signature: the last word before parameters, types and bounds.
fn name(signature: &str) -> &str {
    let mut rest = signature;
    if let Some(scope) = signature.strip_prefix("pub(") {
        rest = scope.split_once(')').map_or(scope, |(_, rest)| rest);
    } else if let Some(parameters) = signature.strip_prefix("impl<") {
        let mut depth = 1;
        let end = parameters.char_indices().find(|(_, c)| {
            depth += i32::from(*c == '<') - i32::from(*c == '>');
            depth == 0
        });
        rest = end.map_or(parameters, |(at, _)| &parameters[at + 1..]);
    }
    let end = rest.find(['(', '<', '[', '{', ':', '=']).unwrap_or(rest.len());
    let head = [" extends ", " implements ", " where "]
        .iter()
        .fold(&rest[..end], |head, word| head.split(word).next().unwrap_or(head));
    words(head).last().unwrap_or(rest)
}
