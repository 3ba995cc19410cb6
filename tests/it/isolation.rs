//! Effects of isolation on a run: limits reported to the model, nothing left behind, no silent
//! downgrade, unchanged caches.
#![expect(clippy::print_stdout, reason = "a test that cannot run says so")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use regen::gate::DependencyCache;
use regen::sandbox::{
    Backend, Bare, Bwrap, Landlock, Mount, MountMode, Namespaces, Sandbox, SandboxSpec, Scratch,
};
use regen::types::{Limits, LimitsConfig, Outcome, places};

use crate::server::{Server, lib};
use crate::world::{ADDER, GOOD, PATIENCE, PLAIN, World, all};

const FILES: [(&str, &str); 2] = [
    (
        "Cargo.toml",
        "[package]\nname = \"adder\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n",
    ),
    ("src/lib.rs", GOOD),
];
const SUPERVISOR: &str = env!("CARGO_BIN_EXE_regen");

/// An empty sandbox.
fn policy(config: &LimitsConfig) -> SandboxSpec {
    let mut spec = SandboxSpec::new(Limits::of(config));
    spec.scratch.push(Scratch::Program(places::TOOL_HOME.into()));
    spec
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

#[test]
fn an_exceeded_limit_is_a_separate_outcome_reported_to_the_model() {
    if !all() {
        return;
    }
    let limits = "[gate.test.limits]\nmemory_mb = 300\nprocesses = 100\nopen_files = 200\ndisk_mb = 50\n\
        inodes = 300\nfile_mb = 20\noutput_mb = 3\ncpu_s = 2\n";
    let mut said = String::new();
    for body in [
        "std::hint::black_box(vec![1_u8; 1 << 30]);",
        "for _ in 0..300 { std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(9))); }\n    \
             std::thread::sleep(std::time::Duration::from_secs(9));",
        "let mut all = Vec::new();\n    for _ in 0..400 { all.push(std::fs::File::open(\"/dev/null\").unwrap()); }",
        "for n in 0..9 { let _ = std::fs::write(format!(\"/tmp/{n}\"), vec![1_u8; 10 << 20]); }",
        "for n in 0..900 { let _ = std::fs::write(format!(\"/tmp/{n}\"), \"\"); }",
        "std::fs::write(\"/tmp/x\", vec![1_u8; 30 << 20]).unwrap();",
        "let line = \"x\".repeat(1 << 20);\n    for _ in 0..20 { println!(\"{line}\"); std::io::Write::write_all(&mut \
             std::io::stderr(), line.as_bytes()).unwrap(); }",
        "let mut n = 0_u64; loop { n = std::hint::black_box(n + 1); if n == u64::MAX { break; } }",
    ] {
        let code = GOOD.replace("    a.satur", &format!("    {body}\n    a.satur"));
        let server = Server::start(vec![lib(&code), lib(GOOD)]);
        let extra = format!(
            "effects = [\"fs\", \"clock\", \"thread\", \"stdout\", \"stderr\"]\n\
             gates = [\"layout\", \"check\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n{limits}"
        );
        let world = World::new(&server.url, &[("adder", ADDER)], &extra);
        let run = world.run(&["run"]).expect(0);
        said += &run.titled(body);
        let log = world.run(&["log", "--json"]).expect(0).json();
        let mut reports = log.iter().map(|event| &event["report"]);
        let report = reports.find(|report| report["gate"] == "test").expect("the gate ran");
        let message = report["findings"][0]["message"].as_str().expect("has one");
        assert!(
            server.prompt(1).contains(message.lines().next().unwrap_or("none").trim_end()),
            "{message}"
        );
    }
    insta::assert_snapshot!(said);
}

/// Processes below one, with the time each was started.
fn below(pid: u32) -> BTreeSet<(u32, String)> {
    let mut found = BTreeSet::new();
    let mut all = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("has processes").flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        all.push((pid, fields[1].parse::<u32>().unwrap_or(0), fields[19].to_owned()));
    }
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for (pid, above, started) in &all {
            if *above == parent {
                found.insert((*pid, started.clone()));
                parents.push(*pid);
            }
        }
    }
    found
}

