//! Good pages without a finding, and faults planted in them.

use std::collections::BTreeSet;

use super::{TextFacts, TextForm, check};
use crate::toolchain::prose::page::{blocks, cited};
use crate::types::{RelPath, Tree};

const SPEC: &str = "# Roman numerals

A library for Roman numerals, and a program `roman`. Rules: <https://example.com/roman>.

- `to_roman` MUST give the numeral of 1 to 3999. `test_id: roman_basic`

  ```rust
  assert_eq!(roman::to_roman(4), Ok(\"IV\".to_owned()));
  ```
- Other numbers MUST be the error `RomanError`. `test_id: roman_range`
- The cache MUST drop the oldest of 1,000 numerals. `test_id: cache_drops`
- A call SHOULD take less than half a millisecond. `bench: convert < 0.50ms`
- Small letters MUST be read as capitals. `test_id: roman_small`
";

const RUST: &str = r#"# Roman numerals

Converts numbers to Roman numerals and keeps up to 1000 of them. See [errors](#pub-enum-romanerror).

## `pub fn to_roman(n: u32) -> Result<String, RomanError>`

Gives the numeral of `n`, which is at least 1 and at most 3,999. <!-- clause: roman_basic -->

```rust
assert_eq!(roman::to_roman(4).unwrap(), "IV");
```

## `pub enum RomanError`

Every other number is an error, in UTF-8 text of type `Vec<u8>`.
<!-- clause: s/roman_range -->

## `pub struct Cache`

Keeps numerals. Make one with `Cache::new()`.

### `pub fn new() -> Self`

An empty cache, as `Default::default()` gives. It calls `to_string()` on nothing.

### `pub fn get(&mut self, n: u32) -> &str`

- Gives the numeral of `n`, always the same one.
- Drops the oldest numeral when it has 1_000.

<!-- clause: cache_drops -->

Errors of `to_roman(n)` are [here](#pub-fn-to_romann-u32---resultstring-romanerror).
"#;

const RUST_ITEMS: [&str; 5] = [
    "pub fn to_roman(n: u32) -> Result<String, RomanError>",
    "pub enum RomanError",
    "pub struct Cache",
    "impl Cache: pub fn new() -> Self",
    "impl Cache: pub fn get(&mut self, n: u32) -> &str",
];

const PYTHON: &str = r#"<!-- clause: roman_basic -->
The module `roman` has one function and one class.

# `def to_roman(n: int) -> str:`

Raises `RomanError`, a `ValueError`, outside of 1 to 3999. <!-- clause: roman_range -->

```python
>>> to_roman(4)
'IV'
```

# `class Cache`
<!-- clause: cache_drops -->

Drops the oldest numeral. It is safe to drop it twice.

| method | result |
|---|---|
| `cache.get(4)` | `IV` |

## `def get(self, n: int) -> str`

Calls `to_roman` in `O(n)`.

# `LIMIT: int = 10`

The size.
"#;

const PYTHON_ITEMS: [&str; 4] = [
    "def to_roman(n: int) -> str",
    "class Cache:",
    "class Cache: def get(self, n: int) -> str",
    "LIMIT: int = 10",
];

const TYPESCRIPT: &str = r#"# API

1. Import [`toRoman`](#toroman).
2. Make a `new Cache(10)`.

<a id="toroman"></a>

## `export function toRoman(n: number): string`

Throws a `RomanError` for numbers outside of the range, never `undefined`.
<!-- clause: roman_basic, roman_range -->

```ts
const cache = new Cache(10);
console.log(cache.get(4), toRoman(4)); // IV IV
```

## `export class Cache`

> Holds the last numerals. `Cache.get` is best effort, and `main.ts` shows it.
>
> <!-- claim: cache_drops -->

### `constructor(size: number)`

Holds up to 10 of them, the most recent ones.

### `get(n: number): string`

The numeral.

```text
IV
```
"#;

const TYPESCRIPT_ITEMS: [&str; 4] = [
    "export function toRoman(n: number): string",
    "export class Cache",
    "class Cache: constructor(size: number)",
    "class Cache: get(n: number): string",
];

const CONSOLE: &str = "# First steps

You need the program `roman` and a shell such as `bash`. It takes two steps.

## Step 1: convert a number

Run `roman 4`, or pass `--help`. <!-- clause: roman_basic -->

```console
$ roman 4
IV
$ roman 5000; echo $?
5000 is too large
2
```

## 2. Errors

As step 1 showed, 5000 is refused with status 2.[^1] <!-- clause: roman_range -->

The file `roman.toml` sets the size, and `ROMAN_SIZE` too. <!-- clause: cache_drops -->

[^1]: See [the first step](#step-1-convert-a-number) and [the rules](https://example.com/roman#2).
";

const TUTORIAL: &str = r#"# Numerals in a program

The function `to_roman` makes a numeral. <!-- clause: roman_basic -->

```rust
use roman::to_roman;
assert_eq!(to_roman(9).unwrap(), "IX");
```

It refuses 0 with a `RomanError`:

```rust
assert!(to_roman(0).is_err());
```
<!-- clause: roman_range -->

Then keep numerals in a `Cache`.

```rust
let mut cache = roman::Cache::new();
assert_eq!(cache.get(9), "IX");
```

- It drops the oldest numeral
  <!-- clause: cache_drops -->
- and stays small.
"#;

const COPY: &str = "# Roman 1 to 3999 <!-- claim: s/roman_basic -->

The library is always right for numbers up to 3999. <!-- claim: s/roman_basic -->

- Errors are safe to match. <!-- claim: roman_range -->
- It keeps 1,000 numerals.
  <!-- claim: cache_drops -->

| what | how much |
|---|---|
| a call | 0.5 ms <!-- claim: convert --> |
| example | [4 is IV](#roman-1-to-3999) <!-- claim: roman_basic --> |

## Start

Add it to your project and read <https://example.com/roman/v2>.
";

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
    let (spec, _) = crate::spec_for_tests::spec(SPEC);
    let proven = ["roman_basic", "roman_range", "cache_drops", "convert"];
    let proven = proven.map(str::to_owned).into_iter().collect();
    let items: Vec<String> = case.items.iter().map(|&item| item.to_owned()).collect();
    let facts = TextFacts { spec: &spec, proven: &proven, items: &items, run: case.run };
    let all = check(&"text".into(), case.form, tree, &facts);
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
    (GUIDE_CONSOLE, "As step 1", "As 7 steps", &["number 19"]),
    (GUIDE_CONSOLE, "5000 is refused", "6000 is refused", &["number 19"]),
    (GUIDE_CONSOLE, "#step-1-convert", "#step-2-convert", &["link 23"]),
    (GUIDE_CONSOLE, "https://example.com/", "https://example.com@example.org/", &["link 23"]),
    (GUIDE_CONSOLE, "(#step", "(javascript:step", &["link 23"]),
    (GUIDE_CONSOLE, "(#step", "(/#step", &["link 23"]),
    (GUIDE_CONSOLE, "(#step", "(other.md#step", &["link 23"]),
    (GUIDE_CONSOLE, "(#step", "(../guide.md#step", &["link 23"]),
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
    (GUIDE_CONSOLE, "\n\nThe file", "\n\n<!-- note --> The file", &["html 21"]),
    (GUIDE_CONSOLE, "```console", "```text", &["language 23"]),
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
