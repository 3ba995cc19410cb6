//! Commands over workspaces whose files are damaged: each ends in time and without a panic, and
//! writes nothing outside of the workspace.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::fuzz::Numbers;
use crate::server::{Server, lib};
use crate::world::{GOOD, PATIENCE, World, all, collect, repeated};

/// What is done to a file or folder.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Cut,
    Flip,
    Random,
    Empty,
    Missing,
    Folder,
    Loop,
    Dangling,
    /// A link to a file outside of the workspace.
    FileOutside,
    /// A link to a folder outside of the workspace.
    FolderOutside,
    /// A pipe without a writer.
    Pipe,
    Socket,
    Huge,
}

const DAMAGES: [Damage; 13] = [
    Damage::Cut,
    Damage::Flip,
    Damage::Random,
    Damage::Empty,
    Damage::Missing,
    Damage::Folder,
    Damage::Loop,
    Damage::Dangling,
    Damage::Socket,
    Damage::Huge,
    Damage::FileOutside,
    Damage::FolderOutside,
    Damage::Pipe,
];

const COMMANDS: [&[&str]; 34] = [
    &["plan"],
    &["plan", "--json"],
    &["lint"],
    &["lint", "--fix"],
    &["lint", "--format", "sarif"],
    &["diff"],
    &["diff", "HEAD"],
    &["trace"],
    &["trace", "--check"],
    &["check"],
    &["check", "--fix-lock"],
    &["check", "--policy", "policy.toml"],
    &["check", "--summary"],
    &["verify"],
    &["status"],
    &["status", "--json"],
    &["log"],
    &["log", "adder"],
    &["why", "adder"],
    &["show", "1"],
    &["export", "1"],
    &["gc"],
    &["rollback", "adder"],
    &["rollback", "adder", "--discard-edits"],
    &["cassette", "ls"],
    &["cassette", "verify"],
    &["cassette", "prune"],
    &["run"],
    &["run"],
    &["run", "--discard-edits"],
    &["--spec", "adder"],
    &["init"],
    &["doctor"],
    &["pause"],
];

/// Files and folders of a workspace; the deeper ones have the same chance.
fn places(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                left.push(entry.path());
            }
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

fn remove(path: &Path) {
    let is_folder = path.symlink_metadata().is_ok_and(|about| about.is_dir());
    let removed =
        if is_folder { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    removed.expect("removes");
}

fn damage(path: &Path, damage: Damage, outside: &Path, numbers: &mut Numbers) {
    let mut bytes = if path.is_file() { std::fs::read(path).expect("reads") } else { Vec::new() };
    match damage {
        Damage::Cut => bytes.truncate(numbers.below(bytes.len())),
        Damage::Flip if !bytes.is_empty() => {
            let at = numbers.below(bytes.len());
            bytes[at] ^= 1 << numbers.below(8);
        }
        Damage::Random => bytes = (0..300).map(|_| numbers.below(256) as u8).collect(),
        Damage::Empty => bytes.clear(),
        _ => {}
    }
    remove(path);
    let done = match damage {
        Damage::Missing => Ok(()),
        Damage::Folder => std::fs::create_dir(path),
        Damage::Loop => symlink(path, path),
        Damage::Dangling => symlink("/nowhere/at/all", path),
        Damage::FileOutside => symlink(outside.join("file"), path),
        Damage::FolderOutside => symlink(outside, path),
        Damage::Pipe => {
            let kind = rustix::fs::FileType::Fifo;
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).map_err(Into::into)
        }
        Damage::Socket => std::os::unix::net::UnixListener::bind(path).map(drop).or(Ok(())),
        Damage::Huge => std::fs::File::create(path).and_then(|file| file.set_len(600_000_000)),
        _ => std::fs::write(path, bytes),
    };
    done.expect("is done");
}

/// Runs a command to its end; `None` if it hangs.
fn ended(mut command: Command) -> Option<Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("starts");
    let pid = rustix::process::Pid::from_child(&child);
    let (sender, output) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    match output.recv_timeout(PATIENCE) {
        Ok(output) => output.ok(),
        Err(_) => {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            None
        }
    }
}

/// Damages a copy of a workspace and runs a command there; what is wrong, if anything.
fn round(template: &World, number: u64) -> Option<String> {
    let mut numbers = Numbers::new(number);
    let folder = tempfile::tempdir().expect("a folder");
    let (root, outside) = (folder.path().join("project"), folder.path().join("outside"));
    let copied = Command::new("cp").arg("-a").arg(template.path("")).arg(&root).status();
    assert!(copied.expect("runs").success());
    std::fs::create_dir_all(outside.join("folder")).expect("makes folders");
    for file in ["file", "folder/file", "lib.rs"] {
        std::fs::write(outside.join(file), "a person's\n").expect("writes");
    }
    let seen = |path: &Path| {
        let mut found = BTreeMap::new();
        collect(path, &mut found);
        (places(path), found)
    };
    let before = seen(&outside);
    let mut told = format!("round {number}:");
    for _ in 0..=numbers.below(2) {
        let all = places(&root);
        let place = numbers.one(&all);
        let kind = *numbers.one(&DAMAGES);
        let name = place.strip_prefix(&root).expect("is below").display();
        told += &format!(" {kind:?} {name},");
        damage(place, kind, &outside, &mut numbers);
    }
    let args = *numbers.one(&COMMANDS);
    told += &format!(" {args:?}");
    let mut command = template.command(args);
    command.current_dir(&root);
    let wrong = match ended(command) {
        None => "hangs".to_owned(),
        Some(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let code = output.status.code();
            if code.is_none_or(|code| code == 101) || text.contains("panicked at") {
                format!("ends with {code:?}: {text}")
            } else if seen(&outside) != before {
                format!("writes outside: {:?}", seen(&outside).0)
            } else {
                return None;
            }
        }
    };
    Some(format!("{told} {wrong}"))
}

/// A workspace with all that can be in one.
fn template(server: &Server) -> World {
    let world = World::quick(&server.url);
    world.write("policy.toml", "models = [\"scripted\"]\nmax_age_days = 30\n");
    world.write(
        "validators/adder/rust/suite.rs",
        "#[test]\nfn adds__more() {\n    assert_eq!(adder::add(0, 9), 9);\n}\n",
    );
    let text = world.read("harness.toml");
    world.write(
        "harness.toml",
        &text.replace("[generator]\n", "[generator]\ncassettes = \"auto\"\n"),
    );
    world.run(&["run"]).expect(0);
    world.run(&["run", "--force"]).expect(0);
    world.run(&["trace", "--json"]);
    world
}

#[test]
fn commands_over_damaged_workspaces_end_and_write_nothing_elsewhere() {
    if !all() {
        return;
    }
    let only = std::env::var("REGEN_FUZZ_INPUT").ok().map(|text| text.parse().expect("a number"));
    let server = Server::start(vec![lib(GOOD)]);
    let world = template(&server);
    let numbers: Vec<u64> = only.map_or_else(|| (0..repeated(500, 150)).collect(), |one| vec![one]);
    let work = |part: usize| -> Vec<String> {
        let mine = numbers.iter().skip(part).step_by(2);
        mine.filter_map(|number| round(&world, *number)).collect()
    };
    let wrong = std::thread::scope(|scope| {
        let other = scope.spawn(|| work(1));
        [work(0), other.join().expect("ends")].concat()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
