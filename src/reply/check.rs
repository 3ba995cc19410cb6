//! Checks sizes, paths and contents of changes, and builds the tree.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobSetBuilder};

use super::edit;
use super::read::FileChange;
use super::rules::ReplyRules;
use crate::types::{RelPath, Tree, limits};

/// Files that no candidate may write. A name ending in `/` is a folder at any depth; one ending in
/// `*` is a prefix at the root.
const DENIED: [&str; 10] = [
    "specs/",
    "validators/",
    "generated/",
    ".regen/",
    ".git/",
    ".github/",
    ".git*",
    ".env*",
    "harness.toml",
    "regen.lock",
];

/// Starts of comments or ellipses, in addition to the language's comments.
const COMMENTS: [&str; 4] = ["#", "...", "…", "<!--"];

/// Phrases for code that the model left out, in comments or ellipses.
const LAZY_WORDS: [&str; 7] = [
    "rest unchanged",
    "rest of the code",
    "rest of the file",
    "existing code",
    "remains unchanged",
    "remains the same",
    "implementation goes here",
];

/// Builds the tree, or gives the problem and its fix.
pub fn build(changes: Vec<FileChange>, rules: &ReplyRules) -> Result<Tree, String> {
    sizes(&changes)?;
    let (mut tree, mut steps) = (rules.base.clone(), limits::EDIT_STEPS);
    for change in changes {
        match change {
            FileChange::Write(path, text) => {
                let path = allowed(&path, rules)?;
                content(&path, &text, rules)?;
                tree.insert(path, text.into_bytes());
            }
            FileChange::Edit(path, blocks) => {
                let path = allowed(&path, rules)?;
                let before = tree.text(path.as_str()).unwrap_or_default();
                let text = edit::apply(before, &blocks, &mut steps);
                let text = text.map_err(|why| format!("{path}: {why}"))?;
                content(&path, &text, rules)?;
                tree.insert(path, text.into_bytes());
            }
            FileChange::Delete(path) => {
                let path = allowed(&path, rules)?;
                tree.remove(&path);
            }
        }
    }
    clashes(&tree)?;
    if tree.is_empty() {
        return Err("the answer deletes every file".to_owned());
    }
    // Edits make files longer.
    within_limits(tree.iter().map(|(path, bytes)| (path.to_string(), bytes.len())))?;
    Ok(tree)
}

/// Checks a complete tree in the same way as [`build`].
pub fn tree(tree: &Tree, rules: &ReplyRules) -> Result<Tree, String> {
    let files = tree.iter().map(|(path, bytes)| (path.to_string(), bytes.len()));
    // Checked before copying, since the tree's size is unknown.
    within_limits(files)?;
    let changes = tree.iter().map(|(path, bytes)| match std::str::from_utf8(bytes) {
        Ok(text) => Ok(FileChange::Write(path.to_string(), text.to_owned())),
        Err(_) => Err(format!("{path} is not UTF-8")),
    });
    let changes = changes.collect::<Result<Vec<_>, _>>()?;
    build(changes, &ReplyRules { base: Tree::default(), ..rules.clone() })
}

fn sizes(changes: &[FileChange]) -> Result<(), String> {
    within_limits(changes.iter().map(|change| match change {
        FileChange::Write(path, text) | FileChange::Edit(path, text) => (path.clone(), text.len()),
        FileChange::Delete(path) => (path.clone(), 0),
    }))
}

fn within_limits(files: impl Iterator<Item = (String, usize)>) -> Result<(), String> {
    let (mut total, mut count) = (0_usize, 0);
    for (path, size) in files {
        if size > limits::FILE_BYTES {
            return Err(format!("{path:.80} is larger than 1 MiB; split it"));
        }
        total = total.saturating_add(size);
        count += 1;
    }
    if total > limits::TREE_BYTES {
        return Err("the files together are larger than 16 MiB".to_owned());
    }
    if count > limits::TREE_FILES {
        return Err(format!("the answer has more than {} files", limits::TREE_FILES));
    }
    Ok(())
}

