//! Replies of models and attackers.

use super::{Reply, ReplyRules, read, read_tree};
use crate::toolchain;
use crate::types::{ClauseId, Completion, Finish, RelPath, Target, Tree, Usage};

fn rules() -> ReplyRules {
    ReplyRules {
        allowed: ["setup.toml", "src/**/*.rs"].map(str::to_owned).to_vec(),
        root: RelPath::parse("src/lib.rs").expect("is one"),
        layout: toolchain::of(&Target::default()).layout(&Target::default()),
        clauses: ["basic", "range"].map(|name| ClauseId::new("roman", name)).into(),
        base: Tree::default(),
    }
}

fn reply(text: &str) -> Reply {
    reply_ended(text, Finish::Stop)
}

fn reply_ended(text: &str, finish: Finish) -> Reply {
    let (usage, model) = (Usage::default(), String::new());
    read(
        &Completion { text: text.to_owned(), finish, usage, model, replay: None, exchange: None },
        &rules(),
    )
}

/// A summary of a reply: reader and paths, or the message.
fn summary(reply: Reply) -> String {
    match reply {
        Reply::Tree { tree, reader } => {
            let files = tree.iter().map(|(path, bytes)| format!(" {path}={}", bytes.len()));
            format!("{reader}:{}", files.collect::<String>())
        }
        Reply::Conflict { clause, others, message } => {
            let others: String = others.iter().map(|one| format!(" and {one}")).collect();
            format!("conflict {clause}{others}: {message}")
        }
        Reply::Malformed { message, .. } => format!("malformed: {message}"),
        Reply::UnknownConflict { clause, .. } => format!("unknown conflict: {clause}"),
    }
}

#[test]
fn every_reader_parses_its_format() {
    for (text, expected) in [
        ("### FILE: src/lib.rs\n~~~~~~\na\n~~~~~~\n### DONE: 1 files\n", "files: src/lib.rs=2"),
        ("Sure!\n### FILE: `src/lib.rs`\n\n```rust\na\n```\n", "files-backticks: src/lib.rs=2"),
        ("### FILE: src/lib.rs\n~~~~~~\n```\na\n```\n", "files: src/lib.rs=10"),
        ("**src/lib.rs**\n```rust\na\n```\n", "fences: src/lib.rs=2"),
        ("```rust src/a.rs\na\n```\nand\n```rust:src/b.rs\n```\n", "fences: src/a.rs=2 src/b.rs=0"),
        ("{\"files\":{\"src/lib.rs\":\"a\"}}", "json: src/lib.rs=1"),
        ("{\"files\":[{\"path\":\"src/lib.rs\",\"content\":\"ab\"}]}", "json: src/lib.rs=2"),
        (
            "{\"files\":[{\"path\":\"CONFLICT\",\"content\":\"roman/range why\"}]}",
            "conflict roman/range: why",
        ),
        ("Here:\n```rust\nfn a() {}\n```\nDone.", "single: src/lib.rs=10"),
        (
            "### CONFLICT: roman/range one excludes the other",
            "conflict roman/range: one excludes the other",
        ),
        (
            "### CONFLICT: roman/range it excludes `roman/basic`, not a range",
            "conflict roman/range and roman/basic: it excludes `roman/basic`, not a range",
        ),
        (
            "{\"files\":[{\"path\":\"CONFLICT\",\"content\":\"range: one basic why\\n- basic: two\"}]}",
            "conflict roman/range and roman/basic: one basic why\n- basic: two",
        ),
    ] {
        assert_eq!(summary(reply(text)), expected, "{text}");
    }
}

#[test]
fn unreadable_replies_are_malformed() {
    for (text, says) in [
        ("", "empty"),
        ("I would rather explain.", "no `### FILE"),
        ("### FILE: src/lib.rs\nno fence\n", "not followed by a fence"),
        ("### FILE: src/a.rs\n~~~~~~\na\n### FILE: src/b.rs\n~~~~~~\nb\n~~~~~~\nx", "differ"),
        ("### FILE: src/a.rs\n~~~~~~\na\n~~~~~~\n### DONE: 2 files", "announces 2"),
        ("```\na\n```\n```\nb\n```", "no `### FILE"),
    ] {
        let got = summary(reply(text));
        assert!(got.starts_with("malformed") || says == "differ", "{text}: {got}");
        assert!(got.contains(says) || says == "differ", "{text}: {got}");
    }
    let open = "### FILE: src/lib.rs\n~~~~~~\nfn a() {";
    assert!(summary(reply_ended(open, Finish::Length)).contains("not closed"));
    assert_eq!(summary(reply(open)), "files: src/lib.rs=9");
}

