//! Tests in documentation, run by rustdoc.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

use super::commands;
use super::identifiers::plain;
use crate::toolchain::{DocTests, Places, ToolCommand, ToolOutput};
use crate::types::gate::clean;
use crate::types::{Finding, GateName, Tree};

/// Rust's tests in documentation.
pub struct Rustdoc;

impl DocTests for Rustdoc {
    fn may_have(&self, tree: &Tree) -> bool {
        // Rustdoc tests libraries only.
        let files = tree.iter().filter(|(path, _)| path.as_str().ends_with(".rs"));
        let mut texts = files.map(|(_, bytes)| String::from_utf8_lossy(bytes));
        tree.get("src/lib.rs").is_some() && texts.any(|text| has_tests(&text))
    }

    fn build(&self, places: &Places) -> ToolCommand {
        let args = ["build", "--lib", "--offline", "--message-format=json", "--quiet"];
        commands::bare(&args, places)
    }

    fn run(&self, places: &Places) -> ToolCommand {
        commands::bare(&["test", "--doc", "--offline", "--quiet"], places)
    }

    fn read(&self, gate: &GateName, output: &ToolOutput) -> Result<Vec<Finding>, String> {
        if output.status == Some(0) {
            return Ok(Vec::new());
        }
        let failed: Vec<Finding> = failures(&output.stdout)
            .into_iter()
            .map(|(name, said)| failed(gate, &name, &said))
            .collect();
        if !failed.is_empty() {
            return Ok(failed);
        }
        let why = clean(&format!("{}\n{}", output.stdout, output.stderr), &[]);
        let ran = ["doctest failed", "process didn't exit successfully"];
        if ran.iter().any(|text| output.stderr.contains(text)) {
            return Ok(vec![failed_as(gate, "the tests in the documentation", &why)]);
        }
        Err(format!("rustdoc failed ({}): {why}", output.ended))
    }
}

/// Whether a file's documentation has code that rustdoc compiles, or text that is not known here.
fn has_tests(text: &str) -> bool {
    // What cannot be read here is left to rustdoc.
    let Ok(tokens) = text.parse::<TokenStream>() else { return true };
    let mut streams = vec![tokens];
    while let Some(stream) = streams.pop() {
        let mut docs = String::new();
        let mut last = String::new();
        for token in stream {
            let is_attribute = last == "#" || last == "!";
            last.clear();
            match token {
                TokenTree::Group(group) if is_attribute => match doc(group.stream()) {
                    Some(Some(line)) => docs = docs + &line + "\n",
                    Some(None) => return true,
                    None => streams.push(group.stream()),
                },
                TokenTree::Group(group) => {
                    if has_code(&std::mem::take(&mut docs)) {
                        return true;
                    }
                    streams.push(group.stream());
                }
                TokenTree::Punct(punct) => last = punct.to_string(),
                // The item that the text before it describes.
                _ if has_code(&std::mem::take(&mut docs)) => return true,
                _ => {}
            }
        }
        if has_code(&docs) {
            return true;
        }
    }
    false
}

/// The text of an attribute `doc = "…"`, `None` inside if it is not a literal; `None` for others.
fn doc(attribute: TokenStream) -> Option<Option<String>> {
    let tokens: Vec<TokenTree> = attribute.into_iter().collect();
    match &tokens[..] {
        [TokenTree::Ident(name), TokenTree::Punct(equals), TokenTree::Literal(text)]
            if plain(name) == "doc" && equals.as_char() == '=' =>
        {
            let text = syn::parse_str::<syn::LitStr>(&text.to_string());
            Some(text.ok().map(|text| text.value()))
        }
        [TokenTree::Ident(name), TokenTree::Punct(equals), ..]
            if plain(name) == "doc" && equals.as_char() == '=' =>
        {
            Some(None)
        }
        _ => None,
    }
}

/// Whether a text has a block of code that rustdoc compiles.
fn has_code(docs: &str) -> bool {
    // The indentation that all lines share does not count.
    let blank = |line: &&str| line.trim().is_empty();
    let indents = docs.lines().filter(|line| !blank(line));
    let indent = indents.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let lines = docs.lines().map(|line| line.get(indent..).unwrap_or_default());
    let docs = lines.collect::<Vec<_>>().join("\n");
    Parser::new(&docs).any(|event| match event {
        Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => is_compiled(&info),
        Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => true,
        _ => false,
    })
}

/// Whether rustdoc compiles a block with these words after its fence.
fn is_compiled(info: &str) -> bool {
    let words = info.split([',', ' ', '\t']).filter(|word| !word.is_empty());
    let of_rust = |word: &str| {
        const WORDS: [&str; 7] = [
            "rust",
            "should_panic",
            "no_run",
            "compile_fail",
            "standalone_crate",
            "test_harness",
            "custom",
        ];
        WORDS.contains(&word) || word.starts_with("edition") || word.starts_with("ignore-")
    };
    let mut words = words.peekable();
    words.peek().is_none() || words.clone().all(|word| word != "ignore") && words.any(of_rust)
}

