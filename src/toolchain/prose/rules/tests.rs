//! Good pages without a finding, and faults planted in them.

mod pages;

use std::collections::BTreeSet;

use pages::*;

use super::{TextFacts, TextForm, check};
use crate::toolchain::prose::TextShape;
use crate::toolchain::prose::page::{blocks, cited};
use crate::types::{RelPath, Tree};

#[derive(Clone, Copy)]
struct Case {
    form: TextForm,
    page: &'static str,
    items: &'static [&'static str],
    run: &'static [&'static str],
}

const DOCS_RUST: Case =
    Case { form: TextForm::Docs, page: RUST, items: &RUST_ITEMS, run: &["rust", "wave"] };
const DOCS_PYTHON: Case =
    Case { form: TextForm::Docs, page: PYTHON, items: &PYTHON_ITEMS, run: &["python"] };
const DOCS_TYPESCRIPT: Case =
    Case { form: TextForm::Docs, page: TYPESCRIPT, items: &TYPESCRIPT_ITEMS, run: &["ts"] };
const GUIDE_CONSOLE: Case =
    Case { form: TextForm::Tutorial, page: CONSOLE, items: &[], run: &["console"] };
const GUIDE_RUST: Case =
    Case { form: TextForm::Tutorial, page: TUTORIAL, items: &RUST_ITEMS, run: &["rust"] };
const LANDING: Case = Case { form: TextForm::Copy, page: COPY, items: &RUST_ITEMS, run: &["rust"] };

fn tree(files: &[(&str, &[u8])]) -> Tree {
    let path = |path: &str| RelPath::parse(path).expect("is one");
    files.iter().map(|(name, bytes)| (path(name), bytes.to_vec())).collect()
}

/// The findings: rule, line, message, remedy.
fn judged(case: Case, tree: &Tree) -> Vec<(String, String)> {
    shaped(case, tree, &TextShape::default())
}

fn shaped(case: Case, tree: &Tree, shape: &TextShape) -> Vec<(String, String)> {
    over(SPEC, &["roman_basic", "roman_range", "cache_drops", "convert"], case, tree, shape)
}

/// The same over another spec.
fn over(
    spec: &str,
    proven: &[&str],
    case: Case,
    pages: &Tree,
    shape: &TextShape,
) -> Vec<(String, String)> {
    let (spec, _) = crate::spec_for_tests::spec(spec);
    let proven = proven.iter().map(|&name| name.to_owned()).collect();
    let items: Vec<String> = case.items.iter().map(|&item| item.to_owned()).collect();
    let versions = BTreeSet::from(["2024".to_owned()]);
    let beside = tree(&[("more/notes.md", b"# Notes\n"), ("data.txt", b"")]);
    let facts = TextFacts {
        spec: &spec,
        proven: &proven,
        items: &items,
        run: case.run,
        versions: &versions,
        shape,
        beside: &[("../docs", &beside)],
    };
    let all = check(&"text".into(), case.form, pages, &facts);
    let told = |one: crate::types::Finding| {
        assert_eq!(one.gate, "text");
        let line = one.line.map(|line| format!(" {line}")).unwrap_or_default();
        let remedy = one.remedy.expect("each finding has a remedy");
        (format!("{}{line}", one.rule), format!("{}; {remedy}", one.message))
    };
    all.into_iter().map(told).collect()
}

#[test]
fn good_pages_have_no_findings() {
    for case in [DOCS_RUST, DOCS_PYTHON, DOCS_TYPESCRIPT, GUIDE_CONSOLE, GUIDE_RUST, LANDING] {
        let found = judged(case, &tree(&[("guide.md", case.page.as_bytes())]));
        assert!(found.is_empty(), "{found:#?}\n{}", case.page);
    }
}

/// Replaces a text of a good page; gives what is found.
fn planted(case: Case, from: &str, to: &str) -> Vec<(String, String)> {
    assert_eq!(case.page.matches(from).count(), 1, "{from}");
    let page = case.page.replace(from, to);
    judged(case, &tree(&[("guide.md", page.as_bytes())]))
}

