//! The engine as a library: what it reads while jobs run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use notify::event::{AccessKind, EventKind};
use notify::{RecursiveMode, Watcher};
use regen::engine::{Engine, Observer, Options};
use regen::pipeline::{Effect, State};
use regen::store::{ContentStore, Objects, WriterLock};
use regen::types::{Digest, Event, Job, JobOutcome, SpecId, ToolEnv};
use regen::workspace::{WorkspaceLayout, load};

use crate::server::{Server, lib};
use crate::world::{GOOD, WRONG, World, all};

const SUITE: &str = "#[test]\nfn adds__two_and_two() {\n    assert_eq!(adder::add(2, 2), 4);\n}\n";

/// Removes files while a job runs.
struct Saboteur {
    root: PathBuf,
    snapshot: Mutex<Option<Digest>>,
}

impl Saboteur {
    fn object(&self, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join(".regen/objects").join(&name[..2]).join(&name[2..])
    }
}

impl Observer for Saboteur {
    fn event(&self, _: &Job, _: &State, event: &Event) {
        if let Event::CandidateMade { inputs, .. } = event {
            *self.snapshot.lock().expect("is not poisoned") = *inputs;
        }
    }

    fn begin(&self, _: &Job, _: &State, effect: &Effect) {
        match effect {
            // The workspace is loaded and not read again.
            Effect::Start => {
                std::fs::remove_dir_all(self.root.join("specs")).expect("deletes");
                std::fs::remove_dir_all(self.root.join("validators")).expect("deletes");
                std::fs::write(self.root.join("harness.toml"), "jobs = nonsense").expect("writes");
            }
            // The first gate has read the candidate; later gates and the verdict do not.
            Effect::Gate { candidate, gate: 1 } => {
                std::fs::remove_file(self.object(candidate.tree)).expect("deletes");
            }
            _ => {}
        }
    }

    fn streaming(&self, _: &Job, _: usize) {}

    fn note(&self, _: &str) {}
}

/// Runs a workspace through the library.
async fn run(world: &World, observer: Arc<Saboteur>) -> Vec<(SpecId, Option<JobOutcome>)> {
    let variables = std::env::vars_os();
    let variables = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let env = ToolEnv::new(variables);
    let places = WorkspaceLayout::new(
        world.path("harness.toml"),
        world.cache().join("regen"),
        world.path("known"),
    );
    places.make_state().expect("is made");
    let _lock = WriterLock::take(&places.state, "a test").expect("is free");
    let workspace = load(&places, None).expect("loads");
    let tools = workspace.tools(&env).await.expect("has tools");
    let plan = workspace.plan(&tools, None, false).expect("plans");
    let supervisor = Path::new(env!("CARGO_BIN_EXE_regen"));
    let probe = regen::sandbox::probe(supervisor, &places.cache, 8192).await;
    let options = Options {
        only: None,
        by: "a test".to_owned(),
        force: false,
        discard_edits: false,
        keep: false,
        variable: |_| None,
        servers: Default::default(),
        generators: Arc::new(regen::generator::of),
        sets: Arc::default(),
        observer,
    };
    let (tools, probe) = (Arc::new(tools), Some(Arc::new(probe)));
    let engine = Engine::open(Arc::new(workspace), tools, probe, options).expect("opens");
    engine.run(&plan).await.expect("runs").jobs
}

#[tokio::test]
async fn a_running_job_does_not_reread_workspace_or_candidate() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    world.write("validators/adder/rust/suite.rs", SUITE);
    let (config, spec) = (world.read("harness.toml"), world.read("specs/adder.md"));
    let observer = Arc::new(Saboteur { root: world.path(""), snapshot: Mutex::default() });
    let jobs = run(&world, observer.clone()).await;
    assert_eq!(jobs, [("adder".into(), Some(JobOutcome::Promoted))]);
    assert_eq!(world.read("generated/adder/rust/src/lib.rs"), GOOD);
    // The snapshot has the bytes that were read at load.
    let snapshot = observer.snapshot.lock().expect("is not poisoned").expect("is always there");
    let objects = Objects::new(world.path(".regen/objects"));
    let snapshot = objects.get_tree(snapshot).expect("is kept");
    let files = [
        ("harness.toml", config.as_str()),
        ("specs/adder.md", &spec),
        ("validators/adder/rust/suite.rs", SUITE),
    ];
    assert_eq!(snapshot.iter().count(), files.len());
    for (path, text) in files {
        assert_eq!(snapshot.text(path), Some(text), "{path}");
    }
}

#[test]
fn a_run_opens_each_of_its_inputs_once_however_many_attempts_it_takes() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(WRONG), lib(GOOD)]);
    let world = World::adder(&server.url);
    world.write("validators/adder/rust/suite.rs", SUITE);
    let (sends, opened) = std::sync::mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let event = event.expect("is told");
        if matches!(event.kind, EventKind::Access(AccessKind::Open(_))) {
            sends.send(event.paths).expect("is heard");
        }
    })
    .expect("watches");
    for folder in ["", "specs", "validators/adder/rust"] {
        watcher.watch(&world.path(folder), RecursiveMode::NonRecursive).expect("is watched");
    }
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 2, "one answer was refused");
    // Events are ordered: after this one, all earlier ones are there.
    let last = world.path("specs/last");
    std::fs::write(&last, "").expect("writes");
    let opened = opened.iter().flatten().take_while(|path| *path != last);
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for path in opened.filter(|path| path.is_file()) {
        *times.entry(path.file_name().expect("has one").display().to_string()).or_default() += 1;
    }
    times.retain(|name, _| ["harness.toml", "adder.md", "suite.rs"].contains(&name.as_str()));
    let once = ["adder.md", "harness.toml", "suite.rs"].map(|name| (name.to_owned(), 1));
    assert_eq!(times, BTreeMap::from(once));
}
