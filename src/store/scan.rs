//! Scans folders and computes digests. Fast, since every deploy runs it.

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

/// Flags for opening a file: no symbolic links, no blocking on pipes.
const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// Flags for opening a folder: no symbolic links.
const FOLDER: OFlags =
    OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// An entry found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// A regular file.
    File {
        /// The digest of its content.
        digest: Digest,
        /// Its permissions, including the execute bits.
        mode: RawMode,
    },
    /// An attestation beside a tree.
    Attestation {
        /// Its content; empty if not UTF-8.
        text: String,
        /// Its permissions.
        mode: RawMode,
    },
    /// A symbolic link or special file, or too deep or too large.
    Other(&'static str),
    /// A build leftover; not scanned.
    Leftover,
}

/// Entries by path relative to the workspace.
pub type Scan = BTreeMap<String, Scanned>;

/// Scans folders of a workspace, reusing its buffers.
pub struct Scanner<'a> {
    root: &'a Path,
    found: Scan,
    bytes: Vec<u8>,
}

impl<'a> Scanner<'a> {
    /// An empty scan.
    pub fn new(root: &'a Path) -> Self {
        Self { root, found: Scan::new(), bytes: Vec::new() }
    }

    /// The direct entries of a folder: its folders by path, and everything else. A missing folder
    /// is empty.
    ///
    /// # Errors
    /// I/O errors.
    pub fn list(&mut self, folder: &str) -> io::Result<(Vec<String>, Scan)> {
        let mut folders = Vec::new();
        if let Some(mut top) = self.top(folder)? {
            folders = self.level(&mut top, folder, None)?;
        }
        let folders = folders.into_iter().map(|name| below(folder, &name));
        Ok((folders.collect(), std::mem::take(&mut self.found)))
    }

    /// All entries of a spec's unit; a missing one is empty.
    ///
    /// # Errors
    /// I/O errors.
    pub fn unit(&mut self, unit: &str) -> io::Result<Scan> {
        if let Some(mut top) = self.top(unit)? {
            self.walk(&mut top, unit, 0)?;
        }
        Ok(std::mem::take(&mut self.found))
    }

    /// Opens a folder, if it exists.
    fn top(&mut self, folder: &str) -> io::Result<Option<Dir>> {
        match openat(CWD, self.root.join(folder), FOLDER, Mode::empty()) {
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => {
                self.found.insert(folder.to_owned(), Scanned::Other("is not a folder"));
                Ok(None)
            }
            opened => opened.and_then(Dir::new).map(Some).map_err(|error| named(folder, error)),
        }
    }

    /// Scans an open folder; `path` is relative to the workspace.
    fn walk(&mut self, folder: &mut Dir, path: &str, depth: usize) -> io::Result<()> {
        for name in self.level(folder, path, Some(depth))? {
            let path = below(path, &name);
            if depth > limits::PATH_DEPTH {
                self.found.insert(path, Scanned::Other("is nested too deeply"));
                continue;
            }
            let inner = folder.fd().and_then(|fd| openat(fd, &name, FOLDER, Mode::empty()));
            let inner = inner.and_then(Dir::new).map_err(|error| named(&path, error));
            self.walk(&mut inner?, &path, depth + 1)?;
        }
        Ok(())
    }

    /// Scans the direct entries of an open folder; gives the names of its folders. A unit, at
    /// `depth` 0, contains attestations; its trees contain leftovers.
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
                FileType::Symlink => Scanned::Other("is a symbolic link"),
                _ => Scanned::Other("is not a regular file"),
            };
            self.found.insert(path, found);
        }
        Ok(folders)
    }
}

/// The path of an entry. Invalid UTF-8 is escaped so that it equals no valid name.
fn below(folder: &str, name: &CStr) -> String {
    match name.to_str() {
        Ok(name) => [folder, "/", name].concat(),
        Err(_) => format!("{folder}/{}", name.to_bytes().escape_ascii()),
    }
}

/// The type of an entry; some file systems need a `stat` for it.
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

/// Reads a regular file into a buffer.
fn file(
    folder: BorrowedFd<'_>,
    name: &CStr,
    attests: bool,
    buffer: &mut Vec<u8>,
) -> io::Result<Scanned> {
    let file = File::from(openat(folder, name, FILE, Mode::empty())?);
    let stat = fstat(&file)?;
    if stat.st_size as u64 > limits::TREE_BYTES as u64 {
        return Ok(Scanned::Other("is too large for a tree"));
    }
    let bytes = read(&file, stat.st_size as usize, buffer)?;
    // npm makes the scripts that it installs executable.
    let is_script = bytes.starts_with(b"#!/");
    let mode = stat.st_mode & if is_script { 0o7666 } else { 0o7777 };
    Ok(if attests {
        Scanned::Attestation {
            text: std::str::from_utf8(bytes).unwrap_or_default().to_owned(),
            mode,
        }
    } else {
        Scanned::File { digest: Digest::of(bytes), mode }
    })
}

/// Reads a file with few system calls: a short read means its end.
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
