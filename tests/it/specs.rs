//! Spec files and suites as people keep them: nothing that they write is lost in silence.

use std::os::unix::fs::symlink;

use crate::server::{Act, Server, files, lib};
use crate::world::{ADDER, GOOD, QUICK, WRONG, World, all};

/// A clause of the adder, with an example.
fn clause(name: &str) -> String {
    format!(
        "- `add` MUST give the sum of `1` and {name}. `test_id: {name}`\n\n  ```rust\n  \
        assert_eq!(adder::add(1, 2), 3);\n  ```\n\n"
    )
}

/// Severity, code and line of each finding, and the names of the clauses.
fn linted(spec: &str) -> (Vec<(String, String, u64)>, Vec<String>) {
    let world = World::new("http://127.0.0.1:1", &[("adder", spec)], "");
    let said = world.run(&["lint", "--json", "--level", "note"]).json().remove(0);
    let text =
        |one: &serde_json::Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let list = |key: &str| said[key].as_array().expect("is a list").clone();
    let found = list("problems")
        .into_iter()
        .map(|one| (text(&one, "severity"), text(&one, "code"), one["line"].as_u64().unwrap_or(0)));
    (found.collect(), list("clauses").iter().map(|one| text(one, "clause")).collect())
}

/// Whether a finding is of a binding that makes no clause of its own.
fn is_lost(code: &str) -> bool {
    ["spec::lost_binding", "spec::merged_binding", "lint::near_binding"].contains(&code)
}

#[test]
fn a_binding_that_makes_no_clause_is_a_finding_at_its_line() {
    let head = format!("# Adder\n\n{}", clause("one"));
    let first = head.lines().count() as u64 + 1;
    for (text, severity, code, line) in [
        ("```text\nx\n\n- It MUST. `test_id: two`\n", "error", "spec::lost_binding", 3),
        ("~~~\nx\n- It MUST. `guard: forbid_unsafe`\n", "error", "spec::lost_binding", 2),
        (
            "```\n- It MUST. `test_id: two`\n  ```rust\n  f();\n  ```\n",
            "error",
            "spec::lost_binding",
            1,
        ),
        ("```rust\nf();\n- It MUST. `test_id: two`\n```\n", "error", "spec::lost_binding", 2),
        ("<div>\n- It MUST. `test_id: two`\n</div>\n", "error", "spec::lost_binding", 1),
        ("<!--\n- It MUST. `test_id: two`\n", "error", "spec::lost_binding", 1),
        ("<!-- - It MUST. `test_id: two` -->\n", "warning", "spec::lost_binding", 0),
        ("Text.\n\n    - It MUST. `test_id: two`\n", "error", "spec::lost_binding", 2),
        ("- It MUST. `test_id: two\n", "error", "spec::lost_binding", 0),
        (
            "- It MUST do a. `test_id: two`\n  It MUST do b. `test_id: three`\n",
            "warning",
            "spec::merged_binding",
            1,
        ),
        ("- It MUST. `testid: two`\n", "warning", "lint::near_binding", 0),
        ("- It MUST. `test-id: two`\n", "warning", "lint::near_binding", 0),
        ("Long.\nIt MUST. `Test_ID: two`\n", "warning", "lint::near_binding", 1),
        ("- It MUST. test_id: two\n", "warning", "lint::near_binding", 0),
        ("- It MUST. \\`test_id: two\\`\n", "warning", "lint::near_binding", 0),
        ("- It MUST. ‘test_id: two’\n", "warning", "lint::near_binding", 0),
        ("- It MUST. `test_\u{200b}id: two`\n", "warning", "lint::near_binding", 0),
        ("~~~\nx\n- It MUST. `testid: two`\n", "error", "spec::lost_binding", 2),
        (
            "<ul>\n<li>It MUST. <code>test_id: two</code></li>\n</ul>\n",
            "error",
            "spec::lost_binding",
            1,
        ),
        ("- It MUST. <code>test_id: two</code>\n", "error", "spec::lost_binding", 0),
        ("<p>x\nIt MUST. `testid: two`</p>\n", "error", "spec::lost_binding", 1),
        ("<ul>\n<li>It MUST. test_id: two</li>\n</ul>\n", "error", "spec::lost_binding", 1),
        ("- `test_id: two` Sum kept. `test_id: three`\n", "warning", "spec::merged_binding", 0),
    ] {
        let (found, clauses) = linted(&format!("{head}{text}"));
        let lost = found.iter().find(|(_, code, _)| is_lost(code));
        let expected = (severity.to_owned(), code.to_owned(), first + line);
        assert_eq!(lost, Some(&expected), "{text}: {found:?} {clauses:?}");
    }
}

