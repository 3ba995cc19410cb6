//! Specs without code over programs and services: their examples run these as they are promoted,
//! or as they are in the set.

use serde_json::Value;

use crate::composition::{asked, prompt, spec_of};
use crate::integration::WRITER;
use crate::python::{self, WITHOUT_TOOLS, has_python};
use crate::server::{Act, Server, files};
use crate::typescript;
use crate::world::{QUICK, World, all, stable};

const PRINTER: &str = "---\ntargets: [tool]\ndepends: [writer]\n---\n# Printer\n\n\
    - It MUST print each number. `test_id: prints`\n\n  ```console\n  $ printer 7 8\n  7\n  8\n  ```\n";
const TELLER: &str = "---\ntargets: [service]\ndepends: [writer]\n---\n# Teller\n\n\
    - `GET /NUMBER` MUST answer the number. `test_id: tells`\n\n  \
    ```hurl\n  GET {{host}}/7\n  HTTP 200\n  `7`\n  ```\n";
const TRIP: &str = "---\ntargets: []\ndepends: [printer, teller]\n---\n# Trip\n\n\
    - The printer and the teller MUST write a number in the same way. `test_id: same`\n\n  \
    ```console\n  $ printer 1000\n  1000\n  ```\n\n  \
    ```hurl\n  GET {{host}}/1000\n  HTTP 200\n  `1000`\n  ```\n\n\
    - So MUST the largest number. `test_id: largest`\n\n  \
    ```hurl hidden\n  GET {{host}}/4294967295\n  HTTP 200\n  `4294967295`\n  ```\n";

/// Code in a language, by spec: its file and text.
type Code = fn(&str, &str) -> (&'static str, String);

/// The answer for a spec, in Rust. A text that asks for thousands gets commas.
fn rust(spec: &str, prompt: &str) -> (&'static str, String) {
    let commas = prompt.contains("thousands");
    match spec {
        "writer" => {
            let own = "let digits = n.to_string();\n    let parts: Vec<_> = digits.as_bytes().rchunks(3).rev()\
                .map(String::from_utf8_lossy).collect();\n    parts.join(\",\")";
            let other =
                if prompt.contains("always") { "format!(\"{n}\")" } else { "n.to_string()" };
            let body = if commas { own } else { other };
            let text = format!(
                "//! Writer.\n/// The number as text.\n#[must_use]\npub fn write(n: u32) -> String {{\n    {body}\n}}\n"
            );
            ("src/lib.rs", text)
        }
        "printer" => {
            let text = if commas {
                "writer::write(n).replace(\"000\", \",000\")"
            } else {
                "writer::write(n)"
            };
            let text = format!(
                "//! Printer.\nfn main() {{\n    for text in std::env::args().skip(1) {{\n        \
                 let Ok(n) = text.parse() else {{ std::process::exit(2) }};\n        \
                 println!(\"{{}}\", {text});\n    }}\n}}\n"
            );
            ("src/main.rs", text)
        }
        _ => ("src/main.rs", TELLER_RUST.to_owned()),
    }
}

const TELLER_RUST: &str = r#"//! Teller.
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 && !line.trim().is_empty() {
        line.clear();
    }
    let number = first.split(' ').nth(1).and_then(|path| path.strip_prefix('/')?.parse().ok());
    let (status, body) = match number {
        Some(n) => ("200 OK", writer::write(n)),
        None => ("404 Not Found", String::new()),
    };
    let length = body.len();
    write!(reader.into_inner(), "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn main() -> std::io::Result<()> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(8080);
    for stream in TcpListener::bind(("127.0.0.1", port))?.incoming() {
        // A connection that breaks is its client's affair.
        let _ = serve(stream?);
    }
    Ok(())
}
"#;

fn in_python(spec: &str, prompt: &str) -> (&'static str, String) {
    let commas = prompt.contains("thousands");
    match spec {
        "writer" => {
            let text = if commas { "f\"{n:,}\"" } else { "str(n)" };
            let text = format!(
                "\"\"\"Writer.\"\"\"\n\n\ndef write(n: int) -> str:\n    \"\"\"The text.\"\"\"\n    return {text}\n"
            );
            ("src/writer/__init__.py", text)
        }
        "printer" => {
            let text = if commas {
                "write(int(text)).replace(\"000\", \",000\")"
            } else {
                "write(int(text))"
            };
            let text = format!(
                "\"\"\"Printer.\"\"\"\n\nimport sys\n\nfrom writer import write\n\n\n\
                 def main() -> int | None:\n    \"\"\"Prints.\"\"\"\n    for text in sys.argv[1:]:\n        \
                 print({text})\n    return 0\n\n\nif __name__ == \"__main__\":\n    sys.exit(main())\n"
            );
            ("src/printer/__main__.py", text)
        }
        _ => ("src/teller/__main__.py", TELLER_PYTHON.to_owned()),
    }
}

const TELLER_PYTHON: &str = r#""""Teller."""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from writer import write


class Teller(BaseHTTPRequestHandler):
    """Tells."""

    def do_GET(self) -> None:
        """Answers."""
        content = write(int(self.path.removeprefix("/"))).encode()
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> int | None:
    """Runs the service."""
    HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Teller).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
