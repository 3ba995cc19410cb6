//! The parsers, their seeds, and invariants for any input.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use regen::attest::Attested;
use regen::contract::{AdapterCall, Call, read_block, read_interface};
use regen::daemon::OrderBody;
use regen::gate::ValidatorReport;
use regen::generator::{Cassette, read_response};
use regen::promote::Promoter;
use regen::reply::{self, Reply, ReplyRules};
use regen::report::{Styler, github, render, sarif};
use regen::spec::{Lint, Parsed, admit, diff, lint, parse, shapes};
use regen::toolchain::shared::hurl;
use regen::toolchain::{self, EffectSubject, Extent, SuiteFile, ToolOutput};
use regen::types::{
    ClauseId, Completion, Declaration, Finish, Harness, Interface, LintConfig, ModelApi, Problem,
    RelPath, Spec, Standing, Target, Tree, Usage,
};
use regen::{config, guard};

/// One parser.
pub struct Reader {
    pub name: &'static str,
    /// Seeds.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Parses an input and checks its invariants; panics if one is violated.
    pub read: fn(&[u8]),
}

pub const READERS: [Reader; 18] = [
    Reader { name: "toolchain", seeds: toolchains, read: declaration },
    Reader { name: "spec", seeds: specs, read: spec },
    Reader { name: "configuration", seeds: configurations, read: configuration },
    Reader { name: "reply", seeds: replies, read: reply },
    Reader { name: "candidate", seeds: candidates, read: candidate },
    Reader { name: "expanded", seeds: candidates, read: expanded },
    Reader { name: "items", seeds: sources, read: items },
    Reader { name: "lockfile", seeds: lockfiles, read: lockfile },
    Reader { name: "attestation", seeds: attestations, read: attestation },
    Reader { name: "policy", seeds: policies, read: policy },
    Reader { name: "cassette", seeds: cassettes, read: cassette },
    Reader { name: "stream", seeds: streams, read: stream },
    Reader { name: "order", seeds: orders, read: order },
    Reader { name: "journal", seeds: journals, read: journal },
    Reader { name: "report", seeds: reports, read: report },
    Reader { name: "contract", seeds: contracts, read: spec },
    Reader { name: "answer", seeds: answers, read: answer },
    Reader { name: "requests", seeds: requests, read: block },
];

/// Files of this repository with a suffix, smallest first.
fn files(folder: &str, end: &str) -> Vec<Vec<u8>> {
    let mut found = BTreeMap::new();
    crate::world::collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    let named = found.into_iter().filter(|(path, _)| path.to_string_lossy().ends_with(end));
    let mut list: Vec<Vec<u8>> = named.map(|(_, bytes)| bytes).collect();
    list.sort_by_key(Vec::len);
    list.retain(|bytes| bytes.len() < 64 * 1024);
    list.truncate(12);
    list
}

fn texts(list: &[&str]) -> Vec<Vec<u8>> {
    list.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

static HARNESS: LazyLock<Harness> = LazyLock::new(|| {
    let text = "[harness]\ndefault_targets = [\"rust\"]\n[generator]\nmodel = \"m\"\n[target.rust]\ntoolchain = \"rust\"\n\
        [target.python]\ntoolchain = \"python\"\n[target.typescript]\ntoolchain = \"typescript\"\n";
    config::parse("harness.toml", text).expect("is right")
});

fn target() -> &'static Target {
    &HARNESS.target["rust"]
}

/// The spec that candidates and replies are for.
static ADDER: LazyLock<Spec> =
    LazyLock::new(|| parse("specs/adder.md", crate::world::ADDER.as_bytes()).0);

/// Every place is in the text, and every renderer accepts the problems.
fn problems_can_be_shown(problems: &[Problem], file: &str, source: &str) {
    let sources = BTreeMap::from([(file.to_owned(), source.to_owned())]);
    for problem in problems {
        for span in problem.span.into_iter().chain(problem.fix.as_ref().map(|fix| fix.span)) {
            assert!(source.get(span.start..span.end).is_some(), "{span:?} in {problem:?}");
        }
    }
    render(problems, &sources, Styler { colour: true });
    sarif(problems, &sources);
    github(problems, &sources);
}

