//! Parsing as a black box: texts in, clauses, digests and problems out.

use super::parse;
use crate::types::{Clause, Level, Severity, Spec};

fn clean(text: &str) -> Spec {
    let (spec, problems, _) = parse("specs/s.md", text.as_bytes());
    assert!(problems.is_empty(), "{problems:?}");
    spec
}

/// Codes of the problems of a text.
fn codes(text: &[u8]) -> Vec<String> {
    parse("specs/s.md", text).1.into_iter().map(|problem| problem.code).collect()
}

const ROMAN: &str = "---\nid: roman\ntargets: [rust]\ndepends: [digits]\n---\n# Roman numerals\n\n\
    Prose.\n\n## Writing\n- `to_roman` MUST accept 1 to 3999. `test_id: basic`\n\n  ```rust\n  \
    assert_eq!(1, 1);\n  ```\n\n- Others SHOULD give `None`. `test_id: range`\n\n  ```rust hidden\n  \
    assert_eq!(secret(), None);\n  ```\n\n- The crate MUST NOT contain `unsafe`. `guard: forbid_unsafe`\n";

#[test]
fn invalid_utf8_behind_crlf_has_its_place_in_the_text() {
    let (_, problems, source) = parse("specs/s.md", b"# A\r\n\r\n- a\r\n\xff\r\n");
    let span = problems[0].span.expect("has a place");
    assert_eq!((problems[0].line, span.start), (4, source.find('\u{fffd}').expect("is there")));
}

#[test]
fn the_example_of_the_format_is_parsed() {
    let spec = clean(ROMAN);
    assert_eq!((spec.id.as_str(), spec.title.as_str()), ("roman", "Roman numerals"));
    let ids: Vec<_> = spec.clauses.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(ids, ["roman/basic", "roman/range", "roman/forbid_unsafe"]);
    assert_eq!(spec.clauses[0].text, "`to_roman` MUST accept 1 to 3999.");
    assert_eq!(spec.clauses[0].examples[0].code, "assert_eq!(1, 1);\n");
    assert_eq!(spec.clauses[0].examples[0].line, 14);
    assert_eq!(spec.clauses[1].level, Level::Should);
    assert!(spec.clauses[1].examples[0].hidden);
    assert!(!spec.visible.contains("secret"), "{}", spec.visible);
    assert!(spec.visible.contains("assert_eq!(1, 1)"));
}

#[test]
fn the_first_design_documents_section_is_parsed() {
    let spec = clean(
        "## Principle: Avoid Financial Advice\nThe assistant must never give direct financial \
         advice. When asked, it must decline. `test_id: financial_advice_disclaimer`\n",
    );
    assert_eq!(spec.clauses[0].id.as_str(), "s/financial_advice_disclaimer");
    assert_eq!(spec.clauses[0].level, Level::Must);
}

#[test]
fn a_heading_binds_its_section_and_a_paragraph_the_fence_behind_it() {
    let spec = clean(
        "# T\n\n## A `test_id: a`\nText.\n\n- more\n\n```rust\nx();\n```\n\n## B\nIt does. \
         `test_id: b`\n\n```rust\ny();\n```\n\nOther prose.\n\n```rust\nz();\n```\n",
    );
    assert_eq!(spec.clauses[0].text, "A Text. more");
    assert_eq!(spec.clauses[0].examples.len(), 1);
    assert_eq!(spec.clauses[1].examples.len(), 1);
}

#[test]
fn nested_items_are_clauses_of_their_own() {
    let spec = clean("- outer `test_id: o`\n  - inner `test_id: i`\n  - plain\n");
    assert_eq!(spec.clauses[0].text, "outer plain");
    assert_eq!(spec.clauses[1].text, "inner");
}

#[test]
fn digests_change_with_words_only() {
    let base = clean(ROMAN);
    let wrapped = clean(&ROMAN.replace("MUST accept", "MUST\n  accept"));
    let crlf = clean(&format!("\u{feff}{}", ROMAN.replace('\n', "\r\n")));
    let moved = clean(&ROMAN.replace("## Writing\n", "## Writing\n\n\n"));
    for other in [&wrapped, &crlf, &moved] {
        assert_eq!(base.clauses[0].digest, other.clauses[0].digest);
        assert_eq!(base.context, other.context);
    }
    let changed = clean(&ROMAN.replace("1 to 3999", "1 to 4000"));
    assert_ne!(base.clauses[0].digest, changed.clauses[0].digest);
    assert_eq!(base.clauses[1].digest, changed.clauses[1].digest);
    assert_eq!(base.context, changed.context);
    assert_ne!(base.context, clean(&ROMAN.replace("Prose.", "Verse.")).context);
}

