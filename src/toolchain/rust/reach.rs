//! Files and code of a candidate that no gate reads: no module names the file, or a condition that
//! does not hold here switches the code off. What was not compiled is not promoted.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use toml::Table;

use crate::types::{Tree, read_toml};

/// The roots of a crate's modules.
const ROOTS: [&str; 2] = ["src/lib.rs", "src/main.rs"];

/// Files with Rust code that no module of the crate declares. An empty file has none.
pub fn unreached(tree: &Tree) -> Vec<String> {
    let is_there = |path: &str| tree.get(path).is_some();
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let mut left: Vec<String> =
        ROOTS.iter().copied().filter(|root| is_there(root)).map(str::to_owned).collect();
    while let Some(path) = left.pop() {
        let Ok(tokens) = tree.text(&path).unwrap_or_default().parse::<TokenStream>() else {
            // The compiler says it better, and this file may declare any other.
            return Vec::new();
        };
        let folder = children_of(&path);
        for module in modules(tokens) {
            let base = format!("{folder}/{}", module.join("/"));
            let files = [format!("{base}.rs"), format!("{base}/mod.rs")];
            left.extend(files.into_iter().filter(|file| is_there(file) && !reached.contains(file)));
        }
        reached.insert(path);
    }
    let has_code = |path: &str| {
        let tokens = tree.text(path).map(str::parse::<TokenStream>);
        !matches!(tokens, Some(Ok(tokens)) if tokens.is_empty())
    };
    let files = tree.iter().map(|(path, _)| path.as_str()).filter(|path| path.ends_with(".rs"));
    files.filter(|path| !reached.contains(*path) && has_code(path)).map(str::to_owned).collect()
}

/// The folder in which a file's modules are.
fn children_of(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.trim_end_matches(".rs");
    if ROOTS.contains(&path) || stem == "mod" {
        folder.to_owned()
    } else {
        format!("{folder}/{stem}")
    }
}

/// The paths of modules that are declared in a file and are other files: `mod name;`, also inside
/// inline modules. What a macro declares, it may not declare.
fn modules(tokens: TokenStream) -> Vec<Vec<String>> {
    let (mut found, mut streams) = (Vec::new(), vec![(tokens, Vec::new())]);
    while let Some((stream, around)) = streams.pop() {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let name = |back: usize| match at.checked_sub(back).map(|at| &tokens[at]) {
                Some(TokenTree::Ident(name)) => {
                    Some(name.to_string().trim_start_matches("r#").to_owned())
                }
                _ => None,
            };
            let declared = name(1).filter(|_| name(2).is_some_and(|word| word == "mod"));
            let is_macro = |back: usize| {
                let before = at.checked_sub(back).map(|at| &tokens[at]);
                matches!(before, Some(TokenTree::Punct(mark)) if mark.as_char() == '!')
            };
            match token {
                TokenTree::Group(_) if is_macro(1) || is_macro(2) && name(1).is_some() => {}
                TokenTree::Group(group) => {
                    let mut inside: Vec<String> = around.clone();
                    inside.extend(declared.filter(|_| group.delimiter() == Delimiter::Brace));
                    streams.push((group.stream(), inside));
                }
                TokenTree::Punct(punct) if punct.as_char() == ';' => {
                    found.extend(declared.map(|name| [around.clone(), vec![name]].concat()));
                }
                _ => {}
            }
        }
    }
    found
}

/// The features that a manifest declares.
pub fn features(tree: &Tree) -> BTreeSet<String> {
    let manifest: Table =
        tree.text("Cargo.toml").and_then(|text| read_toml(text).ok()).unwrap_or_default();
    let keys =
        |name: &str| manifest.get(name).and_then(|value| value.as_table()).into_iter().flatten();
    let optional = keys("dependencies").filter(|(_, value)| value.get("optional").is_some());
    keys("features").chain(optional).map(|(name, _)| name.clone()).collect()
}

