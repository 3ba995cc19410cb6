//! Extracts claims that can be compared without understanding the text: quantities, choices, and
//! whether something is done.

use std::collections::BTreeSet;
use std::ops::Range;

use super::words::{Word, carries, content, sentences, turns, words};

/// Actors, which are ignored if only one of two sentences names them.
const ACTORS: [&str; 22] = [
    "agent",
    "api",
    "app",
    "applic",
    "assist",
    "client",
    "command",
    "crate",
    "daemon",
    "function",
    "harness",
    "implement",
    "librari",
    "model",
    "parser",
    "program",
    "regen",
    "server",
    "servic",
    "system",
    "tool",
    "user",
];
/// Severities.
const LEVELS: [&str; 7] = ["error", "warning", "note", "info", "fatal", "debug", "notice"];
/// Verbs that report a severity.
const SAYS: [&str; 17] = [
    "onli", "just", "mere", "report", "log", "emit", "treat", "count", "rais", "give", "print",
    "produc", "result", "caus", "issu", "show", "flag",
];
/// Words with a meaning and its opposite.
const OPPOSITE: [(&str, &str); 12] = [
    ("reject", "accept"),
    ("refus", "accept"),
    ("deni", "allow"),
    ("forbid", "allow"),
    ("forbidden", "allow"),
    ("disabl", "enabl"),
    ("exclud", "includ"),
    ("discard", "keep"),
    ("drop", "keep"),
    ("hidden", "shown"),
    ("hide", "show"),
    ("option", "requir"),
];
/// Words that introduce only the manner.
const TAIL: [&str; 11] =
    ["up", "using", "within", "via", "by", "with", "immediately", "at", "for", "until", "exactly"];
/// Words that make a requirement conditional.
const CONDITION: [&str; 11] = [
    "if", "when", "unless", "while", "except", "only", "after", "before", "where", "without",
    "until",
];
/// Words that begin the case in which a requirement applies.
const CASE: [&str; 11] = [
    "if",
    "when",
    "whenever",
    "unless",
    "while",
    "except",
    "where",
    "wherever",
    "provided",
    "depending",
    "otherwise",
];
/// Subjects that do not say what they are about.
const GENERAL: [&str; 22] = [
    "valu", "field", "properti", "element", "member", "paramet", "option", "name", "type", "key",
    "string", "number", "list", "array", "object", "follow", "result", "set", "attribut",
    "argument", "one", "default",
];
/// Countable nouns.
const COUNTED: [&str; 12] = [
    "time", "attempt", "retri", "charact", "line", "file", "entri", "item", "level", "digit",
    "connect", "thread",
];

