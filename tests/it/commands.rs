//! One grammar for all commands: `[SPEC]…`, `-C`, defaults, and what a run and a plan say at the
//! end.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::server::{Server, lib};
use crate::watch::Daemon;
use crate::world::{ADDER, GOOD, Run, WRONG, World, all};

const LIB: &str = "generated/one/rust/src/lib.rs";

/// A workspace with the specs `one` and `two`, both promoted.
fn two() -> (World, Server) {
    let server = Server::start(vec![lib(GOOD)]);
    let text = |id: &str| ADDER.replace("adder::", &format!("{id}::"));
    let specs = [("one", &*text("one")), ("two", &*text("two"))];
    let world = World::new(&server.url, &specs, "");
    world.first(&server, &["run", "-q"]).expect(0);
    (world, server)
}

#[test]
fn every_command_about_specs_takes_their_names() {
    let (world, _server) = two();
    world.run(&["trace", "--write"]).expect(0);
    let mut all = String::new();
    for command in [
        &["run"][..],
        &["plan"],
        &["check"],
        &["why"],
        &["trace"],
        &["trace", "--check"],
        &["lint"],
        &["status"],
        &["log"],
        &["diff"],
        &["verify"],
        &["export"],
        &["cassette", "ls"],
        &["cassette", "verify"],
    ] {
        let run = world.run(&[command, &["one"]].concat()).expect(0);
        assert!(!run.out.contains("two") && !run.err.contains("two"), "{command:?}: {run:?}");
        all += &run.titled(&format!("regen {} one", command.join(" ")));
        if command[0] != "cassette" {
            let by_path = world.run(&[command, &["specs/one.md"]].concat()).expect(0);
            assert_eq!(by_path.shown(), run.shown(), "{command:?}");
        }
        if command != ["log"] {
            let flag = world.run(&[command, &["--spec", "one"]].concat()).expect(0);
            assert_eq!(flag.shown(), run.shown(), "{command:?}");
        }
        let wrong = world.run(&[command, &["ome"]].concat()).expect(2);
        if command[0] != "cassette" {
            assert!(wrong.err.contains("did you mean `one`?"), "{command:?}: {}", wrong.err);
        }
    }
    insta::assert_snapshot!("one", all);
    for command in [&["show"][..], &["rollback"], &["remove"]] {
        let wrong = world.run(&[command, &["ome"]].concat()).expect(2);
        assert!(wrong.err.contains("did you mean `one`?"), "{command:?}: {}", wrong.err);
    }
    let shown = world.run(&["show", "one", "--json"]).expect(0).json();
    assert!(shown.iter().all(|attempt| attempt["spec"] == "one"), "{shown:?}");
    assert_eq!(shown.len(), world.run(&["show", "1", "one", "--json"]).expect(0).json().len());
    assert_eq!(world.run(&["show", "--json"]).expect(0).json().len(), 2);
    assert_eq!(world.run(&["why", "--json"]).expect(0).json().len(), 2);
}

#[test]
fn check_of_one_spec_ignores_others() {
    let (world, _server) = two();
    world.write("generated/two/rust/src/lib.rs", "// edited");
    world.run(&["check", "one"]).expect(0);
    world.run(&["check", "two"]).expect(22);
    world.run(&["check"]).expect(22);
    std::fs::remove_file(world.path("specs/two.md")).expect("was there");
    world.run(&["check", "one"]).expect(0);
    world.run(&["check", "two"]).expect(22);
}

#[test]
fn commands_to_the_daemon_take_paths_and_name_the_nearest_spec() {
    let (world, _server) = two();
    let daemon = Daemon::start(&world);
    daemon.idle();
    let run = world.run(&["trigger", "specs/one.md", "--force"]).expect(0);
    assert_eq!(run.err, "scheduled next: one\n");
    for command in ["trigger", "cancel", "retry", "rollback"] {
        let run = world.run(&[command, "ome"]).expect(2);
        assert!(run.err.contains("did you mean `one`?"), "{command}: {}", run.err);
    }
    let status = world.run(&["status", "one"]).expect(0).out;
    assert!(status.starts_with("daemon: running since "), "{status}");
    assert!(!status.contains("two"), "{status}");
    world.run(&["cancel"]).expect(2);
}

#[test]
fn another_folder_is_named_with_an_option() {
    let (world, _server) = two();
    let plan = world.run(&["plan", "one"]).expect(0);
    let mut elsewhere = world.command(&["-C", &world.path("specs").display().to_string()]);
    let there = Run::of(elsewhere.args(["plan", "one.md"]).current_dir("/")).expect(0);
    assert_eq!(there.out, plan.out);
    let run = world.run(&["plan", "-C", "nowhere"]).expect(2);
    assert!(run.err.contains("-C nowhere: No such file"), "{}", run.err);
}

