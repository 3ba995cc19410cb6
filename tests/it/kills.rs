//! Kills at random moments of every command that writes, one after the other in one workspace.
//! `REGEN_SEED` plays the deeds and moments of a run again.
#![expect(clippy::print_stderr, reason = "a run says what it was")]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use regen::types::Digest;
use regex::Regex;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::endurance::Random;
use crate::server::{Act, Server, files, lib};
use crate::world::{GOOD, PATIENCE, QUICK, Run, World, all};

const SPECS: [&str; 3] = ["s0", "s1", "s2"];
/// The most kills in one workspace.
const LIFE: u64 = 50;

/// What a kill ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Run,
    Force,
    Watch,
    Rollback,
    Discard,
    Remove,
    FixLock,
    Gc,
    Check,
    Rerun,
}

impl Deed {
    /// What takes long has more moments, and comes up more often.
    fn any(random: &mut Random) -> Self {
        match random.below(20) {
            0..5 => Self::Run,
            5..8 => Self::Force,
            8..11 => Self::Watch,
            11..14 => Self::Rollback,
            14 | 15 => Self::Discard,
            16 => Self::Remove,
            17 => Self::FixLock,
            18 => Self::Gc,
            _ if random.below(2) == 0 => Self::Check,
            _ => Self::Rerun,
        }
    }

    fn args(self, spec: &str) -> Vec<&str> {
        match self {
            Self::Run | Self::Remove => vec!["run"],
            Self::Force => vec!["run", "--force", "--spec", spec],
            Self::Watch => vec!["watch"],
            Self::Rollback => vec!["rollback", spec],
            Self::Discard => vec!["run", "--discard-edits"],
            Self::FixLock => vec!["check", "--fix-lock"],
            Self::Gc => vec!["gc", "--days", "0"],
            Self::Check => vec!["check"],
            Self::Rerun => vec!["check", "--rerun"],
        }
    }

    /// Milliseconds that it takes, more or less.
    fn lasts(self) -> u64 {
        match self {
            Self::Gc | Self::Check | Self::FixLock => 40,
            Self::Rollback => 120,
            Self::Watch => 1000,
            _ => 900,
        }
    }

    /// Whether it may promote.
    fn promotes(self) -> bool {
        !matches!(self, Self::Gc | Self::Check | Self::Rerun | Self::FixLock)
    }
}

/// When the kill comes: so many milliseconds after the start, after a request has arrived, or after
/// a new tree is being staged.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Started(u64),
    Asked(u64),
    Staged(u64),
}

impl Moment {
    fn any(random: &mut Random, deed: Deed) -> Self {
        match random.below(if deed.promotes() { 4 } else { 1 }) {
            0 => Self::Started(random.below(deed.lasts())),
            1 => Self::Asked(random.below(250)),
            _ => Self::Staged(random.below(25)),
        }
    }
}

/// A tree's name: revision of the spec, and number of the answer that it was.
type Mark = (u64, u64);

fn spec(name: &str, revision: u64) -> String {
    format!(
        "# Plain\n\nA crate that adds, edition {revision} of {name}.\n\n- `add(a: i32, b: i32)` \
         MUST add. `test_id: adds`\n\n  ```rust\n  assert_eq!({name}::add(2, 3), 5);\n  ```\n"
    )
}

/// The files of an answer. Each says whose it is; every other one has a file more.
fn code(name: &str, (revision, answer): Mark) -> BTreeMap<String, String> {
    let said = format!("//! Revision {revision} of {name}, answer {answer}.\n\n");
    let more = if answer % 2 == 0 { "" } else { "mod more;\n" };
    let add = "    a.saturating_add(b)\n}\n";
    let lib = format!(
        "{said}{more}mod other;\n\n/// Adds.\npub fn add(a: i32, b: i32) -> i32 {{\n    \
         other::add(a, b)\n}}\n"
    );
    let other = format!("{said}/// Adds.\npub fn add(a: i32, b: i32) -> i32 {{\n{add}");
    let mut files = BTreeMap::from([("src/lib.rs", lib), ("src/other.rs", other)]);
    if !more.is_empty() {
        files.insert("src/more.rs", format!("{said}/// More.\nconst _MORE: u64 = {answer};\n"));
    }
    files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect()
}

