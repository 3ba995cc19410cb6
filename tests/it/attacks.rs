//! The acceptance suite of the sandbox: every attack of `tests/attacks/*.c`, under every
//! backend that works here, as this user and as nobody. Writes `docs/security/attacks.md`.
#![expect(clippy::print_stdout, reason = "the table is to be read")]

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use regen::process::{Ended, Output, Program};
use regen::sandbox::{
    Backend, Bare, Bwrap, Landlock, Mount, Namespaces, Sandbox, SandboxSpec, Scratch, attempt,
};
use regen::types::{Limits, LimitsConfig, Resource, places};

/// Set for the process that attacks as another user: the folder of the programs.
const INNER: &str = "REGEN_ATTACKS";
/// A text that must not be found inside.
const MARKER: &str = "marker-5d81c2";
/// Attacks that a backend cannot stop, with the reason for the docs.
const KNOWN: [(&str, &str, &str); 10] = [
    (
        "landlock",
        "command-lines",
        "there is one `/proc`: command lines of other processes are seen",
    ),
    ("landlock", "watches", "inotify instances count for the user who runs regen"),
    ("bwrap", "watches", "inotify instances count for the user who runs regen"),
    (
        "landlock",
        "locks-of-others",
        "there is one file system: locks on files that it shows are seen",
    ),
    (
        "bwrap",
        "locks-of-others",
        "what it shows are the machine's files themselves, with their locks",
    ),
    (
        "bwrap",
        "marked-devices",
        "bubblewrap shows the machine's devices so that a program can set their times to the present",
    ),
    ("landlock", "looks-of-others", "there is one file system: who watches a file sees its use"),
    ("bwrap", "looks-of-others", "what it shows are the machine's files themselves"),
    (
        "namespaces, level 3",
        "locks-of-others",
        "the root of the test's machine is in memory, and no overlay can be made over it",
    ),
    (
        "namespaces, level 3",
        "looks-of-others",
        "the root of the test's machine is in memory, and no overlay can be made over it",
    ),
];

/// Attacks that only read: they also run without a sandbox, to show that they are real.
const READS: [&str; 11] = [
    "environ-of-others",
    "command-lines",
    "home",
    "dots",
    "proc-root",
    "tcp",
    "udp",
    "abstract-socket",
    "path-socket",
    "locks-of-others",
    "looks-of-others",
];

/// How an attack is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expect {
    /// By the program's output.
    Says,
    /// By its exit.
    Ends(Ended),
    /// By its exit, one of two.
    Either(Ended, Ended),
    /// By any limit, or it has none to pass: which one is first depends on the machine.
    Limited,
    /// It succeeds, and nothing of it remains.
    Gone,
    /// It works with a separate network.
    Works,
}

/// Attacks that report their own result, by family.
const SAYING: [(&str, &[&str]); 4] = [
    (
        "secrets",
        &[
            "environment",
            "environ-of-others",
            "command-lines",
            "memory-of-others",
            "ptrace",
            "home",
            "dots",
            "link",
            "proc-root",
            "descriptors",
            "shadow",
            "keyring",
        ],
    ),
    ("network", &["metadata", "vsock", "raw-socket", "families"]),
    (
        "files",
        &[
            "write-outside",
            "write-target",
            "write-through-link",
            "hard-link",
            "reopen",
            "remount",
            "mknod",
            "configure-kernel",
            "devices",
            "set-uid",
            "change-mode",
            "marked-devices",
        ],
    ),
    (
        "kernel",
        &[
            "namespaces",
            "setns",
            "io_uring",
            "bpf",
            "userfaultfd",
            "perf",
            "terminal",
            "clocks",
            "handles",
            "alarms",
            "unlisted",
        ],
    ),
];

