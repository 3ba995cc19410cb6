//! Toolchains that a file declares: those that ship, and one for a language that regen's sources
//! do not name.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::python::has_python;
use crate::server::{Act, Server, files};
use crate::typescript::has_tools;
use crate::world::{World, all, stable};

/// The spec that shipped toolchains are checked with: every kind of type.
const SHAPES: &str = include_str!("../../src/toolchain/declared/check.md");
/// A toolchain of a workspace.
const PERL: &str = include_str!("../fixtures/toolchains/perl.toml");

const RUST: &str = "//! Shapes.
pub mod contract;
use contract::{Colour, Marks, Problem, Shape};
/// Counts.
pub struct Counter(u64);
impl Counter {
    /// From a start.
    #[must_use]
    pub fn new(start: u64) -> Self {
        Self(start)
    }
    /// From zero.
    #[must_use]
    pub fn zero() -> Self {
        Self(0)
    }
    /// Adds.
    pub fn add(&mut self, by: u64) -> u64 {
        self.0 = self.0.wrapping_add(by);
        self.0
    }
}
/// The root.
/// # Errors
/// Negative.
pub fn root(n: i64) -> Result<f64, Problem> {
    if n < 0 {
        return Err(Problem::Negative(n));
    }
    Ok((n as f64).sqrt())
}
/// The first of a half.
#[must_use]
pub fn halves(items: &[u8]) -> Option<Option<u8>> {
    if items.is_empty() {
        return None;
    }
    Some(items.get(..items.len() / 2).and_then(|half| half.first().copied()))
}
/// The size.
#[must_use]
pub fn size(shape: &Shape) -> u32 {
    match shape {
        Shape::Dot(_) => 1,
        Shape::Path(points) => points.len() as u32,
        Shape::Blank => 0,
    }
}
/// Swaps.
#[must_use]
pub fn swap(pair: &(String, char), marks: Marks) -> (char, String, Marks) {
    (pair.1, pair.0.clone(), Marks { big: marks.old, old: marks.big })
}
/// Mixes.
#[must_use]
pub fn mix(_a: Colour, b: f32) -> Colour {
    if b.is_nan() { Colour::Red } else { Colour::DeepBlue }
}
/// Checks.
/// # Errors
/// The same.
pub fn checked(r: &Result<u8, String>) -> Result<(), String> {
    match r {
        Ok(_) => Ok(()),
        Err(why) => Err(why.clone()),
    }
}
";

const PYTHON: &str = "\"\"\"Shapes.\"\"\"

import math

from .contract import (
    Colour,
    Err,
    Marks,
    Ok,
    Problem,
    Problem_Negative,
    Shape,
    Shape_Dot,
    Shape_Path,
    Some,
)

