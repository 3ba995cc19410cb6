//! Removes quotes of held-out examples from prompts.

use std::collections::HashSet;

use crate::types::{Finding, Spec};

/// How many letters and digits in a row reveal an example.
const WINDOW: usize = 10;
/// Shorter examples are revealed only as a whole; below this length they are indistinguishable from
/// ordinary text.
const SHORTEST: usize = 3;
/// The replacement of a withheld text.
const WITHHELD: &str = "[withheld: this text quotes a held-out example]";

/// Letters and digits only, lowercase, so that quoting, escaping and wrapping do not matter.
fn essence(text: &str) -> Vec<char> {
    let text = text.replace("\\n", " ").replace("\\t", " ");
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The secrets: held-out examples of all specs, including refused ones, since candidates can read
/// the workspace's specs.
#[derive(Clone, Debug, Default)]
pub struct HeldOut(HashSet<Vec<char>>);

impl HeldOut {
    /// Adds a spec's hidden examples, except what its visible text also contains.
    pub fn add(&mut self, spec: &Spec) {
        let examples = || spec.clauses.iter().flat_map(|clause| &clause.examples);
        let whole = examples().filter(|one| one.hidden).map(|one| one.code.clone());
        let lines = examples().flat_map(|one| {
            let line = |at: &usize| one.code.lines().nth(*at).map(str::to_owned);
            one.held.iter().filter_map(line)
        });
        let mut secret = Self::default();
        for text in whole.chain(lines) {
            let essence = essence(&text);
            match essence.len() {
                0..SHORTEST => {}
                SHORTEST..WINDOW => drop(secret.0.insert(essence)),
                _ => secret.0.extend(essence.windows(WINDOW).map(<[char]>::to_vec)),
            }
        }
        self.0.extend(secret.except(&[&spec.visible]).0);
    }

    /// The secrets that these visible texts do not reveal.
    pub fn except(mut self, visible: &[&str]) -> Self {
        for text in visible {
            for quoted in self.quotes(text) {
                self.0.remove(&quoted);
            }
        }
        self
    }

    fn quoted_in(&self, text: &str) -> bool {
        !self.quotes(text).is_empty()
    }

    /// The secrets that a text reveals.
    fn quotes(&self, text: &str) -> Vec<Vec<char>> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let essence = essence(text);
        let lengths = (SHORTEST..=WINDOW).filter(|n| self.0.iter().any(|s| s.len() == *n));
        let windows = lengths.flat_map(|length| essence.windows(length));
        windows.filter(|window| self.0.contains(*window)).map(<[char]>::to_vec).collect()
    }

    /// The text, or its replacement.
    pub fn text(&self, text: String) -> String {
        if self.quoted_in(&text) { WITHHELD.to_owned() } else { text }
    }

    /// The finding, without quotes of held-out examples.
    pub fn finding(&self, finding: Finding) -> Finding {
        Finding {
            message: self.text(finding.message),
            remedy: finding.remedy.filter(|remedy| !self.quoted_in(remedy)),
            rule: self.text(finding.rule),
            file: finding.file.filter(|file| !self.quoted_in(file)),
            ..finding
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HeldOut, WITHHELD};
    use crate::spec_for_tests::spec;

    #[test]
    fn only_quotes_of_hidden_examples_are_withheld() {
        let (spec, _) = spec(
            "- a `test_id: a`\n  ```rust\n  assert_eq!(s::f(10), Some(1));\n  ```\n  ```rust hidden\n  \
             assert_eq!(s::f(77001), Some(4242));\n  ```\n",
        );
        let mut secrets = HeldOut::default();
        secrets.add(&spec);
        for text in [
            "assert_eq!(s::f(77001), Some(4242));",
            "x \\\"s::f(77001),\\n Some\\\"",
            "F77001SOME4242",
        ] {
            assert_eq!(secrets.text(text.to_owned()), WITHHELD, "{text}");
        }
        for text in ["assert_eq!(s::f(10), Some(1))", "left: 3", "77001"] {
            assert_eq!(secrets.text(text.to_owned()), text);
        }
        let mut short = HeldOut::default();
        short.add(
            &crate::spec_for_tests::spec(
                "- a `test_id: a`\n  ```rust hidden\n  a::g(83);\n  ```\n",
            )
            .0,
        );
        assert_eq!(short.text("it says a::g( 83 )".to_owned()), WITHHELD);
        assert_eq!(short.text("a::g(84)".to_owned()), "a::g(84)");
        let told = secrets.except(&["let x = f77001some4242;"]);
        assert_eq!(told.text("F77001SOME4242".to_owned()), "F77001SOME4242");
    }
}
