//! Effects: a library is pure unless its spec grants more, whatever the spelling.

use regen::types::{GateReport, Outcome};
use serde_json::Value;

use crate::server::{Act, Server, files, lib};
use crate::world::{GOOD, World, all, rounds};

/// Effects, each with code that has it. A line of its own has the mark `//!`.
const USES: [(&str, &str); 11] = [
    ("fs", "std::path::Path::new(\"words.txt\").exists()"),
    ("net", "std::net::UdpSocket::bind(\"127.0.0.1:0\").is_ok()"),
    ("env", "std::env::var_os(\"LANG\").is_some()"),
    ("process", "std::process::id() > 0"),
    ("clock", "std::time::UNIX_EPOCH.elapsed().is_ok()"),
    ("thread", "std::thread::current().name().is_some()"),
    ("stdin", "std::io::stdin().lines().next().is_some()"),
    ("stdout", "{\n        println!(\"here\");\n        true\n    }"),
    ("stderr", "std::io::Write::flush(&mut std::io::stderr()).is_ok()"),
    (
        "state",
        "{\n        static CALLS: std::sync::atomic::AtomicU32 = \
        std::sync::atomic::AtomicU32::new(0);\n        \
        CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 1\n    }",
    ),
    (
        "unsafe",
        "{\n        let byte = 1u8;\n        let at = &raw const byte;\n        \
        // SAFETY: it points to a local variable.\n        unsafe { *at == 1 }\n    }",
    ),
];

fn spec(front: &str, more: &str) -> String {
    format!(
        "---\n{front}\n---\n# Adder\n\n- `add(a: i32, b: i32) -> i32` MUST give the sum. \
         `test_id: adds`{more}\n\n  ```rust\n  assert_eq!(CRATE::add(2, 3), 5);\n  ```\n\n  \
         ```rust hidden\n  assert_eq!(CRATE::add(40, 31), 71);\n  ```\n"
    )
}

/// Code that adds, and has an effect.
fn with_effect(effect: &str) -> String {
    let (_, code) = USES.iter().find(|(name, _)| *name == effect).expect("is an effect");
    format!("{GOOD}\n/// Has an effect.\npub fn acts() -> bool {{\n    {code}\n}}\n")
}

/// The effect whose spec a request is for.
fn asked_for(body: &Value) -> String {
    let text = body.to_string();
    let of = |name: &str| text.contains(&format!("a crate named does_{name} "));
    let found = USES
        .iter()
        .find(|(name, _)| text.contains(&format!("crate named `does_{name}`")) || of(name));
    found.expect("names its crate").0.to_owned()
}

/// The effect first, then code without it.
fn mends(_: usize, body: &Value) -> String {
    let is_told = body.to_string().contains("needs the effect");
    let code = if is_told { GOOD.to_owned() } else { with_effect(&asked_for(body)) };
    files(&[("src/lib.rs", &code)])
}

fn insists(_: usize, body: &Value) -> String {
    files(&[("src/lib.rs", &with_effect(&asked_for(body)))])
}

fn world_of(server: &Server, text: impl Fn(&str) -> String) -> World {
    let specs: Vec<(String, String)> = USES
        .iter()
        .map(|(effect, _)| (format!("does_{effect}"), text(effect)))
        .map(|(id, text)| (id.clone(), text.replace("CRATE", &id)))
        .collect();
    let specs: Vec<(&str, &str)> = specs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    World::new(&server.url, &specs, "")
}

#[test]
fn every_effect_is_refused_with_a_finding_that_a_model_can_act_on() {
    if !all() {
        return;
    }
    let server = Server::start(vec![Act::Make(mends)]);
    let world = world_of(&server, |_| spec("title: Adder", ""));
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 2 * USES.len());
    for (effect, _) in USES {
        let told = (0..server.requests().len()).map(|at| server.told(at));
        let told = told.filter(|told| told.contains(&format!("effect: {effect}")));
        let told: Vec<String> = told.collect();
        assert_eq!(told.len(), 1, "{effect}: {told:?}");
        assert!(told[0].contains("in `src/lib.rs` line "), "{effect}: {}", told[0]);
        assert!(told[0].contains("Remedy: "), "{effect}: {}", told[0]);
        assert_eq!(world.read(&format!("generated/does_{effect}/rust/src/lib.rs")), GOOD);
    }
}