#[test]
fn a_run_ends_with_one_line_and_tells_each_outcome_once() {
    let server = Server::start(vec![lib(WRONG)]);
    let prices = "input_price = 1.0\noutput_price = 2.0\n";
    let world = World::adder(&server.url);
    let run = world.run(&["run", "adder"]).expect(20);
    assert_eq!(run.err.matches("rejected; fault: model").count(), 1, "{}", run.err);
    assert!(run.err.contains("clause adder/adds (specs/adder.md:5)"), "{}", run.err);
    insta::assert_snapshot!("rejected", run.shown());
    let config = world.read("harness.toml").replace("[target", &format!("{prices}[target"));
    world.write("harness.toml", &config);
    let plan = world.run(&["plan"]).expect(0);
    insta::assert_snapshot!("plan_with_prices", plan.shown());
    let run = world.run(&["run", "--force", "--json"]).expect(20).json();
    let last = run.last().expect("has lines");
    assert!(last["usd"].as_f64() > Some(0.0), "{last}");
    assert_eq!((&last["promoted"], &last["rejected"]), (&0.into(), &1.into()));
    // Tokens of before have no price.
    let status = world.run(&["status"]).expect(0);
    assert!(status.out.contains(" USD and 600 tokens, price unknown"), "{}", status.out);
    let most = world.run(&["plan", "--json"]).expect(0).json().remove(0);
    let spent = last["tokens"].as_u64();
    assert!(most["most"]["tokens"].as_u64() >= spent, "{most} {last}");
    assert!(most["most"]["usd"].as_f64() >= last["usd"].as_f64(), "{most} {last}");
}

#[test]
fn a_plan_within_a_budget_costs_at_most_the_budget() {
    let budget = "[budget]\nrun_tokens = 5000\n";
    let world = World::new("http://127.0.0.1:9/v1", &[("adder", ADDER)], budget);
    let most = world.run(&["plan", "--json"]).expect(0).json().remove(0);
    assert_eq!(most["most"]["tokens"], 5000, "{most}");
    assert_eq!(most["most"]["usd"], serde_json::Value::Null, "{most}");
    let plan = world.run(&["plan"]).expect(0);
    assert!(
        plan.out.ends_with("at most: 6 attempts, 5000 tokens, price unknown\n"),
        "{}",
        plan.out
    );
}

#[test]
fn discarded_edits_are_replaced_from_the_store() {
    let (world, server) = two();
    let accepted = world.snapshot("generated");
    let asked = server.requests().len();
    world.write(LIB, "// edited");
    world.write("generated/one/rust/src/more.rs", "// added");
    world.run(&["run", "one"]).expect(22);
    let run = world.run(&["run", "one", "--discard-edits"]).expect(0);
    assert!(run.err.contains("restores the promoted files"), "{}", run.err);
    assert_eq!(world.snapshot("generated"), accepted);
    assert_eq!(server.requests().len(), asked, "a model was asked");
    assert_eq!(world.read(".regen/drift/one/1/rust/src/lib.rs"), "// edited");
    world.run(&["check"]).expect(0);
    // A changed spec needs new code.
    world.write(LIB, "// edited");
    world.write("specs/one.md", &world.read("specs/one.md").replace("the sum", "their sum"));
    world.run(&["run", "one", "--discard-edits"]).expect(0);
    assert!(server.requests().len() > asked);
}

#[test]
fn a_removed_spec_takes_its_code_along() {
    let (world, _server) = two();
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        let done = git.args(["-c", "user.name=n", "-c", "user.email=e@e"]).args(args);
        assert!(done.current_dir(world.path("")).output().expect("runs").status.success());
    };
    git(&["init", "-q"]);
    world.write(".gitignore", ".regen/\n");
    git(&["add", "."]);
    git(&["commit", "-qm", "both"]);
    let before = world.snapshot("generated");
    let mut all = world.run(&["remove", "one"]).expect(2).titled("its file exists");
    std::fs::remove_file(world.path("specs/one.md")).expect("was there");
    world.write(LIB, "// edited");
    all += &world.run(&["remove", "one"]).expect(22).titled("edited by hand");
    assert_eq!(world.read(LIB), "// edited");
    all += &world.run(&["remove", "one", "--discard-edits"]).expect(0).titled("edits are saved");
    all += &world.run(&["remove", "one"]).expect(2).titled("again");
    insta::assert_snapshot!("remove", all);
    assert!(!world.path("generated/one").exists());
    assert!(!world.read("regen.lock").contains("spec.one"), "{}", world.read("regen.lock"));
    assert_eq!(world.read(".regen/drift/one/1/rust/src/lib.rs"), "// edited");
    world.run(&["check"]).expect(0);
    assert_eq!(world.run(&["remove", "two", "--force", "--json"]).expect(0).json().len(), 1);
    git(&["checkout", "HEAD", "--", "specs", "generated", "regen.lock"]);
    assert_eq!(world.snapshot("generated"), before);
    world.run(&["check"]).expect(0);
}