fn alive(process: &(u32, String)) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.0)).unwrap_or_default();
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    fields.get(19).is_some_and(|started| **started == process.1) && fields[0] != "Z"
}

#[test]
fn killing_regen_in_the_middle_of_a_gate_leaves_nothing() {
    for (number, level) in [("86451", 2), ("86452", 1)] {
        let server = Server::start(vec![lib(GOOD)]);
        let gates = format!(
            "gates = [\"layout\", \"own\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n[gate.own]\n\
             argv = [\"sh\", \"-c\", \"setsid sleep {number} & sleep {number}\"]\n[sandbox]\nmin_level = 1\n"
        );
        let world = World::new(&server.url, &[("adder", PLAIN)], &gates);
        let mut command = match level {
            2 => world.command(&["run"]),
            _ => crate::attacks::without(&["namespaces"], &world, &["run"]),
        };
        let mut child = command
            .env("REGEN_MIN_LEVEL", "1")
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("starts");
        let line = format!("sleep\0{number}\0");
        let there = || {
            let all = std::fs::read_dir("/proc").expect("has processes").flatten();
            all.filter(|entry| {
                std::fs::read(entry.path().join("cmdline"))
                    .is_ok_and(|text| text == line.as_bytes())
            })
            .count()
        };
        let mut waited = Instant::now();
        while there() < 2 {
            assert!(waited.elapsed() < PATIENCE, "the gate was never begun");
            std::thread::yield_now();
        }
        let all = below(child.id());
        assert!(all.len() > 3, "{all:?}");
        child.kill().expect("is there");
        child.wait().expect("ends");
        waited = Instant::now();
        while all.iter().any(alive) || there() > 0 {
            assert!(waited.elapsed() < Duration::from_secs(30), "level {level}: {all:?}");
            std::thread::yield_now();
        }
        let rooms =
            std::fs::read_dir(world.cache().join("regen/rooms")).into_iter().flatten().count();
        assert_eq!(rooms, 0, "level {level}");
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("is there");
        assert!(!mounts.contains(&world.cache().display().to_string()), "{mounts}");
    }
}

#[test]
fn missing_isolation_is_reported_and_never_ignored() {
    if !all() {
        return;
    }
    let world = |url: &str| World::new(url, &[("adder", PLAIN)], "[sandbox]\nmin_level = 0\n");
    for (lacks, level, reason) in [
        (&["namespaces"][..], 1, "make namespaces: Operation not permitted"),
        (&["namespaces", "landlock"], 0, "the kernel has no Landlock"),
    ] {
        let server = Server::start(vec![lib(GOOD)]);
        let world = world(&server.url);
        let run = |allowed: Option<&str>| {
            let mut command = crate::attacks::without(lacks, &world, &["run"]);
            command.envs(allowed.map(|level| ("REGEN_MIN_LEVEL", level)));
            let output = command.output().expect("runs");
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let (code, said) = run(None);
        assert_eq!(code, Some(40), "{said}");
        assert!(said.contains(&format!("isolation level {level}")), "{said}");
        assert!(said.contains(reason) && said.contains("hint: "), "{said}");
        assert!(server.requests().is_empty(), "nothing is paid for that could not be judged");
        let (code, said) = run(Some("2"));
        assert_eq!(code, Some(40), "{said}");
        let (code, said) = run(Some("0"));
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(&format!("warning: isolation: level {level}")), "{said}");
        assert!(world.read("regen.lock").contains(&format!("isolation = {level}")));
        let doctor = crate::attacks::without(lacks, &world, &["doctor", "--json"]).output();
        let doctor = String::from_utf8_lossy(&doctor.expect("runs").stdout).into_owned();
        assert!(doctor.contains(reason) && doctor.contains("\"good\":false"), "{doctor}");
    }
    // Neither the configuration nor the variable alone allows a lower level.
    let server = Server::start(vec![]);
    let plain = World::adder(&server.url);
    let output = crate::attacks::without(&["namespaces"], &plain, &["run"])
        .env("REGEN_MIN_LEVEL", "0")
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(40));
    let server = Server::start(vec![lib(GOOD)]);
    let plain = World::adder(&server.url);
    let output = crate::attacks::without(&["landlock"], &plain, &["run"]).output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(0) && said.contains("Landlock is not available"),
        "{said}"
    );
    let wrong = world(&server.url).command(&["run"]).env("REGEN_MIN_LEVEL", "9").output();
    assert_eq!(wrong.expect("runs").status.code(), Some(2));
}

