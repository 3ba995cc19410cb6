//! Finds code that would mislead the gates, in a candidate's tokens before compiling, so that the
//! finding can name it.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::identifiers::{self, plain};
use super::options::{CrateType, RustOptions};
use super::{places, reach};
use crate::types::{Finding, GateName, Target, Tree};

/// Attributes, with their effects.
const ATTRIBUTES: [(&str, &str); 13] = [
    ("allow", "disables a lint of a gate; fix the code instead"),
    ("expect", "disables a lint of a gate; fix the code instead"),
    ("link_section", "places code where the linker runs it before the tests"),
    ("link", "links a library that the harness does not know"),
    ("no_mangle", "replaces a symbol of the test program"),
    ("export_name", "replaces a symbol of the test program"),
    ("used", "keeps unused code in the test program"),
    ("naked", "is assembly, which cannot be checked"),
    ("no_main", "replaces the test program's own start"),
    ALLOCATOR,
    ("panic_handler", "replaces what the test program does when it panics"),
    ("no_implicit_prelude", "hides the names that tests and proofs use"),
    ("path", "loads a module from another file; name the file after the module"),
];

const ALLOCATOR: (&str, &str) = ("global_allocator", "replaces the memory of the test program");

/// Why an attribute of a macro's variable is refused.
const MADE: &str = "an attribute that a macro puts together cannot be checked";

/// Checks every Rust file.
pub fn find(gate: &GateName, tree: &Tree, target: &Target) -> Vec<Finding> {
    let unreached = reach::unreached(tree).into_iter().map(|path| Finding {
        gate: gate.to_owned(),
        rule: "unreached".to_owned(),
        message: format!("no module declares `{path}`: nothing compiles or tests it"),
        remedy: Some("declare it with `mod`, or leave this file out".to_owned()),
        file: Some(path),
        ..Finding::default()
    });
    let mut findings: Vec<Finding> = unreached.collect();
    findings.extend(shebangs(gate, tree));
    let features = reach::features(tree);
    let binary = RustOptions::of(target).crate_type == CrateType::Bin;
    for (path, bytes) in tree.iter().filter(|(path, _)| path.as_str().ends_with(".rs")) {
        // An invalid token stream does not compile; the compiler's message is better.
        let Ok(tokens) = String::from_utf8_lossy(bytes).parse::<TokenStream>() else { continue };
        // A program may end its process: its tests observe it from another process.
        let ends = binary && path.as_str() == "src/main.rs";
        let mut reader = TokenReader { ends, features: &features, found: Vec::new() };
        reader.found.extend(places::find(&tokens));
        let mut streams = vec![tokens];
        while let Some(stream) = streams.pop() {
            reader.stream(&stream.into_iter().collect::<Vec<_>>(), &mut streams);
        }
        reader.found.sort_by_key(|(line, _, _)| *line);
        reader.found.dedup();
        findings.extend(reader.found.into_iter().map(|(line, rule, message)| Finding {
            gate: gate.to_owned(),
            rule: rule.to_owned(),
            file: Some(path.to_string()),
            line: u32::try_from(line).ok(),
            message,
            ..Finding::default()
        }));
    }
    findings
}

/// Whether a text begins with a line that the compiler skips, and a reader of tokens does not.
pub fn shebang(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    text.strip_prefix("#!").is_some_and(|rest| !rest.trim_start().starts_with('['))
}

fn shebangs(gate: &GateName, tree: &Tree) -> impl Iterator<Item = Finding> {
    let files = tree.iter().filter(|(path, bytes)| {
        path.as_str().ends_with(".rs") && shebang(&String::from_utf8_lossy(bytes))
    });
    files.map(|(path, _)| Finding {
        gate: gate.to_owned(),
        rule: "shebang".to_owned(),
        message: "a line `#!` is not Rust: nothing can check what follows".to_owned(),
        remedy: Some("remove the line".to_owned()),
        file: Some(path.to_string()),
        line: Some(1),
        ..Finding::default()
    })
}