#[test]
fn a_granted_effect_is_promoted() {
    if !all() {
        return;
    }
    let server = Server::start(vec![Act::Make(insists)]);
    // Half of them in front matter, half at a clause.
    let world = world_of(&server, |effect| match effect.len() % 2 {
        0 => spec(&format!("effects: [{effect}]"), ""),
        _ => spec("title: Adder", &format!(", `guard: effects {effect}`")),
    });
    let run = world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), USES.len(), "{}", run.err);
    let prompts: Vec<String> = (0..USES.len()).map(|at| server.prompt(at)).collect();
    assert!(prompts.iter().any(|prompt| prompt.contains("The code may use: files; not allowed:")));
    let shown = world.run(&["show", "--gate", "test"]).expect(0);
    assert!(shown.out.contains("· effects: fs ·"), "{}", shown.out);
}

#[test]
fn a_target_grants_too_and_a_grant_makes_the_job_out_of_date() {
    let server = Server::start(vec![lib(&with_effect("clock"))]);
    let text = spec("title: Adder", "").replace("CRATE", "adder");
    let world = World::new(&server.url, &[("adder", &text)], "effects = [\"clock\"]\n");
    world.run(&["run"]).expect(0);
    assert_eq!(world.run(&["plan"]).expect(0).out.matches("up to date").count(), 1);
    world.write("specs/adder.md", &text.replace("title: Adder", "title: Adder\neffects: [fs]"));
    let plan = world.run(&["plan"]);
    assert!(plan.out.contains("granted effects"), "{} {}", plan.out, plan.err);
}

#[test]
fn unknown_effects_are_errors_with_the_nearest_name() {
    let server = Server::start(vec![lib(GOOD)]);
    for (front, more) in [("effects: [stdot]", ""), ("title: A", ", `guard: effects stdot`")] {
        let text = spec(front, more).replace("CRATE", "adder");
        let world = World::new(&server.url, &[("adder", &text)], "");
        let run = world.run(&["lint"]);
        let said = format!("{}{}", run.out, run.err);
        assert!(said.contains("unknown effect `stdot`"), "{said}");
        assert!(said.contains("did you mean `stdout`?"), "{said}");
        assert_ne!(world.run(&["run"]).code, 0);
    }
    let world =
        World::new(&server.url, &[("adder", crate::world::ADDER)], "effects = [\"nett\"]\n");
    let run = world.run(&["plan"]).expect(2);
    assert!(run.err.contains("did you mean `net`?"), "{}", run.err);
    assert_eq!(server.requests().len(), 0);
}

/// Programs have arguments, streams and an exit status, and nothing else.
#[test]
fn programs_have_arguments_and_streams_only() {
    let text = "---\ntargets: [command]\n---\n- It MUST add. `test_id: adds`\n\n  ```console\n  $ adder 2 3\n  \
        5\n  $ adder 2\n  ? 2\n  ```\n";
    let main = |more: &str| {
        format!(
            "use std::io::Write;\n\nfn main() -> std::process::ExitCode {{\n    let numbers: Vec<i32> = \
             std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();\n    \
             if numbers.len() < 2 {{\n        std::process::exit(2);\n    }}\n{more}    \
             let _ = writeln!(std::io::stdout(), \"{{}}\", numbers.iter().sum::<i32>());\n    \
             eprintln!(\"done\");\n    std::process::ExitCode::SUCCESS\n}}\n"
        )
    };
    let looks =
        main("    if std::env::current_dir().is_err() {\n        return 1.into();\n    }\n");
    let server = Server::start(vec![
        Act::Say(files(&[("src/main.rs", &looks)])),
        Act::Say(files(&[("src/main.rs", &main(""))])),
    ]);
    let extra = "[target.command]\ntoolchain = \"rust\"\ncrate = \"bin\"\n";
    let world = World::new(&server.url, &[("adder", text)], extra);
    world.run(&["run"]).expect(0);
    assert_eq!(server.requests().len(), 2);
    let told = server.told(1);
    assert!(told.contains("`std::env::current_dir` needs the effect `env`"), "{told}");
    assert!(told.contains("(`effects: [env]` in its front matter would grant it)"), "{told}");
    assert!(server.prompt(0).contains("The code may use: arguments, standard input"));
}