#[test]
fn in_a_container_with_a_masked_proc_or_only_root_the_level_is_one() {
    if !crate::attacks::is_root() {
        println!("not as root: the container cannot be simulated");
        return;
    }
    let world = World::adder("http://127.0.0.1:9/v1");
    let masked = "mount -t tmpfs none /proc/acpi && exec \"$@\"";
    for (flags, script, reason) in [
        (&["-mpf", "--mount-proc"][..], masked, "mount /proc: Operation not permitted"),
        (&["-Ur"], "exec \"$@\"", "no other user is known"),
    ] {
        let inner = world.command(&["doctor"]);
        let mut command = Command::new("unshare");
        command.args(flags).args(["sh", "-c", script, "sh"]).arg(inner.get_program());
        command
            .args(inner.get_args())
            .current_dir(world.path(""))
            .env("XDG_CACHE_HOME", world.cache())
            .env("XDG_STATE_HOME", world.cache());
        let output = command.output().expect("runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(40), "{said}");
        assert!(said.contains("level 1 (Landlock and seccomp") && said.contains(reason), "{said}");
    }
}

/// Everything below a folder, with modes.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = std::collections::BTreeMap::new();
    crate::world::collect(folder, &mut found);
    found.into_iter().map(|(path, bytes)| (path.display().to_string(), bytes)).collect()
}