__all__ = [\"Counter\", \"checked\", \"halves\", \"mix\", \"root\", \"size\", \"swap\"]


class Counter:
    \"\"\"Counts.\"\"\"

    def __init__(self, start: int) -> None:
        self._n = start

    @staticmethod
    def zero() -> \"Counter\":
        return Counter(0)

    def add(self, by: int) -> int:
        self._n += by
        return self._n


def root(n: int) -> float:
    if n < 0:
        problem: Problem = Problem_Negative(n)
        raise Err(problem)
    return math.sqrt(n)


def halves(items: list[int]) -> Some[int | None] | None:
    if not items:
        return None
    half = items[: len(items) // 2]
    return Some(half[0] if half else None)


def size(shape: Shape) -> int:
    if isinstance(shape, Shape_Dot):
        return 1
    if isinstance(shape, Shape_Path):
        return len(shape.value)
    return 0


def swap(pair: tuple[str, str], marks: Marks) -> tuple[str, str, Marks]:
    out = Marks(0)
    if Marks.OLD in marks:
        out |= Marks.BIG
    if Marks.BIG in marks:
        out |= Marks.OLD
    return (pair[1], pair[0], out)


def mix(a: Colour, b: float) -> Colour:
    return Colour.RED if math.isnan(b) else Colour.DEEP_BLUE


def checked(r: Ok[int] | Err[str]) -> None:
    if isinstance(r, Err):
        raise r
";

const TYPESCRIPT: &str = r#"import {
  type Colour,
  ContractError,
  type Marks,
  type Problem,
  type Shape,
} from "./contract.ts";

/** Counts. */
export class Counter {
  #count: bigint;

  constructor(start: bigint) {
    this.#count = start;
  }

  static zero(): Counter {
    return new Counter(0n);
  }

  add(by: bigint): bigint {
    this.#count += by;
    return this.#count;
  }
}

export function root(n: bigint): number {
  if (n < 0n) {
    const problem: Problem = { tag: "negative", val: n };
    throw new ContractError(problem);
  }
  return Math.sqrt(Number(n));
}

export function halves(
  items: number[],
): { tag: "some"; val: number | undefined } | undefined {
  if (items.length === 0) {
    return undefined;
  }
  const half = items.slice(0, Math.floor(items.length / 2));
  return { tag: "some", val: half[0] };
}

export function size(shape: Shape): number {
  switch (shape.tag) {
    case "dot":
      return 1;
    case "path":
      return shape.val.length;
    default:
      return 0;
  }
}

export function swap(pair: [string, string], marks: Marks): [string, string, Marks] {
  return [pair[1], pair[0], { big: marks.old, old: marks.big }];
}

export function mix(_a: Colour, b: number): Colour {
  return Number.isNaN(b) ? "red" : "deep-blue";
}

export function checked(r: { tag: "ok"; val: number } | { tag: "err"; val: string }): void {
  if (r.tag === "err") {
    throw new ContractError(r.val);
  }
}
"#;

fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/toolchain/declared")
        .join(format!("{name}.toml"));
    std::fs::read_to_string(path).expect("ships")
}

/// The files of one of a toolchain's own candidates.
fn tree(text: &str, name: &str) -> Vec<(String, String)> {
    let file: toml::Value = toml::from_str(text).expect("is TOML");
    let trees = file["check"]["tree"].as_array().expect("has some");
    let tree = trees.iter().find(|one| one["name"].as_str() == Some(name)).expect("is there");
    let files = tree["files"].as_table().expect("are files").iter();
    files.map(|(path, text)| (path.clone(), text.as_str().expect("is text").to_owned())).collect()
}

/// Whether a program is on `PATH`.
fn found(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder: PathBuf| folder.join(program).is_file())
}

/// The shipped toolchains whose tools are here: in the short suite only C, whose tools build Rust
/// programs too.
#[expect(clippy::print_stdout, reason = "what is left out is worth knowing")]
fn testable() -> Vec<&'static str> {
    let mut names = vec!["c"];
    if all() {
        for (name, program) in [("java", "javac"), ("go", "go")] {
            if found(program) {
                names.push(name);
            } else {
                println!("not tested: {name}, because there is no `{program}`");
            }
        }
    }
    names
}

/// Those, and the built-in languages whose tools are here.
fn all_languages() -> Vec<&'static str> {
    let built_in = [("rust", true), ("python", has_python()), ("typescript", has_tools())];
    let built_in = built_in.into_iter().filter(|(_, is_here)| *is_here).map(|(name, _)| name);
    built_in.chain(testable()).collect()
}

#[test]
fn shipped_toolchains_tell_good_from_bad() {
    for name in testable() {
        let world = World::new("http://127.0.0.1:9", &[], "");
        let run = world.run(&["toolchain", "check", name]).expect(0);
        assert!(run.out.contains(" candidates judged as the file says"), "{run:?}");
        assert!(run.out.contains("good         passes"), "{run:?}");
    }
}