/// The manifest that the harness writes.
const MANIFEST: &str = "# Written by regen from specs: edits are drift.\n[package]\nname = \"adder\"\n\
    version = \"0.0.0\"\nedition = \"2024\"\npublish = false\n";

/// Runs the gates that read and compile, and gives the first report that does not pass.
fn judged(world: &World, code: &str) -> Option<GateReport> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let files = [("Cargo.toml", MANIFEST), ("src/lib.rs", code)];
    let reports = ["layout", "check"].map(|gate| runtime.block_on(world.gate_over(gate, &files)));
    reports.into_iter().find(|report| report.outcome != Outcome::Pass)
}

/// Code that hides what it does, with the rule that finds it.
const TRICKS: [(&str, &str); 28] = [
    (
        "#![warn(clippy::all)]\npub fn a() -> bool {\n    std::fs::exists(\"a\").is_ok()\n}",
        "effect: fs",
    ),
    ("#![deny(warnings, clippy::style)]\npub fn a() {\n    print!(\"a\")\n}", "effect: stdout"),
    ("#!/usr/bin/env run\npub fn a() {}", "shebang"),
    ("#[r#allow(dead_code)]\nfn a() {}", "attribute"),
    (
        "macro_rules! m { ($a:tt $($b:tt)*) => { # $a $($b)* } }\nm! { [allow(dead_code)] fn a() {} }",
        "attribute",
    ),
    (
        "macro_rules! m { ($($b:tt)*) => { $($b)* } }\nm! { #[unsafe(export_name = \"b\")] pub fn a() {} }",
        "attribute",
    ),
    ("use std::process as end;\npub fn a() {\n    end::exit(0)\n}", "effect: process"),
    ("use std::fs::*;\npub fn a() -> bool {\n    read(\"b\").is_ok()\n}", "effect: fs"),
    (
        "pub fn a() -> fn(&'static str) -> bool {\n    |b| std::path::PathBuf::from(b).is_file()\n}",
        "effect: fs",
    ),
    (
        "pub fn a() -> bool {\n    let f = std::fs::read_to_string::<&str>;\n    f(\"b\").is_ok()\n}",
        "effect: fs",
    ),
    (
        "macro_rules! m { ($a:ident) => { std::$a::current_exe().is_ok() } }\npub fn a() -> bool {\n    m!(env)\n}",
        "effect: env",
    ),
    ("pub fn a() -> &'static str {\n    env!(\"CARGO_MANIFEST_DIR\")\n}", "effect: env"),
    (
        "use std::option_env as e;\npub fn a() -> bool {\n    e!(\"HOME\").is_some()\n}",
        "effect: env",
    ),
    (
        "use std::include_str as text_of;\npub const A: &str = text_of!(\"../tests/regen_examples.rs\");",
        "surroundings",
    ),
    (
        "#[track_caller]\npub fn a() -> bool {\n    std::panic::Location::caller().line() > 1\n}",
        "surroundings",
    ),
    (
        "pub fn a() -> String {\n    std::backtrace::Backtrace::force_capture().to_string()\n}",
        "surroundings",
    ),
    ("pub fn a(b: &u8) -> usize {\n    b as *const u8 as usize\n}", "effect: unsafe"),
    (
        "thread_local! { static N: std::cell::Cell<u8> = const { std::cell::Cell::new(0) }; }\npub fn a() -> u8 {\n    N.get()\n}",
        "effect: state",
    ),
    ("pub fn a() -> &'static str {\n    module_path!()\n}", "surroundings"),
    ("pub fn a() -> u32 {\n    line!()\n}", "surroundings"),
    ("pub fn a() -> bool {\n    cfg!(debug_assertions)\n}", "condition"),
    ("pub fn a() {\n    std::panic::set_hook(Box::new(|_| {}));\n}", "effect: process"),
    (
        "unsafe extern \"C\" {\n    safe fn getpid() -> i32;\n}\npub fn a() -> i32 {\n    getpid()\n}",
        "effect: unsafe",
    ),
    ("pub struct A;\nunsafe impl Send for A {}", "effect: unsafe"),
    ("mod checks {\n    pub struct String(pub u8);\n}\npub use checks::String;", "shadow"),
    ("#[macro_export]\nmacro_rules! assert_eq {\n    ($($a:tt)*) => {};\n}", "shadow"),
    ("macro_rules! m { ($a:ident) => { pub struct $a(pub u8); } }\nm!(Some);", "shadow"),
    (
        "pub fn a() -> bool {\n    std::io::IsTerminal::is_terminal(&std::io::stdin())\n}",
        "effect: stdin",
    ),
];

