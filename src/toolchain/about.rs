//! The code that a text is about: which target it is, its items, and the text's blocks as examples
//! of it.

use std::collections::BTreeSet;

use super::heads::outline_heads;
use super::prose::page::{self, PageBlock};
use super::prose::rules::{anchors_of, collect};
use super::prose::{OF, needed_names};
use super::{
    Suite, SuiteFile, TextForm, Visibility, is_page, model_under_test, of, program_examples,
};
use crate::contract::is_neutral;
use crate::types::{
    Binding, Clause, ClauseId, Digest, Example, Harness, Level, Problem, Span, Spec, Status,
    Target, TargetName, Tree,
};

/// Languages of blocks that some language runs.
const KNOWN: [&str; 11] = [
    "rust",
    "python",
    "typescript",
    "javascript",
    "ts",
    "js",
    "wave",
    "table",
    "property",
    "console",
    "hurl",
];

/// Those of them that are judged from outside of the code's language.
const OUTSIDE: [&str; 5] = ["wave", "table", "property", "console", "hurl"];

/// The target whose code a text of a spec is about.
///
/// # Errors
/// The name that is not such a target; `None` if the spec has no code.
pub fn code_of<'a>(
    harness: &'a Harness,
    spec: &'a Spec,
    target: &'a Target,
) -> Result<(&'a TargetName, &'a Target), Option<&'a str>> {
    let all = harness.targets_of(spec).iter();
    let all = all.filter_map(|name| Some((name, harness.target.get(name)?)));
    let is_code = |(_, one): &(&TargetName, &Target)| {
        let is_text = of(one).text().is_some() || is_page(one);
        one.is_generated() && !is_text && model_under_test(one).is_none()
    };
    let mut all = all.filter(is_code);
    match target.options.get(OF).and_then(|of| of.as_str()) {
        Some(of) => all.find(|(name, _)| name.as_str() == of).ok_or(Some(of)),
        None => all.next().ok_or(None),
    }
}

/// The texts of a spec that a text needs.
pub fn needed<'a>(harness: &'a Harness, spec: &'a Spec, target: &Target) -> Vec<&'a TargetName> {
    let names = needed_names(target);
    let is_text = |name: &&TargetName| {
        let target = harness.target.get(*name);
        target.is_some_and(|one| one.is_generated() && of(one).text().is_some())
    };
    let texts = harness.targets_of(spec).iter().filter(is_text);
    texts.filter(|name| names.contains(&name.as_str())).collect()
}

/// The name of suites in the language of the code that the suites of a target are about.
///
/// # Errors
/// It cannot be known, or there are none.
pub fn suite_name(harness: &Harness, target: &Target) -> Result<String, &'static str> {
    let named = target.options.get(OF).and_then(|of| of.as_str());
    let is_code = |(name, one): &(&TargetName, &Target)| {
        let is_text = of(one).text().is_some();
        one.is_generated() && !is_text && named.is_none_or(|named| named == name.as_str())
    };
    let code = harness.target.iter().filter(is_code);
    let mut names: Vec<_> =
        code.filter_map(|(_, one)| Some(of(one).native()?.suite_name())).collect();
    names.sort();
    names.dedup();
    match names.as_slice() {
        [name] => Ok(name.clone()),
        [] => Err("no target with code has a language that runs suites"),
        _ => Err("several languages have code; say with `of` which target the suite tests"),
    }
}

/// The suites in a tree, in the language of the code.
///
/// # Errors
/// Why its files cannot be read as suites, by file.
pub fn suites(
    spec: &Spec,
    code: &Target,
    tree: &Tree,
) -> Result<Vec<Suite>, Vec<(String, Problem)>> {
    let (mut suites, mut problems) = (Vec::new(), Vec::new());
    let Some(native) = of(code).native() else { return Ok(suites) };
    for (path, _) in tree.iter() {
        let name = path.to_string();
        let Some(text) = tree.text(path.as_str()).map(str::to_owned) else {
            problems.push((name, Problem::error("suite::file", "the file is not UTF-8")));
            continue;
        };
        match native.read_suite(spec, &SuiteFile { name: name.clone(), text }) {
            Ok(suite) => suites.push(suite),
            Err(problem) => problems.push((name, *problem)),
        }
    }
    if problems.is_empty() { Ok(suites) } else { Err(problems) }
}

/// The public items of the code, one signature each.
pub fn items(spec: &Spec, code: &Target, tree: &Tree) -> Vec<String> {
    let language = of(code);
    if language.is_outside(code) {
        return Vec::new();
    }
    match (spec.contract.as_ref().zip(language.contract()), language.links()) {
        (Some((interface, contract)), _) => {
            contract.signatures(interface).iter().map(|one| bare(one)).collect()
        }
        (None, Some(links)) => outline_heads(&links.surface(tree)),
        (None, None) => Vec::new(),
    }
}

/// The versions of its language that the code's manifest names.
pub fn versions(code: &Target, tree: &Tree) -> BTreeSet<String> {
    let manifest = tree.text(of(code).layout(code).manifest).unwrap_or_default();
    let is_version = |line: &&str| {
        ["edition", "requires-python", "\"node\""].iter().any(|key| line.contains(key))
    };
    let mut all = BTreeSet::new();
    manifest.lines().filter(is_version).for_each(|line| collect(line, &mut all));
    all
}

/// A signature without the comments around it.
fn bare(signature: &str) -> String {
    let code = signature.rsplit("*/ ").next().unwrap_or_default();
    let code = code.split(" // ").next().and_then(|code| code.split("  # ").next());
    code.unwrap_or_default().trim_end_matches([':', ' ']).to_owned()
}

