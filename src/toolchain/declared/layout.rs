//! The files of a candidate in a declared toolchain.

use super::file::ToolchainFile;
use super::from_file::Declared;
use super::kept::{kept, kept_list};
use crate::toolchain::coverage::at;
use crate::toolchain::{ContractLanguage, Layout};
use crate::types::{Finding, Problem, RelPath, Spec, Tree};

/// The layout of a toolchain.
pub fn layout(file: &ToolchainFile) -> Layout {
    let owned = file.owned.keys().cloned();
    let names = |words: &[String]| kept_list(words);
    Layout {
        manifest: file.owned.keys().next().map_or("", |path| kept(path)),
        allowed: owned.chain(any_names(&file.allowed)).collect(),
        denied: names(&file.denied),
        artefacts: &[],
        unwritten: |_, _| None,
        comments: names(&file.comments),
        tests: "tests/",
        suite_extension: file.sources.first().map_or(".", |suffix| kept(suffix)),
        people_tests: &[],
    }
}

/// Patterns in which a template can be any name.
pub fn any_names(patterns: &[String]) -> Vec<String> {
    let any = |pattern: &String| {
        let mut parts = pattern.split("{{");
        let first = parts.next().unwrap_or_default().to_owned();
        parts
            .fold(first, |out, part| out + "*" + part.split_once("}}").map_or("", |(_, rest)| rest))
    };
    patterns.iter().map(any).collect()
}

/// The files of a candidate that its package does not have.
fn foreign(toolchain: &Declared, tree: &Tree, spec: &Spec) -> Vec<Finding> {
    let file = &toolchain.file;
    let globs = |patterns: &mut dyn Iterator<Item = String>| {
        let mut set = globset::GlobSetBuilder::new();
        for pattern in patterns {
            let glob = globset::GlobBuilder::new(&pattern).literal_separator(true).build();
            glob.ok().map(|glob| set.add(glob));
        }
        set.build().unwrap_or_default()
    };
    let rendered = |text: &String| toolchain.rendered(text, spec).unwrap_or_default();
    let allowed = globs(&mut file.allowed.iter().map(rendered));
    let refused = globs(&mut file.refused.iter().cloned());
    let is_foreign = |path: &&RelPath| {
        let path = path.as_str();
        let own = file.owned.contains_key(path);
        !own && (!allowed.is_match(path) || refused.is_match(path))
    };
    let finding = |path: &RelPath| Finding {
        gate: "layout".into(),
        rule: "layout".to_owned(),
        file: Some(path.to_string()),
        message: format!("`{path}` is not a file of this package"),
        remedy: Some(format!(
            "write only files that match: {}",
            rendered_list(&file.allowed, toolchain, spec)
        )),
        ..Finding::default()
    };
    tree.iter().map(|(path, _)| path).filter(is_foreign).map(finding).collect()
}

fn rendered_list(patterns: &[String], toolchain: &Declared, spec: &Spec) -> String {
    let all = patterns.iter().map(|text| toolchain.rendered(text, spec).unwrap_or_default());
    all.collect::<Vec<_>>().join(", ")
}

/// The file that a candidate must have.
pub fn root(toolchain: &Declared, spec: &Spec) -> RelPath {
    let path = toolchain.rendered(&toolchain.file.root, spec).unwrap_or_default();
    // A wrong path was told when the spec was checked.
    RelPath::parse(&path).unwrap_or_else(|_| RelPath::parse("root").expect("is a plain path"))
}

/// Problems of a spec before a model is asked.
pub fn check_spec(toolchain: &Declared, spec: &Spec) -> Vec<Problem> {
    let (name, mut problems) = (toolchain.name, Vec::new());
    if spec.contract.is_none() {
        let message = format!(
            "a target of the toolchain `{name}` needs a contract: its examples are the tests"
        );
        let help = "add a `wit` block and examples; see docs/formats/contract.md";
        problems.push(Problem::error("spec::contract", message).help(help));
    }
    let file = &toolchain.file;
    let texts = file.prompt.iter().chain(file.owned.values()).chain([&file.root]);
    for text in texts {
        if let Err(why) = toolchain.rendered(text, spec) {
            let message = format!("the toolchain `{name}` is wrong: {why}");
            problems.push(Problem::error("toolchain::template", message));
        }
    }
    let path = toolchain.rendered(&file.root, spec).unwrap_or_default();
    if let Err(why) = RelPath::parse(&path) {
        let message =
            format!("the toolchain `{name}` gives the root the path {path:?}, which {why}");
        problems.push(Problem::error("toolchain::template", message));
    }
    for clause in &spec.clauses {
        let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        for name in clause.test_ids().filter(|name| !is_name(name)) {
            let message = format!("`{name}` cannot be the name of a test");
            problems.push(at(clause, Problem::error("spec::test_name", message)));
        }
    }
    problems
}

/// Replaces the harness's own files, after checking the layout.
pub fn normalise(toolchain: &Declared, tree: &Tree, spec: &Spec) -> Result<Tree, Vec<Finding>> {
    let root = root(toolchain, spec);
    if tree.get(root.as_str()).is_none() {
        return Err(vec![Finding {
            gate: "layout".into(),
            rule: "root".to_owned(),
            file: Some(root.to_string()),
            message: format!("the candidate has no `{root}`"),
            remedy: Some("write this file".to_owned()),
            ..Finding::default()
        }]);
    }
    let types = spec.contract.as_ref().and_then(|one| toolchain.types(spec, one));
    let mut tree = tree.clone();
    if let Some((path, _)) = &types {
        tree.remove(path);
    }
    let foreign = foreign(toolchain, &tree, spec);
    if !foreign.is_empty() {
        return Err(foreign);
    }
    for (path, text) in &toolchain.file.owned {
        let path = RelPath::parse(path).expect("was checked with the file");
        let text = toolchain.rendered(text, spec).unwrap_or_default();
        tree.insert(path, text.into_bytes());
    }
    if let Some((path, text)) = types {
        tree.insert(path, text.into_bytes());
    }
    Ok(tree)
}

/// Every word of a text, with its line. Comments and strings are part of it: what hides in one
/// cannot be told without knowing the language.
pub fn words(text: &str) -> Vec<(String, u32)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let of = |(at, line): (usize, &str)| {
        let words = line.split(|c| !is_word(c)).filter(|word| !word.is_empty());
        let at = u32::try_from(at + 1).unwrap_or(u32::MAX);
        words.map(|word| (word.to_owned(), at)).collect::<Vec<_>>()
    };
    text.lines().enumerate().flat_map(of).collect()
}
