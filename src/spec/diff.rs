//! Differences between two sets of specs, by clause; formatting and order are ignored.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::renames::{WordBudget, renames};
use crate::types::{Clause, Digest, Level, Spec, SpecId, Waiver};

/// The kind of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    /// Added.
    Added,
    /// Removed.
    Removed,
    /// Changed in words, level, bindings, status or examples.
    Changed,
    /// Renamed.
    Renamed {
        /// The old identity.
        from: String,
    },
}

/// A run of words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// `=`, `-` or `+`.
    pub sign: char,
    /// The words.
    pub text: String,
}

/// A changed clause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClauseChange {
    /// Its identity; the new one if it was renamed.
    pub clause: String,
    /// The kind of change.
    #[serde(flatten)]
    pub change: Change,
    /// The level before and now, if both are known and differ.
    pub level: Option<(Level, Level)>,
    /// The text, word by word; empty if unchanged or the old text is unknown.
    pub words: Vec<Stretch>,
    /// The waiver before and now, if they differ.
    pub waiver: Option<(Option<Waiver>, Option<Waiver>)>,
    /// How often a model must keep it, before and now, if they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<(Option<String>, Option<String>)>,
    /// The number of added and removed examples.
    pub examples: (usize, usize),
    /// Its file, now or before.
    pub file: String,
    /// Its line there, from 1; 0 when unknown.
    pub line: usize,
}

/// A changed spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpecChange {
    /// Its id.
    pub spec: SpecId,
    /// Its file, now or before.
    pub file: String,
    /// Whether it was added or removed.
    pub change: Change,
    /// Whether its prose outside clauses changed.
    pub prose: bool,
    /// Added or removed targets and dependencies.
    pub named: Vec<Stretch>,
    /// Its clauses.
    pub clauses: Vec<ClauseChange>,
}

/// Compares two sets of specs.
pub fn diff(old: &[Spec], new: &[Spec]) -> Vec<SpecChange> {
    let by_id = |specs: &'_ [Spec]| -> BTreeMap<SpecId, usize> {
        specs.iter().enumerate().map(|(at, spec)| (spec.id.clone(), at)).collect()
    };
    let (before, now) = (by_id(old), by_id(new));
    let ids: BTreeSet<&SpecId> = before.keys().chain(now.keys()).collect();
    let mut budget = WordBudget::new();
    let renamed = renames(old, new, &mut budget);
    let mut changes = Vec::new();
    for id in ids {
        let (before, now) = (before.get(id).map(|at| &old[*at]), now.get(id).map(|at| &new[*at]));
        let clauses = clauses(before, now, &renamed, &mut budget);
        let change = match (before, now) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        };
        // Clause names are part of the context digest, but changes of clauses are reported
        // separately.
        let loose = before.map(|spec| spec.loose_context) != now.map(|spec| spec.loose_context);
        let moved = before.map(|spec| spec.context) != now.map(|spec| spec.context);
        let prose = loose || (moved && clauses.is_empty());
        let named = named(before, now);
        if change != Change::Changed || prose || !clauses.is_empty() || !named.is_empty() {
            let file = now.or(before).map_or_else(String::new, |spec| spec.file.clone());
            changes.push(SpecChange { spec: id.clone(), file, change, prose, named, clauses });
        }
    }
    changes
}

fn clauses(
    before: Option<&Spec>,
    now: Option<&Spec>,
    renamed: &BTreeMap<String, &Clause>,
    budget: &mut WordBudget,
) -> Vec<ClauseChange> {
    let here: BTreeSet<&str> =
        now.iter().flat_map(|spec| &spec.clauses).map(|clause| clause.id.as_str()).collect();
    let old: BTreeMap<&str, &Clause> =
        before.iter().flat_map(|spec| &spec.clauses).map(|c| (c.id.as_str(), c)).collect();
    let mut changes = Vec::new();
    for (clause, file) in now.iter().flat_map(|s| s.clauses.iter().map(|c| (c, &s.file))) {
        let id = clause.id.as_str();
        let change = match (old.get(id), renamed.get(id)) {
            (Some(before), _)
                if before.digest == clause.digest && waived(before) == waived(clause) =>
            {
                continue;
            }
            (Some(before), _) => compare(before, clause, Change::Changed, budget),
            (None, Some(from)) => {
                let change = Change::Renamed { from: from.id.as_str().to_owned() };
                compare(from, clause, change, budget)
            }
            (None, None) => one(clause, Change::Added),
        };
        changes.push(ClauseChange { file: file.clone(), line: clause.line, ..change });
    }
    let moved: BTreeSet<&str> = renamed.values().map(|clause| clause.id.as_str()).collect();
    for (clause, file) in before.iter().flat_map(|s| s.clauses.iter().map(|c| (c, &s.file))) {
        let id = clause.id.as_str();
        if !here.contains(id) && !moved.contains(id) {
            let change = one(clause, Change::Removed);
            changes.push(ClauseChange { file: file.clone(), line: clause.line, ..change });
        }
    }
    changes
}