/// The content of a claim.
#[derive(Clone, Debug, PartialEq)]
enum What {
    /// A range of a quantity, in a unit.
    Quantity { unit: String, low: f64, high: f64 },
    /// One of several values.
    Choice { of: &'static str, value: String },
    /// Done or not done.
    Done { yes: bool, core: BTreeSet<String>, conditional: bool },
}

/// Rewrites "no more than" and "not exceed" for [`quantity`].
fn bounds(all: Vec<Word>) -> Vec<Word> {
    let word = |word: &str| Word { stem: word.to_owned(), word: word.to_owned() };
    let mut list: Vec<Word> = Vec::with_capacity(all.len());
    let mut at = 0;
    while at < all.len() {
        let is = |n: usize, words: &[&str]| {
            all.get(at + n).is_some_and(|one| words.contains(&one.word.as_str()))
        };
        let than = is(0, &["no", "not"]) && is(2, &["than"]);
        let (bound, used) = match () {
            () if than && is(1, &["more", "longer", "later", "greater", "larger"]) => ("most", 3),
            () if than && is(1, &["less", "fewer", "shorter", "smaller"]) => ("least", 3),
            () if is(0, &["not", "never"]) && is(1, &["exceed", "exceeds"]) => ("most", 2),
            () => ("", 1),
        };
        match bound {
            "" => list.push(all[at].clone()),
            bound => list.extend([word("at"), word(bound)]),
        }
        at += used;
    }
    list
}

/// Words of direction, in order: "from A to B" differs from "from B to A".
fn ways(all: &[Word]) -> Vec<String> {
    const WAYS: [&str; 10] =
        ["from", "to", "into", "onto", "on", "in", "off", "out", "or", "twice"];
    let directed = all.iter().any(|word| word.word == "from") && all.iter().any(|w| w.word == "to");
    if directed {
        all.iter().map(|word| word.stem.clone()).collect()
    } else {
        let mut list: Vec<String> = all
            .iter()
            .filter(|word| WAYS.contains(&word.word.as_str()))
            .map(|w| w.word.clone())
            .collect();
        list.sort();
        list
    }
}

/// One claim of one sentence.
#[derive(Clone, Debug)]
pub struct Claim {
    ways: Vec<String>,
    /// Words of the sentence without the claim.
    about: BTreeSet<String>,
    actors: BTreeSet<String>,
    what: What,
}

/// The claims of a clause.
pub fn claims(text: &str) -> Vec<Claim> {
    sentences(text).into_iter().flat_map(of_sentence).collect()
}

fn of_sentence(sentence: &str) -> Vec<Claim> {
    let mut all = bounds(words(sentence));
    let modal =
        |word: &Word| ["must", "shall", "should", "may", "will"].contains(&word.word.as_str());
    let copula = |word: &Word| {
        ["is", "are", "gives", "give", "returns", "exits", "exit", "has"]
            .contains(&word.word.as_str())
    };
    let split = all.iter().position(modal).or_else(|| all.iter().position(copula));
    let Some(split) = split.filter(|at| *at > 0) else { return Vec::new() };
    // A negation in the subject or in a condition describes another case.
    let condition = (split + 1..all.len()).find(|at| CONDITION.contains(&all[*at].word.as_str()));
    let condition = condition.unwrap_or(all.len());
    for (at, word) in all.iter_mut().enumerate() {
        if turns(word) && (at < split || at > condition) {
            *word = Word { stem: "!".to_owned(), word: "!".to_owned() };
        }
    }
    // A value in a condition is no claim.
    let is_case = |at: &usize| CASE.contains(&all[*at].word.as_str());
    let main = split..(split + 1..all.len()).find(is_case).unwrap_or(all.len());
    let mut claims = Vec::new();
    if names_subject(&all[..split]) {
        let find = [quantity, level, exit_code, value];
        claims.extend(find.iter().filter_map(|find| find(&all, main.clone())));
        claims.push(done(&all, split));
    }
    // The manner of an action is not compared.
    let tail = (split + 2..all.len()).find(|at| TAIL.contains(&all[*at].word.as_str()));
    for claim in &mut claims {
        let end = matches!(claim.what, What::Done { .. }).then_some(tail).flatten();
        claim.ways = ways(&all[..end.unwrap_or(all.len())]);
    }
    claims.retain(|claim| !claim.about.is_empty() || !claim.actors.is_empty());
    claims
}

/// Whether the words before the verb say what a sentence is about: "the value" alone does not.
fn names_subject(subject: &[Word]) -> bool {
    let named = content(subject);
    named.iter().any(|word| !GENERAL.contains(&word.as_str()))
}

fn claim<'a>(about: impl IntoIterator<Item = &'a Word>, what: What) -> Claim {
    let all = content(about);
    let (actors, about) = all.into_iter().partition(|word| ACTORS.contains(&word.as_str()));
    Claim { ways: Vec::new(), about, actors, what }
}

/// All words except at these places.
fn without<'a>(all: &'a [Word], out: &'a [usize]) -> impl Iterator<Item = &'a Word> {
    all.iter().enumerate().filter(|(at, _)| !out.contains(at)).map(|(_, word)| word)
}

fn number(word: &Word) -> Option<f64> {
    word.word
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| word.word.replace(',', "").parse().ok())?
}

/// A unit's kind, and its size in the smallest unit.
fn unit(word: &str) -> Option<(&'static str, f64)> {
    Some(match word {
        "ns" | "nanosecond" => ("time", 1e-9),
        "us" | "µs" | "microsecond" => ("time", 1e-6),
        "ms" | "millisecond" => ("time", 1e-3),
        "s" | "sec" | "second" => ("time", 1.0),
        "min" | "minut" => ("time", 60.0),
        "h" | "hour" => ("time", 3600.0),
        "d" | "day" => ("time", 86_400.0),
        "b" | "byte" => ("size", 1.0),
        "kb" => ("size", 1e3),
        "mb" => ("size", 1e6),
        "gb" => ("size", 1e9),
        "kib" => ("size", 1024.0),
        "mib" => ("size", 1_048_576.0),
        "gib" => ("size", 1_073_741_824.0),
        "%" | "percent" => ("share", 1.0),
        _ => return None,
    })
}

