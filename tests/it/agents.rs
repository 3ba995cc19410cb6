//! Agents as generators: programs in a sandbox that ask a model through the gateway.
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod conversation;
mod crowd;
mod ends;
mod visible;
mod wires;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::python::has_python;
use crate::server::{Act, Server};
use crate::world::{ADDER, GOOD, PLAIN, QUICK, Run, WRONG, World, all, stable, until};

const ASKS: &str = include_str!("agents/asks.py");
const GATEWAY: &str = include_str!("agents/gateway.py");
const KEY: &str = "sk-real-key";

/// A workspace whose generator is this script.
fn world(url: &str, spec: &str, script: &str, settings: &str, extra: &str) -> World {
    with_agent(World::new(url, &[("adder", spec)], extra), script, settings)
}

/// The same of another workspace.
pub fn with_agent(world: World, script: &str, settings: &str) -> World {
    let agent = world.path("agent");
    let argv = ["{model}", "{base_url}", "{token}"];
    let argv = [&[agent.to_str().expect("is text")], &argv[..]].concat();
    let kind = format!("[generator]\nkind = \"command\"\nargv = {argv:?}\n{settings}");
    patient(&world, &kind);
    world.write("agent", script);
    std::fs::set_permissions(agent, PermissionsExt::from_mode(0o755)).expect("is set");
    world
}

/// A script that writes this library.
fn writes(code: &str, rest: &str) -> String {
    format!("#!/bin/sh\nmkdir -p src\ncat > src/lib.rs <<'END'\n//! Adds.\n\n{code}END\n{rest}\n")
}

/// What the agent and the harness said, of all attempts.
fn said(world: &World) -> String {
    let shown = world.run(&["show"]).expect(0).out;
    let parts = shown.split("--- the agent's own words\n").skip(1);
    let ends = ["\n--- gate", "\n--- end"];
    let until = |part: &str| ends.iter().filter_map(|end| part.find(end)).min();
    let replies = parts.map(|part| &part[..until(part).unwrap_or(part.len())]);
    replies.collect::<Vec<_>>().join("\n===\n")
}

fn completion(tokens: [u64; 2]) -> Act {
    let [input, output] = tokens;
    let body = json!({
        "choices": [{ "message": { "role": "assistant", "content": "saturate" } }],
        "usage": { "prompt_tokens": input, "completion_tokens": output },
    });
    let kind = vec![("content-type", "application/json".to_owned())];
    // In several lines, as servers send it.
    Act::Raw(200, kind, format!("{body:#}\n"))
}

#[test]
fn the_work_of_a_script_is_promoted_and_the_key_stays_outside() {
    if !has_python() {
        return;
    }
    let server = Server::start(vec![completion([40, 7])]);
    let settings = "api_key_env = \"AGENT_KEY\"\ncassettes = \"record\"\n";
    let world = world(&server.url, ADDER, ASKS, settings, "");
    let run = |args: &[&str]| Run::of(world.command(args).env("AGENT_KEY", KEY));
    let first = run(&["run"]).expect(0);
    insta::assert_snapshot!(first.shown());
    let told = said(&world);
    for line in [
        "answer: True",
        "secrets: []",
        "tests: 0",
        "; 1 request; 40 tokens read (0 from a cache), 7 written",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].head.iter().any(|line| *line == format!("authorization: Bearer {KEY}")));
    let names = asked[0].head.iter().filter_map(|line| line.split_once(':').map(|(name, _)| name));
    let own = ["host", "content-type", "content-length", "accept", "authorization"];
    assert!(names.clone().all(|name| own.contains(&name)), "{:?}", asked[0].head);
    assert!(!asked[0].body.to_string().contains("77001"), "{}", asked[0].body);
    assert!(world.read("regen.lock").contains("command"), "{}", world.read("regen.lock"));
    // What was recorded is replayed without agent, key and server.
    std::fs::remove_file(world.path("agent")).expect("is there");
    std::fs::remove_dir_all(world.path("generated")).expect("is there");
    std::fs::remove_file(world.path("regen.lock")).expect("is there");
    std::fs::remove_dir_all(world.path(".regen")).expect("is there");
    let config = world.read("harness.toml").replace("\"record\"", "\"replay\"");
    world.write("harness.toml", &config);
    world.run(&["run"]).expect(0);
    assert_eq!(server.asked().len(), 1);
    for (path, bytes) in world.snapshot("") {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(KEY), "{} has the key", path.display());
    }
}