/// An attack: family, name, arguments, judgement.
type Attack = (&'static str, &'static str, Vec<&'static str>, Expect);

fn attacks() -> Vec<Attack> {
    let says = |family: &'static str, name: &'static str, arguments: &[&'static str]| -> Attack {
        (family, name, arguments.to_vec(), Expect::Says)
    };
    let mut list: Vec<Attack> = Vec::new();
    for (family, names) in SAYING {
        list.extend(names.iter().map(|name| says(family, name, &["MARKER", "SECRET"])));
    }
    list.push(says("network", "tcp", &["PORT"]));
    list.push(says("network", "udp", &["PORT"]));
    list.push(says("network", "abstract-socket", &["ABSTRACT"]));
    list.push(says("network", "path-socket", &["SOCKET"]));
    list.push(says("resources", "memory-unseen", &[]));
    list.push(says("resources", "open-files", &[]));
    list.push(says("resources", "memory-unlisted", &[]));
    list.push(says("resources", "pages-in-pipes", &[]));
    list.push(says("files", "attributes", &["TMP"]));
    list.push(says("files", "locks-of-others", &["SHOWN"]));
    list.push(says("files", "looks-of-others", &["SHOWN"]));
    list.push(("network", "own-loopback", vec![], Expect::Works));
    if cfg!(target_arch = "x86_64") {
        let killed = Expect::Ends(Ended::Signal(31));
        list.push(("network", "x32", vec![], killed));
        list.push(("network", "int80", vec![], killed));
    }
    let hit = |name, arguments: &[&'static str], resource| -> Attack {
        ("resources", name, arguments.to_vec(), Expect::Ends(Ended::Limit(resource)))
    };
    for name in ["memory", "memory-in-four", "memory-shared", "memory-of-a-child"] {
        list.push(hit(name, &[], Resource::Memory));
    }
    for name in ["memory-behind-a-leader", "memory-in-pipes", "memory-of-mappings"] {
        list.push(hit(name, &[], Resource::Memory));
    }
    list.push(hit("memory-of-locks", &["TMP"], Resource::Memory));
    list.push(hit("memory-half-unmapped", &[], Resource::Memory));
    list.push(hit("files-behind-a-leader", &["TMP"], Resource::Disk));
    list.push(hit("unwaited-children", &[], Resource::Cpu));
    list.push(hit("unwaited-short-children", &[], Resource::Cpu));
    list.push(hit("memory-of-tables", &[], Resource::Memory));
    list.push(hit("memory-unmapped", &[], Resource::Memory));
    list.push(hit("memory-in-sockets", &[], Resource::Memory));
    list.push(hit("hidden", &[], Resource::Memory));
    list.push(hit("removed-files", &["TMP"], Resource::Disk));
    list.push(hit("removed-mapped", &["TMP"], Resource::Disk));
    list.push(says("resources", "limits-of-others", &[]));
    list.push(says("resources", "large-buffers", &[]));
    list.push(says("resources", "watches", &[]));
    list.push(("files", "locked-folder", vec!["TMP"], Expect::Ends(Ended::Exit(0))));
    list.push(hit("loop-of-a-child", &[], Resource::Cpu));
    list.push(hit("forks", &[], Resource::Processes));
    list.push(hit("fill", &["TMP"], Resource::Disk));
    list.push(hit("fill", &["TARGET"], Resource::Disk));
    list.push(hit("files", &["TMP"], Resource::Inodes));
    list.push(hit("flood", &[], Resource::Output));
    let either = |name, arguments: &[&'static str], one, two| -> Attack {
        ("resources", name, arguments.to_vec(), Expect::Either(one, two))
    };
    let (nothing, limit) = (Ended::Exit(0), Ended::Limit);
    list.push(either("fill", &["/dev/shm"], limit(Resource::Disk), nothing));
    // In an emulated machine, the time to make the watches is over first.
    list.push(either("memory-of-watches", &[], limit(Resource::Memory), limit(Resource::Cpu)));
    list.push(either("memory-in-connections", &[], limit(Resource::Memory), nothing));
    // If files are counted together, there cannot be that many.
    list.push(("resources", "memory-in-named-pipes", vec!["TMP"], Expect::Limited));
    list.push(either("sparse", &[], limit(Resource::FileSize), nothing));
    list.push(either("loop", &[], Ended::Timeout, limit(Resource::Cpu)));
    list.push(("resources", "linger", vec![], Expect::Gone));
    list
}

/// What is attacked on the machine.
struct Host {
    folder: tempfile::TempDir,
    /// A process with the marker in its command line.
    teller: Child,
    port: u16,
    name: String,
    attack: PathBuf,
    /// A world-readable file, locked while this exists.
    shown: std::fs::File,
    /// While this exists, another process opens that file regularly.
    _opens: std::sync::mpsc::Sender<()>,
}

impl Host {
    fn new(programs: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("is set");
        std::fs::write(folder.path().join("secret"), MARKER).expect("writes");
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = tcp.local_addr().expect("has one").port();
        std::thread::spawn(move || for _ in tcp.incoming() {});
        let udp = std::net::UdpSocket::bind(("127.0.0.1", port)).expect("the same port");
        std::thread::spawn(move || {
            let mut byte = [0; 1];
            while let Ok((_, from)) = udp.recv_from(&mut byte) {
                let _ = udp.send_to(&byte, from);
            }
        });
        let path = std::os::unix::net::UnixListener::bind(folder.path().join("socket"));
        let path = path.expect("a socket");
        std::thread::spawn(move || for _ in path.incoming() {});
        use std::os::linux::net::SocketAddrExt;
        let name = format!("regen-attacks-{}", std::process::id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("a name");
        let abstracted = std::os::unix::net::UnixListener::bind_addr(&address).expect("a socket");
        std::thread::spawn(move || for _ in abstracted.incoming() {});
        let teller = Command::new("sleep").arg0(MARKER).arg("600").spawn().expect("starts");
        let path = programs.join("regen");
        let shown = std::fs::File::open(&path).expect("is there");
        shown.lock().expect("is locked");
        let (opens, ends) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            let pause = Duration::from_millis(20);
            while ends.recv_timeout(pause) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let _ = std::fs::File::open(&path);
            }
        });
        let attack = programs.join("attack");
        Self { folder, teller, port, name, attack, shown, _opens: opens }
    }

    fn argument(&self, name: &str, paths: &regen::sandbox::SandboxPaths) -> String {
        let path = |path: &Path| path.display().to_string();
        match name {
            "MARKER" => MARKER.to_owned(),
            "SECRET" => path(&self.folder.path().join("secret")),
            "PORT" => self.port.to_string(),
            "ABSTRACT" => self.name.clone(),
            "SOCKET" => path(&self.folder.path().join("socket")),
            "SHOWN" => path(&self.attack.with_file_name("regen")),
            "TMP" => path(paths.at(places::TEMPORARY)),
            "TARGET" => path(paths.at(places::BUILD)),
            other => other.to_owned(),
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.teller.kill();
        let _ = self.teller.wait();
        let _ = self.shown.unlock();
    }
}

