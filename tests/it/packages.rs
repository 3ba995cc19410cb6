//! Packages that a Python or TypeScript target allows: real ones, from the registries.

use crate::python::{WITHOUT_TOOLS, has_tools, package, world};
use crate::server::{Act, Server, files};
use crate::typescript;
use crate::world::{Run, World, all, stable};

/// `slugify` is a module of python-slugify, which needs text-unidecode for itself; the tests' process
/// has none of them.
const WORDS: &str = "# Words\n\n```wit\nslug: func(text: string) -> string;\nplace: func() -> string;\n```\n\n- `slug` MUST join \
    the words of a text. `test_id: joins`\n\n  | text | slug(text) |\n  |------|------|\n  | \"Déjà vu\" | \"deja-vu\" |\n\n  \
    ```python hidden\n  import pytest\n\n  assert words.slug(\"A  b\") == \"a-b\"\n  with pytest.raises(ImportError):\n      \
    import slugify\n  ```\n\n- `place` MUST say where it is. `test_id: says`\n\n  ```python\n  assert words.place() == \"here\"\n  ```\n";
const GOOD: &str = "\"\"\"Words.\"\"\"\n\nimport attrs\nfrom slugify import slugify\n\n__all__ = [\"place\", \"slug\"]\n\n\n\
    @attrs.define\nclass Place:\n    \"\"\"A place.\"\"\"\n\n    name: str\n    far: bool = attrs.field(default=False)\n\n\n\
    def slug(text: str) -> str:\n    \"\"\"The words of a text.\"\"\"\n    return slugify(text)\n\n\n\
    def place() -> str:\n    \"\"\"Where it is.\"\"\"\n    return Place(\"here\").name\n";
const ALLOWED: &str =
    "allowed_dependencies = { attrs = \"==23.2.0\", python-slugify = \">=8.0.4, <8.0.5\" }\n";

fn words(server: &Server, allowed: &str, gates: &str) -> World {
    world(server, "words", WORDS, &format!("{allowed}{gates}"))
}

/// A run that can fetch nothing. The model's server is on this machine.
fn offline(world: &World) -> Run {
    let mut command = world.command(&["run"]);
    command.env("https_proxy", "http://127.0.0.1:1").env("no_proxy", "127.0.0.1");
    Run::of(&mut command)
}

#[test]
fn a_python_package_uses_what_its_target_allows() {
    if !has_tools() {
        return;
    }
    // A manifest of the model's own does not count.
    let own = files(&[
        ("pyproject.toml", "[project]\nname = \"no\"\ndependencies = [\"numpy\"]\n"),
        ("src/words/__init__.py", GOOD),
    ]);
    // What an allowed package needs for itself is not allowed, nor is another one.
    let own_need = GOOD
        .replace("import attrs\n", "import attrs\nimport numpy.linalg\nimport text_unidecode\n");
    let server = Server::start(vec![package("words", &own_need), Act::Say(own)]);
    let world = words(&server, ALLOWED, "");
    world.run(&["run"]).expect(0);
    let prompt = server.prompt(0);
    let line = prompt.lines().find(|line| line.contains("attrs==23.2.0")).unwrap_or_default();
    insta::assert_snapshot!("python_prompt", line);
    insta::assert_snapshot!("python_refused", stable(&server.told(1)));
    insta::assert_snapshot!("python_manifest", world.read("generated/words/python/pyproject.toml"));
    world.run(&["check", "--rerun"]).expect(0);
}

#[test]
fn versions_that_do_not_exist_are_no_ones_answer() {
    if !has_tools() {
        return;
    }
    let server = Server::start(vec![package("words", GOOD)]);
    let world = words(&server, "allowed_dependencies = { attrs = \"==99.0\" }\n", WITHOUT_TOOLS);
    let run = world.run(&["run"]).expect(40);
    assert!(server.requests().is_empty());
    let told = run.err.split_once("(from versions").map_or(&*run.err, |(before, _)| before);
    insta::assert_snapshot!("python_unresolved", stable(told));
    let mut told = String::new();
    for wrong in ["{ attrs = \"23.2.0\" }", "{ \"attrs[x]\" = \"==1\" }", "[\"attrs\"]"] {
        let world = words(&server, &format!("allowed_dependencies = {wrong}\n"), WITHOUT_TOOLS);
        told += &world.run(&["plan"]).expect(2).err;
    }
    insta::assert_snapshot!("python_wrong_keys", told);
}