/// How a block reaches the code.
fn code_words(spec: &Spec, code: &Target) -> String {
    let language = of(code);
    let links = language.links().filter(|_| !language.is_outside(code));
    links.map_or_else(String::new, |links| links.words(spec))
}

/// The code as a model is shown it: how blocks reach it, its items, and what is run.
pub fn shown(
    spec: &Spec,
    code: &Target,
    form: TextForm,
    tree: &Tree,
    beside: &[(String, Tree)],
) -> String {
    let language = of(code).language();
    let mut parts = vec![format!("It is {language}. {}", code_words(spec, code))];
    let items = items(spec, code, tree);
    if !items.is_empty() {
        parts.push(format!("Its public items:\n\n~~~~~~\n{}\n~~~~~~", items.join("\n")));
    }
    let contract = spec.contract.as_ref().zip(of(code).contract());
    let whole = contract.map(|(interface, of)| of.signatures(interface)).unwrap_or_default();
    if !items.is_empty() && !whole.is_empty() && whole != items {
        let whole = whole.join("\n");
        parts.push(format!("The same with what they raise or throw:\n\n~~~~~~\n{whole}\n~~~~~~"));
    }
    if form == TextForm::Tests {
        let named = of(code).test_of("NAME");
        parts.push(format!(
            "The suite is written in {language}. What shows the clause `NAME` is {named}."
        ));
        return parts.join("\n\n");
    }
    let run = run_languages(spec, code);
    let run: Vec<String> = run.iter().map(|language| format!("`{language}`")).collect();
    if !run.is_empty() {
        let run = run.join(", ");
        parts.push(format!(
            "Blocks in these languages are run, written as the examples of the specification: {run}."
        ));
    }
    let pages = beside.iter().flat_map(|(at, tree)| {
        let anchors = anchors_of(tree).into_iter();
        anchors.map(move |(file, anchors)| {
            let anchors = anchors.iter().map(|one| format!("`#{one}`")).collect::<Vec<_>>();
            format!("- `{at}/{file}`: {}", anchors.join(", "))
        })
    });
    let pages: Vec<String> = pages.collect();
    if !pages.is_empty() {
        let pages = pages.join("\n");
        parts.push(format!(
            "Pages of other texts that links may lead to, and their headings:\n\n{pages}"
        ));
    }
    parts.join("\n\n")
}

/// The languages of blocks that are run over the code.
pub fn run_languages(spec: &Spec, code: &Target) -> Vec<&'static str> {
    let runs = |language: &&str| {
        if is_neutral(language) {
            return spec.contract.is_some();
        }
        let one = [block_clause(spec, 0, language, String::new(), 1)];
        let spec = Spec { clauses: one.into(), ..spec.clone() };
        // The examples of a program are what it does, in a text and in a test.
        if of(code).program(code).is_some() || of(code).is_outside(code) {
            return program_examples::languages(&spec, code).contains(language);
        }
        let native = of(code).native();
        native.and_then(|of| of.examples(&spec, code, Visibility::Visible)).is_some()
    };
    KNOWN.into_iter().filter(runs).collect()
}

/// A spec whose clauses are the blocks of pages, to be judged like examples of the code; with the
/// block of each clause. In a tutorial a block goes on where the one before it ended.
pub fn spec_of_blocks(
    spec: &Spec,
    code: &Target,
    form: TextForm,
    tree: &Tree,
) -> (Spec, Vec<PageBlock>) {
    let run = run_languages(spec, code);
    let native = of(code).native();
    let mut clauses = Vec::new();
    let mut all = Vec::new();
    for (path, bytes) in tree.iter() {
        let text = String::from_utf8_lossy(bytes);
        let blocks = page::blocks(path, &text);
        let blocks = blocks.into_iter().filter(|block| run.contains(&block.language.as_str()));
        let blocks: Vec<PageBlock> = blocks.collect();
        for (at, block) in blocks.iter().enumerate() {
            let before = blocks[..at].iter().filter(|_| form == TextForm::Tutorial);
            let before = before.filter(|one| one.language == block.language);
            let text: String = before.chain([block]).map(|one| one.code.as_str()).collect();
            let own = native.filter(|_| !OUTSIDE.contains(&block.language.as_str()));
            let text = own.map_or(text.clone(), |own| own.watched(&text));
            let line = block.line as usize;
            clauses.push(block_clause(spec, all.len(), &block.language, text, line));
            all.push(block.clone());
        }
    }
    (Spec { clauses, ..spec.clone() }, all)
}

/// The place of a block among the clauses of such a spec.
pub fn block_of(name: &str) -> Option<usize> {
    name.strip_prefix("block_")?.parse().ok()
}

fn block_clause(spec: &Spec, at: usize, language: &str, code: String, line: usize) -> Clause {
    let name = format!("block_{at}");
    Clause {
        id: ClauseId::new(spec.id.as_str(), &name),
        text: String::new(),
        level: Level::Must,
        status: Status::Stable,
        waiver: None,
        bindings: vec![Binding::TestId { name }],
        rate: None,
        examples: vec![Example {
            language: language.to_owned(),
            hidden: false,
            ignored: false,
            code,
            line,
            held: Vec::new(),
        }],
        digest: Digest::default(),
        span: Span::default(),
        line,
    }
}

#[cfg(test)]
mod tests {
    use super::run_languages;

    #[test]
    fn blocks_about_a_program_are_transcripts() {
        let (spec, mut target) = crate::spec_for_tests::spec("- a `test_id: a`\n");
        assert_eq!(run_languages(&spec, &target), ["rust"]);
        target.options.insert("crate".to_owned(), "bin".into());
        assert_eq!(run_languages(&spec, &target), ["console"]);
    }
}
