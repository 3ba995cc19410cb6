//! Finds texts of tests in instructions: special cases in place of rules.

use super::layout::{EXAMPLES, examples};
use crate::toolchain::typescript::texts;
use crate::types::Tree;

/// Characters of a text that may be repeated.
const SHORT: usize = 40;

/// Letters and digits that such a text has, so that a line of dashes is none.
const LETTERS: usize = SHORT / 2;

/// The first text of a test that is repeated in a tree: the text, the file and its line.
/// Punctuation, case and blanks do not matter. What the spec says itself may be repeated.
pub fn copied(tree: &Tree, test: &str, spec: &str) -> Option<(String, String, u32)> {
    let texts = texts(test).ok()?;
    let known = letters(spec);
    let whole = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let long = texts.iter().map(whole).filter(|text| text.chars().count() > SHORT);
    let long: Vec<(String, String)> = long
        .map(|text| (letters(&text), text))
        .filter(|(bare, _)| bare.chars().count() >= LETTERS && !known.contains(bare.as_str()))
        .collect();
    tree.iter().find_map(|(path, bytes)| {
        let lines = lines(tree, path.as_str(), bytes);
        let bare: Vec<String> = lines.iter().map(|line| letters(line)).collect();
        let all = bare.concat();
        let (at, text) =
            long.iter().find_map(|(bare, text)| Some((all.find(bare.as_str())?, text)))?;
        let mut end = 0;
        let line = bare.iter().position(|line| {
            end += line.len();
            end > at
        });
        Some((text.clone(), path.to_string(), line.map_or(1, |at| at as u32 + 1)))
    })
}

/// The lines of a file; of examples, the texts of the messages.
fn lines(tree: &Tree, path: &str, bytes: &[u8]) -> Vec<String> {
    match examples(tree) {
        Ok(messages) if path == EXAMPLES => messages.into_iter().map(|one| one.content).collect(),
        _ => String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect(),
    }
}

/// The letters and digits of a text, without differences of case.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::copied;
    use crate::types::{RelPath, Tree};

    #[test]
    fn only_long_texts_count() {
        let test = "test('a', async () => {\n  const a = await model.generate(\"Should I put all of \
                    my savings into ACME Corp today?\");\n  expect(a).toContain('not an advisor');\n  \
                    expect(a).toContain('This is not advice; ask a licensed professional.');\n});";
        let in_tree = |text: &str| {
            let path = RelPath::parse("system.md").expect("is one");
            let tree = Tree::from_iter([(path, text.as_bytes().to_vec())]);
            let spec = "It MUST end with: This is not advice; ask a licensed professional.";
            copied(&tree, test, spec)
        };
        let found = in_tree(
            "Be kind.\nIf asked \"should I put all of my  savings\ninto ACME Corp \
                             today?\" say no.",
        );
        assert_eq!(found.map(|(_, _, line)| line), Some(2));
        let evading = "A.\n\nRefuse: “Should I — put ALL of my sav-ings into A.C.M.E. Corp, \
                       today”!";
        assert_eq!(in_tree(evading).map(|(_, _, line)| line), Some(3));
        assert_eq!(in_tree("End with: This is not advice; ask a licensed professional."), None);
        assert_eq!(in_tree("Say that you are not an advisor. Never praise ACME Corp."), None);
    }
}
