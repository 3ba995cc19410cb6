//! Finds renamed clauses by their words.
//!
//! A word-by-word comparison takes quadratic time. So a pair is compared only if it shares enough
//! words; with many pairs, only those that share rare words are considered; and all comparisons of
//! one diff share a [`WordBudget`].

use std::collections::{BTreeMap, VecDeque};

use similar::TextDiff;

use crate::types::{Clause, Spec, limits};

/// The minimum share of equal words of two versions of a clause.
const ALIKE: f64 = 0.75;
/// Up to this many pairs are all considered; beyond, only those that share rare words.
const PAIRS: usize = 10_000;
/// A word is rare if it occurs in at most this many clauses.
const RARE: usize = 32;
/// How many candidates are considered per clause if there are many pairs.
const CANDIDATES: usize = 32;

/// The remaining steps for word-by-word comparisons.
pub(super) struct WordBudget(usize);

impl WordBudget {
    /// The budget of one diff.
    pub fn new() -> Self {
        Self(limits::DIFF_STEPS)
    }

    /// Takes the steps for comparing this many words; gives whether there were enough.
    pub fn take(&mut self, words: usize) -> bool {
        let rest = self.0.checked_sub(words.saturating_mul(words));
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

/// A clause with its word counts.
struct Counted<'a> {
    clause: &'a Clause,
    /// Word ids with their counts.
    words: Vec<(usize, usize)>,
    /// The total number of words.
    total: usize,
    /// Whether it is still available as the origin of a new clause.
    open: bool,
}

impl<'a> Counted<'a> {
    fn of(clause: &'a Clause, numbers: &mut BTreeMap<&'a str, usize>) -> Self {
        let (mut counts, mut total) = (BTreeMap::new(), 0);
        for word in clause.text.split_whitespace() {
            let next = numbers.len();
            *counts.entry(*numbers.entry(word).or_insert(next)).or_default() += 1;
            total += 1;
        }
        Self { clause, words: counts.into_iter().collect(), total, open: true }
    }

    /// An upper bound for the share of equal words of two clauses; 0 if they share too few distinct
    /// words or are too long to compare.
    fn likeness_at_most(&self, other: &Self) -> f64 {
        let (mut shared, mut equal) = (0, 0);
        let mut theirs = other.words.iter().peekable();
        for (number, count) in &self.words {
            while theirs.next_if(|(their, _)| their < number).is_some() {}
            if let Some((_, their_count)) = theirs.next_if(|(their, _)| their == number) {
                shared += 1;
                equal += (*count).min(*their_count);
            }
        }
        let different = (self.words.len(), other.words.len());
        if different.0 + different.1 >= 1000 || 3 * shared < different.0.max(different.1) {
            return 0.0;
        }
        // Blanks between words are compared too.
        let blanks = self.total.min(other.total) + 1;
        2.0 * (equal + blanks) as f64 / (2 * (self.total + other.total)).saturating_sub(2) as f64
    }
}

/// The old identity of each renamed clause, by its new identity.
pub(super) fn renames<'a>(
    old: &'a [Spec],
    new: &'a [Spec],
    budget: &mut WordBudget,
) -> BTreeMap<String, &'a Clause> {
    let all = |specs: &'a [Spec]| -> BTreeMap<&'a str, &'a Clause> {
        specs.iter().flat_map(|spec| &spec.clauses).map(|c| (c.id.as_str(), c)).collect()
    };
    let (before, now) = (all(old), all(new));
    let gone =
        before.iter().filter(|(id, clause)| !now.contains_key(*id) && !clause.text.is_empty());
    let mut gone: Vec<&Clause> = gone.map(|(_, clause)| *clause).collect();
    let fresh = now.iter().filter(|(id, _)| !before.contains_key(*id));
    let mut fresh: Vec<&Clause> = fresh.map(|(_, clause)| *clause).collect();
    // Equal texts first, so that similar ones do not take their place.
    let mut found = equal(&mut gone, &mut fresh);
    similar(&gone, &fresh, budget, &mut found);
    found
}

/// Pairs with equal texts, in order of identities; removes them from both lists.
fn equal<'a>(
    gone: &mut Vec<&'a Clause>,
    fresh: &mut Vec<&'a Clause>,
) -> BTreeMap<String, &'a Clause> {
    let mut by_text: BTreeMap<&str, VecDeque<&Clause>> = BTreeMap::new();
    for clause in gone.iter() {
        by_text.entry(&clause.text).or_default().push_back(clause);
    }
    let mut found = BTreeMap::new();
    fresh.retain(|clause| {
        let was = by_text.get_mut(clause.text.as_str()).and_then(VecDeque::pop_front);
        was.is_none_or(|was| found.insert(clause.id.as_str().to_owned(), was).is_some())
    });
    let left: BTreeMap<&str, &Clause> =
        by_text.into_values().flatten().map(|clause| (clause.id.as_str(), clause)).collect();
    *gone = left.into_values().collect();
    found
}