/// Answers with the revision that is asked for.
fn answer(number: usize, body: &Value) -> String {
    let wanted = Regex::new(r"edition (\d+) of (s\d)").expect("is one");
    let text = body.to_string();
    let found = wanted.captures(&text).expect("has a spec");
    let code = code(&found[2], (found[1].parse().expect("is one"), number as u64));
    let list: Vec<_> = code.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files(&list)
}

/// A workspace, and what is known of it.
struct Life {
    world: World,
    server: Server,
    random: Random,
    /// Revisions in the specs that are there.
    wanted: BTreeMap<&'static str, u64>,
    /// Specs whose promoted code has an edit by hand.
    edited: BTreeSet<&'static str>,
    revision: u64,
    kills: u64,
    /// Requests that may have been cut off.
    cut: u64,
    /// What happens, for a message.
    now: String,
}

impl Life {
    fn new(seed: u64) -> Self {
        let server = Server::start(vec![Act::Make(answer)]);
        let world = World::new(&server.url, &[], QUICK);
        let random = Random(seed);
        let (wanted, edited) = (BTreeMap::new(), BTreeSet::new());
        let now = format!("seed {seed}");
        let mut life =
            Self { world, server, random, wanted, edited, revision: 0, kills: 0, cut: 0, now };
        SPECS.iter().for_each(|name| life.revise(name));
        life
    }