#[test]
fn folders_of_other_programs_are_not_read_and_a_name_without_letters_needs_an_id() {
    let world = World::adder("http://127.0.0.1:9/v1");
    world.write("specs/node_modules/x/README.md", &format!("# X\n\n{}", clause("one")));
    world.write("specs/target/y.md", &format!("# Y\n\n{}", clause("two")));
    world.write("specs/.git/z.md", &format!("# Z\n\n{}", clause("two")));
    let run = world.run(&["lint"]).expect(0);
    assert!(run.err.contains("specs/target: ") && run.err.contains("not read"), "{}", run.err);
    assert!(!run.err.contains(".git"), "{}", run.err);
    let out = world.run(&["trace", "--json"]).out;
    assert!(!out.contains("README.md") && !out.contains("y.md"), "{out}");
    let (world, text) = (World::adder("http://127.0.0.1:9/v1"), format!("# Ü\n\n{}", clause("u")));
    world.write("specs/ünï.md", &text);
    let run = world.run(&["lint"]).expect(10);
    assert!(
        run.err.contains("no letters for an id") && run.err.contains("`id: my-spec`"),
        "{}",
        run.err
    );
    world.write("specs/ünï.md", &format!("---\nid: uni\n---\n{text}"));
    assert!(!world.run(&["lint"]).err.contains("letters for an id"));
}

#[test]
fn bindings_that_are_shown_on_purpose_are_no_findings() {
    let spec = format!(
        "# Adder\n\nA clause has `` `test_id: NAME` `` or \\`test_id: NAME\\`, and a `test_id`.\n\n\
        ```markdown\n- It MUST. `test_id: shown`\n```\n\n~~~text\n- It MUST. `test_id: shown`\n~~~\n\n\
        The `user_id: u32` and `rest_id: u32` are fields.\n\n\
        ```html\n<code>test_id: shown</code>\n```\n\n<!-- test_id: shown -->\n\n\
        <p>A test id identifies it: <b>a</b></p>\n\n{}",
        clause("one")
    );
    let (found, clauses) = linted(&spec);
    assert!(
        found.iter().all(|(_, code, _)| !is_lost(code) && code != "spec::unclosed_fence"),
        "{found:?}"
    );
    assert_eq!(clauses, ["adder/one"]);
}

#[test]
fn each_bound_paragraph_of_a_list_item_is_a_clause() {
    let example = |n: u8| format!("```rust\n  assert_eq!(adder::add({n}, 2), {n} + 2);\n  ```\n");
    let (one, two) = (example(1), example(2));
    for spec in [
        format!(
            "# A\n\n- First.\n\n  It MUST add. `test_id: one`\n\n  {one}\n  It MUST sum. `test_id: two`\n\n  As here:\n\n  {two}"
        ),
        format!(
            "# A\n\n- It MUST add. `test_id: one`\n  {one}  It MUST sum. `test_id: two`\n  {two}"
        ),
        format!(
            "# A\n\n1. It MUST add. `test_id: one`\n\n  {one}\n2. It MUST sum. `test_id: two`\n\n  {two}"
        ),
    ] {
        let spec = spec.replace("\n2. ", "\n- ").replace("\n1. ", "\n- ");
        let (found, clauses) = linted(&spec);
        assert_eq!(clauses, ["adder/one", "adder/two"], "{spec}");
        assert!(found.iter().all(|(severity, ..)| severity != "error"), "{found:?}\n{spec}");
    }
}

#[test]
fn a_run_refuses_a_spec_with_a_lost_clause() {
    let server = Server::start(vec![lib(GOOD)]);
    let spec = format!("{ADDER}\n```text\nfigure\n\n- It MUST subtract. `test_id: subtracts`\n");
    let world = World::new(&server.url, &[("adder", &spec)], "");
    let run = world.run(&["--spec", "adder"]).expect(10);
    assert!(run.err.contains("spec::lost_binding"), "{}", run.err);
    assert!(server.requests().is_empty());
}