#[test]
fn a_poisoned_build_does_not_change_layers_or_later_candidates() {
    if !all() {
        return;
    }
    let poison = "fn main() {\n    fn spoil(path: &std::path::Path) {\n        for entry in \
        std::fs::read_dir(path).into_iter().flatten().flatten() {\n            let path = entry.path();\n            \
        if path.is_dir() { spoil(&path); } else if std::fs::write(&path, b\"poison\").is_err() {\n                \
        let _ = std::fs::remove_file(&path);\n                let _ = std::fs::write(&path, b\"poison\");\n            }\n        \
        }\n    }\n    for folder in [\"/target\", \"/vendor\", \"/cargo\", \"/src\", \"/toolchain/lib\", \"/.upper\", \"/.layer\"] {\n        \
        spoil(std::path::Path::new(folder));\n    }\n}\n";
    let world = World::new(
        "http://127.0.0.1:9/v1",
        &[("adder", PLAIN)],
        "allowed_dependencies = { itoa = \"1\" }\n",
    );
    let manifest = "[package]\nname = \"adder\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
        [dependencies]\nitoa = { version = \"1\" }\n";
    let good = "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    let _ = itoa::Buffer::new().format(1);\n    \
        a.saturating_add(b)\n}\n";
    let right = [("Cargo.toml", manifest), ("src/lib.rs", good)];
    let hostile = [("Cargo.toml", manifest), ("src/lib.rs", good), ("build.rs", poison)];
    block_on(async {
        let first = world.gate_over("test", &right).await;
        assert_eq!(first.outcome, Outcome::Pass, "{first:?}");
        let layers = world.cache().join("layers");
        let before = contents(&layers);
        assert!(before.len() > 10, "the dependency is built");
        for _ in 0..20 {
            let report = world.gate_over("test", &hostile).await;
            assert_ne!(report.outcome, Outcome::Pass, "it spoiled its own build");
        }
        assert!(contents(&layers) == before, "a layer was changed");
        let again = world.gate_over("test", &right).await;
        assert_eq!(again.outcome, Outcome::Pass, "{again:?}");
    });
}

#[test]
fn concurrent_gates_share_a_layer_and_the_memory() {
    if !all() {
        return;
    }
    let world = World::adder("http://127.0.0.1:9/v1");
    block_on(async {
        // They wait for memory, not for cargo's locks.
        let shared =
            Sandbox::new(Path::new(SUPERVISOR), Arc::new(Namespaces), &world.cache(), 8192);
        let layers = DependencyCache::new(&world.cache());
        let gates = (0..20).map(|_| world.gate_in("check", &FILES, (&shared, &layers)));
        for report in futures::future::join_all(gates).await {
            assert_eq!(report.outcome, Outcome::Pass, "{report:?}");
        }
        let small = Sandbox::new(Path::new(SUPERVISOR), Arc::new(Landlock), &world.cache(), 512);
        let config = LimitsConfig { memory_mb: Some(256), ..LimitsConfig::default() };
        let policy = policy(&config);
        let (one, _two) = (small.open(&policy).await.expect("fits"), small.open(&policy).await);
        let mut third = Box::pin(small.open(&policy));
        assert!(futures::poll!(&mut third).is_pending(), "there is no memory for a third");
        one.close().await;
        third.await.expect("fits now");
    });
}

#[test]
fn a_sandbox_outlives_the_thread_that_opened_it() {
    let cache = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::new(Path::new(SUPERVISOR), Arc::new(Landlock), cache.path(), 4096);
    let policy = policy(&LimitsConfig::default());
    let opened = std::thread::spawn(move || block_on(sandbox.open(&policy)));
    let session = opened.join().expect("ends").expect("opens");
    let program = regen::process::Program {
        path: "/bin/true".into(),
        args: Vec::new(),
        dir: "/".into(),
        env: Vec::new(),
        stdin: None,
        timeout: Duration::from_secs(10),
    };
    let output = block_on(session.run(&program, false)).expect("runs");
    assert!(output.succeeded(), "{output:?}");
}

#[test]
fn killing_regen_leaves_no_incomplete_layer_in_use() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url).with_own_layers();
    let mut child = world.spawn(&["run"]);
    let layers = world.cache().join("regen/layers");
    let making = || {
        let all = std::fs::read_dir(&layers).into_iter().flatten().flatten();
        all.filter(|e| e.file_name().to_string_lossy().starts_with(".making-")).count()
    };
    let started = Instant::now();
    while making() == 0 {
        assert!(started.elapsed() < PATIENCE, "no layer was ever made");
        std::thread::yield_now();
    }
    child.kill().expect("is there");
    child.wait().expect("ends");
    assert_eq!(making(), 1);
    world.run(&["run"]).expect(0);
    assert_eq!(making(), 0, "what was half made is gone");
    let whole = std::fs::read_dir(&layers).expect("is there").flatten();
    assert!(whole.map(|layer| layer.path()).all(|layer| layer.join("lock").is_file()));
    assert_eq!(server.requests().len(), 1, "nothing was bought twice");
}

#[test]
fn a_gate_sees_only_what_is_shown() {
    let shown = tempfile::tempdir().expect("a folder");
    std::fs::write(shown.path().join("data"), "shown").expect("writes");
    let hidden = tempfile::tempdir().expect("a folder");
    std::fs::write(hidden.path().join("data"), "hidden").expect("writes");
    for (folder, code) in [(shown.path(), 0), (hidden.path(), 20)] {
        let server = Server::start(vec![lib(GOOD)]);
        let extra = format!(
            "gates = [\"layout\", \"own\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n[gate.own]\n\
             argv = [\"cat\", {:?}]\n[sandbox]\nread_only = [{:?}]\n",
            folder.join("data"),
            shown.path()
        );
        let world = World::new(&server.url, &[("adder", PLAIN)], &extra);
        world.run(&["run"]).expect(code);
    }
    let mut said = String::new();
    for line in ["min_level = 4", "memory_mb = 0", "read_only = [\"/src/x\"]", "minimum = 2"] {
        let extra = format!("[sandbox]\n{line}\n");
        let world = World::new("http://127.0.0.1:9/v1", &[("adder", PLAIN)], &extra);
        said += &world.run(&["plan"]).expect(2).titled(line);
    }
    insta::assert_snapshot!(said);
}

