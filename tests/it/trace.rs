//! `regen trace` over generated code, hand-written code, and regen's own code.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::server::{Server, lib};
use crate::world::{GOOD, PLAIN, World, collect, stable};

/// A workspace with hand-written code in another language.
fn people(specs: &str, extra: &str) -> World {
    let world = World::new("http://127.0.0.1:1", &[("calc", specs)], "");
    let config = format!(
        "[harness]\ndefault_targets = [\"code\"]\n[generator]\nmodel = \"none\"\n[target.code]\ngenerator = \"none\"\npath = \".\"\n{extra}"
    );
    world.write("harness.toml", &config);
    world
}

const CALC: &str = "# Calc\n\n- `add` MUST give the sum. `test_id: adds`\n- `sub` MUST give the difference. `test_id: takes`\n\
    - `mul` SHOULD give the product. `test_id: times`\n- `div` MUST refuse 0. `test_id: divides` `waived: later until 2099-01-01`\n";
const JUNIT: &str = "<testsuites><testsuite name=\"pytest\"><testcase classname=\"tests.test_calc\" name=\"test_adds[1-2]\"/>\
    <testcase classname=\"tests.test_calc\" name=\"test_takes\"><failure message=\"no\"/></testcase>\
    <testcase classname=\"js\" name=\"multiplies (test_id: times)\"/></testsuite></testsuites>";

fn coverage(said: &Value) -> Vec<(String, String)> {
    let rows = said["clauses"].as_array().expect("is a list");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| (text(&row["clause"]), text(&row["coverage"]))).collect()
}

#[test]
fn results_of_other_tools_are_matched_to_clauses() {
    let world = people(CALC, "results = [\"out/*.xml\"]\n");
    world.write("out/junit.xml", JUNIT);
    let said = world.run(&["trace", "--json"]).expect(0).json().remove(0);
    let expected =
        [("adds", "passed"), ("divides", "exempt"), ("takes", "failed"), ("times", "passed")];
    let expected: Vec<_> =
        expected.map(|(name, word)| (format!("calc/{name}"), word.to_owned())).to_vec();
    assert_eq!(coverage(&said), expected);
    // The same on the command line, in nextest's format.
    assert!(world.run(&["trace", "--results", "x"]).code != 0);
    std::fs::remove_file(world.path("out/junit.xml")).expect("is there");
    world.write("lines.json", "{\"type\":\"test\",\"event\":\"ok\",\"name\":\"calc::it$adds\"}\n");
    let said =
        world.run(&["trace", "--json", "--results", "lines.json"]).expect(0).json().remove(0);
    assert_eq!(coverage(&said)[0].1, "passed");
    world.write("lines.json", "<html>");
    for (file, code) in [("lines.json", 2), ("gone.json", 40)] {
        let run = world.run(&["trace", "--results", file]).expect(code);
        insta::assert_snapshot!(run.shown());
    }
}

#[test]
fn a_clause_without_a_test_fails_the_check() {
    let world = people(CALC, "tests = [\"tests/*.py\"]\n[trace]\nmust = 100\n");
    world.write(
        "tests/test_calc.py",
        "def test_adds():\n    pass\ndef test_takes():\n    pass\ndef test_other():\n    pass\n",
    );
    world.run(&["trace", "--write"]).expect(0);
    world.run(&["trace", "--check"]).expect(0);
    let strays = world.run(&["trace", "--json"]).expect(0).json().remove(0)["strays"].clone();
    assert_eq!(strays[0]["test"], "test_other");
    world.write("specs/calc.md", &format!("{CALC}- `pow` MUST print `1`. `test_id: powers`\n"));
    let run = world.run(&["trace", "--check"]).expect(22);
    insta::assert_snapshot!(run.shown());
    world.run(&["trace", "--write"]).expect(20);
    let run = world.run(&["trace", "--check"]).expect(20);
    insta::assert_snapshot!(run.shown());
    // A removed test is detected too.
    world.write("specs/calc.md", CALC);
    world.run(&["trace", "--write"]).expect(0);
    world.write("tests/test_calc.py", "def test_adds():\n    pass\n");
    insta::assert_snapshot!(world.run(&["trace", "--check"]).expect(22).shown());
}

