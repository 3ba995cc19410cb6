//! Lint rules for specs, without a model. A finding is a [`Problem`] with a code `lint::RULE`;
//! `types::lint` lists the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::claims::{Claim, claims, key};
use super::words::{head, shape, turns, words};
use crate::contract::is_neutral;
use crate::toolchain::{self, conflicts};
use crate::types::{
    Binding, Clause, Example, Level, LintConfig, Passage, Problem, Span, Spec, Status,
};

/// Inputs of the rules besides the spec.
pub struct Lint {
    vague: Option<Regex>,
    today: String,
}

impl Lint {
    /// The rules for a day, `YYYY-MM-DD`.
    pub fn new(config: &LintConfig, today: String) -> Self {
        let list = config.vague().iter().map(|word| regex::escape(word)).collect::<Vec<_>>();
        let list = list.join("|");
        let vague = (!list.is_empty()).then(|| Regex::new(&format!(r"(?i)\b(?:{list})\b")));
        Self { vague: vague.and_then(Result::ok), today }
    }
}

/// A clause in the lint output.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Shape<'a> {
    /// Its identity.
    pub clause: &'a str,
    /// MUST, SHOULD or MAY.
    pub level: Level,
    /// Its EARS form: ubiquitous, event-driven, state-driven, optional, unwanted or complex.
    pub shape: &'static str,
}

/// The forms of a spec's clauses.
pub fn shapes(spec: &Spec) -> Vec<Shape<'_>> {
    let clauses = spec.clauses.iter();
    clauses
        .map(|c| Shape { clause: c.id.as_str(), level: c.level, shape: shape(head(&c.text)) })
        .collect()
}

/// Applies the rules to a spec. Severities are set later: see [`set_levels`].
pub fn lint(spec: &Spec, lint: &Lint) -> Vec<Problem> {
    let mut problems = Vec::new();
    for clause in &spec.clauses {
        problems.extend(of_clause(clause, lint.vague.as_ref()));
        problems.extend(waiver(clause, &lint.today));
        problems.extend(one_value(spec, clause));
    }
    problems.extend(unbound(spec));
    problems.extend(names(spec));
    problems.extend(same_text(spec));
    problems.extend(contradictions(spec));
    problems.extend(conflicts::find(spec, &|one| toolchain::expectations(spec, one), Vec::new()));
    problems.sort_by_key(|problem| (problem.line, problem.span.map(|span| span.start)));
    problems.into_iter().map(|problem| problem.file(&spec.file)).collect()
}

/// Sets the severities from a workspace's configuration; removes disabled rules.
pub fn set_levels(problems: &mut Vec<Problem>, config: &LintConfig) {
    problems.retain_mut(|problem| {
        let Some(rule) = problem.code.strip_prefix("lint::") else { return true };
        let severity = config.level(rule).severity();
        problem.severity = severity.unwrap_or(problem.severity);
        severity.is_some()
    });
}

fn at(clause: &Clause) -> (Span, usize) {
    (clause.span, clause.line)
}

/// A clause's text without its code.
fn without_code(text: &str) -> String {
    let mut code = false;
    let parts = text.split('`').filter(|_| {
        code = !code;
        code
    });
    parts.collect::<Vec<_>>().join(" ")
}

