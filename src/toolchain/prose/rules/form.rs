//! The rules `page`, `length`, `language`, `html` and `secret`.

use std::ops::Range;

use super::facts::{TextSubject, fix, found, missing};
use crate::toolchain::TextForm;
use crate::toolchain::keys::has_key;
use crate::toolchain::prose::page::ProsePage;
use crate::types::{Finding, Tree};

/// Most bytes of a page.
const MOST_BYTES: usize = 64 * 1024;

/// The pages of a tree; findings of those that cannot be judged.
pub fn read(tree: &Tree) -> (Vec<ProsePage<'_>>, Vec<Finding>) {
    let (mut pages, mut all) = (Vec::new(), Vec::new());
    let whole = |file: &str, rule: &str, message: String, remedy: &str| {
        let (rule, file) = (rule.to_owned(), Some(file.to_owned()));
        fix(Finding { rule, file, message, ..Finding::default() }, remedy)
    };
    for (path, bytes) in tree.iter().filter(|(path, _)| path.ends_with(".md")) {
        if bytes.len() > MOST_BYTES {
            let message = format!("{} bytes; at most {MOST_BYTES} are allowed", bytes.len());
            all.push(whole(path, "length", message, "Shorten the page or split it"));
            continue;
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            let message = "the page is not UTF-8".to_owned();
            all.push(whole(path, "page", message, "Write the page in UTF-8"));
            continue;
        };
        if text.trim().is_empty() {
            let message = "the page is empty".to_owned();
            all.push(whole(path, "page", message, "Write the page, or delete the file"));
            continue;
        }
        let page = ProsePage::read(path, text);
        if let Some(at) = page.unclosed {
            let is_comment = text[at..].starts_with("<!--");
            let (what, remedy) = if is_comment {
                ("comment", "Close the comment with `-->`")
            } else {
                (
                    "block",
                    "Add the line that closes the block, with as many signs as the first line",
                )
            };
            let one = found(&page, "page", at, format!("the {what} is not closed"));
            all.push(fix(one, remedy));
        }
        pages.push(page);
    }
    if pages.is_empty() && all.is_empty() {
        let message = "no page (`*.md`) in the candidate".to_owned();
        let one = Finding { rule: "page".to_owned(), message, ..Finding::default() };
        all.push(fix(one, "Write a page"));
    }
    (pages, all)
}

/// Findings of the rule `language`.
pub fn languages(subject: &TextSubject<'_>) -> Vec<Finding> {
    let run = subject.facts.run;
    let run_in: Vec<String> = run.iter().map(|one| format!("`{one}`")).collect();
    let run_in = if run.is_empty() { "no language".to_owned() } else { run_in.join(", ") };
    let remedy = format!(
        "Begin it with ```` ```text ```` if it only shows something, as how to install; examples of the \
         code that are run: {run_in}"
    );
    let mut all = Vec::new();
    for page in &subject.pages {
        for at in &page.indented {
            let message = "a block by indent has no language".to_owned();
            let remedy = format!("Write a fenced block. {remedy}");
            all.push(fix(found(page, "language", *at, message), remedy));
        }
        for fence in &page.fences {
            let language = fence.language.as_str();
            if language == "text" || run.contains(&language) {
                continue;
            }
            let message = match language {
                "" => "the block has no language".to_owned(),
                _ => format!("blocks of the language `{language}` are not run"),
            };
            let line = Some(fence.line.saturating_sub(1));
            let one = Finding { line, ..found(page, "language", 0, message) };
            all.push(fix(one, remedy.as_str()));
        }
    }
    let mut fences = subject.pages.iter().flat_map(|page| &page.fences);
    let is_run = fences.any(|fence| run.contains(&fence.language.as_str()));
    let first = subject.pages.first().filter(|_| subject.form != TextForm::Copy);
    if let Some(page) = first.filter(|_| !is_run && !run.is_empty()) {
        let one = missing(page, "language", "the text has no block that is run".to_owned());
        all.push(fix(one, format!("Add an example as a block of the language `{}`", run[0])));
    }
    all
}

/// Findings of the rule `html`.
pub fn html(subject: &TextSubject<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for page in &subject.pages {
        let is_end =
            |span: &&Range<usize>| page.text[(*span).clone()].trim_start().starts_with("</");
        // An end is told only where no start is.
        let all_ends = page.html.iter().all(|span| is_end(&span));
        for span in page.html.iter().filter(|span| all_ends || !is_end(span)) {
            let source = page.text[span.clone()].trim_start();
            let after_comment = source.starts_with("<!--");
            let (message, remedy) = if after_comment {
                (
                    "text on a line that begins with a comment is not read as Markdown",
                    "Put the comment at the end of the text",
                )
            } else {
                ("raw HTML", "Write Markdown; put code such as `Vec<u8>` in a code span")
            };
            all.push(fix(found(page, "html", span.start, message.to_owned()), remedy));
        }
    }
    all
}

/// Findings of the rule `secret`.
pub fn secrets(subject: &TextSubject<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for page in &subject.pages {
        for (line, _) in (1..).zip(page.text.lines()).filter(|(_, line)| has_key(line)) {
            let message = "this looks like a key".to_owned();
            let one = Finding { line: Some(line), ..found(page, "secret", 0, message) };
            all.push(fix(one, "Write a word such as `KEY` instead"));
        }
    }
    all
}
