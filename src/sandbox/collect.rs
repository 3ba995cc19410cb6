//! Reads what programs wrote into the source folder of a sandbox. Only plain files are looked into;
//! everything else is named.

use std::cmp::Ordering;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, fstat, openat};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::errors::{SandboxError, failed};
use super::protocol::{Task, TaskRole, receive, send};
use super::session::{Session, TaskWires};
use super::view::SandboxView;
use crate::process::{Ended, Program};
use crate::types::limits;

/// Folders of tools' own files, which are not looked into.
const TOOLS: [&str; 7] =
    ["target", "node_modules", "__pycache__", ".git", ".pytest_cache", ".ruff_cache", ".venv"];
/// Entries and levels that are looked at.
const ENTRIES: usize = 20_000;
const LEVELS: usize = 32;
/// Characters that are told of one that is ignored.
const NAME: usize = 1000;

/// What programs left in the source folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftFiles {
    /// Plain files by path.
    pub files: Vec<(String, Vec<u8>)>,
    /// What was not read: `PATH: why`.
    pub ignored: Vec<String>,
}

/// The same as a message; the files' bytes follow.
#[derive(Default, Serialize, Deserialize)]
struct Listed {
    files: Vec<(String, usize)>,
    ignored: Vec<String>,
}

/// Writes the files below a folder.
#[cfg(target_os = "linux")]
pub fn run(folder: &str, mut out: impl Write) -> io::Result<()> {
    let mut seen = LeftFiles::default();
    let read = open(CWD, folder).and_then(|top| {
        let device = fstat(&top)?.st_dev;
        Walk { seen: &mut seen, device, entries: 0, bytes: 0 }.folder(top, "", 0)
    });
    if let Err(why) = read {
        seen.ignored.push(format!("{folder}: {why}"));
    }
    let files = seen.files.iter().map(|(path, bytes)| (path.clone(), bytes.len())).collect();
    let listed = Listed { files, ignored: seen.ignored };
    send(&mut out, &listed)?;
    seen.files.iter().try_for_each(|(_, bytes)| out.write_all(bytes))?;
    out.flush()
}

fn open(at: impl std::os::fd::AsFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(openat(at, name, flags, Mode::empty())?)
}

struct Walk<'a> {
    seen: &'a mut LeftFiles,
    device: u64,
    entries: usize,
    bytes: usize,
}

impl Walk<'_> {
    /// Names what is not read.
    fn ignore(&mut self, text: &str) {
        match self.seen.ignored.len().cmp(&limits::TREE_FILES) {
            Ordering::Less => self.seen.ignored.push(text.chars().take(NAME).collect()),
            Ordering::Equal => self.seen.ignored.push("more files".to_owned()),
            Ordering::Greater => {}
        }
    }

    fn folder(&mut self, folder: OwnedFd, before: &str, level: usize) -> io::Result<()> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if self.entries == ENTRIES {
                self.ignore(&format!("{before}: more than {ENTRIES} files"));
                return Ok(());
            }
            self.entries += 1;
            names.push(name);
        }
        names.retain(|name| name != "." && name != "..");
        names.sort();
        for name in names {
            let path = format!("{before}{name}");
            if let Err(why) = self.entry(&folder, &name, &path, level) {
                self.ignore(&format!("{path}: {why}"));
            }
        }
        Ok(())
    }

    fn entry(&mut self, at: &OwnedFd, name: &str, path: &str, level: usize) -> io::Result<()> {
        let no = |why: &str| Err(io::Error::other(why));
        let file = match open(at, name) {
            Err(why) if why.raw_os_error() == Some(libc::ELOOP) => return no("a link"),
            file => file?,
        };
        let seen = fstat(&file)?;
        if seen.st_dev != self.device {
            return no("on another file system");
        }
        match FileType::from_raw_mode(seen.st_mode) {
            FileType::Directory if TOOLS.contains(&name) => no("files of a tool"),
            FileType::Directory if level == LEVELS => no("too deep"),
            FileType::Directory => self.folder(file, &format!("{path}/"), level + 1),
            FileType::RegularFile if seen.st_nlink > 1 => no("it has a second name"),
            FileType::RegularFile => {
                let size = usize::try_from(seen.st_size).unwrap_or(usize::MAX);
                if size > limits::FILE_BYTES {
                    return no("it is too large");
                }
                if self.bytes + size > limits::TREE_BYTES
                    || self.seen.files.len() == limits::TREE_FILES
                {
                    return no("more than a candidate may have");
                }
                let mut bytes = Vec::new();
                std::fs::File::from(file).take(size as u64).read_to_end(&mut bytes)?;
                self.bytes += bytes.len();
                self.seen.files.push((path.to_owned(), bytes));
                Ok(())
            }
            _ => no("it is not a plain file"),
        }
    }
}

impl Session {
    /// The files of the source folder. No program of the session runs any more.
    ///
    /// # Errors
    /// The sandbox failed.
    pub async fn collect(&self) -> Result<LeftFiles, SandboxError> {
        let (out, output) = io::pipe().map_err(failed)?;
        let mut out = pipe::Receiver::from_owned_fd(out.into()).map_err(failed)?;
        let input = OwnedFd::from(std::fs::File::open("/dev/null").map_err(failed)?);
        let wires = TaskWires { input, feed: None, output: output.into(), read: None };
        let program = Program {
            path: "collect".into(),
            args: Vec::new(),
            dir: "/".into(),
            env: Vec::new(),
            stdin: None,
            timeout: limits::SANDBOX_START,
        };
        let task = Task { program, view: SandboxView::Read, role: TaskRole::Collect };
        let most = (limits::TREE_BYTES + limits::ORDER_BYTES) as u64;
        let mut told = Vec::new();
        let read = async { (&mut out).take(most).read_to_end(&mut told).await.map_err(failed) };
        let (ended, _) = tokio::try_join!(self.wired(task, wires), read)?;
        // A full file system is the work of programs before.
        if !matches!(ended.ended, Ended::Exit(0) | Ended::Limit(_)) {
            return Err(failed(format!("reading the files {}", ended.ended)));
        }
        let mut told = told.as_slice();
        let listed: Listed = receive(&mut told).map_err(failed)?;
        let mut files = Vec::new();
        for (path, length) in listed.files {
            let (bytes, rest) = told.split_at_checked(length).ok_or_else(|| failed("cut off"))?;
            files.push((path, bytes.to_vec()));
            told = rest;
        }
        Ok(LeftFiles { files, ignored: listed.ignored })
    }
}