/// A fault: what is replaced in a good page, by what, and the findings.
type Fault = (Case, &'static str, &'static str, &'static [&'static str]);

const IN_DOCS: &[Fault] = &[
    (DOCS_RUST, "s/roman_range", "s/roman_rang", &["clause 16", "clause 33"]),
    (DOCS_RUST, "clause: s/roman_range", "clause s/roman_range", &["clause 16", "clause 33"]),
    (DOCS_RUST, " <!-- clause: roman_basic -->", "", &["clause 33"]),
    (DOCS_RUST, "s/roman_range", "roman_range, roman_small", &["clause 16"]),
    (DOCS_RUST, "romann-u32-", "romann-u64-", &["link 33"]),
    // A wrong signature is one finding; the link to its heading is dead, too.
    (
        DOCS_RUST,
        "## `pub fn to_roman(n: u32)",
        "## `pub fn to_roman(n: u64)",
        &["item 5", "link 33"],
    ),
    (DOCS_RUST, "### `pub fn new() -> Self`", "### `pub fn new() -> Cache`", &["item 22"]),
    (
        DOCS_RUST,
        "## `pub struct Cache`",
        "## Cache\n\n### `pub struct Store`",
        &["item 20", "item 35"],
    ),
    (DOCS_RUST, "### `pub fn new() -> Self`\n", "### Making one\n", &["item 33"]),
    (DOCS_RUST, "Keeps numerals. ", "### `pub fn len(&self) -> usize`\n\n", &["item 20"]),
    (DOCS_RUST, "Keeps numerals. ", "### pub fn len(&self) -> usize\n\n", &["item 20"]),
    (DOCS_RUST, "`Cache::new()`", "`Cache::make()`", &["name 20"]),
    (DOCS_RUST, "`to_roman(n)`", "`from_roman(n)`", &["name 33"]),
    (DOCS_RUST, "`to_roman(n)`", "`to_roman(u16) -> Result`", &["name 33"]),
    (DOCS_RUST, "`to_roman(n)`", "`to_roman(n: u32) -> Vec<u8>`", &["name 33"]),
    (DOCS_RUST, "`to_roman(n)`", "`pub fn to_roman(n: u32, m: u32)`", &["name 33"]),
    (DOCS_RUST, "`to_roman(n)`", "`Cache::get(u32) -> Option<&str>`", &["name 33"]),
    (DOCS_RUST, "`to_roman(n)`", "`fn to_roman(…) -> Result<_, RomanError>`", &[]),
    (DOCS_PYTHON, "`to_roman` in", "`to_roman(n: str) -> str` in", &["name 24"]),
    (DOCS_TYPESCRIPT, "`Cache.get` is", "`get(n: number): number` is", &["name 20"]),
    // What is read is more than each of its parts, and looks like something else.
    (DOCS_RUST, "An empty cache", "An empty, per**fec**t cache", &["claim 24"]),
    (DOCS_RUST, "An empty cache", "An empty, per`fec`t cache", &["claim 24"]),
    (DOCS_RUST, "An empty cache", "An empty, per&#102;ect cache", &["claim 24"]),
    (DOCS_RUST, "An empty cache", "TO*DO*, an empty cache", &["marker 24"]),
    (DOCS_RUST, "up to 1000", "up to 1**02**4", &["number 3"]),
    (DOCS_RUST, "An empty cache", "An empty, perf\u{435}ct cache", &["letters 24"]),
    (DOCS_RUST, "An empty cache", "An empty, per\u{ad}fect cache", &["letters 24"]),
    (DOCS_RUST, "An empty cache", "An empty, \u{441}\u{430}\u{440}\u{435} cache", &["letters 24"]),
    (DOCS_RUST, "An empty cache", "Пустой cache, 4 \u{3bc}s", &[]),
    // Comments and blocks of text show nothing.
    (DOCS_RUST, "\"IV\");\n", "\"IV\"); // 1024, parse_all\n", &[]),
    (
        DOCS_RUST,
        "\"IV\");\n```\n",
        "\"IV\"); // 1024, parse_all\n```\n\nUp to 1024 by `parse_all`.\n",
        &["name 13", "number 13"],
    ),
    (
        DOCS_RUST,
        "\"IV\");\n```\n",
        "\"IV\");\n```\n\n```text\n1024 parse_all\n```\n\nUp to 1024 by `parse_all`.\n",
        &["name 17", "number 17"],
    ),
    (DOCS_RUST, "Edition 2024", "Edition 2021", &["number 24"]),
    // A Cyrillic letter, and digits of another script.
    (DOCS_RUST, "`to_roman(n)`", "`t\u{43e}_roman(n)`", &["name 33"]),
    (DOCS_RUST, "up to 1000", "up to \u{ff14}\u{ff10}", &["number 3"]),
    (DOCS_RUST, "An empty cache", "Most caches, at O(1), not thread-safe", &[]),
    (DOCS_RUST, "An empty cache", "The most caches; it cannot fail", &["claim 24", "claim 24"]),
    (DOCS_RUST, "An empty cache", "An empty</b> cache", &["html 24"]),
    (DOCS_RUST, "An empty cache", "www.evil.example", &["link 24"]),
    (DOCS_PYTHON, "# `LIMIT: int = 10`", "# `LIMIT: int = 11`", &["item 26"]),
    (DOCS_RUST, "up to 1000", "up to 1024", &["number 3"]),
    (DOCS_RUST, "```rust", "```", &["language 9", "language 33"]),
    (DOCS_RUST, "```rust", "```rust ignore\n```\n```sh", &["language 11"]),
    (DOCS_RUST, "`Vec<u8>`", "Vec<u8>", &["html 15"]),
    (DOCS_RUST, "IV\");\n```", "IV\");", &["page 9"]),
    (DOCS_RUST, "<!-- clause: cache_drops -->", "<!-- clause: cache_drops", &["page 31"]),
    (DOCS_RUST, "Converts", "Always converts", &["claim 3"]),
    (DOCS_RUST, "An empty cache", "An empty, perfect cache", &["claim 24"]),
    (DOCS_RUST, "on nothing.", "on nothing.\n\n    new()", &["language 26"]),
    (DOCS_PYTHON, "`cache.get(4)`", "`cache.fetch(4)`", &["name 20"]),
    (DOCS_PYTHON, "# `class Cache`", "# Class\n\n# `class Caches`", &["item 15", "item 30"]),
    (DOCS_PYTHON, "`RomanError`", "`NumeralError`", &["name 6"]),
    (
        DOCS_PYTHON,
        "<!-- clause: roman_basic -->\nThe",
        "The <!-- clause: -->",
        &["clause 1", "clause 27"],
    ),
    (DOCS_PYTHON, "<!-- clause: cache_drops -->", "", &["claim 16", "clause 28"]),
    (DOCS_TYPESCRIPT, "<a id=\"toroman\">", "<a name=\"toroman\">", &["link 3", "html 6"]),
    (DOCS_TYPESCRIPT, "new Cache(10)`", "new Cache(10)` 12", &["number 4"]),
    (DOCS_TYPESCRIPT, "### `get(n: number)", "### `get(n: bigint)", &["item 28"]),
    (DOCS_TYPESCRIPT, "`Cache.get`", "`Cache.put`", &["name 20"]),
    (DOCS_TYPESCRIPT, "> <!-- claim", "> Text <b>x</b> <!-- claim", &["html 22"]),
];

