//! Finds texts of tests in instructions: special cases in place of rules.

use crate::toolchain::typescript::texts;
use crate::types::Tree;

/// Characters of a text that may be repeated.
const SHORT: usize = 40;

/// The first text of a test that is repeated in a tree: the text, the file and its line. What the
/// spec says itself may be repeated.
pub fn copied(tree: &Tree, test: &str, spec: &str) -> Option<(String, String, u32)> {
    let texts = texts(test).ok()?;
    let long = texts.iter().map(|text| plain(text)).filter(|text| text.chars().count() > SHORT);
    let known = plain(spec);
    let long: Vec<String> = long.filter(|text| !known.contains(text.as_str())).collect();
    tree.iter().find_map(|(path, bytes)| {
        let text = String::from_utf8_lossy(bytes);
        // In examples a text is in JSON.
        let all = plain(&text.replace("\\n", " ").replace("\\\"", "\""));
        let found = long.iter().find(|one| all.contains(one.as_str()))?;
        let begin: String = found.chars().take(SHORT / 2).collect();
        let line = text.lines().position(|line| plain(line).contains(&begin));
        Some((found.clone(), path.to_string(), line.map_or(1, |at| at as u32 + 1)))
    })
}

/// A text without differences of case and blanks.
fn plain(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
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
        assert_eq!(in_tree("End with: This is not advice; ask a licensed professional."), None);
        assert_eq!(in_tree("Say that you are not an advisor. Never praise ACME Corp."), None);
    }
}
