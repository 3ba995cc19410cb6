//! Rules over a spec that need no model: what a reviewer would ask for. A finding is a [`Problem`]
//! with a code `lint::RULE`; `types::lint` lists the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::claims::{Claim, claims, key};
use super::words::{head, shape, turns, words};
use crate::toolchain::conflicts;
use crate::types::{Binding, Clause, Level, LintConfig, Passage, Problem, Span, Spec, Status};

/// What rules need to know beside the spec.
pub struct Lint {
    vague: Option<Regex>,
    today: String,
}

impl Lint {
    /// Rules for a day, `YYYY-MM-DD`.
    pub fn new(config: &LintConfig, today: String) -> Self {
        let list = config.vague().iter().map(|word| regex::escape(word)).collect::<Vec<_>>();
        let list = list.join("|");
        let vague = (!list.is_empty()).then(|| Regex::new(&format!(r"(?i)\b(?:{list})\b")));
        Self { vague: vague.and_then(Result::ok), today }
    }
}

/// A clause as reviewers see it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Shape<'a> {
    /// Its identity.
    pub clause: &'a str,
    /// MUST, SHOULD or MAY.
    pub level: Level,
    /// Its form in EARS: ubiquitous, event-driven, state-driven, optional, unwanted or complex.
    pub shape: &'static str,
}

/// The shapes of a spec's clauses.
pub fn shapes(spec: &Spec) -> Vec<Shape<'_>> {
    let clauses = spec.clauses.iter();
    clauses
        .map(|c| Shape { clause: c.id.as_str(), level: c.level, shape: shape(head(&c.text)) })
        .collect()
}

/// Applies the rules to a spec. The levels are not set yet: see [`set_levels`].
pub fn lint(spec: &Spec, lint: &Lint) -> Vec<Problem> {
    let mut problems = Vec::new();
    for clause in &spec.clauses {
        problems.extend(of_clause(clause, lint.vague.as_ref()));
        problems.extend(waiver(clause, &lint.today));
    }
    problems.extend(unbound(spec));
    problems.extend(names(spec));
    problems.extend(same_text(spec));
    problems.extend(contradictions(spec));
    problems.extend(conflicts::find(spec, &[], None));
    problems.sort_by_key(|problem| (problem.line, problem.span.map(|span| span.start)));
    problems.into_iter().map(|problem| problem.file(&spec.file)).collect()
}

/// Sets the severities of findings as a workspace wants them; takes out what is off.
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
            let message = format!("vague in the clause `{}`: {list}", clause.id);
            let help = "say how much, how many, which, or by what one can tell";
            problems.push(Problem::lint("vague", message, at(clause)).help(help));
        }
    }
    let modals = words(&prose);
    let modals = modals.iter().filter(|word| ["must", "shall"].contains(&word.word.as_str()));
    // In capitals if there are any, as RFC 8174 wants it.
    let capitals = prose.split(|c: char| !c.is_alphanumeric());
    let capitals = capitals.filter(|w| ["MUST", "SHALL", "SHOULD", "MAY"].contains(w)).count();
    let count = if capitals > 0 { capitals } else { modals.count() };
    if count > 1 {
        let message = format!("the clause `{}` demands {count} things", clause.id);
        let help = "give each demand its own clause: one can fail while the other holds";
        problems.push(Problem::lint("two_modals", message, at(clause)).help(help));
    }
    if !observable(clause) {
        let message = format!("nothing in the clause `{}` could be observed", clause.id);
        let help = "say what is returned, printed, written or refused; or give an example";
        problems.push(Problem::lint("no_observable", message, at(clause)).help(help));
    }
    if is_passive(&prose) {
        let message = format!("the clause `{}` does not say who does it", clause.id);
        problems.push(Problem::lint("passive", message, at(clause)).help("name who acts"));
    }
    problems
}

/// Whether there is something to see: an example, a rule, a bound, a name, a value, a number, or a
/// demand that is more than a quality or good will.
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
    // Who demands nothing in such words says how it is.
    !(vain.next().is_some_and(|first| first) && vain.all(|one| one))
}