/// Whether a candidate may write a file.
pub fn is_allowed(path: &str, rules: &ReplyRules) -> bool {
    allowed(path, rules).is_ok()
}

fn allowed(path: &str, rules: &ReplyRules) -> Result<RelPath, String> {
    let path = RelPath::parse(path).map_err(|why| format!("the path `{path:.260}` {why}"))?;
    let folded = path.folded();
    let first = folded.split('/').next().unwrap_or_default();
    let denied = DENIED.iter().chain(rules.layout.denied).any(|name| {
        if let Some(folder) = name.strip_suffix('/') {
            folded.split('/').any(|segment| segment == folder)
        } else if let Some(start) = name.strip_suffix('*') {
            first.starts_with(start)
        } else {
            folded.rsplit('/').next() == Some(*name)
        }
    });
    if denied {
        return Err(format!("{path} belongs to the harness; leave it out"));
    }
    let mut set = GlobSetBuilder::new();
    for pattern in &rules.allowed {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.map_err(|e| e.to_string())?);
    }
    let set = set.build().map_err(|e| e.to_string())?;
    if !set.is_match(path.as_str()) {
        let list = rules.allowed.join(", ");
        return Err(format!("{path} is not an allowed file; allowed: {list}"));
    }
    Ok(path)
}

fn content(path: &RelPath, text: &str, rules: &ReplyRules) -> Result<(), String> {
    if text.contains('\0') {
        return Err(format!("{path} contains a NUL character"));
    }
    let lines = text.lines().enumerate();
    let mut words = lines.filter_map(|(at, line)| Some((lazy_words(line, rules)?, at + 1)));
    let lazy = words.next().or_else(|| (rules.layout.unwritten)(path.as_str(), text));
    match lazy {
        Some((lazy, line)) => {
            Err(format!("{path}:{line}: `{lazy}` replaces code; write the code out"))
        }
        None => Ok(()),
    }
}

/// The phrase of a line that only says that code was left out: a comment with nothing else, or an
/// ellipsis before the phrase. A comment may use the same words to describe code.
fn lazy_words(line: &str, rules: &ReplyRules) -> Option<&'static str> {
    let folded = line.to_lowercase();
    let mut text = folded.trim();
    let mut marks = 0;
    while let Some(rest) = rules
        .layout
        .comments
        .iter()
        .chain(&COMMENTS)
        .find_map(|start| text.strip_prefix(start).filter(|_| !start.starts_with(['.', '…'])))
    {
        (text, marks) = (rest.trim_start(), marks + 1);
    }
    for end in ["-->", "*/"] {
        text = text.strip_suffix(end).unwrap_or(text).trim_end();
    }
    let inner = text.trim_matches(|c: char| !c.is_alphanumeric());
    let is_elided = text.starts_with("...") || text.starts_with('…');
    let around = ["the", "your", "all", "of", "here", "as", "is", "above", "below", "code", "goes"];
    LAZY_WORDS.into_iter().find(|lazy| {
        let Some((before, after)) = inner.split_once(lazy) else { return false };
        let mut rest = before.split_whitespace().chain(after.split_whitespace());
        is_elided || (marks > 0 && rest.all(|word| around.contains(&word)))
    })
}

fn clashes(tree: &Tree) -> Result<(), String> {
    let mut seen: BTreeMap<String, &RelPath> = BTreeMap::new();
    for (path, _) in tree.iter() {
        if let Some(other) = seen.insert(path.folded(), path) {
            return Err(format!("{other} and {path} differ only by case; rename one"));
        }
    }
    for folder in tree.iter().flat_map(|(path, _)| parents(path.folded())) {
        if let Some(file) = seen.get(&folder) {
            return Err(format!("{file} is a file and a folder; rename one"));
        }
    }
    Ok(())
}

fn parents(path: String) -> Vec<String> {
    path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect()
}