/// The failed tests in rustdoc's output, with what each printed.
fn failures(output: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut name = None;
    for line in output.lines() {
        let head = line.strip_prefix("---- ").and_then(|line| line.strip_suffix(" stdout ----"));
        if let Some(head) = head {
            found.entry(head.to_owned()).or_default();
            name = Some(head.to_owned());
        } else if line == "failures:" {
            name = None;
        } else if let Some(said) = name.as_ref().and_then(|name| found.get_mut(name)) {
            *said = format!("{said}{line}\n");
        }
    }
    found
}

/// The finding for a test: `src/lib.rs - encode (line 9)`.
fn failed(gate: &GateName, name: &str, said: &str) -> Finding {
    let (file, rest) = name.split_once(" - ").unwrap_or((name, ""));
    let line =
        rest.rsplit_once("(line ").and_then(|(_, line)| line.split(')').next()?.parse().ok());
    let item = rest.split('(').next().unwrap_or_default().trim();
    let of = match item {
        "" => format!("the test in the documentation of `{file}`"),
        item => format!("the test in the documentation of `{item}`"),
    };
    Finding {
        file: Some(file.to_owned()),
        line,
        values: super::libtest::compared(said),
        ..failed_as(gate, &of, &clean(said, &[]))
    }
}

fn failed_as(gate: &GateName, what: &str, said: &str) -> Finding {
    let remedy = "let the example show what the code does, or leave it out";
    Finding {
        gate: gate.to_owned(),
        rule: "doc_test".to_owned(),
        message: format!("{what} fails: {}", said.trim()),
        remedy: Some(remedy.to_owned()),
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Rustdoc, failures, has_tests};
    use crate::toolchain::{DocTests, ToolOutput};

    #[test]
    fn blocks_that_rustdoc_compiles_are_found() {
        for text in [
            "/// A.\n///\n/// ```\n/// a();\n/// ```\nfn a() {}",
            "//! ~~~ rust\n//! a();\n//! ~~~",
            "/// A.\n///\n///     a();\nfn a() {}",
            "/** A.\n\n```should_panic\na();\n```\n*/\nfn a() {}",
            "/// ```no_run\n/// loop {}\n/// ```\nfn a() {}",
            "/// ```compile_fail,E0308\n/// a\n/// ```\nfn a() {}",
            "mod a { struct B { /// ```\n/// c();\n/// ```\n d: u8 } }",
            "macro_rules! m { () => {\n/// ```\n/// a();\n/// ```\nfn a() {} } }",
            "#[doc = \"```\\na();\\n```\"]\nfn a() {}",
            "#[doc = include_str!(\"a.md\")]\nfn a() {}",
            "/// - one\n///\n///   ```\n///   a();\n///   ```\nfn a() {}",
            "#[r#doc = \"```\"]\n#[must_use]\n#[doc = \"a();\"]\nfn a() {}",
            "fn a( {",
        ] {
            assert!(has_tests(text), "{text}");
        }
    }

    #[test]
    fn other_text_starts_nothing() {
        for text in [
            "/// Adds `a`.\nfn a() -> &'static str { \"```\\na();\\n```\" }",
            "/// ```text\n/// a\n/// ```\nfn a() {}",
            "/// ```ignore\n/// a\n/// ```\nfn a() {}",
            "/// ```rust,ignore\n/// a\n/// ```\nfn a() {}",
            "/// ```json\n/// {}\n/// ```\nfn a() {}",
            "// ```\n// a();\n// ```\nfn a() {}",
            "/// - one\n///     two\nfn a() {}",
            "/**\n     * A.\n     */\nfn a() {}",
            "#[doc(hidden)]\n#[must_use = \"```\"]\nfn a() {}",
            "",
        ] {
            assert!(!has_tests(text), "{text}");
        }
    }

    #[test]
    fn failures_have_their_places() {
        let output = "\nrunning 2 tests\nsrc/lib.rs - b (line 15) --- FAILED\n\nfailures:\n\n\
            ---- src/lib.rs - (line 3) - compile fail stdout ----\nTest compiled successfully, but it's marked \
            `compile_fail`.\n---- src/lib.rs - <impl A for B>::c (line 9) stdout ----\nstderr:\n  left: 1\n right: \
            2\n\nfailures:\n    src/lib.rs - b (line 15)\n";
        assert_eq!(failures(output).len(), 2);
        let said =
            ToolOutput { status: Some(101), stdout: output.to_owned(), ..ToolOutput::default() };
        let found = Rustdoc.read(&"test".into(), &said).expect("it ran");
        let shown: Vec<_> = found.iter().map(|one| (one.file.as_deref(), one.line)).collect();
        assert_eq!(shown, [(Some("src/lib.rs"), Some(3)), (Some("src/lib.rs"), Some(9))]);
        assert_eq!(found[1].values, Some(("1".to_owned(), "2".to_owned())));
        assert!(found[1].message.contains("documentation of `<impl A for B>::c` fails"));
    }

    #[test]
    fn a_tool_that_fails_says_nothing_about_the_candidate() {
        let said = |stderr: &str| ToolOutput {
            status: Some(101),
            stderr: stderr.to_owned(),
            ..ToolOutput::default()
        };
        let gate = "test".into();
        assert!(Rustdoc.read(&gate, &said("could not execute process `rustdoc`")).is_err());
        let killed =
            said("error: doctest failed, to rerun pass `--doc`\n(signal: 9, SIGKILL: kill)");
        assert_eq!(Rustdoc.read(&gate, &killed).expect("it ran").len(), 1);
    }
}
