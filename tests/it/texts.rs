//! Texts made from the spec of a library: a reference, a tutorial, copy.

use std::path::Path;

use serde_json::Value;

use crate::composition::{prompt, switched_whole};
use crate::server::{Act, Server, files};
use crate::world::{World, all, copy, stable};

const SPEC: &str = include_str!("../../examples/forms/specs/roman.md");
const CODE: &str = include_str!("../../examples/forms/answers/rust/lib.rs");
const DOCS: &str = include_str!("../../examples/forms/answers/docs/reference.md");
const TUTORIAL: &str = include_str!("../../examples/forms/answers/tutorial/tutorial.md");
const SUITE: &str = include_str!("../../examples/forms/answers/tests/roman.rs");
const COPY: &str = include_str!("../../examples/forms/answers/copy/copy.md");

const TARGETS: &str = "[target.docs]\ntoolchain = \"docs\"\n[target.tutorial]\ntoolchain = \"tutorial\"\n\
    [target.copy]\ntoolchain = \"copy\"\nstyle = \"style.md\"\n";

/// The form that a prompt asks for.
fn form(prompt: &str) -> &'static str {
    let forms = [
        ("an API reference", "docs"),
        ("a tutorial", "tutorial"),
        ("a text for", "copy"),
        ("a test suite", "tests"),
        ("You write TypeScript code", "typescript"),
    ];
    forms.into_iter().find(|(words, _)| prompt.contains(words)).map_or("rust", |(_, form)| form)
}

fn right(_: usize, body: &Value) -> String {
    match form(&prompt(body)) {
        "docs" => files(&[("reference.md", DOCS)]),
        "tutorial" => files(&[("tutorial.md", TUTORIAL)]),
        "tests" => files(&[("roman.rs", SUITE)]),
        "typescript" => {
            let is_new = prompt(body).contains("in the usual way");
            let more = if is_new { "// In the usual way.\n" } else { "" };
            files(&[("src/index.ts", &format!("{SCRIPT}{more}"))])
        }
        "copy" => {
            let is_long = prompt(body).contains("Long sentences");
            let more = if is_long { "\nRead on.\n" } else { "" };
            files(&[("copy.md", &format!("{COPY}{more}"))])
        }
        _ => {
            let is_new = prompt(body).contains("in the usual way");
            let more = if is_new { "// In the usual way.\n" } else { "" };
            files(&[("src/lib.rs", &format!("{CODE}{more}"))])
        }
    }
}

/// Blocks whose assertions do nothing.
const DEAD: &str = "
```rust
let read = roman::from_roman(\"IIII\");
if let Some(number) = read {
    assert_eq!(number, 4);
}
```

```rust
assert_eq!(roman::from_roman(\"I\"), Some(1));
if roman::from_roman(\"X\").is_some() {
    return;
}
assert_eq!(1, 2);
```

```rust
let _ = std::panic::catch_unwind(|| {
    assert_eq!(roman::from_roman(\"X\"), Some(1));
});
```

```rust
macro_rules! assert_eq { ($($t:tt)*) => {} }
assert_eq!(roman::from_roman(\"X\"), Some(1));
```
";

/// Each text is wrong until its findings are shown.
fn wrong_first(at: usize, body: &Value) -> String {
    let text = prompt(body);
    if text.contains("whatever the functions give") && !text.contains("1995") {
        return files(&[("tutorial.md", &TUTORIAL.replace("Some(1994)", "Some(1995)"))]);
    }
    if text.contains("## What is wrong with it") {
        return right(at, body);
    }
    match form(&text) {
        "docs" => {
            let page = DOCS.replace("to_roman(n: u32) -> Result", "to_roman(n: u16) -> Result");
            let page = page.replace(
                "## `pub fn from_roman(text: &str) -> Option<u32>`",
                "## `pub fn parse_roman(text: &str) -> u32`",
            );
            let page = page.replace("Ok(\"IV\"", "Ok(\"IIII\"");
            let page = page.replace("4000) = err(\"out of range", "4000) = err(\"too large");
            files(&[("reference.md", &format!("{page}{DEAD}"))])
        }
        "tutorial" => {
            let blocks = "\n```property\nn: u32\nto_roman(n) == to_roman(n)\n```\n\n\
                ```wave\nto-roman(4) = ok(\"IV\")\nto-roman(5) = ok(\"V)\n```\n";
            files(&[("tutorial.md", &format!("{TUTORIAL}{blocks}"))])
        }
        "copy" => {
            let page = COPY.replace("3999", "4999").replace(" <!-- claim: roman/range -->", "");
            let more = "- It is quick. <!-- claim: roman/quick -->\n\n\
                ```rust\nassert_eq!(1 + 1, 2);\n```\n\n\
                ```rust\nuse roman::to_roman;\nlet _f: fn(u32) -> Result<String, String> = to_roman;\n```\n";
            files(&[("copy.md", &format!("{page}{more}"))])
        }
        _ => right(at, body),
    }
}

