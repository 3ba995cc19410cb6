//! Reads specs from Git, through the `git` program.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::files;

/// Specs of a revision, by path relative to the workspace, and their bytes.
pub type RevisionFiles = Vec<(String, Vec<u8>)>;

/// Why git failed.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// It cannot be started.
    #[error("git: {0}")]
    Git(io::Error),
    /// It reported an error, such as an unknown revision.
    #[error("{0}")]
    Refused(String),
}

/// Runs git in a workspace. Gives its standard output.
fn git(root: &Path, args: &[&str], input: Option<&[u8]>) -> Result<Vec<u8>, RevisionError> {
    let mut child = Command::new("git")
        // `core.fsmonitor` would run a program from the repository's configuration.
        .args(["-c", "core.fsmonitor=false", "-C"])
        .arg(root)
        .args(args)
        // Git sets these in hooks, relative to another folder.
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
                // If git stops reading early, its own error is reported.
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

/// The commit of a revision.
///
/// # Errors
/// The revision or git does not exist.
pub fn commit(root: &Path, revision: &str) -> Result<String, RevisionError> {
    let what = format!("{revision}^{{commit}}");
    let found = git(root, &["rev-parse", "--verify", "--end-of-options", &what], None);
    let found = found.map_err(|error| match error {
        RevisionError::Refused(why) => {
            RevisionError::Refused(format!("unknown revision `{revision}`: {why}"))
        }
        missing => missing,
    })?;
    Ok(String::from_utf8_lossy(&found).trim().to_owned())
}

/// The merge base of two revisions.
///
/// # Errors
/// The revision or git does not exist.
pub fn merge_base(root: &Path, one: &str, other: &str) -> Result<String, RevisionError> {
    let (one, other) = (commit(root, one)?, commit(root, other)?);
    let found = git(root, &["merge-base", &one, &other], None)?;
    Ok(String::from_utf8_lossy(&found).trim().to_owned())
}

/// Files, relative to the workspace, that differ from a commit or are untracked.
///
/// # Errors
/// No git, or no repository.
pub fn changed(root: &Path, commit: &str) -> Result<Vec<String>, RevisionError> {
    let tracked = ["diff", "--name-only", "--no-renames", "--relative", "-z", commit, "--"];
    let new = ["ls-files", "-z", "--others", "--exclude-standard"];
    let lists = [git(root, &tracked, None)?, git(root, &new, None)?].concat();
    let names = lists.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// A file's content in a commit; `None` if missing.
///
/// # Errors
/// No git, or no repository.
pub fn file(root: &Path, commit: &str, file: &str) -> Result<Option<Vec<u8>>, RevisionError> {
    Ok(contents(root, &format!("{commit}:./{file}\n"))?.into_iter().next().flatten())
}

/// A tracked file below a folder, if any.
pub fn tracked(folder: &Path) -> Option<String> {
    let name = folder.file_name()?.to_str()?;
    let root = folder.parent()?;
    root.ancestors().find(|path| path.join(".git").exists())?;
    let list = git(root, &["ls-files", "-z", "--", name], None).ok()?;
    let first = list.split(|byte| *byte == 0).next().filter(|name| !name.is_empty())?;
    Some(String::from_utf8_lossy(first).into_owned())
}

/// The paths that Git ignores; none without Git.
pub fn ignored(root: &Path, paths: &[&str]) -> Vec<String> {
    let input = paths.join("\0");
    let list = git(root, &["check-ignore", "-z", "--stdin"], Some(input.as_bytes()));
    let list = list.unwrap_or_default();
    let names = list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

/// The specs below a folder in a revision.
///
/// # Errors
/// The revision or git does not exist.
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
        if mode.starts_with("100") && files::is_spec(&below, path) {
            names.push(path.to_owned());
            wanted += &format!("{id}\n");
        }
    }
    let contents = contents(root, &wanted)?;
    Ok(names.into_iter().zip(contents).filter_map(|(name, bytes)| Some((name, bytes?))).collect())
}

/// Earlier contents of a file, newest first.
///
/// # Errors
/// No git, or no repository.
pub fn history(root: &Path, file: &str, most: usize) -> Result<Vec<Vec<u8>>, RevisionError> {
    let most = format!("-n{most}");
    let list = git(root, &["log", "--format=%H", &most, "--", file], None)?;
    let list = String::from_utf8_lossy(&list);
    let wanted: String = list.lines().map(|commit| format!("{commit}:./{file}\n")).collect();
    Ok(contents(root, &wanted)?.into_iter().flatten().collect())
}

/// Contents of objects, one name per line; `None` for missing ones.
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