/// An answer in the language that a prompt asks for; with `edit`, one that is wrong in one place.
fn answer(body: &Value, edit: bool) -> String {
    let text = body.to_string();
    let asked = |(_, language, _, _): &(&str, &str, &str, &str)| {
        text.contains(&format!("You write {language} code"))
    };
    let declared = [
        ("c", "C", "items.data[0]", "1"),
        ("java", "Java", "half.get(0)", "1"),
        ("go", "Go", "first := half[0]", "first := uint8(1)"),
    ];
    let mut list = match declared.iter().find(|one| asked(one)) {
        Some((name, _, right, wrong)) => {
            let mut found = tree(&shipped(name), "good");
            if edit {
                found.iter_mut().for_each(|(_, text)| *text = text.replace(right, wrong));
            }
            found
        }
        None => Vec::new(),
    };
    let code = |path: &str, code: &str, right: &str, wrong: &str| {
        (path.to_owned(), if edit { code.replace(right, wrong) } else { code.to_owned() })
    };
    if text.contains("You write Python code") {
        list.push(code("src/shapes/__init__.py", PYTHON, "half[0] if half", "1 if half"));
    } else if text.contains("You write TypeScript code") {
        list.push(code(
            "src/index.ts",
            TYPESCRIPT,
            "val: half[0]",
            "val: half.length > 0 ? 1 : undefined",
        ));
    } else if list.is_empty() {
        list.push(code("src/lib.rs", RUST, "half.first().copied()", "half.first().map(|_| 1)"));
    }
    let list: Vec<_> = list.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files(&list)
}

fn good(_: usize, body: &Value) -> String {
    answer(body, false)
}

fn wrong(_: usize, body: &Value) -> String {
    answer(body, true)
}

/// A workspace with a target in each language.
fn world_of(server: &Server, names: &[&str]) -> World {
    let targets: String = names
        .iter()
        .map(|name| match *name {
            "rust" => String::new(),
            "typescript" => "[target.typescript]\ntoolchain = \"typescript\"\n".to_owned(),
            "python" => "[target.python]\ntoolchain = \"python\"\ngates = [\"layout\", \"check\", \"test\", \"hidden\", \
                         \"proof\", \"clauses\"]\n"
                .to_owned(),
            name => format!("[target.{name}]\ntoolchain = \"{name}\"\n"),
        })
        .collect();
    let world = World::new(&server.url, &[("shapes", SHAPES)], &targets);
    let list = names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    let config = world.read("harness.toml").replace("[\"rust\"]", &format!("[{list}]"));
    world.write("harness.toml", &config);
    world
}

#[test]
fn one_contract_is_promoted_in_every_language() {
    let server = Server::start(vec![Act::Make(good)]);
    let world = world_of(&server, &if all() { all_languages() } else { vec!["c"] });
    world.run(&["run"]).expect(0);
    let header = world.read("generated/shapes/c/contract.h");
    insta::assert_snapshot!("c", header);
    let prompts = (0..server.requests().len()).map(|at| server.prompt(at));
    let prompt = prompts.into_iter().find(|text| text.contains("Write C11")).expect("is for C");
    let part = &prompt[..prompt.find("## Specification").expect("is there")];
    insta::assert_snapshot!("prompt", part);
    world.run(&["check", "--rerun"]).expect(0);
    for (name, file) in [("java", "java/shapes/Contract.java"), ("go", "go/contract.go")] {
        if testable().contains(&name) {
            insta::assert_snapshot!(name, world.read(&format!("generated/shapes/{file}")));
        }
    }
}

#[test]
fn a_wrong_candidate_is_refused_at_the_same_clause_in_every_language() {
    if !all() {
        return;
    }
    for name in all_languages() {
        let server = Server::start(vec![Act::Make(wrong)]);
        let world = world_of(&server, &[name]);
        let run = world.run(&["run"]).expect(20);
        assert!(run.err.contains("shapes/halves"), "{name}: {run:?}");
        assert!(run.err.contains("fault: model"), "{name}: {run:?}");
    }
}

const WORDS: &str = "# Words

```wit
record pair { word: string, times: u32 }
count: func(words: list<string>) -> list<pair>;
first: func(words: list<string>) -> option<string>;
half: func(n: s64) -> result<s64, string>;
```

