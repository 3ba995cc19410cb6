//! Where candidates stand: one fixed path per slot, outside the user's tree.
//!
//! A fixed path, because cargo's and rustc's caches are keyed by it: a new temporary path per
//! attempt costs four times the compile time. Fresh files each time, because cargo compares only
//! times: it runs an old binary over new sources that look older than the last build.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::process;
use crate::toolchain::Suite;
use crate::types::{Tree, limits};

/// What tools look for in the folders above a crate.
const CONFIGURATION: [&str; 9] = [
    ".cargo",
    ".clippy.toml",
    ".rustfmt.toml",
    "Cargo.lock",
    "Cargo.toml",
    "clippy.toml",
    "rust-toolchain",
    "rust-toolchain.toml",
    "rustfmt.toml",
];

/// The two workspaces of a target: one for the visible gates, one for the hidden gate alone.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Regen's folder in the machine's cache.
    cache: PathBuf,
    visible: Workspace,
    held_out: Workspace,
}

/// A crate's root and its build folder.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Slot {
    /// The slot of a target below the machine's cache folder. `name` tells workspaces and targets
    /// apart.
    pub fn new(cache: &Path, name: &str) -> Self {
        let root = cache.join("slots").join(name);
        Self {
            cache: cache.to_owned(),
            visible: Workspace { root: root.join("visible") },
            held_out: Workspace { root: root.join("held-out") },
        }
    }

    /// The workspace of every gate but the hidden one.
    pub fn visible(&self) -> &Workspace {
        &self.visible
    }

    /// The workspace of the hidden gate, which no other gate ever has.
    pub fn held_out(&self) -> &Workspace {
        &self.held_out
    }

    /// A folder for tools that work on their standard input, with the formatter's configuration.
    pub fn scratch(&self) -> PathBuf {
        self.visible.root.clone()
    }

    /// Makes the folders, and ends and removes what does not belong there: what an earlier
    /// candidate started would build and write beside the next one, and cargo and the formatter
    /// would take wishes from configuration in the folders above.
    ///
    /// # Errors
    /// The disk's, with the folder's name.
    pub fn open(&self) -> io::Result<()> {
        let named = |e: io::Error| {
            io::Error::new(e.kind(), format!("{}: {e}", self.visible.root.display()))
        };
        self.end_leftovers();
        self.sweep().map_err(named)?;
        self.held_out.clear().map_err(named)?;
        fs::create_dir_all(&self.visible.root).map_err(named)?;
        let wishes = self.scratch().join("rustfmt.toml");
        fs::write(wishes, "newline_style = \"Unix\"\n").map_err(named)
    }

    /// Takes configuration and links out of the folders on the way to the workspaces.
    fn sweep(&self) -> io::Result<()> {
        let mut folder = self.visible.root.as_path();
        let mut ours = vec![self.held_out.root.as_path(), folder];
        while let Some(above) = folder.parent().filter(|above| above.starts_with(&self.cache)) {
            ours.push(above);
            folder = above;
        }
        for folder in ours.into_iter().rev() {
            // The cache itself may be a link of the user's.
            let link = folder.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
            if link && folder != self.cache {
                fs::remove_file(folder)?;
            }
            for name in CONFIGURATION {
                remove(&folder.join(name))?;
            }
        }
        Ok(())
    }

    /// Ends every process that was started for this slot and is still there. The caller holds the
    /// writer lock, so none of them belongs to a living run.
    fn end_leftovers(&self) {
        process::end_orphans();
        for workspace in [&self.visible, &self.held_out] {
            if end_processes_of(&workspace.home()) > 0 {
                // Cargo remembers even that it failed to ask a compiler whose folder went away.
                let _ = fs::remove_file(workspace.target().join(".rustc_info.json"));
            }
        }
    }

    /// Ends what a candidate left running, and removes its files unless a person wants to look into
    /// them; the build folder of the visible workspace stays warm.
    ///
    /// # Errors
    /// The disk's.
    pub fn close(&self, keep: bool) -> io::Result<()> {
        self.end_leftovers();
        if keep {
            return Ok(());
        }
        remove(&self.visible.source())?;
        remove(&self.visible.home())?;
        remove(&self.held_out.root)
    }
}

/// Kills every process that was given this folder as its home; gives how many. Where there is no
/// `/proc` nothing is found.
fn end_processes_of(home: &Path) -> usize {
    let home = [b"HOME=", home.as_os_str().as_bytes()].concat();
    let mut killed = 0;
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid =
            entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let ours = fs::read(entry.path().join("environ"))
            .is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == home));
        if let Some(pid) = pid.filter(|_| ours)
            && kill_process(pid, Signal::KILL).is_ok()
        {
            killed += 1;
            wait_for_end(&entry.path());
        }
    }
    killed
}

/// Waits, but not for ever, until a killed process is gone.
fn wait_for_end(process: &Path) {
    let end = Instant::now() + limits::KILL_GRACE;
    while process.join("cwd").read_link().is_ok() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Removes a folder, file or link that may not be there.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        _ => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Workspace {
    /// The crate's root.
    pub fn source(&self) -> PathBuf {
        self.root.join("src")
    }

    /// Cargo's build folder.
    pub fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// Home and temporary folder of what runs here.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Replaces the crate's root by a tree and the tests over it.
    ///
    /// # Errors
    /// The disk's.
    pub fn fill(&self, tree: &Tree, suites: &[&Suite]) -> io::Result<()> {
        remove(&self.source())?;
        remove(&self.home())?;
        fs::create_dir_all(self.home())?;
        let source = self.source();
        let config = format!(
            "# The harness's own.\n[build]\ntarget-dir = {:?}\nincremental = false\n[term]\ncolor = \"never\"\n\
             [profile.dev]\ndebug = false\n",
            self.target().display().to_string()
        );
        let write = |path: &str, bytes: &[u8]| {
            let path = source.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&source))?;
            fs::write(path, bytes)
        };
        for (path, bytes) in tree.iter() {
            write(path.as_str(), bytes)?;
        }
        for suite in suites {
            write(suite.path.as_str(), suite.text.as_bytes())?;
        }
        write(".cargo/config.toml", config.as_bytes())?;
        write("clippy.toml", b"")?;
        write("rustfmt.toml", b"newline_style = \"Unix\"\n")
    }

    /// Makes cargo build the crate anew whatever the files' times are, and keeps its dependencies.
    ///
    /// # Errors
    /// The disk's.
    pub fn forget(&self, package: &str) -> io::Result<()> {
        let prints = self.target().join("debug/.fingerprint");
        let Ok(entries) = fs::read_dir(&prints) else { return Ok(()) };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let hash = name.to_string_lossy().rsplit_once('-').map(|(name, _)| name == package);
            if hash == Some(true) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Removes everything.
    ///
    /// # Errors
    /// The disk's.
    pub fn clear(&self) -> io::Result<()> {
        remove(&self.root)
    }
}
