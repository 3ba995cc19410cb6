//! Inputs of extreme size: what they cost and show is bounded.

use std::time::{Duration, Instant};

use crate::server::{Act, Server, files, lib};
use crate::world::{GOOD, World, all, rounds};

/// A spec with two wrong code spans in the middle of a line.
fn long_line(columns: usize) -> String {
    let half = columns / 2;
    let (before, after) = ("é ".repeat(half / 2), "y ".repeat(half / 2));
    format!("# A\n\n- {before}It MUST be. `test_id: one` `test_id: bad id!` {after}\n")
}

#[test]
fn problems_in_long_lines_show_the_part_around_the_place() {
    for columns in [65_000, 140_000, rounds(8_000_000, 500_000)] {
        let world = World::new("http://127.0.0.1:1", &[("a", &long_line(columns))], "");
        world.write("strict.toml", &format!("wrong = 1 # {}\n", "x".repeat(columns)));
        let policy = ["check", "--policy", "strict.toml"];
        for (args, code) in [(&["lint"][..], 10), (&["plan"], 10), (&["run"], 10), (&policy, 2)] {
            let run = world.run(args).expect(code);
            let shown = format!("{}{}", run.out, run.err);
            let place = if code == 2 { "wrong = 1" } else { "`test_id: bad id!`" };
            assert!(shown.contains(place), "{args:?}: {shown}");
            let longest = shown.lines().map(|line| line.chars().count()).max();
            assert!(longest < Some(1000) && shown.len() < 40_000, "{args:?}: {longest:?}");
        }
    }
}

#[test]
fn long_names_in_messages_are_cut() {
    let name = "x".repeat(200_000);
    let spec = format!("# A\n\n- It MUST be. `test_id: {name}` `status: {name}`\n");
    let world = World::new("http://127.0.0.1:1", &[("a", &spec)], "");
    let run = world.run(&["lint"]).expect(10);
    assert!(run.out.len() + run.err.len() < 40_000, "{}", run.out.len() + run.err.len());
    world.write("harness.toml", &format!("[generator]\n{name} = 1\n"));
    let run = world.run(&["plan"]).expect(2);
    assert!(run.out.len() + run.err.len() < 40_000, "{}", run.out.len() + run.err.len());
}

#[test]
fn the_number_of_reported_configuration_problems_is_limited() {
    let world = World::new("http://127.0.0.1:1", &[], "");
    let text = world.read("harness.toml");
    world.write("harness.toml", &format!("{text}gates = [{}]\n", "\"p\", ".repeat(20_000)));
    let run = world.run(&["plan"]).expect(2);
    assert_eq!(run.err.matches("unknown gate `p`").count(), 100);
}

#[test]
fn a_new_spec_with_thousands_of_clauses_is_compared() {
    let clause = |n: usize| {
        format!(
            "- `f{n}()` MUST return {n} for the empty list. `test_id: gives_{n}`\n\n  \
            ```rust\n  assert_eq!(a::f{n}(), {n});\n  ```\n\n"
        )
    };
    let text = format!("# A\n\n{}", (0..2000).map(clause).collect::<String>());
    let world = World::new("http://127.0.0.1:1", &[("a", &text)], "");
    let run = world.run(&["diff", "--json"]).expect(0).json().remove(0);
    assert_eq!(run["specs"][0]["clauses"].as_array().map(Vec::len), Some(2000));
    assert_eq!(run["tests"]["a/gives_1999"], serde_json::json!(["gives_1999"]));
}

/// The least time that a review of a clause of so many bytes takes, of three.
fn reviewed(bytes: usize) -> Duration {
    let clause = "e.g.is it?so.must ".repeat(3) + &"a.b?c!".repeat(bytes / 6);
    let spec = format!("{}\n- It MUST be {clause}. `test_id: long`\n", crate::world::ADDER);
    let world = World::new("http://127.0.0.1:1", &[("adder", &spec)], "");
    let once = || {
        let begun = Instant::now();
        // Nothing tests it: that is found as well.
        let found = world.run(&["lint", "--json"]).expect(10).json().remove(0);
        assert_eq!(found["clauses"].as_array().map(Vec::len), Some(3));
        begun.elapsed()
    };
    (0..3).map(|_| once()).min().expect("three")
}

#[test]
fn a_review_of_a_long_clause_takes_as_much_longer_as_it_is() {
    let (short, long) = (reviewed(512 * 1024), reviewed(2 * 1024 * 1024));
    // Four times the bytes. What compares all with all takes sixteen times as long.
    assert!(long < short * 10, "{short:?}, {long:?}");
    // Rules read the beginning of it.
    let vague = |before: usize| {
        let text = format!("- It MUST be {}fast. `test_id: one`\n", "so ".repeat(before));
        let world = World::new("http://127.0.0.1:1", &[("a", &format!("# A\n\n{text}"))], "");
        world.run(&["lint", "--json"]).out.contains("lint::vague")
    };
    assert_eq!([vague(10), vague(21_000), vague(22_000)], [true, true, false]);
}

#[test]
fn edits_that_take_too_long_to_find_are_refused() {
    if !all() {
        return;
    }
    let long = "//\n".repeat(60_000) + crate::world::WRONG;
    let search = "//\n".repeat(30_000) + " x";
    let edit = format!("<<<<<<< SEARCH\n{search}\n=======\n\n>>>>>>> REPLACE\n");
    let edit = format!("### EDIT: src/lib.rs\n~~~~~~~~\n{edit}~~~~~~~~\n### DONE: 1 files\n");
    let server = Server::start(vec![lib(&long), Act::Say(edit), lib(GOOD)]);
    let world = World::quick(&server.url);
    let run = world.run(&["run", "--json"]).expect(0);
    assert!(run.out.contains("EDIT blocks take too long to find"), "{}", run.out);
    assert_eq!(server.requests().len(), 3);
    assert_eq!(world.read("generated/adder/rust/src/lib.rs"), GOOD);
}

#[test]
fn slow_files_share_the_formatters_deadline() {
    if !all() {
        return;
    }
    // The formatter's time doubles with each closure.
    let slow = format!("let _ = {}1{};", "|a| f(".repeat(40), ")".repeat(40));
    let slow = format!("#[cfg(any())]\nfn slow() {{\n    {slow}\n}}\n");
    let modules: Vec<String> = (0..12).map(|n| format!("src/slow_{n}.rs")).collect();
    let mut tree: Vec<(&str, &str)> = modules.iter().map(|path| (&**path, &*slow)).collect();
    let root: String = (0..12).map(|n| format!("mod slow_{n};\n")).collect();
    let root = format!("{root}\n{GOOD}");
    tree.push(("src/lib.rs", &root));
    // Then the condition is refused, and the second answer is right.
    let deleted: String = modules.iter().map(|path| format!("### DELETE: {path}\n")).collect();
    let second = files(&[("src/lib.rs", GOOD)]).replace("### DONE", &(deleted + "### DONE"));
    let server = Server::start(vec![Act::Say(files(&tree)), Act::Say(second)]);
    let world = World::adder(&server.url);
    let run = world.run(&["run", "--json"]).expect(0);
    assert!(run.out.contains("candidate_made"), "{}", run.out);
    assert_eq!(server.requests().len(), 2);
}
