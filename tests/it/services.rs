//! Services: programs that listen on a port, judged by requests from outside.

use crate::python::{self, WITHOUT_TOOLS, has_python, has_tools};
use crate::server::{Act, Server, files};
use crate::typescript;
use crate::world::{QUICK, Run, World, all, stable};

const SPEC: &str = r#"# Greeter

- `GET /greet?name=NAME` MUST answer 200 with a JSON object whose `greeting` is `Hello, NAME!`.
  `test_id: greets`

  ```hurl
  GET {{host}}/greet?name=Ada
  HTTP 200
  Content-Type: application/json
  [Asserts]
  jsonpath "$.greeting" == "Hello, Ada!"
  ```

  ```hurl hidden
  GET {{host}}/greet
  [QueryStringParams]
  name: Gracehopper
  HTTP 200
  [Asserts]
  jsonpath "$.greeting" endsWith "Gracehopper!"
  ```

- `POST /notes` MUST keep its body and answer 201 with its number `id`; `GET /notes/ID` MUST answer
  the text. `test_id: keeps`

  ```hurl
  POST {{host}}/notes
  `buy milk`
  HTTP 201
  [Captures]
  id: jsonpath "$.id"

  GET {{host}}/notes/{{id}}
  HTTP 200
  `buy milk`

  GET {{host}}/notes/99
  HTTP 404
  ```
"#;
const KIND: &str = "kind = \"service\"\n";

const RUST: &str = r#"//! Greets, and keeps notes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

struct Answer {
    status: &'static str,
    kind: &'static str,
    body: String,
}

fn answer(method: &str, target: &str, body: &str, notes: &mut Vec<String>) -> Answer {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if (method, path) == ("GET", "/greet") {
        let name = query.strip_prefix("name=").unwrap_or("world");
        let body = format!("{{\"greeting\": \"Hello, {name}!\"}}");
        return Answer { status: "200 OK", kind: "application/json", body };
    }
    if (method, path) == ("POST", "/notes") {
        notes.push(body.to_owned());
        let body = format!("{{\"id\": {}}}", notes.len());
        return Answer { status: "201 Created", kind: "application/json", body };
    }
    let number = path.strip_prefix("/notes/").and_then(|id| id.parse::<usize>().ok());
    match number.and_then(|id| notes.get(id.checked_sub(1)?)) {
        Some(note) => Answer { status: "200 OK", kind: "text/plain", body: note.clone() },
        None => Answer { status: "404 Not Found", kind: "text/plain", body: String::new() },
    }
}

fn serve(stream: TcpStream, notes: &mut Vec<String>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or("/"));
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let Answer { status, kind, body } =
        answer(method, target, &String::from_utf8_lossy(&body), notes);
    write!(
        reader.into_inner(),
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn main() -> std::io::Result<()> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(8080);
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let mut notes = Vec::new();
    for stream in listener.incoming() {
        if let Err(error) = serve(stream?, &mut notes) {
            eprintln!("{error}");
        }
    }
    Ok(())
}
"#;

fn rust(code: &str) -> Act {
    Act::Say(files(&[("src/main.rs", code)]))
}

/// What is told of wrong answers until the right one is promoted.
fn told(world: &World, server: &Server) -> String {
    world.run(&["run"]).expect(0);
    let told = (1..server.requests().len()).map(|at| {
        let told = server.told(at);
        let told = told.split_once("## What is wrong with it").map_or(&*told, |parts| parts.1);
        assert!(!server.prompt(at).contains("Gracehopper"), "{told}");
        format!("== {at}{}", told.split("## Task").next().unwrap_or_default())
    });
    told.collect()
}