/// "at most 5 s": exactly one number after the verb, with a unit or comparison.
fn quantity(all: &[Word], main: Range<usize>) -> Option<Claim> {
    let mut numbers = main.clone().filter(|at| number(&all[*at]).is_some());
    let at = numbers.next()?;
    if numbers.next().is_some() || all[main].iter().any(turns) {
        return None;
    }
    let value = number(&all[at])?;
    let before: Vec<&str> = all[..at].iter().rev().take(3).map(|word| word.word.as_str()).collect();
    let near = |n: usize| before.get(n).copied().unwrap_or_default();
    let (most, least) = (f64::MAX, f64::MIN);
    let (bounds, used) = match (near(1), near(0)) {
        ("at", "most") | ("up", "to") => ((least, value), 2),
        (_, "within" | "most" | "maximum" | "≤" | "<=") => ((least, value), 1),
        ("less" | "fewer" | "shorter" | "smaller", "than") | (_, "below" | "under" | "<") => {
            ((least, value), 2)
        }
        ("at", "least") => ((value, most), 2),
        ("more" | "longer" | "larger" | "greater", "than") | (_, "above" | "over" | ">") => {
            ((value, most), 2)
        }
        (_, "exactly" | "be" | "is" | "are" | "=" | "to" | "of") => ((value, value), 1),
        _ => ((value, value), 0),
    };
    let next = all.get(at + 1);
    let known = next.and_then(|word| unit(&word.stem).or_else(|| unit(&word.word)));
    let (kind, factor) = match (known, next) {
        (Some((kind, factor)), _) => (kind.to_owned(), factor),
        (None, Some(noun))
            if carries(noun) && (used > 0 || COUNTED.contains(&noun.stem.as_str())) =>
        {
            (noun.stem.clone(), 1.0)
        }
        (None, _) if used > 0 => (String::new(), 1.0),
        _ => return None,
    };
    let mut out: Vec<usize> = (at - used.min(at)..=at).collect();
    out.extend((!kind.is_empty()).then_some(at + 1));
    let scale = |bound: f64| if bound.abs() == f64::MAX { bound } else { bound * factor };
    let what = What::Quantity { unit: kind, low: scale(bounds.0), high: scale(bounds.1) };
    Some(claim(without(all, &out), what))
}

/// "is an error": exactly one severity, after the verb.
fn level(all: &[Word], main: Range<usize>) -> Option<Claim> {
    let is = |at: &usize| LEVELS.contains(&all[*at].word.trim_matches('`'));
    let plural = |at: &usize| LEVELS.contains(&all[*at].word.trim_end_matches('s'));
    let mut found = main.clone().filter(|at| is(at) || plural(at));
    let at = found.next()?;
    if found.next().is_some() || all[main].iter().any(turns) {
        return None;
    }
    let word = all[at].word.trim_matches('`').trim_end_matches('s').to_owned();
    let rest = without(all, std::slice::from_ref(&at));
    let rest: Vec<&Word> = rest.filter(|word| !SAYS.contains(&word.stem.as_str())).collect();
    Some(claim(rest, What::Choice { of: "level", value: word }))
}

/// "exits with 2".
fn exit_code(all: &[Word], main: Range<usize>) -> Option<Claim> {
    let exit = all.iter().position(|word| word.stem == "exit")?;
    let between = ["with", "code", "status", "is", "of", "be", "must", "shall", "the", "should"];
    let at = (exit + 1..main.end).find(|at| !between.contains(&all[*at].word.as_str()))?;
    let value = all[at].word.trim_matches('`').parse::<u8>().ok()?;
    let out: Vec<usize> = (exit..=at).collect();
    let what = What::Choice { of: "exit code", value: value.to_string() };
    Some(claim(without(all, &out), what))
}

