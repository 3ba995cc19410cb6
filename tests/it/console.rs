//! Console examples: transcripts of a program, run against the build.

use crate::server::{Act, Server, files};
use crate::world::{World, all, stable};

const TARGET: &str = "[target.command]\ntoolchain = \"rust\"\ncrate = \"bin\"\n\
    effects = [\"fs\", \"process\"]\n";

/// A notebook: adds lines of its input to a file, shows them, counts them on standard error.
const NOTES: &str = "use std::io::Write;\n\nfn main() -> std::process::ExitCode {\n    \
    let text = std::io::read_to_string(std::io::stdin()).unwrap_or_default();\n    \
    match std::env::args().nth(1).as_deref() {\n        Some(\"add\") => {\n            \
    let file = std::fs::OpenOptions::new().create(true).append(true).open(\"notes\");\n            \
    let done = file.and_then(|mut file| file.write_all(text.as_bytes()));\n            \
    println!(\"added {} in {} ms\", text.lines().count(), std::process::id());\n            \
    if done.is_ok() { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }\n        }\n        \
    Some(\"show\") => {\n            let text = std::fs::read_to_string(\"notes\").unwrap_or_default();\n            \
    print!(\"{text}\");\n            eprintln!(\"{} notes\", text.lines().count());\n            \
    std::process::ExitCode::SUCCESS\n        }\n        _ => std::process::ExitCode::from(2),\n    }\n}\n";

const SPEC: &str = "---\ntargets: [command]\n---\n# Notes\n\n- `notes add` MUST keep the lines of its input. `test_id: keeps`\n\n  \
    ```console\n  $ notes add <<END\n  one\n  two\n  END\n  added 2 in [..] ms\n  $ notes add <<'END'\n  > three\n  > END\n  \
    added 1 in [..] ms\n  $ notes show\n  one\n  …\n  three\n  $ notes show 2>&1\n  one\n  two\n  three\n  3 notes\n  ```\n\n  \
    ```console hidden\n  $ notes show 2>&1\n  0 notes\n  ```\n\n- Without a command it MUST end with 2. `test_id: ends`\n\n  \
    ```console\n  $ notes\n  ? 2\n  ```\n";

fn program(code: &str) -> Act {
    Act::Say(files(&[("src/main.rs", code)]))
}

#[test]
fn a_transcript_supports_input_wildcards_errors_and_a_separate_folder() {
    let server = Server::start(vec![program(NOTES)]);
    let world = World::new(&server.url, &[("notes", SPEC)], TARGET);
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn differing_output_is_reported_unless_held_out() {
    if !all() {
        return;
    }
    let forgets = NOTES.replace(".append(true)", ".write(true).truncate(true)");
    let elsewhere = NOTES.replace("\"notes\"", "\"/tmp/notes\"").replace(
        "read_to_string(\"/tmp/notes\").unwrap_or_default()",
        "read_to_string(\"/tmp/notes\").unwrap_or_else(|_| \"lost\\n\".to_owned())",
    );
    let wrong = NOTES.replace("from(2)", "from(3)");
    let server = Server::start(vec![
        program(&forgets),
        program(&wrong),
        program(&elsewhere),
        program(NOTES),
    ]);
    let world = World::new(&server.url, &[("notes", SPEC)], TARGET);
    world.run(&["run"]).expect(0);
    for number in 1..4 {
        insta::assert_snapshot!(stable(&server.told(number)));
    }
    let third = server.prompt(3);
    assert!(!third.contains("0 notes"), "{third}");
}

#[test]
fn an_invalid_transcript_is_refused_at_its_line() {
    let spec = SPEC.replace("  ? 2\n", "  $ notes | wc\n");
    let world = World::new("http://127.0.0.1:9/v1", &[("notes", &spec)], TARGET);
    let run = world.run(&["plan"]).expect(10);
    insta::assert_snapshot!(run.shown());
}