#[test]
fn a_rust_service_is_judged_by_its_answers() {
    let answers = [
        RUST.replace("let listener", "let _listener").replace(
            "    let mut notes = Vec::new();\n    for stream in listener.incoming()",
            "    let mut notes = Vec::new();\n    for stream in TcpListener::bind((\"127.0.0.1\", 1))?.incoming()",
        ),
        RUST.replace(
            "query.strip_prefix(\"name=\").unwrap_or(\"world\")",
            "if query == \"name=Ada\" { \"Ada\" } else { \"world\" }",
        ),
        RUST.replace("\"201 Created\"", "\"200 OK\""),
        RUST.to_owned(),
    ];
    let server = Server::start(answers.iter().map(|code| rust(code)).collect());
    let world = World::new(&server.url, &[("greeter", SPEC)], &format!("{QUICK}{KIND}"));
    let told = told(&world, &server);
    insta::assert_snapshot!("rust_told", stable(&told));
    let prompt = server.prompt(0);
    let rules = prompt
        .lines()
        .filter(|line| line.starts_with("- Write a") || line.contains("The code may"));
    insta::assert_snapshot!("rust_rules", rules.collect::<Vec<_>>().join("\n"));
    assert!(world.read("regen.lock").contains("outside"), "{}", world.read("regen.lock"));
    world.run(&["check", "--rerun"]).expect(0);
    let trace = world.run(&["trace"]).expect(0);
    insta::assert_snapshot!("rust_trace", trace.shown());
}

/// One clause without state.
const GREETS: &str = r#"# Greeter

- `GET /greet?name=NAME` MUST answer 200 with a JSON object whose `greeting` is `Hello, NAME!`.
  `test_id: greets`

  ```hurl
  GET {{host}}/greet?name=Ada
  HTTP 200
  [Asserts]
  jsonpath "$.greeting" == "Hello, Ada!"
  ```

  ```hurl hidden
  GET {{host}}/greet?name=Gracehopper
  HTTP 200
  [Asserts]
  jsonpath "$.greeting" == "Hello, Gracehopper!"
  ```
"#;

const PYTHON: &str = r#""""Greets, and keeps notes."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit


def handler(notes: list[str]) -> type[BaseHTTPRequestHandler]:
    """The class whose instances answer."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, kind: str, body: str) -> None:
            content = body.encode()
            self.send_response_only(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/greet":
                name = parse_qs(parts.query).get("name", ["world"])[0]
                greeting = json.dumps({"greeting": f"Hello, {name}!"})
                self.answer(200, "application/json", greeting)
                return
            number = parts.path.removeprefix("/notes/")
            if number.isdigit() and 0 < int(number) <= len(notes):
                self.answer(200, "text/plain", notes[int(number) - 1])
            else:
                self.answer(404, "text/plain", "")

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            notes.append(self.rfile.read(length).decode())
            self.answer(201, "application/json", json.dumps({"id": len(notes)}))

    return Handler


def main() -> int:
    """Runs the service."""
    port = int(os.environ["PORT"])
    HTTPServer(("127.0.0.1", port), handler([])).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
"#;

fn say_python(code: &str) -> Act {
    Act::Say(files(&[("src/greeter/__main__.py", code)]))
}

#[test]
fn a_python_service_is_judged_by_its_answers() {
    if !all() || !has_tools() {
        return;
    }
    let answers = [PYTHON.replace("json.dumps({\"id\": len(notes)})", "\"1\""), PYTHON.to_owned()];
    let server = Server::start(answers.iter().map(|code| say_python(code)).collect());
    let world = python::world(&server, "greeter", SPEC, KIND);
    let told = told(&world, &server);
    insta::assert_snapshot!("python_told", stable(&told));
    let rules = server.prompt(0);
    let rules = rules
        .lines()
        .filter(|line| line.starts_with("- Write the") || line.contains("The code may"));
    insta::assert_snapshot!("python_rules", rules.collect::<Vec<_>>().join("\n"));
}

const TYPESCRIPT: &str = r#"import { createServer } from "node:http";

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://localhost");
  const name = url.searchParams.get("name");
  response.setHeader("Content-Type", "application/json");
  if (url.pathname === "/greet" && name !== null) {
    response.end(JSON.stringify({ greeting: `Hello, ${name}!` }));
  } else {
    response.statusCode = 404;
    response.end();
  }
});

server.listen(Number(process.env["PORT"]), "127.0.0.1");
"#;

#[test]
fn a_typescript_service_is_judged_by_its_answers() {
    if !all() || !typescript::has_tools() {
        return;
    }
    let answers = [TYPESCRIPT.replace("${name}", "${request.url}"), TYPESCRIPT.to_owned()];
    let script = |code: &String| Act::Say(files(&[("src/main.ts", code)]));
    let server = Server::start(answers.iter().map(script).collect());
    let world = typescript::world(&server, "greeter", GREETS, KIND);
    let told = told(&world, &server);
    insta::assert_snapshot!("typescript_told", stable(&told));
    let rules = server.prompt(0);
    let rules = rules
        .lines()
        .filter(|line| line.starts_with("- Write the") || line.contains("The code may"));
    insta::assert_snapshot!("typescript_rules", rules.collect::<Vec<_>>().join("\n"));
}

/// What a name is turned into is all that a service knows of it.
const TOKENS: &str = r#"# Greeter

- `POST /tokens` MUST answer 201 with a `token` for the name in its body; `GET /names/TOKEN` MUST
  answer the name. `test_id: tokens`

  ```hurl
  POST {{host}}/tokens
  `Ada`
  HTTP 201
  [Captures]
  token: jsonpath "$.token"

  GET {{host}}/names/{{token}}
  HTTP 200
  `Ada`
  ```

- The service MUST NOT keep anything between two requests. `guard: stateless`
"#;

#[test]
fn a_service_that_keeps_state_is_refused_where_none_is_allowed() {
    if !has_python() {
        return;
    }
    let names = PYTHON.replace("/notes/", "/names/").replace("\"id\"", "\"token\"");
    let without = names
        .replace("\"token\": len(notes)", "\"token\": notes.pop().encode().hex()")
        .replace("number.isdigit() and 0 < int(number) <= len(notes)", "number")
        .replace("notes[int(number) - 1]", "bytes.fromhex(number).decode()");
    let server = Server::start(vec![say_python(&names), say_python(&without)]);
    let world = python::world(&server, "greeter", TOKENS, &format!("{WITHOUT_TOOLS}{KIND}"));
    insta::assert_snapshot!("stateless", stable(&told(&world, &server)));
}

const HOSTILE: &str = r#""""Greets."""

import os
import signal
import socket
import sys

ANSWER = b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"greeting": "Hello, Ada!"}'


def main() -> int:
    """Runs the service."""
    server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
    while True:
        connection, _ = server.accept()
        connection.recv(65536)
        connection.sendall(ANSWER)
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
"#;

#[test]
fn hostile_services_are_refused() {
    if !all() || !has_python() {
        return;
    }
    let start =
        |code: &str| HOSTILE.replace("    server = ", &format!("    {code}\n    server = "));
    let answer = |code: &str| HOSTILE.replace("connection.sendall(ANSWER)", code);
    let hostile = [
        (HOSTILE.replace("[\"PORT\"])", "[\"PORT\"]) + 1"), "does not listen on 127.0.0.1"),
        (start("os._exit(0) if os.fork() else None"), "ended before it was stopped"),
        (
            answer("print('over'); sys.stdout.flush(); os._exit(3)"),
            "exited with status 3; it wrote:",
        ),
        (answer("while True: connection.sendall(ANSWER)"), "more than 1048576 bytes"),
        (answer("connection.sendall(ANSWER[:30] + b'x' * 9_000_000)"), "no whole answer"),
        (answer("connection.sendall(ANSWER[:60]); signal.pause()"), "no whole answer within"),
        (start("signal.signal(signal.SIGTERM, signal.SIG_IGN)"), "within 5 s of SIGTERM"),
        // The end is seen, or it is stopped first and its wrong answer is.
        (
            answer("connection.sendall(ANSWER); os._exit(0)"),
            "before it was stopped|a held-out example of greeter/greets does not pass",
        ),
        (HOSTILE.to_owned(), "a held-out example of greeter/greets does not pass"),
    ];
    let every =
        "effects = [\"net\", \"process\", \"env\", \"unsafe\"]\n[gate.test]\ntimeout_s = 10\n";
    for few in hostile.chunks(2) {
        let acts = few.iter().map(|(code, _)| say_python(code)).chain([say_python(PYTHON)]);
        let server = Server::start(acts.collect());
        let keys = format!("{WITHOUT_TOOLS}{KIND}{every}");
        let world = python::world(&server, "greeter", GREETS, &keys);
        world.run(&["run"]);
        for (at, (code, why)) in few.iter().enumerate() {
            let told = server.told(at + 1);
            let told = told.split_once("## What is wrong with it").map_or("", |parts| parts.1);
            let told = told.split("Earlier answers").next().unwrap_or_default();
            assert!(why.split('|').any(|one| told.contains(one)), "{why}:\n{told}\n{code}");
        }
    }
}

