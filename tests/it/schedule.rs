//! Several specs at a time.

use crate::composition::asked;
use crate::server::{Act, Server, lib};
use crate::world::{GOOD, PLAIN, QUICK, World, all};

/// The adder's spec under other names; `chained`: each depends on the one before it.
fn specs(names: &[&str], chained: bool) -> Vec<(String, String)> {
    let depends = |at: usize| match at {
        0 => String::new(),
        _ if chained => format!("---\ndepends: [{}]\n---\n", names[at - 1]),
        _ => String::new(),
    };
    let text = |name: &str| PLAIN.replace("adder::", &format!("{name}::"));
    names
        .iter()
        .enumerate()
        .map(|(at, name)| ((*name).to_owned(), depends(at) + &text(name)))
        .collect()
}

fn world(server: &Server, specs: &[(String, String)], schedule: &str) -> World {
    let world = World::new(&server.url, &[], QUICK);
    for (name, text) in specs {
        world.write(&format!("specs/{name}.md"), text);
    }
    let config = world.read("harness.toml").replace("jobs = 1\n", schedule);
    world.write("harness.toml", &config);
    world
}

#[test]
fn the_configured_number_of_specs_runs_at_once() {
    let server = Server::start(vec![Act::Silence]);
    let world = world(&server, &specs(&["a1", "b1", "c1"], false), "jobs = 3\n");
    let mut run = world.spawn(&["run"]);
    // No answer is sent before the last request arrives.
    (0..3).for_each(|_| server.arrived());
    run.kill().expect("runs");
    run.wait().expect("ends");
}

#[test]
fn concurrent_runs_give_the_sequential_result_and_dependents_wait() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(GOOD)]);
    let names = &["a1", "b1", "c1", "d1", "e1", "f1"];
    let at_once = world(&server, &specs(names, false), "jobs = 4\n[schedule.target]\nrust = 3\n");
    let run = at_once.run(&["run"]).expect(0);
    let alone = world(&server, &specs(names, false), "jobs = 1\n");
    alone.run(&["run"]).expect(0);
    assert_eq!(at_once.snapshot("generated").len(), alone.snapshot("generated").len());
    assert_eq!(at_once.read("regen.lock"), alone.read("regen.lock"));
    assert_eq!(server.requests().len(), 2 * names.len());
    let told = |name: &str| run.err.matches(&format!("{name} promoted rust ")).count();
    assert!(names.iter().all(|name| told(name) == 1), "told once: {}", run.err);
    let chain = world(&server, &specs(&["z1", "y1", "x1"], true), "jobs = 4\n");
    let run = chain.run(&["run"]).expect(0);
    let at = |text: &str| run.err.find(text).unwrap_or_else(|| panic!("{text}: {}", run.err));
    assert!(at("z1 promoted") < at("y1 attempt 1"));
    assert!(at("y1 promoted") < at("x1 attempt 1"));
}

#[test]
fn invalid_limits_are_reported_with_their_line() {
    let server = Server::start(vec![Act::Close]);
    let mut said = String::new();
    for schedule in ["jobs = 0\n", "[schedule.target]\nrsut = 1\n", "[schedule.target]\nrust = 0\n"]
    {
        let world = world(&server, &[], schedule);
        said += &world.run(&["run"]).expect(2).titled(schedule.trim_end());
    }
    insta::assert_snapshot!(said);
}

#[test]
fn independent_branches_of_a_system_are_made_at_once_and_the_longest_chain_goes_first() {
    let depends = |on: &str| format!("---\ndepends: [{on}]\n---\n");
    let spec = |name: &str, front: &str| {
        (name.to_owned(), front.to_owned() + &PLAIN.replace("adder::", &format!("{name}::")))
    };
    let on_base = depends("base");
    let branches = [spec("base", ""), spec("left", &on_base), spec("right", &on_base)];
    let server = Server::start(vec![lib(GOOD), Act::Silence]);
    let at_once = world(&server, &branches, "jobs = 2\n");
    let mut run = at_once.spawn(&["run"]);
    // The second branch is asked for while the first one has no answer.
    (0..3).for_each(|_| server.arrived());
    run.kill().expect("runs");
    run.wait().expect("ends");
    let chain =
        [spec("alone", ""), spec("base", ""), spec("mid", &on_base), spec("top", &depends("mid"))];
    let server = Server::start(vec![lib(GOOD)]);
    world(&server, &chain, "jobs = 1\n").run(&["run", "-q"]).expect(0);
    assert_eq!(asked(&server), ["base", "mid", "alone", "top"]);
}
