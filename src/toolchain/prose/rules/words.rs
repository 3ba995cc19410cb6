//! The rules `claim` and `marker`: words.

use std::sync::LazyLock;

use regex::Regex;

use super::facts::{TextSubject, fix, found};
use crate::types::Finding;

/// Words that claim more than a text can show by itself.
const CLAIMS: &str = r"(?i)\b(?:100\s*%|(?:best|fastest|quickest|easiest|simplest|safest|smartest|strongest|cheapest|finest|most|always|secure(?:ly)?|safe(?:ly)?|guarant(?:ee\w*|y)|perfect(?:ly)?|flawless(?:ly)?|world-class|unbreakable|bulletproof|bug-free|error-free|infallible|foolproof|state-of-the-art|blazing(?:ly)?|zero\s+bugs|(?:never|cannot|can't|can\s+not)\s+(?:fails?|crash(?:es)?|breaks?|loses?))\b)";

/// Words of unfinished texts; `XXX` and such are capitals, the others in any case.
const MARKERS: &str = r"\b(?:TODO|FIXME|TBD|XXX)\b|(?i:\bcoming\s+soon\b|\blorem\s+ipsum\b|\[insert\b|\bplaceholders?\b)";

/// Findings of the rule `claim`.
pub fn claims(subject: &TextSubject<'_>) -> Vec<Finding> {
    static WORDS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(CLAIMS).expect("the pattern is a constant"));
    let mut all = Vec::new();
    for page in &subject.pages {
        for unit in page.units.iter().filter(|unit| subject.proven_of(unit).is_empty()) {
            let prose = &unit.shown;
            for word in WORDS.find_iter(prose) {
                if is_plain(&prose[..word.start()], word.as_str(), &prose[word.end()..]) {
                    continue;
                }
                let at = unit.at(word.start());
                let shown = word.as_str().split_whitespace().collect::<Vec<_>>().join(" ");
                let message = format!("`{shown}` is a claim without a clause that shows it");
                let remedy = "Cite the clause that shows it in this block, or delete the claim";
                all.push(fix(found(page, "claim", at, message), remedy));
            }
        }
    }
    all
}

/// Whether a word claims nothing here: `at most`, `most books`, `not always`, `best effort`.
fn is_plain(before: &str, word: &str, after: &str) -> bool {
    // `not thread-safe` is like `not safe`.
    let part = |c: char| c.is_alphabetic() || c == '-';
    let before = if before.ends_with('-') { before.trim_end_matches(part) } else { before };
    let before = before.split_whitespace().next_back().unwrap_or_default().to_lowercase();
    let after = after.trim_start_matches(|c: char| c.is_whitespace() || c == '-').to_lowercase();
    let starts = |words: &[&str]| words.iter().any(|word| after.starts_with(word));
    match word.to_lowercase().as_str() {
        _ if before == "not" => true,
        "most" => before != "the" || starts(&["recent", "significant"]),
        "best" => before == "at" || starts(&["effort"]),
        _ => false,
    }
}

/// Findings of the rule `marker`.
pub fn markers(subject: &TextSubject<'_>) -> Vec<Finding> {
    static WORDS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(MARKERS).expect("the pattern is a constant"));
    let mut all = Vec::new();
    for page in &subject.pages {
        let words = page.units.iter().flat_map(|unit| {
            WORDS.find_iter(&unit.shown).map(|word| (unit.at(word.start()), word.as_str()))
        });
        for (at, shown) in words.filter(|(_, one)| !subject.facts.spec.visible.contains(one)) {
            let message = format!("`{shown}` marks an unfinished text");
            let remedy = "Write the text, or delete the sentence";
            all.push(fix(found(page, "marker", at, message), remedy));
        }
    }
    all
}
