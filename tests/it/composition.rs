//! Systems of specs: the code of one uses what is promoted of another.

#![expect(clippy::print_stderr, reason = "a run says what it was")]

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use serde_json::Value;

use crate::endurance::Random;
use crate::rollback::{killed_at, steps};
use crate::server::{Act, Server, files};
use crate::world::{PATIENCE, World, all, rounds, stable, until};

pub const UNITS: &str = "# Units\n\n```wit\n/// An amount of money in cents.\nrecord money { cents: s64 }\n\
    /// The sum of two amounts.\nadd: func(a: money, b: money) -> money;\n```\n\n\
    - `add` MUST add. `test_id: adds`\n\n  ```wave\n  add({cents: 1}, {cents: 2}) = {cents: 3}\n  ```\n";
const STOCK: &str = "---\ndepends: [units]\n---\n# Stock\n\nA crate with a `Stock` of prices.\n\n\
    - `Stock::new().with(3).total()` MUST be the sum as `units::contract::Money`. `test_id: total`\n\n  \
    ```rust\n  let all = stock::Stock::new().with(3).with(4);\n  \
    assert_eq!(all.total(), units::contract::Money { cents: 7 });\n  ```\n";
const SHOP: &str = "---\ndepends: [stock]\n---\n# Shop\n\n```wit\n/// The sum of prices in cents.\n\
    sum: func(prices: list<s64>) -> s64;\n```\n\n- `sum` MUST add the prices. `test_id: sum`\n\n  \
    | prices | sum(prices) |\n  |---|---|\n  | [1, 2] | 3 |\n  | [] | 0 |\n";
pub const SYSTEM: [(&str, &str); 3] = [("units", UNITS), ("stock", STOCK), ("shop", SHOP)];

/// The specification that a prompt is about.
pub fn spec_of(prompt: &str) -> &str {
    let (_, rest) = prompt.rsplit_once("\n## Specification `").expect("has one");
    rest.split('`').next().unwrap_or_default()
}

pub fn prompt(body: &Value) -> String {
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    messages.iter().filter_map(|m| m["content"].as_str()).collect::<Vec<_>>().join("\n")
}

/// The code of each spec of the system. That of `units` has what its text asks for.
pub fn code(_: usize, body: &Value) -> String {
    let prompt = prompt(body);
    let text = match spec_of(&prompt) {
        "units" => {
            let add = if prompt.contains("saturate") { "saturating_add" } else { "wrapping_add" };
            let add = if prompt.contains("fail here") { "wrapping_sub" } else { add };
            let more = if prompt.contains("one more") { " + 1" } else { "" };
            format!(
                "//! Units.\npub mod contract;\nuse contract::Money;\n/// The sum.\n\
                 pub fn add(a: &Money, b: &Money) -> Money {{\n    \
                 Money {{ cents: a.cents.{add}(b.cents){more} }}\n}}\n"
            )
        }
        "stock" => "//! Stock.\nuse units::contract::Money;\n/// Prices.\n\
            #[derive(Clone, Debug, Default)]\npub struct Stock {\n    prices: Vec<i64>,\n}\n\
            impl Stock {\n    /// None.\n    pub fn new() -> Self {\n        Self::default()\n    }\n    \
            /// One more.\n    #[must_use]\n    pub fn with(mut self, cents: i64) -> Self {\n        \
            self.prices.push(cents);\n        self\n    }\n    /// The sum.\n    \
            pub fn total(&self) -> Money {\n        let none = Money { cents: 0 };\n        \
            self.prices.iter().fold(none, |sum, cents| units::add(&sum, &Money { cents: *cents }))\n    \
            }\n}\n"
            .to_owned(),
        _ => "//! Shop.\n/// The sum.\npub fn sum(prices: &[i64]) -> i64 {\n    \
            let all = prices.iter().fold(stock::Stock::new(), |all, one| all.with(*one));\n    \
            all.total().cents\n}\n"
            .to_owned(),
    };
    files(&[("src/lib.rs", &text)])
}

