//! Specs as git knows them, read with the git that is on the machine.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Specs of a revision, by path relative to the workspace, and their bytes.
pub type RevisionFiles = Vec<(String, Vec<u8>)>;

/// Why git did not answer.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// It cannot be run.
    #[error("git: {0}")]
    Git(io::Error),
    /// It refuses: there is no such revision, or no repository.
    #[error("{0}")]
    Refused(String),
}

/// Runs git in a workspace; its standard output.
fn git(root: &Path, args: &[&str], input: Option<&[u8]>) -> Result<Vec<u8>, RevisionError> {
    let mut child = Command::new("git")
        // A program that a repository's configuration names.
        .args(["-c", "core.fsmonitor=false", "-C"])
        .arg(root)
        .args(args)
        // Git sets them in hooks, relative to another folder.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(RevisionError::Git)?;
    let feed = child.stdin.take().zip(input);
    let output = std::thread::scope(|scope| {
        scope.spawn(|| {
            if let Some((mut stdin, input)) = feed {
                // Git says itself why it does not read on.
                let _ = stdin.write_all(input);
            }
        });
        child.wait_with_output().map_err(RevisionError::Git)
    })?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(RevisionError::Refused(format!("git {}: {}", args[0], why.trim())));
    }
    Ok(output.stdout)
}

/// The commit that a revision means.
///
/// # Errors
/// There is none, or no git.
pub fn commit(root: &Path, revision: &str) -> Result<String, RevisionError> {
    let what = format!("{revision}^{{commit}}");
    let found = git(root, &["rev-parse", "--verify", "--end-of-options", &what], None);
    let found = found.map_err(|error| match error {
        RevisionError::Refused(why) => {
            RevisionError::Refused(format!("`{revision}` is no revision here: {why}"))
        }
        missing => missing,
    })?;
    Ok(String::from_utf8_lossy(&found).trim().to_owned())
}

/// The newest commit that two revisions share.
///
/// # Errors
/// There is none, or no git.
pub fn merge_base(root: &Path, one: &str, other: &str) -> Result<String, RevisionError> {
    let (one, other) = (commit(root, one)?, commit(root, other)?);
    let found = git(root, &["merge-base", &one, &other], None)?;
    Ok(String::from_utf8_lossy(&found).trim().to_owned())
}

/// Files, relative to the workspace, that differ from a commit or are in none.
///
/// # Errors
/// There is no git, or no repository.
pub fn changed(root: &Path, commit: &str) -> Result<Vec<String>, RevisionError> {
    let tracked = ["diff", "--name-only", "--no-renames", "--relative", "-z", commit, "--"];
    let new = ["ls-files", "-z", "--others", "--exclude-standard"];
    let lists = [git(root, &tracked, None)?, git(root, &new, None)?].concat();
    let names = lists.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// A file as it was in a commit; `None` when it was not there.
///
/// # Errors
/// There is no git, or no repository.
pub fn file(root: &Path, commit: &str, file: &str) -> Result<Option<Vec<u8>>, RevisionError> {
    Ok(contents(root, &format!("{commit}:./{file}\n"))?.into_iter().next().flatten())
}

/// A file below a folder that version control has, if it has one.
pub fn tracked(folder: &Path) -> Option<String> {
    let name = folder.file_name()?.to_str()?;
    let root = folder.parent()?;
    root.ancestors().find(|path| path.join(".git").exists())?;
    let list = git(root, &["ls-files", "-z", "--", name], None).ok()?;
    let first = list.split(|byte| *byte == 0).next().filter(|name| !name.is_empty())?;
    Some(String::from_utf8_lossy(first).into_owned())
}

/// Which of these paths version control ignores; without it, none.
pub fn ignored(root: &Path, paths: &[&str]) -> Vec<String> {
    let input = paths.join("\0");
    let list = git(root, &["check-ignore", "-z", "--stdin"], Some(input.as_bytes()));
    let list = list.unwrap_or_default();
    let names = list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

/// The specs below a folder at a revision.
///
/// # Errors
/// There is no such revision, or no git.
pub fn specs(root: &Path, folder: &str, revision: &str) -> Result<RevisionFiles, RevisionError> {
    let commit = commit(root, revision)?;
    let below = format!("{}/", folder.trim_end_matches('/'));
    let list = git(root, &["ls-tree", "-r", "-z", &commit, "--", &below], None)?;
    let list = String::from_utf8_lossy(&list);
    let mut names = Vec::new();
    let mut wanted = String::new();
    for entry in list.split('\0') {
        let Some((meta, path)) = entry.split_once('\t') else { continue };
        let mut meta = meta.split(' ');
        let (mode, id) = (meta.next().unwrap_or_default(), meta.nth(1).unwrap_or_default());
        if mode.starts_with("100") && path.ends_with(".md") {
            names.push(path.to_owned());
            wanted += &format!("{id}\n");
        }
    }
    let contents = contents(root, &wanted)?;
    Ok(names.into_iter().zip(contents).filter_map(|(name, bytes)| Some((name, bytes?))).collect())
}

/// What a file was, newest first.
///
/// # Errors
/// There is no git, or no repository.
pub fn history(root: &Path, file: &str, most: usize) -> Result<Vec<Vec<u8>>, RevisionError> {
    let most = format!("-n{most}");
    let list = git(root, &["log", "--format=%H", &most, "--", file], None)?;
    let list = String::from_utf8_lossy(&list);
    let wanted: String = list.lines().map(|commit| format!("{commit}:./{file}\n")).collect();
    Ok(contents(root, &wanted)?.into_iter().flatten().collect())
}

/// Contents of objects, one name a line; `None` for what is not there.
fn contents(root: &Path, wanted: &str) -> Result<Vec<Option<Vec<u8>>>, RevisionError> {
    let all = git(root, &["cat-file", "--batch"], Some(wanted.as_bytes()))?;
    let mut rest = all.as_slice();
    let mut list = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 1..];
        let size = head.rsplit(' ').next().and_then(|size| size.parse::<usize>().ok());
        match size.filter(|size| !head.ends_with(" missing") && *size < rest.len()) {
            Some(size) => {
                list.push(Some(rest[..size].to_vec()));
                rest = &rest[size + 1..];
            }
            None => list.push(None),
        }
    }
    Ok(list)
}