fn specs() -> Vec<Vec<u8>> {
    let front = "---\nid: a\ntitel: x\ntargets: [rust]\ndepends: [b]\n---\n# A\n\n> - It MUST be `1`. `test_id: a` `status: draft` \
        `waived: slow until 2030-01-01` `guard: forbid(x)` `bench: speed <= 5ms`\n\n  ~~~console hidden\n  $ a\n  b\n  ~~~\n\n\
        | a | `test_id: t` |\n|--|--|\n\n<p>It MUST</p>\n\n## It SHALL `guard: forbid_unsafe`\n\n1. a\n\n   ```rust hiden\n   f();\n   ```\n";
    let mut list = files("specs", ".md");
    list.extend(files("tests/fixtures", ".md"));
    list.extend(texts(&[crate::world::ADDER, front]));
    list
}

fn spec(bytes: &[u8]) {
    let file = "specs/a.md";
    let (spec, mut problems, source) = parse(file, bytes);
    let spec = spec.in_force("2026-01-01");
    let config = LintConfig::default();
    problems.extend(lint(&spec, &Lint::new(&config, "2026-01-01".to_owned())));
    problems.extend(toolchain::check(&spec, target(), &[]));
    shapes(&spec);
    toolchain::example_suites(&spec, target());
    diff(std::slice::from_ref(&*ADDER), std::slice::from_ref(&spec));
    let (again, _, _) = parse(file, source.as_bytes());
    let clauses =
        |spec: &Spec| -> Vec<_> { spec.clauses.iter().map(|c| (c.id.clone(), c.digest)).collect() };
    assert_eq!(clauses(&spec), clauses(&again), "reading the source again");
    problems_can_be_shown(&problems, file, &source);
    let (_, problems) = admit(vec![Parsed { spec, problems }], &HARNESS, guard::problem);
    problems_can_be_shown(&problems, file, &source);
}

fn configurations() -> Vec<Vec<u8>> {
    let mut list = [files("examples", "harness.toml"), files("harness.toml", "")].concat();
    list.extend(texts(&["[harness]\nspecs = \"s\"\n[generator]\nmodel = \"m\"\nbase_url = \"http://x/v1\"\ntemperature = 0.3\n\
        [[generator.tiers]]\nmodel = \"n\"\n[schedule]\njobs = 2\nquiet = [\"22:00-06:00\"]\n[budget]\nday_usd = 1.5\n\
        [sandbox]\nmin_level = 2\nread_only = [\"/opt\"]\n[gate.a]\nrun = [\"sh\", \"a\"]\ntimeout_s = 5\n[gate.a.limits]\n\
        memory_mb = 5\n[lint]\nvague = \"error\"\n[target.rust]\ntoolchain = \"rust\"\ngates = [\"layout\", \"a\"]\n\
        [target.rust.dependencies]\nitoa = \"1\"\n[target.code]\ngenerator = \"none\"\npath = \".\"\n\
        [[hooks]]\non = [\"promoted\"]\nrun = [\"a\"]\n"]));
    list
}

fn configuration(bytes: &[u8]) {
    let text = text(bytes);
    match config::parse("harness.toml", &text) {
        Err(problems) => problems_can_be_shown(&problems, "harness.toml", &text),
        Ok(harness) => {
            let written = toml::to_string(&harness).expect("can be written");
            let again = config::parse("harness.toml", &written).expect("is right");
            assert_eq!(again, harness, "{written}");
        }
    }
}

fn policies() -> Vec<Vec<u8>> {
    let whole = "models = [\"gpt-*\"]\nmin_isolation = 2\ngates = [\"test\", \"hidden\"]\nreplay = false\nmax_age_days = 30\n";
    let mut list = files("docs", "policy.toml");
    list.extend(texts(&[whole, "signed_by = [\"key.pub\"]\n"]));
    list
}

fn policy(bytes: &[u8]) {
    let text = text(bytes);
    if let Err(problems) = config::policy("policy.toml", &text) {
        problems_can_be_shown(&problems, "policy.toml", &text);
    }
}

