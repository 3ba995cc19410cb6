//! Gates as actions, as sent to and returned by a remote worker.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use regen::gate::{
    DependencyCache, ExecuteError, ExecuteOptions, GateExecutor, GateInputs, LocalExecutor, Machine,
};
use regen::sandbox::probe;
use regen::store::{ContentStore, MemoryStore};
use regen::types::{
    Action, ActionResult, Digest, Fingerprint, Isolation, Outcome, Provenance, RelPath, Tree,
};

use crate::world::{ADDER, GOOD, WRONG, World};

/// A workspace, this machine, and a store with a candidate and its inputs.
struct Setting {
    _world: World,
    machine: Machine,
    store: Arc<MemoryStore>,
    inputs: GateInputs,
}

impl Setting {
    async fn new() -> Self {
        let world = World::adder("http://127.0.0.1:9/v1");
        let probe = probe(Path::new(env!("CARGO_BIN_EXE_regen")), &world.cache(), 8192).await;
        let layers = DependencyCache::new(&world.cache());
        let machine = world.machine(&probe.sandbox, &layers).await;
        let harness = regen::config::parse("h", &world.read("harness.toml")).expect("is right");
        let (spec, _, _) = regen::spec::parse("specs/adder.md", ADDER.as_bytes());
        let (name, target) = ("rust".into(), &harness.target["rust"]);
        let inputs = GateInputs::new(spec, &name, target, &harness.gate, &[]);
        Self { _world: world, machine, store: Arc::default(), inputs }
    }

    /// An executor that has only the store.
    fn worker(&self) -> LocalExecutor {
        LocalExecutor::new(self.machine.clone(), self.store.clone())
    }

    /// The test gate over a library, as it would be sent to a worker.
    fn test_of(&self, code: &str) -> Action {
        let manifest = "[package]\nname = \"adder\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n";
        let file =
            |(path, text): (&str, &str)| (RelPath::parse(path).expect("is one"), text.into());
        let tree = Tree::from_iter([("Cargo.toml", manifest), ("src/lib.rs", code)].map(file));
        let tree = self.store.put_tree(&tree).expect("is kept");
        let tools = self.machine.tools.get("rust").expect("was asked for").fingerprint();
        self.inputs.action(&"test".into(), tools, tree, Provenance::Promoted)
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

fn options() -> ExecuteOptions<'static> {
    ExecuteOptions::at(SystemTime::now())
}

#[test]
fn a_worker_needs_only_an_action_and_a_content_store() {
    block_on(async {
        let setting = Setting::new().await;
        assert_eq!(
            setting.store.put(&setting.inputs.bytes()).expect("is kept"),
            setting.inputs.digest()
        );
        for (code, passes) in [(GOOD, true), (WRONG, false)] {
            let sent = serde_json::to_string(&setting.test_of(code)).expect("is plain data");
            let action: Action = serde_json::from_str(&sent).expect("reads");
            let result = setting.worker().execute(&action, options()).await.expect("is executed");
            let sent = serde_json::to_string(&result).expect("is plain data");
            assert_eq!(serde_json::from_str::<ActionResult>(&sent).expect("reads"), result);
            let report = &result.report;
            assert_eq!(report.outcome == Outcome::Pass, passes, "{report:?}");
            assert_eq!(report.tree, action.tree);
            assert_eq!(result.tools, setting.machine.tools.version("rust"));
            assert_eq!((&report.tools, report.isolation), (&result.tools, result.isolation));
            assert_eq!(report.evidence, result.evidence);
            if let Some(evidence) = result.evidence {
                assert!(!setting.store.get(evidence).expect("is kept").is_empty());
            }
        }
    });
}

#[test]
fn inputs_are_the_same_content_on_every_machine() {
    block_on(async {
        let Setting { inputs, .. } = Setting::new().await;
        let read = GateInputs::read(&inputs.bytes()).expect("reads");
        assert_eq!(read.digest(), inputs.digest());
        assert_eq!(read.bytes(), inputs.bytes());
        assert_eq!(Digest::of(inputs.bytes()), inputs.digest());
        assert!(GateInputs::read(b"{}").is_err());
    });
}

#[test]
fn an_action_with_unmet_requirements_is_not_run() {
    block_on(async {
        let setting = Setting::new().await;
        let worker = setting.worker();
        let action = setting.test_of(GOOD);
        let refused = worker.execute(&action, options()).await;
        assert!(matches!(refused, Err(ExecuteError::Inputs { .. })), "{refused:?}");
        worker.accept(&Arc::new(setting.inputs.clone())).expect("is kept");
        let none = Digest::of("none");
        let other = Action { toolchain: Fingerprint(none), ..action.clone() };
        let refused = worker.execute(&other, options()).await;
        assert!(matches!(refused, Err(ExecuteError::Tools { .. })), "{refused:?}");
        let other = Action { tree: none, ..action.clone() };
        let refused = worker.execute(&other, options()).await;
        assert!(matches!(refused, Err(ExecuteError::Content(_))), "{refused:?}");
        let more = Isolation(setting.machine.probe.level.0 + 1);
        let other = Action { min_isolation: more, ..action };
        let refused = worker.execute(&other, options()).await;
        assert!(matches!(refused, Err(ExecuteError::Isolation { .. })), "{refused:?}");
    });
}