- Words MUST be counted in order. `test_id: count`

  ```wave
  count([\"b\", \"a\", \"b\"]) = [{word: \"b\", times: 2}, {word: \"a\", times: 1}]
  first([]) = none
  ```

- An odd number MUST be refused. `test_id: half`

  ```wave
  half(8) = ok(4)
  half(3) = err(\"odd\")
  ```
";

fn perl(server: &Server, declaration: &str) -> World {
    let world =
        World::new(&server.url, &[("words", WORDS)], "[target.perl]\ntoolchain = \"perl\"\n");
    let config = world.read("harness.toml").replace("[\"rust\"]", "[\"perl\"]");
    world.write("harness.toml", &config);
    world.write("toolchains/perl.toml", declaration);
    world
}

fn perl_answer(name: &str) -> Act {
    let found = tree(PERL, name);
    let list: Vec<_> = found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    Act::Say(files(&list))
}

#[test]
fn a_language_that_regen_does_not_name_is_added_by_a_file() {
    let server = Server::start(vec![perl_answer("good")]);
    let world = perl(&server, PERL);
    let run = world.run(&["toolchain", "check", "perl"]).expect(0);
    insta::assert_snapshot!("conformance", stable(&run.out));
    world.run(&["run"]).expect(0);
    assert!(world.read("generated/words/perl/words.pl").contains("sub count"));
    world.run(&["check"]).expect(0);
    world.run(&["doctor"]);
    // A changed declaration is a changed input.
    world.write("toolchains/perl.toml", &PERL.replace("and no modules", "and no modules at all"));
    let plan = world.run(&["plan"]).expect(0);
    assert!(plan.out.contains("words"), "{plan:?}");
    let mut told = String::new();
    for name in ["broken", "wrong", "effect"] {
        let server = Server::start(vec![perl_answer(name)]);
        let world = perl(&server, PERL);
        let run = world.run(&["run"]).expect(20);
        let from = run.err.find("\nwords: rejected").expect("is told");
        told += &format!("== {name}\n{}", stable(run.err[from..].trim_start()));
    }
    insta::assert_snapshot!("refused", told);
}

/// A template that would make gigabytes.
const ENDLESS: &str = "{% for a in range(1000) %}{% for b in range(1000) %}\
    yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy{% endfor %}{% endfor %}";