/// A cell of the table.
#[derive(Clone, Debug)]
pub struct Row {
    pub backend: String,
    family: String,
    attack: String,
    stopped: bool,
    detail: String,
}

fn judge(expect: Expect, output: &Output) -> (bool, String) {
    let text = output.text();
    let how = |ended: &Ended| match ended {
        Ended::Limit(resource) => format!("limit: {}", resource.word()),
        Ended::Timeout => "timeout".to_owned(),
        Ended::Exit(status) => format!("exit {status}"),
        Ended::Signal(signal) => format!("signal {signal}"),
    };
    let first =
        |word: &str| text.lines().find_map(|line| line.strip_prefix(word)).map(str::to_owned);
    match expect {
        Expect::Says => match (first("open: "), first("stopped: ")) {
            (Some(what), _) => (false, what),
            (None, Some(why)) if output.ended == Ended::Exit(0) => (true, why),
            (None, _) => (false, format!("{} {text}{}", how(&output.ended), output.errors())),
        },
        Expect::Works => match (first("works: "), first("missing: ")) {
            (Some(_), _) => (true, "works".to_owned()),
            (None, why) => (false, why.unwrap_or_else(|| how(&output.ended))),
        },
        Expect::Ends(ended) => (output.ended == ended, how(&output.ended)),
        Expect::Either(one, two) => {
            ([one, two].contains(&output.ended) && first("open: ").is_none(), how(&output.ended))
        }
        Expect::Limited => {
            let stopped = matches!(output.ended, Ended::Limit(_) | Ended::Exit(0));
            (stopped && first("open: ").is_none(), how(&output.ended))
        }
        Expect::Gone => {
            let left = std::fs::read_dir("/proc").expect("has processes").flatten().any(|entry| {
                std::fs::read(entry.path().join("cmdline"))
                    .is_ok_and(|line| line.ends_with(b"attack\0linger\0"))
            });
            (!left && output.ended == Ended::Exit(0), how(&output.ended))
        }
    }
}

