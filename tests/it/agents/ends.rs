//! How attempts of agents end, and what is told and kept of them.

use super::{KEY, completion, has_python, said, world, writes};
use crate::server::{Act, Server};
use crate::world::{ADDER, GOOD, PLAIN, QUICK, Run, World};

/// An agent that says what it does, writes code and asks; it fails as its question does.
const FAILS: &str = "#!/usr/bin/env python3
import json, os, sys, urllib.request
model, address, token = sys.argv[1:4]
print(\"I look at the files.\", flush=True)
os.makedirs(\"src\", exist_ok=True)
open(\"src/lib.rs\", \"w\").write(\"//! Half.\\n\")
head = {\"authorization\": f\"Bearer {token}\", \"content-type\": \"application/json\"}
for number in range(100):
    messages = [{\"role\": \"user\", \"content\": f\"{number} \" * 200}]
    body = json.dumps({\"model\": model, \"messages\": messages, \"max_tokens\": 500}).encode()
    asked = urllib.request.Request(f\"{address}/v1/chat/completions\", body, head)
    urllib.request.urlopen(asked).read()
";

fn fails(acts: Vec<Act>, settings: &str) -> (Run, String, World) {
    let server = Server::start(acts);
    let settings = format!("api_key_env = \"AGENT_KEY\"\nmax_tries = 1\n{settings}");
    let world = world(&server.url, PLAIN, FAILS, &settings, QUICK);
    let run = Run::of(world.command(&["run", "--quiet"]).env("AGENT_KEY", KEY));
    let told = said(&world);
    (run, told, world)
}

#[test]
fn what_an_agent_did_until_the_cap_or_an_error_is_kept_and_quiet_runs_tell_the_error() {
    if !has_python() {
        return;
    }
    let mut seen = String::new();
    let (run, told, world) = fails(vec![completion([700, 100])], "attempt_tokens = 4000\n");
    seen += &run.expect(31).titled("the cap");
    assert!(told.contains("  I look at the files.\n"), "{told}");
    assert!(told.contains("exited with status 1 after") && told.contains("written"), "{told}");
    // What it left is kept with the rest of the attempt.
    let json = &world.run(&["show", "--json"]).expect(0).json()[0];
    let tree = json["completion"]["tree"].as_str().expect("has one");
    assert!(json["tree"].is_null() && json["outcome"] == "failed", "{json}");
    let object = |world: &World| {
        let found = world.snapshot(".regen/objects").into_keys();
        let name = tree.trim_start_matches("sha256:").to_owned();
        found.map(|path| path.to_string_lossy().replace('/', "")).any(|path| path.ends_with(&name))
    };
    assert!(object(&world));
    world.run(&["gc"]).expect(0);
    assert!(object(&world), "it is young");
    world.run(&["gc", "--days", "0"]).expect(0);
    assert!(!object(&world));
    for status in [500, 401] {
        let error = Act::Raw(status, Vec::new(), "{}".to_owned());
        let (run, told, _) = fails(vec![error], "");
        seen += &run.expect(30).titled(&format!("status {status}"));
        assert!(told.contains("  I look at the files.\n"), "{told}");
        assert!(told.contains("; 1 request; 0 tokens read"), "{told}");
    }
    let (run, told, _) = fails(vec![Act::Close], "");
    seen += &run.expect(30).titled("no answer");
    assert!(told.contains("; 1 request; 0 tokens read (0 from a cache), "), "{told}");
    insta::assert_snapshot!(seen);
}

#[test]
fn quiet_runs_tell_faults_of_server_key_and_budget() {
    let server = Server::start(vec![Act::Raw(401, Vec::new(), "{}".to_owned())]);
    let world = World::adder(&server.url);
    let config = world.read("harness.toml");
    let mut seen = world.run(&["run", "--quiet"]).expect(30).titled("a refused key");
    let keyed = config.replace("[generator]\n", "[generator]\napi_key_env = \"NO_SUCH_KEY\"\n");
    world.write("harness.toml", &keyed);
    seen += &world.run(&["run", "--quiet"]).expect(30).titled("no key");
    world.write("harness.toml", &format!("{config}[budget]\nrun_tokens = 10\n"));
    seen += &world.run(&["run", "--quiet"]).expect(31).titled("a limit");
    world.write("harness.toml", &config.replace(&server.url, "http://127.0.0.1:9/v1"));
    seen += &world.run(&["run", "--quiet"]).expect(30).titled("no server");
    insta::assert_snapshot!(seen);
}

#[test]
fn all_clauses_of_a_conflict_are_named() {
    let server = Server::start(Vec::new());
    let script = "#!/bin/sh\ncat > CONFLICT <<'END'\nadder/adds: 2 and 3 give 5, beyond the range\n\
        - saturates: it wants a number that\n  does not fit\nEND\n";
    let world = world(&server.url, ADDER, script, "", QUICK);
    let run = world.run(&["run"]).expect(21);
    insta::assert_snapshot!(run.shown());
    let json = world.run(&["run", "--json"]).expect(21).json();
    let result = json.last().expect("has one");
    let clauses = &result["jobs"][0]["outcome"]["diagnosis"]["clauses"];
    assert_eq!(*clauses, serde_json::json!(["adder/adds", "adder/saturates"]), "{result}");
    // A script that names a clause which is not there is asked once more.
    let other = script.replace("adder/adds", "adder/subtracts");
    let world = super::world(&server.url, ADDER, &other, "", QUICK);
    let told = world.run(&["run"]).expect(21).err;
    assert!(told.contains("(it names `adder/subtracts`)"), "{told}");
}

#[test]
fn what_runs_a_script_is_there_and_one_that_cannot_start_is_no_fault_of_the_model() {
    let server = Server::start(Vec::new());
    let code = writes(GOOD, "");
    let path = std::env::var("PATH").unwrap_or_default();
    for (exit, line) in [
        (0, "PLACE/tools/own-sh"),
        (0, "/usr/bin/env linked-sh"),
        (30, "PLACE/tools/no-sh"),
        (30, "/bin/sh"),
    ] {
        let world = world(&server.url, PLAIN, &code, "", QUICK);
        let place = world.path("").display().to_string();
        let line = line.replace("PLACE/", &place);
        world.write("agent", &code.replacen("/bin/sh", &line, 1));
        world.write("tools/own-sh", "");
        std::fs::copy("/bin/sh", world.path("tools/own-sh")).expect("copies");
        std::fs::create_dir(world.path("links")).expect("makes a folder");
        std::os::unix::fs::symlink("../tools/own-sh", world.path("links/linked-sh"))
            .expect("links");
        if line == "/bin/sh" {
            // It is installed in the workspace, which it does not see.
            world.write("pyvenv.cfg", "");
        }
        let path = format!("{}links:{path}", world.path("").display());
        let run = Run::of(world.command(&["run", "--quiet"]).env("PATH", path));
        let told = run.expect(exit).err;
        let why = "the agent's program did not start in the sandbox: ";
        assert_eq!(told.contains(why), exit == 30, "{told}");
    }
}