/// The features that are on by default.
pub fn defaults(tree: &Tree) -> Vec<String> {
    let manifest: Table =
        tree.text("Cargo.toml").and_then(|text| read_toml(text).ok()).unwrap_or_default();
    let list = manifest.get("features").and_then(|features| features.get("default")?.as_array());
    list.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// What of a condition (`cfg(…)`, `cfg_attr(…, …)`, `cfg!(…)`) may differ where the crate is used:
/// everything but `test` and declared features.
pub fn foreign_condition(
    word: &str,
    condition: &Group,
    features: &BTreeSet<String>,
) -> Option<String> {
    let mut tokens: Vec<TokenTree> = condition.stream().into_iter().collect();
    if word == "cfg_attr" {
        let comma =
            |token: &TokenTree| matches!(token, TokenTree::Punct(one) if one.as_char() == ',');
        tokens.truncate(tokens.iter().position(comma).unwrap_or(tokens.len()));
    }
    predicate(&tokens, features).err()
}

/// Checks one predicate; the error is the part that may not be asked for.
fn predicate(tokens: &[TokenTree], features: &BTreeSet<String>) -> Result<(), String> {
    let shown = || tokens.iter().map(ToString::to_string).collect::<String>();
    match tokens {
        [TokenTree::Ident(name)] if name == "test" => Ok(()),
        [TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Literal(value)]
            if name == "feature" =>
        {
            let value = value.to_string();
            let known = features.contains(value.trim_matches('"'));
            if known { Ok(()) } else { Err(format!("feature = {value}")) }
        }
        [TokenTree::Ident(name), TokenTree::Group(group)] => {
            let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
            let comma = |t: &TokenTree| matches!(t, TokenTree::Punct(one) if one.as_char() == ',');
            let parts: Vec<_> = tokens.split(comma).filter(|part| !part.is_empty()).collect();
            let asks_for_test = group.stream().to_string().split_whitespace().any(is_test_word);
            match (name.to_string().as_str(), parts.len()) {
                // Code that only tests do not see, and code that nothing sees.
                ("not", 1) if !asks_for_test => {}
                ("all" | "any", 1..) => {}
                _ => return Err(shown()),
            }
            parts.into_iter().try_for_each(|part| predicate(part, features))
        }
        _ => Err(shown()),
    }
}

fn is_test_word(word: &str) -> bool {
    word.split(|c: char| !c.is_alphanumeric()).any(|part| part == "test")
}

#[cfg(test)]
mod tests {
    use super::unreached;
    use crate::types::{RelPath, Tree};

    fn tree(files: &[(&str, &str)]) -> Tree {
        let file =
            |(path, text): &(&str, &str)| (RelPath::parse(path).unwrap(), text.as_bytes().to_vec());
        files.iter().map(file).collect()
    }

    #[test]
    fn files_are_reached_through_modules_however_they_are_declared() {
        let all = tree(&[
            ("src/lib.rs", "mod a;\npub mod b { mod c; }\n#[cfg(test)]\nmod tests;\nmod r#type;"),
            ("src/a.rs", "pub(crate) mod deep;"),
            ("src/a/deep.rs", ""),
            ("src/b/c/mod.rs", "mod d;"),
            ("src/b/c/d.rs", ""),
            ("src/tests.rs", ""),
            ("src/type.rs", ""),
            ("src/words.txt", ""),
        ]);
        assert_eq!(unreached(&all), [""; 0]);
        let some = tree(&[
            (
                "src/lib.rs",
                "// mod orphan;\nmod a;\nmacro_rules! m { () => { mod orphan; } }\nn!{ mod orphan; }",
            ),
            ("src/a.rs", ""),
            ("src/orphan.rs", "{{{"),
            ("src/empty.rs", "// nothing\n"),
            ("src/b/a.rs", "fn a() {}"),
        ]);
        assert_eq!(unreached(&some), ["src/b/a.rs", "src/orphan.rs"]);
    }

    #[test]
    fn conditions_ask_for_tests_and_declared_features_only() {
        use super::foreign_condition;
        let features = ["std".to_owned()].into();
        let foreign = |text: &str| {
            let stream: proc_macro2::TokenStream = text.parse().expect("is Rust");
            let group = proc_macro2::Group::new(proc_macro2::Delimiter::Parenthesis, stream);
            foreign_condition("cfg", &group, &features)
        };
        for right in
            ["test", "feature = \"std\"", "not(feature = \"std\")", "any(test, feature = \"std\",)"]
        {
            assert_eq!(foreign(right), None, "{right}");
        }
        for wrong in [
            "",
            "any()",
            "not(all())",
            "all(test, not(test))",
            "not(test)",
            "not(any(test))",
            "unix",
            "feature = \"x\"",
            "true",
            "test, test",
            "target_os = \"linux\"",
            "all(any())",
        ] {
            assert!(foreign(wrong).is_some(), "{wrong}");
        }
    }
}