/// Runs the attacks under a backend; without `full`, only those that report their own result.
async fn assault(
    backend: Arc<dyn Backend>,
    (programs, host): (&Path, &Host),
    full: bool,
) -> Vec<Row> {
    let cache = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::new(&programs.join("regen"), backend.clone(), cache.path(), 4096);
    let limits = LimitsConfig {
        cpu_s: Some(15),
        memory_mb: Some(256),
        processes: Some(128),
        disk_mb: Some(64),
        inodes: Some(500),
        file_mb: Some(200),
        open_files: Some(256),
        output_mb: Some(4),
    };
    let policy = SandboxSpec {
        files: vec![("src/lib.rs".to_owned(), b"pub fn f() {}".to_vec())],
        mounts: vec![Mount::read_only("/usr", places::TOOLS), Mount::shown(programs)],
        scratch: vec![
            Scratch::Session(places::BUILD.into()),
            Scratch::Program(places::TOOL_HOME.into()),
        ],
        ..SandboxSpec::new(Limits::of(&limits))
    };
    let mut rows = Vec::new();
    for (family, attack, arguments, expect) in attacks() {
        // Without a sandbox, only attacks that do not change the machine.
        if backend.name() == "none" && !READS.contains(&attack) || !full && expect != Expect::Says {
            continue;
        }
        let mut policy = policy.clone();
        if attack == "loop-of-a-child" || attack.starts_with("unwaited") {
            policy.limits.cpu_s = 2;
        }
        let session = sandbox.open(&policy).await.expect("opens");
        let mut list: Vec<String> = vec![attack.to_owned()];
        list.extend(arguments.iter().map(|one| host.argument(one, session.paths())));
        let program = Program {
            path: host.attack.clone(),
            args: list.iter().map(Into::into).collect(),
            dir: session.paths().at(places::SOURCE).to_owned(),
            env: vec![("HOME".to_owned(), session.paths().at(places::TEMPORARY).into())],
            stdin: None,
            timeout: Duration::from_secs(match attack {
                "loop" => 1,
                // For a busy or emulated machine.
                _ => 120,
            }),
        };
        let output = session.run(&program, arguments.contains(&"TARGET")).await;
        let output = output.unwrap_or_else(|why| panic!("{attack}: {why}"));
        let (stopped, detail) = judge(expect, &output);
        session.close().await;
        let rooms = std::fs::read_dir(cache.path().join("rooms")).expect("is there");
        assert_eq!(rooms.count(), 0, "{} leaves files behind {attack}", backend.name());
        let place = arguments.iter().find(|one| ["TMP", "TARGET", "/dev/shm"].contains(one));
        let attack = match place {
            Some(place) => format!("{attack} {}", place.to_lowercase()),
            None => attack.to_owned(),
        };
        let (backend, family) = (backend.name().to_owned(), family.to_owned());
        rows.push(Row { backend, family, attack, stopped, detail });
    }
    rows
}