#[test]
fn the_gateway_lets_nothing_else_through_and_its_cap_is_never_passed() {
    if !has_python() || !all() {
        return;
    }
    let server = Server::start(vec![completion([30, 500])]);
    let port = server.url.split([':', '/']).nth(4).expect("has one").to_owned();
    let settings = "small_model = \"small\"\nattempt_tokens = 9000\n";
    let world = world(&server.url, PLAIN, GATEWAY, settings, QUICK);
    let config = world.read("harness.toml");
    world.write(
        "harness.toml",
        &config.replace("\"{token}\"", &format!("\"{{token}}\", \"{port}\"")),
    );
    let begun = std::time::Instant::now();
    let run = world.run(&["run"]).expect(31);
    assert!(begun.elapsed().as_secs() < 400, "it is ended soon after the cap");
    insta::assert_snapshot!(stable(&run.err));
    assert!(!world.path("generated/adder").exists());
    let spent = server.asked().len() as u64 * 530;
    assert!(spent > 6000 && spent <= 9000, "{spent} tokens were asked for");
}

/// What a hostile agent does after it has written wrong code.
const HOSTILE: [(&str, &str); 30] = [
    ("many files", "cd src && seq 100000 | xargs touch"),
    ("a full disk", "cat /dev/zero > src/zeros.rs; cat /dev/zero > /tmp/zeros"),
    ("endless output", "yes"),
    ("endless memory", "a=x; while :; do a=$a$a; done"),
    ("endless processes", "f() { f | f & }; f; sleep 2"),
    ("kills everything", "kill -9 -1"),
    ("stops its parent", "kill -STOP $PPID; kill -9 $PPID"),
    ("a pipe in place of code", "rm src/lib.rs; mkfifo src/lib.rs"),
    ("a link in place of code", "ln -sf /proc/self/environ src/lib.rs"),
    ("a folder in place of code", "rm src/lib.rs; mkdir src/lib.rs"),
    (
        "a device in place of code",
        "rm src/lib.rs; mknod src/lib.rs c 1 5; ln -s /dev/zero src/lib.rs",
    ),
    ("prints its token", "echo \"$3\"; echo \"// $3\" >> src/lib.rs"),
    ("takes the port", "(exec 3<>/dev/tcp/127.0.0.1/8099) 2>/dev/null; setsid sleep 31557603 &"),
    (
        "other configurations",
        "mkdir -p .cargo ~/.cargo; echo '[build]\nrustc = \"/bin/true\"' | tee .cargo/config.toml > ~/.cargo/config.toml",
    ),
    ("no code at all", "rm -rf src"),
    (
        "an own build script",
        "printf 'fn main() { panic!() }' > build.rs; printf '[package]\nname = \"x\"\nbuild = \"build.rs\"' > Cargo.toml",
    ),
    ("secret files", "cp -r /etc /root /home /proc src/ 2>/dev/null"),
    ("strange names", "touch 'src/a\nb.rs' 'src/\\..rs' \"src/$(printf '\\033[31m').rs\" src/-rf"),
    ("leaves its session", "setsid -f setsid -f sleep 31557603"),
    ("does not end when asked", "trap '' TERM HUP INT; while :; do sleep 1; done"),
    ("a sparse giant", "truncate -s 2T src/large.rs; truncate -s 2T /tmp/large"),
    (
        "other names of one file",
        "i=0; while [ $i -lt 400 ]; do ln src/lib.rs src/n$i.rs; i=$((i+1)); done",
    ),
    (
        "other tests",
        "for f in tests/*; do echo '// nothing' > $f; done; mkdir -p tests/sub; echo > tests/sub/a.rs",
    ),
    (
        "a false report",
        "echo '{\"regen\":{\"ended\":\"exited with status 0\",\"tokens\":{\"input\":0,\"output\":0}}}'",
    ),
    ("another conflict", "mkdir CONFLICT; ln -s CONFLICT conflict"),
    ("no spec", "rm -f SPEC.md FINDINGS.md; rm -rf tests"),
    (
        "a deep tree",
        "i=0; while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i+1)); done; echo > deep.rs",
    ),
    (
        "long names",
        "d=$(printf '%0240d' 0); for i in $(seq 15); do mkdir $d; cd $d; done; \
         seq -f \"$d%g\" 3000 | xargs mkfifo",
    ),
    ("no rights", "chmod 000 src/lib.rs src ."),
    ("a giant conflict", "seq -f 'adder/adds %g' 60000 | head -c 1000000 > CONFLICT"),
];

