//! Programs in Python and TypeScript: console examples, judged from outside.

use crate::python::{WITHOUT_TOOLS, has_python, has_tools, world};
use crate::server::{Act, Server, files};
use crate::typescript;
use crate::world::{Run, World, all, stable};

const SPEC: &str = "# Tally\n\n- `tally WORD...` MUST print each word with its number. `test_id: prints`\n\n  ```console\n  \
    $ tally a b\n  1 a\n  2 b\n  ```\n\n  ```console hidden\n  $ tally one 'two three' x\n  1 one\n  2 two three\n  3 x\n  ```\n\n\
    - `tally -` MUST count the lines of its input on standard error. `test_id: counts`\n\n  ```console\n  $ tally - <<END\n  one\n  \
    two\n  END\n  $ tally - <<END 2>&1\n  x\n  END\n  1 lines\n  ```\n\n- Without a word it MUST end with 2. `test_id: ends`\n\n  \
    ```console\n  $ tally 2>&1\n  ? 2\n  usage: tally [..]\n  ...\n  ```\n";
const KIND: &str = "kind = \"program\"\n";

const PYTHON: &str = "\"\"\"Counts words.\"\"\"\n\nimport argparse\nimport sys\n\n\ndef main() -> int:\n    \
    \"\"\"Runs the program.\"\"\"\n    parser = argparse.ArgumentParser()\n    parser.add_argument(\"words\", nargs=\"+\")\n    \
    words: list[str] = parser.parse_args().words\n    if words == [\"-\"]:\n        count = len(sys.stdin.read().splitlines())\n        \
    print(count, \"lines\", file=sys.stderr)\n        return 0\n    for number, word in enumerate(words, 1):\n        \
    print(number, word)\n    return 0\n\n\nif __name__ == \"__main__\":\n    sys.exit(main())\n";
const TYPESCRIPT: &str = "const words = process.argv.slice(2);\n\n/** The text of standard input. */\n\
    async function input(): Promise<string> {\n  let text = \"\";\n  for await (const part of process.stdin) {\n    \
    text += String(part);\n  }\n  return text;\n}\n\nif (words.length === 0) {\n  console.error(\"usage: tally WORD...\");\n  \
    process.exitCode = 2;\n} else if (words[0] === \"-\") {\n  const text = await input();\n  \
    console.error(`${text.split(\"\\n\").length - 1} lines`);\n} else {\n  for (const [at, word] of words.entries()) {\n    \
    console.log(`${at + 1} ${word}`);\n  }\n}\n";

fn python(code: &str) -> Act {
    Act::Say(files(&[("src/tally/__main__.py", code)]))
}

fn script(code: &str) -> Act {
    Act::Say(files(&[("src/main.ts", code)]))
}

/// What is told of wrong answers until the right one is promoted.
fn told(world: &World, server: &Server) -> String {
    world.run(&["run"]).expect(0);
    let told = (1..server.requests().len()).map(|at| {
        let told = server.told(at);
        let told = told.split_once("## What is wrong with it").map_or(&*told, |parts| parts.1);
        assert!(!server.prompt(at).contains("two three"), "{told}");
        format!("== {at}{}", told.split("## Task").next().unwrap_or_default())
    });
    told.collect()
}

#[test]
fn a_python_program_is_judged_by_what_it_prints() {
    if !has_tools() {
        return;
    }
    let overfit = PYTHON.replace(
        "    words: list[str]",
        "    if sys.argv[1:] == [\"a\", \"b\"]:\n        print(\"1 a\\n2 b\")\n        return 0\n    words: list[str]",
    );
    let answers = [
        PYTHON.replace("if __name__ == \"__main__\":\n    sys.exit(main())", "sys.exit(main())"),
        PYTHON.replace(
            "def main() -> int:\n",
            "def main() -> int:\n    print(\"1 a\", \"2 b\", sep=\"\\n\")\n    sys.exit(0)\n",
        ),
        PYTHON
            .replace("import sys\n", "import os\nimport sys\n")
            .replace("\"lines\"", "os.getcwd()"),
        overfit.replace("        print(number, word)\n", "        print(word, number)\n"),
        PYTHON.to_owned(),
    ];
    let server = Server::start(answers.iter().map(|code| python(code)).collect());
    let world = world(&server, "tally", SPEC, KIND);
    let told = told(&world, &server);
    insta::assert_snapshot!("python_told", stable(&told));
    let prompt = server.prompt(0);
    let rules = prompt
        .lines()
        .filter(|line| line.starts_with("- Write the") || line.contains("The code may"));
    insta::assert_snapshot!("python_rules", rules.collect::<Vec<_>>().join("\n"));
    insta::assert_snapshot!("python_manifest", world.read("generated/tally/python/pyproject.toml"));
    assert!(world.read("regen.lock").contains("outside"), "{}", world.read("regen.lock"));
    world.run(&["check", "--rerun"]).expect(0);
    let trace = world.run(&["trace"]).expect(0);
    insta::assert_snapshot!("python_trace", trace.shown());
    // It also runs as people start it.
    let run = std::process::Command::new("python3")
        .args(["-m", "tally", "a", "b"])
        .env("PYTHONPATH", world.path("generated/tally/python/src"))
        .output()
        .expect("runs");
    assert_eq!(String::from_utf8_lossy(&run.stdout), "1 a\n2 b\n");
}