fn of_clause(clause: &Clause, vague: Option<&Regex>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let prose = without_code(head(&clause.text));
    if let Some(vague) = vague {
        let found: BTreeSet<String> =
            vague.find_iter(&prose).map(|found| found.as_str().to_lowercase()).collect();
        if !found.is_empty() {
            let list = found.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            let message = format!("vague words in clause `{}`: {list}", clause.id);
            let help = "use a number, a list, or an observable result";
            problems.push(Problem::lint("vague", message, at(clause)).help(help));
        }
    }
    problems.extend(placeholder(&prose).map(|word| {
        let message = format!("clause `{}` contains the placeholder `{word}`", clause.id);
        Problem::lint("placeholder", message, at(clause)).help("write what is required")
    }));
    let modals = words(&prose);
    let modals = modals.iter().filter(|word| ["must", "shall"].contains(&word.word.as_str()));
    // Uppercase words if there are any, as in RFC 8174.
    let capitals = prose.split(|c: char| !c.is_alphanumeric());
    let capitals = capitals.filter(|w| ["MUST", "SHALL", "SHOULD", "MAY"].contains(w)).count();
    let count = if capitals > 0 { capitals } else { modals.count() };
    if count > 1 {
        let message = format!("clause `{}` contains {count} requirements", clause.id);
        let help = "split it into one clause per requirement";
        problems.push(Problem::lint("two_modals", message, at(clause)).help(help));
    }
    if !observable(clause) {
        let message =
            format!("clause `{}` has no example or value that could be tested", clause.id);
        let help = "describe what is returned, printed, written or rejected, or add an example";
        problems.push(Problem::lint("no_observable", message, at(clause)).help(help));
    }
    if guessable(clause) {
        let message = format!("clause `{}` shows the model all its examples", clause.id);
        let help = "add a `property`, a `wave hidden` block, or three examples and more";
        problems.push(Problem::lint("guessable", message, at(clause)).help(help));
    }
    if is_passive(&prose) {
        let message = format!("clause `{}` does not name the actor", clause.id);
        problems.push(Problem::lint("passive", message, at(clause)).help("name the actor"));
    }
    problems
}

/// Whether a candidate can pass a clause's contract examples by a look-up of what it was shown.
fn guessable(clause: &Clause) -> bool {
    let mut neutral = clause.examples.iter().filter(|e| !e.ignored && is_neutral(&e.language));
    let held = |one: &Example| one.hidden || one.language == "property" || !one.held.is_empty();
    neutral.clone().next().is_some() && !neutral.any(held)
}

/// Hidden examples that one constant fulfils.
fn one_value(spec: &Spec, clause: &Clause) -> Option<Problem> {
    let hidden = clause.examples.iter().filter(|one| one.hidden && !one.ignored);
    let expected: Vec<_> = hidden.flat_map(|one| toolchain::expectations(spec, one)).collect();
    let results: BTreeSet<&str> = expected.iter().map(|one| one.result.as_str()).collect();
    let value = results.first().filter(|_| expected.len() > 1 && results.len() == 1)?;
    let message = format!("all hidden examples of clause `{}` expect `{value}`", clause.id);
    let help = "add a hidden example with another result: a constant passes these";
    Some(Problem::lint("one_value", message, at(clause)).help(help))
}

/// A placeholder for missing text.
fn placeholder(prose: &str) -> Option<&str> {
    static WORDS: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = r"\b(?:TBD|TBC|TBA)\b|\?\?\?|(?i:\blorem ipsum\b)|\bNEEDS CLARIFICATION\b|[\[(<](?i:todo|fixme|xxx|placeholder|fill in)[\])>:]|\b(?:TODO|FIXME|XXX)\b(?:\s*[:(]|[.\s]*$)|\b(?:MUST|SHALL|SHOULD|MAY) (?:TODO|FIXME|XXX)\b";
        Regex::new(pattern).expect("the pattern is a constant")
    });
    WORDS.find(prose).map(|found| found.as_str().trim())
}

