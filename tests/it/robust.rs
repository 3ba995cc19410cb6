//! Machines that lack something: a read-only checkout, no home folder, no compiler, a full disk, a
//! reader that has gone.

#![expect(clippy::print_stdout, reason = "a test that cannot run says so")]

use std::os::unix::fs::{FileTypeExt, symlink};
use std::process::{Command, Stdio};

use crate::server::{Act, Server, lib};
use crate::world::{GOOD, Run, World, all};

/// Commands that only read, with their exit code.
const READERS: [&[&str]; 17] = [
    &["plan"],
    &["plan", "adder"],
    &["status"],
    &["lint"],
    &["diff"],
    &["trace"],
    &["check"],
    &["verify"],
    &["why"],
    &["why", "adder"],
    &["log"],
    &["log", "adder"],
    &["show"],
    &["cassette", "ls"],
    &["schema"],
    &["man"],
    &["completions", "bash"],
];

fn promoted() -> World {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    world
}

/// Runs regen in a mount namespace, after a shell command; `None` where that is not allowed.
fn apart(world: &World, before: &str, args: &[&str]) -> Option<Run> {
    let mut command = world.command(&[]);
    let program = command.get_program().to_owned();
    let script = format!("{before} && cd \"$PWD\" && exec \"$@\"");
    let mut shell = Command::new("unshare");
    shell.args(["-Urm", "/bin/sh", "-c", &script, "sh"]).arg(program).args(args);
    for (name, value) in command.stdin(Stdio::null()).get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.current_dir(world.path("")).stdin(Stdio::null());
    let run = Run::of(&mut shell);
    let refused = run.err.contains("unshare") || run.err.contains("mount:");
    if refused {
        println!("skipped, mount namespaces are not allowed here: {}", run.err);
    }
    (!refused).then_some(run)
}

#[test]
fn commands_that_read_need_no_home_no_cache_and_no_compiler() {
    let world = promoted();
    for args in READERS {
        let whole = world.run(args);
        let mut poor = world.command(args);
        poor.env_clear().env("PATH", "/nowhere");
        let run = Run::of(&mut poor);
        assert!(!run.err.contains("panicked"), "{args:?}: {}", run.err);
        // Without a home folder it is not known who made `.regen/`.
        let history = matches!(args[0], "log" | "show");
        assert!(run.code == whole.code || history && run.code != 40, "{args:?}: {run:?}");
        let mut nothing = world.command(args);
        nothing.env("XDG_CACHE_HOME", "/dev/null/no").env("PATH", "/nowhere");
        let run = Run::of(&mut nothing).expect(whole.code);
        assert_eq!(run.out, whole.out, "{args:?}");
    }
}

#[test]
fn commands_that_read_work_in_a_read_only_checkout() {
    let world = promoted();
    let before = "mount --bind \"$PWD\" \"$PWD\" && mount -o remount,bind,ro \"$PWD\"";
    for args in READERS {
        let whole = world.run(args);
        let Some(run) = apart(&world, before, args) else { return };
        let run = run.expect(whole.code);
        assert_eq!(run.out, whole.out, "{args:?}");
    }
    for args in [&["run"][..], &["rollback", "adder"], &["remove", "adder", "--force"]] {
        let run = apart(&world, before, args).expect("worked before").expect(40);
        assert!(run.err.contains(".regen"), "{args:?} names no path: {}", run.err);
        assert!(run.err.contains("hint: "), "{args:?} has no hint: {}", run.err);
    }
    let run = apart(&world, before, &["trace", "--write"]).expect("worked before").expect(40);
    assert!(run.err.contains("regen.trace"), "{}", run.err);
}