#[test]
fn the_snapshot_does_not_depend_on_results() {
    let world = people(CALC, "tests = [\"t/*\"]\nresults = [\"out/*.xml\"]\n");
    world.write("t/test_calc.py", "def test_adds():\n    pass\ndef test_takes():\n    pass\n");
    world.write("t/calc.test.ts", "it('multiplies (test_id: times)', () => {})\n");
    world.run(&["trace", "--write"]).expect(0);
    world.write("out/junit.xml", JUNIT);
    world.run(&["trace", "--check"]).expect(0);
    let said = world.run(&["trace", "--json"]).expect(0).json().remove(0);
    let words: Vec<String> = coverage(&said).into_iter().map(|(_, word)| word).collect();
    assert_eq!(words, ["passed", "exempt", "failed", "passed"], "{said}");
    // Without results nothing counts as passed.
    world.write("out/junit.xml", "<testsuites/>");
    let said = world.run(&["trace", "--json"]).expect(0).json().remove(0);
    assert_eq!(coverage(&said)[0].1, "not_run");
    let generated = World::adder("http://127.0.0.1:1");
    generated.write("r.xml", JUNIT);
    insta::assert_snapshot!(generated.run(&["trace", "--results", "r.xml"]).expect(2).shown());
}

#[test]
fn generated_code_is_traced_to_what_is_promoted() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::quick(&server.url);
    let before = world.run(&["trace", "--json"]).expect(0).json().remove(0);
    assert_eq!(coverage(&before)[0].1, "not_run");
    world.run(&["--spec", "adder"]).expect(0);
    let said = world.run(&["trace", "--json"]).expect(0).json().remove(0);
    assert!(coverage(&said).iter().all(|(_, word)| word == "passed"), "{said}");
    // Without the ledger, the lockfile has the results.
    std::fs::remove_dir_all(world.path(".regen")).expect("is there");
    let clone = world.run(&["trace", "--json"]).expect(0).json().remove(0);
    assert_eq!(clone, said);
    world.write("specs/adder.md", &PLAIN.replace("the sum", "the true sum"));
    let late = world.run(&["trace", "--json"]).expect(0).json().remove(0);
    assert_eq!(coverage(&late)[0].1, "not_run");
}

#[test]
fn every_format_is_complete() {
    let world =
        people(&CALC.replace("the sum", "the <sum> | \"of\" & two"), "results = [\"j.xml\"]\n");
    world.write("j.xml", JUNIT);
    let show = |format: &str| world.run(&["trace", "--format", format]).expect(0).out;
    let junit = regen::toolchain::results::read(&show("junit")).expect("is read again");
    let failed: Vec<_> = junit
        .iter()
        .filter(|test| test.status == regen::types::TestStatus::Failed)
        .map(|test| test.name.as_str())
        .collect();
    assert_eq!(failed, ["calc::takes"]);
    let html = show("html");
    assert!(
        html.contains("&lt;sum&gt;") && !html.contains("src=") && !html.contains("href="),
        "{html}"
    );
    let csv = show("csv");
    assert_eq!(csv.lines().count(), 5, "{csv}");
    for format in ["human", "markdown", "html", "csv", "junit"] {
        insta::assert_snapshot!(format!("trace_{format}"), stable(&show(format)));
    }
}

/// Regen in its own repository.
fn own(folder: &Path, args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regen"));
    let output = command.args(args).current_dir(folder).output().expect("runs");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap_or(-1), text)
}

#[test]
fn regens_own_specs_are_clean_and_every_must_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (code, said) = own(root, &["lint", "--json"]);
    assert_eq!(code, 0, "{said}");
    let said: Value = serde_json::from_str(&said).expect("is JSON");
    let problems = said["problems"].as_array().expect("is a list");
    assert!(problems.iter().all(|problem| problem["severity"] == "note"), "{said}");
    let (code, said) = own(root, &["trace", "--check", "regen-*"]);
    assert_eq!(code, 0, "{said}");
    // The same, plus one clause.
    let copy = tempfile::tempdir().expect("a folder");
    for name in ["harness.toml", "regen.trace", "regen.lock", "specs", "src", "tests", "validators"]
    {
        let mut files = Default::default();
        collect(&root.join(name), &mut files);
        for (path, bytes) in files {
            let to = copy.path().join(path.strip_prefix(root).expect("is below"));
            std::fs::create_dir_all(to.parent().expect("has one")).expect("is made");
            std::fs::write(to, bytes).expect("writes");
        }
    }
    let spec = copy.path().join("specs/regen/commands.md");
    let mut text = std::fs::read_to_string(&spec).expect("is there");
    text.push_str("- `regen` MUST print tea. `test_id: tea_is_printed`\n");
    std::fs::write(&spec, text).expect("writes");
    let (code, said) = own(copy.path(), &["trace", "--check", "regen-*"]);
    assert!(code == 22 && said.contains("regen-commands/tea_is_printed"), "{said}");
}