#[test]
fn tricks_are_found_whatever_their_spelling() {
    if !all() {
        return;
    }
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", crate::world::ADDER)], "");
    for (code, rule) in TRICKS {
        let head = if code.starts_with("#!") { "" } else { GOOD };
        let tail = if head.is_empty() { GOOD } else { "" };
        let report = judged(&world, format!("{head}\n{code}\n{tail}").trim_start());
        let report = report.unwrap_or_else(|| panic!("passed: {code}"));
        let rules: Vec<_> = report.findings.iter().map(|one| one.rule.as_str()).collect();
        assert!(rules.contains(&rule), "{code}: {:#?}", report.findings);
        let found = report.findings.iter().find(|one| one.rule == rule).expect("is there");
        assert!(found.line.is_some() && found.file.as_deref() == Some("src/lib.rs"), "{found:?}");
    }
}

/// Honest code: what models write in libraries every day.
const HONEST: [&str; 22] = [
    "/// T.\n#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]\npub enum T {\n    /// A.\n    #[default]\n    A,\n    /// B.\n    B(u8),\n    /// C.\n    C {\n        /// X.\n        x: [u8; 3],\n    },\n}",
    "macro_rules! max {\n    ($a:expr) => { $a };\n    ($a:expr, $($b:expr),+) => {{\n        let (a, b) = ($a, max!($($b),+));\n        if a > b { a } else { b }\n    }};\n}\n/// M.\npub fn m(a: u8) -> u8 {\n    max!(a, 2, 3)\n}",
    "/// M.\npub fn words(text: &str) -> std::collections::HashMap<String, usize> {\n    let mut map = std::collections::HashMap::new();\n    for word in text.split_whitespace() {\n        *map.entry(word.to_lowercase()).or_default() += 1;\n    }\n    map\n}",
    "use std::cell::RefCell;\nuse std::rc::{Rc, Weak};\n/// N.\n#[derive(Debug, Default)]\npub struct Node {\n    up: RefCell<Weak<Node>>,\n    down: RefCell<Vec<Rc<Node>>>,\n}\nimpl Node {\n    /// A.\n    pub fn add(self: &Rc<Self>, node: Rc<Self>) -> usize {\n        *node.up.borrow_mut() = Rc::downgrade(self);\n        self.down.borrow_mut().push(node);\n        self.down.borrow().len()\n    }\n}",
    "/// S.\npub struct Stack<T, const N: usize> {\n    items: [Option<T>; N],\n    len: usize,\n}\nimpl<T: Copy, const N: usize> Stack<T, N> {\n    /// N.\n    pub const fn new() -> Self {\n        Self { items: [None; N], len: 0 }\n    }\n    /// P.\n    pub fn push(&mut self, item: T) -> Result<(), T> {\n        let place = self.items.get_mut(self.len).ok_or(item)?;\n        *place = Some(item);\n        self.len += 1;\n        Ok(())\n    }\n}",
    "/// S.\npub trait Shape {\n    /// A.\n    fn area(&self) -> f64;\n    /// N.\n    fn name(&self) -> String {\n        \"shape\".to_owned()\n    }\n}\n/// A.\npub fn total(all: &[Box<dyn Shape>]) -> f64 {\n    all.iter().map(|one| one.area()).sum()\n}",
    "/// F.\n#[inline]\n#[must_use]\npub const fn fib(n: u32) -> u64 {\n    let (mut a, mut b, mut at) = (0, 1, 0);\n    while at < n {\n        (a, b) = (b, a + b);\n        at += 1;\n    }\n    a\n}\n/// C.\npub const TEN: u64 = const { fib(10) };",
    "use std::fmt::{self, Write};\n/// E.\n#[derive(Debug)]\n#[non_exhaustive]\npub enum Error {\n    /// L.\n    Line { line: usize, column: usize },\n    /// N.\n    Number(std::num::ParseIntError),\n}\nimpl fmt::Display for Error {\n    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {\n        match self {\n            Self::Line { line, column } => write!(f, \"{line}:{column}\"),\n            Self::Number(why) => write!(f, \"{why:>8}\"),\n        }\n    }\n}\nimpl std::error::Error for Error {}\nimpl From<std::num::ParseIntError> for Error {\n    fn from(why: std::num::ParseIntError) -> Self {\n        Self::Number(why)\n    }\n}\n/// R.\npub type Result<T> = std::result::Result<T, Error>;\n/// P.\n///\n/// # Errors\n/// Wrong.\npub fn parse(text: &str) -> Result<String> {\n    let mut out = String::new();\n    for (line, part) in text.lines().enumerate() {\n        let n: i32 = part.trim().parse()?;\n        writeln!(out, \"{n:04}\").map_err(|_| Error::Line { line, column: 0 })?;\n    }\n    Ok(out)\n}",
    "/// D.\npub fn depth(text: &str) -> usize {\n    fn inner(chars: &mut std::str::Chars<'_>, at: usize) -> usize {\n        match chars.next() {\n            Some('(') => inner(chars, at + 1).max(at + 1),\n            Some(')') => inner(chars, at.saturating_sub(1)),\n            Some(_) => inner(chars, at),\n            None => at,\n        }\n    }\n    inner(&mut text.chars(), 0)\n}",
    "/// C.\npub fn compose<A, B, C>(f: impl Fn(A) -> B, g: impl Fn(B) -> C) -> impl Fn(A) -> C {\n    move |a| g(f(a))\n}\n/// B.\npub fn boxed(n: i32) -> Box<dyn FnMut() -> i32> {\n    let mut at = n;\n    Box::new(move || {\n        at += 1;\n        at\n    })\n}",
    "/// S.\npub fn middle(all: &[i32]) -> Option<i32> {\n    match all {\n        [] => None,\n        [one] => Some(*one),\n        [_, rest @ .., _] => middle(rest).or(all.first().copied()),\n    }\n}\n/// W.\npub fn pairs(all: &[i32]) -> Vec<(i32, i32)> {\n    all.windows(2).map(|w| (w[0], w[1])).collect()\n}",
    "/// Grüße – «naïve» 数.\npub fn reverse(text: &str) -> String {\n    let smile = \"🙂\\u{301}é\";\n    text.chars().rev().filter(|c| !smile.contains(*c)).flat_map(char::to_uppercase).collect()\n}",
    "/// T.\npub fn checked(a: &[u8]) -> u8 {\n    assert!(!a.is_empty(), \"no items: {a:?}\");\n    debug_assert!(a.len() < 1000);\n    debug_assert_eq!(a.len(), a.iter().count());\n    if a.len() > 100 {\n        panic!(\"too many: {}\", a.len());\n    }\n    let Some(first) = a.first() else { unreachable!() };\n    *first\n}\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    #[should_panic(expected = \"no items\")]\n    fn none() {\n        checked(&[]);\n    }\n}",
    "use std::sync::{Arc, LazyLock, Mutex};\nstatic TABLE: LazyLock<Vec<u32>> = LazyLock::new(|| (0..10).map(|n| n * n).collect());\n/// S.\npub fn square(n: usize) -> Option<u32> {\n    let seen = Arc::new(Mutex::new(0));\n    *seen.lock().expect(\"is not poisoned\") += 1;\n    TABLE.get(n).copied()\n}",
    "use std::cell::{Cell, RefCell};\n/// Counts.\n#[derive(Default)]\npub struct Counter {\n    last: Cell<u32>,\n    all: RefCell<Vec<u32>>,\n}\nimpl Counter {\n    /// N.\n    pub fn next(&self, n: u32) -> u32 {\n        self.all.borrow_mut().push(n);\n        self.last.replace(n)\n    }\n}",
    "use std::io::{self, BufRead, Read, Write};\n/// C.\n///\n/// # Errors\n/// I/O.\npub fn copy(from: &mut dyn Read, to: &mut impl Write) -> io::Result<u64> {\n    let mut lines = 0;\n    for line in io::BufReader::new(from).lines() {\n        writeln!(to, \"{}\", line?)?;\n        lines += 1;\n    }\n    to.flush()?;\n    Ok(lines)\n}\n/// T.\npub fn trial() -> Vec<u8> {\n    let mut out = io::Cursor::new(Vec::new());\n    let _ = copy(&mut &b\"a\\nb\"[..], &mut out);\n    out.into_inner()\n}",
    "use std::time::Duration;\n/// H.\npub fn human(time: Duration) -> String {\n    format!(\"{}m{:02}s\", time.as_secs() / 60, time.as_secs() % 60)\n}\n/// P.\npub fn stem(path: &std::path::Path) -> Option<String> {\n    Some(path.with_extension(\"txt\").file_stem()?.to_str()?.to_owned())\n}\n/// L.\npub fn local(at: std::net::IpAddr) -> bool {\n    at.is_loopback()\n}",
    "/// A.\npub async fn twice(n: u32) -> u32 {\n    let add = async |a: u32| a + n;\n    add(n).await\n}\n/// P.\npub fn poll(n: u32) -> Option<u32> {\n    let mut future = std::pin::pin!(twice(n));\n    let mut context = std::task::Context::from_waker(std::task::Waker::noop());\n    match std::future::Future::poll(future.as_mut(), &mut context) {\n        std::task::Poll::Ready(n) => Some(n),\n        std::task::Poll::Pending => None,\n    }\n}",
    "use std::ops::{Add, Index, Neg};\n/// V.\n#[derive(Clone, Copy, Debug, PartialEq)]\n#[repr(C)]\npub struct V {\n    x: f64,\n    y: f64,\n}\nimpl Add for V {\n    type Output = Self;\n    fn add(self, other: Self) -> Self {\n        Self { x: self.x + other.x, y: self.y + other.y }\n    }\n}\nimpl Neg for V {\n    type Output = Self;\n    fn neg(self) -> Self {\n        Self { x: -self.x, y: -self.y }\n    }\n}\nimpl Index<usize> for V {\n    type Output = f64;\n    fn index(&self, at: usize) -> &f64 {\n        [&self.x, &self.y][at]\n    }\n}\n/// O.\npub const PLACE: usize = std::mem::offset_of!(V, y);",
    "/// F.\npub struct Fields<'a>(std::str::Split<'a, char>);\nimpl<'a> Iterator for Fields<'a> {\n    type Item = &'a str;\n    fn next(&mut self) -> Option<&'a str> {\n        self.0.next().map(str::trim)\n    }\n}\n/// S.\npub fn fields(text: &str) -> impl Iterator<Item = &str> + use<'_> {\n    Fields(text.split(',')).filter(|f| !f.is_empty()).take_while(|f| *f != \"end\")\n}\n/// U.\npub fn used(allow: bool, line: u32, file: &str) -> String {\n    let path = [file, \"x\"].join(\"/\");\n    format!(\"{path}:{line}:{allow}\").replace(\"expect\", \"used\")\n}",
    "mod inner {\n    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]\n    pub(crate) enum Token<'a> {\n        Word(&'a str),\n        Number(i64),\n    }\n    pub(super) fn lex(text: &str) -> Vec<Token<'_>> {\n        let token = |word: &'_ str| word.parse().map(Token::Number).ok();\n        text.split(' ').map(|word| token(word).unwrap_or(Token::Word(word))).collect()\n    }\n}\n/// L.\npub fn count(text: &str) -> usize {\n    inner::lex(text).into_iter().filter(|t| matches!(t, inner::Token::Word(w) if w.len() > 1)).count()\n}",
    "/// Makes setters.\nmacro_rules! setters {\n    ($name:ident { $($field:ident: $kind:ty),* $(,)? }) => {\n        /// Settings.\n        #[derive(Clone, Debug, Default)]\n        pub struct $name {\n            $($field: $kind),*\n        }\n        impl $name {\n            $(\n                /// Sets it.\n                pub fn $field(mut self, $field: impl Into<$kind>) -> Self {\n                    self.$field = $field.into();\n                    self\n                }\n            )*\n        }\n    };\n}\nsetters!(Settings { line: u64, file: String, allow: Vec<u8> });",
];