/// "must be stored": somebody does it, and nobody says who.
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
            format!("the waiver of `{id}` ended on {until}: the clause is demanded again");
        let problem = Problem::lint("waiver_expired", message, place);
        return Some(problem.help("take the waiver out, or give a new day").fix(waiver.span, ""));
    }
    let year = |day: &str| day.get(..4).and_then(|year| year.parse::<u32>().ok()).unwrap_or(0);
    let long = year(until) > year(today) + 1
        || (year(until) == year(today) + 1 && until.get(4..) > today.get(4..));
    let message = format!("the waiver of `{id}` holds for more than a year");
    long.then(|| Problem::lint("waiver_long", message, place).help("give a nearer day"))
}

/// Demands that nothing checks. A file that binds nothing is said so once.
fn unbound(spec: &Spec) -> Vec<Problem> {
    let Some(Passage { span, line, .. }) = spec.unbound.first() else { return Vec::new() };
    if spec.clauses.is_empty() {
        let count = spec.unbound.len();
        let message = format!("{count} passages say MUST or SHALL, and none is bound to a check");
        let help = "bind them one by one: `test_id: NAME` at the end of a list item or paragraph";
        return vec![Problem::lint("no_binding", message, (*span, *line)).help(help)];
    }
    let problem = |passage: &Passage| {
        let message = "nothing checks this: it says MUST or SHALL and binds nothing";
        let help = "bind it: `test_id: NAME`, `guard: NAME` or `bench: NAME <op> <value><unit>`";
        Problem::lint("unbound", message, (passage.span, passage.line)).help(help)
    };
    spec.unbound.iter().map(problem).collect()
}

/// Names of clauses that differ by an underscore, a plural or one letter.
fn names(spec: &Spec) -> Vec<Problem> {
    let tests = spec.clauses.iter().flat_map(|c| c.test_ids().map(move |name| (name, c)));
    let mut known: BTreeMap<String, Vec<(&str, &Clause)>> = BTreeMap::new();
    for (name, clause) in tests {
        let bare: String = name.chars().filter(|c| *c != '_').collect::<String>().to_lowercase();
        let mut keys = vec![bare.trim_end_matches('s').to_owned()];
        // One letter more, less or another: names that are equal without one of their letters.
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
            let help = "a test is found by its clause's name: make the difference plain";
            problems.push(Problem::lint("near_duplicate", message, at(clause)).help(help));
        }
    }
    problems
}

/// Whether two names differ in a word so short that its letter is its meaning: `axis_x`, `axis_y`.
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
            let message =
                format!("`{}` says the same as `{}` in line {}", clause.id, first.id, first.line);
            let help = "say it once, with both bindings, or say what is different";
            problems.push(Problem::lint("same_text", message, at(clause)).help(help));
        }
    }
    problems
}

/// Clauses that cannot both hold; each is flagged, with the other's name.
fn contradictions(spec: &Spec) -> Vec<Problem> {
    let mut groups: BTreeMap<String, Vec<(&Clause, Claim)>> = BTreeMap::new();
    for clause in spec.clauses.iter().filter(|clause| clause.status != Status::Draft) {
        for claim in claims(head(&clause.text)) {
            groups.entry(key(&claim)).or_default().push((clause, claim));
        }
    }
    let mut found: BTreeMap<(usize, usize), (&Clause, &Clause, String)> = BTreeMap::new();
    for group in groups.values() {
        // What many clauses are about, such a comparison says nothing of.
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
        let message = format!(
            "`{}` and `{}` in line {} cannot both hold: {why}",
            one.id, other.id, other.line
        );
        let help = "decide for one, or say in both what makes them different cases";
        Problem::lint("contradiction", message, at(one)).help(help)
    };
    let both = |(one, other, why): &(&Clause, &Clause, String)| {
        [problem(one, other, why), problem(other, one, why)]
    };
    found.values().flat_map(both).collect()
}

/// Claims of one subject that are compared with each other.
const MANY: usize = 64;
