//! Conversations of agents: killed at any point, large, and over several specs.

use serde_json::{Value, json};

use super::{codex, has_python, runs, said, turn, use_agent, world};
use crate::server::{Act, Server};
use crate::world::{ADDER, GOOD, PLAIN, QUICK, Run, WRONG, World, all, until};

const TALKS: &str = include_str!("talks.py");
const MARK: &str = "31557604";

/// What the model answers to a question of the script's.
fn answer(number: u64) -> Act {
    let text = if number == 4 { "saturating_add".to_owned() } else { format!("words {number}") };
    let body = json!({
        "choices": [{ "message": { "role": "assistant", "content": text } }],
        "usage": { "prompt_tokens": 40 + number, "completion_tokens": 7 },
    });
    let kind = vec![("content-type", "application/json".to_owned())];
    Act::Raw(200, kind, body.to_string())
}

/// Where regen is killed.
#[derive(Clone, Copy, Debug)]
enum Kill {
    /// After this many answers, while the agent works.
    Working(u64),
    /// While this question has no answer.
    Waiting(u64),
    /// While the answer to this question is half there.
    Reading(u64),
}

/// Kills a run at a point and gives the questions of both runs, and the tokens of all.
fn killed(kill: Kill) -> (Vec<String>, i64) {
    let acts = (1..=4).flat_map(|number| match kill {
        Kill::Waiting(at) if at == number => vec![Act::Silence, answer(number)],
        Kill::Reading(at) if at == number => {
            vec![Act::Hold("{\"choices\": [".to_owned()), answer(number)]
        }
        _ => vec![answer(number)],
    });
    let server = Server::start(acts.collect());
    let stop = if let Kill::Working(after) = kill { after.to_string() } else { "-1".to_owned() };
    let script = TALKS.replace("STOP = -1", &format!("STOP = {stop}"));
    let world = world(&server.url, PLAIN, &script, "", QUICK);
    let mut child = world.spawn(&["run"]);
    match kill {
        Kill::Working(_) => until("the agent works", || runs(MARK)),
        Kill::Waiting(at) | Kill::Reading(at) => (0..at).for_each(|_| server.arrived()),
    }
    child.kill().expect("is there");
    child.wait().expect("ends");
    until("the agent does not end", || !runs(MARK) && !runs("agent"));
    world.write("agent", TALKS);
    world.run(&["run"]).expect(0);
    let questions = server.requests();
    let questions = questions.iter().map(|body| body["messages"][0]["content"].as_str());
    let questions = questions.map(|text| text.unwrap_or_default().to_owned()).collect();
    let status: Value = serde_json::from_str(&world.run(&["status", "--json"]).expect(0).out)
        .expect("is one line of JSON");
    (questions, status["today"]["tokens"].as_i64().unwrap_or_default())
}

#[test]
fn no_answer_is_bought_twice_wherever_regen_is_killed() {
    if !has_python() || !all() {
        return;
    }
    let points = (0..=4).map(Kill::Working);
    let points = points.chain((1..=4).map(Kill::Waiting)).chain([Kill::Reading(2)]);
    let all = ["1: begin", "2: words 1", "3: words 2", "4: words 3"];
    let counted = (1..=4).map(|number| 40 + number + 7).sum::<i64>();
    for kill in points {
        let (questions, tokens) = killed(kill);
        let mut wanted = all.to_vec();
        if let Kill::Waiting(at) | Kill::Reading(at) = kill {
            // Its answer is unknown, and its cost too.
            let at = usize::try_from(at).expect("is small") - 1;
            wanted.insert(at, all[at]);
            assert!(tokens > counted + 500, "{kill:?}: {tokens}");
        } else {
            assert_eq!(tokens, counted, "{kill:?}");
        }
        assert_eq!(questions, wanted, "{kill:?}");
    }
}

