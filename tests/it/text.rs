//! Untrusted text is escaped wherever it is shown or stored.

use crate::server::{Act, Server, files, lib};
use crate::world::{ADDER, GOOD, World, collect};

/// Sequences that a terminal, a CI runner or a reader would interpret.
const EVIL: &str =
    "\x1b]52;c;ZXZpbA==\x07\x1bc\u{9b}2J\rpromoted\u{202e}\u{2066}\n::add-mask::x\n##[error]y";

/// Whether an output still contains active sequences.
fn follows(text: &str) -> Option<String> {
    let hidden = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let command =
        |line: &&str| line.trim_start().starts_with("::add-mask") || line.contains("##[error]");
    let found = text.chars().find(|c| hidden(*c)).map(|c| format!("{c:?}"));
    found.or_else(|| text.lines().find(command).map(str::to_owned))
}

fn shown_by_every_command(world: &World) {
    for args in [
        &["run"][..],
        &["why", "adder"],
        &["log"],
        &["log", "adder"],
        &["show", "1"],
        &["status"],
        &["check"],
        &["check", "--format", "github"],
        &["check", "--summary", "-"],
        &["check", "--format", "junit"],
        &["lint"],
        &["lint", "--format", "github"],
        &["trace"],
        &["trace", "--format", "markdown"],
        &["plan"],
        &["diff"],
    ] {
        let run = world.run(args);
        for text in [&run.out, &run.err] {
            assert_eq!(follows(text), None, "{args:?}: {text}");
        }
    }
}

/// Stored data has none either, except the model's raw answer.
fn kept(world: &World, value: &str) -> Vec<String> {
    let mut found = Default::default();
    collect(&world.path(".regen"), &mut found);
    let has = |bytes: &[u8]| bytes.windows(value.len()).any(|part| part == value.as_bytes());
    found
        .iter()
        .filter(|(_, bytes)| has(bytes))
        .map(|(path, _)| path.display().to_string())
        .collect()
}

#[test]
fn a_candidates_panic_message_is_escaped() {
    let code =
        GOOD.replace("a.saturating_add(b)", &format!("let _ = (a, b);\n    panic!({EVIL:?})"));
    let server = Server::start(vec![lib(&code)]);
    let world = World::adder(&server.url);
    world.run(&["run"]).expect(20);
    shown_by_every_command(&world);
    // The model sees it in a fence.
    let prompt = server.prompt(1);
    assert!(prompt.contains("~~~~~~\n  "), "{prompt}");
    let hidden = |c: char| c.is_control() && c != '\n';
    assert!(!prompt.contains(hidden), "{prompt}");
}

#[test]
fn a_servers_error_is_escaped() {
    let error = serde_json::json!({ "error": { "message": EVIL } }).to_string();
    let server = Server::start(vec![Act::Raw(400, Vec::new(), error)]);
    let world = World::adder(&server.url);
    let run = world.run(&["run"]);
    assert_eq!(follows(&run.err), None, "{}", run.err);
    shown_by_every_command(&world);
}

#[test]
fn conflict_texts_and_file_names_are_escaped() {
    let conflict = format!("### CONFLICT: adder/adds\n{EVIL}\n");
    let name = format!("src/{}.rs", EVIL.replace('\n', " "));
    let server = Server::start(vec![
        Act::Say(conflict),
        Act::Say(files(&[(name.as_str(), "x"), ("src/lib.rs", GOOD)])),
    ]);
    let world = World::adder(&server.url);
    let run = world.run(&["run"]);
    assert_eq!(follows(&run.err), None, "{}", run.err);
    shown_by_every_command(&world);
}

#[test]
fn workspace_texts_are_escaped() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", ADDER)], "");
    world.first(&server, &["run", "-q"]).expect(0);
    let evil = EVIL.replace('\n', " ");
    world.write("specs/adder.md", &ADDER.replace("It MUST", &format!("It {evil} [x](y) MUST")));
    world.write(&format!("generated/adder/rust/src/{}.rs", evil.replace('/', "")), "x");
    shown_by_every_command(&world);
    let summary = world.run(&["check", "--summary", "-"]);
    assert!(!summary.out.contains("[x](y)"), "{}", summary.out);
    world.write("specs/adder.md", &format!("---\nid: \"{}\"\n---\n{ADDER}", "\\e]52;c;x\\a"));
    shown_by_every_command(&world);
}

#[test]
fn secret_values_are_never_shown_or_stored() {
    const KEY: &str = "sk-0123456789abcdef";
    const SECRET: &str = "hunter2-hunter2";
    let error = serde_json::json!({ "error": { "message": format!("bad key {KEY}") } }).to_string();
    let server = Server::start(vec![lib(GOOD), Act::Raw(401, Vec::new(), error)]);
    let extra = "[gate.leak]\nargv = [\"/bin/sh\", \"-c\", \"echo got $MY_TOKEN; exit 1\"]\nsecrets = [\"MY_TOKEN\"]\n";
    let world = World::new(&server.url, &[("adder", ADDER)], extra);
    let config = world.read("harness.toml");
    let config = config.replace("[generator]\n", "[generator]\napi_key_env = \"MY_KEY\"\n");
    let config = config.replace(
        "toolchain = \"rust\"\n",
        "toolchain = \"rust\"\ngates = [\"layout\", \"leak\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n",
    );
    world.write("harness.toml", &config);
    let run = |args: &[&str]| {
        let mut command = world.command(args);
        crate::world::Run::of(command.env("MY_KEY", KEY).env("MY_TOKEN", SECRET))
    };
    for args in
        [&["run"][..], &["run", "--json"], &["why", "adder"], &["log", "--json"], &["show", "1"]]
    {
        let run = run(args);
        for (text, value) in
            [(&run.out, KEY), (&run.err, KEY), (&run.out, SECRET), (&run.err, SECRET)]
        {
            assert!(!text.contains(value), "{args:?}: {text}");
        }
    }
    let told = run(&["why", "adder"]);
    assert!(
        told.out.contains("[MY_TOKEN]") || told.out.contains("[MY_KEY]"),
        "{}{}",
        told.out,
        told.err
    );
    assert_eq!(kept(&world, KEY), Vec::<String>::new());
    assert_eq!(kept(&world, SECRET), Vec::<String>::new());
    for index in 0..server.requests().len() {
        assert!(!server.prompt(index).contains(SECRET));
    }
}
