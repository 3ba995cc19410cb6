//! A block of a page as a test that passes only if each of its assertions runs and holds: not one
//! in a branch that is not taken, in a function that nothing calls, or whose error is caught.

use std::sync::LazyLock;

use regex::Regex;

use crate::toolchain::UNSEEN;
use crate::toolchain::shared::comments::{closed, without_comments};

/// The block with a mark behind each assertion: a call of `assert`, `expect`, a member of them, or
/// of what is imported from `node:assert`.
pub fn watched(code: &str) -> String {
    static OWN: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = r"\b(?:const|let|var|function|class)\s+(?:assert|expect)\b";
        Regex::new(pattern).expect("the pattern is a constant")
    });
    let bare = without_comments("ts", code);
    if OWN.is_match(&bare) {
        let why = "the block defines its own assertions";
        return format!("throw new Error('{why}');\n");
    }
    let names = names(&bare);
    let (mut out, mut told) = (String::new(), Vec::new());
    let mut at = 0;
    while let Some(c) = bare[at..].chars().next() {
        let rest = &bare[at..];
        let skipped = skipped(rest, &out);
        if skipped > 0 {
            out.push_str(&rest[..skipped]);
            at += skipped;
            continue;
        }
        let word = word(rest);
        let is_member = out.trim_end().ends_with('.') || out.ends_with(is_part);
        let end = Some(word).filter(|word| names.contains(word) && !is_member);
        let Some(end) = end.and_then(|word| call(rest, word.len())) else {
            let next = word.len().max(c.len_utf8());
            out.push_str(&rest[..next]);
            at += next;
            continue;
        };
        let mark = format!(", regen_ran.add({})", told.len());
        let line = bare[..at].rfind('\n').map_or(0, |start| start + 1);
        let line = bare[line..].lines().next().unwrap_or_default().trim();
        told.push(serde_json::json!(line).to_string());
        let is_statement = is_statement(&out);
        let awaited = out.trim_end().ends_with("await") && !is_statement;
        let open = if awaited { out.trim_end().len() - "await".len() } else { out.len() };
        if !is_statement {
            out.insert(open, '(');
        }
        out.push_str(&format!("{}{mark}{}", &rest[..end], if is_statement { "" } else { ")" }));
        at += end;
    }
    if told.is_empty() {
        return code.to_owned();
    }
    let told = told.join(", ");
    format!(
        "const regen_ran = new Set(); {out}\nfor (const [at, told] of [{told}].entries()) \
         if (!regen_ran.has(at)) throw new Error(`\\`${{told}}\\` {UNSEEN}`);\n"
    )
}

/// The names of assertions.
fn names(code: &str) -> Vec<&str> {
    static IMPORT: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = r#"import\s*\{([^}]*)\}\s*from\s*["'](?:node:)?assert(?:/strict)?["']"#;
        Regex::new(pattern).expect("the pattern is a constant")
    });
    let lists = IMPORT.captures_iter(code).filter_map(|found| Some(found.get(1)?.as_str()));
    let imported = lists.flat_map(|list| list.split(','));
    let imported = imported.filter_map(|one| one.rsplit(" as ").next().map(str::trim));
    imported.filter(|name| !name.is_empty()).chain(["assert", "expect"]).collect()
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// The word at the start of a text.
fn word(text: &str) -> &str {
    &text[..text.find(|c| !is_part(c)).unwrap_or(text.len())]
}

/// The length of the string or regular expression at the start of a text, if there is one.
fn skipped(text: &str, before: &str) -> usize {
    if let Some(quote) = ["\"", "'", "`"].into_iter().find(|quote| text.starts_with(quote)) {
        return closed(text, quote, "ts");
    }
    let last = before.trim_end().chars().next_back().unwrap_or(';');
    let Some(inner) = text.strip_prefix('/').filter(|_| "(,=:[!&|?{};>".contains(last)) else {
        return 0;
    };
    let (mut escaped, mut in_class) = (false, false);
    for (at, c) in inner.char_indices() {
        match c {
            '\n' => return 0,
            '/' if !escaped && !in_class => return at + 2,
            '[' if !escaped => in_class = true,
            ']' if !escaped => in_class = false,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    0
}

/// The end of the call that a name begins, with its members: `expect(a).not.toBe(b)`.
fn call(text: &str, name: usize) -> Option<usize> {
    let (mut at, mut end) = (name, None);
    loop {
        let rest = text[at..].trim_start();
        let start = text.len() - rest.len();
        if let Some(member) = rest.strip_prefix('.') {
            at = start + 1 + word(member).len();
        } else if rest.starts_with('(') && start == at {
            at += brackets(rest)?;
            end = Some(at);
        } else {
            return end;
        }
    }
}

/// The length of the brackets at the start of a text, with what is in them.
fn brackets(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(c) = text[at..].chars().next() {
        let skipped = skipped(&text[at..], &text[..at]);
        if skipped > 0 {
            at += skipped;
            continue;
        }
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += c.len_utf8();
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Whether a statement begins behind a text: a mark behind it needs no brackets, which could make a
/// call of the line before.
fn is_statement(before: &str) -> bool {
    let before = before.trim_end();
    let before = before.strip_suffix("await").unwrap_or(before).trim_end();
    !before.ends_with(['(', ',', '[', '=', '&', '|', '?', ':', '>', '+', '!'])
}

#[cfg(test)]
mod tests {
    use super::watched;

    #[test]
    fn each_assertion_has_a_mark() {
        for (code, marked) in [
            (
                "const a = f()\nassert.equal(a, \")\")\n",
                "const a = f()\nassert.equal(a, \")\"), regen_ran.add(0)\n",
            ),
            ("expect(a)\n  .not.toBe(1); // x", "expect(a)\n  .not.toBe(1), regen_ran.add(0); "),
            (
                "await expect(p).rejects.toThrow(/\\(/);",
                "await expect(p).rejects.toThrow(/\\(/), regen_ran.add(0);",
            ),
            ("l.forEach((x) => assert(x));", "l.forEach((x) => (assert(x), regen_ran.add(0)));"),
            ("try { assert(a); } catch {}", "try { assert(a), regen_ran.add(0); } catch {}"),
            (
                "g(async () => await assert.rejects(p));",
                "g(async () => (await assert.rejects(p), regen_ran.add(0)));",
            ),
            (
                "import { equal as same } from 'assert';\nsame(a, 1);",
                "'assert';\nsame(a, 1), regen_ran.add(0);",
            ),
            (
                "import assert from \"node:assert\";\nx.assert(1);",
                "import assert from \"node:assert\";\nx.assert(1);",
            ),
        ] {
            let text = watched(code);
            assert!(text.contains(marked), "{marked}: {text}");
        }
        assert!(watched("const assert = { ok() {} };").starts_with("throw "));
        assert!(watched("if (no) assert.ok(x);").contains("[\"if (no) assert.ok(x);\"].entries()"));
    }
}