/// Whether the clause is testable: it has an example, guard, bound, name, value or number, or
/// requires more than a quality or an effort.
fn observable(clause: &Clause) -> bool {
    const WILL: [&str; 22] = [
        "aim",
        "care",
        "consid",
        "enabl",
        "ensur",
        "facilit",
        "feel",
        "handl",
        "improv",
        "know",
        "manag",
        "maxim",
        "minim",
        "optim",
        "provid",
        "respect",
        "seek",
        "strive",
        "support",
        "think",
        "tri",
        "understand",
    ];
    let bound = clause.bindings.iter().any(|b| !matches!(b, Binding::TestId { .. }));
    let given = clause.text.contains(|c: char| c.is_ascii_digit() || "`\"“".contains(c));
    if bound || given || !clause.examples.is_empty() {
        return true;
    }
    let all = words(head(&clause.text));
    let modal = |word: &str| ["must", "shall", "should", "may", "will"].contains(&word);
    let demands = all.iter().enumerate().filter(|(_, word)| modal(&word.word));
    let mut vain = demands.map(|(at, _)| {
        let behind = all[at + 1..].iter().filter(|one| !turns(one) && !one.word.ends_with("ly"));
        let mut behind = behind.map(|one| (one.stem.as_str(), one.word.as_str()));
        match behind.next() {
            Some(("be", _)) => behind.next().is_some_and(|(_, quality)| {
                let noun = ["a", "an", "the", "in", "at", "on", "of", "one", "equal"];
                let done = ["ed", "en", "wn", "de", "ne", "pt", "nt", "ld", "et"];
                !noun.contains(&quality) && !done.iter().any(|end| quality.ends_with(end))
            }),
            Some((verb, _)) => WILL.contains(&verb),
            None => true,
        }
    });
    // A clause without a level word describes a fact.
    !(vain.next().is_some_and(|first| first) && vain.all(|one| one))
}

/// Passive without an actor: "must be stored".
fn is_passive(prose: &str) -> bool {
    static PASSIVE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:must|shall|should|may)(?: not)? be \w+(?:ed|en)\b( by\b)?")
            .expect("the pattern is a constant")
    });
    PASSIVE.captures_iter(prose).any(|found| found.get(1).is_none())
}

fn waiver(clause: &Clause, today: &str) -> Option<Problem> {
    let waiver = clause.waiver.as_ref()?;
    let (id, until) = (&clause.id, &waiver.until);
    let place = (waiver.span, waiver.line);
    if until.as_str() < today {
        let message =
            format!("the waiver of `{id}` ended on {until}; the clause is required again");
        let problem = Problem::lint("waiver_expired", message, place);
        return Some(problem.help("remove the waiver, or set a new date").fix(waiver.span, ""));
    }
    let year = |day: &str| day.get(..4).and_then(|year| year.parse::<u32>().ok()).unwrap_or(0);
    let long = year(until) > year(today) + 1
        || (year(until) == year(today) + 1 && until.get(4..) > today.get(4..));
    let message = format!("the waiver of `{id}` lasts more than a year");
    long.then(|| Problem::lint("waiver_long", message, place).help("set an earlier date"))
}

/// Requirements without a binding. A file without any binding is reported once.
fn unbound(spec: &Spec) -> Vec<Problem> {
    let Some(Passage { span, line, .. }) = spec.unbound.first() else { return Vec::new() };
    if spec.clauses.is_empty() {
        let count = spec.unbound.len();
        let message = format!("{count} passages with MUST or SHALL, none with a binding");
        let help = "add `test_id: NAME` at the end of each list item or paragraph";
        return vec![Problem::lint("no_binding", message, (*span, *line)).help(help)];
    }
    let problem = |passage: &Passage| {
        let message = "not checked: MUST or SHALL without a binding";
        let help = "add `test_id: NAME`, `guard: NAME` or `bench: NAME <op> <value><unit>`";
        Problem::lint("unbound", message, (passage.span, passage.line)).help(help)
    };
    spec.unbound.iter().map(problem).collect()
}

