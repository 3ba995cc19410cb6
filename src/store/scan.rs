//! Everything that stands below folders, with digests. A deploy waits for it.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, DirEntry, FileType, Mode, OFlags, RawMode, fstat, openat, statat,
};
use rustix::io::Errno;

use super::files::CARRIED;
use crate::types::{Digest, limits};

/// How a file is opened: not a link, and without waiting for what is none.
const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// How a folder is opened: a link is none.
const FOLDER: OFlags =
    OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Something that stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// A regular file.
    File {
        /// Its content.
        digest: Digest,
        /// Its permissions, with the bits for who runs it.
        mode: RawMode,
    },
    /// An attestation: a file beside a tree.
    Attestation {
        /// Its content; of what is not UTF-8 nothing.
        text: String,
        /// As of other files.
        mode: RawMode,
    },
    /// A link, or another thing that is neither a file nor a folder, or too deep or too large.
    Other(&'static str),
    /// What tools leave in a tree and regen carries along, not looked into.
    Leftover,
}

/// What is found, by path relative to the workspace.
pub type Scan = BTreeMap<String, Scanned>;

/// Looks at what stands below folders of a workspace; goes on with the same buffers.
pub struct Scanner<'a> {
    root: &'a Path,
    found: Scan,
    bytes: Vec<u8>,
}

impl<'a> Scanner<'a> {
    /// One that has seen nothing.
    pub fn new(root: &'a Path) -> Self {
        Self { root, found: Scan::new(), bytes: Vec::new() }
    }

    /// What lies directly in a folder: its folders, by path, and everything else. In one that is
    /// missing there is nothing.
    ///
    /// # Errors
    /// The disk's.
    pub fn list(&mut self, folder: &str) -> io::Result<(Vec<String>, Scan)> {
        let mut folders = Vec::new();
        if let Some(mut top) = self.top(folder)? {
            folders = self.level(&mut top, folder, None)?;
        }
        let folders = folders.into_iter().map(|name| below(folder, &name));
        Ok((folders.collect(), std::mem::take(&mut self.found)))
    }

    /// Everything in the unit of a spec; in one that is missing there is nothing.
    ///
    /// # Errors
    /// The disk's.
    pub fn unit(&mut self, unit: &str) -> io::Result<Scan> {
        if let Some(mut top) = self.top(unit)? {
            self.walk(&mut top, unit, 0)?;
        }
        Ok(std::mem::take(&mut self.found))
    }

    /// Opens a folder, if there is one.
    fn top(&mut self, folder: &str) -> io::Result<Option<Dir>> {
        match openat(CWD, self.root.join(folder), FOLDER, Mode::empty()) {
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                self.found.insert(folder.to_owned(), Scanned::Other("is no folder"));
                Ok(None)
            }
            opened => opened.and_then(Dir::new).map(Some).map_err(|error| named(folder, error)),
        }
    }

    /// Looks through an open folder; `path` is its name, relative to the workspace.
    fn walk(&mut self, folder: &mut Dir, path: &str, depth: usize) -> io::Result<()> {
        for name in self.level(folder, path, Some(depth))? {
            let path = below(path, &name);
            if depth > limits::PATH_DEPTH {
                self.found.insert(path, Scanned::Other("lies too deep"));
                continue;
            }
            let inner = folder.fd().and_then(|fd| openat(fd, &name, FOLDER, Mode::empty()));
            let inner = inner.and_then(Dir::new).map_err(|error| named(&path, error));
            self.walk(&mut inner?, &path, depth + 1)?;
        }
        Ok(())
    }

    /// Looks at what lies directly in an open folder, and gives the names of its folders. In a
    /// unit, at `depth` 0, there are attestations, in its trees leftovers.
    fn level(
        &mut self,
        folder: &mut Dir,
        path: &str,
        depth: Option<usize>,
    ) -> io::Result<Vec<CString>> {
        let mut folders = Vec::new();
        while let Some(entry) = folder.read() {
            let entry = entry.map_err(|error| named(path, error))?;
            let fd = folder.fd().map_err(|error| named(path, error))?;
            let name = entry.file_name();
            let carried = || CARRIED.iter().any(|carried| name.to_bytes() == carried.as_bytes());
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let path = below(path, name);
            let failed = |error| named(&path, error);
            let found = match kind(fd, &entry).map_err(|error| failed(error.into()))? {
                _ if depth == Some(1) && carried() => Scanned::Leftover,
                FileType::Directory => {
                    folders.push(name.to_owned());
                    continue;
                }
                FileType::RegularFile => {
                    let attests = depth == Some(0) && path.ends_with(".intoto.jsonl");
                    file(fd, name, attests, &mut self.bytes).map_err(failed)?
                }
                FileType::Symlink => Scanned::Other("is a link"),
                _ => Scanned::Other("is no regular file"),
            };
            self.found.insert(path, found);
        }
        Ok(folders)
    }
}

/// The path of an entry. No name that is not UTF-8 passes for one that is.
fn below(folder: &str, name: &CStr) -> String {
    match name.to_str() {
        Ok(name) => [folder, "/", name].concat(),
        Err(_) => format!("{folder}/{}", name.to_bytes().escape_ascii()),
    }
}

/// What an entry is; not every file system says so by itself.
fn kind(folder: BorrowedFd<'_>, entry: &DirEntry) -> rustix::io::Result<FileType> {
    match entry.file_type() {
        FileType::Unknown => {
            let stat = statat(folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(FileType::from_raw_mode(stat.st_mode))
        }
        kind => Ok(kind),
    }
}

fn named(path: &str, error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    io::Error::new(error.kind(), format!("{path}: {error}"))
}

/// A regular file, read into a buffer.
fn file(
    folder: BorrowedFd<'_>,
    name: &CStr,
    attests: bool,
    buffer: &mut Vec<u8>,
) -> io::Result<Scanned> {
    let file = File::from(openat(folder, name, FILE, Mode::empty())?);
    let stat = fstat(&file)?;
    if stat.st_size as u64 > limits::TREE_BYTES as u64 {
        return Ok(Scanned::Other("is larger than a tree may be"));
    }
    let mode = stat.st_mode & 0o7777;
    let bytes = read(&file, stat.st_size as usize, buffer)?;
    Ok(if attests {
        Scanned::Attestation {
            text: std::str::from_utf8(bytes).unwrap_or_default().to_owned(),
            mode,
        }
    } else {
        Scanned::File { digest: Digest::of(bytes), mode }
    })
}

/// Reads a file in as few calls as there can be: one that gives less than it may has met the end.
fn read<'b>(mut file: &File, expected: usize, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
    let mut length = 0;
    buffer.resize(buffer.len().max(expected + 1), 0);
    loop {
        if length == buffer.len() {
            buffer.resize(length * 2, 0);
        }
        match file.read(&mut buffer[length..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(count) => {
                length += count;
                if length < buffer.len() || length > limits::TREE_BYTES {
                    return Ok(&buffer[..length]);
                }
            }
        }
    }
}