#[test]
fn errors_in_a_declaration_name_file_line_and_key() {
    let server = Server::start(vec![perl_answer("good")]);
    let without = |line: &str| {
        let kept: Vec<&str> = PERL.lines().filter(|one| !one.starts_with(line)).collect();
        kept.join("\n") + "\n"
    };
    let cases = [
        ("not TOML", "language = \n".to_owned()),
        ("unknown key", format!("colour = \"red\"\n{PERL}")),
        ("missing key", without("root =")),
        ("path", PERL.replace("path = \"regen_driver.pl\"", "path = \"../driver.pl\"")),
        ("version", PERL.replace("program = \"perl\"", "program = \"sh\"\nversion = \"-c\"")),
        ("folder", PERL.replace("program = \"perl\"", "program = \"perl\"\nfolder = \"../../..\"")),
        ("program", PERL.replace("program = \"perl\"", "program = \"toolchains/perl\"")),
        ("shown", PERL.replace("[tools]\n", "[tools]\nshown = [\"/srv/*\"]\n")),
        (
            "long tag",
            PERL.replace(
                "types = '''\n",
                &format!("types = '''\n{{{{ {}1 }}}}\n", "-".repeat(20_000)),
            ),
        ),
        ("endless", PERL.replace("types = '''\n", &format!("types = '''\n{ENDLESS}\n"))),
        ("regex", PERL.replace("'^sub ([a-z]\\w*)'", "'^sub ('")),
        ("template", PERL.replace("sub {{ function.name|snake }}", "sub {{ function.name|snake }")),
        ("kind", PERL.replace("s64 = \"integer\"", "s65 = \"integer\"")),
        ("effect", PERL.replace("name = \"process\"", "name = \"proces\"")),
        ("gate", PERL.replace("name = \"check\"", "name = \"hidden\"")),
        ("format", PERL.replace("findings = '", "format = \"xml\"\nfindings = '")),
        ("place", PERL.replace("\"regen_driver.pl\"]", "\"{{ bild }}/driver\"]")),
        ("not used", PERL.replace("{{ package }}.pl`", "{{ pakage }}.pl`")),
        ("type", PERL.replace("u32 = \"integer\"\n", "")),
        ("types' path", PERL.replace("path = \"contract.txt\"", "path = \"../contract.txt\"")),
        (
            "types in the root",
            PERL.replace("path = \"contract.txt\"", "path = \"{{ package }}.pl\""),
        ),
    ];
    let mut told = String::new();
    for (name, text) in cases {
        let world = perl(&server, &text);
        let run = world.run(&["plan"]);
        assert!([2, 10].contains(&run.code), "{name}: {run:?}");
        told += &format!("== {name}\n{}", stable(&run.err));
    }
    let world = perl(&server, PERL);
    let config = world.read("harness.toml");
    world.write("harness.toml", &config.replace("\"perl\"\n", "\"pearl\"\n"));
    told += &format!("== unknown\n{}", stable(&world.run(&["plan"]).expect(2).err));
    world.write(
        "harness.toml",
        &(config.clone() + "declaration = { name = \"perl\", text = \"\" }\n"),
    );
    told += &format!("== smuggled\n{}", stable(&world.run(&["plan"]).expect(2).err));
    world.write("harness.toml", &config);
    std::fs::remove_file(world.path("toolchains/perl.toml")).expect("is there");
    std::os::unix::fs::symlink("/etc/passwd", world.path("toolchains/perl.toml")).expect("links");
    told += &format!("== link\n{}", stable(&world.run(&["plan"]).expect(2).err));
    assert!(server.requests().is_empty());
    insta::assert_snapshot!(told);
}

#[test]
fn a_toolchain_that_cannot_tell_good_from_bad_is_refused() {
    let lax = PERL
        .replace("perl -wc $file", "true $file")
        .replace("sub first { die \"not implemented\" }", "sub first { return undef }");
    let server = Server::start(vec![perl_answer("good")]);
    let world = perl(&server, &lax);
    let run = world.run(&["toolchain", "check", "perl"]).expect(20);
    insta::assert_snapshot!(stable(&run.out));
    // Without its program, other targets go on.
    let world =
        perl(&server, &PERL.replace("program = \"perl\"", "program = \"perl-that-is-missing\""));
    let run = world.run(&["toolchain", "check", "perl"]).expect(40);
    assert!(run.err.contains("no `perl-that-is-missing` on PATH; install Perl 5"), "{run:?}");
    // A name cannot be a path, and what a file says is shown without its control characters.
    world.write("x.toml", "language = 1");
    world.run(&["toolchain", "show", "../x"]).expect(2);
    world.write("toolchains/esc.toml", "# \u{1b}]52;c;eA==\u{7}\n");
    let shown = world.run(&["toolchain", "show", "esc"]).expect(0);
    assert!(!shown.out.contains('\u{1b}') && shown.out.contains("52;c;"), "{shown:?}");
    let told = world.command(&["toolchain", "show", "rust"]).output().expect("runs");
    assert_eq!(told.status.code(), Some(2));
    let shown = Command::new(env!("CARGO_BIN_EXE_regen")).args(["toolchain", "show", "c"]).output();
    assert_eq!(
        String::from_utf8_lossy(&shown.expect("runs").stdout).trim_end(),
        shipped("c").trim_end()
    );
}