const IN_GUIDES: &[Fault] = &[
    (GUIDE_CONSOLE, "As step 1", "As 7 steps", &["number 22"]),
    (GUIDE_CONSOLE, "takes 2 steps", "takes 3 steps", &["number 3"]),
    (GUIDE_CONSOLE, "exit code 0", "exit code 7", &["number 6"]),
    (GUIDE_CONSOLE, "5000 is refused", "6000 is refused", &["number 22"]),
    (GUIDE_CONSOLE, "#step-1-convert", "#step-2-convert", &["link 26"]),
    (GUIDE_CONSOLE, "https://example.com/", "https://example.com@example.org/", &["link 26"]),
    (GUIDE_CONSOLE, "(#step", "(javascript:step", &["link 26"]),
    (GUIDE_CONSOLE, "(#step", "(/#step", &["link 26"]),
    (GUIDE_CONSOLE, "(#step", "(other.md#step", &["link 26"]),
    (GUIDE_CONSOLE, "(#step", "(../guide.md#step", &["link 26"]),
    (GUIDE_CONSOLE, "(#step-1-convert-a-number", "(../docs/more/notes.md#notes", &[]),
    (GUIDE_CONSOLE, "(#step-1-convert-a-number", "(x/../.././docs/more/notes.md", &[]),
    (GUIDE_CONSOLE, "(#step-1-convert-a-number", "(../docs/more/notes.md#note", &["link 26"]),
    (GUIDE_CONSOLE, "(#step-1-convert-a-number", "(../docs/notes.md", &["link 26"]),
    (GUIDE_CONSOLE, "(#step-1-convert", "(../../docs/more/notes.md", &["link 26"]),
    (GUIDE_CONSOLE, "(#step-1-convert-a-number", "(../docs/../docs/more/notes.md#notes", &[]),
    (GUIDE_CONSOLE, "a shell", "https://shells.example a shell", &["link 3"]),
    (GUIDE_CONSOLE, "a shell", "![a shell](shell.png)", &["link 3"]),
    (GUIDE_CONSOLE, "a shell", "TODO: a shell", &["marker 3"]),
    (
        GUIDE_CONSOLE,
        "a shell",
        "the **most\nsecure** [insert name]",
        &["claim 3", "claim 4", "marker 4"],
    ),
    (GUIDE_CONSOLE, "a shell", "sk-abcdefghijklmnopqrstuvwxyz", &["secret 3"]),
    (GUIDE_CONSOLE, "a shell", "<details>a shell</details>", &["html 3"]),
    (GUIDE_CONSOLE, "\n\nThe file", "\n\n<!-- note --> The file", &["html 24"]),
    (
        GUIDE_CONSOLE,
        "```console",
        "```text",
        &["number 6", "number 22", "number 22", "language 26"],
    ),
    (GUIDE_RUST, "function `to_roman`", "function", &["order 6"]),
    (GUIDE_RUST, "Then keep numerals in a `Cache`.", "Then:", &["order 20"]),
    (GUIDE_RUST, "  <!-- clause: cache_drops -->", "", &["clause 26"]),
    (GUIDE_RUST, "and stays", "and never fails, and stays", &["claim 26"]),
    (GUIDE_RUST, "and stays", "and, at `roman::stay`, stays", &["name 26"]),
];