#[test]
fn placeholders_are_findings_and_todo_lists_are_not() {
    for (text, is_found) in [
        ("It MUST give TBD.", true),
        ("TODO: say what it gives.", true),
        ("It MUST give ???.", true),
        ("Lorem ipsum dolor sit amet.", true),
        ("It MUST give [TODO].", true),
        ("It MUST TODO", true),
        ("Each TODO MUST have a title.", false),
        ("It MUST list each todo of the day.", false),
        ("`???` MUST be refused.", false),
    ] {
        let (found, _) = linted(&format!("# A\n\n- {text} `test_id: a`\n"));
        let found = found.iter().any(|(_, code, _)| code == "lint::placeholder");
        assert_eq!(found, is_found, "{text}");
    }
}

#[test]
fn folders_of_specs_may_hold_other_files() {
    let world = World::new("http://127.0.0.1:1", &[("adder", ADDER)], "");
    for (file, text) in [
        ("README.md", "# Our specs\n\nEach file MUST be reviewed.\n"),
        ("auth/readme.md", "How to read this.\n"),
        ("._adder.md", "\u{0}\u{5}"),
        (".obsidian/x.md", "- It MUST. `test_id: x`\n"),
        ("notes.txt", "- It MUST. `test_id: x`\n"),
    ] {
        world.write(&format!("specs/{file}"), text);
    }
    for name in ["auth", "billing"] {
        let text = ADDER.replace("adder::", &format!("{name}::"));
        world.write(&format!("specs/{name}/spec.md"), &text);
    }
    world.write("specs/other.markdown", &ADDER.replace("adder::", "other::"));
    let plan = world.run(&["plan", "--json"]).expect(0);
    let said = plan.json();
    let text = serde_json::to_string(&said).expect("is JSON");
    for name in ["adder", "auth", "billing", "other"] {
        assert!(text.contains(&format!("\"{name}\"")), "{name}: {text}");
    }
    for name in ["readme", "spec", "notes", "x"] {
        assert!(!text.contains(&format!("\"spec\":\"{name}\"")), "{name}: {text}");
    }
    world.write("specs/auth/README.md", "- It MUST. `test_id: x`\n");
    let run = world.run(&["plan"]).expect(0);
    assert!(run.err.contains("a README is not read, but this one has clauses"), "{}", run.err);
    world.write("specs/auth.md", &ADDER.replace("adder::", "auth::"));
    let run = world.run(&["plan"]).expect(10);
    assert!(run.err.contains("the id `auth` is used by"), "{}", run.err);
}

#[test]
fn links_in_a_folder_of_specs_are_named() {
    let world = World::new("http://127.0.0.1:1", &[("adder", ADDER)], "");
    world.write("shared/other.md", ADDER);
    symlink(world.path("shared/other.md"), world.path("specs/other.md")).expect("links");
    symlink(world.path("shared"), world.path("specs/shared")).expect("links");
    let run = world.run(&["plan"]).expect(0);
    for file in ["specs/other.md", "specs/shared"] {
        assert!(run.err.contains(file), "{file}: {}", run.err);
    }
}

/// A commit of a workspace, cloned with CRLF line ends.
fn cloned(world: &World) -> String {
    world.write(".gitattributes", "generated/** -text\n");
    world.write(".gitignore", "/.regen/\n");
    let run = |line: &str| {
        let mut shell = std::process::Command::new("sh");
        let status = shell.args(["-c", line]).current_dir(world.path("")).status();
        assert!(status.expect("runs").success(), "{line}");
    };
    run("git init -q . && git add -A && git -c user.email=a@b -c user.name=n commit -qm a");
    run("git clone -q -c core.autocrlf=true . ../other");
    world.path("../other").display().to_string()
}

#[test]
fn a_checkout_with_crlf_passes_and_a_changed_suite_does_not() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    let suite = "mod shared;\n#[test]\nfn adds__more() {\n    assert_eq!(adder::add(1, 2), shared::three());\n}\n";
    world.write("validators/adder/rust/more.rs", suite);
    world.write("validators/adder/rust/shared/mod.rs", "pub fn three() -> i32 {\n    3\n}\n");
    world.run(&["--spec", "adder"]).expect(0);
    let other = cloned(&world);
    let check = |code: i32| {
        let mut command = world.command(&["check"]);
        crate::world::Run::of(command.current_dir(&other)).expect(code)
    };
    let read = |file: &str| std::fs::read_to_string(format!("{other}/{file}")).expect("is there");
    assert!(read("validators/adder/rust/more.rs").contains("\r\n"));
    assert!(read("regen.lock").contains("\r\n"));
    check(0);
    for (file, from, to) in [
        ("validators/adder/rust/more.rs", "add(1, 2)", "add(2, 1)"),
        ("validators/adder/rust/shared/mod.rs", "3\r\n", "3 + 0\r\n"),
    ] {
        let before = read(file);
        std::fs::write(format!("{other}/{file}"), before.replace(from, to)).expect("writes");
        let run = check(22);
        assert!(format!("{}{}", run.out, run.err).contains(file), "{}", run.out);
        std::fs::write(format!("{other}/{file}"), before).expect("writes");
    }
    check(0);
}

