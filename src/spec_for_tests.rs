//! A spec, a target and trees for unit tests of several modules.

use crate::types::{RelPath, Spec, Target, Tree};

/// A tree of these files.
pub fn tree(files: &[(&str, &str)]) -> Tree {
    let path = |path: &str| RelPath::parse(path).expect("is a path");
    files.iter().map(|(name, text)| (path(name), text.as_bytes().to_vec())).collect()
}

/// Parses `text` as the spec `s`, with the default Rust library target.
pub fn spec(text: &str) -> (Spec, Target) {
    let (spec, problems, _) = crate::spec::parse("specs/s.md", text.as_bytes());
    assert!(problems.is_empty(), "{problems:?}");
    let text = "[generator]\nmodel = \"m\"\n[target.rust]\ntoolchain = \"rust\"\n";
    let harness = crate::config::parse("harness.toml", text).expect("is right");
    (spec, harness.target["rust"].clone())
}
