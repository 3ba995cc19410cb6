//! Examples as functions of a test file.

use super::lines;
use super::suites::names;
use crate::types::Example;

/// Whether an example is run.
pub fn runs(example: &Example) -> bool {
    !example.ignored && example.language == "python"
}

/// An example as a function: its name, and its text.
pub fn function(id: &str, code: &str) -> (String, String) {
    let name = if id.starts_with("test") { id.to_owned() } else { format!("test_{id}") };
    let text = format!("\n\ndef {name}():\n{}\n", indented(code));
    (name, text)
}

/// An example as the body of a function; lines in strings stay as they are.
pub fn indented(code: &str) -> String {
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
    use crate::spec_for_tests::spec;
    use crate::toolchain::python::membrane::PythonSuites;
    use crate::toolchain::{NativeSuites, Visibility};
    use crate::types::Target;

    #[test]
    fn examples_are_functions_with_their_strings_unchanged() {
        let (spec, _) = spec(
            "- a `test_id: a`\n  ```python\n  assert s.f(\"\"\"x\n  y\"\"\")\n\n  assert 1\n  ```\n  ```python hidden\n  \
             secret()\n  ```\n- b `test_id: test_b`\n  ```python\n  w()\n  ```\n",
        );
        let suite = |shown| PythonSuites.examples(&spec, &Target::default(), shown);
        let visible = suite(Visibility::Visible).expect("has some");
        let names: Vec<_> = visible.tests.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["test_a__1", "test_b"]);
        let body = "def test_a__1():\n    assert s.f(\"\"\"x\ny\"\"\")\n\n    assert 1\n";
        assert!(visible.text.contains(body), "{}", visible.text);
        let hidden = suite(Visibility::Hidden).expect("has one");
        assert_eq!(hidden.tests[0].name, "test_a__2");
        assert!(!visible.text.contains("secret") && !hidden.text.contains("w()"));
    }
}
