//! Everything that stands below folders, with digests: on all cores, because a deploy waits for it.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{AtFlags, CWD, Dir, DirEntry, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use super::files::CARRIED;
use crate::types::{Digest, limits};

/// Reads at a time, at least.
const DISK: usize = 8;

/// How a folder is opened: a link is none.
const FOLDER: OFlags =
    OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

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

/// What is found, by path relative to the workspace, in no order.
pub type Scan = Vec<(String, Found)>;

/// Looks at the units of specs, and, where a folder holds nothing but units, at everything in it.
///
/// # Errors
/// The disk's; a folder that is missing has nothing in it.
pub fn scan(root: &Path, folder: Option<&str>, units: &[String]) -> io::Result<Scan> {
    let mut found = Scan::new();
    let mut queue: Vec<String> = units.to_vec();
    if let Some(folder) = folder {
        let top = match openat(CWD, root.join(folder), FOLDER, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(found),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                found.push((folder.to_owned(), Found::Other("is no folder")));
                return Ok(found);
            }
            top => top.map_err(|error| named(folder, error))?,
        };
        queue.clear();
        for entry in Dir::read_from(&top).map_err(|error| named(folder, error))? {
            let entry = entry.map_err(|error| named(folder, error))?;
            let name = entry.file_name();
            let path = format!("{folder}/{}", name.to_string_lossy());
            match kind(&top, &entry).map_err(|error| named(&path, error))? {
                _ if matches!(name.to_bytes(), b"." | b"..") => {}
                FileType::Directory => queue.push(path),
                kind => one(&top, name, path, kind, &mut found)?,
            }
        }
    }
    let next = AtomicUsize::new(0);
    let all = Mutex::new(Ok(found));
    let work = || {
        let mut mine = Scan::new();
        let mut done = Ok(());
        while let Some(unit) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
            done = done.and_then(|()| match openat(CWD, root.join(unit), FOLDER, Mode::empty()) {
                Err(Errno::NOENT) => Ok(()),
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    mine.push((unit.clone(), Found::Other("is no folder")));
                    Ok(())
                }
                folder => walk(folder.map_err(|e| named(unit, e))?, unit, 0, &mut mine),
            });
        }
        let mut all = all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match (&mut *all, done) {
            (Ok(found), Ok(())) => found.append(&mut mine),
            (slot @ Ok(_), Err(error)) => *slot = Err(error),
            (Err(_), _) => {}
        }
    };
    // With cold caches they wait for the disk, which is faster when asked for several things.
    let threads = std::thread::available_parallelism().map_or(1, usize::from).max(DISK);
    let threads = threads.min(queue.len());
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Looks through an open folder; `path` is its name, relative to the workspace.
fn walk(folder: OwnedFd, path: &str, depth: usize, found: &mut Scan) -> io::Result<()> {
    let mut entries = Dir::new(folder).map_err(|error| named(path, error))?;
    while let Some(entry) = entries.read() {
        let entry = entry.map_err(|error| named(path, error))?;
        let folder = entries.fd().map_err(|error| named(path, error))?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let path = [path, "/", &name.to_string_lossy()].concat();
        let carried = || CARRIED.iter().any(|carried| name.to_bytes() == carried.as_bytes());
        let kind = kind(folder, &entry).map_err(|error| named(&path, error))?;
        if depth == 1 && carried() {
            found.push((path, Found::Leftover));
        } else if kind != FileType::Directory {
            one(folder, name, path, kind, found)?;
        } else if depth > limits::PATH_DEPTH {
            found.push((path, Found::Other("lies too deep")));
        } else {
            let inner = open(folder, name, OFlags::DIRECTORY).map_err(|e| named(&path, e))?;
            walk(inner, &path, depth + 1, found)?;
        }
    }
    Ok(())
}

/// What an entry is; not every file system says so by itself.
fn kind(folder: impl AsFd, entry: &DirEntry) -> rustix::io::Result<FileType> {
    match entry.file_type() {
        FileType::Unknown => {
            let stat = statat(folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(FileType::from_raw_mode(stat.st_mode))
        }
        kind => Ok(kind),
    }
}

fn open(
    folder: impl AsFd,
    name: impl rustix::path::Arg,
    more: OFlags,
) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | more;
    openat(folder, name, flags, Mode::empty())
}

fn named(path: &str, error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    io::Error::new(error.kind(), format!("{path}: {error}"))
}

fn one(
    folder: impl AsFd,
    name: &CStr,
    path: String,
    kind: FileType,
    found: &mut Scan,
) -> io::Result<()> {
    if kind != FileType::RegularFile {
        let is_link = kind == FileType::Symlink;
        let what = if is_link { "is a link" } else { "is no regular file" };
        found.push((path, Found::Other(what)));
        return Ok(());
    }
    let file = File::from(open(folder, name, OFlags::empty()).map_err(|e| named(&path, e))?);
    let stat = rustix::fs::fstat(&file).map_err(|error| named(&path, error))?;
    if stat.st_size as u64 > limits::TREE_BYTES as u64 {
        found.push((path, Found::Other("is larger than a tree may be")));
        return Ok(());
    }
    let bytes = read(&file, stat.st_size as usize).map_err(|error| named(&path, error))?;
    let digest = Digest::of(&bytes);
    let is_attestation = path.ends_with(".intoto.jsonl");
    // What is not UTF-8 is no attestation either.
    let text = is_attestation.then(|| String::from_utf8(bytes).unwrap_or_default());
    found.push((path, Found::File { digest, mode: stat.st_mode & 0o7777, text }));
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