#[test]
fn hostile_agents_promote_nothing_and_leave_nothing() {
    if !all() {
        return;
    }
    let server = Server::start(Vec::new());
    let mark = "31557603";
    for (name, trick) in HOSTILE {
        // A repair ends the job.
        let again = "#!/bin/sh\nif grep -q 'What is wrong\\|could not be used' SPEC.md; then\n\
            echo 'adder/adds again' > CONFLICT; exit\nfi\n";
        let script = writes(WRONG, trick).replace("#!/bin/sh\n", again);
        let world = world(&server.url, PLAIN, &script, "wall_s = 4\n", QUICK);
        let run = world.run(&["run", "--quiet"]);
        assert!([20, 21].contains(&run.code), "{name}: {}\n{}", run.shown(), said(&world));
        assert!(run.err.len() < 20_000, "{name}");
        assert!(!world.path("generated/adder").exists(), "{name}");
        assert!(!runs(mark), "{name}");
    }
    assert!(server.asked().is_empty());
}

#[test]
fn an_agent_does_what_a_cheap_model_cannot() {
    if !all() {
        return;
    }
    let server = Server::start(vec![crate::server::lib(WRONG)]);
    let world = world(&server.url, PLAIN, &writes(GOOD, ""), "", QUICK);
    let config = world.read("harness.toml");
    let argv = config.lines().find(|line| line.starts_with("argv")).expect("has one");
    let tier = format!("[[generator.tiers]]\nkind = \"command\"\n{argv}\nmodel = \"strong\"\n");
    let cheap = config.replace(&format!("kind = \"command\"\n{argv}\n"), "");
    world.write("harness.toml", &cheap.replace("[target.rust]", &format!("{tier}[target.rust]")));
    world.run(&["run"]).expect(0);
    assert!(!server.asked().is_empty() && world.path("generated/adder").exists());
    assert!(world.read("regen.lock").contains("strong"), "{}", world.read("regen.lock"));
}

/// The statuses that the script above printed, seen through an agent that ends well.
#[test]
fn what_the_gateway_refuses_is_told() {
    if !has_python() || !all() {
        return;
    }
    let server = Server::start(vec![completion([30, 500])]);
    let port = server.url.split([':', '/']).nth(4).expect("has one").to_owned();
    let settings = "small_model = \"small\"\nattempt_tokens = 400000\n";
    let script = GATEWAY.replace("len(seen) < 200", "len(seen) < 2");
    let world = world(&server.url, PLAIN, &script, settings, QUICK);
    let config = world.read("harness.toml");
    world.write(
        "harness.toml",
        &config.replace("\"{token}\"", &format!("\"{{token}}\", \"{port}\"")),
    );
    world.run(&["run"]).expect(20);
    let told = said(&world);
    let first = told.split("\n===\n").next().unwrap_or_default();
    let (lines, summary) = first.rsplit_once("\n--- ").expect("has one");
    insta::assert_snapshot!(stable(lines));
    for word in ["expensive", "/v1/files", "a wrong token", "previous_response_id", "32 MiB"] {
        assert!(summary.contains(word), "{word}: {summary}");
    }
}