const IN_COPY: &[Fault] = &[
    (LANDING, "up to 3999", "up to 4999", &["number 3"]),
    (LANDING, "numbers up", "1000 numbers up", &["number 3"]),
    (LANDING, "0.5 ms", "0.4 ms", &["number 11"]),
    (LANDING, "keeps 1,000", "keeps 1,20", &["number 6", "number 6"]),
    (LANDING, " <!-- claim: convert -->", "", &["number 11"]),
    (LANDING, " <!-- claim: roman_range -->", "", &["claim 5"]),
    (LANDING, "roman_range", "roman_small", &["clause 5", "claim 5"]),
    (LANDING, "## Start", "## The best start", &["claim 14"]),
    (LANDING, "Add it to", "100\n% safe: add it to", &["number 16", "claim 16", "claim 17"]),
    (LANDING, "[4 is IV]", "[9 is IX]", &["number 12"]),
    (LANDING, "Add it", "```rust\nroman::to_roman(4);\n```\nAdd 4 and it", &["number 19"]),
];

#[test]
fn outlines_are_read() {
    for (line, owner, name) in [
        ("impl<T: Clone> Cache<T>: pub fn get<K>(&self, k: K) -> T", Some("Cache"), "get"),
        ("impl Display for Cache: fn fmt(&self)", Some("Cache"), "fmt"),
        ("pub trait Shape: Debug", None, "Shape"),
        ("pub(crate) const MAX: usize = f(1)", None, "MAX"),
        ("class Cache(Base):", None, "Cache"),
        ("class Cache: limit: int", Some("Cache"), "limit"),
        ("Cache: async def new(cls) -> Self", Some("Cache"), "new"),
        ("MAX: int", None, "MAX"),
        ("export default class Cache<T> extends Base<T>", None, "Cache"),
        ("export interface Cache: get size(): number", Some("Cache"), "size"),
        ("export const convert = (n: number) => string", None, "convert"),
    ] {
        let item = super::items::OutlineItem::read(line);
        assert_eq!((item.owner_name(), item.name()), (owner, name), "{line}");
    }
}