/// The specs that were asked for, in order.
pub fn asked(server: &Server) -> Vec<String> {
    server.requests().iter().map(|body| spec_of(&prompt(body)).to_owned()).collect()
}

#[test]
fn a_system_is_made_of_promoted_crates_and_only_users_of_a_changed_item_are_made_again() {
    let server = Server::start(vec![Act::Make(code)]);
    let world = World::new(&server.url, &SYSTEM, "");
    let mut told = world.run(&["run"]).expect(0).titled("from nothing");
    assert_eq!(asked(&server), ["units", "stock", "shop"]);
    told += &format!("== the prompt of shop\n{}\n", code_shown(&server.prompt(2)));
    told += &format!("== the prompt of stock\n{}\n", code_shown(&server.prompt(1)));
    told += &world.read("generated/shop/rust/Cargo.toml");
    told += &world.read("generated/Cargo.toml");
    // Plain cargo builds all of it where it is.
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--quiet", "--offline"]).current_dir(world.path("generated"));
    let target = world.cache().join("plain");
    assert!(cargo.env("CARGO_TARGET_DIR", target).status().expect("runs").success());
    std::fs::remove_file(world.path("generated/Cargo.lock")).expect("cargo wrote it");
    world.run(&["check", "--rerun"]).expect(0);
    world.run(&["verify"]).expect(0);
    let manifest = world.read("generated/Cargo.toml");
    world.write("generated/Cargo.toml", "[workspace]\nmembers = [\"elsewhere\"]\n");
    told += &world.run(&["check"]).expect(22).titled("another manifest");
    world.run(&["verify"]).expect(22);
    world.run(&["run", "-q"]).expect(0);
    assert_ne!(world.read("generated/Cargo.toml"), manifest, "a person's file stays");
    std::fs::remove_file(world.path("generated/Cargo.toml")).expect("is there");
    told += &world.run(&["check"]).expect(22).titled("no manifest");
    world.run(&["run", "-q"]).expect(0);
    world.run(&["check"]).expect(0);

    let below = UNITS.replace("MUST add.", "MUST add and saturate.");
    world.write("specs/units.md", &below);
    told += &world.run(&["plan"]).expect(0).titled("a change below: the plan");
    told += &world.run(&["plan", "--format", "mermaid"]).expect(0).titled("as a graph");
    told += &world.run(&["run"]).expect(0).titled("a change below");
    assert_eq!(asked(&server)[3..], ["units"], "the others are only checked");

    world.write("specs/units.md", &below.replace("An amount", "A sum"));
    told += &world.run(&["plan", "--format", "dot"]).expect(0).titled("a changed type: the plan");
    let drawn = ["diff", "--format", "mermaid"];
    told += &world.run(&drawn).expect(0).titled("a changed type: the difference");
    told += &world.run(&["run"]).expect(0).titled("a changed type");
    assert_eq!(asked(&server)[4..], ["units", "stock"], "shop does not use it");
    let again = world.run(&["run"]).expect(0);
    assert_eq!(asked(&server).len(), 6, "nothing is left: {}", again.err);
    insta::assert_snapshot!(stable(&told));
}

/// A contract with types of another one, and its code.
const BILL: &str = "---\ndepends: [units]\n---\n# Bill\n\n```wit\nuse units.{money, money as cash};\n\
    /// A line of a bill.\nrecord line { what: string, price: money }\n\
    /// The sum of the prices.\nsum: func(lines: list<line>) -> cash;\n```\n\n\
    - `sum` MUST add. `test_id: sum`\n\n  \
    ```wave\n  sum([{what: \"a\", price: {cents: 5}}]) = {cents: 5}\n  sum([]) = {cents: 0}\n  ```\n";
const BILL_CODE: &str = "//! Bill.\npub mod contract;\nuse contract::{Cash, Line};\n/// The sum.\n\
    pub fn sum(lines: &[Line]) -> Cash {\n    let none = Cash { cents: 0 };\n    \
    lines.iter().fold(none, |sum, line| units::add(&sum, &line.price))\n}\n";

