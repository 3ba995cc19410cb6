//! Tests against a real server: llama.cpp's, with a tiny model of random weights.
//!
//! Requires the Python packages `xllamacpp` and `gguf`; `REGEN_TEST_PYTHON` names a Python with
//! them (`.ci/run` creates one). Skipped without them, with the reason.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::world::{PATIENCE, World};

fn python() -> Option<PathBuf> {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/llama/bin/python");
    let named = std::env::var_os("REGEN_TEST_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| if own.exists() { own } else { "python3".into() });
    let tried = Command::new(&python).args(["-c", "import xllamacpp, gguf, numpy"]).output();
    tried.is_ok_and(|output| output.status.success()).then_some(python)
}

struct Llama {
    process: Child,
    url: String,
}

impl Drop for Llama {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/llama").join(name)
}

/// Whether the server has loaded its model.
fn healthy(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let asked = write!(stream, "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.contains(" 200 ")
}

fn start(python: &PathBuf, model: &PathBuf) -> Llama {
    let made = Command::new(python).arg(script("make_model.py")).arg(model).status();
    assert!(made.expect("runs").success(), "the model could not be made");
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let mut process = Command::new(python)
        .arg(script("serve.py"))
        .arg(model)
        .args([&port.to_string(), "random"])
        .env("OMP_WAIT_POLICY", "passive")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    let out = process.stdout.take().expect("is piped");
    BufReader::new(out).read_line(&mut line).expect("says that it listens");
    let llama = Llama { process, url: format!("http://127.0.0.1:{port}/v1") };
    let end = Instant::now() + PATIENCE;
    while !healthy(port) {
        assert!(Instant::now() < end, "the server does not get ready");
        std::thread::yield_now();
    }
    llama
}

#[test]
fn llama_cpp_streams_counts_and_rejects_as_expected() {
    let Some(python) = python() else {
        eprintln!("SKIPPED contract: no Python with xllamacpp, gguf and numpy (REGEN_TEST_PYTHON)");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let llama = start(&python, &folder.path().join("random.gguf"));
    let world = World::adder(&llama.url);
    let config = world.read("harness.toml").replace("model = \"scripted\"", "model = \"random\"");
    let config = config
        .replace("max_output_tokens = 1000", "max_output_tokens = 40")
        .replace("timeout_ms = 2000", "timeout_ms = 60000")
        .replace("timeout_ms = 300", "timeout_ms = 60000");
    world.write("harness.toml", &config);
    // Random weights give nonsense: every answer is parsed, counted and rejected.
    let run = world.run(&["run", "--json"]).expect(20);
    let lines = run.json();
    let usage: Vec<_> = lines
        .iter()
        .filter(|line| line["body"]["event"] == "completed")
        .map(|line| line["body"]["usage"].clone())
        .collect();
    assert!(usage.len() >= 3, "{}", run.out);
    assert!(usage.iter().all(|u| u["input"].as_u64() > Some(100)), "{usage:?}");
    assert!(usage.iter().all(|u| u["output"].as_u64() <= Some(41)), "{usage:?}");
    // A prompt that exceeds the context is rejected with its class.
    let long =
        crate::world::ADDER.replace("A crate that adds.", &"A crate that adds. ".repeat(2000));
    world.write("specs/adder.md", &long);
    let run = world.run(&["run", "--json"]).expect(30);
    assert!(run.out.contains("\"failure\":\"context_overflow\""), "{}", run.out);
}