#[test]
fn a_full_disk_is_named_with_its_path() {
    let world = promoted();
    let small = "mount -t tmpfs -o size=300k tmpfs .regen && mount -t tmpfs -o size=16k tmpfs specs \
                 && cp /dev/zero specs/zero 2>/dev/null; cp /dev/zero .regen/zero 2>/dev/null; true";
    for args in [&["run"][..], &["gc"], &["rollback", "adder"]] {
        let Some(run) = apart(&world, small, args) else { return };
        assert!(!run.err.contains("panicked"), "{args:?}: {}", run.err);
        assert_ne!(run.code, 0, "{args:?}: {run:?}");
        assert!(run.err.contains(".regen") || run.err.contains("specs"), "{args:?}: {}", run.err);
    }
    for args in [&["export", "-o", "/dev/full"][..], &["check", "-o", "json=/dev/full"]] {
        let run = world.run(args).expect(2);
        assert!(run.err.contains("/dev/full"), "{args:?}: {}", run.err);
        assert!(run.err.contains("hint: "), "{args:?}: {}", run.err);
    }
    let server = Server::start(vec![Act::Say("### CONFLICT: adder/adds no\n".to_owned())]);
    let conflict = World::quick(&server.url);
    for (world, args, code) in [
        (&world, &["plan"][..], 40),
        (&world, &["run", "--json"], 40),
        (&conflict, &["run", "--json"], 21),
        (&world, &["plan", "nothing", "--json"], 2),
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("is there");
        let run = Run::of(world.command(args).stdout(full)).expect(code);
        let why = "cannot write to standard output: No space left on device";
        assert!(run.err.contains(why), "{args:?}: {}", run.err);
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let world = promoted();
    let more: [&[&str]; 8] = [
        &["--help"],
        &["run", "--help"],
        &["--version"],
        &["export", "-o", "-"],
        &["run"],
        &["run", "--json"],
        &["doctor"],
        &["frobnicate"],
    ];
    for args in READERS.iter().copied().chain(more) {
        let whole = world.run(args).code;
        for close_both in [false, true] {
            let (read, write) = std::io::pipe().expect("a pipe");
            let mut command = world.command(args);
            command.stdout(write.try_clone().expect("is open")).stderr(Stdio::piped());
            if close_both {
                command.stderr(write.try_clone().expect("is open"));
            }
            drop((read, write));
            let run = Run::of(&mut command);
            assert!(!run.err.contains("panicked"), "{args:?}: {}", run.err);
            assert_eq!(run.code, whole, "{args:?}: {run:?}");
            assert!(!run.err.contains("ipe"), "{args:?}: {}", run.err);
        }
    }
}

#[test]
fn an_output_file_never_replaces_what_is_not_a_regular_file() {
    if !all() {
        return;
    }
    let world = promoted();
    let fifo = world.path("pipe");
    Command::new("mkfifo").arg(&fifo).status().expect("runs");
    symlink("target.txt", world.path("link.txt")).expect("links");
    world.write("target.txt", "old");
    std::fs::create_dir(world.path("folder")).expect("makes it");
    for command in [&["export"][..], &["check"]] {
        let to = |name: &str| {
            let name =
                if command[0] == "check" { format!("human={name}") } else { name.to_owned() };
            world.run(&[command, &["-o", &name]].concat())
        };
        let run = to("pipe").expect(2);
        assert!(run.err.contains("a pipe that no program reads"), "{}", run.err);
        assert!(fifo.metadata().expect("is there").file_type().is_fifo());
        to("link.txt").expect(0);
        assert!(world.path("link.txt").is_symlink());
        assert_ne!(world.read("target.txt"), "old");
        world.write("target.txt", "old");
        let run = to("folder").expect(2);
        assert!(run.err.contains("--output folder: "), "{}", run.err);
        assert!(world.path("folder").is_dir());
        to("/dev/null").expect(0);
        to("nowhere/file").expect(0);
        assert!(world.path("nowhere/file").is_file());
        std::fs::remove_dir_all(world.path("nowhere")).expect("was made");
    }
    for args in [&["check", "--summary", "pipe"][..], &["plan", "--log-file", "pipe"]] {
        let run = world.run(args).expect(2);
        assert!(run.err.contains("pipe: a pipe that no program reads"), "{args:?}: {}", run.err);
    }
    let run = world.run(&["check", "--policy", "pipe"]).expect(2);
    assert!(run.err.contains("pipe: a pipe that no program wrote to"), "{}", run.err);
    // A pipe that a program holds is written to, and one without a name is read to its end.
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 3<>pipe; \"$0\" check --summary pipe && head -n 1 <&3 > read.txt"]);
    shell.arg(world.command(&[]).get_program()).current_dir(world.path(""));
    Run::of(shell.stdin(Stdio::null())).expect(0);
    assert!(world.read("read.txt").contains("regen"), "{}", world.read("read.txt"));
    let mut shell = Command::new("bash");
    shell.args(["-c", "\"$0\" check --policy <(sleep $1; echo signed = false)"]);
    // Longer than a pipe with a name is waited for.
    shell.arg(world.command(&[]).get_program()).arg("6");
    let run = Run::of(shell.current_dir(world.path("")).stdin(Stdio::null()));
    assert!(!run.err.contains("wrote"), "{}", run.err);
}