#[test]
fn a_contract_takes_types_from_another_one() {
    let answer = |_: usize, body: &Value| match spec_of(&prompt(body)) {
        "bill" => files(&[("src/lib.rs", BILL_CODE)]),
        _ => code(0, body),
    };
    let server = Server::start(vec![Act::Make(answer)]);
    let world = World::new(&server.url, &[("units", UNITS), ("bill", BILL)], "");
    world.run(&["run"]).expect(0);
    let mut told = world.read("generated/bill/rust/src/contract.rs");
    let wrong = |uses: &str, with: &str, title: &str| {
        let text = BILL.replace("use units.{money, money as cash};", uses);
        world.write("specs/bill.md", &text.replace("depends: [units]", with));
        world.run(&["lint"]).expect(10).titled(title)
    };
    told += &wrong("use units.{money, money as cash};", "depends: []", "it does not depend on it");
    told += &wrong("use units.{coin};", "depends: [units]", "a type that is not there");
    let second = "use units.{money as cash};\nrecord money { x: u8 }";
    told += &wrong(second, "depends: [units]", "two types of one name");
    let bags = "---\ndepends: [units]\n---\n# Bags\n\n```wit\nuse units.{money};\nrecord bag { all: \
        list<money> }\nresource till { put: func(all: bag); }\nempty: func() -> bag;\n```\n\n- `empty` MUST be \
        empty. `test_id: empty`\n\n  ```wave\n  empty() = {all: []}\n  ```\n";
    world.write("specs/bags.md", bags);
    let other = |name: &str| format!("use bags.{{{name} as cash}};\nrecord money {{ cents: s64 }}");
    told += &wrong(&other("bag"), "depends: [bags]", "a type of a third contract");
    told += &wrong(&other("till"), "depends: [bags, units]", "a resource");
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn crates_of_a_registry_are_shared_by_crates_that_use_each_other() {
    let answer = |_: usize, body: &Value| match spec_of(&prompt(body)) {
        // The manifest is forgotten.
        "words" => files(&[(
            "src/lib.rs",
            "//! Words.\n/// The digits.\npub fn word(n: u32) -> String {\n    \
             itoa::Buffer::new().format(n).to_owned()\n}\n",
        )]),
        _ => files(&[(
            "src/lib.rs",
            "//! Lists.\n/// All of them.\npub fn joined(all: &[u32]) -> String {\n    \
             all.iter().map(|n| words::word(*n) + \",\").collect()\n}\n",
        )]),
    };
    let server = Server::start(vec![Act::Make(answer)]);
    let words = "# Words\n\n```wit\nword: func(n: u32) -> string;\n```\n\n- `word` MUST be the digits. \
        `test_id: word`\n\n  ```wave\n  word(7) = \"7\"\n  ```\n";
    let lists = "---\ndepends: [words]\n---\n# Lists\n\n```wit\njoined: func(all: list<u32>) -> string;\n```\n\n\
        - `joined` MUST have all. `test_id: joined`\n\n  ```wave\n  joined([1, 2]) = \"1,2,\"\n  ```\n";
    let extra = "allowed_dependencies = { itoa = \"1\" }\n";
    let world = World::new(&server.url, &[("words", words), ("lists", lists)], extra);
    world.run(&["run", "-q"]).expect(0);
    assert!(
        world
            .read("generated/words/rust/Cargo.toml")
            .ends_with("[dependencies]\nitoa = { version = \"1\" }\n")
    );
    assert!(
        world
            .read("generated/lists/rust/Cargo.toml")
            .ends_with("[dependencies]\nwords = { path = \"../../words/rust\" }\n")
    );
    world.run(&["check", "--rerun"]).expect(0);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn what_a_spec_cannot_use_is_refused_with_its_spec() {
    let server = Server::start(vec![Act::Close]);
    let targets = "[target.tool]\ntoolchain = \"rust\"\ncrate = \"bin\"\n[target.python]\n\
        toolchain = \"python\"\n";
    let world = World::new(&server.url, &SYSTEM, targets);
    let mut told = String::new();
    let mut units = |front: &str, code: i32, title: &str| {
        world.write("specs/units.md", &format!("---\n{front}\n---\n{UNITS}"));
        told += &world.run(&["lint"]).expect(code).titled(title);
    };
    units("targets: [python]", 10, "another language");
    units("targets: [rust, python]", 0, "more languages");
    units("effects: [clock]", 10, "more effects");
    let tool = "---\ntargets: [tool]\n---\n# Units\n\n- It MUST say hi. `test_id: hi`\n\n  ```console\n  \
        $ units\n  hi\n  ```\n";
    world.write("specs/units.md", tool);
    told += &world.run(&["lint"]).expect(10).titled("a program");
    world.write("specs/units.md", &format!("---\ndepends: [shop]\n---\n{UNITS}"));
    told += &world.run(&["lint"]).expect(10).titled("a cycle");
    std::fs::remove_file(world.path("specs/units.md")).expect("is there");
    told += &world.run(&["lint"]).expect(10).titled("nothing of this name");
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn a_member_that_cannot_be_made_stops_its_set() {
    let server = Server::start(vec![Act::Make(code)]);
    let world = World::new(&server.url, &SYSTEM, "");
    world.run(&["run", "-q"]).expect(0);
    let before = (world.snapshot("generated"), world.read("regen.lock"));
    let more = UNITS
        .replace("MUST add.", "MUST add, and one more.")
        .replace("= {cents: 3}", "= {cents: 4}");
    world.write("specs/units.md", &more);
    let mut told = world.run(&["run", "--spec", "units"]).expect(20).titled("stock does not fit");
    assert!(
        (world.snapshot("generated"), world.read("regen.lock")) == before,
        "nothing is promoted"
    );
    world.run(&["check"]).expect(22);
    told += &world.run(&["why", "units"]).expect(0).titled("why units");
    let asked_before = asked(&server).len();
    // With a spec that fits, the answer for `units` is used.
    world.write("specs/stock.md", &STOCK.replace("cents: 7", "cents: 9"));
    let shop = SHOP.replace("| 3 |", "| 5 |");
    world.write("specs/shop.md", &shop);
    told += &world.run(&["run"]).expect(0).titled("all fit");
    assert_eq!(asked(&server)[asked_before..], ["stock", "shop"]);
    world.run(&["check", "--rerun"]).expect(0);
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn a_program_sees_promoted_code_of_one_moment() {
    let server = Server::start(vec![Act::Make(code)]);
    let world = World::new(&server.url, &SYSTEM[..1], crate::world::QUICK);
    world.run(&["run", "-q"]).expect(0);
    let mut told = world.run(&["exec", "--", "cat", "regen.lock"]).expect(0).out;
    assert!(told.contains("[spec.units"));
    told = world.run(&["exec", "--", "sh", "-c", "exit 7"]).expect(7).titled("its exit code");
    told += &world.run(&["exec", "--spec", "stock", "--", "true"]).expect(2).titled("not promoted");
    told += &world.run(&["exec", "--", "no-such-program"]).expect(40).titled("no such program");
    // A promotion waits for it.
    let regen = env!("CARGO_BIN_EXE_regen");
    let reads = format!(
        "touch .reads; while test ! -e .go; do sleep 0.02; done; {regen} exec -- touch .within"
    );
    let reads = reads.as_str();
    let mut reader = world.spawn(&["exec", "--", "sh", "-c", reads]);
    until("it reads", || world.path(".reads").exists());
    world.write("specs/units.md", &UNITS.replace("MUST add.", "MUST add and saturate."));
    let lock = world.read("regen.lock");
    let mut writer = world.spawn(&["run"]);
    until("it is accepted", || world.run(&["why", "units"]).out.contains("accepted"));
    let turn = std::fs::File::open(world.path(".regen/readers-turn")).expect("is there");
    until("it waits for its turn", || turn.try_lock_shared().is_err() || turn.unlock().is_err());
    assert_eq!(world.read("regen.lock"), lock, "the reader has not ended");
    // One that comes later reads what is promoted.
    let later = world.spawn(&["exec", "--", "cat", "regen.lock"]);
    world.write(".go", "");
    // A reader within it does not wait for the promotion.
    assert!(reader.wait().expect("ends").success() && world.path(".within").exists());
    assert!(writer.wait().expect("ends").success());
    assert_ne!(world.read("regen.lock"), lock);
    let later = later.wait_with_output().expect("ends");
    assert_eq!(String::from_utf8_lossy(&later.stdout), world.read("regen.lock"));
    insta::assert_snapshot!(stable(&told));
}

/// What a prompt shows of other specs.
pub fn code_shown(prompt: &str) -> &str {
    let (_, rest) = prompt.split_once("\n## Code of").expect("shows code");
    rest.split_once("\n## Specification").expect("shows the spec").0
}

#[test]
fn a_dependency_that_cannot_be_used_stops_what_uses_it_before_a_question() {
    let server = Server::start(vec![Act::Make(code)]);
    let wrong = UNITS.replace("MUST add.", "MUST add (fail here).");
    let world = World::new(&server.url, &SYSTEM[1..], "");
    world.write("specs/units.md", &wrong);
    let mut told = world.run(&["run"]).expect(20).titled("a rejected dependency");
    assert!(asked(&server).iter().all(|spec| spec == "units"));
    world.write("specs/units.md", UNITS);
    world.run(&["run", "-q"]).expect(0);
    let made = server.requests().len();

    let edited = world.read("generated/units/rust/src/lib.rs") + "// mine\n";
    world.write("generated/units/rust/src/lib.rs", &edited);
    let other = STOCK.replace("of prices", "of all prices");
    world.write("specs/stock.md", &other);
    told += &world.run(&["run", "--spec", "stock"]).expect(22).titled("an edited dependency");
    world.run(&["run", "-q", "--spec", "units", "--discard-edits"]).expect(0);
    assert_eq!(server.requests().len(), made, "nothing was asked");
    world.write("specs/stock.md", STOCK);
    world.write("specs/units.md", &UNITS.replace("MUST add.", "MUST add and saturate."));
    world.run(&["run", "-q"]).expect(0);
    assert_eq!(asked(&server)[made..], ["units"]);
    world.run(&["rollback", "-q", "units"]).expect(0);
    world.write("specs/stock.md", &other);
    told += &world.run(&["run", "--spec", "stock"]).expect(10).titled("one that was rolled back");
    assert_eq!(server.requests().len(), made + 1, "nothing was asked");
    insta::assert_snapshot!(stable(&told));
}

/// The code and the lockfile, as a program sees them that `regen exec` starts.
fn seen(world: &World) -> String {
    let reads = "all() { cat generated/*/rust/src/*.rs generated/*/*/*.md generated/*/*/*.rs generated/*/*/src/*.ts regen.lock 2>/dev/null; }; first=$(all); \
        for i in 1 2 3 4 5 6 7 8; do test \"$first\" = \"$(all)\" || exit 9; done; echo \"$first\"";
    world.run(&["exec", "--", "sh", "-c", reads]).expect(0).out
}

/// Code that says of which revision of `units` it is, if that is what it uses.
fn revised(_: usize, body: &Value) -> String {
    let (prompt, code) = (prompt(body), code(0, body));
    let revision = prompt.split_once("Revision ").and_then(|(_, rest)| rest.split('.').next());
    revision.map_or(code.clone(), |number| {
        code.replacen("//! ", &format!("//! Revision {number}. "), 1)
    })
}

#[test]
fn readers_in_a_loop_see_only_whole_sets_and_do_not_hold_up_promotions() {
    let server = Server::start(vec![Act::Make(revised)]);
    let world = World::new(&server.url, &SYSTEM, crate::world::QUICK);
    let revise = |number: usize| {
        let text = format!("in cents. Revision {number}.");
        world.write("specs/units.md", &UNITS.replace("in cents.", &text));
        world.run(&["run", "-q"]).expect(0);
        seen(&world)
    };
    let (mut states, mut all) = (BTreeSet::from([revise(0)]), BTreeSet::new());
    std::thread::scope(|scope| {
        let readers = [(); 3].map(|()| {
            let (sender, receiver) = std::sync::mpsc::channel();
            let world = &world;
            // Until the receiver is gone.
            scope.spawn(move || while sender.send(seen(world)).is_ok() {});
            receiver
        });
        for number in 1..=rounds(4, 2) {
            states.insert(revise(number));
            for reader in &readers {
                all.extend(reader.try_iter());
                // The second one began after the promotion.
                all.extend([reader.recv(), reader.recv()].map(|seen| seen.expect("it reads")));
            }
        }
    });
    assert_eq!(states.len(), rounds(5, 3));
    assert!(states.iter().all(|one| one.contains("//! Revision")));
    assert!(all.is_subset(&states), "a mixed set");
    assert_eq!(all.len(), rounds(5, 3), "each one was read");
}

/// Kills a process and all that it started.
fn kill(child: &mut Child) {
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    child.wait().expect("ends");
}

fn start(world: &World) -> Child {
    let mut command = world.command(&["run"]);
    let quiet = command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.spawn().expect("starts")
}

/// Waits for the first tree of a set beside `generated`: all members are accepted then.
fn until_staged(world: &World) {
    let (stage, end) = (world.path(".regen/stage"), Instant::now() + PATIENCE);
    let is_staged = || {
        let mut all = std::fs::read_dir(&stage).into_iter().flatten().flatten();
        all.any(|entry| entry.path().is_dir())
    };
    while !is_staged() {
        assert!(Instant::now() < end, "nothing is staged");
        std::thread::sleep(Duration::from_micros(300));
    }
}

/// Copies a workspace with its state.
fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.expect("runs").success());
}

#[test]
fn a_set_is_switched_whole_whenever_it_is_killed() {
    if !all() {
        return;
    }
    let server = Server::start(vec![Act::Make(code)]);
    let world = World::new(&server.url, &SYSTEM, crate::world::QUICK);
    switched_whole(&world, &server, &|world| {
        world.write("specs/units.md", &UNITS.replace("MUST add.", "MUST add and saturate."));
    });
}

/// Kills runs after a change at all kinds of moments: old or new trees are there, never some of
/// each, and nothing is bought twice.
pub fn switched_whole(world: &World, server: &Server, change: &dyn Fn(&World)) {
    world.run(&["run", "-q"]).expect(0);
    let (old, lock) = (seen(world), world.read("regen.lock"));
    change(world);
    // Everything is accepted, and nothing is promoted.
    let (project, ready) = (world.path(""), world.folder().join("ready"));
    copy(&project, &ready);
    loop {
        let mut child = start(world);
        until_staged(world);
        kill(&mut child);
        if world.read("regen.lock") == lock {
            break;
        }
        // The promotion was faster than the kill. What was bought is taken back with it.
        copy(&ready, &project);
    }
    copy(&project, &ready);
    let bought = server.requests().len();
    let begun = Instant::now();
    world.run(&["run", "-q"]).expect(0);
    let (whole, new) = (begun.elapsed(), seen(world));
    assert_ne!(old, new);
    copy(&ready, &project);
    let steps = steps(world, &["run"]);
    let kills = std::env::var("REGEN_KILLS").ok().and_then(|many| many.parse().ok()).unwrap_or(20);
    let (mut random, mut cut) = (Random(7), 0);
    for number in 0..kills {
        copy(&ready, &project);
        if let Some(steps) = steps.filter(|_| number % 2 == 1) {
            // At one of its steps, from the first to the last.
            killed_at(world, &["run"], 1 + steps * number / kills);
        } else {
            let mut child = start(world);
            let most = u64::try_from(whole.as_micros()).expect("is short");
            std::thread::sleep(Duration::from_micros(random.below(most)));
            if number % 4 == 0 {
                // A reader beside a promotion.
                let now = seen(world);
                assert!(now == old || now == new, "a mixed set beside a promotion");
            }
            kill(&mut child);
        }
        let after = seen(world);
        cut += u32::from(after == old);
        assert!(after == old || after == new, "a mixed set after kill {number}");
        world.run(&["run", "-q"]).expect(0);
        assert_eq!(seen(world), new, "kill {number}");
        world.run(&["check", "-q"]).expect(0);
    }
    eprintln!("{kills} kills, {cut} before the switch; steps: {steps:?}");
    assert_eq!(server.requests().len(), bought, "nothing was bought twice");
}

/// Units with a second function, and a stock that uses it.
const MORE: &str = "# Units\n\n```wit\n/// An amount of money in cents.\nrecord money { cents: s64 }\n\
    /// The sum of two amounts.\nadd: func(a: money, b: money) -> money;\n\
    /// Twice an amount.\ntwice: func(a: money) -> money;\n```\n\n\
    - `add` MUST add. `test_id: adds`\n\n  ```wave\n  add({cents: 1}, {cents: 2}) = {cents: 3}\n  ```\n\n\
    - `twice` MUST double. `test_id: twice`\n\n  ```wave\n  twice({cents: 2}) = {cents: 4}\n  ```\n";
const DOUBLES: &str = "---\ndepends: [units]\n---\n# Stock\n\nA crate with twice a price.\n\n\
    - `price(cents: i64) -> i64` MUST be twice the price. `test_id: price`\n\n  \
    ```rust\n  assert_eq!(stock::price(2), 4);\n  ```\n";

fn doubling(_: usize, body: &Value) -> String {
    let prompt = prompt(body);
    let add = "//! Units.\npub mod contract;\nuse contract::Money;\n/// The sum.\n\
        pub fn add(a: &Money, b: &Money) -> Money {\n    \
        Money { cents: a.cents.wrapping_add(b.cents) }\n}\n";
    let twice = "/// Twice.\npub fn twice(a: &Money) -> Money {\n    add(a, a)\n}\n";
    let add = if prompt.contains("one more") {
        add.replace("(b.cents)", "(b.cents).wrapping_add(1)")
    } else {
        add.to_owned()
    };
    let by = |how: &str| {
        format!(
            "//! Stock.\nuse units::contract::Money;\n/// Twice.\npub fn price(cents: i64) -> i64 {{\n    \
             let one = Money {{ cents }};\n    {how}.cents\n}}\n"
        )
    };
    let text = match spec_of(&prompt) {
        "units" if prompt.contains("Twice an amount") => format!("{add}{twice}"),
        "units" => add,
        _ if prompt.contains("Twice an amount") => by("units::twice(&one)"),
        _ => by("units::add(&one, &one)"),
    };
    files(&[("src/lib.rs", &text)])
}

#[test]
fn a_dependency_that_is_rolled_back_or_held() {
    let server = Server::start(vec![Act::Make(doubling)]);
    let system = [("units", UNITS), ("stock", DOUBLES)];
    let world = World::new(&server.url, &system, crate::world::QUICK);
    world.run(&["run", "-q"]).expect(0);
    world.write("specs/units.md", MORE);
    world.run(&["run", "-q"]).expect(0);
    world.write("specs/stock.md", &DOUBLES.replace("twice a price", "the double of a price"));
    world.run(&["run", "-q"]).expect(0);
    assert_eq!(asked(&server), ["units", "stock", "units", "stock"]);
    let mut told = world.run(&["rollback", "units"]).expect(0).titled("rolled back under its user");
    told += &world.run(&["plan"]).expect(0).titled("plan");
    told += &world.run(&["run"]).expect(10).titled("run");
    told += &world.run(&["why", "stock"]).expect(0).titled("why");
    world.run(&["check"]).expect(22);
    assert_eq!(asked(&server).len(), 4, "nothing was asked");
    // The user is held at a tree, and what it uses changes.
    world.run(&["rollback", "-q", "stock"]).expect(0);
    // It is checked with other code, and is not asked for if that does not fit.
    let before = (world.snapshot("generated"), world.read("regen.lock"));
    let more = MORE.replace("MUST add.", "MUST add, and one more.");
    let more = more.replace("cents: 4}", "cents: 5}").replace("cents: 3}", "cents: 4}");
    world.write("specs/units.md", &more);
    told += &world.run(&["plan"]).expect(0).titled("below one that is held: the plan");
    told += &world.run(&["run"]).expect(21).titled("what does not fit one that is held");
    told += &world.run(&["why", "stock"]).expect(0).titled("why it does not fit");
    assert!((world.snapshot("generated"), world.read("regen.lock")) == before);
    world.write("specs/units.md", &MORE.replace("MUST double", "MUST, always, double"));
    told += &world.run(&["run"]).expect(0).titled("what fits one that is held");
    assert_eq!(asked(&server)[4..], ["units", "units"], "what is held is not asked for");
    let fits = world.run(&["plan"]).expect(0);
    assert!(!fits.out.contains("held"), "{}", fits.out);
    // An edited dependency is told, also where gates run again.
    let path = "generated/units/rust/src/lib.rs";
    world.write(path, &(world.read(path) + "// mine\n"));
    told += &world.run(&["check", "--rerun"]).expect(22).titled("edited: check --rerun");
    world.run(&["run", "-q", "--spec", "units", "--discard-edits"]).expect(0);
    std::fs::remove_file(world.path("specs/units.md")).expect("is there");
    told += &world.run(&["remove", "units"]).expect(0).titled("removed");
    told += &world.run(&["run"]).expect(10).titled("without it");
    assert_eq!(asked(&server).len(), 6, "nothing was asked");
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn a_daemon_promotes_sets_and_a_save_during_one_makes_the_newest() {
    if !all() {
        return;
    }
    let (make, silence) = (Act::Make(code), Act::Silence);
    let acts = vec![Act::Make(code), Act::Make(code), Act::Make(code), silence, make];
    let server = Server::start(acts);
    let world = World::new(&server.url, &SYSTEM[..2], crate::world::QUICK);
    let daemon = crate::watch::Daemon::start(&world);
    let is = |line: &Value, spec: &str, kind: &str| {
        line["spec"] == spec && line["body"]["event"] == kind
    };
    daemon.until("the library", |line| is(line, "units", "promoted"));
    daemon.until("its user", |line| is(line, "stock", "promoted"));
    daemon.idle();
    let units = "generated/units/rust/src/lib.rs";
    let saved = |word: &str| {
        world.write("specs/units.md", &UNITS.replace("MUST add.", &format!("MUST add{word}.")));
    };
    saved(" and saturate");
    daemon.until("the set", |line| is(line, "stock", "promoted"));
    assert!(world.read(units).contains("saturating_add"));
    daemon.idle();
    world.run(&["check"]).expect(0);
    assert_eq!(asked(&server), ["units", "stock", "units"]);
    // A save while the model is asked for a member: only the newest text counts.
    (0..3).for_each(|_| server.arrived());
    saved(", in words");
    server.arrived();
    saved(", in numbers");
    daemon.until("the newest set", |line| is(line, "stock", "promoted"));
    assert!(world.read(units).contains("wrapping_add"));
    daemon.idle();
    world.run(&["check"]).expect(0);
    assert_eq!(asked(&server)[3..], ["units", "units"]);
    // A save while the gates of another member run: nothing of the older set is promoted.
    saved(" and saturate, too");
    daemon.until("the user's turn", |line| is(line, "stock", "attempt_started"));
    saved(", at last");
    // Its code is what was promoted before, so its user is as well.
    daemon.until("the last set", |line| is(line, "units", "promoted"));
    daemon.idle();
    world.run(&["check"]).expect(0);
    assert!(world.read(units).contains("wrapping_add"));
    // A spec in a new folder is seen.
    world.write("specs/more/parts/shop.md", &SHOP.replace("shop::", "more_parts_shop::"));
    daemon.until("the folder", |line| line["spec"] == "more/parts/shop");
    assert_eq!(daemon.stop(), Some(0));
}
