//! Honest programs run in a sandbox as outside: shell scripts, Python, Node, C programs and
//! third-party crates.
#![expect(clippy::print_stdout, reason = "a test that cannot run says so")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use regen::process::{Ended, Program};
use regen::sandbox::{
    Backend, Landlock, Mount, Namespaces, Sandbox, SandboxSpec, Scratch, attempt,
};
use regen::types::{Limits, LimitsConfig, places};

/// Scripts and programs, readable by all users.
fn programs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("is set");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/honest");
    for name in ["all.sh", "all.py", "all.js"] {
        std::fs::copy(from.join(name), folder.path().join(name)).expect("copies");
    }
    let built = Command::new("cc")
        .args(["-O1", "-pthread", "-o"])
        .arg(folder.path().join("all"))
        .arg(from.join("all.c"))
        .status();
    assert!(built.expect("there is a C compiler").success());
    folder
}

/// Programs with their arguments. Without a separate network and `/dev/shm` some do less.
fn commands(programs: &Path, sockets: bool) -> Vec<(String, Vec<String>)> {
    let script = |name: &str| programs.join(name).display().to_string();
    let mut list = vec![
        (script("all"), vec![]),
        ("/bin/sh".to_owned(), vec![script("all.sh")]),
        ("/usr/bin/python3".to_owned(), vec![script("all.py")]),
    ];
    if sockets {
        list[2].1.push("sockets".to_owned());
        list.push(("/usr/bin/node".to_owned(), vec![script("all.js")]));
    }
    list
}

async fn try_all(backend: Arc<dyn Backend>) {
    let (cache, programs) = (tempfile::tempdir().expect("a folder"), programs());
    let supervisor = Path::new(env!("CARGO_BIN_EXE_regen"));
    let sandbox = Sandbox::new(supervisor, backend.clone(), cache.path(), 8192);
    if let Err(missing) = attempt(&sandbox).await {
        println!("not run under {}: {missing:?}", backend.name());
        return;
    }
    let sockets = backend.name() != "landlock";
    let policy = SandboxSpec {
        mounts: vec![Mount::read_only("/usr", places::TOOLS), Mount::shown(programs.path())],
        scratch: vec![Scratch::Program(places::TOOL_HOME.into())],
        ..SandboxSpec::new(Limits::of(&LimitsConfig::default()))
    };
    let session = sandbox.open(&policy).await.expect("opens");
    let temporary = session.paths().at(places::TEMPORARY).to_owned();
    for (path, args) in commands(programs.path(), sockets) {
        if !Path::new(&path).exists() {
            println!("not run: there is no {path}");
            continue;
        }
        let mut env = vec![
            ("PATH".to_owned(), "/usr/bin:/bin".into()),
            ("HOME".to_owned(), temporary.clone().into()),
            ("TMPDIR".to_owned(), temporary.clone().into()),
        ];
        env.extend((!sockets).then(|| ("OF_THE_MACHINE".to_owned(), "1".into())));
        let program = Program {
            path: path.clone().into(),
            args: args.iter().map(Into::into).collect(),
            dir: temporary.clone(),
            env,
            stdin: None,
            timeout: Duration::from_secs(60),
        };
        // A test may write only to its own folders; a build also changes times and modes.
        let output = session.run(&program, true).await.expect("runs");
        let said = format!("{}{}", output.text(), output.errors());
        let good = output.ended == Ended::Exit(0) && output.text().ends_with("all good\n");
        assert!(good, "{path} {args:?} under {}: {:?} {said}", backend.name(), output.ended);
    }
    session.close().await;
}

/// Third-party crates with tests in their code and without other dependencies.
const CRATES: [&str; 20] = [
    "adler2-",
    "base64ct-",
    "cfg-if-",
    "equivalent-",
    "fnv-",
    "foldhash-",
    "hashbrown-",
    "hex-",
    "httparse-",
    "httpdate-",
    "ident_case-",
    "itoa-",
    "memchr-",
    "percent-encoding-",
    "scopeguard-",
    "semver-",
    "shlex-",
    "smallvec-",
    "strsim-",
    "unicode-ident-",
];

