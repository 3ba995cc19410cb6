//! Keeps held-out examples out of prompts, whatever path they take into a finding.

use std::collections::HashSet;

use crate::types::{Finding, Spec};

/// Letters and digits in a row that give an example away.
const WINDOW: usize = 10;
/// What stands in the place of a withheld text.
const WITHHELD: &str = "[withheld: this text quotes a held-out example]";

/// Letters and digits alone, folded: quoting, escaping and wrapping change nothing.
fn essence(text: &str) -> Vec<char> {
    let text = text.replace("\\n", " ").replace("\\t", " ");
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Replaces every message and remedy that quotes a hidden example in a way the visible spec and the
/// candidate's own files do not.
pub fn withhold(findings: Vec<Finding>, spec: &Spec, visible: &[&str]) -> Vec<Finding> {
    let hidden = spec.clauses.iter().flat_map(|c| &c.examples).filter(|e| e.hidden);
    let mut secret: HashSet<Vec<char>> = HashSet::new();
    for example in hidden {
        secret.extend(essence(&example.code).windows(WINDOW).map(<[char]>::to_vec));
    }
    if secret.is_empty() {
        return findings;
    }
    for text in visible.iter().copied().chain([spec.visible.as_str()]) {
        for window in essence(text).windows(WINDOW) {
            secret.remove(window);
        }
    }
    let quotes = |text: &str| essence(text).windows(WINDOW).any(|w| secret.contains(w));
    let clean = |mut finding: Finding| {
        if quotes(&finding.message) {
            finding.message = WITHHELD.to_owned();
        }
        if finding.remedy.as_deref().is_some_and(quotes) {
            finding.remedy = None;
        }
        if quotes(&finding.rule) || finding.file.as_deref().is_some_and(quotes) {
            (finding.rule, finding.file) = (WITHHELD.to_owned(), None);
        }
        finding
    };
    findings.into_iter().map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::{WITHHELD, withhold};
    use crate::spec_for_tests::spec;
    use crate::types::Finding;

    #[test]
    fn quotes_of_hidden_examples_are_withheld_and_nothing_else() {
        let (spec, _) = spec(
            "- a `test_id: a`\n  ```rust\n  assert_eq!(s::f(10), Some(1));\n  ```\n  ```rust hidden\n  \
             assert_eq!(s::f(77001), Some(4242));\n  ```\n",
        );
        let message = |text: &str| {
            let finding = Finding { message: text.to_owned(), ..Finding::default() };
            withhold(vec![finding], &spec, &[]).remove(0).message
        };
        for text in [
            "assert_eq!(s::f(77001), Some(4242));",
            "x \\\"s::f(77001),\\n Some\\\"",
            "F77001SOME4242",
        ] {
            assert_eq!(message(text), WITHHELD, "{text}");
        }
        for text in ["assert_eq!(s::f(10), Some(1))", "left: 3", "77001"] {
            assert_eq!(message(text), text);
        }
    }
}