#[test]
fn requests_that_regen_cannot_send_or_judge_are_refused_with_their_line() {
    let blocks = [
        "GET {{host}}/a\nHTTP 404",
        "GET {{host}}/a",
        "GET /a\nHTTP 200",
        "GET http://example.org/a\nHTTP 200",
        "GET {{host}}.example.org/a\nHTTP 200",
        "GET {{host}}/{{id}}\nHTTP 200",
        "GET {{host}}/a\n[Options]\ninsecure: true\nHTTP 200",
        "GET {{host}}/a\n[BasicAuth]\na: b\nHTTP 200",
        "GET {{host}}/a\nHTTP/2 200",
        "GET {{host}}/a\nHTTP 200\n[Asserts]\nxpath \"//a\" exists",
        "GET {{host}}/a\nHTTP 200\n[Asserts]\njsonpath \"$.a[\" exists",
        "GET {{host}}/a\nHTTP 200\n[Asserts]\njsonpath \"$.a\" split \",\" count == 2",
        "GET {{host}}/a\nHTTP 200\n[Asserts]\nduration < 100",
        "GET {{host}}/a\nHTTP 200\n[Asserts]\nbody matches \"(\"",
        "POST {{host}}/a\nfile,data.bin;\nHTTP 200",
        "POST {{host}}/a\n<a></a>\nHTTP 200",
        "POST {{host}}/a\n[FormParams]\na: b\n`c`\nHTTP 200",
        "GET {{host}}/a\nHTTP 200\n[Captures]\nhost: body",
        "GET {{host}}/a\nHTTP 200\n[Asserts]\njsonpath \"$.a\" == 12345678901234567890",
        "",
        "# nothing",
    ];
    let clause = |(number, block): (usize, &&str)| {
        let block = block.replace('\n', "\n  ");
        format!("- It SHOULD do {number}. `test_id: c{number}`\n\n  ```hurl\n  {block}\n  ```\n\n")
    };
    let clauses: String = blocks.iter().enumerate().map(clause).collect();
    let deep = format!("POST {{{{host}}}}/a\n  {}\n  HTTP 200", "[".repeat(70));
    let spec = format!(
        "# Greeter\n\n{clauses}- It SHOULD be deep. `test_id: deep`\n\n  ```hurl\n  {deep}\n  ```\n\n\
        - It MUST be stateless. `guard: stateless`\n"
    );
    let server = Server::start(vec![rust(RUST)]);
    let world = World::new(&server.url, &[("greeter", &spec)], KIND);
    let run = world.run(&["plan"]);
    assert!(run.code != 0);
    insta::assert_snapshot!("refused", run.shown());
    let plain = World::new(
        &server.url,
        &[("greeter", &SPEC.replace("test_id: keeps", "guard: stateless"))],
        "",
    );
    insta::assert_snapshot!("refused_kind", plain.run(&["plan"]).shown());
    assert!(server.requests().is_empty());
}