/// A waiver's reason and date; its place in the text is ignored.
fn waived(clause: &Clause) -> Option<(&str, &str)> {
    clause.waiver.as_ref().map(|waiver| (waiver.reason.as_str(), waiver.until.as_str()))
}

/// A clause on one side only.
fn one(clause: &Clause, change: Change) -> ClauseChange {
    let sign = if change == Change::Added { '+' } else { '-' };
    let words = vec![Stretch { sign, text: clause.text.clone() }];
    let count = clause.examples.len();
    ClauseChange {
        clause: clause.id.as_str().to_owned(),
        examples: if change == Change::Added { (count, 0) } else { (0, count) },
        change,
        level: None,
        waiver: None,
        rate: None,
        words: if clause.text.is_empty() { Vec::new() } else { words },
        file: String::new(),
        line: 0,
    }
}

fn compare(before: &Clause, now: &Clause, change: Change, budget: &mut WordBudget) -> ClauseChange {
    // For an unbound clause only the digest is known.
    let known = !before.bindings.is_empty();
    let texts = |clause: &Clause| -> BTreeSet<Digest> {
        let text = |e: &crate::types::Example| {
            Digest::of(format!("{} {} {}\n{}", e.language, e.hidden, e.ignored, e.code.trim_end()))
        };
        clause.examples.iter().map(text).collect()
    };
    let (old, new) = (texts(before), texts(now));
    ClauseChange {
        clause: now.id.as_str().to_owned(),
        change,
        level: (known && before.level != now.level).then_some((before.level, now.level)),
        waiver: (known && waived(before) != waived(now))
            .then(|| (before.waiver.clone(), now.waiver.clone())),
        rate: (known && before.rate != now.rate).then(|| (before.rate.clone(), now.rate.clone())),
        words: if known { words(&before.text, &now.text, budget) } else { Vec::new() },
        examples: if known {
            (new.difference(&old).count(), old.difference(&new).count())
        } else {
            (0, 0)
        },
        file: String::new(),
        line: 0,
    }
}