    fn one(&mut self) -> &'static str {
        SPECS[self.random.below(SPECS.len() as u64) as usize]
    }

    fn revise(&mut self, name: &'static str) {
        self.revision += 1;
        self.world.write(&format!("specs/{name}.md"), &spec(name, self.revision));
        self.wanted.insert(name, self.revision);
    }

    fn edit(&mut self, name: &'static str) {
        let path = format!("generated/{name}/rust/src/other.rs");
        if self.world.path(&path).exists() && !self.edited.contains(name) {
            let text = self.world.read(&path) + "// mine\n";
            self.world.write(&path, &text);
            self.edited.insert(name);
        }
    }

    fn unit(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        self.world.snapshot(&format!("generated/{name}"))
    }

    /// The tree that stands, which must be whole: every file is of one answer, and is what the
    /// manifest says.
    fn whole(&self, name: &str) -> Option<Mark> {
        let (unit, root) = (self.unit(name), self.world.path(&format!("generated/{name}")));
        let text = |path: &str| unit.get(&root.join(path)).cloned().unwrap_or_default();
        if unit.is_empty() {
            return None;
        }
        let lib = String::from_utf8(text("rust/src/lib.rs")).expect("is text");
        let said = Regex::new(r"Revision (\d+) of (s\d), answer (\d+)\.").expect("is one");
        let found = said.captures(&lib).unwrap_or_else(|| panic!("{}: {unit:?}", self.now));
        assert_eq!(&found[2], name, "{}", self.now);
        let number = |at: usize| found[at].parse().expect("a number");
        let mark = (number(1), number(3));
        let mut wanted: BTreeSet<PathBuf> =
            ["rust/Cargo.toml", "rust.manifest", "rust.intoto.jsonl"].map(|p| root.join(p)).into();
        let mut listed = BTreeSet::from(["Cargo.toml".to_owned()]);
        for (path, code) in code(name, mark) {
            let is = text(&format!("rust/{path}"));
            assert_eq!(String::from_utf8_lossy(&is), code, "{}: {name} {path}", self.now);
            wanted.insert(root.join("rust").join(&path));
            listed.insert(path);
        }
        assert_eq!(unit.keys().cloned().collect::<BTreeSet<_>>(), wanted, "{}", self.now);
        let manifest = String::from_utf8(text("rust.manifest")).expect("is text");
        for line in manifest.lines() {
            let (digest, path) = line.split_once("  ").expect("is a line of it");
            let is = Digest::of(text(&format!("rust/{path}"))).to_string();
            assert!(is == digest && listed.remove(path), "{}: {name}: {line}", self.now);
        }
        assert!(listed.is_empty(), "{}: {manifest}", self.now);
        Some(mark)
    }

    /// Prepares a deed: what it finds to do.
    fn prepare(&mut self, deed: Deed, name: &'static str) {
        // What was removed comes back, sooner or later.
        let gone: Vec<_> = SPECS.iter().filter(|s| !self.wanted.contains_key(*s)).collect();
        for name in gone {
            if self.random.below(3) == 0 {
                self.revise(name);
            }
        }
        match deed {
            Deed::Run | Deed::Watch if self.random.below(4) > 0 => self.revise(name),
            Deed::Discard => self.edit(name),
            Deed::Remove => {
                let _ = std::fs::remove_file(self.world.path(&format!("specs/{name}.md")));
                self.wanted.remove(name);
            }
            _ => {}
        }
    }

    fn start(&self, args: &[&str]) -> Child {
        let mut command = self.world.command(args);
        command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("starts")
    }

    /// Waits for a moment, at most until the child ends; saves specs meanwhile if it watches.
    fn wait(&mut self, child: &mut Child, deed: Deed, moment: Moment) {
        let (begun, asked) = (Instant::now(), self.server.requests().len());
        let most = Duration::from_millis(deed.lasts() * 2);
        let mut saves = if deed == Deed::Watch { self.random.below(4) } else { 0 };
        let mut next = Duration::from_millis(self.random.below(200));
        let stage = self.world.path(".regen/stage");
        // A tree is a folder; files are parts of something else.
        let is_staged = || {
            let mut all = std::fs::read_dir(&stage).into_iter().flatten().flatten();
            all.any(|entry| entry.path().is_dir())
        };
        let mut since = matches!(moment, Moment::Started(_)).then_some(begun);
        let (Moment::Started(then) | Moment::Asked(then) | Moment::Staged(then)) = moment;
        while child.try_wait().expect("waits").is_none() && begun.elapsed() < most {
            if since.is_some_and(|since| since.elapsed() >= Duration::from_millis(then)) {
                return;
            }
            if since.is_none() {
                let is = match moment {
                    Moment::Asked(_) => self.server.requests().len() > asked,
                    _ => is_staged(),
                };
                since = is.then(Instant::now);
            }
            if saves > 0 && begun.elapsed() >= next {
                let name = self.one();
                self.revise(name);
                (saves, self.cut) = (saves - 1, self.cut + 1);
                next += Duration::from_millis(self.random.below(400));
            }
            std::thread::sleep(Duration::from_micros(300));
        }
    }

    /// One deed, with its kill; gives whether it was killed.
    fn round(&mut self, number: u64) -> bool {
        let (mut deed, name) = (Deed::any(&mut self.random), self.one());
        // A rebuilt lockfile leaves out edited trees: no attestation accepts them.
        if deed == Deed::FixLock && !self.edited.is_empty() {
            deed = Deed::Discard;
        }
        let moment = Moment::any(&mut self.random, deed);
        let seed = self.now.split(',').next().unwrap_or_default().to_owned();
        self.now = format!("{seed}, round {number}, {deed:?} {name}, {moment:?}");
        self.prepare(deed, name);
        let before: BTreeMap<_, _> = SPECS.iter().map(|name| (*name, self.unit(name))).collect();
        let mut child = self.start(&deed.args(name));
        self.wait(&mut child, deed, moment);
        let killed = child.try_wait().expect("waits").is_none();
        if killed {
            kill_process_group(Pid::from_child(&child), Signal::KILL).expect("is there");
            child.wait().expect("ends");
        }
        self.kills += u64::from(killed);
        self.cut += u64::from(killed);
        self.settled(&before);
        self.recover();
        self.settled(&before);
        self.holds();
        killed
    }

    /// Old or new, never a mix, whatever has happened.
    fn settled(&mut self, before: &BTreeMap<&'static str, BTreeMap<PathBuf, Vec<u8>>>) {
        for (name, old) in before {
            if self.unit(name) != *old {
                let new = self.whole(name);
                assert!(new.is_some(), "{}: {name} is gone", self.now);
                if self.edited.remove(name) {
                    let saved = self.world.snapshot(&format!(".regen/drift/{name}"));
                    let edit = old.iter().find(|(path, _)| path.ends_with("other.rs"));
                    let (_, edit) = edit.expect("was edited");
                    assert!(saved.values().any(|bytes| bytes == edit), "{}: edit lost", self.now);
                }
            }
        }
    }

    /// What comes next, whatever it is, finishes what was cut off.
    fn recover(&mut self) {
        let run = match self.random.below(6) {
            0 => self.world.run(&["run", "-q"]),
            1 => self.world.run(&["rollback", "s0", "-q"]),
            _ => self.world.run(&["gc", "-q"]),
        };
        let codes = [0, 2, 22];
        assert!(codes.contains(&run.code), "{}: {}: {}", self.now, run.code, run.err);
    }

    /// What is true after every command.
    fn holds(&self) {
        let at = &self.now;
        for folder in ["journal", "stage"] {
            let left = self.world.snapshot(&format!(".regen/{folder}"));
            assert!(left.is_empty(), "{at}: {folder}: {:?}", left.keys());
        }
        self.is_honest(&self.world.run(&["check", "--json"]));
        if SPECS.iter().any(|name| !self.unit(name).is_empty()) {
            let verified = self.world.run(&["verify"]);
            assert!(verified.code == 0 || !self.edited.is_empty(), "{at}: {}", verified.err);
        }
        let log = self.world.run(&["log", "--json", "--limit", "100"]);
        assert_eq!(log.code, 0, "{at}: {}", log.err);
        let seqs: Vec<_> = log.json().iter().filter_map(|e| e["seq"].as_i64()).collect();
        assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{at}");
        self.nothing_is_bought_twice();
        self.nobody_is_left();
    }

    /// The deploy gate finds what this test did, and nothing else.
    fn is_honest(&self, run: &Run) {
        assert!([0, 22].contains(&run.code), "{}: {}{}", self.now, run.out, run.err);
        let report = run.json().pop().expect("says something");
        let findings = report["findings"].as_array().expect("a list");
        assert_eq!(findings.is_empty(), run.code == 0, "{}: {report}", self.now);
        for finding in findings {
            let code = finding["code"].as_str().expect("has one");
            let file = finding["file"].as_str().unwrap_or_default();
            let name = SPECS.iter().find(|name| {
                finding["spec"] == **name || file.starts_with(&format!("generated/{name}/"))
            });
            let name = *name.unwrap_or_else(|| panic!("{}: {finding}", self.now));
            let is = match code {
                "check::gone" => !self.wanted.contains_key(name),
                "check::changed" => self.edited.contains(name),
                "check::context" | "check::not_promoted" | "check::held" => {
                    self.edited.contains(name)
                        || self.whole(name).map(|mark| mark.0) != self.wanted.get(name).copied()
                }
                _ => false,
            };
            assert!(is, "{}: {finding}\n{:?}", self.now, self.wanted);
        }
    }

    /// No answer that was recorded is asked for again, unless it has stood; what was asked and is
    /// not recorded was cut off.
    fn nothing_is_bought_twice(&self) {
        let Ok(db) = rusqlite::Connection::open(self.world.path(".regen/ledger.db")) else {
            return;
        };
        let sql = "SELECT c.request, c.completion, min(c.job),
                          CASE WHEN max(coalesce(j.result, '') = 'promoted') THEN 'promoted'
                               ELSE coalesce(min(j.result), 'open') END
                   FROM completions c JOIN jobs j ON j.id = c.job
                   GROUP BY c.request, c.completion ORDER BY min(c.job)";
        let Ok(mut statement) = db.prepare(sql) else { return };
        let rows =
            statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(3)?)));
        let rows: Vec<_> = rows.expect("reads").map(|row| row.expect("is one")).collect();
        for (at, (request, result)) in rows.iter().enumerate() {
            let again = rows[at + 1..].iter().any(|(other, _)| other == request);
            assert!(!again || result == "promoted", "{}: {request} of a {result}", self.now);
        }
        let asked = self.server.requests().len() as u64;
        let known = rows.len() as u64;
        assert!(known <= asked && asked <= known + self.cut, "{}: {asked} {known}", self.now);
    }

    /// Whatever runs for this workspace sees its folders among its mounts or in its environment.
    fn nobody_is_left(&self) {
        let mark = self.world.cache().display().to_string();
        let end = Instant::now() + PATIENCE;
        loop {
            let left = of(&mark);
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < end, "{}: {left:?}", self.now);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Undisturbed, it comes to the same as a workspace that nothing ever happened in.
    fn end(mut self) {
        for name in SPECS {
            self.revise(name);
        }
        self.now += ", the end";
        let run = self.world.run(&["run", "--discard-edits", "-q"]);
        assert_eq!(run.code, 0, "{}: {}", self.now, run.err);
        self.edited.clear();
        self.holds();
        let check = self.world.run(&["check"]);
        assert_eq!(check.code, 0, "{}: {}", self.now, check.out);
        let fresh = World::new(&self.server.url, &[], QUICK);
        for (name, revision) in &self.wanted {
            fresh.write(&format!("specs/{name}.md"), &spec(name, *revision));
        }
        fresh.run(&["run", "-q"]).expect(0);
        // But for the answers, each of which is another.
        let varies = Regex::new(r"[0-9a-f]{64}|attempts = \d+|.*more\.rs.*\n").expect("is one");
        let lock = |world: &World| varies.replace_all(&world.read("regen.lock"), "").into_owned();
        assert_eq!(lock(&self.world), lock(&fresh), "{}", self.now);
        for name in SPECS {
            assert_eq!(self.whole(name).map(|mark| mark.0), self.wanted.get(name).copied());
        }
        let again = self.world.run(&["run", "-q", "--json"]);
        assert!(again.out.contains("\"jobs\":[]"), "{}: {}", self.now, again.out);
        self.leaves_nothing();
    }

    /// No temporary file and no workspace of a candidate is left.
    fn leaves_nothing(&self) {
        let rooms = self.world.cache().join("regen/rooms");
        let rooms = std::fs::read_dir(rooms).into_iter().flatten().count();
        assert_eq!(rooms, 0, "{}: workspaces are left", self.now);
        // Until the state has an id, its owner is unknown.
        let first = self.world.path(".regen");
        let parts = self.world.snapshot("").into_keys().filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".regen-"))
                && path.parent() != Some(&first)
        });
        let parts: Vec<_> = parts.collect();
        assert!(parts.is_empty(), "{}: {parts:?}", self.now);
    }
}