#[test]
fn a_suite_may_have_modules_and_data() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::adder(&server.url);
    let folder = "validators/adder/rust";
    world.write(
        &format!("{folder}/more.rs"),
        "mod shared;\nmod deep;\n#[test]\nfn adds__table() {\n    for line in include_str!(\"data/sums.txt\").lines() {\n        \
        let [a, b, sum] = shared::numbers(line);\n        assert_eq!(adder::add(a, b), sum);\n    }\n    \
        assert_eq!(include_bytes!(\"data/raw.bin\").len(), deep::inner::length());\n    \
        assert!(std::fs::read(\"tests/data/sums.txt\").unwrap().ends_with(b\"\\r\\n\"));\n}\n",
    );
    world.write(
        &format!("{folder}/shared/mod.rs"),
        "pub fn numbers(line: &str) -> [i32; 3] {\n    let mut all = line.split(' ').map(|n| n.parse().unwrap());\n    \
        [(); 3].map(|()| all.next().unwrap())\n}\n",
    );
    world.write(&format!("{folder}/deep/mod.rs"), "pub mod inner;\n");
    world.write(&format!("{folder}/deep/inner.rs"), "pub fn length() -> usize {\n    3\n}\n");
    world.write(&format!("{folder}/data/sums.txt"), "1 2 3\r\n4 5 9\r\n");
    std::fs::write(world.path(&format!("{folder}/data/raw.bin")), [0, 255, 254]).expect("writes");
    world.write(&format!("{folder}/.DS_Store"), "\u{0}");
    world.run(&["--spec", "adder"]).expect(0);
    let prompt = server.prompt(0);
    for shown in ["tests/shared/mod.rs", "tests/deep/inner.rs", "4 5 9", "tests/data/raw.bin"] {
        assert!(prompt.contains(shown), "{shown}: {prompt}");
    }
    world.run(&["check"]).expect(0);
    std::fs::write(world.path(&format!("{folder}/data/raw.bin")), [0, 255, 253]).expect("writes");
    let run = world.run(&["check"]).expect(22);
    assert!(format!("{}{}", run.out, run.err).contains("data/raw.bin"), "{}", run.out);
    std::fs::remove_file(world.path(&format!("{folder}/deep/inner.rs"))).expect("is there");
    let run = world.run(&["plan"]).expect(10);
    let message = "tests/deep/mod.rs:1: no file for the module `inner`";
    assert!(run.err.contains(message), "{}", run.err);
    symlink("more.rs", world.path(&format!("{folder}/link.rs"))).expect("links");
    let run = world.run(&["plan"]).expect(10);
    assert!(run.err.contains("link.rs: not a regular file"), "{}", run.err);
}

#[test]
fn an_error_in_a_module_of_a_suite_is_not_the_models_fault() {
    let server = Server::start(vec![lib(GOOD), lib(&GOOD.replace("/// Adds.", "/// Sums."))]);
    let world = World::adder(&server.url);
    let suite = "mod shared;\n#[test]\nfn adds__m() {\n    assert_eq!(adder::add(1, 2), shared::three());\n}\n";
    world.write("validators/adder/rust/m.rs", suite);
    world.write("validators/adder/rust/shared/mod.rs", "pub fn three() -> i32 {\n    \"3\"\n}\n");
    let run = world.run(&["--spec", "adder"]);
    assert!([10, 21].contains(&run.code), "{}: {}", run.code, run.err);
    assert!(run.err.contains("validators/adder/rust/shared/mod.rs"), "{}", run.err);
    assert!(server.requests().len() <= 2, "{}", server.requests().len());
}

