//! Models that are asked by workers: keys, kills, settings.

use rustix::process::Signal;

use super::{Fleet, group, kill, promoted};
use crate::server::{Act, Server, events, files, lib};
use crate::world::{GOOD, PLAIN, QUICK, WRONG, World, all, until};

const KEY: &str = "sk-of-the-worker-0123456789";

/// A workspace without the key, and without a way to the model.
fn world(fleet: &mut Fleet, server: &Server, extra: &str) -> World {
    let workers =
        format!("{QUICK}[workers]\nserver = \"{}\"\nask = \"models\"\n{extra}", fleet.url());
    let world = World::new("http://127.0.0.1:9/v1", &[("adder", PLAIN)], &workers);
    let config = world.read("harness.toml");
    let config = config.replace("retry_base_ms", "api_key_env = \"REGEN_TEST_KEY\"\nretry_base_ms");
    world.write("harness.toml", &config);
    world.write("worker.toml", &config.replace("http://127.0.0.1:9/v1", &server.url));
    asker(fleet, &world, "asker");
    world
}

/// Starts a worker that has the key.
fn asker(fleet: &mut Fleet, world: &World, name: &str) {
    let url = fleet.url();
    let args = ["worker", "--server", &url, "--pool", "models", "--slots", "2", "--name", name];
    let mut command = world.command(&[&args[..], &["--generator", "worker.toml"]].concat());
    let started = group(command.env("REGEN_TEST_KEY", KEY), &fleet.log_of(name));
    fleet.workers.insert(name.to_owned(), started);
    fleet.ready(world);
}

#[test]
fn a_model_is_asked_by_a_worker_that_has_its_key() {
    let Some(mut fleet) = Fleet::start() else { return };
    let answers = vec![lib(WRONG), lib(GOOD)];
    let refused = Act::Raw(401, vec![], format!("{{\"error\":\"the key {KEY} is wrong\"}}"));
    let telling = lib(&GOOD.replace("Adds.", &format!("Adds, {KEY}.")));
    let more = vec![lib(GOOD), lib(GOOD), refused, telling];
    let there = Server::start([answers.clone(), more].concat());
    let here = Server::start(answers);
    let local = World::quick(&here.url);
    local.run(&["run"]).expect(0);
    let world = world(&mut fleet, &there, "alone_after_s = 2\n");
    let ran = world.run(&["run"]).expect(0);
    assert!(!ran.err.contains(KEY), "{}", ran.shown());
    assert_eq!(here.requests(), there.requests());
    assert_eq!(local.read("regen.lock"), world.read("regen.lock"));
    assert!(promoted(&local).keys().eq(promoted(&world).keys()));
    let bearer = format!("authorization: Bearer {KEY}");
    assert!(there.asked().iter().all(|one| one.head.contains(&bearer)));
    let said = fleet.said("asker");
    assert!(said.contains("adder/rust: attempt 2: answered in"), "{said}");
    let doctor = world.run(&["doctor"]).out;
    assert!(doctor.contains("scripted, asked by workers of pool `models`"), "{doctor}");
    let shown = world.run(&["workers"]).expect(0).out;
    assert!(shown.contains("pool models: 1 workers, 0 waiting"), "{shown}");
    assert!(shown.contains("model scripted"), "{shown}");
    // Asked for again, the model is asked again.
    world.run(&["run", "--force"]).expect(0);
    assert_eq!(there.requests().len(), 3);
    // Other settings are another answer.
    let config = world.read("harness.toml");
    world.write(
        "harness.toml",
        &config.replace("max_output_tokens", "temperature = 1\nmax_output_tokens"),
    );
    let why = "asker asks `scripted` with other settings";
    let ran = world.run(&["run", "--force"]).expect(30);
    assert!(ran.err.contains(why), "{}", ran.shown());
    let doctor = world.run(&["doctor"]).out;
    assert!(doctor.contains(why), "{doctor}");
    world.write("harness.toml", &config);
    // Without a worker this machine asks, if it can.
    fleet.signal("asker", Signal::TERM);
    until("it has left", || world.run(&["workers"]).out.contains("pool models: 0 workers"));
    let ran = world.run(&["run", "-v", "--force"]).expect(30);
    let alone = "no worker is in pool `models`; models are asked from this machine";
    assert!(ran.err.contains(alone), "{}", ran.shown());
    assert!(ran.err.contains("the variable REGEN_TEST_KEY is not set"), "{}", ran.shown());
    assert_eq!(there.requests().len(), 3);
    // What was taken back is not asked later.
    drop(fleet.workers.remove("asker").expect("is there").wait());
    asker(&mut fleet, &world, "later");
    world.run(&["run", "--force"]).expect(0);
    assert_eq!(there.requests().len(), 4, "{}", fleet.said("later"));
    // A server that repeats the key, and a model that knows it.
    for says in ["401", "the answer has the model's key in it"] {
        let ran = world.run(&["run", "--force"]).expect(30);
        assert!(ran.err.contains(says), "{}", ran.shown());
        assert!(!ran.shown().contains(KEY), "{}", ran.shown());
    }
    let has_key = |bytes: &[u8]| bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes());
    for (path, bytes) in world.snapshot(".regen") {
        assert!(!has_key(&bytes), "{}", path.display());
    }
}

/// An answer that takes a while.
fn slow() -> Act {
    let text = events(&files(&[("src/lib.rs", GOOD)]), Some("stop"));
    let (first, rest) = text.split_at(text.len() / 2);
    Act::Slow(1500, vec![first.to_owned(), rest.to_owned()])
}

#[test]
fn an_answer_is_bought_once_or_its_loss_is_told() {
    if !all() {
        return;
    }
    let Some(mut fleet) = Fleet::start() else { return };
    let server = Server::start(vec![slow()]);
    let world = world(&mut fleet, &server, "lease_s = 4\n");
    let patient =
        world.read("worker.toml").replace("idle_timeout_ms = 300", "idle_timeout_ms = 9000");
    world.write("worker.toml", &patient);
    fleet.kill_worker("asker");
    asker(&mut fleet, &world, "patient");
    // The coordinator is killed: the next run finds the answer.
    let run = group(&mut world.command(&["run"]), &fleet.log_of("run"));
    server.arrived();
    kill(run);
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 1);
    // A worker that is told to stop says what it gave up.
    let run = world.spawn(&["run", "--force"]);
    server.arrived();
    fleet.signal("patient", Signal::TERM);
    let ended = run.wait_with_output().expect("ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("the worker was stopped while it asked"), "{said}");
    assert_eq!(ended.status.code(), Some(30), "{said}");
    // One that dies is missed.
    drop(fleet.workers.remove("patient").expect("is there").wait());
    asker(&mut fleet, &world, "short");
    let run = world.spawn(&["run", "--force"]);
    server.arrived();
    fleet.kill_worker("short");
    let ended = run.wait_with_output().expect("ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("may have asked: worker short was silent for 4 s"), "{said}");
    assert_eq!((ended.status.code(), server.requests().len()), (Some(30), 3), "{said}");
    // The server forgets everything.
    asker(&mut fleet, &world, "last");
    let run = world.spawn(&["run", "--force"]);
    server.arrived();
    fleet.stop_server();
    std::fs::remove_dir_all(fleet.folder.path().join("store")).expect("is there");
    fleet.serve();
    let ended = run.wait_with_output().expect("ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("may have asked: the server lost it"), "{said}");
    fleet.ready(&world);
    world.run(&["run", "--force"]).expect(0);
    assert_eq!(server.requests().len(), 5);
    world.run(&["check"]).expect(0);
}