#[test]
fn packages_are_fetched_once_and_then_need_no_network() {
    if !all() || !has_tools() {
        return;
    }
    let spec =
        WORDS.replace("```python", "```python ignore").replace("`place` MUST", "`place` MAY");
    let server = Server::start(vec![package("words", GOOD)]);
    let world =
        world(&server, "words", &spec, &format!("{ALLOWED}{WITHOUT_TOOLS}")).with_own_layers();
    let run = offline(&world);
    assert_eq!((run.code, server.requests().len()), (40, 0), "{run:?}");
    assert!(run.err.contains("cannot fetch the dependencies"), "{run:?}");
    world.run(&["run"]).expect(0);
    world.run(&["run", "--force"]).expect(0);
    assert_eq!(offline(&world).code, 0);
}

#[test]
fn packages_open_no_way_around_effects_and_cannot_be_changed() {
    if !has_tools() {
        return;
    }
    let with = |body: &str| {
        let body = format!("    {body}\n    return Place(\"here\").name\n");
        GOOD.replace("    return Place(\"here\").name\n", &body)
    };
    let ways = [
        ("attrs.setters.frozen = None", "a change of another module"),
        ("import attr._make; attr._make.sys.exit()", "the module sys of"),
        ("from attr import _make as b; b.linecache.getline(\"a\", 1)", "the module linecache of"),
        ("from attr._make import linecache as c; c.getline(\"a\", 1)", "attr._make.linecache"),
    ];
    let code = with(&ways.map(|way| way.0).join("\n    "));
    let code = code.replace("import attrs\n", "import attrs\nfrom attr._make import *\n");
    let server = Server::start(vec![package("words", &code)]);
    let world = words(&server, ALLOWED, WITHOUT_TOOLS);
    world.run(&["run"]).expect(20);
    let all = server.told(1);
    for (way, told) in ways.iter().chain([&("*", "attr._make.*")]) {
        let says = format!("`{told}");
        let is_told = |line: &str| line.contains(&says) && line.contains("effect `unsafe`");
        assert!(all.lines().any(is_told), "{way}: {all}");
    }
    // With every effect it is told by the file system.
    let writes = "try:\n        open(attrs.__file__, \"w\").close()\n    except OSError as error:\n        return \"here\" if \
        error.errno in (13, 30) else str(error)\n    return \"written\"";
    let code = with(writes).replace("attrs.__file__", "attrs.__spec__.origin");
    let server = Server::start(vec![package("words", &code)]);
    let every = format!("{WITHOUT_TOOLS}effects = [\"fs\", \"unsafe\"]\n");
    let world = words(&server, ALLOWED, &every);
    world.run(&["run"]).expect(0);
}

/// `@sindresorhus/slugify` is a module with `exports` and types of its own; `ms` is one of Node's old kind,
/// with its types in another package.
const LABELS: &str = "# Labels\n\n```wit\nlabel: func(text: string, left: u32) -> string;\n```\n\n- `label` MUST join the words of a \
    text and the time that is left. `test_id: joins`\n\n  | text | left | label(text, left) |\n  |------|------|------|\n  | \"Déjà vu\" | \
    60000 | \"deja-vu-1m\" |\n\n  ```wave hidden\n  label(\"A  b\", 2000) = \"a-b-2s\"\n  ```\n";
const LABEL: &str = "import slugify from \"@sindresorhus/slugify\";\nimport ms from \"ms\";\n\n\
    /** The words of a text, and the time that is left. */\nexport function label(text: string, left: number): string {\n  \
    return `${slugify(text)}-${ms(left)}`;\n}\n";
const ALLOWED_IN_TYPESCRIPT: &str = "allowed_dependencies = { \"@sindresorhus/slugify\" = \"2.2.1\", ms = \"2.1.3\", \
    \"@types/ms\" = \"^2.1.0\", nanoid = \"5.0.7\" }\n";

fn labels(server: &Server, allowed: &str) -> World {
    typescript::world(server, "labels", LABELS, allowed)
}

fn module(code: &str) -> Act {
    Act::Say(files(&[("src/index.ts", code)]))
}

