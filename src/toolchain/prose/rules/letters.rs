//! The rule `letters`: words are of one script, so that what is read is what the other rules see.

use super::facts::{TextSubject, fix, found};
use crate::types::Finding;

/// What a letter looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Letter {
    /// A Latin letter of ordinary texts.
    Latin,
    /// One of a script with letters that look like Latin ones, and whether this one does.
    Alike(bool),
    /// A Latin letter of another form, as of formulas and phonetics.
    Odd,
    Other,
}

/// Greek, Cyrillic and Armenian letters that look like Latin ones.
const LOOKALIKES: &str = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧνορικυАВЕЅІЈКМНОРСТХУаеѕіјорсухһԁԛԝӏүցհոսօ";

/// Shorter words may mix scripts: `μs`, `kΩ`, `Δt`.
const SHORTEST: usize = 4;

fn letter(c: char) -> Letter {
    match c {
        'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Letter::Latin,
        '\u{370}'..='\u{58f}' | '\u{1c80}'..='\u{1c8f}' | '\u{1f00}'..='\u{1fff}' => {
            Letter::Alike(LOOKALIKES.contains(c))
        }
        '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => Letter::Alike(true),
        '\u{250}'..='\u{2af}'
        | '\u{1d00}'..='\u{1d2b}'
        | '\u{24b6}'..='\u{24e9}'
        | '\u{fb00}'..='\u{fb06}'
        | '\u{ff21}'..='\u{ff5a}'
        | '\u{1d400}'..='\u{1d7cb}' => Letter::Odd,
        _ => Letter::Other,
    }
}

/// Whether a sign is not seen.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Findings of the rule.
pub fn check(subject: &TextSubject<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for page in &subject.pages {
        let letters = || page.units.iter().flat_map(|unit| unit.shown.chars());
        let latin = letters().filter(|c| letter(*c) == Letter::Latin).count();
        let is_latin = 2 * latin > letters().filter(|c| c.is_alphabetic()).count();
        for unit in &page.units {
            let is_part = |c: char| c.is_alphabetic() || is_hidden(c);
            let words = unit.shown.split(|c| !is_part(c)).filter(|word| !word.is_empty());
            for word in words.filter(|word| is_wrong(word, is_latin)) {
                let at = word.as_ptr() as usize - unit.shown.as_ptr() as usize;
                let message = format!("the word `{word}` has letters that look like others");
                let one = found(page, "letters", unit.at(at), message);
                all.push(fix(one, "Write it with plain letters of one script"));
            }
        }
    }
    all
}

/// Whether a word reads as another one. In a Latin text, so does one of nothing but lookalikes.
fn is_wrong(word: &str, in_latin: bool) -> bool {
    let letters: Vec<Letter> = word.chars().map(letter).collect();
    let is_alike = |one: &Letter| matches!(one, Letter::Alike(_));
    let has_latin = letters.contains(&Letter::Latin);
    let is_long = letters.len() >= SHORTEST;
    word.contains(is_hidden)
        || letters.len() > 1 && letters.contains(&Letter::Odd)
        || is_long && has_latin && letters.iter().any(is_alike)
        || is_long && in_latin && letters.iter().all(|one| *one == Letter::Alike(true))
}