#[test]
fn a_removal_that_was_killed_is_finished_by_the_next_command() {
    let (world, _server) = two();
    std::fs::remove_file(world.path("specs/one.md")).expect("was there");
    // As after the rename, before the lockfile is written.
    let state = std::fs::metadata(world.path("generated/one")).expect("is there");
    use std::os::unix::fs::MetadataExt;
    let identity = [state.dev(), state.ino()];
    std::fs::create_dir_all(world.path(".regen/stage")).expect("makes folders");
    std::fs::rename(world.path("generated/one"), world.path(".regen/stage/0")).expect("moves");
    let journal = serde_json::json!({
        "version": 2, "job": 0, "spec": "one", "unit": "generated/one", "old": identity,
        "new": identity, "old_content": null, "in_place": false, "standing": { "target": {} },
        "trees": [],
    });
    world.write(".regen/journal/0.json", &journal.to_string());
    world.run(&["run", "-q"]).expect(0);
    assert!(!world.read("regen.lock").contains("spec.one"), "{}", world.read("regen.lock"));
    assert!(!world.path(".regen/journal/0.json").exists());
    world.run(&["check"]).expect(0);
}

#[test]
fn init_makes_a_folder_and_asks_only_on_a_terminal() {
    let world = World::new("http://127.0.0.1:9/v1", &[], "");
    std::fs::remove_file(world.path("harness.toml")).expect("was there");
    let mut all = world.run(&["init", "new/here"]).expect(0).titled("regen init new/here");
    assert!(world.read("new/here/harness.toml").starts_with("#:schema ./.harness.schema.json\n"));
    let schema = world.run(&["schema"]).expect(0).out;
    assert_eq!(world.read("new/here/.harness.schema.json").trim_end(), schema.trim_end());
    for args in
        [&["init", "new/here"][..], &["init", "new/here/below"], &["init", "new/here/specs"]]
    {
        all += &world.run(args).expect(2).titled(&format!("regen {}", args.join(" ")));
    }
    world.write("file", "");
    all += &world.run(&["init", "file"]).expect(2).titled("regen init file");
    let all = all.replace(&world.path("").display().to_string(), "[work]/");
    insta::assert_snapshot!("init_path", all);
    world.run(&["init", "openai", "--provider", "openai"]).expect(0);
    assert!(world.read("openai/harness.toml").contains("OPENAI_API_KEY"));
    Run::of(world.command(&["-C", "openai", "plan"]).stdin(Stdio::null())).expect(0);
    let program = env!("CARGO_BIN_EXE_regen");
    let line = format!("{program} init asked");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(world.path(""));
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    // `script` may be missing: then there is no terminal to ask on.
    let Ok(mut script) = script.spawn() else { return };
    use std::io::Write;
    script.stdin.take().expect("is piped").write_all(b"9\n3\n").expect("writes");
    let run = Run::from(script.wait_with_output().expect("ends")).expect(0);
    assert!(run.out.contains("`9` is not one of them"), "{}", run.out);
    assert!(world.read("asked/harness.toml").contains("11434"), "{}", run.out);
}

/// Everything below a folder.
fn entries(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeMap::new();
    crate::world::collect(folder, &mut found);
    found.keys().map(|path| path.display().to_string()).collect()
}

#[test]
fn init_says_what_is_in_its_way_and_leaves_nothing_behind() {
    let world = World::new("http://127.0.0.1:9/v1", &[], "");
    std::fs::remove_file(world.path("harness.toml")).expect("was there");
    for folder in ["elsewhere", "linked", "pipes", "dangling", "ignoring"] {
        std::fs::create_dir(world.path(folder)).expect("makes it");
    }
    world.write("file", "");
    world.write("ignoring/.gitignore", &"a\n".repeat(600_000));
    symlink("../elsewhere", world.path("linked/specs")).expect("links");
    symlink("nothing", world.path("dangling/harness.toml")).expect("links");
    symlink("nothing", world.path("link")).expect("links");
    for pipe in ["pipe", "pipes/.gitignore"] {
        Command::new("mkfifo").arg(world.path(pipe)).status().expect("runs");
    }
    let before = entries(&world.path(""));
    let mut all = String::new();
    for path in ["pipe", "file/below", "link", "linked", "pipes", "dangling", "ignoring"] {
        all += &world.run(&["init", path]).expect(2).titled(&format!("regen init {path}"));
        assert_eq!(entries(&world.path("")), before, "{path}");
        assert!(!world.path(path).join("specs").is_dir() || path == "linked", "{path}");
    }
    all += &world.run(&["init", "new\nline"]).expect(0).titled("regen init new\\nline");
    let all = all.replace(&world.path("").display().to_string(), "[work]/");
    insta::assert_snapshot!("init_refused", all);
    // What is not UTF-8 stays.
    std::fs::create_dir(world.path("bytes")).expect("makes it");
    std::fs::write(world.path("bytes/.gitignore"), b"\xff").expect("writes");
    world.run(&["init", "bytes"]).expect(0);
    let bytes = std::fs::read(world.path("bytes/.gitignore")).expect("reads");
    assert_eq!(bytes, b"\xff\n/.regen/\n");
}