/// "is `json`": exactly one code span after the verb, directly after a word that assigns a value.
fn value(all: &[Word], main: Range<usize>) -> Option<Claim> {
    let mut code = main.clone().filter(|at| all[*at].word.starts_with('`'));
    let at = code.next()?;
    let before = all[at - 1].stem.as_str();
    let gives = ["be", "is", "are", "return", "give", "to", "yield", "equal"].contains(&before);
    if code.next().is_some() || !gives || all[main].iter().any(turns) {
        return None;
    }
    let what = What::Choice { of: "value", value: all[at].stem.clone() };
    Some(claim(without(all, &[at]), what))
}

/// Whether something is done.
fn done(all: &[Word], split: usize) -> Claim {
    let mut yes = all[split..].iter().filter(|word| turns(word)).count() % 2 == 0;
    let mut turned: Vec<Word> = all.to_vec();
    for word in &mut turned[split..] {
        if let Some((_, opposite)) = OPPOSITE.iter().find(|(one, _)| *one == word.stem) {
            word.stem = (*opposite).to_owned();
            yes = !yes;
        }
    }
    let behind = |list: &[&str]| {
        (split + 2..turned.len()).find(|at| list.contains(&turned[*at].word.as_str()))
    };
    let tail = behind(&TAIL).unwrap_or(turned.len());
    let conditional = behind(&CONDITION).is_some();
    let core = content(&turned[..tail]);
    let core = core.into_iter().filter(|word| !ACTORS.contains(&word.as_str())).collect();
    claim(&turned, What::Done { yes, core, conditional })
}

impl Claim {
    /// Why two claims contradict each other, if they do.
    pub fn against(&self, other: &Self) -> Option<String> {
        let silent = self.actors.is_empty() || other.actors.is_empty();
        if !silent && self.actors != other.actors {
            return None;
        }
        if self.ways != other.ways {
            return None;
        }
        let same = plain(&self.about) == plain(&other.about);
        match (&self.what, &other.what) {
            (
                What::Quantity { unit, low, high },
                What::Quantity { unit: other_unit, low: other_low, high: other_high },
            ) => {
                let apart = low > other_high || other_low > high;
                (same && unit == other_unit && apart).then(|| "different quantities".to_owned())
            }
            (What::Choice { of, value }, What::Choice { of: other_of, value: other_value }) => {
                (same && of == other_of && value != other_value)
                    .then(|| format!("{of} {value} and {other_value}"))
            }
            (
                What::Done { yes, core, conditional },
                What::Done { yes: other_yes, core: other_core, conditional: other_conditional },
            ) => {
                // A general prohibition contradicts every manner of doing it.
                let plain_ban = |ban: &Self, core: &BTreeSet<String>, other: &BTreeSet<String>| {
                    ban.about == *core && core == other
                };
                let banned = match (yes, other_yes) {
                    (false, true) => !other_conditional && plain_ban(self, core, other_core),
                    (true, false) => !conditional && plain_ban(other, other_core, core),
                    _ => return None,
                };
                (same || banned).then(|| "done and not done".to_owned())
            }
            _ => None,
        }
    }
}

/// A subject without redundant words.
fn plain(about: &BTreeSet<String>) -> BTreeSet<&str> {
    let weak = ["status", "code", "valu", "case"];
    let rest: BTreeSet<&str> =
        about.iter().map(String::as_str).filter(|word| !weak.contains(word)).collect();
    if rest.len() >= 2 { rest } else { about.iter().map(String::as_str).collect() }
}