#[test]
fn the_sandboxs_own_folders_are_rejected_before_a_model_is_called() {
    let link = tempfile::tempdir().expect("a folder");
    let link = link.path().join("link");
    std::os::unix::fs::symlink("/sys/kernel", &link).expect("links");
    let own = places::OWN.into_iter().chain(places::MOUNT_POINTS);
    let named = own.chain(["/", "/tmp", "/sys/kernel", "/dev/shm", "/tmp/../proc"]);
    for path in named.map(Path::new).chain([link.as_path()]) {
        let extra = format!("[sandbox]\nread_only = [\"/usr\", {path:?}]\n");
        // A server that would notice a request.
        let server = Server::start(vec![lib(GOOD)]);
        let world = World::new(&server.url, &[("adder", PLAIN)], &extra);
        for command in ["plan", "run"] {
            let run = world.run(&[command]).expect(2);
            let config = world.read("harness.toml");
            let line =
                config.lines().position(|line| line.starts_with("read_only")).expect("has it");
            let at = format!("harness.toml:{}", line + 1);
            assert!(run.err.contains(&at), "{path:?}: {at}: {}", run.err);
            assert!(run.err.contains("cannot be shown"), "{path:?}: {}", run.err);
            assert!(run.err.contains("outside of the sandbox's own"), "{path:?}: {}", run.err);
        }
        assert!(server.requests().is_empty(), "{path:?}");
    }
}

#[test]
fn a_missing_folder_is_named() {
    let missing = "[sandbox]\nread_only = [\"/no/such/folder\"]\n";
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", PLAIN)], missing);
    let run = world.run(&["run"]).expect(40);
    assert!(run.err.contains("/no/such/folder"), "{}", run.err);
}

#[test]
fn the_process_with_the_key_cannot_be_inspected() {
    let server = Server::start(vec![crate::server::Act::Silence]);
    let world = World::adder(&server.url);
    let mut child = world.command(&["run"]).env("THE_KEY", "k").spawn().expect("starts");
    server.arrived();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).expect("is there");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("has it");
    assert_eq!(core.split_whitespace().nth(4), Some("1"), "{core}");
    // A non-dumpable process's files belong to root.
    use std::os::linux::fs::MetadataExt;
    let owner = std::fs::metadata(format!("/proc/{}/environ", child.id())).expect("is there");
    assert_eq!(owner.st_uid(), 0);
    for (supervisor, _) in below(child.id()) {
        let environment = std::fs::read(format!("/proc/{supervisor}/environ")).unwrap_or_default();
        assert!(environment.is_empty(), "{}", String::from_utf8_lossy(&environment));
    }
    child.kill().expect("is there");
    child.wait().expect("ends");
}

#[test]
fn a_build_script_cannot_fill_the_disk_through_a_layer() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("layer/target");
    std::fs::create_dir_all(&target).expect("makes folders");
    let sandbox = Sandbox::new(Path::new(SUPERVISOR), Arc::new(Namespaces), folder.path(), 4096);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&target, mode).expect("is set");
    let config = LimitsConfig { disk_mb: Some(20), ..LimitsConfig::default() };
    let mut policy = policy(&config);
    let (at, mode) = (places::BUILD.into(), MountMode::ReadWrite);
    policy.mounts.push(Mount { source: target, at, mode });
    let program = regen::process::Program {
        path: "/bin/sh".into(),
        args: ["-c", "head -c 60000000 /dev/urandom > /target/x; read forever < /tmp/none || tail -f /target/x > /dev/null"]
            .map(Into::into)
            .to_vec(),
        dir: "/".into(),
        env: vec![("PATH".to_owned(), "/usr/bin:/bin".into())],
        stdin: None,
        timeout: Duration::from_secs(20),
    };
    let output = block_on(async {
        let session = sandbox.open(&policy).await.expect("opens");
        session.run(&program, true).await.expect("runs")
    });
    assert_eq!(output.ended, regen::process::Ended::Limit(regen::types::Resource::Disk));
}

/// A shell script as a program in a sandbox; its places are in variables.
fn script(session: &regen::sandbox::Session, text: &str) -> regen::process::Program {
    let place = |name: &str, at| (name.to_owned(), session.paths().at(at).into());
    regen::process::Program {
        path: "/bin/sh".into(),
        args: ["-c", text].map(Into::into).to_vec(),
        dir: session.paths().at(places::SOURCE).to_owned(),
        env: vec![
            ("PATH".to_owned(), "/usr/bin:/bin".into()),
            place("BUILD", places::BUILD),
            place("SECOND", places::TOOL_HOME),
            place("READ", places::DEPENDENCIES),
            place("TMP", places::TEMPORARY),
        ],
        stdin: None,
        timeout: Duration::from_secs(20),
    }
}

