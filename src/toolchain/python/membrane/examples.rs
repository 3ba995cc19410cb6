//! Generates a test file from examples.

use std::collections::BTreeSet;

use super::lines;
use super::suites::names;
use crate::toolchain::python::package::package;
use crate::toolchain::{Expansion, Expected, Suite, Visibility, key};
use crate::types::{Example, RelPath, Spec};

/// Where examples are mounted; hidden ones too, in a workspace of their own.
const PATH: &str = "tests/regen_examples.py";

/// Whether an example is run.
pub fn runs(example: &Example) -> bool {
    !example.ignored && example.language == "python"
}

/// The test file of a spec's visible or hidden examples: a function for each, with the package
/// imported.
pub fn suite(spec: &Spec, shown: Visibility) -> Option<Suite> {
    let hidden = shown == Visibility::Hidden;
    let mut text = format!("import {}\n", package(spec));
    let mut tests = Vec::new();
    let mut ranges = Vec::new();
    for clause in &spec.clauses {
        let Some(id) = clause.test_ids().next() else { continue };
        let mine = clause.examples.iter().filter(|example| runs(example));
        let several = mine.clone().count() > 1;
        for (number, example) in mine.enumerate().filter(|(_, e)| e.hidden == hidden) {
            let id = if several { format!("{id}__{}", number + 1) } else { id.to_owned() };
            let name = if id.starts_with("test") { id } else { format!("test_{id}") };
            let first = text.lines().count() as u32 + 1;
            text.push_str(&format!("\n\ndef {name}():\n{}\n", indented(&example.code)));
            ranges.push((first, text.lines().count() as u32, clause.id.clone()));
            tests.push(Expected {
                key: key(spec, &name, &example.code),
                name,
                clause: Some(clause.id.clone()),
                words: BTreeSet::new(),
                transcript: None,
                expansion: Expansion::Plain,
            });
        }
    }
    let path = RelPath::parse(PATH).expect("it is a plain path");
    let has_some = !tests.is_empty();
    has_some.then(|| Suite {
        path,
        text,
        shown: String::new(),
        tests,
        data: false,
        bytes: None,
        lines: ranges,
    })
}

/// An example as the body of a function; lines in strings stay as they are.
fn indented(code: &str) -> String {
    let (_, inner) = lines::read(code);
    let line = |(at, line): (usize, &str)| {
        if inner.contains(&at) || line.trim().is_empty() {
            line.to_owned()
        } else {
            format!("    {line}")
        }
    };
    code.trim_end().lines().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// Why an example cannot be run, if it cannot, and its line from 0.
pub fn check(example: &Example) -> Result<(), (String, usize)> {
    if !runs(example) {
        return Ok(());
    }
    if let Some(line) = example.code.lines().position(|line| line.starts_with(">>>")) {
        return Err(("write `assert` in place of `>>>`".to_owned(), line));
    }
    if lines::read(&example.code).0.is_empty() {
        return Err(("the example has no code".to_owned(), 0));
    }
    if !names(&example.code).is_empty() {
        return Err(("an example is the body of a test, not a test".to_owned(), 0));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Visibility, suite};
    use crate::spec_for_tests::spec;

    #[test]
    fn examples_are_functions_with_their_strings_unchanged() {
        let (spec, _) = spec(
            "- a `test_id: a`\n  ```python\n  assert s.f(\"\"\"x\n  y\"\"\")\n\n  assert 1\n  ```\n  ```python hidden\n  \
             secret()\n  ```\n- b `test_id: test_b`\n  ```python\n  w()\n  ```\n",
        );
        let visible = suite(&spec, Visibility::Visible).expect("has some");
        let names: Vec<_> = visible.tests.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["test_a__1", "test_b"]);
        let body = "def test_a__1():\n    assert s.f(\"\"\"x\ny\"\"\")\n\n    assert 1\n";
        assert!(visible.text.contains(body), "{}", visible.text);
        let hidden = suite(&spec, Visibility::Hidden).expect("has one");
        assert_eq!(hidden.tests[0].name, "test_a__2");
        assert!(!visible.text.contains("secret") && !hidden.text.contains("w()"));
    }
}