#[test]
fn a_typescript_program_is_judged_by_what_it_prints() {
    if !typescript::has_tools() {
        return;
    }
    let overfit = TYPESCRIPT
        .replace("const [at, word]", "const [at, word, ..._] ")
        .replace(
            "console.log(`${at + 1} ${word}`)",
            "console.log(words.join() === \"a,b\" ? `${at + 1} ${word}` : word)",
        )
        .replace(", ..._] ", "]");
    let answers = [
        TYPESCRIPT
            .replace("const words", "console.log(\"1 a\\n2 b\");\nprocess.exit(0);\n\nconst words")
            .replace(
                "process.exit(0);\n\n",
                "if (process.argv.length < 99) {\n  process.exit(0);\n}\n\n",
            ),
        TYPESCRIPT
            .replace("const words", "import { readFileSync } from \"node:fs\";\n\nconst words")
            .replace("await input()", "readFileSync(0, \"utf8\")"),
        overfit,
        TYPESCRIPT.to_owned(),
    ];
    let server = Server::start(answers.iter().map(|code| script(code)).collect());
    let world = typescript::world(&server, "tally", SPEC, KIND);
    let told = told(&world, &server);
    insta::assert_snapshot!("typescript_told", stable(&told));
    let prompt = server.prompt(0);
    let rules = prompt
        .lines()
        .filter(|line| line.starts_with("- Write the") || line.contains("The code may"));
    insta::assert_snapshot!("typescript_rules", rules.collect::<Vec<_>>().join("\n"));
    insta::assert_snapshot!(
        "typescript_manifest",
        world.read("generated/tally/typescript/package.json")
    );
    let main = world.read("generated/tally/typescript/src/main.ts");
    assert_eq!(main, format!("#!/usr/bin/env node\n{TYPESCRIPT}"));
    world.run(&["check", "--rerun"]).expect(0);
}

/// What is written in one command of a transcript is there in the next one, and nowhere else.
const NOTES: &str = "# Notes\n\n- `notes add` MUST keep a text. `test_id: keeps`\n\n  ```console\n  $ notes add one\n  $ notes add two\n  \
    $ notes show\n  one\n  two\n  ```\n\n  ```console hidden\n  $ notes show\n  ? 1\n  ```\n";
const KEEPS: &str = "\"\"\"Notes.\"\"\"\n\nimport sys\n\n\ndef main() -> int:\n    \"\"\"Runs the program.\"\"\"\n    \
    if sys.argv[1] == \"add\":\n        with open(\"notes\", \"a\") as file:\n            file.write(sys.argv[2] + \"\\n\")\n        \
    return 0\n    try:\n        with open(\"notes\") as file:\n            print(file.read(), end=\"\")\n    \
    except OSError:\n        return 1\n    return 0\n\n\nif __name__ == \"__main__\":\n    sys.exit(main())\n";

#[test]
fn commands_of_a_transcript_share_a_folder_and_hostile_programs_are_refused() {
    if !all() || !has_python() {
        return;
    }
    let every = "effects = [\"fs\", \"process\", \"env\", \"clock\", \"unsafe\"]\n[gate.test]\ntimeout_s = 8\n";
    let notes = |code: &str| Act::Say(files(&[("src/notes/__main__.py", code)]));
    let body = |code: &str| {
        KEEPS.replace("    if sys.argv[1]", &format!("    {code}\n    if sys.argv[1]"))
    };
    // Looks for what is expected, everywhere that it can read.
    let looks = "import subprocess\n    found = subprocess.run([\"grep\", \"-rls\", \"MUST k\" + \"eep\", \"/src\", \"/tmp\", \
        \"/target\"], capture_output=True, text=True)\n    print(found.stdout, end=\"\")";
    let hostile = [
        body("while True:\n        pass"),
        body("import os\n    os.kill(os.getpid(), 9)"),
        body("import time\n    print(time.time_ns())"),
        body("print(\"x\" * 9_000_000)"),
        KEEPS.replace("open(\"notes\"", "open(\"/target/notes\""),
    ];
    let server = Server::start(hostile.iter().map(|code| notes(code)).collect());
    let refused = world(&server, "notes", NOTES, &format!("{WITHOUT_TOOLS}{KIND}{every}"));
    let run = refused.run(&["run"]);
    assert!(run.code != 0 && refused.read("generated/notes/python/pyproject.toml").is_empty());
    insta::assert_snapshot!("hostile", stable(&run.err));
    let server = Server::start(vec![notes(&body(looks))]);
    let honest = world(&server, "notes", NOTES, &format!("{WITHOUT_TOOLS}{KIND}{every}"));
    honest.run(&["run"]).expect(0);
}

#[test]
fn transcripts_that_cannot_fail_and_other_kinds_are_refused() {
    let server = Server::start(vec![python(PYTHON)]);
    let silent =
        "# Tally\n\n- It MUST do nothing. `test_id: nothing`\n\n  ```console\n  $ tally a\n  ```\n";
    let wrong = silent.replace("$ tally a", "$ other a\n  x");
    let mut told = String::new();
    for (spec, keys) in [(silent, KIND), (&wrong, KIND), (SPEC, ""), (SPEC, "kind = \"bin\"\n")] {
        let run = world(&server, "tally", spec, keys).run(&["plan"]);
        told += &run.shown();
    }
    insta::assert_snapshot!("refused", told);
    assert!(server.requests().is_empty());
}

#[test]
fn a_program_runs_at_every_isolation_level() {
    if !all() || !has_python() {
        return;
    }
    for (lacks, level) in [(&["namespaces"][..], "1"), (&["namespaces", "landlock"], "0")] {
        let keys = format!("{WITHOUT_TOOLS}{KIND}[sandbox]\nmin_level = {level}\n");
        let server = Server::start(vec![python(PYTHON)]);
        let world = world(&server, "tally", SPEC, &keys);
        let mut command = crate::attacks::without(lacks, &world, &["run"]);
        Run::of(command.env("REGEN_MIN_LEVEL", level)).expect(0);
    }
}
