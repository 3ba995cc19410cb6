//! Answers that handle the inputs of single tests by themselves: a branch on a literal that only a
//! visible test has, with the result that this test expects.

use std::collections::{BTreeMap, BTreeSet};

use super::language::Toolchain;
use super::native::NativeSuites;
use super::suite::{Expectation, Suite, clause_of};
use crate::types::{ClauseId, Example, Spec, Tree};

/// Characters of a text that no rule has by chance.
const TELLING: usize = 3;
/// Numbers that are in any code.
const FREQUENT: [&str; 8] = ["0", "1", "-1", "2", "-2", "10", "-10", "100"];

/// A test whose input the code handles by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedTest {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// The input's literal.
    pub literal: String,
    /// The test's clause.
    pub clause: ClauseId,
}

/// A test's literals: of an input, and the expected result.
struct Pair {
    clause: ClauseId,
    inputs: BTreeSet<String>,
    result: String,
}

/// A spec with its user's suites, and a candidate.
#[derive(Clone, Copy)]
pub struct QuoteSources<'a> {
    pub spec: &'a Spec,
    pub suites: &'a [Suite],
    pub tree: &'a Tree,
}

/// The expectations of an example.
pub type Expectations<'a> = dyn Fn(&Example) -> Vec<Expectation> + 'a;

/// The tests that a candidate handles by themselves: one with a text of three or more characters,
/// or two. A table with as many entries that no test has is one of the program's own.
pub fn find(
    toolchain: &dyn Toolchain,
    expectations: &Expectations<'_>,
    sources: QuoteSources<'_>,
) -> Vec<QuotedTest> {
    let Some(native) = toolchain.native() else { return Vec::new() };
    let mut by_table: BTreeMap<(String, usize), (Vec<QuotedTest>, usize)> = BTreeMap::new();
    let pairs = pairs(native, expectations, sources);
    for case in native.special_cases(sources.tree) {
        let (found, others) = by_table.entry((case.file.clone(), case.table)).or_default();
        for input in &case.inputs {
            let quotes =
                |pair: &&Pair| pair.inputs.contains(input) && case.results.contains(&pair.result);
            match pairs.iter().find(quotes) {
                Some(pair) => found.push(QuotedTest {
                    file: case.file.clone(),
                    line: case.line,
                    literal: input.clone(),
                    clause: pair.clause.clone(),
                }),
                None => *others += 1,
            }
        }
    }
    let tables = by_table.into_values().filter(|(found, others)| *others < found.len());
    let found: Vec<QuotedTest> = tables.flat_map(|(found, _)| found).collect();
    let tells =
        |one: &QuotedTest| text(&one.literal).chars().count() >= TELLING && is_text(&one.literal);
    let literals: BTreeSet<&str> = found.iter().map(|one| one.literal.as_str()).collect();
    if literals.len() > 1 || found.iter().any(tells) { found } else { Vec::new() }
}

fn is_text(literal: &str) -> bool {
    literal.starts_with('"')
}

fn text(literal: &str) -> &str {
    literal.trim_matches('"')
}

/// The visible tests whose input has a literal that the clauses' sentences do not name.
fn pairs(
    native: &dyn NativeSuites,
    expectations: &Expectations<'_>,
    sources: QuoteSources<'_>,
) -> Vec<Pair> {
    let QuoteSources { spec, suites, .. } = sources;
    let mut all = Vec::new();
    for clause in &spec.clauses {
        let visible = clause.examples.iter().filter(|one| !one.hidden && !one.ignored);
        let expected = visible.flat_map(expectations);
        all.extend(expected.map(|one| (clause.id.clone(), one)));
    }
    for suite in suites {
        for (test, expected) in native.suite_expectations(suite) {
            let clause = clause_of(spec, &test);
            all.extend(clause.into_iter().flat_map(|clause| {
                expected.clone().into_iter().map(move |one| (clause.clone(), one))
            }));
        }
    }
    let is_named = |literal: &str| {
        let plain = text(literal);
        spec.clauses.iter().any(|clause| names(&clause.text, plain))
    };
    let pair = |(clause, one): (ClauseId, Expectation)| {
        let inputs = native.literals(&one.input).into_iter();
        let inputs = inputs.filter(|one| !is_frequent(one) && !is_named(one));
        Pair { clause, inputs: inputs.collect(), result: one.result }
    };
    all.into_iter()
        .filter(|(_, one)| !one.is_unequal)
        .map(pair)
        .filter(|pair| !pair.inputs.is_empty())
        .collect()
}

