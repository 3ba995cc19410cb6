//! The first runs in a workspace, shared by tests that begin in the same way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::server::{Asked, Server};
use crate::world::{Run, World, is_long};

/// A first run, and what it left.
struct First {
    run: Run,
    /// What the server did.
    acts: Vec<String>,
    asked: Vec<Asked>,
    /// The folder of the workspace and its caches.
    folder: PathBuf,
}

/// First runs by commands and the files of their workspaces.
type Runs = BTreeMap<String, Arc<Mutex<Vec<First>>>>;

static RUNS: Mutex<Runs> = Mutex::new(Runs::new());

/// Folders of first runs of this process. Those of processes that have ended are deleted.
static FOLDERS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folders = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first");
    for entry in std::fs::read_dir(&folders).into_iter().flatten().flatten() {
        if !Path::new("/proc").join(entry.file_name()).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let own = folders.join(std::process::id().to_string());
    std::fs::create_dir_all(&own).expect("makes folders");
    own
});

/// Copies a folder with its links, modes and times, into another.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("makes folders");
    let done = Command::new("cp").arg("-aT").arg(from).arg(to).status();
    assert!(done.expect("copies").success());
}

impl World {
    /// Runs a command in a workspace in which only such commands were run before. Of tests that
    /// begin with the same files, commands and answers only one runs them; the others go on with a
    /// copy of what they left. In a long run each runs them.
    pub fn first(&self, server: &Server, args: &[&str]) -> Run {
        let before = self.ran.lock().expect("none panics").clone();
        let Some(before) = before.filter(|_| !is_long()) else { return self.run(args) };
        let key = format!("{before}{}{args:?}\n", self.written(&server.url));
        let same = Arc::clone(RUNS.lock().expect("none panics").entry(key.clone()).or_default());
        let mut same = same.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |first: &&First| first.acts == server.acts(first.acts.len());
        let run = if let Some(first) = same.iter().find(is_same) {
            let own = self.read("harness.toml");
            copy(&first.folder, self.folder());
            self.write("harness.toml", &own);
            server.has_answered(&first.asked);
            first.run.clone()
        } else {
            let already = server.asked().len();
            let run = self.run(args);
            let folder = tempfile::tempdir_in(&*FOLDERS).expect("a folder").keep();
            copy(self.folder(), &folder);
            let asked = server.asked();
            let (acts, asked) = (server.acts(asked.len()), asked[already..].to_vec());
            same.push(First { run: run.clone(), acts, asked, folder });
            run
        };
        *self.ran.lock().expect("none panics") = Some(key);
        run
    }

    /// The files of the workspace, without its state.
    fn written(&self, url: &str) -> String {
        let mut files = self.snapshot("");
        files.retain(|path, _| !path.starts_with(self.path(".regen")));
        let (root, mut all) = (self.path("").display().to_string(), String::new());
        for (path, bytes) in files {
            all += &format!("{}\n{}\n", path.display(), String::from_utf8_lossy(&bytes));
        }
        all.replace(&root, "").replace(url, "")
    }
}