#[test]
fn a_migration_is_a_diff_of_the_configuration() {
    let server = Server::start(vec![Act::Make(good)]);
    let options = "gates = [\"layout\", \"test\", \"hidden\", \"proof\", \"clauses\"]\n";
    let world = World::new(&server.url, &[("shapes", SHAPES)], "");
    let config = world.read("harness.toml");
    world.write(
        "harness.toml",
        &config.replace("[target.rust]\n", &format!("[target.rust]\n{options}")),
    );
    let before = world.read("harness.toml");
    let run = world.run(&["migrate", "--from", "rust", "--to", "c"]).expect(0);
    let diff = run.out.clone();
    let mut told = stable(&run.err);
    assert_eq!(world.read("harness.toml"), before);
    world.write("c.diff", &diff);
    let patched =
        Command::new("git").args(["apply", "c.diff"]).current_dir(world.path("")).output();
    assert!(patched.expect("runs").status.success(), "{diff}");
    let plan = world.run(&["plan"]).expect(0);
    assert!(plan.out.contains("shapes") && plan.out.contains("c "), "{plan:?}");
    world.run(&["run"]).expect(0);
    assert!(world.path("generated/shapes/c/shapes.c").is_file());
    // A clause whose only example is in the old language, a target that a spec names.
    world.write("harness.toml", &before);
    world.write(
        "specs/native.md",
        &crate::world::ADDER.replace("# ", "---\ntargets: [rust]\n---\n# "),
    );
    for args in [["rust", "c"], ["rust", "rust"], ["go", "c"], ["rust", "pearl"], ["rust", "perl"]]
    {
        let run = world.run(&["migrate", "--from", args[0], "--to", args[1]]);
        told += &format!("== {} to {}: {}\n{}", args[0], args[1], run.code, stable(&run.err));
    }
    insta::assert_snapshot!(told);
}

const NEXT: &str = "# Next

```wit
next: func(n: u8) -> option<u8>;
remove: func(n: u8) -> u8;
```

- The next number MUST be given. `test_id: next`

  ```wave
  next(7) = some(8)
  next(255) = none
  remove(3) = 3
  ```
";

const NEXT_C: &str = "#include \"contract.h\"

option_uint8_t next(uint8_t n) {
    option_uint8_t out = {n < 255, (uint8_t)(n + 1)};
    return out;
}

uint8_t remove_(uint8_t n) { return n; }
";

const NEXT_JAVA: &str = "package next;

public final class Next {
    private Next() {}

    public static java.\u{75}til.Optional<Integer> next(int n) {
        return n < 255 ? java.\u{75}til.Optional.of(n + 1) : java.\u{75}til.Optional.empty();
    }

    public static int remove(int n) { return n; }
}
";

const NEXT_GO: &str = "package next

func Next(n uint8) *uint8 {
\tif n == 255 {
\t\treturn nil
\t}
\tn++
\treturn &n
}

func Remove(n uint8) uint8 { return n }
";

/// A workspace with one target, and a model that answers with these files.
fn world_with(server: &Server, name: &str) -> World {
    let target = format!("[target.{name}]\ntoolchain = {name:?}\n");
    let world = World::new(&server.url, &[("next", NEXT)], &target);
    let config = world.read("harness.toml").replace("[\"rust\"]", &format!("[{name:?}]"));
    world.write("harness.toml", &config);
    world
}

#[test]
fn a_contract_with_few_types_is_built() {
    let all = [
        ("c", "next.c", NEXT_C),
        ("java", "next/Next.java", NEXT_JAVA),
        ("go", "next.go", NEXT_GO),
    ];
    for (name, file, code) in all.into_iter().filter(|(name, ..)| testable().contains(name)) {
        let server = Server::start(vec![Act::Say(files(&[(file, code)]))]);
        world_with(&server, name).run(&["run"]).expect(0);
    }
}