/// Whether a sentence has a literal as a word of its own.
fn names(sentence: &str, literal: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    sentence.match_indices(literal).any(|(at, _)| {
        !is_part(sentence[..at].chars().next_back())
            && !is_part(sentence[at + literal.len()..].chars().next())
    })
}

fn is_frequent(literal: &str) -> bool {
    FREQUENT.contains(&literal) || (is_text(literal) && text(literal).chars().count() < 2)
}

#[cfg(test)]
mod tests {
    use crate::spec_for_tests::spec;
    use crate::types::{RelPath, Tree};

    const TEXTS: &str = "- `code(text)` MUST code, as `code(\"named\")` does. `test_id: codes`\n  ```rust\n  \
        assert_eq!(s::code(\"WWWB\"), \"3WB\");\n  assert_eq!(s::code(\"named\"), \"mane\");\n  \
        assert_eq!(s::code(\"ab\"), \"ba\");\n  assert_eq!(s::code(\"\"), \"empty\");\n  ```\n";
    const NUMBERS: &str = "- It MUST give the numeral. `test_id: gives`\n  ```rust\n  assert_eq!(s::to(9), \"IX\");\n  \
        assert_eq!(s::to(40), \"XL\");\n  assert_eq!(s::to(1), \"I\");\n  ```\n";

    fn quoted(text: &str, code: &str) -> Vec<(String, u32)> {
        let (spec, target) = spec(text);
        let tree = Tree::from_iter([(RelPath::parse("src/lib.rs").unwrap(), code.into())]);
        let found = crate::toolchain::quotes(&spec, &target, &[], &tree);
        found.into_iter().map(|one| (one.literal, one.line)).collect()
    }

    #[test]
    fn answers_to_single_tests_are_found() {
        for (text, code, found) in [
            (
                TEXTS,
                "fn code(t: &str) -> String {\nmatch t { \"WWWB\" => \"3WB\".into(), _ => t.into() } }",
                vec![("\"WWWB\"", 2)],
            ),
            (
                TEXTS,
                "fn code(t: &str) -> String {\nif t == \"WWWB\" { return \"3WB\".to_owned(); } x(t) }",
                vec![("\"WWWB\"", 2)],
            ),
            (
                TEXTS,
                "fn code(t: &str) -> &str {\nlet all = [\n(\"WWWB\", \"3WB\"), (\"ab\", \"ba\")]; x(all) }",
                vec![("\"WWWB\"", 3), ("\"ab\"", 3)],
            ),
            (
                TEXTS,
                "fn code(t: &str) -> &str { if matches!(t, \"WWWB\") { \"3WB\" } else { t } }",
                vec![("\"WWWB\"", 1)],
            ),
            (
                NUMBERS,
                "fn to(n: u32) -> &'static str { match n { 9 => \"IX\", 0x28 => \"XL\", _ => \"I\" } }",
                vec![("40", 1), ("9", 1)],
            ),
        ] {
            let found: Vec<_> = found.into_iter().map(|(a, b)| (a.to_owned(), b)).collect();
            let mut quoted = quoted(text, code);
            quoted.sort();
            assert_eq!(quoted, found, "{code}");
        }
    }

    #[test]
    fn honest_code_quotes_nothing() {
        for (text, code) in [
            // A table of the program's own, of which tests show some entries.
            (
                NUMBERS,
                "const ALL: [(u32, &str); 5] = [(50, \"L\"), (40, \"XL\"), (10, \"X\"), (9, \"IX\"), (5, \"V\")];",
            ),
            (
                NUMBERS,
                "fn to(n: u32) -> &str { match n { 9 => \"IX\", 40 => \"XL\", 90 => \"XC\", 400 => \"CD\", _ => \"\" } }",
            ),
            // One number proves nothing.
            (NUMBERS, "fn to(n: u32) -> &str { if n == 9 { \"IX\" } else { x(n) } }"),
            // Named in a sentence, short, empty, or with another result.
            (TEXTS, "fn code(t: &str) -> &str { match t { \"named\" => \"mane\", _ => t } }"),
            (TEXTS, "fn code(t: &str) -> &str { match t { \"\" => \"empty\", _ => t } }"),
            (TEXTS, "fn code(t: &str) -> &str { match t { \"ab\" => \"ba\", _ => t } }"),
            (TEXTS, "fn code(t: &str) -> &str { match t { \"WWWB\" => \"other\", _ => t } }"),
            // Tests of the candidate's own, and messages.
            (TEXTS, "#[cfg(test)]\nmod tests { fn a() { if x() == \"WWWB\" { y(\"3WB\"); } } }"),
            (TEXTS, "fn a() -> (&'static str, u8) { (\"WWWB\", 3) }"),
        ] {
            assert_eq!(quoted(text, code), [], "{code}");
        }
    }
}
