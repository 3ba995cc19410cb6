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
/// inline modules and macros.
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
            match token {
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
    let mut streams = vec![tokens];
    while let Some(tokens) = streams.pop() {
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => streams.push(group.stream().into_iter().collect()),
                TokenTree::Ident(name) if name == "feature" => {
                    let value = tokens.get(at + 2).map(ToString::to_string).unwrap_or_default();
                    if !features.contains(value.trim_matches('"')) {
                        return Some(format!("feature = {value}"));
                    }
                }
                TokenTree::Ident(name) => {
                    let name = name.to_string();
                    if !["test", "all", "any", "not"].contains(&name.as_str()) {
                        return Some(name);
                    }
                }
                _ => {}
            }
        }
    }
    None
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
            (
                "src/lib.rs",
                "mod a;\npub mod b { mod c; }\n#[cfg(test)]\nmod tests;\nmacro_rules! m { () => { mod r#type; } }",
            ),
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
            ("src/lib.rs", "// mod orphan;\nmod a;"),
            ("src/a.rs", ""),
            ("src/orphan.rs", "{{{"),
            ("src/empty.rs", "// nothing\n"),
            ("src/b/a.rs", "fn a() {}"),
        ]);
        assert_eq!(unreached(&some), ["src/b/a.rs", "src/orphan.rs"]);
    }
}