#[test]
fn what_an_agent_leaves_is_read_strictly() {
    if !all() {
        return;
    }
    let server = Server::start(Vec::new());
    let tricks = "ln -s /etc/passwd src/link.rs\nln -s / src/all\nmkfifo src/pipe.rs\n\
        ln src/lib.rs src/second.rs\ntruncate -s 900M src/huge.rs\n\
        head -c 2000000 /dev/zero > src/large.rs\nmkdir -p .git target node_modules/x a/b\n\
        echo x > .git/config; echo x > target/x; echo x > node_modules/x/y; echo x > a/b/notes.md\n\
        echo 'fn main() {}' > build.rs\necho '[package]' > Cargo.toml\n\
        for f in tests/*.rs; do echo '// nothing' > $f; done\necho y > SPEC.md\n\
        i=0; while [ $i -lt 600 ]; do echo > src/f$i.rs; i=$((i+1)); done\nrm src/f*.rs src/second.rs\n\
        printf '\\377' > src/raw.txt\necho $(ulimit -n) files\nexit 3";
    let limits = format!("{QUICK}[generator.limits]\nopen_files = 77\n");
    let one = world(&server.url, PLAIN, &writes(WRONG, tricks), "", &limits);
    one.run(&["run"]).expect(20);
    let told = said(&one);
    for name in [
        "src/link.rs",
        "src/all",
        "src/pipe.rs",
        "src/huge.rs",
        "src/large.rs",
        ".git",
        "target",
        "node_modules",
        "tests/regen_examples.rs: it is the harness's",
        "SPEC.md: it is the harness's",
        "build.rs: the target does not allow it",
        "a/b/notes.md: the target does not allow it",
        "exited with status 3",
        "  77 files\n",
    ] {
        assert!(told.contains(name), "{name}: {told}");
    }
    // The same beside right code: what was ignored does not matter.
    let right = world(&server.url, PLAIN, &writes(GOOD, tricks), "", QUICK);
    right.run(&["run"]).expect(0);
    let files: Vec<PathBuf> = right.snapshot("generated/adder").into_keys().collect();
    let names: Vec<_> = files.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    assert!(names.contains(&"lib.rs") && !names.contains(&"build.rs"), "{names:?}");
}

#[test]
fn everything_that_an_agent_starts_ends_with_it() {
    if !all() {
        return;
    }
    let server = Server::start(Vec::new());
    let mark = "31557601";
    let script = writes(
        GOOD,
        &format!(
            "trap '' TERM HUP INT\n(setsid sleep {mark} &) >/dev/null 2>&1\nsleep {mark} &\n\
             echo started\nwhile :; do sleep 1; done"
        ),
    );
    let world = world(&server.url, PLAIN, &script, "wall_s = 3\n", QUICK);
    // It takes too long; what it left is right.
    world.run(&["run"]).expect(0);
    assert!(said(&world).contains("started"));
    assert!(!runs(mark));
}

fn runs(mark: &str) -> bool {
    let all = std::fs::read_dir("/proc").expect("is there").flatten();
    all.into_iter().any(|entry| {
        let text = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        text.starts_with("sleep") && text.contains(mark)
    })
}

#[test]
fn the_ends_of_an_agent_have_results() {
    if !all() {
        return;
    }
    let server = Server::start(Vec::new());
    let mut seen = String::new();
    for (title, script) in [
        ("nothing is changed", "#!/bin/sh\necho done\n".to_owned()),
        (
            "a conflict",
            "#!/bin/sh\necho 'adder/adds it contradicts itself' > CONFLICT\n".to_owned(),
        ),
        ("an error after right work", writes(GOOD, "exit 7")),
        ("a wrong answer", writes(WRONG, "echo 'all tests pass'")),
        ("a deleted spec", "#!/bin/sh\nrm -rf SPEC.md tests src\n".to_owned()),
    ] {
        let world = world(&server.url, PLAIN, &script, "", QUICK);
        seen += &world.run(&["run", "--quiet"]).titled(title);
    }
    let world = World::new(&server.url, &[("adder", PLAIN)], QUICK);
    let config = world.read("harness.toml");
    let kind = "[generator]\nkind = \"command\"\nagent = \"codex\"\n";
    world.write("harness.toml", &config.replace("[generator]\n", kind));
    let missing = kind.replace("agent = \"codex\"", "argv = [\"no-such-agent\"]");
    world.write("harness.toml", &config.replace("[generator]\n", &missing));
    seen += &world.run(&["run"]).titled("an agent that is not installed");
    for (from, to) in [("\"codex\"", "\"codxe\""), ("agent = \"codex\"\n", "")] {
        world.write("harness.toml", &config.replace("[generator]\n", &kind.replace(from, to)));
        seen += &world.run(&["plan"]).titled("a wrong configuration");
    }
    insta::assert_snapshot!(seen);
}

