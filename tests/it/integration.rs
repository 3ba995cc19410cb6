//! Specs without code (`targets: []`): their examples check the specs that they depend on.

use std::path::Path;

use regen::gate::DependencyCache;
use regen::sandbox::probe;
use regen::types::RelPath;
use serde_json::Value;

use crate::composition::{asked, prompt, spec_of};
use crate::server::{Act, Server, files};
use crate::watch::Daemon;
use crate::world::{QUICK, Subject, World, all, stable};
use crate::{python, typescript};

pub const WRITER: &str = "# Writer\n\n```wit\n/// The number as text.\nwrite: func(n: u32) -> string;\n```\n\n\
    - `write` MUST give the digits. `test_id: digits`\n\n  ```wave\n  write(7) = \"7\"\n  ```\n";
const READER: &str = "# Reader\n\n```wit\n/// The number in a text.\nread: func(text: string) -> option<u32>;\n\
    ```\n\n- `read` MUST read digits. `test_id: digits`\n\n  ```wave\n  read(\"7\") = some(7)\n  \
    read(\"x\") = none\n  ```\n";
const TRIP: &str = "---\ntargets: []\ndepends: [reader, writer]\n---\n# Trip\n\n\
    - What is written MUST be read. `test_id: trip`\n\n  \
    ```rust\n  use reader::read;\n  assert_eq!(read(&writer::write(1000)), Some(1000));\n  ```\n\n\
    - So MUST the largest number. `test_id: largest`\n\n  \
    ```rust hidden\n  assert_eq!(reader::read(&writer::write(u32::MAX)), Some(u32::MAX));\n  ```\n";
const SYSTEM: [(&str, &str); 3] = [("writer", WRITER), ("reader", READER), ("trip", TRIP)];

/// The code of a library. With commas the writer passes its own example, but nothing reads it.
fn code(_: usize, body: &Value) -> String {
    let prompt = prompt(body);
    let commas = "let text = n.to_string();\n    let digits = text.as_bytes().rchunks(3).rev();\n    \
        let parts: Vec<_> = digits.map(String::from_utf8_lossy).collect();\n    parts.join(\",\")";
    let text = match spec_of(&prompt) {
        "writer" => {
            let body = match (prompt.contains("thousands"), prompt.contains("format")) {
                (true, _) => commas,
                (_, true) => "format!(\"{n}\")",
                _ => "n.to_string()",
            };
            format!(
                "//! Writer.\n/// The number as text.\n#[must_use]\npub fn write(n: u32) -> String {{\n    {body}\n}}\n"
            )
        }
        "reader" if prompt.contains("fail here") => "//! Reader.\n/// No number.\n#[must_use]\n\
            pub fn read(_: &str) -> Option<u32> {\n    None\n}\n"
            .to_owned(),
        "reader" => "//! Reader.\n/// The number in a text.\n#[must_use]\n\
            pub fn read(text: &str) -> Option<u32> {\n    text.parse().ok()\n}\n"
            .to_owned(),
        other => format!("compile_error!(\"asked for {other}\");"),
    };
    files(&[("src/lib.rs", &text)])
}

/// The lockfile's entry of `trip`, without its files.
fn entry(world: &World) -> String {
    let lock = world.read("regen.lock");
    let (_, rest) = lock.split_once("[spec.trip.").expect("has one");
    let rest = rest.split("\n[spec.writer").next().expect("has a part");
    format!("== the entry\n[spec.trip.{rest}\n")
}