#[test]
fn what_an_agent_did_is_readable_and_its_own_count_is_not_used() {
    if !has_python() {
        return;
    }
    let server = Server::start((1..=4).map(answer).collect());
    let world = world(&server.url, PLAIN, TALKS, "", QUICK);
    let run = world.run(&["run"]).expect(0);
    assert!(run.err.contains("the agent: says words 2"), "{}", run.err);
    let told = said(&world);
    for line in [
        "  says words 1\n  says words 2\n  says words 3\n  says saturating_add\n",
        "; 4 requests; 170 tokens read (0 from a cache), 28 written\n",
        "the agent says: 9 read, 1 written (not used)",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let json = world.run(&["show", "--json"]).expect(0).out;
    let json: Value = serde_json::from_str(json.lines().next().expect("has one")).expect("is JSON");
    assert_eq!(json["transcript"]["seen"]["claimed"], json!([9, 1]));
    assert_eq!(json["completion"]["usage"]["output"], json!(28));
}

/// Writes a file in a turn.
fn file(path: &str, text: &str) -> Act {
    let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
    turn(Some(&format!("mkdir -p {folder} && cat > {path} <<'END'\n{text}END")))
}

const TABLE: &str = "# Table\n\nSquares, from a table.\n\n- `square(n: usize) -> Option<u64>` MUST give the square of a number \
    below 300, and nothing for others. `test_id: squares`\n\n  ```rust\n  assert_eq!(table::square(12), Some(144), \"twelve\");\n  \
    assert_eq!(table::square(299), Some(89401), \"the last\");\n  assert_eq!(table::square(300), None, \"none\");\n  ```\n\n\
    - `text(n: usize) -> String` MUST give the square in decimal, or a dash. `test_id: writes`\n\n  ```rust\n  \
    assert_eq!(table::text(3), \"9\", \"three\");\n  assert_eq!(table::text(400), \"-\", \"none\");\n  ```\n\n  ```rust hidden\n  \
    assert_eq!(table::text(250), \"62500\", \"large\");\n  ```\n";
const USER: &str = "---\ndepends: [table]\n---\n# Sums\n\nSums of squares.\n\n- `sum(a: usize, b: usize) -> Option<u64>` MUST \
    give the sum of the squares of two numbers of the table, or nothing. `test_id: sums`\n\n  ```rust\n  \
    assert_eq!(sums::sum(3, 4), Some(25), \"three and four\");\n  assert_eq!(sums::sum(3, 999), None, \"none\");\n  ```\n";

#[test]
fn codex_writes_a_system_of_several_files_with_a_package() {
    let Some(path) = codex() else { return };
    let rows: String = (0..300).map(|n| format!("    {},\n", n * n)).collect();
    let rows = format!(
        "//! The table.\n\n/// The squares.\npub const SQUARES: [u64; 300] = [\n{rows}];\n"
    );
    let words = "//! Words.\n\n/// A number in decimal, or a dash.\npub fn decimal(value: Option<u64>) -> String {\n    \
        value.map_or_else(|| \"-\".to_owned(), |value| itoa::Buffer::new().format(value).to_owned())\n}\n";
    let root = "//! Squares, from a table.\n\nmod squares;\nmod words;\n\n/// The square of a small number.\n\
        pub fn square(n: usize) -> Option<u64> {\n    squares::SQUARES.get(n).copied()\n}\n\n\
        /// The square in decimal, or a dash.\npub fn text(n: usize) -> String {\n    words::decimal(square(n))\n}\n";
    let sums = "//! Sums of squares.\n\n/// The sum of two squares of the table.\n\
        pub fn sum(a: usize, b: usize) -> Option<u64> {\n    table::square(a)?.checked_add(table::square(b)?)\n}\n";
    let tests = || turn(Some("cargo test --offline 2>&1 | tail -4"));
    let table = [
        file("src/squares.rs", &rows),
        file("src/words.rs", words),
        file("src/lib.rs", root),
        tests(),
        turn(None),
    ];
    let server = Server::start(
        table.into_iter().chain([file("src/lib.rs", sums), tests(), turn(None)]).collect(),
    );
    let specs = [("table", TABLE), ("sums", USER)];
    let world = World::new(&server.url, &specs, "allowed_dependencies = { itoa = \"1\" }\n");
    use_agent(&world, "codex");
    Run::of(world.command(&["run", "--quiet"]).env("PATH", path)).expect(0);
    let told = said(&world);
    assert_eq!(told.matches("test result: ok.").count(), 0, "outputs of tools are not its words");
    assert!(told.contains("ran "), "{told}");
    assert_eq!(server.requests().len(), 8, "{told}");
    assert!(world.path("generated/table/rust/src/squares.rs").exists());
    assert!(world.path("generated/sums/rust").exists());
    world.run(&["check", "--rerun"]).expect(0);
    // Its own count is not of use, but is told.
    assert!(told.contains("the agent says:"), "{told}");
}

/// A turn of a server of chats: a command to run, or the end.
fn chat(command: Option<&str>) -> Act {
    let (delta, why) = match command {
        Some(command) => {
            let arguments = json!({ "command": command }).to_string();
            let function = json!({ "name": "bash", "arguments": arguments });
            let call = json!({ "index": 0, "id": "c", "type": "function", "function": function });
            (json!({ "role": "assistant", "tool_calls": [call] }), "tool_calls")
        }
        None => (json!({ "role": "assistant", "content": "Done." }), "stop"),
    };
    let usage = json!({ "prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940 });
    let chunks = [
        json!({ "id": "x", "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] }),
        json!({ "id": "x", "choices": [{ "index": 0, "delta": {}, "finish_reason": why }] }),
        json!({ "id": "x", "choices": [], "usage": usage }),
    ];
    let chunks = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
    Act::Bytes(chunks.chain(["data: [DONE]\n\n".to_owned()]).collect())
}

/// Not in CI: its packages are 200 MB.
#[test]
fn pi_writes_code_over_chats() {
    if std::env::var_os("REGEN_TEST_PI").is_none() {
        println!("runs with REGEN_TEST_PI=1");
        return;
    }
    let Some(bin) = super::npm("@mariozechner/pi-coding-agent@latest") else { return };
    let path = std::env::var("PATH").unwrap_or_default();
    let code = |code: &str| {
        chat(Some(&format!("mkdir -p src && cat > src/lib.rs <<'END'\n//! Adds.\n\n{code}END")))
    };
    let wrong = [code(WRONG), chat(None)];
    let server = Server::start(wrong.into_iter().chain([code(GOOD), chat(None)]).collect());
    let world = World::new(&server.url, &[("adder", ADDER)], "");
    use_agent(&world, "pi");
    let path = format!("{}:{path}", bin.display());
    Run::of(world.command(&["run", "--quiet"]).env("PATH", path)).expect(0);
    let told = said(&world);
    assert!(told.contains("uses bash") && told.contains("the agent says:"), "{told}");
    assert!(!Value::from(server.requests()).to_string().contains("77001"), "hidden examples");
}

/// The processes below one, with their parents.
fn below(top: u32) -> Vec<u32> {
    let parent = |pid: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    let all = std::fs::read_dir("/proc").expect("is there").flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_below = |pid: &u32| {
        let mut above = *pid;
        while let Some(next) = parent(above).filter(|next| *next > 0) {
            if next == top {
                return true;
            }
            above = next;
        }
        false
    };
    all.filter(is_below).collect()
}

/// Whether a process has these bytes in its environment, arguments or memory; `None` where that
/// cannot be read.
fn has(pid: u32, secret: &str) -> Option<bool> {
    use std::os::unix::fs::FileExt;
    let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).ok();
    let found = |bytes: &[u8]| bytes.windows(secret.len()).any(|one| one == secret.as_bytes());
    let mut is_there = found(&read("environ")?) || found(&read("cmdline")?);
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    for line in String::from_utf8_lossy(&read("maps")?).lines() {
        let (range, rest) = line.split_once(' ')?;
        // Programs and libraries as they are on disk have no key.
        if !rest.starts_with("rw") {
            continue;
        }
        let (first, last) = range.split_once('-')?;
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        let (first, last) = (number(first)?, number(last)?);
        let mut bytes = vec![0; usize::try_from((last - first).min(64 << 20)).ok()?];
        let count = memory.read_at(&mut bytes, first).unwrap_or(0);
        is_there = is_there || found(&bytes[..count]);
    }
    Some(is_there)
}

#[test]
fn only_regen_itself_has_the_key() {
    if !has_python() || !all() {
        return;
    }
    let server = Server::start((1..=4).map(answer).collect());
    let mark = "31557605";
    let script = TALKS.replace("STOP = -1", "STOP = 2").replace(MARK, mark);
    let world = world(&server.url, PLAIN, &script, "api_key_env = \"AGENT_KEY\"\n", QUICK);
    let mut child = world.command(&["run"]);
    let mut child = child.env("AGENT_KEY", super::KEY).spawn().expect("starts");
    until("the agent works", || runs(mark));
    let (own, others) = (has(child.id(), super::KEY), below(child.id()));
    let seen: Vec<_> = others.iter().map(|pid| (pid, has(*pid, super::KEY))).collect();
    child.kill().expect("is there");
    child.wait().expect("ends");
    if own.is_none() {
        println!("not run: memory of other processes cannot be read here");
        return;
    }
    assert_eq!(own, Some(true), "the key is found where it is");
    let names = seen.iter().filter(|(_, has)| *has != Some(false));
    let names: Vec<_> = names.map(|(pid, has)| (*pid, *has)).collect();
    assert!(seen.len() >= 3 && names.is_empty(), "of {seen:?}: {names:?}");
}