#[test]
fn changes_visible_to_the_model_change_the_digest() {
    let base = "# T\n\nOld `a`.\n\nThen [this](https://a.example/) holds.\n\n## New behaviour\n\n\
                - x MUST be 1 `test_id: x`\n- y MUST be 2, see [z](z.md) `test_id: y`\n\n## Old behaviour\n\nGone.\n\n- a\n- b\n";
    let (one, changed) = (clean(base), |from: &str, to: &str| clean(&base.replace(from, to)));
    let digests = |spec: &Spec| {
        let mut clauses: Vec<_> = spec.clauses.iter().map(|c| (c.id.clone(), c.digest)).collect();
        clauses.sort();
        (spec.context, clauses)
    };
    for (from, to) in [
        ("(https://a.example/)", "(https://b.example/)"),
        ("(z.md)", "(w.md)"),
        ("(z.md)", "(z.md 'never')"),
        ("Gone.", "Gone.\n\n[n]: https://n.example/ 'never'"),
        ("- b", "  - b"),
        ("- y MUST", "  - y MUST"),
        ("Then ", "~~Then~~ "),
        ("x MUST be 1", "x MUST be ~~1~~"),
        ("## New behaviour", "## Behaviour"),
        ("## New behaviour", "### New behaviour"),
        (
            "Old `a`.\n\nThen [this](https://a.example/) holds.",
            "Then [this](https://a.example/) holds.\n\nOld `a`.",
        ),
        (
            "\n- y MUST be 2, see [z](z.md) `test_id: y`\n\n## Old behaviour\n",
            "\n\n## Old behaviour\n\n- y MUST be 2, see [z](z.md) `test_id: y`\n",
        ),
    ] {
        assert_ne!(digests(&changed(from, to)), digests(&one), "{from} -> {to}");
    }
    let swapped = base.replace("- x MUST be 1 `test_id: x`\n", "");
    let swapped = swapped.replace("`test_id: y`\n", "`test_id: y`\n* x MUST  be 1 `test_id: x`\n");
    assert_eq!(digests(&clean(&swapped)), digests(&one), "neighbours may change places");
}

#[test]
fn headings_and_bindings_inside_code_blocks_are_code() {
    let spec = clean("# T\n\n```text\n## No `test_id: no`\n```\n\n    indented\n");
    assert!(spec.clauses.is_empty());
    let (spec, problems, _) = parse("specs/s.md", b"# T\n\n    `test_id: indented`\n");
    assert!(spec.clauses.is_empty());
    assert_eq!(problems[0].code, "spec::lost_binding");
}

#[test]
fn wrong_input_is_a_clear_problem() {
    for (text, code) in [
        (&b"- a `test_id: a`\n- b `test_id: a`\n"[..], "spec::duplicate_clause"),
        (b"- a `test_id: 9`\n", "spec::binding"),
        (b"- a `test_id: a` \xff\xfe\n", "spec::not_utf8"),
        (b"---\nid: [x\n---\n", "spec::front_matter"),
        (b"---\nid: x\n# A\n", "spec::front_matter"),
        (b"---\nid: Not An Id\n---\n", "spec::id"),
        (b"---\ntarget: [rust]\n---\n", "spec::unknown_key"),
        (b"| a |\n|---|\n| `test_id: t` |\n", "spec::binding_in_table"),
        (b"- a `status: draft`\n", "spec::stray_mark"),
        (b"- a `test_id: a`\n\n```rust hidden\nx();\n```\n", "spec::stray_hidden"),
        (
            b"- a `test_id: a`\n\n      ```rust hidden\n      x();\n      ```\n",
            "spec::stray_hidden",
        ),
        (b"- a `test_id: a`\n\n<div>\n```rust hidden\nx();\n```\n</div>\n", "spec::stray_hidden"),
        (b"- a `test_id: a`\n\n  ```rust hiden\n  x();\n  ```\n", "spec::example_flag"),
    ] {
        assert_eq!(codes(text), [code], "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn status_and_waivers_are_parsed() {
    let spec = clean(
        "- a `test_id: a` `status: draft`\n- b `test_id: b`, `waived: slow until 2026-12-31`\n",
    );
    let demanded = |day: &str| -> Vec<bool> {
        spec.clone().in_force(day).clauses.iter().map(Clause::is_demanded).collect()
    };
    assert_eq!(demanded("2026-12-31"), [false, false]);
    assert_eq!(demanded("2027-01-01"), [false, true]);
}

#[test]
fn huge_and_deep_input_ends() {
    let deep = ">".repeat(20_000) + " `test_id: a`";
    parse("specs/s.md", deep.as_bytes());
    let nested: String = (0..500).map(|i| format!("{}- x\n", " ".repeat(i * 2))).collect();
    parse("specs/s.md", nested.as_bytes());
    for big in [
        "- word `x` MUST hold.\n".repeat(400_000),
        "a `guard: g`\n\n```rust hidden\nx();\n```\n\n".repeat(20_000),
        "# a `guard: g`\n\nb\n\n".repeat(30_000),
        "- a `test_id: 9`\n".repeat(50_000),
    ] {
        let (_, problems, _) = parse("specs/s.md", big.as_bytes());
        assert!(problems.iter().all(|p| p.severity == Severity::Error));
    }
    assert_eq!(codes(&vec![b'a'; 11 << 20]), ["spec::too_large"]);
}

fn any_bytes() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)
}

proptest::proptest! {
    #[test]
    fn no_input_panics(bytes in any_bytes()) {
        parse("specs/s.md", &bytes);
    }

    #[test]
    fn no_markdown_panics(text in "([-*>#`|~\\t\\n ]|test_id: [a-c]|```rust hidden|---|a){0,60}") {
        parse("specs/s.md", text.as_bytes());
    }
}