#[test]
fn a_spec_without_code_gates_the_set_of_what_it_checks() {
    let server = Server::start(vec![Act::Make(code)]);
    let world = World::new(&server.url, &SYSTEM, QUICK);
    let suite = "use writer::write;\n\n#[test]\nfn trip__many() {\n    \
        assert!((0..99).all(|n| reader::read(&write(n)) == Some(n)));\n}\n";
    world.write("validators/trip/rust/many.rs", suite);
    let mut told = world.run(&["plan"]).expect(0).titled("the plan of nothing");
    told += &world.run(&["run"]).expect(0).titled("from nothing");
    assert_eq!(asked(&server), ["reader", "writer"]);
    told += &world.run(&["plan"]).expect(0).titled("the plan of all");
    told += &world.run(&["status"]).expect(0).titled("status");
    told += &world.run(&["trace"]).expect(0).titled("trace");
    told += &world.run(&["lint"]).expect(0).titled("lint");
    told += &entry(&world);
    told += &world.read("generated/trip/rust/Cargo.toml");
    told += &world.read("generated/trip/rust/src/lib.rs");
    world.write("policy.toml", "models = [\"scripted\"]\n");
    world.run(&["check", "--rerun", "--policy", "policy.toml"]).expect(0);
    told += &world.run(&["run"]).expect(0).titled("again");

    world.write("specs/writer.md", &WRITER.replace("MUST give", "MUST format and give"));
    told += &world.run(&["plan"]).expect(0).titled("a change below: the plan");
    told += &world.run(&["diff"]).expect(0).titled("a change below: the difference");
    told += &world.run(&["run"]).expect(0).titled("a change below");
    assert_eq!(asked(&server)[2..], ["writer"]);

    let before = (world.snapshot("generated"), world.read("regen.lock"));
    world.write("specs/writer.md", &WRITER.replace("digits.", "digits, in thousands."));
    told += &world.run(&["run"]).expect(21).titled("members that do not fit together");
    assert!((world.snapshot("generated"), world.read("regen.lock")) == before);
    told += &world.run(&["why", "writer"]).expect(0).titled("why writer");
    told += &world.run(&["why", "trip"]).expect(0).titled("why trip");
    assert_eq!(asked(&server)[3..], ["writer"]);
    told += &world.run(&["run"]).expect(21).titled("again, with the accepted answer");
    assert_eq!(asked(&server).len(), 4);
    world.write("specs/reader.md", &READER.replace("MUST read", "MUST, with commas, read"));
    world.write("specs/writer.md", WRITER);
    world.run(&["run", "-q"]).expect(0);
    world.run(&["check"]).expect(0);
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn a_changed_check_is_verified_without_a_question() {
    let server = Server::start(vec![Act::Make(code)]);
    let world = World::new(&server.url, &SYSTEM, "");
    world.run(&["run", "-q"]).expect(0);
    let mut told = String::new();
    let mut trip = |text: &str, exit: i32, title: &str| {
        world.write("specs/trip.md", text);
        told += &world.run(&["run"]).expect(exit).titled(title);
    };
    trip(&TRIP.replace("1000", "2000"), 0, "another example");
    trip(&TRIP.replace("use reader::read;\n", ""), 21, "an example that does not compile");
    trip(&TRIP.replace("Some(u32::MAX)", "Some(1)"), 21, "a hidden example that fails");
    let vacuous = "let all = [1, 2];\n  assert_eq!(all.len(), 2);";
    let text = TRIP.replace("assert_eq!(read(&writer::write(1000)), Some(1000));", vacuous);
    trip(&text.replace("use reader::read;", "// None."), 21, "an example that checks nothing");
    assert_eq!(asked(&server).len(), 2);
    // An edited tree is refused, and code in it is found.
    world.write("specs/trip.md", TRIP);
    world.run(&["run", "-q"]).expect(0);
    world.write("generated/trip/rust/src/lib.rs", "pub fn mine() {}\n");
    told += &world.run(&["check"]).expect(22).titled("code in the folder");
    told += &world.run(&["run"]).expect(22).titled("code in the folder: a run");
    world.run(&["run", "-q", "--discard-edits"]).expect(0);
    world.run(&["check"]).expect(0);
    assert_eq!(asked(&server).len(), 2);
    insta::assert_snapshot!(stable(&told));
}

#[tokio::test]
async fn code_in_the_crate_of_a_spec_without_code_is_found() {
    let world = World::new("http://127.0.0.1:9", &SYSTEM, "");
    let (spec, ..) = regen::spec::parse("specs/trip.md", TRIP.as_bytes());
    let harness = regen::config::parse("h", &world.read("harness.toml")).expect("is right");
    let own = regen::toolchain::tree_without_code(&spec, &harness.target["rust"], &[]);
    let mut other = own.clone();
    let root = RelPath::parse("src/lib.rs").expect("is one");
    other.insert(root, b"pub fn mine() {}\n".to_vec());
    let probe = probe(Path::new(env!("CARGO_BIN_EXE_regen")), &world.cache(), 8192).await;
    let layers = DependencyCache::new(&world.cache());
    for (tree, rules) in [(own, vec![]), (other, vec!["code"])] {
        let subject = Subject { spec: &spec, suites: &[], tree };
        let report = world.gate_of("layout", subject, (&probe.sandbox, &layers)).await;
        let found: Vec<&str> = report.findings.iter().map(|one| one.rule.as_str()).collect();
        assert_eq!(found, rules);
    }
}

#[test]
fn a_member_that_is_missing_or_held() {
    let server = Server::start(vec![Act::Make(code)]);
    let world = World::new(&server.url, &SYSTEM, QUICK);
    // It depends on the writer by way of the reader.
    let reader = format!("---\ndepends: [writer]\n---\n{READER}");
    let trip = "---\ntargets: []\ndepends: [reader]\n---\n# Trip\n\n- Numbers MUST be read. \
        `test_id: trip`\n\n  ```rust\n  assert_eq!(reader::read(\"12\"), Some(12));\n  ```\n";
    world.write("specs/trip.md", trip);
    world.write("specs/reader.md", &reader.replace("MUST read", "MUST (fail here) read"));
    let mut told = world.run(&["run"]).expect(20).titled("one cannot be made");
    assert!(!world.path("generated/trip").exists() && !world.path("generated/writer").exists());
    told += &world.run(&["check"]).expect(22).titled("nothing was verified");
    world.write("specs/reader.md", &reader);
    world.run(&["run", "-q"]).expect(0);
    world.write("specs/writer.md", &WRITER.replace("MUST give", "MUST format and give"));
    world.run(&["run", "-q"]).expect(0);
    told += &world.run(&["rollback", "trip"]).expect(2).titled("nothing can be rolled back");
    world.run(&["rollback", "-q", "writer"]).expect(0);
    told += &world.run(&["plan"]).expect(0).titled("one was rolled back");
    told += &world.run(&["run"]).expect(0).titled("it is verified with that");
    let made = asked(&server).len();
    world.write(
        "specs/trip.md",
        &trip.replace("`test_id: trip`", "`test_id: trip` `guard: forbid x`"),
    );
    world.write("specs/reader.md", &reader.replace("MUST read", "MUST always read"));
    told += &world.run(&["run"]).expect(10).titled("the check itself is refused");
    // Both get other names, with code that uses other code.
    let move_to = |old: &str, new: &str| {
        std::fs::remove_file(world.path(&format!("specs/{old}.md"))).expect("is there");
        world.write("specs/trip.md", &trip.replace("reader", "scanner"));
        world.write("specs/scanner.md", &reader);
        std::fs::rename(world.path("specs/trip.md"), world.path(new)).expect("moves");
    };
    move_to("reader", "specs/trip.md");
    told += &world.run(&["rename", "reader", "scanner"]).expect(0).titled("a member is renamed");
    move_to("trip", "specs/tour.md");
    told += &world.run(&["rename", "trip", "tour"]).expect(0).titled("the check is renamed");
    world.run(&["check", "scanner", "tour", "--rerun"]).expect(0);
    assert_eq!(asked(&server).len(), made, "nothing was asked");
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn a_daemon_tells_of_each_set_what_became_of_it() {
    if !all() {
        return;
    }
    let server = Server::start(vec![Act::Make(code)]);
    let world = World::new(&server.url, &SYSTEM, QUICK);
    let daemon = Daemon::start(&world);
    daemon.ended("promoted");
    daemon.idle();
    let (end, lib) = ("an end", "generated/writer/rust/src/lib.rs");
    let save = |from: &str, to: &str| {
        world.write("specs/writer.md", &WRITER.replace(from, to));
        let end = daemon.until(end, |line| line["type"] == "ended");
        let code = world.read(lib);
        daemon.idle();
        (end["result"].as_str().expect("has one").to_owned(), code)
    };
    let (result, code) = save("MUST give", "MUST format and give");
    assert!(result == "promoted" && code.contains("format!"), "{result}: {code}");
    let (result, code) = save("digits.", "digits, in thousands.");
    assert!(result != "promoted" && code.contains("format!"), "{result}: {code}");
    let (result, code) = save("", "");
    assert!(result == "promoted" && !code.contains("rchunks"), "{result}: {code}");
    assert_eq!(asked(&server)[2..], ["writer", "writer", "writer"], "one question a save");
}

#[test]
fn what_a_spec_without_code_cannot_be_is_refused() {
    let server = Server::start(vec![Act::Close]);
    let targets = "[target.tool]\ntoolchain = \"rust\"\ncrate = \"bin\"\n[target.python]\n\
        toolchain = \"python\"\n";
    let world = World::new(&server.url, &SYSTEM, targets);
    let mut told = String::new();
    let mut trip = |from: &str, to: &str, title: &str| {
        assert!(TRIP.contains(from), "{from}");
        world.write("specs/trip.md", &TRIP.replacen(from, to, 1));
        told += &world.run(&["lint", "trip"]).expect(10).titled(title);
    };
    trip("depends: [reader, writer]", "title: Trip", "it depends on nothing");
    trip("depends: [reader, writer]", "depends: [reader, wrter]", "nothing of this name");
    trip("rust\n  use reader::read;", "text\n  use reader::read;", "a clause without a test");
    trip("# Trip", "# Trip\n\n```wit\ntrip: func() -> u32;\n```\n", "a contract");
    trip("`test_id: trip`", "`test_id: trip` `guard: forbid_unsafe`", "a guard");
    trip("targets: []", "targets: []\neffects: [fs]", "effects");
    trip("use reader::read;", "use serde::read;", "a crate that is not there");
    world.write("specs/trip.md", TRIP);
    let mut writer = |front: &str, title: &str| {
        world.write("specs/writer.md", &format!("---\n{front}\n---\n{WRITER}"));
        told += &world.run(&["lint"]).expect(10).titled(title);
    };
    writer("targets: [python]", "another language");
    writer("targets: [tool]", "a program");
    writer("depends: [trip]", "a cycle");
    world.write("specs/writer.md", WRITER);
    let user = "---\ndepends: [trip]\n---\n# User\n\n- It MUST add. `test_id: a`\n\n  ```rust\n  \
        assert_eq!(user::a(), 1);\n  ```\n";
    world.write("specs/user.md", user);
    told += &world.run(&["lint", "user"]).expect(10).titled("code that depends on it");
    insta::assert_snapshot!(stable(&told));
}

/// A language in which a system is checked.
struct Checked {
    /// The spec without code.
    trip: &'static str,
    /// A line of an example, and one that demands something else.
    demand: (&'static str, &'static str),
    /// An example that uses a package which `depends` does not name.
    stray: (&'static str, &'static str),
    /// An example that calls nothing.
    vacuous: (&'static str, &'static str),
    code: fn(usize, &Value) -> String,
    /// The file that has no code.
    root: &'static str,
}

/// A system in this language: made together, changed, and stopped by its check.
fn checked(language: &Checked, server: &Server, world: &World) -> String {
    world.write("specs/reader.md", READER);
    world.write("specs/trip.md", language.trip);
    let mut told = world.run(&["run"]).expect(0).titled("from nothing");
    assert_eq!(asked(server), ["reader", "writer"]);
    told += &world.read(language.root);
    told += &world.run(&["trace", "trip"]).expect(0).titled("trace");
    world.run(&["check", "--rerun"]).expect(0);
    let before = (world.snapshot("generated"), world.read("regen.lock"));
    world.write("specs/writer.md", &WRITER.replace("digits.", "digits, in thousands."));
    told += &world.run(&["run"]).expect(21).titled("members that do not fit together");
    told += &world.run(&["why", "writer"]).expect(0).titled("why writer");
    assert_eq!(asked(server)[2..], ["writer"]);
    world.write("specs/writer.md", WRITER);
    for (title, (from, to)) in [
        ("another demand", language.demand),
        ("a package that it does not name", language.stray),
        ("an example that checks nothing", language.vacuous),
    ] {
        assert!(language.trip.contains(from), "{from}");
        world.write("specs/trip.md", &language.trip.replace(from, to));
        told += &world.run(&["run"]).expect(21).titled(title);
    }
    assert!((world.snapshot("generated"), world.read("regen.lock")) == before);
    world.write("specs/trip.md", language.trip);
    world.run(&["run", "-q"]).expect(0);
    let code = world.read(language.root);
    world.write(language.root, &code.replace("Written", "written"));
    told += &world.run(&["check"]).expect(22).titled("its file is edited");
    world.write(language.root, &code);
    world.run(&["check"]).expect(0);
    assert_eq!(asked(server).len(), 3, "nothing else was asked");
    told
}

const PYTHON: Checked = Checked {
    trip: "---\ntargets: []\ndepends: [reader, writer]\n---\n# Trip\n\n\
        - What is written MUST be read. `test_id: trip`\n\n  \
        ```python\n  from reader import read\n  from writer import write\n\n  assert read(write(1000)) == 1000\n  ```\n\n\
        - So MUST the largest number. `test_id: largest`\n\n  \
        ```python hidden\n  import reader, writer\n\n  assert reader.read(writer.write(2**32 - 1)) == 2**32 - 1\n  ```\n",
    demand: ("== 1000", "== 1001"),
    stray: ("from reader import read", "from readers import read"),
    vacuous: ("assert read(write(1000)) == 1000", "assert 1 + 1 == 2"),
    code: |_, body| {
        let prompt = prompt(body);
        let text = if prompt.contains("thousands") { "f\"{n:,}\"" } else { "str(n)" };
        match spec_of(&prompt) {
            "writer" => files(&[(
                "src/writer/__init__.py",
                &format!(
                    "\"\"\"Writer.\"\"\"\n\n\ndef write(n: int) -> str:\n    \"\"\"The text.\"\"\"\n    return {text}\n"
                ),
            )]),
            _ => files(&[(
                "src/reader/__init__.py",
                "\"\"\"Reader.\"\"\"\n\n\ndef read(text: str) -> int | None:\n    \"\"\"The number.\"\"\"\n    \
                 return int(text) if text.isdigit() else None\n",
            )]),
        }
    },
    root: "generated/trip/python/src/trip/__init__.py",
};

#[test]
fn a_spec_without_code_checks_packages_of_python() {
    if !python::has_tools() {
        return;
    }
    let server = Server::start(vec![Act::Make(PYTHON.code)]);
    let world = python::world(&server, "writer", WRITER, "");
    insta::assert_snapshot!("python_checked", stable(&checked(&PYTHON, &server, &world)));
}

const TYPESCRIPT: Checked = Checked {
    trip: "---\ntargets: []\ndepends: [reader, writer]\n---\n# Trip\n\n\
        - What is written MUST be read. `test_id: trip`\n\n  \
        ```ts\n  import { read } from \"reader\";\n  import { write } from \"writer\";\n\n  assert.equal(read(write(1000)), 1000);\n  ```\n\n\
        - So MUST the largest number. `test_id: largest`\n\n  \
        ```ts hidden\n  import { read } from \"reader\";\n  import { write } from \"writer\";\n\n  assert.equal(read(write(4294967295)), 4294967295);\n  ```\n",
    demand: (", 1000)", ", 1001)"),
    stray: ("from \"reader\"", "from \"readers\""),
    vacuous: ("assert.equal(read(write(1000)), 1000)", "assert.equal(1 + 1, 2)"),
    code: |_, body| {
        let prompt = prompt(body);
        let text =
            if prompt.contains("thousands") { "n.toLocaleString(\"en\")" } else { "String(n)" };
        match spec_of(&prompt) {
            "writer" => files(&[(
                "src/index.ts",
                &format!(
                    "/** The text. */\nexport function write(n: number): string {{\n  return {text};\n}}\n"
                ),
            )]),
            _ => files(&[(
                "src/index.ts",
                "/** The number. */\nexport function read(text: string): number | undefined {\n  \
                 return /^[0-9]+$/.test(text) ? Number(text) : undefined;\n}\n",
            )]),
        }
    },
    root: "generated/trip/typescript/src/index.ts",
};

#[test]
fn a_spec_without_code_checks_packages_of_typescript() {
    if !all() || !typescript::has_tools() {
        return;
    }
    let server = Server::start(vec![Act::Make(TYPESCRIPT.code)]);
    let world = typescript::world(&server, "writer", WRITER, "");
    insta::assert_snapshot!("typescript_checked", stable(&checked(&TYPESCRIPT, &server, &world)));
}
