//! Workers over TLS, with users that may do only what they need: examples/workers/nats.conf.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::server::{Server, lib};
use crate::workers::program;
use crate::world::{GOOD, PLAIN, QUICK, World, all, until};

/// A process that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn as_user(command: &mut Command, folder: &Path, user: &str) {
    command.env("NATS_USER", user).env("NATS_PASSWORD", format!("{user}-1"));
    command.env("NATS_CA", folder.join("certs/ca.pem"));
}

#[test]
fn a_worker_with_few_rights_runs_gates_over_tls() {
    if !all() {
        return;
    }
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/workers");
    let made = Command::new(example.join("certs.sh")).arg(folder.join("certs")).output();
    assert!(made.expect("runs").status.success());
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let log = folder.join("server.log");
    let mut command = Command::new(program);
    command.arg("-c").arg(example.join("nats.conf")).arg("-l").arg(&log).current_dir(folder);
    command.args(["-a", "127.0.0.1", "-p", &port.to_string()]);
    command.env("COORDINATOR_PASSWORD", "coordinator-1").env("WORKER_PASSWORD", "worker-1");
    let _nats = Ends(command.stderr(Stdio::null()).spawn().expect("starts"));
    until("the server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());

    let model = Server::start(vec![lib(GOOD)]);
    let url = format!("tls://127.0.0.1:{port}");
    // It waits for the worker rather than running gates itself.
    let settings = format!(
        "{QUICK}[workers]\nserver = \"{url}\"\npools = {{ rust = \"here\" }}\nalone_after_s = 86400\n"
    );
    let world = World::new(&model.url, &[("adder", PLAIN)], &settings);
    let stranger = world.run(&["workers"]);
    assert!(stranger.code != 0 && stranger.out.is_empty(), "{}", stranger.shown());
    let coordinator = |args: &[&str]| {
        let mut command = world.command(args);
        as_user(&mut command, folder, "coordinator");
        crate::world::Run::of(&mut command)
    };
    // It makes the streams, which the worker must not.
    coordinator(&["workers"]).expect(0);
    let mut command = world.command(&["worker", "--server", &url, "--pool", "here", "--name", "w"]);
    as_user(&mut command, folder, "worker");
    let said = folder.join("worker.log");
    let out = std::fs::File::create(&said).expect("a file");
    let told = command.stderr(out.try_clone().expect("a file")).stdout(out);
    let _worker = Ends(told.spawn().expect("starts"));
    let run = coordinator(&["run"]).expect(0);
    let said = std::fs::read_to_string(&said).expect("a file");
    assert!(said.contains("adder/rust: proof: pass"), "{}{said}", run.shown());
    let seen = coordinator(&["workers"]).expect(0);
    assert!(seen.out.contains("pool here: 1 workers, 0 waiting"), "{}", seen.out);
    let doctor = coordinator(&["doctor"]).shown();
    assert!(doctor.contains("workers        nats-server 2."), "{doctor}");
    assert!(!doctor.contains("w is regen") && !doctor.contains("w has"), "{doctor}");

    let refused = std::fs::read_to_string(&log).expect("a log");
    let lines: Vec<_> = refused.lines().filter(|line| line.contains("Violation")).collect();
    assert!(lines.is_empty(), "regen needs what the example does not grant: {lines:#?}");
    for (subject, body) in [
        ("$JS.API.STREAM.CREATE.OTHER", "{\"name\":\"OTHER\",\"subjects\":[\"other\"]}"),
        ("$JS.API.STREAM.DELETE.REGEN_WORK", ""),
        ("$JS.API.STREAM.PURGE.KV_regen_items", ""),
        ("$JS.API.CONSUMER.CREATE.REGEN_WORK.mine", "{}"),
        ("regen.work.here.a.b.c.d", "work"),
        ("other", "text"),
    ] {
        let line = format!("Publish Violation - Subject \"{subject}\"");
        publish(folder, port, subject, body);
        until("it is refused", || std::fs::read_to_string(&log).is_ok_and(|t| t.contains(&line)));
    }
}

/// Publishes one message as the worker's user.
fn publish(folder: &Path, port: u16, subject: &str, body: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let options = async_nats::ConnectOptions::new()
            .user_and_password("worker".to_owned(), "worker-1".to_owned())
            .add_root_certificates(folder.join("certs/ca.pem"))
            .require_tls(true);
        let client = options.connect(format!("tls://127.0.0.1:{port}")).await.expect("connects");
        client.publish(subject.to_owned(), body.to_owned().into()).await.expect("is sent");
        client.flush().await.expect("is sent");
    });
}