fn replies() -> Vec<Vec<u8>> {
    let lib = crate::world::GOOD;
    let files = crate::server::files(&[("src/lib.rs", lib), ("src/a/b.rs", "// é\n")]);
    let edit = "### EDIT: src/lib.rs\n~~~~~~~~\n<<<<<<< SEARCH\npub fn old() {}\n=======\npub fn new() {}\n>>>>>>> REPLACE\n~~~~~~~~\n### DONE: 1 files\n";
    let conflict = "### FILE: CONFLICT\n~~~~~~\nadder/adds: no\n~~~~~~\n### DONE: 1 files\n";
    let json = "{\"files\":[{\"path\":\"src/lib.rs\",\"content\":\"pub fn a() {}\\n\"}],\"conflict\":null}";
    let fence = format!("Here:\n\n```rust\n{lib}```\n");
    texts(&[&files, edit, conflict, json, &fence])
}

fn rules() -> ReplyRules {
    let base = [(RelPath::parse("src/lib.rs").expect("is one"), b"pub fn old() {}\n".to_vec())];
    ReplyRules {
        allowed: toolchain::allowed_files(target()),
        root: RelPath::parse("src/lib.rs").expect("is one"),
        layout: toolchain::of(target()).layout(target()),
        clauses: vec![ClauseId::new("adder", "adds")],
        base: Tree::from_iter(base),
    }
}

fn reply(bytes: &[u8]) {
    let finish = if bytes.len().is_multiple_of(7) { Finish::Length } else { Finish::Stop };
    let completion = Completion {
        text: text(bytes),
        finish,
        usage: Usage::default(),
        model: "m".to_owned(),
        replay: None,
        exchange: None,
    };
    if let Reply::Tree { tree, .. } = reply::read(&completion, &rules()) {
        assert!(!matches!(reply::read_tree(&tree, &rules()), Reply::Conflict { .. }));
        look_at(&tree);
    }
}

fn candidates() -> Vec<Vec<u8>> {
    let mut list = files("generated", ".rs");
    list.extend(files("tests/fixtures", ".rs"));
    list.extend(files("generated", "Cargo.toml"));
    list.extend(texts(&[crate::world::GOOD]));
    list
}

fn candidate(bytes: &[u8]) {
    let path = |text| RelPath::parse(text).expect("is one");
    look_at(&Tree::from_iter([(path("src/lib.rs"), bytes.to_vec())]));
    let lib = crate::world::GOOD.as_bytes().to_vec();
    look_at(&Tree::from_iter([(path("Cargo.toml"), bytes.to_vec()), (path("src/lib.rs"), lib)]));
    let file = SuiteFile { name: "suite.rs".to_owned(), text: text(bytes) };
    let _ = toolchain::of(target()).native().expect("Rust has tests").read_suite(&ADDER, &file);
    let _ = toolchain::of(target())
        .native()
        .expect("Rust has tests")
        .tests_in("tests/a.rs", &file.text);
}

/// All static checks of a candidate's files.
fn look_at(tree: &Tree) {
    let language = toolchain::of(target());
    let gate = "layout".into();
    language.tamper_lints(&gate, tree, target());
    guard::check(&gate, &ADDER, target(), tree);
    if let Ok(normal) = language.normalise(tree, &ADDER, target(), &[]) {
        assert_eq!(language.normalise(&normal, &ADDER, target(), &[]).as_ref(), Ok(&normal));
        let _ = language.dependencies(&normal, &[]);
        let mutator = language.native().expect("Rust has tests").mutator().expect("Rust has one");
        for extent in
            [Extent::Panics, Extent::But(Default::default()), Extent::Constants(Default::default())]
        {
            let _ = mutator.mutants(&normal, &extent, normal.digest());
        }
    }
}

/// A candidate as the compiler expands it. Which output that is differs with the steps.
fn expanded(bytes: &[u8]) {
    let rules = toolchain::of(target()).effect_rules().expect("Rust has effects");
    let root = RelPath::parse("src/lib.rs").expect("is one");
    let tree = Tree::from_iter([(root, crate::world::GOOD.as_bytes().to_vec())]);
    let subject = EffectSubject { spec: &ADDER, target: target(), tree: &tree };
    for at in 0..4 {
        let output = |one| ToolOutput {
            status: Some(0),
            ended: "exited with status 0".to_owned(),
            stdout: if one == at { text(bytes) } else { String::new() },
            stderr: String::new(),
        };
        let outputs: Vec<ToolOutput> = (0..4).map(output).collect();
        let _ = rules.read(&"check".into(), subject, &outputs);
    }
}

