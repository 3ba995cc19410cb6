//! Programs that do nothing wrong run in a sandbox as they do outside: scripts of the shell, Python
//! and Node, programs in C, and crates that other people wrote.
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

/// Scripts and programs, where everybody can read them.
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

/// Programs with their arguments. Without a network and `/dev/shm` of its own some do less.
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
        // A test of somebody's may write nothing but its own folders; a build also times and modes.
        let output = session.run(&program, true).await.expect("runs");
        let said = format!("{}{}", output.text(), output.errors());
        let good = output.ended == Ended::Exit(0) && output.text().ends_with("all good\n");
        assert!(good, "{path} {args:?} under {}: {:?} {said}", backend.name(), output.ended);
    }
    session.close().await;
}

#[test]
fn scripts_and_programs_run_as_they_do_outside() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(try_all(Arc::new(Namespaces)));
    runtime.block_on(try_all(Arc::new(Landlock)));
}