/// What of the expanded source would mislead the gates: its words, and a message.
pub fn in_expanded(tokens: TokenStream) -> Vec<(Vec<String>, String)> {
    let (mut found, mut streams) = (Vec::new(), vec![tokens]);
    while let Some(stream) = streams.pop() {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let before = |back: usize| at.checked_sub(back).map(|at| &tokens[at]);
            match token {
                TokenTree::Group(group) => {
                    let is_attribute =
                        is(before(1), '#') || (is(before(1), '!') && is(before(2), '#'));
                    if is_attribute && group.delimiter() == Delimiter::Bracket {
                        found.extend(expanded_attribute(group));
                    } else {
                        streams.push(group.stream());
                    }
                }
                TokenTree::Ident(ident) if is_assembly(&plain(ident)) => {
                    let name = plain(ident);
                    let message = format!("`{name}!` is assembly, which cannot be checked");
                    found.extend(is(tokens.get(at + 1), '!').then_some((vec![name], message)));
                }
                _ => {}
            }
        }
    }
    found
}

fn is_assembly(name: &str) -> bool {
    matches!(name, "global_asm" | "naked_asm")
}

fn expanded_attribute(group: &Group) -> Option<(Vec<String>, String)> {
    let words: Vec<String> = identifiers::of(group.stream())
        .into_iter()
        .map(|word| word.trim_start_matches("r#").to_owned())
        .collect();
    let (name, why) = ATTRIBUTES.iter().find(|(name, _)| words.iter().any(|word| word == name))?;
    Some((words, format!("the attribute `{name}`, which a macro makes, {why}")))
}

struct TokenReader<'a> {
    /// Whether ending the process is allowed.
    ends: bool,
    /// Features that the manifest declares.
    features: &'a BTreeSet<String>,
    /// Line, rule and message.
    found: Vec<(usize, &'static str, String)>,
}