/// A key shared by claims that could contradict each other.
pub fn key(claim: &Claim) -> String {
    let kind = match &claim.what {
        What::Quantity { unit, .. } => format!("quantity {unit}"),
        What::Choice { of, .. } => (*of).to_owned(),
        What::Done { core, .. } => {
            return format!("done {}", core.first().map_or("", String::as_str));
        }
    };
    let about = plain(&claim.about);
    format!("{kind} {}", about.into_iter().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::claims;

    fn conflict(one: &str, other: &str) -> bool {
        claims(one).iter().any(|a| claims(other).iter().any(|b| a.against(b).is_some()))
    }

    #[test]
    fn contradicting_claims_are_found() {
        for (one, other) in [
            ("A 503 response MUST be retried.", "A response with status 503 MUST NOT be retried."),
            (
                "Rate-limited requests MUST be retried.",
                "A request that is rate-limited is never retried.",
            ),
            ("The client MUST retry timeouts with back-off.", "Timeouts MUST NOT be retried."),
            (
                "Failed uploads MUST be retried up to 3 times.",
                "A failed upload MUST NOT be retried.",
            ),
            ("An unknown key MUST be reported as an error.", "An unknown key is a warning."),
            (
                "Unknown keys in the file MUST be an error.",
                "The tool MUST log a warning for an unknown key in the file.",
            ),
            ("The timeout MUST be 30 s.", "The timeout MUST be 60 seconds."),
            ("The default timeout is 1 min.", "The default timeout MUST be at most 30 s."),
            ("A missing file MUST exit with 2.", "A missing file exits with code 3."),
            ("The default format MUST be `json`.", "The default format is `yaml`."),
            ("Empty names MUST be accepted.", "Empty names MUST be rejected."),
            ("The timeout MUST be no more than 30 s.", "The timeout MUST be 60 s."),
            ("The timeout MUST NOT exceed 30 s.", "The timeout is 60 s."),
            (
                "At start the cache MUST hold at most 10 entries.",
                "At start the cache MUST hold at least 20 entries.",
            ),
        ] {
            assert!(conflict(one, other), "{one} / {other}: {:?} {:?}", claims(one), claims(other));
        }
    }

    #[test]
    fn similar_claims_are_not_contradictions() {
        for (one, other) in [
            ("A 503 response MUST be retried.", "A 404 response MUST NOT be retried."),
            ("Timeouts MUST be retried.", "Validation errors MUST NOT be retried."),
            ("A missing file is an error.", "A missing optional file is a warning."),
            (
                "Requests MUST be retried if they are idempotent.",
                "Requests MUST NOT be retried if they are unsafe.",
            ),
            ("The read timeout MUST be 30 s.", "The write timeout MUST be 60 s."),
            ("The timeout MUST be at most 30 s.", "The timeout MUST be at least 10 s."),
            ("The timeout MUST be 1 min.", "The timeout MUST be 60 s."),
            ("The parser MUST accept tabs.", "The parser MUST NOT accept form feeds."),
            ("`to_roman` MUST return `None` for 0.", "`to_roman` MUST return `Some(\"I\")` for 1."),
            ("The server MUST retry failed writes.", "The client MUST NOT retry failed writes."),
            ("A missing file exits with 2.", "A broken file exits with 3."),
            ("Clients MUST send a name.", "Clients MUST NOT send a name twice."),
            (
                "If the token is not valid, the request MUST NOT be sent.",
                "If the token is valid, the request MUST be sent.",
            ),
            (
                "The request MUST NOT be sent if the token is not valid.",
                "The request MUST be sent if the token is valid.",
            ),
            ("Paths that don't exist MUST exit with 2.", "Paths that exist MUST exit with 0."),
            ("With no cache, the limit MUST be 5 s.", "With a cache, the limit MUST be 1 s."),
            (
                "If the input is empty, the output MUST be `a`.",
                "If the input is not empty, the output MUST be `b`.",
            ),
            (
                "This MUST be set if the target platform is `linux`.",
                "This MUST be set if the target platform is `windows`.",
            ),
            (
                "The path MUST be set when the type is `a`.",
                "The path MUST be set when the type is `b`.",
            ),
            (
                "If the platform is `linux`, the path MUST be absolute.",
                "If the platform is `windows`, the path MUST be absolute.",
            ),
            (
                "The flag MUST be set if there are 2 items.",
                "The flag MUST be set if there are 3 items.",
            ),
            ("The value MUST be `a`.", "The value MUST be `b`."),
            ("It MUST be at most 5 s.", "It MUST be at least 10 s."),
            (
                "The exit code MUST be shown when it exits with 2.",
                "The exit code MUST be shown when it exits with 3.",
            ),
            (
                "The cache MUST be used unless `x` is `on`.",
                "The cache MUST be used unless `x` is `off`.",
            ),
            ("A copy from A to B MUST be allowed.", "A copy from B to A MUST be refused."),
            ("Numbers below -5 MUST be rejected.", "Numbers below 5 MUST be accepted."),
            ("A C++ file MUST be read.", "A C# file MUST NOT be read."),
        ] {
            assert!(
                !conflict(one, other),
                "{one} / {other}: {:?} {:?}",
                claims(one),
                claims(other)
            );
        }
    }
}