type AnswerFiles = Vec<(&'static str, String)>;

/// Wrong or hidden in ways that the text or one build does not show.
#[test]
fn what_another_build_or_a_reader_would_see_is_refused() {
    let debug = "#ifdef NDEBUG\n    return (option_uint8_t){0};\n#endif\n    option_uint8_t out";
    let quits = "#include <stdlib.h>\nstatic inline void quit(void) { exit(0); }\n";
    let cases: [(&str, AnswerFiles, &str); 8] = [
        ("c", vec![("next.c", NEXT_C.replace("option_uint8_t out", debug))], "release build"),
        ("c", vec![("next.c", NEXT_C.to_owned()), ("more.h", quits.to_owned())], "effect: process"),
        (
            "c",
            vec![(
                "next.c",
                NEXT_C.replace("uint8_t remove_", "int calls = 0;\n\nuint8_t remove_"),
            )],
            "effect: state",
        ),
        (
            "java",
            vec![(
                "next/Next.java",
                NEXT_JAVA.replace(
                    "    public static int r",
                    "    public static int remove(long n) { return 0; }\n\n    public static int r",
                ),
            )],
            "more often",
        ),
        (
            "java",
            vec![(
                "next/Next.java",
                NEXT_JAVA
                    .replace("return n <", "if (n == 9) System . exit(0);\n        return n <"),
            )],
            "effect: process",
        ),
        (
            "java",
            vec![(
                "next/Next.java",
                NEXT_JAVA.replace("return n <", "String s = \"\\u0041\";\n        return n <"),
            )],
            "effect: unsafe",
        ),
        (
            "go",
            vec![(
                "next.go",
                NEXT_GO.replace(
                    "package next\n",
                    "package next\n\nimport /* x */ \"os\"\n\nfunc quit() { os.Exit(0) }\n",
                ),
            )],
            "effect: fs",
        ),
        (
            "go",
            vec![("next.go", NEXT_GO.to_owned()), ("next_windows.go", "package next\n".to_owned())],
            "not a file of this package",
        ),
    ];
    for (name, list, told) in cases.into_iter().filter(|(name, ..)| testable().contains(name)) {
        let list: Vec<_> = list.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let server = Server::start(vec![Act::Say(files(&list))]);
        let run = world_with(&server, name).run(&["run"]).expect(20);
        assert!(run.err.contains(told), "{name} {told}: {run:?}");
    }
}

const HALF: &str = "# Half

```wit
half: func(n: s32, by: f64) -> tuple<s32, f64>;
```

- A half MUST be given, and a third. `test_id: half`

  ```wave
  half(8, 3.0) = (4, 1.0)
  half(0, 6.0) = (0, 2.0)
  ```
";

fn halves(_: usize, body: &Value) -> String {
    if body.to_string().contains("You write C code") {
        // Another third, which is the same number; another half of negative odd numbers.
        files(&[(
            "half.c",
            "#include \"contract.h\"\n\ntuple2_int32_t_double half(int32_t n, double by) {\n    \
             return (tuple2_int32_t_double){n >= 0 ? n / 2 : (n - 1) / 2, by * (1.0 / 3.0)};\n}\n",
        )])
    } else {
        files(&[(
            "src/lib.rs",
            "//! Halves.\n/// A half and a third.\n#[must_use]\npub fn half(n: i32, by: f64) -> (i32, f64) {\n    \
             (n / 2, by / 3.0)\n}\n",
        )])
    }
}

#[test]
fn targets_that_give_different_results_are_told() {
    let server = Server::start(vec![Act::Make(halves)]);
    let world = World::new(&server.url, &[("half", HALF)], "[target.c]\ntoolchain = \"c\"\n");
    let config = world.read("harness.toml").replace("[\"rust\"]", "[\"rust\", \"c\"]");
    world.write("harness.toml", &config);
    world.run(&["run"]).expect(0);
    let why = stable(&world.run(&["why", "half"]).out);
    insta::assert_snapshot!(why);
    assert_eq!(why.matches("no example decides it").count(), 1, "{why}");
    world.write("harness.toml", &format!("{config}[gate.clauses]\ndeny = [\"differs\"]\n"));
    let run = world.run(&["run", "--force"]).expect(20);
    assert!(run.err.contains("differs"), "{run:?}");
}
