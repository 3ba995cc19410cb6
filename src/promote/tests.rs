//! Promotions over real folders: drift, times, recovery at every step, the fallback.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{PartTree, PromoteError, Promoter, Promotion, swap};
use crate::attest::Attested;
use crate::plan::LiveTree;
use crate::store::files;
use crate::types::{
    Candidate, GateReport, JobId, Outcome, Provenance, RelPath, SpecStanding, TargetStanding, Tree,
};
use crate::verdict::{Accepted, Verdict, judge};

struct World {
    folder: tempfile::TempDir,
    promoter: Promoter,
    jobs: i64,
}

fn accepted(files: &[(&str, &str)]) -> Accepted {
    let files = files.iter().map(|(p, t)| (RelPath::parse(p).unwrap(), t.as_bytes().to_vec()));
    let candidate = Candidate::new(files.collect::<Tree>(), Provenance::Promoted);
    let report = GateReport {
        gate: "g".into(),
        tree: candidate.digest(),
        required: true,
        outcome: Outcome::Pass,
        findings: Vec::new(),
        tests: Vec::new(),
        red: Vec::new(),
        observed: Vec::new(),
        samples: Vec::new(),
        elapsed_ms: 0,
        isolation: Default::default(),
        tools: String::new(),
        assurance: None,
        evidence: None,
    };
    match judge(&candidate, &["g".into()], &[report]) {
        Verdict::Accept(accepted) => accepted,
        other => panic!("{other:?}"),
    }
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let promoter = Promoter::new(folder.path().to_owned(), folder.path().join(".regen"));
        Self { folder, promoter, jobs: 0 }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Switches without finishing.
    fn switch(
        &mut self,
        files: &[(&str, &str)],
        discard: bool,
    ) -> Result<super::Switched, PromoteError> {
        self.jobs += 1;
        let accepted = accepted(files);
        let record = accepted.digest();
        let entry = TargetStanding {
            path: RelPath::parse("generated/s/rust").unwrap(),
            tree: accepted.digest(),
            ..TargetStanding::nothing()
        };
        let attestation = Attested::new(&"s".into(), &"rust".into(), &entry, None).render(None);
        let target = BTreeMap::from([("rust".into(), entry)]);
        let switched = self.promoter.switch(&[Promotion {
            job: JobId(self.jobs),
            spec: "s".into(),
            unit: RelPath::parse("generated/s").unwrap(),
            parts: vec![PartTree {
                target: "rust".into(),
                leaf: "rust".to_owned(),
                accepted,
                attestation,
            }],
            kept: Vec::new(),
            standing: SpecStanding { target },
            record,
            discard_edits: discard,
        }]);
        switched.map(|mut switched| switched.remove(0))
    }

    fn promote(&mut self, files: &[(&str, &str)]) {
        let switched = self.switch(files, false).expect("switches");
        self.promoter.finish(switched).expect("finishes");
    }

    fn live(&self) -> LiveTree {
        let standing = files::standing(self.root()).expect("reads");
        let live = self.promoter.live(&standing).expect("reads");
        live.into_values().next().unwrap_or(LiveTree::Missing)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join("generated/s/rust").join(path)).unwrap_or_default()
    }
}