fn world(url: &str) -> World {
    let spec = format!("---\ntargets: [rust, docs, tutorial, copy]\n---\n{SPEC}");
    let world = World::new(url, &[("roman", &spec)], TARGETS);
    world.write("style.md", "Short sentences.\n");
    world
}

fn asked(server: &Server) -> Vec<&'static str> {
    server.requests().iter().map(|body| form(&prompt(body))).collect()
}

fn edit(world: &World, from: &str, to: &str) {
    let spec = world.read("specs/roman.md");
    assert!(spec.contains(from), "{spec}");
    world.write("specs/roman.md", &spec.replace(from, to));
}

#[test]
fn a_spec_has_code_and_texts_of_one_revision() {
    let server = Server::start(vec![Act::Make(right)]);
    let world = world(&server.url);
    let mut told = world.run(&["plan"]).expect(0).titled("the plan of nothing");
    told += &world.run(&["run"]).expect(0).titled("from nothing");
    assert_eq!(asked(&server), ["rust", "docs", "tutorial", "copy"]);
    told += &world.run(&["plan"]).expect(0).titled("the plan of all");
    told += &world.run(&["check"]).expect(0).titled("check");
    told += &world.run(&["check", "--rerun"]).expect(0).titled("check --rerun");
    told += &world.run(&["trace"]).expect(0).titled("trace");
    let policy = "gates = [\"test\", \"proof\", \"text\"]\nmin_assurance = \"outside\"\n";
    world.write("policy.toml", policy);
    world.run(&["check", "--policy", "policy.toml"]).expect(0);
    world.write("policy.toml", &policy.replace("proof", "licence"));
    let policed = world.run(&["check", "--policy", "policy.toml"]).expect(22).out;
    assert_eq!(policed.matches("did not pass the gate licence").count(), 4, "{policed}");
    told += &format!("== the prompt of docs\n{}\n", server.prompt(1));
    told += &format!("== the prompt of copy\n{}\n", server.prompt(3));
    insta::assert_snapshot!(stable(&told));
    // Edited code is restored, and renamed code keeps its texts; no model is asked.
    let code = "generated/roman/rust/src/lib.rs";
    let before = world.read(code);
    world.write(code, &format!("{before}// Edited.\n"));
    world.run(&["run", "--discard-edits"]).expect(0);
    assert_eq!(world.read(code), before);
    std::fs::rename(world.path("specs/roman.md"), world.path("specs/latin.md")).expect("moves");
    world.run(&["rename", "roman", "latin"]).expect(0);
    assert!(world.read("generated/latin/copy/copy.md").contains("claim: latin/usual"));
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn wrong_texts_are_refused_at_their_lines_and_repaired() {
    let server = Server::start(vec![Act::Make(wrong_first)]);
    let world = world(&server.url);
    let mut told = world.run(&["run"]).expect(0).titled("run");
    for repair in [2, 4, 5, 7] {
        told += &server.told(repair);
    }
    // A model is told of some; these are all.
    let why = world.run(&["why", "roman", "--json"]).json();
    let events = why.iter().flat_map(|one| one["events"].as_array().cloned()).flatten();
    for one in events.flat_map(|event| event["report"]["findings"].as_array().cloned()).flatten() {
        if one["file"] == "reference.md" {
            told += &format!("{} {}: {}\n", one["rule"], one["line"], one["message"]);
        }
    }
    let tutorials = ["tutorial"; 3];
    let asked = asked(&server);
    assert_eq!(asked[..3], ["rust", "docs", "docs"]);
    assert_eq!((&asked[3..6], &asked[6..]), (&tutorials[..], &["copy", "copy"][..]));
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn an_edit_makes_out_of_date_what_speaks_of_it() {
    let server = Server::start(vec![Act::Make(right)]);
    let world = world(&server.url);
    world.run(&["run", "--quiet"]).expect(0);
    edit(&world, "A library that\nwrites", "A library\nthat writes");
    let mut told = world.run(&["plan"]).expect(0).titled("wrapped in another way");
    world.write("style.md", "Long sentences.\n");
    told += &world.run(&["plan"]).expect(0).titled("another style guide");
    world.run(&["run", "--quiet"]).expect(0);
    assert_eq!(asked(&server)[4..], ["copy"]);
    // The copy does not speak of it.
    edit(&world, "MUST read what", "MUST read all that");
    told += &world.run(&["plan"]).expect(0).titled("a clause that the copy does not cite");
    told += &world.run(&["check"]).expect(22).titled("check");
    told += &world.run(&["run"]).expect(0).titled("a run");
    assert_eq!(asked(&server)[5..], ["rust", "docs", "tutorial"]);
    told += &world.run(&["plan"]).expect(0).titled("afterwards");
    edit(&world, "`test_id: range`", "`test_id: range` `waived: not yet until 2199-01-01`");
    told +=
        &world.run(&["check"]).expect(22).titled("a clause that is cited has no proof any more");
    told += &world.run(&["run"]).expect(20).titled("a run over it");
    insta::assert_snapshot!(stable(&told));
}

/// A tutorial with a link to a heading of the reference that is there until the style changes.
fn linking(at: usize, body: &Value) -> String {
    let text = prompt(body);
    let (is_new, is_repair) = (text.contains("Long sentences"), text.contains("## What is wrong"));
    match form(&text) {
        "docs" => {
            let title = if is_new { "Remarks" } else { "Notes" };
            files(&[("reference.md", &format!("{DOCS}\n## {title}\n\nThat is all.\n"))])
        }
        "tutorial" => {
            let is_there = |anchor: &&str| text.contains(&format!("`#{anchor}`"));
            let anchor = ["remarks", "notes"].into_iter().find(is_there).filter(|_| is_repair);
            let link = format!("[notes](../docs/reference.md#{})", anchor.unwrap_or("gone"));
            files(&[("tutorial.md", &format!("{TUTORIAL}\nThere are {link}.\n"))])
        }
        _ => right(at, body),
    }
}

#[test]
fn a_text_links_to_a_text_that_it_needs() {
    let server = Server::start(vec![Act::Make(linking)]);
    let spec = format!("---\ntargets: [tutorial, docs, rust]\n---\n{SPEC}");
    let targets = "[target.docs]\ntoolchain = \"docs\"\nstyle = \"style.md\"\n\
        [target.tutorial]\ntoolchain = \"tutorial\"\nneeds = [\"docs\"]\n";
    let world = World::new(&server.url, &[("roman", &spec)], targets);
    world.write("style.md", "Short sentences.\n");
    let mut told = world.run(&["run"]).expect(0).titled("a wrong link is repaired");
    assert_eq!(asked(&server), ["rust", "docs", "tutorial", "tutorial"]);
    told += &format!("== the prompt of the tutorial\n{}\n", server.prompt(2));
    told += &world.run(&["run"]).expect(0).titled("again");
    world.run(&["check", "--rerun"]).expect(0);
    // The heading that the tutorial links to goes.
    world.write("style.md", "Long sentences.\n");
    told += &world.run(&["plan"]).expect(0).titled("another style of the reference");
    told += &world.run(&["run"]).expect(0).titled("a run over it");
    assert_eq!(asked(&server)[4..], ["docs", "tutorial", "tutorial"]);
    world.run(&["check", "--rerun"]).expect(0);
    insta::assert_snapshot!(stable(&told));
}

/// The clause of a claim is shown by a suite of the user.
#[test]
fn a_claim_whose_test_shows_nothing_any_more_is_out_of_date() {
    if !all() {
        return;
    }
    const CLAUSE: &str =
        "- `to-roman` MUST give a `C` for 100. `test_id: hundred`\n\n- Both SHOULD";
    const SUITE: &str = "#[test]\nfn hundred() {\n    \
        assert_eq!(roman::to_roman(100).as_deref(), Ok(\"C\"));\n}\n";
    let copy = format!("{COPY}- It writes 100 as C. <!-- claim: roman/hundred -->\n");
    let acts = [("src/lib.rs", CODE), ("copy.md", copy.as_str())];
    let server = Server::start(acts.map(|one| Act::Say(files(&[one]))).to_vec());
    let spec = format!("---\ntargets: [rust, copy]\n---\n{SPEC}");
    let world = World::new(&server.url, &[("roman", &spec)], TARGETS);
    world.write("style.md", "Short sentences.\n");
    edit(&world, "- Both SHOULD", CLAUSE);
    world.write("validators/roman/rust/own.rs", SUITE);
    world.run(&["run", "--quiet"]).expect(0);
    world.write(
        "validators/roman/rust/own.rs",
        "#[test]\nfn hundred() {\n    assert_eq!(1 + 1, 2);\n}\n",
    );
    let mut told = world.run(&["check"]).expect(22).titled("check");
    told += &world.run(&["run"]).expect(21).titled("a run over it");
    world.run(&["check"]).expect(22);
    world.write("validators/roman/rust/own.rs", SUITE);
    world.run(&["check"]).expect(0);
    assert_eq!(server.requests().len(), 2);
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn a_gate_of_the_user_runs_over_a_text() {
    let wordy = DOCS.replace("Reads what", "Utilises what");
    let page = |text: &str| Act::Say(files(&[("reference.md", text)]));
    let code = Act::Say(files(&[("src/lib.rs", CODE)]));
    let server = Server::start(vec![code, page(&wordy), page(DOCS)]);
    let gate = "[gate.words]\nargv = [\"sh\", \"-c\", \"! grep -Hni utilise *.md\"]\n";
    let docs = "[target.docs]\ntoolchain = \"docs\"\ngates = [\"layout\", \"text\", \"words\"]\n";
    let spec = format!("---\ntargets: [rust, docs]\n---\n{SPEC}");
    let world = World::new(&server.url, &[("roman", &spec)], &format!("{docs}{gate}"));
    world.run(&["run", "--quiet"]).expect(0);
    let told = server.told(2);
    assert!(told.contains("gate `words`, `words` in `reference.md` line 20"), "{told}");
}

/// A linter that answers as `vale` does, about the words of a style.
const LINTER: &str = "#!/bin/sh
[ \"$1\" = --version ] && echo 'vale version 3.0.0' && exit
config=${1#--config=}
styles=$(dirname \"$config\")/$(sed -n 's/^StylesPath = //p' \"$config\")
word=$(sed -n 's/^word: //p' \"$styles/Own/Words.yml\")
[ -n \"$word\" ] || { echo 'E100 no word'; exit 2; }
shift 4
printf '{'
for page; do
  line=$(grep -ni \"$word\" \"$page\" | head -1 | cut -d: -f1)
  [ -n \"$line\" ] && printf '\"%s\":[{\"Action\":{\"Name\":\"replace\",\"Params\":[\"use\"]},\"Span\":[1,7],\
\"Check\":\"Own.Words\",\"Message\":\"Do not write it.\",\"Severity\":\"error\",\"Line\":%s}]' \"$page\" \"$line\"
done
echo '}'
";

#[test]
fn a_linter_of_prose_gives_notes_unless_it_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let wordy = DOCS.replace("Reads what", "Utilises what");
    let hushed = format!("{wordy}\n<!-- vale off -->\n");
    let page = |text: &str| Act::Say(files(&[("reference.md", text)]));
    let code = Act::Say(files(&[("src/lib.rs", CODE)]));
    let server = Server::start(vec![code, page(&wordy), page(&hushed), page(DOCS)]);
    let docs = "[target.docs]\ntoolchain = \"docs\"\n";
    let spec = format!("---\ntargets: [rust, docs]\n---\n{SPEC}");
    let world = World::new(&server.url, &[("roman", &spec)], docs);
    world.write(".vale.ini", "StylesPath = styles/all\n\n[*.md]\nBasedOnStyles = Own\n");
    world.write("styles/all/Own/Words.yml", "word: utilise\n");
    let mut told = world.run(&["plan"]).expect(0).titled("without the linter");
    let bin = world.folder().join("bin");
    std::fs::create_dir_all(&bin).expect("is made");
    std::fs::write(bin.join("vale"), LINTER).expect("is written");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(bin.join("vale"), mode).expect("can run");
    let path = std::env::var("PATH").expect("is set");
    let run = |args: &[&str]| {
        let mut command = world.command(args);
        crate::world::Run::of(command.env("PATH", format!("{}:{path}", bin.display())))
    };
    told += &run(&["run"]).expect(0).titled("notes");
    told += &run(&["plan"]).expect(0).titled("afterwards");
    // The linter's files are inputs of the gate, without a model.
    world.write("styles/all/Own/Words.yml", "word: employs\n");
    told += &world.run(&["check"]).expect(22).titled("another style");
    run(&["run", "--quiet"]).expect(0);
    world.write("styles/all/Own/Words.yml", "word: utilise\n");
    run(&["run", "--quiet"]).expect(0);
    assert_eq!(server.requests().len(), 2);
    let named = format!("{docs}gates = [\"layout\", \"text\", \"vale\"]\n");
    let config = world.read("harness.toml").replace(docs, &named);
    world.write("harness.toml", &config);
    told += &world.run(&["check"]).expect(22).titled("named");
    told += &world.run(&["run"]).expect(40).titled("named, without the linter");
    told += &run(&["run"]).expect(0).titled("named, with it");
    told += &server.told(2);
    told += &server.told(3);
    std::fs::remove_file(world.path(".vale.ini")).expect("was there");
    told += &world.run(&["plan"]).expect(2).titled("named, without its configuration");
    insta::assert_snapshot!(stable(&told));
}

/// The same with all six targets.
fn six(url: &str) -> World {
    let more = "[target.tests]\ntoolchain = \"tests\"\nof = \"rust\"\n[target.typescript]\ntoolchain = \"typescript\"\n";
    let spec =
        format!("---\ntargets: [rust, typescript, docs, tutorial, copy, tests]\n---\n{SPEC}");
    let world = World::new(url, &[("roman", &spec)], &format!("{TARGETS}{more}"));
    world.write("style.md", "Short sentences.\n");
    world
}

#[test]
fn init_writes_a_workspace_with_texts() {
    let world = World::new("http://127.0.0.1:9/v1", &[], "");
    std::fs::remove_file(world.path("harness.toml")).expect("was there");
    for (name, targets, wanted) in [
        ("python", "python,docs,tests,docs", "\"python\", \"docs\", \"tests\""),
        ("texts", "tutorial,copy", "\"rust\", \"tutorial\", \"copy\""),
    ] {
        world.run(&["init", name, "--targets", targets, "--provider", "ollama"]).expect(0);
        let config = world.read(&format!("{name}/harness.toml"));
        assert!(config.contains(&format!("default_targets = [{wanted}]")), "{config}");
        world.run(&["-C", name, "plan"]).expect(0);
    }
    let wrong = world.run(&["init", "x", "--targets", "assistant"]).expect(2).err;
    assert!(wrong.contains("use rust, python, typescript, javascript, docs"), "{wrong}");
}

#[test]
fn a_suite_names_clauses_and_fails_if_the_code_is_changed() {
    let suite = |text: &str| Act::Say(files(&[("roman.rs", text)]));
    let stray = SUITE.replace("fn range()", "fn refuses()");
    let stray = stray.replace("None);", "None);\n        assert!(std::env::args().count() > 0);");
    let stray = format!("{stray}\n#[test]\n#[ignore]\nfn usual__later() {{}}\n");
    let wrong = SUITE.replace("(4, \"IV\")", "(4, \"IIII\")");
    let weak = SUITE.replace(
        "assert_eq!(to_roman(number), Err(\"out of range\".to_owned()));",
        "let _ = to_roman(number);\n        assert!(number < 1 || number > 3);",
    );
    let code = Act::Say(files(&[("src/lib.rs", CODE)]));
    // An example of the contract has 3999.
    let few = SUITE.replace(", (3999, \"MMMCMXCIX\")", "");
    let acts = vec![code, suite(&stray), suite(&few), suite(&wrong), suite(&weak), suite(SUITE)];
    let server = Server::start(acts);
    let world = six(&server.url);
    edit(&world, "[rust, typescript, docs, tutorial, copy, tests]", "[rust, tests]");
    edit(&world, "to-roman(1994) = ok(\"MCMXCIV\")", "to-roman(3999) = ok(\"MMMCMXCIX\")");
    let mut told = world.run(&["run"]).expect(0).titled("run");
    told += &format!("== the prompt\n{}\n", server.prompt(1));
    for repair in [2, 3, 4] {
        told += &server.told(repair);
    }
    world.run(&["check", "--rerun"]).expect(0);
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn a_suite_with_a_test_that_cannot_fail_is_refused() {
    if !all() {
        return;
    }
    let caught = "\n#[test]\nfn usual__caught() {\n    \
        let _ = std::panic::catch_unwind(|| assert_eq!(to_roman(4).as_deref(), Ok(\"X\")));\n}\n\n\
        macro_rules! checks {\n    ($name:ident) => {\n        #[test]\n        fn $name() {}\n    \
        };\n}\nchecks!(usual__made);\n";
    let suite = |text: &str| Act::Say(files(&[("roman.rs", text)]));
    let code = Act::Say(files(&[("src/lib.rs", CODE)]));
    let server = Server::start(vec![code, suite(&format!("{SUITE}{caught}")), suite(SUITE)]);
    let world = six(&server.url);
    edit(&world, "[rust, typescript, docs, tutorial, copy, tests]", "[rust, tests]");
    world.run(&["run", "--quiet"]).expect(0);
    let told = server.told(2);
    for wrong in
        ["the test usual__made passes without", "could not make the test usual__caught fail"]
    {
        assert!(told.contains(wrong), "{told}");
    }
}

#[test]
fn all_targets_are_rolled_back_together() {
    if !all() {
        return;
    }
    let server = Server::start(vec![Act::Make(right)]);
    let world = six(&server.url);
    world.run(&["run", "--quiet"]).expect(0);
    let before = world.read("regen.lock");
    edit(&world, "written as usual", "written in the usual way");
    world.write("style.md", "Long sentences.\n");
    world.run(&["run", "--quiet"]).expect(0);
    assert_ne!(world.read("regen.lock"), before);
    let mut told = world.run(&["rollback", "roman"]).expect(0).titled("rollback");
    assert!(!world.read("generated/roman/copy/copy.md").contains("Read on."));
    told += &world.run(&["plan"]).expect(0).titled("plan");
    told += &world.run(&["check"]).expect(22).titled("check");
    edit(&world, "written in the usual way", "written as usual");
    world.write("style.md", "Short sentences.\n");
    told += &world.run(&["check"]).expect(0).titled("check of the earlier revision");
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn all_targets_are_switched_together_whenever_a_run_is_killed() {
    if !all() {
        return;
    }
    let server = Server::start(vec![Act::Make(right)]);
    let world = six(&server.url);
    switched_whole(&world, &server, &|world| {
        edit(world, "written as usual", "written in the usual way");
        world.write("style.md", "Long sentences.\n");
    });
}

/// The code and the texts about it in TypeScript. A text is that of Rust until its findings are
/// shown.
fn migrated(at: usize, body: &Value) -> String {
    let text = prompt(body);
    let signature = |page: &str| {
        let page = page.replace(
            "pub fn to_roman(n: u32) -> Result<String, String>",
            "export function toRoman(n: number): string",
        );
        let page = page.replace(
            "pub fn from_roman(text: &str) -> Option<u32>",
            "export function fromRoman(text: string): number | undefined",
        );
        page.replace("to_roman", "toRoman").replace("from_roman", "fromRoman")
    };
    let script = |page: &str, blocks: &[(&str, &str)]| {
        let page = blocks.iter().fold(signature(page), |page, (from, to)| {
            assert!(page.contains(from), "{from}");
            page.replace(from, to)
        });
        page.replace("```rust", "```typescript")
    };
    if !text.contains("## What is wrong with") || text.contains("in TypeScript code") {
        return right(at, body);
    }
    match form(&text) {
        "docs" => files(&[(
            "reference.md",
            &script(
                DOCS,
                &[
                    (
                        "use roman::toRoman;",
                        "import assert from \"node:assert/strict\";\nimport { toRoman } from \"roman\";",
                    ),
                    (
                        "assert_eq!(toRoman(4), Ok(\"IV\".to_owned()));",
                        "assert.equal(toRoman(4), \"IV\");",
                    ),
                ],
            ),
        )]),
        "tutorial" => files(&[(
            "tutorial.md",
            &script(
                TUTORIAL,
                &[
                    (
                        "use roman::toRoman;",
                        "import assert from \"node:assert/strict\";\nimport { toRoman } from \"roman\";",
                    ),
                    ("let year", "const year"),
                    (
                        "assert_eq!(year.as_deref(), Ok(\"MCMXCIV\"));",
                        "assert.equal(year, \"MCMXCIV\");",
                    ),
                    (
                        "let none = toRoman(0);\nassert!(none.is_err());",
                        "assert.throws(() => toRoman(0));",
                    ),
                    ("use roman::fromRoman;", "import { fromRoman } from \"roman\";"),
                    (
                        "assert_eq!(fromRoman(&year.unwrap()), Some(1994));",
                        "assert.equal(fromRoman(year), 1994);",
                    ),
                ],
            ),
        )]),
        _ => right(at, body),
    }
}

const SCRIPT: &str = "/** Roman numerals. */\nimport { ContractError } from \"./contract.ts\";\n\n\
    const STEPS: [number, string][] = [\n  [1000, \"M\"],\n  [900, \"CM\"],\n  [500, \"D\"],\n  [400, \"CD\"],\n  [100, \"C\"],\n  \
    [90, \"XC\"],\n  [50, \"L\"],\n  [40, \"XL\"],\n  [10, \"X\"],\n  [9, \"IX\"],\n  [5, \"V\"],\n  [4, \"IV\"],\n  [1, \"I\"],\n];\n\n\
    /** The numeral of a number. */\nexport function toRoman(n: number): string {\n  if (n < 1 || n > 3999) {\n    \
    throw new ContractError(\"out of range\");\n  }\n  let rest = n;\n  let text = \"\";\n  for (const [value, sign] of STEPS) {\n    \
    while (rest >= value) {\n      text += sign;\n      rest -= value;\n    }\n  }\n  return text;\n}\n\n\
    /** The number of a numeral. */\nexport function fromRoman(text: string): number | undefined {\n  \
    for (let n = 1; n < 4000; n += 1) {\n    if (toRoman(n) === text) {\n      return n;\n    }\n  }\n  return undefined;\n}\n";

#[test]
fn texts_follow_the_code_into_another_language() {
    if !all() {
        return;
    }
    let server = Server::start(vec![Act::Make(migrated)]);
    let world = world(&server.url);
    world.run(&["run", "--quiet"]).expect(0);
    let spec = world.read("specs/roman.md");
    let config = world.read("harness.toml");
    let from = "[target.rust]\ntoolchain = \"rust\"";
    assert!(config.contains(from));
    world.write("harness.toml", &config.replace(from, "[target.rust]\ntoolchain = \"typescript\""));
    let mut told = world.run(&["plan"]).expect(0).titled("the plan of another language");
    told += &world.run(&["run"]).expect(0).titled("run");
    told += &world.read("generated/roman/docs/reference.md");
    told += &world.read("generated/roman/tutorial/tutorial.md");
    told += &server.prompt(5);
    world.run(&["check"]).expect(0);
    assert_eq!(world.read("specs/roman.md"), spec);
    insta::assert_snapshot!(stable(&told));
}

/// Code, and blocks of which the first one is right.
const SCRIPTED: [(&str, &str, &str, [&str; 5]); 2] = [
    (
        "python",
        "src/digits/__init__.py",
        "\"\"\"Digits.\"\"\"\n\n\ndef last(n: int) -> int:\n    \"\"\"The last digit.\"\"\"\n    return n % 10\n",
        [
            "from digits import last\n\ntry:\n    last(\"a\" * 2)\n    error = None\nexcept TypeError as caught:\n    \
             error = caught\nassert error is not None  # it is one\nassert last(12) == 2\n",
            "from digits import last\n\ntry:\n    assert last(12) == 1\nexcept AssertionError:\n    pass\n",
            "from digits import last\n\nif last(12) == 2:\n    return\nassert last(12) == 1\n",
            "import digits\n\nassert digits is not None\n",
            "from digits import last\n\ntry:\n    last(12)\nexcept BaseException:\n    pass\n",
        ],
    ),
    (
        "typescript",
        "src/index.ts",
        "/** Digits. */\n\n/** The last digit. */\nexport function last(n: number): number {\n  return n % 10;\n}\n",
        [
            "import { last } from \"digits\";\nlet seen: number[] = [];\ntry {\n  seen.push(last(12));\n} \
             catch (error) {\n  seen = [];\n}\nassert.deepEqual(seen, [2]); // it's 2\nseen.forEach((one) => assert.ok(one > 0));\n",
            "import { last } from \"digits\";\ntry {\n  assert.equal(last(12), 1);\n} catch (error) {}\n",
            "import { last } from \"digits\";\nif (last(12) === 1) {\n  assert.equal(last(12), 1);\n}\n",
            "import type { last } from \"digits\";\nassert.ok(true);\n",
            "import { last } from \"digits\";\ntry {\n  last(12);\n} catch (error) {}\n",
        ],
    ),
];

#[test]
fn blocks_in_other_languages_must_run_the_code_and_their_assertions() {
    if !all() {
        return;
    }
    let mut told = String::new();
    for (language, file, code, blocks) in SCRIPTED {
        let spec = format!(
            "---\ntargets: [code, docs]\n---\n# Digits\n\n- `last` MUST give the last digit of a number. `test_id: last`\n\n  \
             ```{language}\n{}  ```\n",
            blocks[0].lines().map(|line| format!("  {line}\n")).collect::<String>(),
        );
        let page = |all: &[&str]| {
            let head = code.lines().find(|line| line.contains("last(n")).expect("is there");
            let head = head.trim_end_matches([' ', '{', ':']);
            let blocks = all.iter().map(|one| format!("\n```{language}\n{one}```\n"));
            let blocks: String = blocks.collect();
            let text =
                format!("# Digits\n\n## `{head}`\n\nThe last one. <!-- clause: last -->\n{blocks}");
            Act::Say(files(&[("reference.md", &text)]))
        };
        let acts = [&blocks[..3], &[blocks[0], blocks[3], blocks[4]], &blocks[..1]].map(page);
        let acts = [Act::Say(files(&[(file, code)]))].into_iter().chain(acts).collect();
        let server = Server::start(acts);
        let targets = format!(
            "[target.code]\ntoolchain = \"{language}\"\n[target.docs]\ntoolchain = \"docs\"\n"
        );
        let world = World::new(&server.url, &[("digits", &spec)], &targets);
        told += &world.run(&["run"]).expect(0).titled(language);
        told += &server.told(2);
        told += &server.told(3);
    }
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn the_example_of_forms_is_replayed() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/forms");
    let world = |server: &Server| {
        let world = World::new(&server.url, &[], "");
        let config = std::fs::read_to_string(example.join("harness.toml")).expect("is there");
        world.write("harness.toml", &config.replace("http://127.0.0.1:8099/v1", &server.url));
        copy(&["specs", "cassettes"], &example, &world.path(""));
        let style = std::fs::read_to_string(example.join("style.md")).expect("is there");
        world.write("style.md", &style);
        world
    };
    let server = Server::start(vec![Act::Make(right)]);
    if std::env::var_os("REGEN_BLESS").is_some() {
        let world = world(&server);
        world.run(&["cassette", "record", "--force"]).expect(0);
        let _ = std::fs::remove_dir_all(example.join("cassettes"));
        copy(&["cassettes"], &world.path(""), &example);
    }
    let before = server.requests().len();
    let run = world(&server).run(&["run"]).expect(0);
    assert!(run.err.contains("promoted 1, rejected 0 in"), "{}", run.err);
    assert_eq!(server.requests().len(), before, "answers are replayed");
}

#[test]
fn a_text_needs_code_and_a_style_guide_that_is_there() {
    let server = Server::start(vec![Act::Make(right)]);
    let world = world(&server.url);
    edit(&world, "[rust, docs, tutorial, copy]", "[docs]");
    let mut told = world.run(&["run"]).expect(10).titled("without code");
    edit(&world, "[docs]", "[rust, docs]");
    let of = TARGETS.replace("toolchain = \"docs\"\n", "toolchain = \"docs\"\nof = \"copy\"\n");
    let config = world.read("harness.toml");
    world.write("harness.toml", &config.replace(TARGETS, &of));
    told += &world.run(&["run"]).expect(10).titled("about another text");
    for needs in ["copy", "docs"] {
        let key = format!("toolchain = \"docs\"\nneeds = [\"{needs}\"]\n");
        let needs = TARGETS.replace("toolchain = \"docs\"\n", &key);
        world.write("harness.toml", &config.replace(TARGETS, &needs));
        told += &world.run(&["run"]).expect(10).titled("with a need that cannot be met");
    }
    world.write("harness.toml", &config.replace("style.md", "gone.md"));
    told += &world.run(&["run"]).expect(2).titled("without the style guide");
    world
        .write("harness.toml", &config.replace("\"docs\"\n[", "\"docs\"\ngates = [\"layout\"]\n["));
    told += &world.run(&["run"]).expect(2).titled("without its gate");
    assert!(server.requests().is_empty());
    insta::assert_snapshot!(stable(&told));
}