#[test]
fn a_server_that_fails_is_not_the_models_fault() {
    if !has_python() || !all() {
        return;
    }
    for (status, tries) in [(429, 2), (401, 1), (500, 2)] {
        let server = Server::start(vec![Act::Raw(status, Vec::new(), "{}".to_owned())]);
        let script = ASKS.replace("with urllib", "sys.stdout.flush()\nwith urllib");
        let world = world(&server.url, PLAIN, &script, "max_tries = 2\n", QUICK);
        let run = world.run(&["run"]);
        assert_eq!(run.expect(30).code, 30);
        assert_eq!(server.asked().len(), tries, "{status}");
        assert!(!world.path("generated/adder").exists());
    }
}

#[test]
fn a_killed_run_leaves_no_agent_and_the_next_one_goes_on() {
    if !has_python() || !all() {
        return;
    }
    let server = Server::start(vec![Act::Silence, completion([40, 7])]);
    let mark = "31557602";
    let script = ASKS
        .replace("model, address", "subprocess.Popen([\"sleep\", \"31557602\"])\nmodel, address");
    let world = world(&server.url, ADDER, &script, "", "");
    let mut child = world.spawn(&["run"]);
    server.arrived();
    until("the agent's own program runs", || runs(mark));
    child.kill().expect("is there");
    child.wait().expect("ends");
    until("it does not end", || !runs(mark));
    world.run(&["run"]).expect(0);
    assert_eq!(server.asked().len(), 2);
}

/// A turn of a server of Responses: a command to run, or the end.
fn turn(command: Option<&str>) -> Act {
    let item = match command {
        Some(command) => json!({
            "type": "function_call", "name": "exec_command", "call_id": "call",
            "arguments": json!({ "cmd": command }).to_string(),
        }),
        None => json!({
            "type": "message", "role": "assistant",
            "content": [{ "type": "output_text", "text": "Done." }],
        }),
    };
    let usage = json!({ "input_tokens": 1000, "output_tokens": 50, "total_tokens": 1050 });
    let events: [Value; 2] = [
        json!({ "type": "response.output_item.done", "output_index": 0, "item": item }),
        json!({ "type": "response.completed", "response": { "id": "r", "usage": usage } }),
    ];
    let text = |event: &Value| {
        format!("event: {}\ndata: {event}\n\n", event["type"].as_str().expect("has one"))
    };
    Act::Bytes(events.iter().map(text).collect())
}

/// The folder with the program of an npm package, installed once.
fn npm(package: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("agents").join(package);
    std::fs::create_dir_all(&folder).expect("makes folders");
    let mut npm = Command::new("npm");
    let installed = npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", package]);
    let installed = installed.arg("--prefix").arg(&folder).output();
    let found = installed.is_ok_and(|output| output.status.success());
    if !found {
        println!("skipped: npm cannot install {package}");
    }
    found.then(|| folder.join("node_modules/.bin"))
}