/// The files of a crate, without dependencies of its tests.
fn crate_files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = std::collections::BTreeMap::new();
    crate::world::collect(folder, &mut found);
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for (path, bytes) in found {
        let path = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        if ["Cargo.lock", "Cargo.toml.orig"].contains(&path.as_str()) {
            continue;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let bytes = match (path.as_str(), toml::from_str::<toml::Table>(&text)) {
            ("Cargo.toml", Ok(mut manifest)) => {
                for name in
                    ["dependencies", "dev-dependencies", "target", "bench", "test", "features"]
                {
                    manifest.remove(name);
                }
                manifest.to_string().into_bytes()
            }
            _ => bytes,
        };
        files.push((path, bytes));
    }
    files
}

#[test]
fn third_party_crates_build_and_pass_their_tests() {
    if !crate::world::all() {
        return;
    }
    let home = std::env::var("CARGO_HOME")
        .unwrap_or_else(|_| format!("{}/.cargo", std::env::var("HOME").expect("there is one")));
    let registry = Path::new(&home).join("registry/src");
    let all = std::fs::read_dir(registry).into_iter().flatten().flatten();
    let all = all.flat_map(|index| std::fs::read_dir(index.path()).into_iter().flatten().flatten());
    let all = all.filter(|one| {
        let name = one.file_name().to_string_lossy().into_owned();
        CRATES.iter().any(|start| {
            name.strip_prefix(start)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    for folder in all {
        runtime.block_on(test_crate(&folder.path()));
    }
}

/// Tests a crate in a sandbox. Failures that also occur outside are only reported.
async fn test_crate(folder: &Path) {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().expect("runs").stdout;
    let sysroot = String::from_utf8_lossy(&sysroot).trim().to_owned();
    let cache = tempfile::tempdir().expect("a folder");
    let supervisor = Path::new(env!("CARGO_BIN_EXE_regen"));
    let sandbox = Sandbox::new(supervisor, Arc::new(Namespaces), cache.path(), 8192);
    let files = crate_files(folder);
    let policy = SandboxSpec {
        files: files.clone(),
        mounts: vec![Mount::read_only(&sysroot, places::TOOLS)],
        scratch: vec![
            Scratch::Session(places::BUILD.into()),
            Scratch::Program(places::TOOL_HOME.into()),
        ],
        ..SandboxSpec::new(Limits::of(&LimitsConfig::default()))
    };
    let bin = format!("{}/bin", places::TOOLS);
    let arguments = ["test", "--lib", "--offline", "--quiet"];
    let session = sandbox.open(&policy).await.expect("opens");
    // Cargo.lock is written beside the manifest, which is read-only in a sandbox.
    let script =
        format!("cp -r /src /tmp/crate && cd /tmp/crate && {bin}/cargo {}", arguments.join(" "));
    let program = Program {
        path: "/bin/sh".into(),
        args: ["-c", &script].map(Into::into).into(),
        dir: places::SOURCE.into(),
        env: vec![
            ("PATH".to_owned(), format!("{bin}:/usr/bin:/bin").into()),
            ("HOME".to_owned(), "/tmp".into()),
            ("CARGO_HOME".to_owned(), places::TOOL_HOME.into()),
            ("CARGO_TARGET_DIR".to_owned(), places::BUILD.into()),
        ],
        stdin: None,
        timeout: Duration::from_secs(300),
    };
    let output = session.run(&program, true).await.expect("runs");
    session.close().await;
    if output.ended == Ended::Exit(0) {
        println!("{name}: as it should");
        return;
    }
    let outside = tempfile::tempdir().expect("a folder");
    for (path, bytes) in files {
        let path = outside.path().join(path);
        std::fs::create_dir_all(path.parent().expect("has one")).expect("is made");
        std::fs::write(path, bytes).expect("writes");
    }
    let same = Command::new("cargo").args(arguments).current_dir(outside.path()).output();
    let good = same.is_ok_and(|output| output.status.success());
    assert!(!good, "{name}: {:?} {}{}", output.ended, output.text(), output.errors());
    println!("{name}: not outside either");
}

#[test]
fn scripts_and_programs_run_as_they_do_outside() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(try_all(Arc::new(Namespaces)));
    runtime.block_on(try_all(Arc::new(Landlock)));
}