fn sources() -> Vec<Vec<u8>> {
    let python = "from ._a import (\n    b as c,\n)\nfrom ._d import *\n__all__ = [\"c\"]\nA: int = 1\n\n\n@x\nclass B(C):\n    \"\"\"D.\"\"\"\n\n    \
        async def e(self, f: str = \"(\") -> int:\n        return 1\n";
    let script = "import d, { a as b } from \"./c.ts\";\nexport * from \"./e.ts\";\nexport { b, type F };\n/** G. */\nexport class G<T> {\n  \
        h(i: { j: T }): this {\n    return this;\n  }\n}\nexport type K = | 1 | { l: 2 };\nexport const m = async <T>(n: T) => {\n};\n";
    [candidates(), texts(&[python, script])].concat()
}

/// The public items of a package whose modules are all the same.
fn items(bytes: &[u8]) {
    let path = |text| (RelPath::parse(text).expect("is one"), bytes.to_vec());
    let files = [
        ["src/lib.rs", "src/a.rs", "src/inner/mod.rs"],
        ["src/adder/__init__.py", "src/adder/_a.py", "src/adder/_d.py"],
        ["src/index.ts", "src/c.ts", "src/e.ts"],
    ];
    for (name, files) in ["rust", "python", "typescript"].into_iter().zip(files) {
        let tree = Tree::from_iter(files.map(path));
        let _ = toolchain::about::items(&ADDER, &HARNESS.target[name], &tree);
    }
}

fn lockfiles() -> Vec<Vec<u8>> {
    [files("regen.lock", ""), files("tests/fixtures", "regen.lock")].concat()
}

fn lockfile(bytes: &[u8]) {
    if let Ok((standing, _)) = Standing::parse(&text(bytes)) {
        let written = standing.render();
        let (again, _) = Standing::parse(&written).expect("is one");
        assert_eq!(again, standing, "{written}");
        assert_eq!(again.render(), written);
    }
}

fn attestations() -> Vec<Vec<u8>> {
    files("generated", ".intoto.jsonl")
}

fn attestation(bytes: &[u8]) {
    if let Ok(attested) = Attested::read(&text(bytes)) {
        let written = attested.render(None);
        let again = Attested::read(&written).expect("is one");
        assert_eq!(again.render(None), written);
    }
}

fn streams() -> Vec<Vec<u8>> {
    let chat = crate::server::events("<think>\nhm\n</think>\n### FILE: a\n", Some("stop"));
    texts(&[
        &chat,
        &crate::apis::message("### FILE: a", "end_turn"),
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n\
         data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"usage\":\
         {\"input_tokens\":1,\"output_tokens\":2}}}\n\n",
        "\u{feff}: ping\r\n\r\ndata: data: {\"choices\":[{\"message\":{\"content\":[{\"type\":\"text\",\
         \"text\":\"a\"}]},\"finish_reason\":\"length\"}]}\r\rdata: [DONE]\n",
        "{\n\"error\": {\n\"code\": 429, \"message\": \"slow down\"}\n}\n",
    ])
}

/// Whatever a server sends is an answer or has a class, and no answer holds more than was sent.
fn stream(bytes: &[u8]) {
    for api in [ModelApi::Responses, ModelApi::Chat, ModelApi::Messages] {
        match read_response(api, "m", bytes) {
            // A byte that is no text becomes three.
            Ok(completion) => assert!(completion.text.len() <= 3 * bytes.len()),
            Err(error) => assert!(!error.message.is_empty()),
        }
    }
}

fn cassettes() -> Vec<Vec<u8>> {
    files("cassettes", ".json")
}

fn cassette(bytes: &[u8]) {
    if let Ok(cassette) = serde_json::from_slice::<Cassette>(bytes) {
        let _ = cassette.check();
        let _ = [cassette.request_text(), cassette.response_text(), cassette.label()];
        let path = cassette.path();
        assert!(path.is_relative() && !path.display().to_string().contains(".."), "{path:?}");
        let written = cassette.text();
        let again: Cassette = serde_json::from_str(&written).expect("is one");
        assert_eq!(again.text(), written);
    }
}