#[test]
fn a_folder_stands_for_its_specs_and_names_are_near_in_any_case() {
    if !all() {
        return;
    }
    let (world, _server) = two();
    for (args, here) in [(&["specs/"][..], ""), (&["specs"], ""), (&["."], "specs")] {
        let mut command = world.command(&[&["plan", "--json"], args].concat());
        let run = Run::of(command.current_dir(world.path(here)));
        assert!(run.out.contains("\"one\"") && run.out.contains("\"two\""), "{args:?}: {run:?}");
    }
    for args in [&["plan", "TWO"][..], &["run", "TWO"], &["cassette", "prune", "TWO"]] {
        let run = world.run(args).expect(2);
        assert!(run.err.contains("did you mean `two`?"), "{args:?}: {}", run.err);
    }
    world.run(&["cassette", "prune", "two", "--dry-run"]).expect(0);
    let run = world.run(&["plan", "validators"]).expect(2);
    assert!(run.err.contains("no spec matches `validators`"), "{}", run.err);
}

#[test]
fn shells_complete_specs_targets_gates_and_runs() {
    let (world, _server) = two();
    let complete = |words: &[&str]| -> Vec<String> {
        let mut command = world.command(&[&["--", "regen"], words].concat());
        command.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", words.len().to_string());
        let run = Run::of(command.env("_CLAP_IFS", "\n")).expect(0);
        run.out.lines().map(|line| line.trim().to_owned()).collect()
    };
    for command in [&["run"][..], &["plan"], &["check"], &["why"], &["trigger"], &["remove"]] {
        assert_eq!(complete(&[command, &["t"]].concat()), ["two"], "{command:?}");
        assert_eq!(complete(&[command, &["one", "o"]].concat()), ["one"], "{command:?}");
    }
    assert_eq!(complete(&["show", "1"]), ["1"]);
    assert_eq!(complete(&["show", "--target", ""]), ["rust"]);
    assert!(complete(&["show", "--gate", ""]).contains(&"clippy".to_owned()));
    assert!(complete(&["st"]).contains(&"status".to_owned()));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = world.run(&["completions", shell]).expect(0).out;
        assert!(script.contains("COMPLETE"), "{shell}: {script}");
    }
}

#[test]
fn every_command_is_in_a_group_of_the_help_and_has_a_page_and_an_example() {
    let world = World::adder("http://127.0.0.1:9/v1");
    let man = world.run(&["man"]).expect(0).out;
    assert!(man.contains(".TH regen 1"), "{man}");
    world.run(&["man", "--output", "man"]).expect(0);
    let help = world.run(&["--help"]).expect(0).out;
    for page in std::fs::read_dir(world.path("man")).expect("is there").flatten() {
        let name = page.file_name().to_string_lossy().into_owned();
        let command =
            name.trim_start_matches("regen").trim_end_matches(".1").trim_start_matches('-');
        if command.is_empty() || command.contains('-') {
            continue;
        }
        assert!(help.contains(&format!("\n  {command} ")), "{command} is in no group");
        let own = world.run(&[command, "--help"]).expect(0).out;
        assert!(own.contains("\nExample"), "{command} has no example: {own}");
    }
    for format in ["harness", "policy", "validator-request", "validator-report"] {
        let schema = world.run(&["schema", format]).expect(0).json_document();
        assert!(schema["$schema"].is_string(), "{format}");
    }
}

#[test]
fn addresses_of_the_page_can_be_short() {
    let (world, _server) = two();
    for address in [":0", "localhost:0", "LOCALHOST:0", "127.0.0.1:0", "0"] {
        let daemon = Daemon::start_with(&world, &["--http", address]);
        let line = daemon.until("an address", |line| line["type"] == "serving");
        assert!(line["url"].as_str().is_some_and(|url| url.contains("127.0.0.1:")), "{line}");
        daemon.stop();
    }
    let run = world.run(&["watch", "--http", "here"]).expect(2);
    assert!(run.err.contains("localhost:7300 or :7300"), "{}", run.err);
}