#[test]
fn dangerous_and_incomplete_answers_are_rejected_with_the_reason() {
    let long = format!("src/{}.rs", "x".repeat(300));
    for (path, says) in [
        ("../../x", "`..`"),
        ("/etc/x", "absolute"),
        ("specs/x", "harness"),
        ("build.rs", "harness"),
        (".cargo/config.toml", "harness"),
        ("src/.cargo/config.toml", "harness"),
        ("tests/regen_examples.rs", "harness"),
        ("Tests/a.rs", "harness"),
        ("src/Build.rs", "harness"),
        ("rust-toolchain.toml", "harness"),
        (".gitattributes", "harness"),
        (".env.local", "harness"),
        ("src\\lib.rs", "backslash"),
        ("C:/x.rs", "refuse"),
        ("README.md", "allowed"),
        (&long, "longer"),
        ("src/lib.txt", "allowed"),
    ] {
        let text = format!("### FILE: {path}\n~~~~~~\na\n~~~~~~\n");
        let got = summary(reply(&text));
        assert!(got.starts_with("malformed") && got.contains(says), "{path}: {got}");
    }
    for (body, says) in [
        ("fn a() { todo!() }", "todo!("),
        ("// ... rest unchanged", "rest unchanged"),
        ("\0", "NUL"),
    ] {
        let text = format!("### FILE: src/lib.rs\n~~~~~~\n{body}\n~~~~~~\n");
        assert!(summary(reply(&text)).contains(says), "{body}");
    }
    let clash = "### FILE: src/a.rs\n~~~~~~\n~~~~~~\n### FILE: src/A.rs\n~~~~~~\n~~~~~~\n";
    assert!(summary(reply(clash)).contains("differ only by case"));
    let big = format!("### FILE: src/a.rs\n~~~~~~\n{}\n~~~~~~\n", "a".repeat(2 << 20));
    assert!(summary(reply(&big)).contains("1 MiB"));
}

#[test]
fn a_repair_changes_the_last_candidate() {
    let mut rules = rules();
    rules.base.insert(RelPath::parse("src/lib.rs").unwrap(), b"old".to_vec());
    rules.base.insert(RelPath::parse("src/gone.rs").unwrap(), b"old".to_vec());
    let text = "### FILE: src/new.rs\n~~~~~~\n~~~~~~\n### DELETE: src/gone.rs\n";
    let completion = Completion {
        text: text.to_owned(),
        finish: Finish::Stop,
        usage: Usage::default(),
        model: String::new(),
        replay: None,
        exchange: None,
    };
    assert_eq!(summary(read(&completion, &rules)), "files: src/lib.rs=3 src/new.rs=0");
}

#[test]
fn a_complete_tree_passes_the_same_checks_as_a_reply() {
    let tree = |files: &[(&str, &[u8])]| {
        let files = files.iter();
        Tree::from_iter(files.map(|(path, bytes)| (RelPath::parse(path).unwrap(), bytes.to_vec())))
    };
    let mut rules = rules();
    rules.base.insert(RelPath::parse("src/gone.rs").unwrap(), b"old".to_vec());
    let big = vec![b'a'; 1024 * 1024 + 1];
    let many: Vec<String> = (0..501).map(|number| format!("src/a{number}.rs")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|path| (path.as_str(), &b""[..])).collect();
    for (files, expected) in [
        (&[("src/lib.rs", &b"a"[..])][..], "workspace: src/lib.rs=1"),
        (&[("CONFLICT", b"roman/range why\n")], "conflict roman/range: why"),
        (&[("CONFLICT", b"nothing")], "unknown conflict: nothing"),
        (&[("src/lib.rs", b"a"), ("specs/a.md", b"")], "malformed: specs/a.md belongs to"),
        (
            &[("src/lib.rs", b"a"), ("notes.txt", b"")],
            "malformed: notes.txt is not an allowed file",
        ),
        (&[("src/lib.rs", b"todo!()")], "malformed: src/lib.rs:1: `todo!(` replaces code"),
        (&[("src/lib.rs", b"\xff")], "malformed: src/lib.rs is not UTF-8"),
        (&[("src/lib.rs", b"a\0")], "malformed: src/lib.rs contains a NUL"),
        (&[("src/a.rs", b""), ("src/A.rs", b"")], "malformed: src/A.rs and src/a.rs differ"),
        (&[("src/lib.rs", &big)], "malformed: src/lib.rs is larger than 1 MiB"),
        (&many, "malformed: the answer has more than 500 files"),
        (&[], "malformed: the answer deletes every file"),
    ] {
        let said = summary(read_tree(&tree(files), &rules));
        assert!(said.starts_with(expected), "{expected}: {said}");
    }
}

proptest::proptest! {
    #[test]
    fn no_reply_panics(text in "(### (FILE|EDIT|DELETE|CONFLICT|DONE): ?|src/a.rs|~~~~~~|```|\\{\"files\":|\\}|\\n| |x){0,40}") {
        reply(&text);
    }
}