#[test]
fn init_offers_agents() {
    let world = World::new("http://127.0.0.1:9/v1", &[], "");
    std::fs::remove_file(world.path("harness.toml")).expect("was there");
    for name in ["codex", "claude", "gemini", "opencode", "pi", "aider"] {
        world.run(&["init", name, "--agent", name]).expect(0);
        let config = world.read(&format!("{name}/harness.toml"));
        assert!(config.contains(&format!("agent = \"{name}\"\n")), "{config}");
        world.run(&["-C", name, "plan"]).expect(0);
    }
    let wrong = world.run(&["init", "x", "--agent", "codxe"]).expect(2).err;
    assert!(wrong.contains("use codex, claude, gemini, opencode, pi, aider"), "{wrong}");
    // On a terminal, those on PATH are offered.
    world.write("bin/pi", "#!/bin/sh\n");
    let pi = world.path("bin/pi");
    std::fs::set_permissions(&pi, PermissionsExt::from_mode(0o755)).expect("is set");
    let regen = format!("{} init asked", env!("CARGO_BIN_EXE_regen"));
    let mut script = Command::new("script");
    script.args(["-qec", &regen, "/dev/null"]).current_dir(world.path(""));
    script.env("PATH", format!("{}:/usr/bin:/bin", world.path("bin").display()));
    script.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let Ok(mut script) = script.spawn() else {
        println!("not run in part: there is no `script`");
        return;
    };
    std::io::Write::write_all(&mut script.stdin.take().expect("is piped"), b"pi\n")
        .expect("writes");
    let said =
        String::from_utf8_lossy(&script.wait_with_output().expect("ends").stdout).into_owned();
    assert!(said.contains("the coding agent pi, on PATH here"), "{said}");
    assert!(world.read("asked/harness.toml").contains("agent = \"pi\"\n"), "{said}");
}

/// The search path with codex; `None` where it cannot be installed. Tests wait for each other's
/// installation: npm changes its folder while it runs.
fn codex() -> Option<&'static str> {
    static CODEX: LazyLock<Option<String>> = LazyLock::new(|| {
        let bin = all().then(|| npm("@openai/codex@latest")).flatten()?;
        let path = std::env::var("PATH").unwrap_or_default();
        Some(format!("{}:{path}", bin.display()))
    });
    CODEX.as_deref()
}

fn use_agent(world: &World, agent: &str) {
    let kind = format!("[generator]\nkind = \"command\"\nagent = \"{agent}\"\n");
    patient(world, &kind);
}

/// Sets the kind of generator, and times that no slow machine exceeds.
fn patient(world: &World, kind: &str) {
    let config = world.read("harness.toml").replace("[generator]\n", kind);
    let config = config.replace("timeout_ms = 2000", "timeout_ms = 60000");
    world.write("harness.toml", &config.replace("timeout_ms = 300\n", "timeout_ms = 60000\n"));
}

#[test]
fn codex_writes_code_and_repairs_it() {
    let Some(path) = codex() else { return };
    let write = |code: &str| {
        turn(Some(&format!("mkdir -p src && cat > src/lib.rs <<'END'\n//! Adds.\n\n{code}END")))
    };
    // Codex waits some seconds for a command; what comes later is looked at again.
    let tests = turn(Some("cargo test --offline > /tmp/told 2>&1; touch /tmp/ended"));
    let wait = "for i in $(seq 80); do [ -e /tmp/ended ] && break; sleep 0.1; done; tail /tmp/told";
    let wrong = [write(WRONG), turn(None)];
    let waits = std::iter::repeat_with(|| turn(Some(wait))).take(6);
    let right = [write(GOOD), tests].into_iter().chain(waits).chain([turn(None)]);
    let server = Server::start(wrong.into_iter().chain(right).collect());
    let world = World::new(&server.url, &[("adder", ADDER)], "");
    use_agent(&world, "codex");
    let run = Run::of(world.command(&["run", "--quiet"]).env("PATH", path));
    let told = said(&world);
    assert_eq!(run.code, 0, "{}\n{told}", run.err);
    let asked = server.requests();
    assert!(Value::from(asked.clone()).to_string().contains("test result: ok."), "{told}");
    assert_eq!(asked.len(), 11, "{told}");
    assert!(!Value::from(asked).to_string().contains("77001"), "hidden examples stay here");
    assert!(world.path("generated/adder").exists());
}
