//! Which tests a suite has by its text, as the runner names them.

use crate::toolchain::typescript::words::{ScriptToken, tokens};

/// Words that define a test, and words that define a group of tests.
const TESTS: [&str; 2] = ["it", "test"];
const GROUPS: [&str; 2] = ["describe", "suite"];

/// Whether a file has the name of a suite: `NAME.test.ts`, `NAME.spec.js` and others.
pub fn is_named_as_test(path: &str) -> bool {
    let mut parts = path.rsplit('.');
    let end = parts.next().unwrap_or_default();
    let is_script = ["ts", "js", "mts", "mjs", "cts", "cjs", "tsx", "jsx"].contains(&end);
    let is_kind = parts.next().is_some_and(|kind| ["test", "spec"].contains(&kind));
    is_script && is_kind && parts.next().is_some()
}

/// The tests in a text: `describe("a", () => { it("b", …) })` is `a::b`. Those whose name is
/// computed, or that are in a group with such a name, are left out: the runner lists them.
///
/// # Errors
/// A line can be read in two ways.
pub fn names(text: &str) -> Result<Vec<String>, String> {
    let tokens: Vec<ScriptToken> = tokens(text)?.into_iter().map(|(token, _)| token).collect();
    let mut found = Vec::new();
    // Groups around a place, with the depth of their brackets; without a name if it is computed.
    let mut around: Vec<(usize, Option<String>)> = Vec::new();
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            ScriptToken::Sign('(' | '[' | '{') => depth += 1,
            ScriptToken::Sign(')' | ']' | '}') => {
                depth = depth.saturating_sub(1);
                around.retain(|(own, _)| *own <= depth);
            }
            ScriptToken::Word(word) => {
                let is_test = TESTS.contains(&word.as_str());
                let is_member = at > 1 && tokens[at - 2] == ScriptToken::Sign('.');
                if is_member || !(is_test || GROUPS.contains(&word.as_str())) {
                    continue;
                }
                let Some(open) = arguments(&tokens, at) else { continue };
                let name = title(&tokens[open + 1..], !is_test);
                if is_test {
                    let path: Option<Vec<String>> =
                        around.iter().map(|(_, name)| name.clone()).chain([name]).collect();
                    found.extend(path.map(|path| path.join("::")));
                } else {
                    around.push((depth + 1, name));
                }
                // The brackets between are closed again.
                depth += 1;
                at = open + 1;
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The place of the bracket before the arguments of a call behind `it`, `it.skip`, `it.each(…)`,
/// ``it.each`…` ``, `it.skipIf(…)`.
fn arguments(tokens: &[ScriptToken], mut at: usize) -> Option<usize> {
    let mut has_table = false;
    while let (ScriptToken::Sign('.'), Some(ScriptToken::Word(word))) =
        (tokens.get(at)?, tokens.get(at + 1))
    {
        at += 2;
        has_table = false;
        if ["each", "for", "skipIf", "runIf"].contains(&word.as_str()) {
            at = behind(tokens, at)?;
            has_table = true;
        }
    }
    if !has_table && tokens.get(at) == Some(&ScriptToken::Sign('<')) {
        at = behind_types(tokens, at);
    }
    (tokens.get(at) == Some(&ScriptToken::Sign('('))).then_some(at)
}

/// The place behind a table: `(…)`, or a template.
fn behind(tokens: &[ScriptToken], at: usize) -> Option<usize> {
    let mut at = behind_types(tokens, at);
    let mut depth = 0_usize;
    loop {
        match tokens.get(at)? {
            ScriptToken::Sign('(' | '[' | '{' | '`') => depth += 1,
            ScriptToken::Sign(')' | ']' | '}') | ScriptToken::Text(None) => {
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The place behind `<…>`.
fn behind_types(tokens: &[ScriptToken], at: usize) -> usize {
    if tokens.get(at) != Some(&ScriptToken::Sign('<')) {
        return at;
    }
    let mut depth = 0_usize;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        match token {
            ScriptToken::Sign('<') => depth += 1,
            ScriptToken::Sign('>') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place + 1;
        }
    }
    at
}

/// The title that a call begins with. That of a group may be a function, which has its name.
fn title(arguments: &[ScriptToken], is_group: bool) -> Option<String> {
    let name = match arguments.first()? {
        ScriptToken::Text(text) => text.clone(),
        ScriptToken::Word(word) if is_group => Some(word.clone()),
        _ => None,
    };
    name.filter(|_| matches!(arguments.get(1), Some(ScriptToken::Sign(',' | ')'))))
}

#[cfg(test)]
mod tests {
    use super::{is_named_as_test, names};

    #[test]
    fn tests_are_found_as_the_runner_names_them() {
        let text = "import { it } from 'vitest';\n// it('no', f)\nconst s = \"it('no', f)\";\n\
            it('one', () => { expect('it(').toBe(`it('no')`); });\n\
            describe(\"a group\", () => {\n  beforeEach(() => {});\n  test.skip(`two`, async () => {});\n  \
            describe.each([[1, ')'], [f(2)]])('of %i', (n) => { it.concurrent('three', () => {}); });\n  \
            it.each<{ a: Map<string, number> }>([{ a: 1 }])('four', ({ a }) => {});\n});\n\
            it.each`a | b\n${1} | ${`x${'y'}`}`('five', () => {});\n\
            it(`six ${n}`, () => {});\ndescribe(`of ${n}`, () => { it('seven', () => {}); });\n\
            it('it\\'s \\u0065ight', { timeout: 5 }, () => {});\nt.test('part', () => {});\n\
            describe(Box, () => { it.skipIf(true)('nine', () => {}); it.todo('ten'); });\nconst it2 = it;\n\
            if (x) { test.only('eleven', () => {}); }\n";
        let expected = [
            "one",
            "a group::two",
            "a group::of %i::three",
            "a group::four",
            "five",
            "it's eight",
            "Box::nine",
            "Box::ten",
            "eleven",
        ];
        assert_eq!(names(text).expect("is read"), expected);
        for broken in
            ["it(", "it.each(", "it.each<", "it.each`${", "describe('a', () => {", "it.each"]
        {
            assert!(names(broken).expect("is read").is_empty(), "{broken}");
        }
        assert!(names("it('open").expect("is read").is_empty());
    }

    #[test]
    fn suites_are_told_by_their_names() {
        assert!(["a.test.ts", "tests/b.spec.js", "a.test.mjs"].into_iter().all(is_named_as_test));
        let others = ["test.ts", "a.test.json", "support.ts", "a.tests.ts", "testing.test"];
        assert!(!others.into_iter().any(is_named_as_test));
    }
}