fn backends() -> [Arc<dyn Backend>; 4] {
    [Arc::new(Namespaces), Arc::new(Bwrap), Arc::new(Landlock), Arc::new(Bare)]
}

/// Runs the suite as the current user. Attacks that cannot run here give a row with the reason.
async fn suite(programs: &Path, full: bool) -> Vec<Row> {
    let host = Host::new(programs);
    let cache = tempfile::tempdir().expect("a folder");
    let mut rows = Vec::new();
    for backend in backends() {
        let sandbox = Sandbox::new(&programs.join("regen"), backend.clone(), cache.path(), 4096);
        match attempt(&sandbox).await {
            Ok((level, missing)) => {
                let level_3 = missing.into_iter().find(|one| one.what.starts_with("control group"));
                rows.extend(level_3.map(|one| Row {
                    backend: format!("{}, level 3", backend.name()),
                    family: "-".to_owned(),
                    attack: "-".to_owned(),
                    stopped: true,
                    detail: one.what,
                }));
                let mut list = assault(backend, (programs, &host), full).await;
                for row in &mut list {
                    row.backend += &format!(", level {level}");
                }
                rows.extend(list);
            }
            Err(missing) => rows.push(Row {
                backend: backend.name().to_owned(),
                family: "-".to_owned(),
                attack: "-".to_owned(),
                stopped: true,
                detail: missing.map_or_else(String::new, |missing| missing.what),
            }),
        }
    }
    rows
}

/// Regen, the attacks and this test, readable by all users.
pub fn programs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("is set");
    let sources = ["attack.c", "kernel.c"]
        .map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attacks").join(name));
    let built = Command::new("cc")
        .args(["-O1", "-o"])
        .arg(folder.path().join("attack"))
        .args(sources)
        .arg("-pthread")
        .status();
    assert!(built.expect("there is a C compiler").success());
    let test = std::env::current_exe().expect("has a path");
    for (from, to) in [(Path::new(env!("CARGO_BIN_EXE_regen")), "regen"), (&test, "test")] {
        std::fs::copy(from, folder.path().join(to)).expect("copies");
    }
    folder
}

/// Regen with arguments, simulating a machine without some features.
pub fn without(lacks: &[&str], world: &crate::world::World, args: &[&str]) -> Command {
    static PROGRAMS: LazyLock<tempfile::TempDir> = LazyLock::new(programs);
    let inner = world.command(args);
    let mut command = Command::new(PROGRAMS.path().join("attack"));
    command.arg("without").args(lacks).arg("--").arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(world.path("")).stdin(Stdio::null());
    command
}

/// The same suite as another user.
fn as_nobody(programs: &Path) -> Vec<Row> {
    let mut child = Command::new(programs.join("test"))
        .args(["--exact", "attacks::every_attack_is_stopped", "--nocapture"])
        .env_clear()
        .env(INNER, programs)
        .env("MARKER", MARKER)
        .uid(65534)
        .gid(65534)
        .current_dir("/")
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut text = String::new();
    child.stdout.take().expect("is piped").read_to_string(&mut text).expect("reads");
    assert!(child.wait().expect("ends").success(), "{text}");
    rows(&text)
}

/// The rows printed by such a process.
pub fn rows(text: &str) -> Vec<Row> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("ROW\t"));
    let row = |line: &str| {
        let mut cells = line.split('\t').map(str::to_owned);
        let mut next = || cells.next().expect("has five");
        let (backend, family, attack) = (next(), next(), next());
        Row { backend, family, attack, stopped: next() == "true", detail: next() }
    };
    rows.map(row).collect()
}