#[test]
fn honest_code_passes() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", crate::world::ADDER)], "");
    for code in HONEST.into_iter().step_by(rounds(1, 3)) {
        let (uses, rest): (Vec<&str>, Vec<&str>) =
            code.lines().partition(|line| line.starts_with("use std::"));
        let code = format!("{}\n{GOOD}\n{}\n", uses.join("\n"), rest.join("\n"));
        if let Some(report) = judged(&world, &code) {
            let own = |rule: &str| rule != "dead_code";
            let found = report.findings.iter().filter(|one| own(&one.rule));
            assert_eq!(found.count(), 0, "{code}\n{report:#?}");
        }
    }
}

#[test]
fn declared_features_are_allowed_and_their_code_is_checked_too() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", crate::world::ADDER)], "");
    let manifest = format!("{MANIFEST}\n[features]\nextra = []\n");
    let judge = |body: &str| {
        let code = format!(
            "{GOOD}\n/// M.\n#[cfg(feature = \"extra\")]\npub fn more() -> bool {{\n    {body}\n}}\n"
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let files = [("Cargo.toml", manifest.as_str()), ("src/lib.rs", code.as_str())];
        runtime.expect("a runtime").block_on(world.gate_over("check", &files))
    };
    assert_eq!(judge("true").outcome, Outcome::Pass);
    let report = judge("std::fs::exists(\"a\").is_ok()");
    assert_eq!(
        report.findings.first().map(|one| one.rule.as_str()),
        Some("effect: fs"),
        "{report:?}"
    );
}

#[test]
fn state_that_a_macro_of_a_package_makes_is_found() {
    let code = |ty: &str, value: &str, body: &str| {
        lib(&format!(
            "lazy_static::lazy_static! {{\n    static ref KEPT: {ty} = {value};\n}}\n\n{GOOD}\n\
             /// What is kept.\npub fn kept() -> usize {{\n    {body}\n}}\n"
        ))
    };
    let calls =
        "let mut calls = KEPT.lock().expect(\"is not poisoned\");\n    *calls += 1;\n    *calls";
    let counts = code("std::sync::Mutex<usize>", "std::sync::Mutex::new(0)", calls);
    // A table is no state.
    let server = Server::start(vec![counts, code("Vec<u32>", "vec![1, 2]", "KEPT.len()")]);
    let quick = crate::world::QUICK.replace("\"layout\"", "\"layout\", \"check\"");
    let extra = format!("allowed_dependencies = {{ lazy_static = \"1\" }}\n{quick}");
    let world = World::new(&server.url, &[("adder", crate::world::PLAIN)], &extra);
    world.run(&["run"]).expect(0);
    insta::assert_snapshot!(crate::world::stable(&server.told(1)));
}