fn orders() -> Vec<Vec<u8>> {
    texts(&[
        "{\"order\":\"trigger\",\"force\":true,\"specs\":[\"a\",\"b*\"],\"by\":\"me\"}",
        "{\"order\":\"rollback\",\"to\":5,\"discard_edits\":true,\"specs\":[]}",
        "{\"order\":\"pause\"}",
    ])
}

fn order(bytes: &[u8]) {
    if let Ok(order) = serde_json::from_slice::<OrderBody>(bytes) {
        let written = serde_json::to_vec(&order).expect("is plain data");
        assert_eq!(serde_json::from_slice::<OrderBody>(&written).ok(), Some(order));
    }
}

fn journals() -> Vec<Vec<u8>> {
    let (standing, _) = Standing::parse(&text(&files("regen.lock", "")[0])).expect("is one");
    let (spec, entry) = standing.spec.iter().next().expect("has one");
    let journal = |in_place: bool| {
        let value = serde_json::json!({
            "version": 2, "job": 3, "spec": spec, "unit": format!("generated/{spec}"), "old": [5, 7], "new": [5, 8],
            "old_content": null, "in_place": in_place, "standing": entry, "record": null, "trees": [],
        });
        serde_json::to_vec_pretty(&value).expect("is plain data")
    };
    vec![journal(false), journal(true)]
}

/// A workspace with an interrupted promotion, and a folder beside it.
fn journal(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let (root, beside) = (folder.path().join("a/work"), folder.path().join("a/beside"));
    for (path, bytes) in [
        (root.join(".regen/journal/3.json"), bytes),
        (root.join(".regen/stage/3/rust/a"), b"new"),
        (root.join("generated/adder/rust/a"), b"old"),
        (beside.join("x"), b"x"),
    ] {
        std::fs::create_dir_all(path.parent().expect("has one")).expect("makes folders");
        std::fs::write(path, bytes).expect("writes");
    }
    let _ = Promoter::new(root.clone(), root.join(".regen"))
        .recover(&|spec| vec![format!("generated/{spec}"), "generated/adder".to_owned()]);
    let mut found = BTreeMap::new();
    crate::world::collect(folder.path(), &mut found);
    found.retain(|path, _| !path.starts_with(&root));
    assert_eq!(found, BTreeMap::from([(beside.join("x"), b"x".to_vec())]));
}

fn reports() -> Vec<Vec<u8>> {
    texts(&[
        "{\"version\":1,\"outcome\":\"fail\",\"findings\":[{\"rule\":\"r\",\"message\":\"m\",\"file\":\"src/lib.rs\",\
            \"line\":3,\"clauses\":[\"adder/adds\"]}]}",
        "{\"version\":1,\"outcome\":\"pass\",\"tests\":[]}",
        "{ \"type\": \"suite\", \"event\": \"started\", \"test_count\": 1 }\n{ \"type\": \"test\", \"name\": \"a::b\", \
            \"event\": \"ok\" }\n{ \"type\": \"test\", \"name\": \"c\", \"event\": \"failed\", \"stdout\": \"no\\n\" }\n",
        "<?xml version=\"1.0\"?><testsuites><testsuite name=\"a\"><testcase classname=\"c\" name=\"t\"><failure \
            message=\"&lt;no&gt;\"/></testcase><testcase name=\"u\"/></testsuite></testsuites>",
    ])
}

fn report(bytes: &[u8]) {
    let _ = serde_json::from_slice::<ValidatorReport>(bytes);
    let _ = toolchain::results::read(&text(bytes));
    for file in ["a.rs", "a.py", "a.js", "a.go"] {
        toolchain::results::tests(file, &text(bytes));
    }
}