/// Processes that have to do with a folder.
fn of(mark: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("is there").flatten() {
        for file in ["mountinfo", "environ"] {
            let text = std::fs::read(entry.path().join(file)).unwrap_or_default();
            if String::from_utf8_lossy(&text).contains(mark) {
                let name = std::fs::read_to_string(entry.path().join("comm"));
                found.push((entry.path(), name.unwrap_or_default()));
            }
        }
    }
    found
}

fn live(seed: u64, kills: u64) -> u64 {
    let mut life = Life::new(seed);
    for number in 0..4 * kills {
        if life.kills == kills {
            break;
        }
        life.round(number);
    }
    let killed = life.kills;
    life.end();
    killed
}

#[test]
fn whatever_is_killed_whenever_it_is_the_next_command_goes_on() {
    if !all() {
        return;
    }
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("is after 1970");
    let seed = std::env::var("REGEN_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or(u64::from(clock.subsec_nanos()));
    let many = std::env::var("REGEN_KILLS").ok().and_then(|many| many.parse::<u64>().ok());
    let many = many.unwrap_or(200);
    let (lives, kills) = (many.div_ceil(LIFE), LIFE.min(many));
    eprintln!("REGEN_SEED={seed} for the first of {lives} workspaces");
    let (next, total) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(life) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < lives)
                {
                    total.fetch_add(live(seed + life, kills), Ordering::Relaxed);
                }
            });
        }
    });
    let total = total.into_inner();
    eprintln!("{total} kills");
    assert!(total >= lives * kills * 3 / 4, "only {total} kills came in time");
}

#[test]
fn an_answer_that_was_recorded_right_before_a_kill_is_no_garbage() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    world.first(&server, &["run", "-q"]).expect(0);
    // The ledger and the tree of a run that was killed between its answer and its next event.
    let ledger = rusqlite::Connection::open(world.path(".regen/ledger.db")).expect("opens");
    let back = "DROP TRIGGER events_remain; UPDATE jobs SET result = NULL;
                DELETE FROM events WHERE seq > (
                    SELECT seq FROM events WHERE event ->> '$.event' = 'attempt_started');";
    ledger.execute_batch(back).expect("goes back");
    drop(ledger);
    std::fs::remove_dir_all(world.path("generated")).expect("is there");
    std::fs::remove_file(world.path("regen.lock")).expect("is there");
    world.run(&["gc", "--days", "0", "-q"]).expect(0);
    world.run(&["run", "-q"]).expect(0);
    assert_eq!(server.requests().len(), 1, "it was paid for");
    assert_eq!(world.read("generated/adder/rust/src/lib.rs"), GOOD);
}