#[test]
fn unchanged_files_keep_their_mtime_and_build_leftovers_are_kept() {
    let mut world = World::new();
    world.promote(&[("a", "1"), ("b", "1")]);
    let time = |w: &World, p: &str| {
        w.root().join("generated/s/rust").join(p).metadata().unwrap().modified().unwrap()
    };
    let (a, b) = (time(&world, "a"), time(&world, "b"));
    fs::create_dir_all(world.root().join("generated/s/rust/target/debug")).unwrap();
    world.promote(&[("a", "1"), ("b", "2")]);
    assert_eq!((time(&world, "a"), world.read("b").as_str()), (a, "2"));
    assert!(time(&world, "b") > b);
    assert!(world.root().join("generated/s/rust/target/debug").is_dir());
    assert_eq!(world.live(), LiveTree::Same);
    assert_eq!(fs::read_dir(world.root().join(".regen/trash/s")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(world.root().join(".regen/journal")).unwrap().count(), 0);
}

#[test]
fn drift_is_refused_with_file_names_or_saved() {
    let mut world = World::new();
    world.promote(&[("a", "1")]);
    fs::write(world.root().join("generated/s/rust/a"), "mine").unwrap();
    fs::write(world.root().join("generated/s/notes"), "mine too").unwrap();
    assert_eq!(world.live(), LiveTree::Drift(vec!["generated/s/rust/a".to_owned()]));
    let Err(PromoteError::Drift(files)) = world.switch(&[("a", "2")], false) else { panic!() };
    assert_eq!(files, ["generated/s/rust/a", "generated/s/notes"]);
    assert_eq!(world.read("a"), "mine");
    let switched = world.switch(&[("a", "2")], true).expect("saves");
    world.promoter.finish(switched).unwrap();
    assert_eq!(world.read("a"), "2");
    let saved = world.root().join(".regen/drift/s/1");
    assert_eq!(fs::read_to_string(saved.join("rust/a")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(saved.join("notes")).unwrap(), "mine too");
}

#[test]
fn recovery_completes_after_the_switch_reverts_before_it_and_is_idempotent() {
    let mut world = World::new();
    world.promote(&[("a", "1")]);
    let lock = fs::read(world.root().join("regen.lock")).unwrap();
    let switched = world.switch(&[("a", "2")], false).expect("switches");
    // Killed after the switch, before the lockfile.
    fs::write(world.root().join("regen.lock"), &lock).unwrap();
    drop(switched);
    let mut recovered =
        world.promoter.recover(&|_| vec!["generated/s".to_owned()]).expect("recovers");
    assert_eq!(world.live(), LiveTree::Same);
    assert_eq!(
        world.promoter.recover(&|_| vec!["generated/s".to_owned()]).expect("again").len(),
        1
    );
    world.promoter.finish(recovered.remove(0)).unwrap();
    assert_eq!(
        (
            world.read("a").as_str(),
            world.promoter.recover(&|_| vec!["generated/s".to_owned()]).unwrap().len()
        ),
        ("2", 0)
    );
    // Killed before the switch: reverts by hand, with the journal in place.
    let switched = world.switch(&[("a", "3")], false).expect("switches");
    let (unit, stage) = (world.root().join("generated/s"), world.root().join(".regen/stage/3"));
    swap::switch(&unit, &stage, &mut || Ok(())).expect("switches back");
    drop(switched);
    assert!(
        world.promoter.recover(&|_| vec!["generated/s".to_owned()]).expect("recovers").is_empty()
    );
    assert_eq!(world.read("a"), "2");
    assert!(!stage.exists());
}

#[test]
fn the_fallback_gives_the_same_content() {
    let mut world = World::new();
    world.promote(&[("a", "1"), ("gone", "1"), ("d/e", "1")]);
    let stage = world.root().join("stage");
    for (path, text) in [("rust/a", "2"), ("rust/d/f", "1")] {
        let path = stage.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let unit = world.root().join("generated/s");
    swap::redo(&unit, &stage).expect("copies");
    swap::redo(&unit, &stage).expect("twice is once");
    assert_eq!(swap::content(&unit).unwrap(), swap::content(&stage).unwrap());
}

#[test]
fn unknown_content_blocks_recovery_and_is_kept() {
    let mut world = World::new();
    world.promote(&[("a", "1")]);
    drop(world.switch(&[("a", "2")], false).expect("switches"));
    let unit = world.root().join("generated/s");
    fs::rename(&unit, world.root().join("elsewhere")).unwrap();
    fs::create_dir(&unit).unwrap();
    assert!(matches!(
        world.promoter.recover(&|_| vec!["generated/s".to_owned()]),
        Err(PromoteError::Blocked(_))
    ));
    assert!(world.root().join(".regen/stage/2").is_dir() && unit.is_dir());
}

#[test]
fn recovery_keeps_concurrent_changes() {
    let mut world = World::new();
    world.promote(&[("a", "1")]);
    // Another spec's entry was added to the lockfile during the interruption.
    drop(world.switch(&[("a", "2")], false).expect("switches"));
    let path = world.root().join("regen.lock");
    let mut lock = files::standing(world.root()).unwrap();
    let entry = lock.spec["s"].clone();
    lock.spec.insert("other".into(), entry);
    fs::write(&path, lock.render()).unwrap();
    let switched =
        world.promoter.recover(&|_| vec!["generated/s".to_owned()]).expect("recovers").remove(0);
    world.promoter.finish(switched).unwrap();
    assert!(files::standing(world.root()).unwrap().spec.contains_key("other"));
    // The old tree was removed before the switch: nothing to keep, nothing lost.
    let switched = world.switch(&[("a", "3")], false).expect("switches");
    let (unit, stage) = (world.root().join("generated/s"), world.root().join(".regen/stage/3"));
    swap::switch(&unit, &stage, &mut || Ok(())).expect("switches back");
    drop(switched);
    fs::remove_dir_all(&unit).unwrap();
    assert!(
        world.promoter.recover(&|_| vec!["generated/s".to_owned()]).expect("recovers").is_empty()
    );
    // An edit made during an interrupted file-by-file switch is saved first.
    world.promote(&[("a", "4"), ("b", "4")]);
    let switched = world.switch(&[("a", "5"), ("b", "5")], false).expect("switches");
    let (stage, trash) =
        (world.root().join(".regen/stage/5"), world.promoter.trash(&switched.journal));
    swap::copy(&stage, &trash).unwrap();
    fs::remove_dir_all(&stage).unwrap();
    swap::copy(&unit, &stage).unwrap();
    let mut journal = switched.journal;
    journal.in_place = true;
    journal.write(&world.root().join(".regen")).unwrap();
    fs::write(unit.join("rust/b"), "mine").unwrap();
    let switched =
        world.promoter.recover(&|_| vec!["generated/s".to_owned()]).expect("recovers").remove(0);
    world.promoter.finish(switched).unwrap();
    assert_eq!(world.read("b"), "5");
    assert_eq!(fs::read_to_string(world.root().join(".regen/drift/s/1/rust/b")).unwrap(), "mine");
}

#[test]
fn version_control_sees_every_promotion_at_once() {
    let mut world = World::new();
    let git = |world: &World, args: &[&str]| {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@t"])
            .args(args)
            .current_dir(world.root())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("git");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    git(&world, &["init", "-q"]);
    for round in 0..20 {
        // Equal sizes, many within one second.
        let text = format!("{round:04}");
        world.promote(&[("src/lib.rs", &text), ("same", "same")]);
        git(&world, &["add", "-A", "generated"]);
        assert_eq!(git(&world, &["show", ":generated/s/rust/src/lib.rs"]), text);
    }
}