const TYPES: &str = "record point { x: s32, y: f64, label: option<string> }\nenum color { red, blue }\n\
    flags access { read, write }\nvariant shape { dot, path(list<point>), pair(tuple<u8, char>) }\n\
    resource counter { constructor(n: u64); add: func(by: u64) -> result<u64, string>; }\n\
    same: func(shape: shape, color: color, access: access) -> tuple<shape, option<point>>;\n\
    total: func(of: borrow<counter>, more: list<s64>) -> s64;\n";

/// A spec with a contract: mutations hit the interface, the values, the table and the property.
fn contracts() -> Vec<Vec<u8>> {
    let spec = format!(
        "# S\n\n```wit\n{TYPES}```\n\n- A `test_id: a`\n\n  | shape | same(shape, red, {{}}) |\n  |---|---|\n  \
         | dot | (dot, none) |\n  | path([{{x: -1, y: nan}}]) | _ |\n\n  ```wave\n  let c = counter(3)\n  c.add(1) = \
         ok(4)\n  total(c, [-1, 9]) = 12\n  ```\n\n- B `test_id: b`\n\n  ```property\n  n: list<s64>\n  shape: \
         shape\n  same(shape, \"red\", []).size() == 2 || n.size() > 3\n  ```\n"
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read(folder.join("docs/formats/contract.md")).expect("reads");
    vec![spec.into_bytes(), page]
}

fn toolchains() -> Vec<Vec<u8>> {
    [files("src/toolchain/declared", ".toml"), files("tests/fixtures/toolchains", ".toml")].concat()
}

/// A toolchain's file; an accepted one renders its own spec.
fn declaration(bytes: &[u8]) {
    let declaration = Declaration::new("mine", text(bytes));
    let problems = toolchain::check_declaration(&declaration);
    problems_can_be_shown(&problems, "toolchains/mine.toml", declaration.text());
    if problems.is_empty() {
        let _ = regen::commands::conformance::Conformance::new(&declaration);
    }
}

fn answers() -> Vec<Vec<u8>> {
    texts(&[
        r#"["ab",0,[[1,[[5,"7ff8000000000000",[1,"x"]]]],[0]]]"#,
        r#"["ab",1,"boom"]"#,
        r#"["ab",2]"#,
    ])
}

fn answer(bytes: &[u8]) {
    static CALL: LazyLock<(Interface, Call)> = LazyLock::new(|| {
        let interface = read_interface(TYPES).expect("is WIT");
        let steps = read_block(&interface, "same(dot, red, {}) = (dot, none)").expect("is read");
        (interface, steps[0].call.clone())
    });
    let (interface, call) = &*CALL;
    let one = AdapterCall { id: "ab".to_owned(), bind: None, call };
    let _ = regen::contract::answers(interface, &[one], &String::from_utf8_lossy(bytes));
}

fn requests() -> Vec<Vec<u8>> {
    let every = "POST {{host}}/a?b=c # d\nA: {{host}}\n[QueryStringParams]\nx: \\u{41}\n[FormParams]\ny: z\nHTTP/1.1 200\nB: c\n\
        [Captures]\nid: jsonpath \"$.a[0]['b']\"\n[Asserts]\nstatus < 300\nheader \"A\" not exists\nbytes count == 3\n\
        jsonpath \"$..a[?@.b>1]\" count == 0\nbody matches /a{2,3}/\nvariable \"id\" isInteger\nbody == ```\nx\n```\n\n\
        PUT {{host}}/{{id}}\n{\"a\": [1.5, {{id}}, \"{{id}}\\n\", null, true, {}]}\nHTTP *\n```json\n[]\n```\n\n\
        POST {{host}}\n```\n{{id}}\n```\nHTTP 404\n`x{{id}}`\n";
    let refused =
        "GET {{host}}/\n[Options]\nretry: 3\n[Cookies]\na: b\n<a b=\"c\"><!-- d --><e/>f</a>\n";
    texts(&[every, refused, "POST {{host}}/\nbase64,YQ==;\n", "POST {{host}}/\nhex,ff;\n"])
}

/// What can be read can be compared with an answer.
fn block(bytes: &[u8]) {
    match hurl::parse(&text(bytes)) {
        Ok(entries) => drop(hurl::is_vacuous(&entries)),
        Err((why, line)) => {
            assert!(!why.is_empty() && line <= text(bytes).lines().count(), "{why} {line}");
        }
    }
}
