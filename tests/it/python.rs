//! Python as a language: contracts, compared outside of the candidate's process.

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

use crate::contracts::{GOOD as GOOD_RUST, ROMAN, SHAPES, SHAPES_CODE};
use crate::server::{Act, Server, files};
use crate::world::{Run, World, all, of_each_kind, rounds, stable};

/// The gates that need no tools but the interpreter.
pub const WITHOUT_TOOLS: &str =
    "gates = [\"layout\", \"check\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n";

/// Right.
const GOOD: &str = "\"\"\"Roman numerals.\"\"\"

from .contract import Err, Problem, Problem_OutOfRange

__all__ = [\"from_roman\", \"to_roman\"]

DIGITS = [
    (1000, \"M\"),
    (900, \"CM\"),
    (500, \"D\"),
    (400, \"CD\"),
    (100, \"C\"),
    (90, \"XC\"),
    (50, \"L\"),
    (40, \"XL\"),
    (10, \"X\"),
    (9, \"IX\"),
    (5, \"V\"),
    (4, \"IV\"),
    (1, \"I\"),
]


def to_roman(n: int) -> str:
    \"\"\"The numeral of `n`.\"\"\"
    if not 0 < n < 4000:
        problem: Problem = Problem_OutOfRange(n)
        raise Err(problem)
    left = n
    out = \"\"
    for value, digit in DIGITS:
        while left >= value:
            out += digit
            left -= value
    return out


def from_roman(numeral: str) -> int | None:
    \"\"\"The number of a numeral.\"\"\"
    return next((n for n in range(1, 4000) if to_roman(n) == numeral), None)
";

const SHAPES_PYTHON: &str = "\"\"\"Shapes.\"\"\"

from .contract import Access, Color, Err, Name, Point, Shape, Some

__all__ = [
    \"Counter\",
    \"fail\",
    \"half\",
    \"move_by\",
    \"nothing\",
    \"same\",
    \"spell\",
    \"total\",
]


class Counter:
    \"\"\"Counts.\"\"\"

    def __init__(self, start: int) -> None:
        self.count = start

    def add(self, by: int) -> int:
        \"\"\"Adds.\"\"\"
        if self.count + by >= 2**64:
            raise Err(\"full\")
        self.count += by
        return self.count

    @staticmethod
    def from_text(text: str) -> \"Counter\":
        \"\"\"Reads.\"\"\"
        if not text.isdigit():
            raise Err(text)
        return Counter(int(text))


def total(of: Counter, more: list[int]) -> int:
    \"\"\"The sum.\"\"\"
    return of.count + sum(more)


def same(shape: Shape, color: Color, access: Access) -> tuple[Shape, Color, Access]:
    \"\"\"The same.\"\"\"
    return (shape, color, access)


def move_by(point: Point, by: Point | None, none: Some[int | None] | None) -> Point:
    \"\"\"Moves.\"\"\"
    x, y = (0, 0.0) if by is None else (by.x, by.y)
    label: Name | None = \"no byte\" if none is None else None
    return Point(point.x + x, point.y + y, label)


def half(of: float) -> float:
    \"\"\"Half.\"\"\"
    return of / 2.0


def spell(text: str, one: str, maybe: str | None) -> list[str]:
    \"\"\"Spells.\"\"\"
    return [text, one] if maybe is None else [text, one, maybe]


def nothing() -> None:
    \"\"\"Nothing.\"\"\"


def fail(text: str) -> None:
    \"\"\"Fails.\"\"\"
    if text:
        raise ValueError(text)
";

/// Whether this machine has an interpreter with pip; otherwise says so.
#[expect(clippy::print_stdout, reason = "a skipped test says why")]
pub fn has_python() -> bool {
    static FOUND: LazyLock<bool> = LazyLock::new(|| {
        let ask = "import sys, pip; sys.exit(sys.version_info < (3, 10))";
        let asked = std::process::Command::new("python3").args(["-I", "-c", ask]).output();
        asked.is_ok_and(|output| output.status.success())
    });
    if !*FOUND {
        println!("skipped: no python3 >= 3.10 with pip on PATH");
    }
    *FOUND
}

/// Whether the tools can be fetched; otherwise says so.
#[expect(clippy::print_stdout, reason = "a skipped test says why")]
pub fn has_tools() -> bool {
    static FOUND: LazyLock<bool> = LazyLock::new(|| {
        use std::net::{TcpStream, ToSocketAddrs};
        let mut places = "pypi.org:443".to_socket_addrs().into_iter().flatten();
        places.any(|at| TcpStream::connect_timeout(&at, Duration::from_secs(5)).is_ok())
    });
    if !*FOUND {
        println!("skipped: the tools cannot be fetched from pypi.org");
    }
    has_python() && *FOUND
}

/// A workspace with a Python target only. `more` are keys of the target.
pub fn world(server: &Server, id: &str, spec: &str, more: &str) -> World {
    let world = World::new(&server.url, &[(id, spec)], "");
    let config = world.read("harness.toml").replace("[\"rust\"]", "[\"python\"]");
    let target = format!("[target.python]\ntoolchain = \"python\"\n{more}");
    world.write("harness.toml", &config.replace("[target.rust]\ntoolchain = \"rust\"\n", &target));
    world
}

pub fn package(name: &str, code: &str) -> Act {
    Act::Say(files(&[(&format!("src/{name}/__init__.py"), code)]))
}

/// A run over the numerals with this answer each time.
fn answered(code: &str) -> (World, Run) {
    let server = Server::start(vec![package("roman", code)]);
    let world = world(&server, "roman", ROMAN, WITHOUT_TOOLS);
    let run = world.run(&["run"]);
    (world, run)
}

/// In the language that is asked for.
fn in_both(_: usize, body: &Value) -> String {
    let text = body.to_string();
    let is_python = text.contains("You write Python code");
    let (rust, python, name) = if text.contains("Shapes") {
        (SHAPES_CODE, SHAPES_PYTHON, "shapes")
    } else {
        (GOOD_RUST, GOOD, "roman")
    };
    if is_python {
        files(&[(&format!("src/{name}/__init__.py"), python)])
    } else {
        files(&[("src/lib.rs", rust)])
    }
}

#[test]
fn one_spec_is_promoted_in_two_languages_in_one_run() {
    if !has_tools() {
        return;
    }
    let server = Server::start(vec![Act::Make(in_both)]);
    let specs = &[("shapes", SHAPES), ("roman", ROMAN)][..rounds(2, 1)];
    let world = World::new(&server.url, specs, "[target.python]\ntoolchain = \"python\"\n");
    let config = world.read("harness.toml").replace("[\"rust\"]", "[\"rust\", \"python\"]");
    world.write("harness.toml", &config);
    let run = world.run(&["run"]).expect(0);
    assert!(run.err.contains(&format!("promoted {}, rejected 0", specs.len())), "{run:?}");
    assert_eq!(server.requests().len(), 2 * specs.len(), "{run:?}");
    let made = world.read("generated/shapes/python/src/shapes/__init__.py");
    assert_eq!(made, SHAPES_PYTHON);
    let types = world.read("generated/shapes/python/src/shapes/contract.py");
    insta::assert_snapshot!("types", types);
    insta::assert_snapshot!("manifest", world.read("generated/shapes/python/pyproject.toml"));
    if all() {
        assert_eq!(world.read("generated/roman/python/src/roman/__init__.py"), GOOD);
        world.run(&["check", "--rerun"]).expect(0);
    }
    let prompts = (0..2 * specs.len()).map(|at| server.prompt(at));
    let prompt = prompts.into_iter().find(|text| text.contains("class Counter:"));
    let prompt = prompt.expect("one is for Python");
    let part = &prompt[..prompt.find("## Specification").expect("is there")];
    insta::assert_snapshot!("prompt", part);
}

/// Why a run was rejected: what is printed for the last attempt.
fn refusal(run: &Run) -> String {
    let from = run.err.find("\nroman: rejected").expect("is told");
    stable(run.err[from..].trim_start())
}

#[test]
fn wrong_answers_are_refused_with_the_call_and_both_values() {
    if !all() {
        return;
    }
    if !has_python() {
        return;
    }
    let wrong = [
        ("value", GOOD.replace("(4, \"IV\")", "(4, \"IIII\")")),
        ("range", GOOD.replace("0 < n < 4000", "n < 4000")),
        ("trap", GOOD.replace("raise Err(problem)", "raise ValueError(problem)")),
        ("lookup", GOOD.replace("range(1, 4000)", "range(1, 1000)")),
        ("held out", GOOD.replace("n < 4000", "n < 3999")),
        ("no text", GOOD.replace("return out", "return out.encode()  # type unknown")),
        (
            "a boolean",
            GOOD.replace("return next((n for", "return n if (n := next((n for")
                .replace("numeral), None)", "numeral), None)) != 1 else True"),
        ),
        ("a float", GOOD.replace("return next((n for", "return next((float(n) for")),
        ("import", GOOD.replace("DIGITS = [", "DIGITS = [] + None\nDIGITS = [")),
    ];
    let mut told = String::new();
    for (name, code) in wrong {
        let (_, run) = answered(&code);
        told += &format!("== {name}\n{}", refusal(&run.expect(20)));
    }
    insta::assert_snapshot!(told);
    // The words are the interpreter's.
    let (_, run) = answered(&GOOD.replace("def to_roman(n: int)", "def to_roman(n: int"));
    assert!(refusal(&run.expect(20)).contains("gate `check` failed: syntax error: "));
}

const SORTS: &str = "# Sorts\n\n```wit\nsorted-of: func(xs: list<s32>) -> list<s32>;\n```\n\n- It MUST sort. \
    `test_id: sorts`\n\n  | xs | sorted-of(xs) |\n  |----|----|\n  | [2, 1] | [1, 2] |\n  | [] | [] |\n";

#[test]
fn an_argument_belongs_to_its_caller() {
    if !has_python() {
        return;
    }
    let code = |body: &str| {
        format!(
            "\"\"\"Sorts.\"\"\"\n\n__all__ = [\"sorted_of\"]\n\n\ndef sorted_of(xs: list[int]) -> list[int]:\n{body}"
        )
    };
    let in_place = code("    xs.sort()\n    return xs\n");
    let server = Server::start(vec![
        package("sorts", &in_place),
        package("sorts", &code("    return sorted(xs)\n")),
    ]);
    let world = world(&server, "sorts", SORTS, WITHOUT_TOOLS);
    world.run(&["run"]).expect(0);
    let told = server.told(1);
    assert!(told.contains("argument 1 was changed by the call, in sorted-of([2, 1])"), "{told}");
}

#[test]
fn the_public_surface_is_exactly_the_contract() {
    if !all() {
        return;
    }
    if !has_python() {
        return;
    }
    let wrong = [
        ("more", GOOD.replace("\"to_roman\"]", "\"to_roman\", \"DIGITS\"]")),
        ("less", GOOD.replace("[\"from_roman\", \"to_roman\"]", "[\"to_roman\"]")),
        ("missing", GOOD.replace("def from_roman", "def of_roman")),
        ("computed", GOOD.replace("[\"from_roman\", \"to_roman\"]", "[n for n in \"ab\"]")),
        (
            "no list",
            GOOD.replace("__all__ = [\"from_roman\", \"to_roman\"]\n", "def extra():\n    pass\n"),
        ),
        ("parameters", GOOD.replace("def to_roman(n: int)", "def to_roman(n: int, m: int)")),
    ];
    let mut told = String::new();
    for (name, code) in wrong {
        let (_, run) = answered(&code);
        told += &format!("== {name}\n{}", refusal(&run.expect(20)));
    }
    insta::assert_snapshot!(told);
    // Functions and constants beside the contract's are nobody's concern if `__all__` is set; without
    // it, constants and imports are none.
    let own = "DIGITS = [";
    let honest = [
        GOOD.replace(own, "def extra(n: int) -> int:\n    return n\n\n\nDIGITS = ["),
        GOOD.replace(
            "__all__ = [\"from_roman\", \"to_roman\"]\n",
            "import math\n\nLIMIT = math.pi\n",
        ),
        GOOD.replace("\"to_roman\"]", "\"to_roman\", \"Problem\"]"),
    ];
    for code in &honest {
        let (_, run) = answered(code);
        run.expect(0);
    }
}

/// The numerals, with four strokes for four, and this before.
fn four_strokes(before: &str) -> String {
    let code = GOOD.replace("(4, \"IV\")", "(4, \"IIII\")");
    code.replace("DIGITS = [", &format!("{before}\n\nDIGITS = ["))
}

/// Cheats: their names, and code before the functions.
const CHEATS: [(&str, &str); 16] = [
    ("none", ""),
    ("prints", "print('[\"0\",0,[0,\"I\"]]')"),
    ("exits", "import sys\nsys.exit(0)"),
    ("exits_late", "import os\nlater = os._exit\nDIGITS = None\n"),
    ("exits_as_the_adapter", "import os\nos._exit(97)"),
    ("patches_json", "import json\njson.dumps = lambda *_: '[\"0\",0,[0,\"I\"]]'"),
    ("patches_streams", "import io, sys\nsys.stdout = sys.stderr = io.StringIO()"),
    ("patches_builtins", "import builtins\nbuiltins.type = lambda _: str"),
    (
        "equals_everything",
        "class Text(str):\n    def __eq__(self, other):\n        return True\n    __hash__ = None\n",
    ),
    (
        "replaces_the_driver",
        "import sys\nsys.modules['__main__'].answer = lambda d, l: ['0', 0, [0, 'IV']]",
    ),
    (
        "writes_to_every_descriptor",
        "import os\nfor fd in range(3, 300):\n    try:\n        os.write(fd, b'[\"0\",0,[0,\"IV\"]]\\n')\n    \
         except OSError:\n        pass",
    ),
    ("closes_every_descriptor", "import os\nos.closerange(3, 300)"),
    ("reads_the_frames", "import sys\nprint(sys._getframe(1).f_locals, sys._getframe(0).f_back)"),
    (
        "reads_proc",
        "try:\n    print(open('/proc/self/cmdline').read(), open('/src/regen_adapter.py').read())\nexcept \
         OSError:\n    pass",
    ),
    ("evaluates", "eval(\"__import__('os').getpid()\")"),
    ("hangs", "while True:\n    pass"),
];

/// The cheat of the package that is asked for.
fn cheat(_: usize, body: &Value) -> String {
    let text = body.to_string();
    let asked = |name: &str| text.contains(&format!("Write the package `{name}`"));
    let (name, before) = CHEATS.iter().find(|(name, _)| asked(name)).expect("names its package");
    let code = four_strokes(before);
    let code = match *name {
        "equals_everything" => code.replace("return out", "return Text(out)"),
        "exits_late" => {
            code.replace("    left = n\n", "    if n == 4:\n        later(97)\n    left = n\n")
        }
        _ => code,
    };
    files(&[(&format!("src/{name}/__init__.py"), &code)])
}

/// A world with cheats. The first answer is the last one.
fn cheats(server: &Server, names: &[&str], more: &str) -> World {
    let first = world(server, names[0], ROMAN, &format!("{WITHOUT_TOOLS}{more}"));
    for name in names {
        first.write(&format!("specs/{name}.md"), ROMAN);
    }
    first
}

#[test]
fn no_cheat_is_promoted_even_with_every_effect() {
    if !all() || !has_python() {
        return;
    }
    let every = "effects = [\"fs\", \"net\", \"env\", \"process\", \"clock\", \"thread\", \"stdin\", \
        \"stdout\", \"stderr\", \"state\", \"unsafe\"]\n";
    let names = CHEATS.map(|(name, _)| name);
    for effects in [every, ""] {
        let server = Server::start(vec![Act::Make(cheat)]);
        let more = format!("{effects}[gate.test]\ntimeout_s = 10\n");
        let world = cheats(&server, &names, &more);
        let run = world.run(&["run"]);
        // The candidate's fault, never the machine's.
        assert_eq!(run.code, 20, "{run:?}");
        for name in names {
            let tree = world.read(&format!("generated/{name}/python/src/{name}/__init__.py"));
            assert_eq!(tree, "", "{name}");
        }
        let summary = format!("promoted 0, rejected {}", names.len());
        assert!(run.err.contains(&summary) || run.out.contains(&summary), "{run:?}");
        if effects.is_empty() {
            let told = ["exits", "patches_builtins", "reads_proc", "evaluates", "prints"];
            for name in told {
                let needs = run.err.lines().any(|line| {
                    line.starts_with(name) && line.contains("check") && line.contains("fail")
                });
                assert!(needs, "{name}: {}", run.err);
            }
            assert!(run.err.contains("needs the effect `unsafe`"), "{}", run.err);
        }
    }
}

#[test]
fn findings_of_linter_and_type_checker_are_mended() {
    if !has_tools() {
        return;
    }
    let unused = GOOD.replace("from .contract", "import math\n\nfrom .contract");
    let typed = GOOD.replace("    out = \"\"\n", "    out: int = \"\"\n");
    let silenced = typed.replace("int = \"\"", "int = \"\"  # type: ignore");
    let answers = [unused.as_str(), typed.as_str(), silenced.as_str(), GOOD];
    let server = Server::start(answers.map(|code| package("roman", code)).to_vec());
    let world = world(&server, "roman", ROMAN, "");
    world.run(&["run"]).expect(0);
    let told: Vec<String> = (1..server.requests().len()).map(|at| server.told(at)).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("gate `lint`, `F401`"), "{}", told[0]);
    assert!(told[1].contains("gate `types`, `bad-assignment`"), "{}", told[1]);
    assert!(told[2].contains("disables a check"), "{}", told[2]);
    assert_eq!(world.read("generated/roman/python/src/roman/__init__.py"), GOOD);
}

#[test]
fn an_answer_is_formatted() {
    if !has_tools() {
        return;
    }
    let server = Server::start(vec![package("roman", &GOOD.replace("\"M\"", "'M'"))]);
    let world = world(&server, "roman", ROMAN, "");
    world.run(&["run"]).expect(0);
    assert_eq!(world.read("generated/roman/python/src/roman/__init__.py"), GOOD);
}

#[test]
fn gates_that_need_no_tools_run_without_network() {
    if !all() {
        return;
    }
    if !has_python() {
        return;
    }
    let server = Server::start(vec![package("roman", GOOD)]);
    let offline = |world: &World| {
        let mut command = world.command(&["run"]);
        // The model's server is on this machine.
        command.env("https_proxy", "http://127.0.0.1:1").env("no_proxy", "127.0.0.1");
        Run::of(&mut command)
    };
    let few = world(&server, "roman", ROMAN, WITHOUT_TOOLS).with_own_layers();
    offline(&few).expect(0);
    // The tools' absence is the machine's fault, and says what was not fetched.
    let every = world(&server, "roman", ROMAN, "").with_own_layers();
    let run = offline(&every);
    assert!(run.err.contains("fault: environment"), "{run:?}");
    assert!(run.err.contains("cannot fetch the dependencies"), "{run:?}");
    assert_eq!(every.read("generated/roman/python/src/roman/__init__.py"), "");
}

#[test]
fn native_examples_of_another_language_are_no_tests() {
    let native = ROMAN.replace(
        "  ```property\n  n in 1..=3999\n  from_roman(to_roman(n).ok).some == n\n  ```",
        "  ```rust\n  assert_eq!(roman::to_roman(1).unwrap(), \"I\");\n  ```",
    );
    let none =
        "# Adder\n\n- It MUST add. `test_id: adds`\n\n  ```rust\n  assert_eq!(1 + 1, 2);\n  ```\n";
    let standard = ROMAN.replace("# Roman numerals", "# JSON");
    let server = Server::start(vec![package("roman", GOOD)]);
    let mut told = String::new();
    for (id, spec) in [("roman", native.as_str()), ("adder", none), ("json", standard.as_str())] {
        let world = world(&server, id, spec, "");
        told += &format!("== {id}\n{}", world.run(&["plan"]).expect(10).err);
    }
    let world = world(&server, "roman", ROMAN, "");
    world.write(
        "validators/roman/python/test_roman.py",
        "def test_it():\n    pass\n".repeat(2).as_str(),
    );
    told += &format!("== suite\n{}", world.run(&["plan"]).expect(10).err);
    assert!(server.requests().is_empty());
    insta::assert_snapshot!(told);
}

#[test]
fn without_an_interpreter_other_targets_are_promoted_and_nothing_is_bought() {
    let server = Server::start(vec![Act::Make(in_both)]);
    let specs = [("roman", ROMAN)];
    let world = World::new(&server.url, &specs, "[target.python]\ntoolchain = \"python\"\n");
    let config = world.read("harness.toml").replace("[\"rust\"]", "[\"rust\", \"python\"]");
    world.write("harness.toml", &config);
    // A folder with `rustc` and no `python3`.
    let folder = world.path("bin");
    std::fs::create_dir_all(&folder).expect("makes folders");
    let path = std::env::var_os("PATH").expect("is set");
    let rustc = std::env::split_paths(&path).map(|one| one.join("rustc")).find(|one| one.is_file());
    std::os::unix::fs::symlink(rustc.expect("is there"), folder.join("rustc")).expect("links");
    let run = |args: &[&str]| Run::of(world.command(args).env("PATH", &folder));
    let doctor = run(&["doctor"]).expect(40);
    let missing = "FAIL python         no `python3` on PATH; install Python 3.10 or newer";
    assert!(doctor.out.contains(missing), "{}", doctor.out);
    let ran = run(&["run"]).expect(40);
    assert!(ran.err.contains("no `python3` on PATH"), "{}", ran.err);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(world.read("generated/roman/rust/src/lib.rs"), GOOD_RUST);
    // Alone, it is an error before anything else.
    world.write("harness.toml", &world.read("harness.toml").replace("[\"rust\", ", "["));
    let alone = world.read("harness.toml").replace("[target.rust]\ntoolchain = \"rust\"\n", "");
    world.write("harness.toml", &alone);
    run(&["run"]).expect(40);
    assert_eq!(server.requests().len(), 1);
}

/// What it is asked.
const ABOUT: &str =
    "{\"package\": \"pk\", \"site\": \"\", \"linked\": [], \"allowed\": [], \"program\": false}";

/// What the program that lists effects says of a module, sorted.
fn listed(code: &str) -> Vec<String> {
    use std::io::Write;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("src/pk");
    std::fs::create_dir_all(&path).expect("makes folders");
    std::fs::write(path.join("__init__.py"), code).expect("writes");
    let script = include_bytes!("../../src/toolchain/python/audit.txt");
    let mut child = std::process::Command::new("python3")
        .args(["-I", "-S", "-B", "-X", "utf8", "-", ABOUT, "src/pk/__init__.py"])
        .current_dir(folder.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    child.stdin.take().expect("is piped").write_all(script).expect("writes");
    let output = child.wait_with_output().expect("ends");
    let text = String::from_utf8(output.stdout).expect("is UTF-8");
    assert!(text.ends_with("{\"kind\": \"end\"}\n"), "{code}: {text}");
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("is JSON"));
    let words = lines.filter_map(|line: Value| match line["kind"].as_str() {
        Some("effect") => line["effect"].as_str().map(str::to_owned),
        Some(kind @ ("syntax" | "suppress" | "import" | "unreached")) => Some(kind.to_owned()),
        _ => None,
    });
    let mut words: Vec<String> = words.collect();
    words.sort();
    words.dedup();
    words
}

/// Effects, each with code that has it.
const WAYS: &[(&str, &str)] = &[
    ("fs", "open('a')"),
    ("fs", "f = open"),
    ("fs", "import pathlib"),
    ("fs", "from os import path as p\np.exists('a')"),
    ("fs", "import io\nio.open('a')"),
    ("net", "import urllib.request"),
    ("net", "def f():\n    import socket"),
    ("env", "from os import environ"),
    ("env", "import random"),
    ("env", "import sys as s\ns.argv"),
    ("process", "import os as o\no.system('a')"),
    ("process", "import sys\nsys.exit(1)"),
    ("process", "exit()"),
    ("clock", "from datetime import datetime as d\nd.now()"),
    ("clock", "import time"),
    ("thread", "import threading"),
    ("stdin", "input()"),
    ("stdout", "print(1)"),
    ("stderr", "import warnings"),
    ("unsafe", "eval('1')"),
    ("unsafe", "e = eval"),
    ("unsafe", "[eval for eval in [1]], eval('1')"),
    ("unsafe", "def f():\n    return [eval for eval in [1]], eval('1')"),
    ("unsafe", "if False:\n    eval = 1\neval('1')"),
    ("unsafe", "class A:\n    eval = 1\n    def f(self):\n        return eval('1')"),
    ("unsafe", "def f():\n    global eval\n    return 1"),
    ("unsafe", "\u{ff45}\u{ff56}al('1')"),
    ("unsafe", "().__class__.__base__.__subclasses__()"),
    ("unsafe", "getattr(1, 'a' + 'b')"),
    ("unsafe", "getattr(1, '__globals__')"),
    ("unsafe", "map(getattr, [], [])"),
    ("unsafe", "from operator import attrgetter\nattrgetter('a.__globals__')"),
    ("unsafe", "import operator\noperator.methodcaller('__reduce__')"),
    (
        "unsafe",
        "def f(x):\n    match x:\n        case object(__globals__=g):\n            return g",
    ),
    ("unsafe", "class A:\n    __match_args__ = ('__globals__',)"),
    ("unsafe", "import json\njson.codecs"),
    ("unsafe", "import json\nm = json"),
    ("unsafe", "from json import codecs"),
    ("unsafe", "from .contract import dataclasses"),
    ("unsafe", "from . import contract\ncontract.typing.sys.modules"),
    ("unsafe", "import importlib"),
    ("unsafe", "import _ctypes"),
    ("unsafe", "__builtins__"),
    ("unsafe", "import string\nstring.Formatter().get_field('0.a', (1,), {})"),
    ("unsafe", "(x for x in [1]).gi_frame.f_globals"),
    ("unsafe", "x = 1 if __debug__ else 2"),
    ("unsafe", "import sys\nsys.setrecursionlimit(60)"),
    ("unsafe", "import sys\nf = sys.setrecursionlimit\nf(5000)"),
    ("unsafe", "import sys\nx = sys.getrecursionlimit()"),
    ("unsafe", "import textwrap\ntextwrap.dedent = str"),
    ("unsafe", "from textwrap import TextWrapper as T\nT.width = 3"),
    ("unsafe", "import re\ndel re.compile"),
    ("state", "n = 0\ndef f():\n    global n\n    n += 1"),
    ("state", "seen = []\ndef f(a):\n    seen.append(a)"),
    ("state", "seen = {}\ndef f(a):\n    seen[a] = 1"),
    ("state", "def f(a):\n    f.calls = 1"),
    ("state", "class A:\n    n = 0\ndef f():\n    A.n += 1"),
    ("state", "class A:\n    all = []\n    def f(self):\n        self.all.append(1)"),
    ("state", "class A:\n    n = 0\n    @classmethod\n    def f(cls):\n        cls.n += 1"),
    ("state", "def f(a, seen=[]):\n    seen.append(a)"),
    ("state", "def f(a, *, seen={}):\n    seen[a] = 1"),
    ("state", "import itertools\nids = itertools.count()\ndef f():\n    return next(ids)"),
    ("state", "from .contract import seen\ndef f(a):\n    seen.append(a)"),
    ("state", "def make():\n    def f():\n        old.pop()\n    return f\nold = [1]"),
    ("import", "import numpy"),
    ("suppress", "import math  # noqa: F401"),
    ("suppress", "x: int = ''  #type:ignore"),
    ("syntax", "def f(:"),
    ("syntax", "# -*- coding: latin-1 -*-\nx = 1"),
    ("syntax", "x = 1\0"),
];

#[test]
fn each_way_to_an_effect_is_found() {
    if !has_python() {
        return;
    }
    for (effect, code) in of_each_kind(WAYS.iter().copied(), |way| way.0) {
        assert!(
            listed(code).iter().any(|one| one == effect),
            "{effect}: {code}: {:?}",
            listed(code)
        );
    }
}

#[test]
fn honest_code_has_no_effect() {
    if !has_python() {
        return;
    }
    let honest = [
        "from __future__ import annotations\nimport math, re, json, itertools\nx = math.pi",
        "from collections import Counter, defaultdict, deque\nimport collections.abc\n\
         def f(x: collections.abc.Iterable[int]) -> None: ...",
        "from datetime import date, datetime, timedelta\nx = date(2020, 1, 1) + timedelta(days=1)",
        "import datetime\nx = datetime.datetime(2020, 1, 1).isoformat()",
        "import copy\ndef f(copy: list[int]) -> list[int]:\n    return copy.copy()",
        "import string\ndef f(string: str) -> str:\n    return string.upper()",
        "from dataclasses import dataclass, field, replace\n@dataclass(frozen=True)\nclass A:\n    x: int = field(default=1)",
        "from operator import attrgetter, itemgetter\nx = sorted([], key=attrgetter('a.b'))",
        "import operator\nx = sorted([], key=operator.attrgetter('name'))",
        "def f(x: object) -> object:\n    return getattr(x, 'name', None)",
        "class A:\n    def __init__(self) -> None:\n        self.sys = 1\n        self.open = True\n    def close(self) -> int:\n        return self.sys",
        "class A:\n    def open(self) -> None: ...\n    def compile(self) -> None:\n        self.open()",
        "def f(input: str, vars: dict[str, int]) -> int:\n    return vars[input]",
        "def f(x: object) -> str:\n    return type(x).__name__ + x.__class__.__name__ + f'{x!r}'",
        "import sys\nx = sys.maxsize\nsys.setrecursionlimit(5000)",
        "from io import StringIO\nout = StringIO()\nout.write('a')",
        "import functools\n@functools.cache\ndef f(n: int) -> int:\n    return n",
        "from functools import reduce\nx = reduce(lambda a, b: a * b, [1, 2], 1)",
        "import enum\nclass E(enum.Enum):\n    A = enum.auto()",
        "from typing import Final, NamedTuple, TypeVar\nT = TypeVar('T')\nclass P(NamedTuple):\n    a: int",
        "from decimal import Decimal, getcontext\nfrom fractions import Fraction\nx = Decimal('1.1')",
        "import hashlib, base64, struct\nx = hashlib.sha256(base64.b64encode(struct.pack('>I', 1))).hexdigest()",
        "from urllib.parse import quote, urlsplit\nx = quote('a')",
        "import urllib.parse\nx = urllib.parse.quote('a')",
        "try:\n    x = 1\nexcept ValueError as error:\n    raise TypeError('no') from error",
        "def f(x: object) -> int:\n    match x:\n        case {'a': int(a), **rest}:\n            return a\n        case [a, *_]:\n            return 1\n        case _:\n            return 0",
        "import types\nx = types.MappingProxyType({})\nfrom types import SimpleNamespace",
        "from ast import literal_eval\nx = literal_eval('[1]')",
        "class A:\n    def __eq__(self, other: object) -> bool:\n        return isinstance(other, A)\n    def __hash__(self) -> int:\n        return 1",
        "from collections import Counter\nc = Counter()\nc['a'] += 1\nclass A:\n    x = 0\nA.x = 1",
        "words: dict[str, int] = {}\nfor one in ['a']:\n    words[one] = 1\nwords.update(b=2)",
        "def f(a: list[int]) -> list[int]:\n    out = []\n    out.append(a.pop())\n    a[0] = 1\n    return out",
        "class A:\n    def __init__(self) -> None:\n        self.all: list[int] = []\n    def f(self) -> None:\n        self.all.append(1)\n        self.n = 1",
        "class A:\n    items: list[int] = []\n    def __init__(self) -> None:\n        self.items = []\n    def f(self) -> None:\n        self.items.append(1)",
        "def f() -> int:\n    n = 0\n    def up() -> None:\n        nonlocal n\n        n += 1\n    up()\n    return n",
        "def f(a: str, sep: str = ',') -> list[str]:\n    seen: set[str] = set()\n    return [x for x in a.split(sep) if x not in seen and not seen.add(x)]",
        "def f(rows: list[list[int]]) -> None:\n    for row in rows:\n        row.sort()\n    with_it = iter(rows)\n    next(with_it)",
        "# The type is checked, so no error is ignored.\nx = '# noqa is in a text'",
    ];
    for code in honest.into_iter().step_by(rounds(1, 3)) {
        assert_eq!(listed(code), [""; 0], "{code}");
    }
}

#[test]
fn a_module_that_no_other_one_imports_is_refused() {
    if !has_python() {
        return;
    }
    let module = |imports: &str| {
        let root = GOOD.replace("__all__", &format!("{imports}\n__all__"));
        let left = "\"\"\"Nothing.\"\"\"\n\nraise RuntimeError\n";
        files(&[
            ("src/roman/__init__.py", &root),
            ("src/roman/py.typed", ""),
            ("src/roman/parts/__init__.py", "\"\"\"Parts.\"\"\"\n"),
            ("src/roman/parts/used.py", "\"\"\"Used.\"\"\"\n"),
            ("src/roman/parts/left.py", if imports.contains("left") { "" } else { left }),
        ])
    };
    let imports = "from .parts import used";
    let server = Server::start(vec![
        Act::Say(module(imports)),
        Act::Say(module(&format!("{imports}, left"))),
    ]);
    let world = world(&server, "roman", ROMAN, WITHOUT_TOOLS);
    let run = world.run(&["run"]).expect(0);
    let said = "no module imports `src/roman/parts/left.py`: nothing tests it";
    assert!(run.err.contains(said), "{}", run.err);
    assert!(
        !run.err.contains("parts/used.py`") && !run.err.contains("parts/__init__"),
        "{}",
        run.err
    );
    assert!(world.path("generated/roman/python/src/roman/py.typed").exists());
}

#[test]
fn a_granted_effect_is_promoted() {
    if !has_python() {
        return;
    }
    let code = GOOD.replace("    left = n\n", "    print(n)\n    left = n\n");
    let server = Server::start(vec![package("roman", &code)]);
    let granted =
        world(&server, "roman", ROMAN, &format!("{WITHOUT_TOOLS}effects = [\"stdout\"]\n"));
    granted.run(&["run"]).expect(0);
    let closed = world(&server, "roman", ROMAN, WITHOUT_TOOLS);
    let run = closed.run(&["run"]).expect(20);
    assert!(run.err.contains("`print` needs the effect `stdout`"), "{}", run.err);
}