/// The most similar old clause for each new one, if similar enough.
fn similar<'a>(
    gone: &[&'a Clause],
    fresh: &[&'a Clause],
    budget: &mut WordBudget,
    found: &mut BTreeMap<String, &'a Clause>,
) {
    let mut numbers = BTreeMap::new();
    let mut gone: Vec<Counted<'a>> =
        gone.iter().map(|clause| Counted::of(clause, &mut numbers)).collect();
    let fresh: Vec<Counted<'a>> =
        fresh.iter().map(|clause| Counted::of(clause, &mut numbers)).collect();
    let many = gone.len() * fresh.len() > PAIRS;
    let index = if many { index(&gone) } else { BTreeMap::new() };
    for clause in &fresh {
        let candidates = if many { sharing(clause, &index) } else { (0..gone.len()).collect() };
        let best = most_like(clause, &gone, candidates, budget);
        if let Some(at) = best {
            gone[at].open = false;
            found.insert(clause.clause.id.as_str().to_owned(), gone[at].clause);
        }
    }
}

/// Rare words, with their clauses.
fn index(clauses: &[Counted<'_>]) -> BTreeMap<usize, Vec<usize>> {
    let mut index: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, clause) in clauses.iter().enumerate() {
        for (word, _) in &clause.words {
            index.entry(*word).or_default().push(at);
        }
    }
    index.retain(|_, clauses| clauses.len() <= RARE);
    index
}

/// The clauses that share most rare words with this one.
fn sharing(clause: &Counted<'_>, index: &BTreeMap<usize, Vec<usize>>) -> Vec<usize> {
    let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
    for at in clause.words.iter().filter_map(|(word, _)| index.get(word)).flatten() {
        *shared.entry(*at).or_default() += 1;
    }
    let mut list: Vec<(usize, usize)> = shared.into_iter().collect();
    list.sort_by_key(|(at, count)| (usize::MAX - count, *at));
    list.into_iter().take(CANDIDATES).map(|(at, _)| at).collect()
}

/// The most similar candidate, the first of several.
fn most_like(
    clause: &Counted<'_>,
    gone: &[Counted<'_>],
    candidates: Vec<usize>,
    budget: &mut WordBudget,
) -> Option<usize> {
    let open = candidates.into_iter().filter(|at| gone[*at].open);
    let mut order: Vec<(f64, usize)> =
        open.map(|at| (gone[at].likeness_at_most(clause), at)).collect();
    order.retain(|(most, _)| *most >= ALIKE);
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut best: Option<(f64, usize)> = None;
    for (most, at) in order {
        let known = best.map_or(ALIKE, |(likeness, _)| likeness);
        if most < known || !budget.take(clause.total + gone[at].total) {
            break;
        }
        let (one, other) = (&gone[at].clause.text, &clause.clause.text);
        let likeness = f64::from(TextDiff::from_words(one, other).ratio());
        if likeness > known || likeness == known && best.is_none_or(|(_, first)| at < first) {
            best = Some((likeness, at));
        }
    }
    best.map(|(_, at)| at)
}

#[cfg(test)]
mod tests {
    use similar::TextDiff;

    use super::{Counted, WordBudget, renames};
    use crate::spec::parse;
    use crate::types::Spec;

    /// Sentences of a few words, so that many are similar.
    fn spec(seed: usize, count: usize) -> Spec {
        let words = ["alpha", "beta", "gamma", "delta", "list", "value", "of", "a", "empty", "key"];
        let mut at = seed;
        let mut next = |most: usize| {
            at = at.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (at >> 33) % most
        };
        let mut text = "# A\n\n".to_owned();
        for n in 0..count {
            let length = 3 + next(9);
            let line: Vec<&str> = (0..length).map(|_| words[next(words.len())]).collect();
            text += &format!("- It MUST give {}. `test_id: s{seed}_{n}`\n", line.join(" "));
        }
        parse("specs/a.md", text.as_bytes()).0
    }

    /// The result of comparing every pair.
    fn by_every_pair(old: &Spec, new: &Spec) -> Vec<(String, String)> {
        let mut gone: Vec<_> = old.clauses.iter().collect();
        gone.sort_by_key(|clause| clause.id.as_str());
        let mut fresh: Vec<_> = new.clauses.iter().collect();
        fresh.sort_by_key(|clause| clause.id.as_str());
        let mut found = Vec::new();
        for least in [1.0, 0.75] {
            for clause in &fresh {
                let id = clause.id.as_str().to_owned();
                if found.iter().any(|(known, _)| *known == id) {
                    continue;
                }
                let mut numbers = Default::default();
                let mine = Counted::of(clause, &mut numbers);
                let best = gone.iter().enumerate().map(|(at, other)| {
                    let may = Counted::of(other, &mut numbers).likeness_at_most(&mine) > 0.0;
                    let ratio = TextDiff::from_words(&other.text, &clause.text).ratio();
                    (at, if may { f64::from(ratio) } else { 0.0 })
                });
                let best = best.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
                if let Some((at, _)) = best.filter(|(_, likeness)| *likeness >= least) {
                    found.push((id, gone.remove(at).id.as_str().to_owned()));
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn few_clauses_are_paired_as_by_comparing_every_pair() {
        for seed in 1..8 {
            let (old, new) = (spec(seed, 40), spec(seed + 100, 45));
            let (olds, news) = ([old.clone()], [new.clone()]);
            let found = renames(&olds, &news, &mut WordBudget::new());
            let found: Vec<_> =
                found.into_iter().map(|(id, was)| (id, was.id.as_str().to_owned())).collect();
            assert!(!found.is_empty());
            assert_eq!(found, by_every_pair(&old, &new));
        }
    }

    #[test]
    fn renames_among_many_clauses_are_found_by_rare_words() {
        let text = |id: &str, end: &str| {
            let clause = |n| {
                format!(
                    "- `f{n}` MUST give the number {n} for each empty list{end}. `test_id: {id}{n}`\n"
                )
            };
            (0..2000).map(clause).collect::<String>()
        };
        let old = [parse("specs/a.md", text("old_", "").as_bytes()).0];
        let new = [parse("specs/a.md", text("new_", " it gets").as_bytes()).0];
        let found = renames(&old, &new, &mut WordBudget::new());
        assert_eq!(found.len(), 2000);
        assert!(found.iter().all(|(id, was)| was.id.name().replace("old", "new") == id[2..]));
    }
}