#[test]
fn a_service_uses_a_promoted_crate_and_one_without_a_network_of_its_own_is_not_asked_for() {
    if !all() {
        return;
    }
    let words = "# Words\n\n- `hello(name: &str) -> String` MUST greet. `test_id: hello`\n\n  ```rust\n  \
        assert_eq!(words::hello(\"Ada\"), \"Hello, Ada!\");\n  ```\n";
    let library =
        "/// Greets.\npub fn hello(name: &str) -> String {\n    format!(\"Hello, {name}!\")\n}\n";
    let service = RUST.replace("Hello, {name}!\\\"}}\"", "{}\\\"}}\", words::hello(name)");
    let server = Server::start(vec![crate::server::lib(library), rust(&service)]);
    let greeter = format!("---\ndepends: [words]\ntargets: [web]\n---\n{SPEC}");
    let target = format!("{QUICK}[target.web]\ntoolchain = \"rust\"\n{QUICK}{KIND}");
    let world = World::new(&server.url, &[("words", words), ("greeter", &greeter)], &target);
    world.run(&["run"]).expect(0);
    assert!(service.contains("words::hello"), "{service}");
    assert!(world.read("generated/greeter/web/Cargo.toml").contains("../../words/rust"));
    let server = Server::start(vec![rust(RUST)]);
    let level = format!("{QUICK}{KIND}[sandbox]\nmin_level = 1\n");
    let world = World::new(&server.url, &[("greeter", SPEC)], &level);
    let mut command = crate::attacks::without(&["namespaces"], &world, &["run"]);
    let run = Run::of(command.env("REGEN_MIN_LEVEL", "1"));
    insta::assert_snapshot!("isolation", stable(&run.shown()));
    assert!(server.requests().is_empty());
}

#[test]
fn a_typescript_service_uses_a_promoted_package() {
    if !all() || !typescript::has_tools() {
        return;
    }
    let words = "# Words\n\n- `hello(name: string): string` MUST greet. `test_id: hello`\n\n  ```ts\n  \
        assert.equal(words.hello(\"Ada\"), \"Hello, Ada!\");\n  ```\n";
    let library = "/** Greets. */\nexport function hello(name: string): string {\n  return `Hello, ${name}!`;\n}\n";
    let service = TYPESCRIPT.replace("`Hello, ${name}!`", "hello(name)");
    let service = format!("import {{ hello }} from \"words\";\n{service}");
    let other = library.replace("`Hello", "name.length > 5 ? \"Hi!\" : `Hello");
    let answers = [
        ("src/index.ts", library),
        ("src/main.ts", &*service),
        ("src/index.ts", &*other),
        ("src/main.ts", &*service),
    ];
    let say = |file: &(&str, &str)| Act::Say(files(&[*file]));
    let server = Server::start(answers.iter().map(say).collect());
    let target = format!("[target.web]\ntoolchain = \"typescript\"\n{KIND}");
    let world = typescript::world(&server, "words", words, &target);
    let greeter = format!("---\ndepends: [words]\ntargets: [web]\n---\n{GREETS}");
    world.write("specs/greeter.md", &greeter);
    let run = world.run(&["run"]).expect(0);
    assert!(run.err.contains("promoted 2, rejected 0"), "{}", run.err);
    assert_eq!(server.requests().len(), 2, "one question for each");
    let manifest = world.read("generated/greeter/web/package.json");
    assert!(manifest.contains("file:../../words/typescript"), "{manifest}");
    // A library that greets otherwise fits its own new text, and the service refuses the set.
    let before = (world.snapshot("generated"), world.read("regen.lock"));
    world.write("specs/words.md", &words.replace("MUST greet", "MUST always greet"));
    let run = world.run(&["run"]).expect(20);
    assert!(run.err.contains("words   waits: nothing of the set is promoted"), "{}", run.err);
    assert!((world.snapshot("generated"), world.read("regen.lock")) == before, "{}", run.err);
}
