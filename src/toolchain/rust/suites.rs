//! Parses the user's suites.

use proc_macro2::{TokenStream, TokenTree};

use super::nonce;
use crate::toolchain::{Expansion, Expected, Suite, SuiteFile, clause_of, key};
use crate::types::{Problem, RelPath, Spec};

/// Parses a user's suite: its tests are functions with `#[test]` or an attribute of a test library, and
/// those that macros make, without `#[ignore]`.
pub fn read(spec: &Spec, file: &SuiteFile) -> Result<Suite, Box<Problem>> {
    let stem = file.name.trim_end_matches(".rs");
    if !stem.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        let message = format!("`{}` cannot be the name of a test program", file.name);
        let problem = Problem::error("suite::name", message);
        return Err(Box::new(problem.help("use letters, digits, `-` and `_`")));
    }
    let shown = file.text.trim_start_matches('\u{feff}').to_owned();
    let (text, tests) = nonce::file(&shown).map_err(|(why, line)| {
        let mut problem = Problem::error("suite::syntax", format!("{}: {why}", file.name));
        problem.line = line;
        Box::new(problem)
    })?;
    let tests = tests.into_iter().map(|test| Expected {
        clause: clause_of(spec, &test.name),
        // Code around a test may be part of it.
        key: key(spec, &test.name, &shown),
        name: test.name,
        words: test.words,
        transcript: None,
        expansion: test.expansion,
    });
    // Of the words in a macro's call only those that name a clause are known to name a test.
    let tests = tests.filter(|test| test.expansion != Expansion::Macro || test.clause.is_some());
    let tests = tests.collect();
    let path = RelPath::parse(&format!("tests/{}", file.name)).map_err(|why| {
        Box::new(Problem::error("suite::name", format!("the name {} {why}", file.name)))
    })?;
    Ok(Suite { path, text, shown, tests, data: false, bytes: None, lines: Vec::new() })
}

/// Attributes with which a test may not run, or runs other code: `#[ignore]`, `#[cfg(unix)]`,
/// `#[path = "…"]`.
pub fn conditions(text: &str) -> Vec<(usize, String)> {
    const MARKS: [&str; 4] = ["ignore", "cfg", "cfg_attr", "path"];
    let mut found = Vec::new();
    let mut streams = vec![text.parse::<TokenStream>().unwrap_or_default()];
    while let Some(stream) = streams.pop() {
        let mut is_attribute = false;
        for token in stream {
            match &token {
                TokenTree::Punct(sign) if sign.as_char() == '#' => is_attribute = true,
                TokenTree::Punct(sign) if sign.as_char() == '!' && is_attribute => {}
                TokenTree::Group(group) => {
                    let inner = group.stream().to_string();
                    let is_mark =
                        |mark: &&&str| inner.split([' ', '(', '=']).next() == Some(**mark);
                    let mark = MARKS.iter().find(is_mark).filter(|_| is_attribute);
                    if mark.is_some() && inner.replace(' ', "") != "cfg(test)" {
                        found.push((group.span().start().line, format!("#[{inner}]")));
                    }
                    streams.push(group.stream());
                    is_attribute = false;
                }
                _ => is_attribute = false,
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::conditions;

    #[test]
    fn attributes_that_keep_tests_from_running_are_found() {
        let text = "#![cfg(unix)]\n#[cfg(test)]\nmod m {\n#[test]\n#[ignore = \"x\"]\nfn a() {}\n}\n\
            m! { #[cfg_attr(all(), ignore)] #[test] fn b() { let c = cfg!(unix); } }\n#[path = \"a.rs\"]\nmod d;\n";
        let found = conditions(text);
        let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 5, 8, 9], "{found:?}");
        assert_eq!(found[1].1, "#[ignore = \"x\"]");
    }
}