/// The differences of two texts, word by word; empty if equal. Without budget, one range from the
/// first to the last difference.
fn words(before: &str, now: &str, budget: &mut WordBudget) -> Vec<Stretch> {
    let mut list: Vec<Stretch> = Vec::new();
    if before == now {
        return list;
    }
    let mut push = |sign: char, text: &str| match list.last_mut().filter(|last| last.sign == sign) {
        Some(last) => last.text.push_str(text),
        None if text.is_empty() => {}
        None => list.push(Stretch { sign, text: text.to_owned() }),
    };
    let (head, tail) = ends(before, now);
    let old = &before[head..before.len() - tail];
    let new = &now[head..now.len() - tail];
    if budget.take(old.split_whitespace().count() + new.split_whitespace().count()) {
        for change in TextDiff::from_words(before, now).iter_all_changes() {
            let sign = match change.tag() {
                ChangeTag::Equal => '=',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            push(sign, change.value());
        }
    } else {
        push('=', &before[..head]);
        push('-', old);
        push('+', new);
        push('=', &before[before.len() - tail..]);
    }
    list
}

/// The length of the equal prefix and suffix of two texts, cut at words.
fn ends(before: &str, now: &str) -> (usize, usize) {
    let same = |(a, b): &(u8, u8)| a == b;
    let head = before.bytes().zip(now.bytes()).take_while(same).count();
    let head = before[..before.floor_char_boundary(head)].rfind(' ').map_or(0, |at| at + 1);
    let (old, new) = (&before.as_bytes()[head..], &now.as_bytes()[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let from = before.ceil_char_boundary(before.len() - tail);
    let tail = before[from..].find(' ').map_or(0, |at| before.len() - from - at);
    (head, tail)
}

fn named(before: Option<&Spec>, now: Option<&Spec>) -> Vec<Stretch> {
    let names = |spec: Option<&Spec>| -> BTreeSet<String> {
        let targets = spec.iter().flat_map(|s| s.targets.iter().map(|t| format!("target {t}")));
        let depends = spec.iter().flat_map(|s| s.depends.iter().map(|d| format!("depends {d}")));
        let contract = spec.iter().filter_map(|s| s.contract.as_ref());
        let contract =
            contract.flat_map(|c| c.lines().into_iter().map(|l| format!("contract {l}")));
        targets.chain(depends).chain(contract).collect()
    };
    let (Some(_), Some(_)) = (before, now) else { return Vec::new() };
    let (before, now) = (names(before), names(now));
    let gone = before.difference(&now).map(|text| Stretch { sign: '-', text: text.clone() });
    let new = now.difference(&before).map(|text| Stretch { sign: '+', text: text.clone() });
    gone.chain(new).collect()
}

/// Clauses that both sides changed differently.
pub fn conflicts(
    base: &[Spec],
    ours: &[Spec],
    theirs: &[Spec],
) -> Vec<(ClauseChange, ClauseChange)> {
    let digests = |specs: &[Spec]| -> BTreeMap<String, Digest> {
        let all = specs.iter().flat_map(|spec| &spec.clauses);
        all.map(|clause| (clause.id.as_str().to_owned(), clause.digest)).collect()
    };
    let changes = |specs: &[Spec]| diff(base, specs).into_iter().flat_map(|spec| spec.clauses);
    // A renamed clause is a change of the original.
    let was = |one: &ClauseChange| match &one.change {
        Change::Renamed { from } => from.clone(),
        _ => one.clause.clone(),
    };
    let (our_digests, their_digests) = (digests(ours), digests(theirs));
    let mut touched = BTreeMap::<String, Vec<ClauseChange>>::new();
    for change in changes(theirs) {
        for id in BTreeSet::from([was(&change), change.clause.clone()]) {
            touched.entry(id).or_default().push(change.clone());
        }
    }
    let mut conflicts = Vec::new();
    for ours in changes(ours) {
        let ids = BTreeSet::from([was(&ours), ours.clause.clone()]);
        let mut met: Vec<&ClauseChange> =
            ids.iter().filter_map(|id| touched.get(id)).flatten().collect();
        met.dedup();
        let differ = |theirs: &&ClauseChange| {
            ours.clause != theirs.clause
                || was(&ours) != was(theirs)
                || our_digests.get(&ours.clause) != their_digests.get(&theirs.clause)
        };
        conflicts.extend(met.into_iter().filter(differ).map(|t| (ours.clone(), t.clone())));
    }
    conflicts
}

#[cfg(test)]
mod tests {
    use super::{Change, SpecChange, WordBudget, conflicts, diff, words};
    use crate::spec::parse;
    use crate::types::Spec;

    fn specs(texts: &[(&str, &str)]) -> Vec<Spec> {
        let spec =
            |(name, text): &(&str, &str)| parse(&format!("specs/{name}.md"), text.as_bytes()).0;
        texts.iter().map(spec).collect()
    }

    const TEXT: &str = "# A\n\nProse.\n\n## First\n\n- One MUST give `1`. `test_id: one`\n\
        - Two SHOULD give `2`. `test_id: two`\n\n## Second\n\nMore.\n\n- Three gives `3`. `test_id: three`\n";

    fn changed(now: &str) -> Vec<SpecChange> {
        diff(&specs(&[("a", TEXT)]), &specs(&[("a", now)]))
    }

    #[test]
    fn formatting_and_order_are_ignored() {
        let (head, clauses) = TEXT.split_once("- One").expect("has it");
        let (one, rest) = clauses.split_once("- Two").expect("has it");
        let (two, rest) = rest.split_once("\n\n").expect("has it");
        let swapped = format!("{head}- Two{two}\n- One{one}\n{rest}");
        for now in [TEXT.replace(" MUST", "\n  MUST"), TEXT.replace("\n\n", "\n\n\n"), swapped] {
            assert_eq!(changed(&now), [], "{now}");
        }
    }

    #[test]
    fn one_changed_word_changes_one_clause() {
        let found = changed(&TEXT.replace("SHOULD give `2`", "MUST give `2`"));
        let [SpecChange { clauses, prose: false, .. }] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(clauses.len(), 1);
        assert_eq!((clauses[0].clause.as_str(), clauses[0].line), ("a/two", 8));
        assert!(clauses[0].level.is_some());
        let signs: String = clauses[0].words.iter().map(|stretch| stretch.sign).collect();
        assert_eq!(signs, "=-+=");
    }

    #[test]
    fn without_a_budget_the_diff_is_one_range() {
        let mut budget = WordBudget::new();
        while budget.take(1000) {}
        while budget.take(1) {}
        for (before, now, signs) in [
            ("a é b c d ö e", "a é x c y ö e", "=-+="),
            ("a b", "a b c", "=-+"),
            ("é", "ë", "-+"),
            ("a a", "a a a", "=-+"),
        ] {
            let list = words(before, now, &mut budget);
            assert_eq!(list.iter().map(|one| one.sign).collect::<String>(), signs, "{list:?}");
            let side = |not: char| -> String {
                list.iter().filter(|s| s.sign != not).map(|s| s.text.as_str()).collect()
            };
            assert_eq!((side('+').as_str(), side('-').as_str()), (before, now));
        }
    }

    #[test]
    fn a_new_name_is_a_rename() {
        for now in [
            TEXT.replace(": two`", ": second`"),
            TEXT.replace("`2`. `test_id: two`", "`22`. `test_id: second`"),
        ] {
            let found = changed(&now);
            let change = &found[0].clauses[0].change;
            assert_eq!(*change, Change::Renamed { from: "a/two".to_owned() }, "{found:?}");
            assert_eq!(found[0].clauses.len(), 1, "{found:?}");
        }
        let found = diff(&specs(&[("a", TEXT)]), &specs(&[("b", TEXT)]));
        let renamed = found.iter().flat_map(|spec| &spec.clauses);
        assert!(
            renamed.clone().count() == 3
                && renamed.clone().all(|c| matches!(c.change, Change::Renamed { .. }))
        );
    }

    #[test]
    fn added_removed_and_prose_changes() {
        let found = changed(&TEXT.replace(
            "- Two SHOULD give `2`. `test_id: two`\n",
            "- Other words altogether. `guard: g`\n",
        ));
        let changes: Vec<&Change> = found[0].clauses.iter().map(|clause| &clause.change).collect();
        assert_eq!(changes, [&Change::Added, &Change::Removed]);
        let found = changed(&TEXT.replace("Prose.", "Verse."));
        assert!(found[0].prose && found[0].clauses.is_empty());
    }

    #[test]
    fn two_sides_of_one_clause_conflict() {
        let base = specs(&[("a", TEXT)]);
        let side = |from: &str, to: &str| specs(&[("a", &TEXT.replace(from, to))]);
        let count = |a: &[Spec], b: &[Spec]| conflicts(&base, a, b).len();
        assert_eq!(count(&side("`1`", "`10`"), &side("`1`", "`11`")), 1);
        assert_eq!(count(&side("`1`", "`10`"), &side("`1`", "`10`")), 0, "the same change");
        assert_eq!(count(&side("`1`", "`10`"), &side("`2`", "`20`")), 0, "other clauses");
        let gone = side("- One MUST give `1`. `test_id: one`\n", "");
        assert_eq!(count(&gone, &side("`1`", "`11`")), 1);
        let renamed = |id: &str| side(&format!("test_id: {id}"), "test_id: other");
        assert_eq!(count(&renamed("one"), &renamed("two")), 1, "to one name");
        assert_eq!(count(&renamed("one"), &renamed("one")), 0);
        assert_eq!(count(&renamed("one"), &side("test_id: one", "test_id: another")), 1);
    }
}
