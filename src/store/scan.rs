//! Everything that stands below folders, with digests: on all cores, because a deploy waits for it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{Mode, OFlags};

use super::files::CARRIED;
use crate::types::{Digest, limits};

/// Something that stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A regular file.
    File {
        /// Its content.
        digest: Digest,
        /// Its permissions, with the bits for who runs it.
        mode: u32,
        /// Its text, of an attestation.
        text: Option<String>,
    },
    /// A link, or another thing that is neither a file nor a folder, or too deep or too large.
    Other(&'static str),
    /// What tools leave in a tree and regen carries along, not looked into.
    Leftover,
}

/// What is found, by path relative to the workspace.
pub type Scan = Vec<(String, Found)>;

/// Looks at the units of specs, and, where a folder holds nothing but units, at everything in it.
///
/// # Errors
/// The disk's; a folder that is missing has nothing in it.
pub fn scan(root: &Path, folder: Option<&str>, units: &[String]) -> io::Result<Scan> {
    let mut found = Scan::new();
    let mut queue: Vec<PathBuf> = units.iter().map(|unit| root.join(unit)).collect();
    if let Some(folder) = folder {
        match fs::symlink_metadata(root.join(folder)) {
            Ok(meta) if !meta.is_dir() => {
                found.push((folder.to_owned(), Found::Other("is no folder")));
                return Ok(found);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(error),
            Ok(_) => queue.clear(),
        }
        for entry in fs::read_dir(root.join(folder))? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => queue.push(entry.path()),
                false => one(root, &entry.path(), entry.file_type()?, &mut found)?,
            }
        }
    }
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Ok(found));
    let work = || {
        let mut mine = Scan::new();
        let mut done = Ok(());
        while let Some(unit) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
            done = done.and_then(|()| walk(root, unit, 0, &mut mine));
        }
        let mut all = all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match (&mut *all, done) {
            (Ok(found), Ok(())) => found.append(&mut mine),
            (slot @ Ok(_), Err(error)) => *slot = Err(error),
            (Err(_), _) => {}
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(queue.len());
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let mut found = all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)?;
    found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

fn walk(root: &Path, folder: &Path, depth: usize, found: &mut Scan) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if depth == 1 && CARRIED.iter().any(|carried| entry.file_name() == *carried) {
            found.push((name(root, &path), Found::Leftover));
        } else if !kind.is_dir() {
            one(root, &path, kind, found)?;
        } else if depth > limits::PATH_DEPTH {
            found.push((name(root, &path), Found::Other("lies too deep")));
        } else {
            walk(root, &path, depth + 1, found)?;
        }
    }
    Ok(())
}

fn one(root: &Path, path: &Path, kind: fs::FileType, found: &mut Scan) -> io::Result<()> {
    let name = name(root, path);
    if !kind.is_file() {
        let what = if kind.is_symlink() { "is a link" } else { "is no regular file" };
        found.push((name, Found::Other(what)));
        return Ok(());
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{name}: {error}"));
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| named(e.into()))?;
    let file = File::from(file);
    let meta = file.metadata().map_err(named)?;
    if meta.len() > limits::TREE_BYTES as u64 {
        found.push((name, Found::Other("is larger than a tree may be")));
        return Ok(());
    }
    let bytes = read(&file, meta.len() as usize).map_err(named)?;
    let digest = Digest::of(&bytes);
    let text =
        name.ends_with(".intoto.jsonl").then(|| String::from_utf8_lossy(&bytes).into_owned());
    found.push((name, Found::File { digest, mode: meta.mode() & 0o7777, text }));
    Ok(())
}

/// Reads a regular file in as few calls as there can be: a call that gives less than it may has met
/// the end.
fn read(mut file: &File, expected: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; expected + 1];
    let mut length = 0;
    loop {
        if length == bytes.len() {
            bytes.resize(length * 2, 0);
        }
        match file.read(&mut bytes[length..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(count) => {
                length += count;
                if length < bytes.len() || length > limits::TREE_BYTES {
                    bytes.truncate(length);
                    return Ok(bytes);
                }
            }
        }
    }
}

fn name(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}
