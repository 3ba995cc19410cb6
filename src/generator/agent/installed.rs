//! What of an agent is on this machine: its program, its packages, and what runs a script.

use std::io::Read;
use std::path::{Path, PathBuf};

/// A program on this machine, by its name or path, with links followed.
pub fn on_path(name: &str) -> Option<PathBuf> {
    std::fs::canonicalize(find(name)?).ok()
}

fn find(name: &str) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return std::path::absolute(name).ok().filter(is_program);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(is_program)
}

/// What a program reads of its own. What is below /usr is there for every program.
pub fn shown(program: &Path) -> Vec<PathBuf> {
    let mut all = vec![packages(program)];
    all.extend(interpreter(program).iter().flat_map(|one| runtime(one)));
    all.retain(|path| !path.starts_with("/usr") && path.exists());
    all
}

/// What a program is installed with: its packages, its environment of Python, or nothing. A folder
/// that it only lies in is not shown: that may be the workspace.
fn packages(program: &Path) -> PathBuf {
    let is_environment = |folder: &&Path| folder.join("pyvenv.cfg").is_file();
    let environment = program.ancestors().skip(1).find(is_environment);
    let packages = program.ancestors().find(|path| path.ends_with("node_modules"));
    packages.or(environment).unwrap_or(program).to_owned()
}

/// The program that a script's first line names.
pub fn interpreter(program: &Path) -> Option<PathBuf> {
    let mut head = Vec::new();
    std::fs::File::open(program).ok()?.take(256).read_to_end(&mut head).ok()?;
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut words = text.strip_prefix("#!")?.lines().next()?.split_whitespace();
    let first = words.next()?;
    find(if first.ends_with("/env") { words.find(|word| !word.starts_with('-'))? } else { first })
}

/// The files of an interpreter: the links to it, itself, and Python's library.
fn runtime(interpreter: &Path) -> Vec<PathBuf> {
    let mut all = vec![interpreter.to_owned()];
    // The kernel follows no more links.
    for _ in 0..40 {
        let at = all.last().map_or(interpreter, PathBuf::as_path);
        let Ok(to) = at.read_link() else { break };
        let to = at.parent().unwrap_or(at).join(to);
        all.push(to);
    }
    let real = std::fs::canonicalize(interpreter).unwrap_or_default();
    let library = real.parent().and_then(Path::parent).map(|prefix| prefix.join("lib"));
    all.push(real);
    for entry in library.into_iter().flat_map(std::fs::read_dir).flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if ["python3", "libpython3"].iter().any(|start| name.starts_with(start)) {
            all.push(entry.path());
        }
    }
    all
}
