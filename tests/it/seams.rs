//! Traits: implementations can be added without changing other modules.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use regen::engine::{Engine, Observer, Options, RunOutcome};
use regen::generator::{self, Generator, MakeGenerator};
use regen::pipeline::{Effect, State};
use regen::store::WriterLock;
use regen::types::{Event, Failure, Job, JobOutcome, ToolEnv};
use regen::workspace::{WorkspaceLayout, load};

use crate::copier::Copier;
use crate::world::{GOOD, World};

#[test]
fn workspaces_without_generated_targets_need_no_generator() {
    let written = "[harness]\ndefault_targets = [\"code\"]\n[target.code]\ngenerator = \"none\"\npath = \".\"\n";
    let spec = "# Calc\n\n- `add` MUST give the sum. `test_id: adds`\n";
    let world = World::new("http://127.0.0.1:1", &[("calc", spec)], "");
    world.write("harness.toml", written);
    for args in ["plan", "status", "why calc", "run", "doctor", "check", "lint", "trace", "log"] {
        let args: Vec<&str> = args.split(' ').collect();
        let run = world.run(&args).expect(0);
        assert!(!run.err.contains("model"), "{args:?}: {run:?}");
    }
    let doctor = world.run(&["doctor"]).expect(0);
    let line = "generator      not needed: no target is generated";
    assert!(doctor.out.contains(line), "{}", doctor.out);
    // A spec without a target is reported, without mentioning a model.
    world.write("harness.toml", "");
    for (args, code) in [("status", 0), ("log", 0), ("plan", 10), ("run", 10), ("doctor", 40)] {
        let run = world.run(&[args]).expect(code);
        assert!(!run.err.contains("model"), "{args}: {run:?}");
    }
    // A generated target requires a generator.
    world.write("harness.toml", "[target.rust]\ntoolchain = \"rust\"\n");
    let refused = world.run(&["plan"]).expect(2);
    assert!(refused.err.contains("`[generator]` has no model"), "{}", refused.err);
}

/// The registry of this test: production's, plus another kind.
fn registry(answers: std::path::PathBuf, deadline: Duration) -> MakeGenerator {
    Arc::new(move |parts| match parts.config.settings.model() {
        "cp" => Ok(Arc::new(Copier::new(answers.clone(), deadline)) as Arc<dyn Generator>),
        _ => generator::of(parts),
    })
}

/// Stores the events.
#[derive(Default)]
struct Events(Mutex<Vec<Event>>);

impl Observer for Events {
    fn event(&self, _: &Job, _: &State, event: &Event) {
        self.0.lock().expect("no test panics while holding it").push(event.clone());
    }

    fn begin(&self, _: &Job, _: &State, _: &Effect) {}

    fn streaming(&self, _: &Job, _: usize) {}

    fn note(&self, _: &str) {}
}

/// Runs a workspace with the copier below `answers/`. Gives the outcome and the events.
async fn run(world: &World) -> (RunOutcome, Vec<Event>) {
    run_within(world, Duration::from_secs(600)).await
}

/// The same with so much time for an answer.
async fn run_within(world: &World, deadline: Duration) -> (RunOutcome, Vec<Event>) {
    let variables = std::env::vars_os();
    let variables = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let wanted = ToolEnv::new(variables);
    let places = WorkspaceLayout::new(
        world.path("harness.toml"),
        world.cache().join("regen"),
        world.cache().join("regen/workspaces"),
    );
    places.make_state().expect("is made");
    let _lock = WriterLock::take(&places.state, "a test").map_err(|_| ()).expect("is free");
    let workspace = load(&places, None).expect("loads");
    let tools = workspace.tools(&wanted).await.expect("has tools");
    let plan = workspace.plan(&tools, None, false).expect("plans");
    let supervisor = Path::new(env!("CARGO_BIN_EXE_regen"));
    let probe = regen::sandbox::probe(supervisor, &places.cache, 8192).await;
    let events = Arc::new(Events::default());
    let options = Options {
        only: None,
        by: "test".to_owned(),
        force: false,
        discard_edits: false,
        keep: false,
        variable: |_| None,
        servers: Default::default(),
        generators: registry(world.path("answers"), deadline),
        sets: Arc::default(),
        observer: events.clone(),
    };
    let (tools, probe) = (Arc::new(tools), Some(Arc::new(probe)));
    let engine = Engine::open(Arc::new(workspace), tools, probe, options).expect("opens");
    let outcome = engine.run(&plan).await.expect("runs");
    let events = events.0.lock().expect("no test panics while holding it").clone();
    (outcome, events)
}