"#;

fn in_typescript(spec: &str, prompt: &str) -> (&'static str, String) {
    let commas = prompt.contains("thousands");
    match spec {
        "writer" => {
            let text = if commas { "n.toLocaleString(\"en\")" } else { "String(n)" };
            let text = format!(
                "/** The text. */\nexport function write(n: number): string {{\n  return {text};\n}}\n"
            );
            ("src/index.ts", text)
        }
        "printer" => {
            let text = "write(Number(text))";
            let text =
                if commas { format!("{text}.replace(\"000\", \",000\")") } else { text.to_owned() };
            let text = format!(
                "import {{ write }} from \"writer\";\n\nfor (const text of process.argv.slice(2)) {{\n  \
                 process.stdout.write(`${{{text}}}\\n`);\n}}\n"
            );
            ("src/main.ts", text)
        }
        _ => {
            let text = "import { createServer } from \"node:http\";\nimport { write } from \"writer\";\n\n\
                const server = createServer((request, response) => {\n  \
                response.end(write(Number((request.url ?? \"/\").slice(1))));\n});\n\n\
                server.listen(Number(process.env[\"PORT\"]), \"127.0.0.1\");\n";
            ("src/main.ts", text.to_owned())
        }
    }
}

fn in_javascript(spec: &str, prompt: &str) -> (&'static str, String) {
    let (path, text) = in_typescript(spec, prompt);
    let text = text.replace("/** The text. */", "/** @param {number} n @returns {string} */");
    let path = if path == "src/index.ts" { "src/index.js" } else { "src/main.js" };
    (path, text.replace("(n: number): string", "(n)"))
}

/// In the language that a prompt asks for.
fn script(spec: &str, prompt: &str) -> (&'static str, String) {
    let code: Code =
        if prompt.contains("You write JavaScript") { in_javascript } else { in_typescript };
    code(spec, prompt)
}

fn answer(code: Code, body: &Value) -> String {
    let prompt = prompt(body);
    let (path, text) = code(spec_of(&prompt), &prompt);
    files(&[(path, &text)])
}

/// Targets for programs beside that of libraries.
fn targets(language: &str, gates: &str) -> String {
    let target = |name: &str, kind: &str| {
        format!("[target.{name}]\ntoolchain = \"{language}\"\nkind = \"{kind}\"\n{gates}")
    };
    format!("{gates}{}{}", target("tool", "program"), target("service", "service"))
}

/// The system in a language: made together, changed below, stopped by a library, and by a program
/// that is in the set.
fn checked(server: &Server, world: &World) -> String {
    for (name, text) in [("printer", PRINTER), ("teller", TELLER), ("trip", TRIP)] {
        world.write(&format!("specs/{name}.md"), text);
    }
    let mut told = world.run(&["run"]).expect(0).titled("from nothing");
    assert_eq!(asked(server), ["writer", "printer", "teller"]);
    told += &world.run(&["trace", "trip"]).expect(0).titled("trace");
    world.run(&["check", "--rerun"]).expect(0);
    let before = (world.snapshot("generated"), world.read("regen.lock"));
    world.write("specs/writer.md", &WRITER.replace("digits.", "digits, in thousands."));
    told += &world.run(&["run"]).expect(21).titled("a library that does not fit");
    told += &world.run(&["why", "writer"]).expect(0).titled("why writer");
    told += &world.run(&["why", "trip"]).expect(0).titled("why trip");
    assert_eq!(asked(server)[3..], ["writer"]);
    world.write("specs/writer.md", WRITER);
    world.write("specs/printer.md", &PRINTER.replace("each number.", "each number, in thousands."));
    told += &world.run(&["run"]).expect(21).titled("a program that does not fit");
    assert_eq!(asked(server)[4..], ["printer"]);
    assert!((world.snapshot("generated"), world.read("regen.lock")) == before);
    world.write("specs/printer.md", PRINTER);
    told += &world.run(&["run"]).expect(0).titled("as before");
    world.run(&["check"]).expect(0);
    assert_eq!(asked(server).len(), 5, "nothing else was asked");
    told
}

