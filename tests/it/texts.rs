//! Texts made from the spec of a library: a reference, a tutorial, copy.

use serde_json::Value;

use crate::composition::{prompt, switched_whole};
use crate::server::{Act, Server, files};
use crate::world::{World, all, stable};

const ROMAN: &str = include_str!("texts/roman.md");
const CODE: &str = include_str!("texts/lib.txt");
const DOCS: &str = include_str!("texts/reference.md");
const TUTORIAL: &str = include_str!("texts/tutorial.md");
const COPY: &str = include_str!("texts/copy.md");

const TARGETS: &str = "[target.docs]\ntoolchain = \"docs\"\n[target.tutorial]\ntoolchain = \"tutorial\"\n\
    [target.copy]\ntoolchain = \"copy\"\nstyle = \"style.md\"\n";

/// The form that a prompt asks for.
fn form(prompt: &str) -> &'static str {
    let forms = [("an API reference", "docs"), ("a tutorial", "tutorial"), ("a text for", "copy")];
    forms.into_iter().find(|(words, _)| prompt.contains(words)).map_or("rust", |(_, form)| form)
}

fn right(_: usize, body: &Value) -> String {
    match form(&prompt(body)) {
        "docs" => files(&[("reference.md", DOCS)]),
        "tutorial" => files(&[("tutorial.md", TUTORIAL)]),
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

/// Each text is wrong until its findings are shown.
fn wrong_first(at: usize, body: &Value) -> String {
    let text = prompt(body);
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
            files(&[("reference.md", &page.replace("Ok(\"IV\"", "Ok(\"IIII\""))])
        }
        "tutorial" => files(&[("tutorial.md", &TUTORIAL.replace("Some(1994)", "Some(1995)"))]),
        "copy" => {
            let page = COPY.replace("3999", "4999").replace(" <!-- claim: roman/range -->", "");
            let more = "- It is quick. <!-- claim: roman/quick -->\n\n\
                ```rust\nassert_eq!(1 + 1, 2);\n```\n";
            files(&[("copy.md", &format!("{page}{more}"))])
        }
        _ => right(at, body),
    }
}

fn world(url: &str) -> World {
    let world = World::new(url, &[("roman", ROMAN)], TARGETS);
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
    for repair in [2, 4, 6] {
        told += &server.told(repair);
    }
    assert_eq!(asked(&server), ["rust", "docs", "docs", "tutorial", "tutorial", "copy", "copy"]);
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
    told += &world.run(&["run"]).expect(0).titled("a run");
    assert_eq!(asked(&server)[5..], ["rust", "docs", "tutorial"]);
    told += &world.run(&["plan"]).expect(0).titled("afterwards");
    edit(&world, "`test_id: range`", "`test_id: range` `waived: not yet until 2199-01-01`");
    told +=
        &world.run(&["check"]).expect(22).titled("a clause that is cited has no proof any more");
    told += &world.run(&["run"]).expect(20).titled("a run over it");
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn all_targets_are_rolled_back_together() {
    if !all() {
        return;
    }
    let server = Server::start(vec![Act::Make(right)]);
    let world = world(&server.url);
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
    let world = world(&server.url);
    switched_whole(&world, &server, &|world| {
        edit(world, "written as usual", "written in the usual way");
        world.write("style.md", "Long sentences.\n");
    });
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
    world.write("harness.toml", &config.replace("style.md", "gone.md"));
    told += &world.run(&["run"]).expect(2).titled("without the style guide");
    world
        .write("harness.toml", &config.replace("\"docs\"\n[", "\"docs\"\ngates = [\"layout\"]\n["));
    told += &world.run(&["run"]).expect(2).titled("without its gate");
    assert!(server.requests().is_empty());
    insta::assert_snapshot!(stable(&told));
}
