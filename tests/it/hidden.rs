//! Held-out examples never reach the model.

use crate::server::{Server, lib};
use crate::world::{GOOD, SHALLOW, World, all, stable};

#[test]
fn a_failing_hidden_example_reveals_only_the_clause() {
    let server = Server::start(vec![lib(SHALLOW), lib(GOOD)]);
    let world = World::adder(&server.url);
    world.run(&["--spec", "adder"]).expect(0);
    let repair = server.prompt(1);
    insta::assert_snapshot!(stable(&server.told(1)));
    assert!(!repair.contains("77001") && !repair.contains("i32::MAX"), "{repair}");
}

#[test]
fn a_candidate_that_prints_every_file_reveals_no_hidden_example() {
    if !all() {
        return;
    }
    let world = World::new("http://127.0.0.1:9/v1", &[("adder", crate::world::ADDER)], "");
    // Examples of other specs are secret too, including refused specs.
    let other = "- It has one. `test_id: one`\n\n  ```rust hidden\n  let held = \"88002 is not for you\";\n  ```\n\n\
        - It has no guard. `guard: no_such`\n";
    world.write("specs/other.md", other);
    let printer = |specs: &str| {
        format!(
            "{GOOD}\n#[cfg(test)]\nmod tests {{\n    fn show(path: &std::path::Path, out: &mut String) {{\n        \
             if let Ok(text) = std::fs::read_to_string(path) {{\n            out.push_str(&text);\n        }}\n        \
             for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {{\n            \
             show(&entry.path(), out);\n        }}\n    }}\n\n    #[test]\n    fn shows() {{\n        let mut out = \
             String::new();\n        show(std::path::Path::new({specs:?}), &mut out);\n        \
             for own in [\"/src\", \"/target\", \"/tmp\", \"/cargo\", \"/vendor\", \"/root\", \"/home\"] {{\n            \
             show(std::path::Path::new(own), &mut out);\n        }}\n        panic!(\"{{out}}\");\n    }}\n}}\n"
        )
    };
    let specs = world.path("specs").display().to_string();
    // The first one reaches the hidden gate and fails there; the others search for traces of it.
    let server = Server::start(vec![
        lib(SHALLOW),
        lib(&printer(&specs)),
        lib(&printer("/nowhere")),
        lib(GOOD),
    ]);
    let config = world.read("harness.toml").replace("http://127.0.0.1:9/v1", &server.url);
    // A visible gate that fails if the hidden text is anywhere in the sandbox.
    let gates = "gates = [\"layout\", \"spy\", \"check\", \"clippy\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n\
        [gate.spy]\nargv = [\"sh\", \"-c\", \"if grep -rqs 77001 /src /target /tmp /cargo /vendor; then exit 1; fi\"]\n";
    world.write("harness.toml", &(config + gates));
    let run = world.run(&["--spec", "adder"]).expect(0);
    assert!(!run.err.contains("gate spy"), "{}", run.err);
    // The specs are not in the sandbox.
    assert!(!server.requests()[2].to_string().contains("[withheld"), "it was read");
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    for request in &requests {
        let text = request.to_string();
        for secret in ["77001", "i32::MAX", "88002"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    for (path, bytes) in world.snapshot("generated") {
        assert!(!String::from_utf8_lossy(&bytes).contains("77001"), "{}", path.display());
    }
}

#[test]
fn a_hidden_example_that_does_not_compile_reveals_nothing() {
    let spec = "- It MUST add. `test_id: adds`\n\n  ```rust\n  assert_eq!(adder::add(1, 2), 3);\n  ```\n\n- It MUST \
        have a secret. `test_id: secret`\n\n  ```rust hidden\n  assert!(adder::very_secret_name());\n  ```\n";
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", spec)], "");
    let run = world.run(&["--spec", "adder"]).expect(20);
    insta::assert_snapshot!(run.shown());
    for request in server.requests() {
        assert!(!request.to_string().contains("very_secret_name"));
    }
}