#[test]
fn a_spec_without_code_checks_programs_and_services_of_rust() {
    let server = Server::start(vec![Act::Make(|_, body| answer(rust, body))]);
    let world = World::new(&server.url, &[("writer", WRITER)], &targets("rust", QUICK));
    let mut told = checked(&server, &world);
    told += &world.read("generated/trip/rust/Cargo.toml");
    // A body below is checked by its users and by what checks these.
    world.write("specs/writer.md", &WRITER.replace("MUST give", "MUST always give"));
    let run = world.run(&["run"]).expect(0);
    assert!(run.err.contains("promoted 4, rejected 0"), "{}", run.err);
    insta::assert_snapshot!("rust", stable(&told));
}

#[test]
fn a_spec_without_code_checks_programs_and_services_of_python() {
    if !all() || !has_python() {
        return;
    }
    let server = Server::start(vec![Act::Make(|_, body| answer(in_python, body))]);
    let more = targets("python", WITHOUT_TOOLS);
    let world = python::world(&server, "writer", WRITER, &more);
    insta::assert_snapshot!("python", stable(&checked(&server, &world)));
}

#[test]
fn a_spec_without_code_checks_programs_and_services_of_typescript_and_javascript() {
    if !all() || !typescript::has_tools() {
        return;
    }
    let server = Server::start(vec![Act::Make(|_, body| answer(script, body))]);
    let world = typescript::world(&server, "writer", WRITER, &targets("typescript", ""));
    insta::assert_snapshot!("typescript", stable(&checked(&server, &world)));
    // The same in JavaScript, with an example of the library beside the programs.
    let config = world.read("harness.toml");
    let from = "toolchain = \"typescript\"";
    world.write("harness.toml", &config.replace(from, "toolchain = \"javascript\""));
    let beside = "  ```js\n  import { write } from \"writer\";\n\n  assert.equal(write(1000), \"1000\");\n  \
        ```\n\n- So MUST";
    let trip = TRIP.replace("teller]", "teller, writer]").replace("- So MUST", beside);
    world.write("specs/trip.md", &trip);
    let run = world.run(&["run"]).expect(0);
    assert!(run.err.contains("promoted 4, rejected 0"), "{}", run.err);
    assert_eq!(asked(&server)[5..], ["writer", "printer", "teller"]);
    assert!(world.path("generated/teller/service/src/main.js").exists());
    world.run(&["check", "--rerun"]).expect(0);
    let before = (world.snapshot("generated"), world.read("regen.lock"));
    world.write("specs/writer.md", &WRITER.replace("digits.", "digits, in thousands."));
    let run = world.run(&["run"]).expect(21);
    assert!(run.err.contains("clause trip/same"), "{}", run.err);
    assert!((world.snapshot("generated"), world.read("regen.lock")) == before, "{}", run.err);
}

#[test]
fn examples_of_programs_that_cannot_be_run_are_refused_with_their_line() {
    let server = Server::start(vec![Act::Close]);
    let system = [("writer", WRITER), ("printer", PRINTER), ("teller", TELLER)];
    let world = World::new(&server.url, &system, &targets("rust", ""));
    world.write("specs/other.md", &TELLER.replace("Teller", "Other"));
    let mut told = String::new();
    let mut trip = |from: &str, to: &str, title: &str| {
        assert!(TRIP.contains(from), "{from}");
        world.write("specs/trip.md", &TRIP.replacen(from, to, 1));
        told += &world.run(&["lint", "trip"]).expect(10).titled(title);
    };
    trip("$ printer 1000", "$ writer 1000", "not a program");
    trip("  $ printer 1000\n  1000\n", "  $ printer\n", "what a silent program passes");
    trip("HTTP 200\n  `1000`", "HTTP 404", "what any service passes");
    trip("teller]", "teller, other]", "two services");
    trip("printer, teller]", "printer]", "no service");
    trip(
        "```console\n  $ printer 1000\n  1000\n",
        "```rust\n  use printer::main;\n  main();\n",
        "items of a program",
    );
    let config = world.read("harness.toml");
    let programs =
        config.replacen("toolchain = \"rust\"\n", "toolchain = \"rust\"\nkind = \"program\"\n", 1);
    world.write("harness.toml", &programs);
    world.write("specs/trip.md", TRIP);
    told += &world.run(&["lint", "trip"]).expect(10).titled("no target for libraries");
    insta::assert_snapshot!(stable(&told));
    assert!(server.requests().is_empty());
}