#[test]
fn overlays_are_shared_by_a_session_and_leave_lower_folders_unchanged() {
    let backends: [Arc<dyn Backend>; 4] =
        [Arc::new(Namespaces), Arc::new(Bwrap), Arc::new(Landlock), Arc::new(Bare)];
    for backend in backends.into_iter().filter(|one| one.available().is_ok()) {
        let folder = tempfile::tempdir().expect("a folder");
        let below = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).expect("makes a folder");
            std::fs::write(path.join("old"), name).expect("writes");
            path
        };
        let mut spec = SandboxSpec::new(Limits::of(&LimitsConfig::default()));
        let overlay = |name: &str, at: &str| Mount {
            mode: MountMode::Overlay,
            ..Mount::read_only(below(name), at)
        };
        spec.mounts = vec![
            overlay("build", places::BUILD),
            Mount::read_only(below("read"), places::DEPENDENCIES),
            overlay("second", places::TOOL_HOME),
        ];
        let sandbox = Sandbox::new(
            Path::new(SUPERVISOR),
            backend.clone(),
            &folder.path().join("cache"),
            4096,
        );
        let (name, writes) = (backend.name(), "echo x > $BUILD/x; echo x > $TMP/x");
        block_on(async {
            let session = sandbox.open(&spec).await.expect("opens");
            let first = script(
                &session,
                "cat $BUILD/old $READ/old $SECOND/old; echo +1 > $BUILD/new; echo 2 > $SECOND/new; rm $SECOND/old; \
                 echo x > $READ/x; echo 3 > $TMP/mine",
            );
            let said = session.run(&first, true).await.expect("runs");
            assert_eq!(said.text(), "buildreadsecond", "{name}: {}", said.errors());
            let text = format!(
                "cat $BUILD/old $BUILD/new $SECOND/*; test ! -e $TMP/mine && echo fresh; {writes}"
            );
            let said = session.run(&script(&session, &text), false).await.expect("runs");
            assert_eq!(said.text(), "build+1\n2\nfresh\n", "{name}: {}", said.errors());
            if name != "none" {
                let test = script(&session, "test ! -e $BUILD/x && test ! -e $READ/x");
                assert!(session.run(&test, false).await.expect("runs").succeeded(), "{name}");
            }
            session.close().await;
        });
        for below in ["build", "second"] {
            let names = std::fs::read_dir(folder.path().join(below)).expect("is there");
            assert_eq!(names.count(), 1, "{name}: {below}");
            let old = std::fs::read_to_string(folder.path().join(below).join("old"));
            assert_eq!(old.expect("is there"), below, "{name}");
        }
    }
}

#[test]
fn a_prepared_sandbox_shows_current_files() {
    let shown = tempfile::tempdir().expect("a folder");
    let path = shown.path().join("text");
    let cache = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::new(Path::new(SUPERVISOR), Arc::new(Namespaces), cache.path(), 4096);
    let mut policy = policy(&LimitsConfig::default());
    policy.mounts.push(Mount::shown(&path));
    let program = regen::process::Program {
        path: "/bin/cat".into(),
        args: vec![path.clone().into()],
        dir: "/".into(),
        env: Vec::new(),
        stdin: None,
        timeout: Duration::from_secs(10),
    };
    for text in ["first", "second", "third"] {
        // As editors do: a new file with the same name.
        std::fs::write(shown.path().join("new"), text).expect("writes");
        std::fs::rename(shown.path().join("new"), &path).expect("renames");
        let said = block_on(async {
            let session = sandbox.open(&policy).await.expect("opens");
            let said = session.run(&program, false).await.expect("runs").text();
            session.close().await;
            said
        });
        assert_eq!(said, text);
        // Time to prepare the next sandbox with the current file.
        std::thread::sleep(Duration::from_millis(100));
    }
}