impl TokenReader<'_> {
    fn stream(&mut self, tokens: &[TokenTree], streams: &mut Vec<TokenStream>) {
        for (at, token) in tokens.iter().enumerate() {
            let before = |back: usize| at.checked_sub(back).map(|at| &tokens[at]);
            match token {
                TokenTree::Group(group) => {
                    let condition = if is(before(1), '!') { before(2) } else { before(1) };
                    if let Some(TokenTree::Ident(word)) = condition {
                        self.condition(&plain(word), group);
                    }
                    let hash = is(before(1), '#') || (is(before(1), '!') && is(before(2), '#'));
                    if hash && group.delimiter() == Delimiter::Bracket {
                        self.attribute(group);
                    }
                    if named(before(3), "process") && is(before(1), ':') {
                        self.endings(group);
                    }
                    streams.push(group.stream());
                }
                TokenTree::Punct(punct)
                    if punct.as_char() == '#' && is(tokens.get(at + 1), '$') =>
                {
                    self.found.push((punct.span().start().line, "attribute", MADE.to_owned()));
                }
                TokenTree::Ident(ident) => {
                    let name = plain(ident);
                    let line = ident.span().start().line;
                    let called = is(tokens.get(at + 1), '!');
                    if called && matches!(&*name, "include" | "include_str" | "include_bytes") {
                        self.include(&name, tokens.get(at + 2), line);
                    }
                    // Expanded, this attribute is gone, so it is searched by its name.
                    if name == ALLOCATOR.0 {
                        let message = format!("the attribute `{name}` {}", ALLOCATOR.1);
                        self.found.push((line, "attribute", message));
                    }
                    if called && is_assembly(&name) {
                        let message = format!("`{name}!` is assembly, which cannot be checked");
                        self.found.push((line, "assembly", message));
                    }
                    if is_end(&name) && is(before(1), ':') && named(before(3), "process") {
                        self.end(&name, line);
                    }
                }
                _ => {}
            }
        }
    }

    fn attribute(&mut self, group: &Group) {
        if is_passed_on(group) {
            return;
        }
        let line = group.span().start().line;
        let mut streams = vec![group.stream()];
        while let Some(stream) = streams.pop() {
            for token in stream {
                match token {
                    TokenTree::Group(group) => streams.push(group.stream()),
                    TokenTree::Ident(ident) => {
                        let name = plain(&ident);
                        let trick = ATTRIBUTES.iter().find(|(attribute, _)| *attribute == name);
                        if let Some((attribute, why)) = trick {
                            let message = format!("the attribute `{attribute}` {why}");
                            self.found.push((line, "attribute", message));
                        }
                    }
                    TokenTree::Punct(punct) if punct.as_char() == '$' => {
                        self.found.push((line, "attribute", MADE.to_owned()));
                    }
                    _ => {}
                }
            }
        }
    }

    fn condition(&mut self, word: &str, group: &Group) {
        if word == "cfg_select" {
            let message =
                "`cfg_select` leaves code out that no gate compiles; write one code for all";
            self.found.push((group.span().start().line, "condition", message.to_owned()));
        }
        if !matches!(word, "cfg" | "cfg_attr") {
            return;
        }
        if let Some(foreign) = reach::foreign_condition(word, group, self.features) {
            let message = format!(
                "`{word}` asks for `{foreign}`: code that depends on it is not what the gates compile and \
                 test; only `test` and features of the manifest may be asked for"
            );
            self.found.push((group.span().start().line, "condition", message));
        }
    }

    /// `include_str!` and `include_bytes!` may include only the candidate's own files.
    fn include(&mut self, name: &str, argument: Option<&TokenTree>, line: usize) {
        let arguments: Vec<TokenTree> = match argument {
            Some(TokenTree::Group(group)) => group.stream().into_iter().collect(),
            _ => Vec::new(),
        };
        let path = match &arguments[..] {
            [TokenTree::Literal(path)] => path.to_string(),
            _ => String::new(),
        };
        let plain = path.strip_prefix('"').and_then(|path| path.strip_suffix('"'));
        let own = plain.is_some_and(|path| {
            !path.starts_with('/') && !path.contains(['\\', '"']) && !path.contains("..")
        });
        if name == "include" || !own {
            let message = format!("`{name}!` includes a file outside of the candidate");
            self.found.push((line, "include", message));
        }
    }

    fn endings(&mut self, group: &Group) {
        for token in group.stream() {
            if let TokenTree::Ident(ident) = token
                && is_end(&plain(&ident))
            {
                self.end(&plain(&ident), ident.span().start().line);
            }
        }
    }

    fn end(&mut self, name: &str, line: usize) {
        if !self.ends {
            let message = format!("`process::{name}` would end the test process; return instead");
            self.found.push((line, "exit", message));
        }
    }
}

/// Whether a macro passes an attribute on as it was written: `#[$name:meta]` and `#[$name]`, or a
/// text in `#[doc = $text]`. What it becomes is in the expanded source; conditions are read where
/// they stand.
fn is_passed_on(group: &Group) -> bool {
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    match &tokens[..] {
        [dollar, TokenTree::Ident(_)] => is(Some(dollar), '$'),
        [dollar, TokenTree::Ident(_), colon, kind] => {
            is(Some(dollar), '$') && is(Some(colon), ':') && named(Some(kind), "meta")
        }
        [doc, equals, dollar, TokenTree::Ident(_)] => {
            named(Some(doc), "doc") && is(Some(equals), '=') && is(Some(dollar), '$')
        }
        _ => false,
    }
}

fn is(token: Option<&TokenTree>, char: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

fn named(token: Option<&TokenTree>, name: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == name)
}

