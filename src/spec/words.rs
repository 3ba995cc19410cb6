//! Splits clauses into sentences and words for lint rules.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use rust_stemmers::{Algorithm, Stemmer};

use crate::types::limits;

/// Stop words.
const EMPTY: [&str; 67] = [
    "a",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "been",
    "being",
    "but",
    "by",
    "can",
    "do",
    "does",
    "each",
    "every",
    "for",
    "from",
    "had",
    "has",
    "have",
    "if",
    "in",
    "into",
    "is",
    "it",
    "its",
    "may",
    "must",
    "of",
    "on",
    "or",
    "shall",
    "should",
    "so",
    "some",
    "such",
    "than",
    "that",
    "the",
    "their",
    "then",
    "there",
    "these",
    "they",
    "this",
    "those",
    "to",
    "via",
    "was",
    "were",
    "when",
    "where",
    "which",
    "while",
    "who",
    "whose",
    "will",
    "with",
    "would",
    "also",
    "both",
    "whenever",
    "always",
    "themselves",
    "itself",
];
/// Negations.
const NOT: [&str; 6] = ["not", "never", "no", "cannot", "neither", "nor"];

/// A word of a sentence: normalised and original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its stem in lower case; code spans and numbers unchanged.
    pub stem: String,
    /// Lower case.
    pub word: String,
}

/// Splits a text into sentences at full stops and semicolons outside of code.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut list = Vec::new();
    let (mut start, mut code) = (0, false);
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        code ^= *byte == b'`';
        let ends = match byte {
            b';' => true,
            b'.' | b'!' | b'?' => {
                let is_last = bytes.get(at + 1).is_none_or(|next| *next == b' ');
                is_last && !is_short(&text[start..at])
            }
            _ => false,
        };
        if ends && !code {
            list.push(text[start..at].trim());
            start = at + 1;
        }
    }
    list.push(text[start..].trim());
    list.retain(|sentence| !sentence.is_empty());
    list
}

/// Whether a text ends in a short form that a full stop belongs to.
fn is_short(text: &str) -> bool {
    ["e.g", "i.e", "etc", "vs", "cf", "no"].iter().any(|short| {
        let before = text.strip_suffix(short);
        before.is_some_and(|before| before.is_empty() || before.ends_with(' '))
    })
}

/// As much of a clause's text as rules read: whole words.
pub fn head(text: &str) -> &str {
    if text.len() <= limits::LINTED {
        return text;
    }
    let head = &text[..text.floor_char_boundary(limits::LINTED)];
    head.rsplit_once(' ').map_or(head, |(whole, _)| whole)
}

/// The words of a sentence.
pub fn words(sentence: &str) -> Vec<Word> {
    static WORD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"`[^`]*`|[-−]?\d+(?:[.,]\d+)*|[\w&&\D]+(?:'\w+|\+\+|#)?|%|[<>=≤≥]+")
            .expect("the pattern is a constant")
    });
    let stemmer = Stemmer::create(Algorithm::English);
    let word = |found: &str| {
        let word = found.to_lowercase();
        let plain = word.starts_with(char::is_alphabetic);
        let stem = if plain { stemmer.stem(&word).into_owned() } else { found.to_owned() };
        Word { stem, word }
    };
    WORD.find_iter(sentence).map(|found| word(found.as_str())).collect()
}

/// Whether a word is not a stop word.
pub fn carries(word: &Word) -> bool {
    !EMPTY.contains(&word.word.as_str()) && !turns(word) && !word.word.ends_with("n't")
}

/// Whether a word is a negation.
pub fn turns(word: &Word) -> bool {
    NOT.contains(&word.word.as_str()) || word.word.ends_with("n't")
}

/// The distinct words of a sentence without stop words.
pub fn content<'a>(words: impl IntoIterator<Item = &'a Word>) -> BTreeSet<String> {
    words.into_iter().filter(|word| carries(word)).map(|word| word.stem.clone()).collect()
}

/// The form of a requirement in the Easy Approach to Requirements Syntax (Mavin et al., 2009).
pub fn shape(text: &str) -> &'static str {
    let mut found = Vec::new();
    for sentence in sentences(text) {
        let all = words(sentence);
        let first = all.first().map_or("", |word| word.word.as_str());
        let comes = |word: &str| all.iter().any(|one| one.word == word);
        let form = match first {
            "while" | "during" => "state-driven",
            "when" | "whenever" | "after" | "once" | "on" => "event-driven",
            "where" => "optional",
            "if" if comes("then") || sentence.contains(',') => "unwanted",
            _ => continue,
        };
        // "While …, when …, the system shall …".
        let rest = ["when", "while", "if", "where"];
        let more = all.iter().skip(1).any(|word| rest.contains(&word.word.as_str()));
        found.push(if more { "complex" } else { form });
    }
    found.first().copied().unwrap_or("ubiquitous")
}

#[cfg(test)]
mod tests {
    use super::{sentences, shape, words};

    #[test]
    fn sentences_are_split_correctly() {
        let text = "It takes 1.5 s, e.g. on `a.b; c. d`. Then it stops; it MUST. End";
        assert_eq!(sentences(text).len(), 4, "{:?}", sentences(text));
        assert_eq!(
            sentences("No. etc. So it is, i.e. here. Is it? no."),
            ["No", "etc. So it is, i.e. here", "Is it", "no.",]
        );
    }

    #[test]
    fn words_of_one_kind_have_one_stem() {
        for list in [
            ["retried", "retry", "retries", "retrying"],
            ["request", "requests", "requested", "Requests"],
        ] {
            let stems: Vec<String> = list.iter().map(|word| words(word)[0].stem.clone()).collect();
            assert!(stems.iter().all(|stem| *stem == stems[0]), "{stems:?}");
        }
    }

    #[test]
    fn the_forms_of_ears() {
        for (text, expected) in [
            ("The kettle shall switch off.", "ubiquitous"),
            ("When the water boils, the kettle shall switch off.", "event-driven"),
            ("While it is empty, the kettle shall stay off.", "state-driven"),
            ("Where a lamp is fitted, the kettle shall light it.", "optional"),
            ("If the lid is open, then the kettle shall stay off.", "unwanted"),
            ("While it is on, when the lid opens, the kettle shall stop.", "complex"),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }
}