#[test]
fn words_in_comments_and_strings_are_not_left_out_code() {
    if !all() {
        return;
    }
    let honest = "//! Adds; `todo!()` is never called.\n\n/// Adds, whether or not there is existing code in the table.\n\
        // The implementation remains unchanged since 2015, and the rest of the file is short.\n\
        pub fn add(a: i32, b: i32) -> i32 {\n    let _lazy = \"unimplemented!() and todo!()\";\n    a.saturating_add(b)\n}\n";
    let server = Server::start(vec![lib(honest)]);
    let world = World::quick(&server.url);
    world.run(&["--spec", "adder"]).expect(0);
    assert_eq!(server.requests().len(), 1);
    let left_out = [
        "pub fn add(_: i32, _: i32) -> i32 {\n    todo ! ( )\n}\n",
        "pub fn add(_: i32, _: i32) -> i32 {\n    // ... existing code ...\n    0\n}\n",
        "pub fn add(_: i32, _: i32) -> i32 {\n    /* implementation goes here */ 0\n}\n",
        "// The rest of the code is unchanged.\npub fn add(_: i32, _: i32) -> i32 {\n    // rest of the code\n    0\n}\n",
    ];
    for lazy in left_out {
        let server = Server::start(vec![lib(lazy), lib(GOOD)]);
        let world = World::quick(&server.url);
        let run = world.run(&["--spec", "adder"]).expect(0);
        let is_last = lazy.contains("/* implementation goes here */ 0");
        assert_eq!(server.requests().len(), 2, "{lazy}: {}", run.err);
        assert!(is_last || server.prompt(1).contains("replaces code"), "{lazy}");
    }
}

#[test]
fn requirements_of_different_cases_are_no_contradiction() {
    let example = "\n\n  ```rust\n  assert_eq!(adder::add(1, 2), 3);\n  ```\n";
    for (one, other) in [
        (
            "The path MUST be set if the platform is `linux`.",
            "The path MUST be set if the platform is `windows`.",
        ),
        ("The timeout MUST be used when it is 5 s.", "The timeout MUST be used when it is 6 s."),
        ("The value MUST be `a`.", "The value MUST be `b`."),
        ("The limit SHOULD be 5 s.", "The limit MUST be 6 s."),
    ] {
        let spec =
            format!("# A\n\n- {one} `test_id: one`{example}\n- {other} `test_id: other`{example}");
        let (found, _) = linted(&spec);
        assert!(found.iter().all(|(_, code, _)| code != "lint::contradiction"), "{one}: {found:?}");
    }
    let (one, other) = ("The read timeout MUST be 5 s.", "The read timeout MUST be 6 s.");
    for (heading, count) in [("", 2), ("## Of files\n\n", 0)] {
        let spec = format!(
            "# A\n\n## Of sockets\n\n- {one} `test_id: one`{example}\n{heading}- {other} `test_id: other`{example}"
        );
        let (found, _) = linted(&spec);
        let found = found.iter().filter(|(_, code, _)| code == "lint::contradiction");
        assert_eq!(found.count(), count, "{heading}");
    }
}

#[test]
fn an_example_or_suite_that_does_not_parse_is_named_with_its_line() {
    for (example, line) in [
        ("  ```rust\n  let a = 1;\n  let b = ;\n  ```\n", 7),
        ("  ```rust\n  let a = 1;\n  f(\"open);\n  ```\n", 5),
        ("  ```rust\n  # use std::fmt;\n  # fn f() {\n  f(1;\n  ```\n", 5),
    ] {
        let spec = format!("# Adder\n\n- It MUST add. `test_id: adds`\n\n{example}");
        let (found, _) = linted(&spec);
        let found = found.iter().find(|(_, code, _)| code == "spec::example").expect("is found");
        assert!(found.2 >= line, "{example}: {found:?}");
        let world = World::new("http://127.0.0.1:1", &[("adder", &spec)], "");
        let run = world.run(&["plan"]).expect(10);
        assert!(run.err.contains(&format!("specs/adder.md:{}", found.2)), "{}", run.err);
    }
    let world = World::adder("http://127.0.0.1:1");
    world.write("validators/adder/rust/s.rs", "#[test]\nfn adds__s() {\n    let a = ;\n}\n");
    let run = world.run(&["plan"]).expect(10);
    assert!(run.err.contains("validators/adder/rust/s.rs:3: "), "{}", run.err);
}