#[test]
fn planted_faults_are_found_at_their_lines() {
    let mut wrong = String::new();
    for (case, from, to, expected) in [IN_DOCS, IN_GUIDES, IN_COPY].concat() {
        let found = planted(case, from, to);
        let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
        if places != *expected {
            wrong.push_str(&format!("{from:?} -> {to:?}: {places:?}, not {expected:?}\n"));
            found
                .iter()
                .for_each(|(place, text)| wrong.push_str(&format!("    {place}: {text}\n")));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The texts of `examples/forms`.
macro_rules! example {
    ($path:literal) => {
        include_str!(concat!("../../../../examples/forms/", $path))
    };
}

/// The red proof of the gate: right texts of which one thing is cut out or changed. That an output
/// in a block is changed is tested where blocks are run.
#[test]
fn each_citation_and_each_number_of_the_example_is_needed() {
    const ITEMS: &[&str] = &[
        "pub fn to_roman(n: u32) -> Result<String, String>",
        "pub fn from_roman(text: &str) -> Option<u32>",
    ];
    // A link of the example's spec, `roman`, is one of `s` here.
    let spec = example!("specs/roman.md");
    let mut count = 0;
    for (form, page) in [
        (TextForm::Docs, example!("answers/docs/reference.md")),
        (TextForm::Tutorial, example!("answers/tutorial/tutorial.md")),
        (TextForm::Copy, example!("answers/copy/copy.md")),
    ] {
        let found = |text: &str| {
            let case = Case { form, page, items: ITEMS, run: &["rust", "wave"] };
            let text = text.replace("roman/", "s/");
            let tree = tree(&[("a.md", text.as_bytes())]);
            over(spec, &["usual", "range", "reads"], case, &tree, &TextShape::default())
        };
        assert_eq!(found(page), [], "{page}");
        let mut in_block = false;
        for (at, line) in page.lines().enumerate() {
            in_block ^= line.starts_with("```");
            let changed = |by: String| {
                let lines = page.lines().enumerate();
                let lines = lines.map(|(one, line)| if one == at { by.as_str() } else { line });
                lines.collect::<Vec<_>>().join("\n")
            };
            let (text, citation) = line.split_once("<!--").unwrap_or((line, ""));
            let is_number = |word: &&str| !in_block && word.parse::<u32>().is_ok();
            let words = text.split_whitespace().filter(is_number);
            let mut wrong: Vec<String> = words.map(|one| line.replacen(one, "77", 1)).collect();
            wrong.extend((!citation.is_empty()).then(|| text.to_owned()));
            for text in wrong {
                count += 1;
                assert_ne!(found(&changed(text.clone())), [], "{text}");
            }
        }
    }
    assert_eq!(count, 15);
}

#[test]
fn pages_have_the_length_and_the_sections_that_the_target_says() {
    let judged = |max_words, sections: &[&str]| {
        let sections = sections.iter().map(|&title| title.to_owned()).collect();
        let shape = TextShape { max_words, sections };
        shaped(LANDING, &tree(&[("a.md", COPY.as_bytes())]), &shape)
    };
    assert!(judged(Some(60), &["roman 1 to 3999", "Start"]).is_empty());
    let all = judged(Some(20), &["Start", "Roman 1 to 3999", "Why"]);
    let told: Vec<_> = all.iter().map(|(place, text)| format!("{place}: {text}")).collect();
    assert_eq!(
        told,
        [
            "length 16: 40 words; the target allows 20 (`max_words`); Delete what a reader can do without",
            "structure 16: no heading \"Roman 1 to 3999\" behind \"Start\" (`sections`); Add the section \
             `## Roman 1 to 3999` behind \"Start\"",
        ]
    );
}

#[test]
fn a_comment_cites_for_the_block_that_it_touches_or_follows() {
    const C: &str = "<!-- claim: roman_basic -->";
    for (text, expected) in [
        ("Safe.\n\nC\nSecure.", "claim 1"),
        ("Safe.\nC\n\nSecure.", "claim 4"),
        ("Safe.\n\nC\n\nSecure.", "claim 5"),
        ("C\n\nSafe.\n\nSecure.", "claim 5"),
        ("# Safe\n\nC\n\nSecure.", ""),
        ("Safe\n====\nC\n\nSecure.", ""),
        ("- Safe.\n- Secure.\n\nC", ""),
        ("- Safe. C\n- Secure.", "claim 2"),
        ("1. Safe.\n   - Secure.\n\n     C", "claim 1"),
        ("Safe.\n\n```text\nbest\n```\n<!-- note -->\nC", ""),
        ("> Safe.\n\nSecure. C", "claim 1"),
        ("| best |\n|---|\n| safe C |\n| secure |", "claim 1, claim 4"),
        ("| best |\n|---|\n| safe |\n| secure |\n\nC", ""),
    ] {
        let found = judged(LANDING, &tree(&[("a.md", text.replace('C', C).as_bytes())]));
        let places: Vec<String> = found.into_iter().map(|(place, _)| place).collect();
        assert_eq!(places.join(", "), expected, "{text}");
    }
}

/// The rules must not fail on any text: cut pages are texts with open marks of all kinds.
#[test]
fn cut_pages_are_judged() {
    for case in [DOCS_RUST, DOCS_PYTHON, DOCS_TYPESCRIPT, GUIDE_CONSOLE, GUIDE_RUST, LANDING] {
        for at in (1..case.page.len()).step_by(37) {
            let (start, end) = case.page.split_at(at);
            judged(case, &tree(&[("a.md", start.as_bytes()), ("b.md", end.as_bytes())]));
        }
    }
}

#[test]
fn unreadable_pages_are_judged_by_nothing_else() {
    let rules = |files: &[(&str, &[u8])]| {
        let found = judged(GUIDE_RUST, &tree(files));
        found.into_iter().map(|(place, _)| place).collect::<Vec<_>>()
    };
    assert_eq!(rules(&[("a.md", b"\xff"), ("b.md", b" \n")]), ["page", "page"]);
    assert_eq!(rules(&[("a.md", "a ".repeat(40_000).as_bytes())]), ["length"]);
    assert_eq!(rules(&[("a.txt", b"TODO")]), ["page"]);
    let text = TUTORIAL.replace("# Num", "[next](b/c.md#numerals) [back](b/../a.md)\n\n# Num");
    let next = "# Numerals\n\n[back](../a.md#numerals-in-a-program)\n\n```rust\nto_roman(1)\n```\n";
    assert!(rules(&[("a.md", text.as_bytes()), ("b/c.md", next.as_bytes())]).is_empty());
}

#[test]
fn blocks_and_citations_are_read() {
    let all = blocks("guide.md", "- Run:\n\n  ```Rust,ignore x\n  a\n   b\n  ```\n\n      code\n");
    assert_eq!(all.len(), 1);
    let one = &all[0];
    let read = (one.file.as_str(), one.line, one.language.as_str(), one.info.as_str());
    assert_eq!(read, ("guide.md", 4, "rust", "Rust,ignore x"));
    assert_eq!(one.code, "a\n b\n");
    let names = cited(&tree(&[("a.md", COPY.as_bytes()), ("b.txt", RUST.as_bytes())]));
    let expected = ["roman_basic", "roman_range", "cache_drops", "convert"];
    assert_eq!(names, BTreeSet::from(expected.map(str::to_owned)));
}