#[test]
fn every_attack_is_stopped() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    if let Some(programs) = std::env::var_os(INNER) {
        for row in runtime.block_on(suite(Path::new(&programs), true)) {
            let Row { backend, family, attack, stopped, detail } = row;
            let detail = detail.replace(['\n', '\t'], " ");
            println!("ROW\t{backend}\t{family}\t{attack}\t{stopped}\t{detail}");
        }
        return;
    }
    let programs = programs();
    let me = if is_root() { "root" } else { "a user" };
    let full = crate::world::all();
    let mut tables = vec![(me, runtime.block_on(suite(programs.path(), full)))];
    if !full {
        return judge_rows(&tables);
    }
    if is_root() {
        tables.push(("nobody", as_nobody(programs.path())));
    }
    conclude("attacks.md", "attacks::every_attack_is_stopped", &tables);
}

/// Prints and writes a test's page, and checks the rows.
pub fn conclude(name: &str, test: &str, tables: &[(&str, Vec<Row>)]) {
    let page = page(test, tables);
    println!("{page}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security").join(name);
    if std::fs::read_to_string(&path).ok().as_deref() != Some(&page) {
        std::fs::write(&path, &page).expect("writes the page");
    }
    judge_rows(tables);
}

/// Requires that every attack is stopped, except known open ones.
fn judge_rows(tables: &[(&str, Vec<Row>)]) {
    for (who, rows) in tables {
        assert!(rows.len() > 20, "{who}: {rows:?}");
        for row in rows.iter().filter(|row| !row.stopped && !row.backend.starts_with("none")) {
            let known = KNOWN.iter().any(|(backend, attack, _)| {
                row.backend.starts_with(backend) && row.attack == *attack
            });
            let loopback = row.backend.starts_with("landlock") && row.attack == "own-loopback";
            assert!(known || loopback, "as {who}: {row:?}");
        }
        // The attacks are real: without a sandbox they succeed.
        let none = rows.iter().filter(|row| row.backend.starts_with("none"));
        let open = none.filter(|row| !row.stopped).count();
        assert!(open > 5, "{rows:?}");
    }
}

/// Whether this is root.
pub fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|text| text.lines().any(|line| line.starts_with("Uid:\t0\t")))
}

/// The table in Markdown.
fn page(test: &str, tables: &[(&str, Vec<Row>)]) -> String {
    let mut text = format!(
        "# Attacks\n\nWritten by the test `{test}` at its last run. Each attack is a \
         function in\n`tests/attacks`; `none` is the same program with limits only, for comparison.\n",
    );
    for (who, rows) in tables {
        text += &format!("\n## As {who}\n\n");
        let mut names: Vec<&str> = Vec::new();
        for row in rows {
            if row.attack == "-" {
                text += &format!("`{}` could not run: {}\n\n", row.backend, row.detail);
            } else if !names.contains(&row.backend.as_str()) {
                names.push(&row.backend);
            }
        }
        text +=
            &format!("| attack | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()));
        let mut cells: BTreeMap<(&str, &str), BTreeMap<&str, String>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.attack != "-") {
            let word = if row.stopped {
                format!("stopped ({})", row.detail)
            } else {
                format!("**open** ({})", row.detail)
            };
            let word = match (row.attack.as_str(), row.stopped) {
                ("own-loopback", true) => "works".to_owned(),
                ("own-loopback", false) => "no network at all".to_owned(),
                _ => word,
            };
            cells.entry((&row.family, &row.attack)).or_default().insert(&row.backend, word);
        }
        for ((family, attack), by) in cells {
            let row = names.iter().map(|name| by.get(name).map_or("not run", String::as_str));
            let row = row.collect::<Vec<_>>().join(" | ");
            text += &format!("| {family}: {attack} | {row} |\n");
        }
    }
    text += "\n## Known to be open\n\n";
    for (backend, attack, why) in KNOWN {
        text += &format!("- `{backend}`, {attack}: {why}.\n");
    }
    text
}