#[test]
fn wildcards_stand_for_text_in_any_place() {
    if !all() {
        return;
    }
    let main = "fn main() {\n    for line in std::env::args().skip(1) {\n        println!(\"{line}\");\n    }\n}\n";
    let spec = "---\ntargets: [command]\n---\n# Say\n\n- It MUST print. `test_id: prints`\n\n  ```console\n  \
        $ say 'name = \"a\", \"b\",' end\n  name = \"[..]\",\n  end\n  $ say a b c\n  ...\n  [..]\n  $ say k1 x=1\n  …\n  \
        x=[..]\n  $ say a1a2a\n  a[..]a[..]a\n  ```\n";
    let target = "[target.command]\ntoolchain = \"rust\"\ncrate = \"bin\"\n";
    let server = Server::start(vec![Act::Say(files(&[("src/main.rs", main)]))]);
    World::new(&server.url, &[("say", spec)], target).run(&["run"]).expect(0);
    let server = Server::start(vec![Act::Say(files(&[("src/main.rs", main)]))]);
    let wrong = spec.replace("  x=[..]\n", "  x=[..]2\n");
    World::new(&server.url, &[("say", &wrong)], target).run(&["run"]).expect(20);
}

/// A spec whose clause has no example: only a suite tests it.
const BARE: &str = "# Adder\n\n- `add(a: i32, b: i32) -> i32` MUST give the sum. `test_id: adds`\n";

/// A table of tests, made by a macro of the suite.
const TABLE: &str = "macro_rules! sums {\n    ($($name:ident: $a:expr, $b:expr => $sum:expr;)*) => { $(\n        \
    #[test]\n        fn $name() {\n            let sum: i32 = adder::add($a, $b);\n            assert_eq!(sum, $sum);\n        \
    }\n    )* };\n}\nmod table {\n    sums! {\n        adds__small: 1, 2 => 3;\n        adds__zero: 0, 0 => 0;\n    }\n}\n";

/// A property: a macro that runs a body with many values.
const PROPERTY: &str = "macro_rules! property {\n    ($(#[$m:meta])* fn $name:ident($v:ident in $range:expr) $body:block) => {\n        \
    $(#[$m])* fn $name() { for $v in $range { $body } }\n    };\n}\nproperty! {\n    #[test]\n    fn adds__any(n in 0..9) {\n        \
    let sum: i32 = adder::add(n, 1);\n        assert_eq!(sum, n + 1);\n    }\n}\n";

#[test]
fn tests_that_macros_make_count_for_their_clause() {
    if !all() {
        return;
    }
    for suite in [TABLE, PROPERTY] {
        let server = Server::start(vec![lib(WRONG), lib(GOOD)]);
        let world = World::new(&server.url, &[("adder", BARE)], QUICK);
        world.write("validators/adder/rust/s.rs", suite);
        let run = world.run(&["--spec", "adder"]).expect(0);
        assert_eq!(server.requests().len(), 2, "{}", run.err);
        assert!(!run.err.contains("undecided"), "{}", run.err);
        let trace = world.run(&["trace", "--json"]).expect(0);
        assert!(trace.out.contains("adds__") && trace.out.contains("passed"), "{}", trace.out);
        world.run(&["check", "--rerun"]).expect(0);
    }
}

#[test]
fn a_forged_report_does_not_pass_a_test_that_a_macro_makes() {
    let forged = "//! Adds.\n\nuse std::io::Write;\n\nunsafe extern \"C\" {\n    fn _exit(code: i32) -> !;\n}\n\n/// Adds.\npub fn add(_: i32, _: i32) -> i32 {\n    let mut out = std::io::stdout();\n    \
        for name in [\"table::adds__small\", \"table::adds__zero\", \"adds__any\"] {\n        \
        drop(writeln!(out, \"\\n{{\\\"type\\\":\\\"test\\\",\\\"name\\\":\\\"{name}\\\",\\\"event\\\":\\\"ok\\\"}}\"));\n    }\n    drop(out.flush());\n    \
        // SAFETY: ends the process.\n    unsafe { _exit(0) }\n}\n";
    for suite in [TABLE, PROPERTY] {
        let server = Server::start(vec![lib(forged)]);
        let extra = format!("{QUICK}effects = [\"stdout\", \"unsafe\"]\n");
        let world = World::new(&server.url, &[("adder", BARE)], &extra);
        world.write("validators/adder/rust/s.rs", suite);
        let run = world.run(&["--spec", "adder"]).expect(20);
        assert!(run.err.contains("before the test reached its end"), "{}", run.err);
    }
}