#[test]
fn a_typescript_package_uses_what_its_target_allows() {
    if !typescript::has_tools() {
        return;
    }
    let own = files(&[
        (
            "package.json",
            "{ \"dependencies\": { \"left-pad\": \"*\" }, \"scripts\": { \"test\": \"true\" } }",
        ),
        ("src/index.ts", LABEL),
    ]);
    let own_need = LABEL.replace(
        "import ms",
        "import escape from \"escape-string-regexp\";\nimport pad from \"left-pad/deep\";\nimport ms",
    );
    let untyped = LABEL.replace("ms(left)", "ms(left > 0)");
    let server = Server::start(vec![module(&own_need), module(&untyped), Act::Say(own)]);
    let world = labels(&server, ALLOWED_IN_TYPESCRIPT);
    world.run(&["run"]).expect(0);
    let prompt = server.prompt(0);
    let line = prompt.lines().find(|line| line.contains("nanoid")).unwrap_or_default();
    insta::assert_snapshot!("typescript_prompt", line);
    let told = server.told(1);
    let (_, told) = told.split_once("## What is wrong with it").expect("is told");
    insta::assert_snapshot!("typescript_refused", stable(told));
    // The types of packages are seen.
    assert!(server.told(2).contains("gate `types`"), "{}", server.told(2));
    let manifest = world.read("generated/labels/typescript/package.json");
    insta::assert_snapshot!("typescript_manifest", manifest);
    world.run(&["check", "--rerun"]).expect(0);
}

#[test]
fn javascript_packages_and_versions_that_do_not_exist() {
    if !all() || !typescript::has_tools() {
        return;
    }
    let server = Server::start(vec![module(LABEL)]);
    let none = labels(&server, "allowed_dependencies = { ms = \"99\" }\n");
    let run = none.run(&["run"]).expect(40);
    assert!(server.requests().is_empty());
    let line = run.err.lines().find(|line| line.starts_with("labels")).unwrap_or_default();
    insta::assert_snapshot!("typescript_unresolved", stable(line));
    let code = "import slugify from \"@sindresorhus/slugify\";\nimport ms from \"ms\";\n\n/**\n * The words of a text.\n * \
        @param {string} text\n * @param {number} left\n * @returns {string}\n */\nexport function label(text, left) {\n  \
        return `${slugify(text)}-${ms(left)}`;\n}\n";
    let server = Server::start(vec![Act::Say(files(&[("src/index.js", code)]))]);
    let world = labels(&server, ALLOWED_IN_TYPESCRIPT);
    world.write(
        "harness.toml",
        &world.read("harness.toml").replace("\"typescript\"", "\"javascript\""),
    );
    world.write(
        "harness.toml",
        &world.read("harness.toml").replace("[target.typescript]", "[target.javascript]"),
    );
    world.run(&["run"]).expect(0);
    let mut told = String::new();
    for wrong in ["{ ms = \"latest\" }", "{ Ms = \"1\" }", "{ ms = \"git+https://x\" }"] {
        let world = labels(&server, &format!("allowed_dependencies = {wrong}\n"));
        let run = world.run(&["plan"]).expect(2);
        told += run.err.lines().find(|line| line.contains('×')).unwrap_or_default();
        told += "\n";
    }
    insta::assert_snapshot!("typescript_wrong_keys", told);
}

#[test]
fn packages_are_found_at_every_isolation_level() {
    if !all() || !has_tools() {
        return;
    }
    for (lacks, level) in [(&["namespaces"][..], "1"), (&["namespaces", "landlock"], "0")] {
        let server = Server::start(vec![package("words", GOOD)]);
        let world =
            words(&server, ALLOWED, &format!("{WITHOUT_TOOLS}[sandbox]\nmin_level = {level}\n"));
        let mut command = crate::attacks::without(lacks, &world, &["run"]);
        Run::of(command.env("REGEN_MIN_LEVEL", level)).expect(0);
    }
}

#[test]
fn crates_are_no_packages_of_another_language() {
    let specs = [("roman", crate::contracts::ROMAN)];
    let rust = "effects = [\"env\"]\nallowed_dependencies = { itoa = \"1\" }\n";
    let world = World::new("http://127.0.0.1:9/v1", &specs, rust);
    let run = world.run(&["migrate", "--from", "rust", "--to", "python"]).expect(0);
    let lost = run.out.lines().filter(|line| line.starts_with('-') && line.contains(" = "));
    assert_eq!(lost.collect::<Vec<_>>().join("\n").matches("allowed_dependencies").count(), 1);
    assert!(!run.out.contains("-effects") && run.err.contains("`allowed_dependencies`"), "{run:?}");
}