fn is_end(name: &str) -> bool {
    matches!(name, "exit" | "abort")
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::spec_for_tests::spec;
    use crate::types::{RelPath, Tree};

    fn rules(path: &str, code: &str) -> Vec<(String, u32)> {
        let (_, mut target) = spec("");
        target.options.insert("crate".to_owned(), "bin".into());
        let file = (RelPath::parse(path).unwrap(), code.as_bytes().to_vec());
        let found = find(&"layout".into(), &Tree::from_iter([file]), &target);
        found.into_iter().map(|f| (f.rule, f.line.unwrap_or(0))).collect()
    }

    #[test]
    fn tricks_are_found_with_their_lines() {
        for (code, rule, line) in [
            ("#![allow(clippy::all)]", "attribute", 1),
            ("\n#[cfg_attr(test, allow(dead_code))]\nfn a() {}", "attribute", 2),
            ("#[expect(unused)]\nfn a() {}", "attribute", 1),
            ("#[unsafe(link_section = \".init_array\")]\nstatic A: fn() = a;", "attribute", 1),
            ("#[unsafe(no_mangle)]\nfn main() {}", "attribute", 1),
            ("#[used]\nstatic A: u8 = 1;", "attribute", 1),
            ("#[path = \"../x.rs\"]\nmod a;", "attribute", 1),
            ("macro_rules! a { ($a:ident) => {\n#[$a(windows)] fn b() {} } }", "attribute", 2),
            ("macro_rules! a { ($a:ident) => { } }\na!(cfg(any()));", "condition", 2),
            ("#[cfg(windows)]\nfn a() {}", "condition", 1),
            ("#[cfg(all(test, not(feature = \"a\")))]\nfn a() {}", "condition", 1),
            ("fn a() -> u8 {\nif cfg!(debug_assertions) { 1 } else { 2 } }", "condition", 2),
            ("fn a() -> u8 { std::cfg_select! {\n windows => { 2 } _ => { 1 } } }", "condition", 1),
            ("#[cfg(any())]\nmod a;", "condition", 1),
            ("#[cfg_attr(docsrs, doc(cfg(test)))]\nfn a() {}", "condition", 1),
            ("fn a() { std::process::exit(0) }", "exit", 1),
            ("use std::process::{self, abort as a};", "exit", 1),
            ("mod m { fn a() {\nprocess :: abort() } }", "exit", 2),
            ("include!(\"a.rs\");", "include", 1),
            ("#[r#allow(dead_code)]\nfn a() {}", "attribute", 1),
            ("#[unsafe(r#link_section = \".a\")]\nstatic A: fn() = a;", "attribute", 1),
            ("macro_rules! a { ($a:tt) => {\n# $a fn b() {} } }", "attribute", 2),
            ("#![no_implicit_prelude]", "attribute", 1),
            ("#[global_allocator]\nstatic A: S = S;", "attribute", 1),
            (
                "macro_rules! a { ($a:ident) => { #[$a] static A: S = S; } }\na!(global_allocator);",
                "attribute",
                2,
            ),
            ("#[r#cfg(windows)]\nfn a() {}", "condition", 1),
            ("fn a() -> u32 {\nline!() }", "surroundings", 2),
            ("use std::file as f;\nfn a() { f!(); }", "surroundings", 1),
            (
                "macro_rules! m { ($a:ident) => { $a!() } }\nfn a() {\nm!(line); }",
                "surroundings",
                3,
            ),
            ("core::arch::global_asm!(\"nop\");", "assembly", 1),
            ("const A: &str = include_str!(\"../../specs/a.md\");", "include", 1),
            ("const A: &str = include_str!(concat!(\"/\", \"etc\"));", "include", 1),
        ] {
            assert_eq!(rules("src/lib.rs", code), [(rule.to_owned(), line)], "{code}");
        }
    }

    #[test]
    fn ordinary_code_is_accepted() {
        for code in [
            "#[derive(Debug)]\n#[must_use]\nstruct A { used: bool, path: String }",
            "// #![allow(x)]\nconst A: &str = \"#[no_mangle] process::exit(0)\";",
            "fn exit() { abort(); std::process::Command::new(\"a\"); }",
            "const A: &str = include_str!(\"words.txt\");",
            "#[cfg(test)]\nmod tests { #[test] fn a() {} }",
            "fn a(line: u8, file: &F) -> bool { line != 3 && b(file, line) && !(line == 2) }",
            "use crate::line as l; fn a(f: l::L) { println!(\"{}\", line); }",
            "macro_rules! m { ($f:ident) => { $f!(1) } }\nm!(vec);",
        ] {
            assert!(rules("src/lib.rs", code).is_empty(), "{code}");
        }
        assert!(rules("src/main.rs", "fn main() { std::process::exit(2) }").is_empty());
    }
}