fn copied(answers: &[(&str, &str)]) -> World {
    let world = World::adder("http://127.0.0.1:1");
    let config = world.read("harness.toml").replace("\"scripted\"", "\"cp\"");
    world.write("harness.toml", &config);
    for (path, text) in answers {
        world.write(&format!("answers/{path}"), text);
    }
    world
}

#[tokio::test]
async fn a_generator_that_copies_a_folder_is_one_folder_and_one_line() {
    let lazy = "/// Adds.\npub fn add(a: i32, b: i32) -> i32 {\n    // rest of the code\n}\n";
    let world = copied(&[
        ("1/src/lib.rs", GOOD),
        ("1/validators/adder.rs", "// Not a candidate's file.\n"),
        ("2/src/lib.rs", lazy),
        ("3/src/lib.rs", GOOD),
    ]);
    let (outcome, events) = run(&world).await;
    assert_eq!(outcome.jobs, [("adder".into(), Some(JobOutcome::Promoted))], "{events:?}");
    // The first two were rejected by the same checks as text.
    let refused: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Malformed { message, .. } => Some(message.as_str()),
            _ => None,
        })
        .collect();
    let [first, second] = refused[..] else { panic!("{refused:?}") };
    assert!(first.contains("validators/adder.rs belongs to the harness"), "{first}");
    assert!(second.contains("src/lib.rs:3: `rest of the code` replaces code"), "{second}");
    let read = events
        .iter()
        .any(|event| matches!(event, Event::CandidateMade { reader, .. } if reader == "workspace"));
    assert!(read, "{events:?}");
    assert_eq!(world.read("generated/adder/rust/src/lib.rs"), GOOD);
    let lock = world.read("regen.lock");
    assert!(lock.contains("generator = \"copy\"\nmodel = \"cp\"\nsource = \"model\""), "{lock}");

    // All data that explains it is stored, and none names a model server.
    world.run(&["check"]).expect(0);
    let shown = world.run(&["show", "1", "--attempt", "3"]).expect(0);
    assert!(
        shown.out.contains("--- the agent's own words") && shown.out.contains("src/lib.rs"),
        "{}",
        shown.out
    );
    world.run(&["gc", "--days", "0"]).expect(0);
    let shown = world.run(&["show", "1", "--attempt", "3"]).expect(0);
    assert!(!shown.out.contains("(gone"), "{}", shown.out);
    let (again, _) = run(&world).await;
    assert_eq!((again.jobs.len(), again.up_to_date), (0, vec!["adder".into()]));
}

#[tokio::test]
async fn a_copied_conflict_file_reports_the_conflict() {
    let world = copied(&[("1/CONFLICT", "adds Both cannot hold.\n")]);
    let (outcome, _) = run(&world).await;
    let ends: BTreeMap<_, _> = outcome.jobs.into_iter().collect();
    let Some(Some(JobOutcome::SpecSuspected { diagnosis })) = ends.get("adder") else {
        panic!("{ends:?}")
    };
    assert!(diagnosis.summary.contains("adder/adds: Both cannot hold."), "{}", diagnosis.summary);
}

#[tokio::test]
async fn a_generator_that_takes_longer_than_its_deadline_is_dropped() {
    let world = copied(&[("1/src/lib.rs", GOOD)]);
    let (outcome, events) = run_within(&world, Duration::ZERO).await;
    assert!(matches!(outcome.jobs[..], [(_, Some(JobOutcome::Failed { .. }))]), "{outcome:?}");
    let failed = events.iter().filter_map(|event| match event {
        Event::GenerationFailed { failure, message, .. } => Some((*failure, message.as_str())),
        _ => None,
    });
    let failed: Vec<_> = failed.collect();
    assert_eq!(failed, [(Failure::TimedOut, "no answer within 0 s")]);
    // Enough time: the same job goes on.
    let (outcome, events) = run(&world).await;
    assert_eq!(outcome.jobs, [("adder".into(), Some(JobOutcome::Promoted))], "{events:?}");
}

#[tokio::test]
async fn a_failing_generator_is_not_called_twice_and_ends_the_job() {
    let world = copied(&[]);
    let (outcome, events) = run(&world).await;
    assert!(matches!(outcome.jobs[..], [(_, Some(JobOutcome::Failed { .. }))]), "{outcome:?}");
    let failed = events.iter().filter(|event| matches!(event, Event::GenerationFailed { .. }));
    assert_eq!(failed.count(), 1);
}