/// Clause names that differ by an underscore, a plural or one letter.
fn names(spec: &Spec) -> Vec<Problem> {
    let tests = spec.clauses.iter().flat_map(|c| c.test_ids().map(move |name| (name, c)));
    let mut known: BTreeMap<String, Vec<(&str, &Clause)>> = BTreeMap::new();
    for (name, clause) in tests {
        let bare: String = name.chars().filter(|c| *c != '_').collect::<String>().to_lowercase();
        let mut keys = vec![bare.trim_end_matches('s').to_owned()];
        // Names one edit apart are equal after deleting one letter from each.
        if bare.len() >= 9 && !bare.contains(|c: char| c.is_ascii_digit()) {
            keys.extend((1..bare.len()).map(|at| format!("{}?{}", &bare[..at], &bare[at + 1..])));
        }
        for key in keys {
            known.entry(key).or_default().push((name, clause));
        }
    }
    let mut said = BTreeSet::new();
    let mut problems = Vec::new();
    for pair in known.values().filter(|list| list.len() > 1).flat_map(|list| list.windows(2)) {
        let ((one, _), (other, clause)) = (pair[0], pair[1]);
        if one != other && !differ_by_word(one, other) && said.insert((one, other)) {
            let message = format!("the names `{other}` and `{one}` are easily confused");
            let help = "tests are matched by clause name; choose clearly different names";
            problems.push(Problem::lint("near_duplicate", message, at(clause)).help(help));
        }
    }
    problems
}

/// Whether two names differ in a one-letter word, as in `axis_x` and `axis_y`.
fn differ_by_word(one: &str, other: &str) -> bool {
    let (one, other): (Vec<_>, Vec<_>) = (one.split('_').collect(), other.split('_').collect());
    let mut pairs = one.iter().zip(&other).filter(|(a, b)| a != b);
    one.len() == other.len() && pairs.any(|(a, b)| a.len().min(b.len()) < 4)
}

fn same_text(spec: &Spec) -> Vec<Problem> {
    let mut known: BTreeMap<String, &Clause> = BTreeMap::new();
    let mut problems = Vec::new();
    for clause in spec.clauses.iter().filter(|clause| !clause.text.is_empty()) {
        let bare: String =
            clause.text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
        if bare.len() > 20
            && let Some(first) = known.insert(bare, clause)
        {
            let message = format!(
                "`{}` has the same text as `{}` in line {}",
                clause.id, first.id, first.line
            );
            let help = "merge them with both bindings, or state the difference";
            problems.push(Problem::lint("same_text", message, at(clause)).help(help));
        }
    }
    problems
}

/// Contradicting clauses of one section, both required; each is flagged, with the other's name.
fn contradictions(spec: &Spec) -> Vec<Problem> {
    let mut groups: BTreeMap<(usize, String), Vec<(&Clause, Claim)>> = BTreeMap::new();
    let compared = spec
        .clauses
        .iter()
        .filter(|clause| clause.status != Status::Draft && clause.level == Level::Must);
    for clause in compared {
        // Under another heading the same words may be about something else.
        let section = spec.sections.partition_point(|start| *start <= clause.span.start);
        for claim in claims(head(&clause.text)) {
            groups.entry((section, key(&claim))).or_default().push((clause, claim));
        }
    }
    let mut found: BTreeMap<(usize, usize), (&Clause, &Clause, String)> = BTreeMap::new();
    for group in groups.values() {
        // Subjects shared by many clauses are too general to compare.
        for (number, (one, claim)) in group.iter().enumerate().take(MANY) {
            for (other, against) in group[number + 1..].iter().take(MANY) {
                if one.id != other.id
                    && let Some(why) = claim.against(against)
                {
                    found.entry((one.span.start, other.span.start)).or_insert((one, other, why));
                }
            }
        }
    }
    let problem = |one: &Clause, other: &Clause, why: &str| {
        let message =
            format!("`{}` contradicts `{}` in line {}: {why}", one.id, other.id, other.line);
        let help = "remove one, or state in both how their cases differ";
        Problem::lint("contradiction", message, at(one)).help(help)
    };
    let both = |(one, other, why): &(&Clause, &Clause, String)| {
        [problem(one, other, why), problem(other, one, why)]
    };
    found.values().flat_map(both).collect()
}

/// Claims about one subject that are compared.
const MANY: usize = 64;
