//! The files of a page, and what they may not have.

use super::assertion::{self, LANGUAGE, MOST_WIDTHS, PageAssertion};
use super::css;
use super::flaw::PageFlaw;
use super::html;
use super::measure::{PAGE, PageQuestion};
use crate::toolchain::Layout;
use crate::types::{Finding, GateName, Problem, Spec, Tree};

/// Most bytes of a file: more is not written by hand, and slow to render.
const MOST_BYTES: usize = 256 * 1024;

pub fn layout() -> Layout {
    Layout {
        manifest: "",
        allowed: [PAGE, "*.css", "*.svg"].map(str::to_owned).to_vec(),
        denied: &[],
        artefacts: &[],
        unwritten: |_, _| None,
        comments: &[],
        tests: "",
        suite_extension: ".html",
        people_tests: &[],
    }
}

/// What a model that writes a page must know.
pub fn prompt_rules() -> Vec<String> {
    [
        "`index.html` is the page; `*.css` and `*.svg` files beside it are allowed, and it loads \
         nothing else: no scripts, no fonts, no other hosts",
        "it begins with `<!doctype html>` and has `<html lang=\"…\">`, `<meta charset=\"utf-8\">`, \
         `<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">` and a `<title>`",
        "the blocks `page` of the specification are assertions: a browser renders the page at \
         1280px and at each width that they name, and what it measures must be so for every \
         element that the selector matches; some assertions are not shown",
        "at each of these widths nothing is wider than the screen, and each text that is seen has \
         a contrast of at least 4.5 with what is behind it, or 3 from 24px or from 18.66px in bold",
        "texts stand on plain colours or gradients, not on images, and have no filters, masks or \
         blend modes; none is smaller than 9px, covered, cut off, or only in `content` of the style \
         sheet; animations end within 5 seconds",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Findings of the gate `layout`.
pub fn lints(gate: &GateName, tree: &Tree) -> Vec<Finding> {
    let mut all = Vec::new();
    if tree.get(PAGE).is_none() {
        let why = format!("there is no `{PAGE}`");
        all.push(found(gate, PAGE, PageFlaw { rule: "page", line: 1, message: why }));
    }
    for (path, bytes) in tree.iter() {
        let flaws = flaws(path.as_str(), bytes, &|name| tree.get(name).is_some());
        all.extend(flaws.into_iter().map(|flaw| found(gate, path.as_str(), flaw)));
    }
    all
}

fn found(gate: &GateName, file: &str, flaw: PageFlaw) -> Finding {
    let remedy = match flaw.rule {
        "script" => "remove it: a page works without scripts",
        "element" => "use plain elements and a style sheet",
        "address" => "use a file of the page, or leave it out",
        "head" => "add it to the head of the page",
        _ => "write it in the plain form",
    };
    Finding {
        gate: gate.to_owned(),
        rule: flaw.rule.to_owned(),
        file: Some(file.to_owned()),
        line: Some(flaw.line),
        message: flaw.message,
        remedy: Some(remedy.to_owned()),
        ..Finding::default()
    }
}

fn flaws(path: &str, bytes: &[u8], has: &dyn Fn(&str) -> bool) -> Vec<PageFlaw> {
    let whole = |message: String| vec![PageFlaw { rule: "file", line: 1, message }];
    let Ok(text) = std::str::from_utf8(bytes) else { return whole("it is not UTF-8".to_owned()) };
    if bytes.len() > MOST_BYTES {
        return whole(format!("{} bytes; at most {MOST_BYTES} are allowed", bytes.len()));
    }
    if text.contains('\0') || text.starts_with('\u{feff}') {
        return whole("it has a byte order mark or a zero byte".to_owned());
    }
    if path.ends_with(".css") {
        return css::check(text, has);
    }
    let tags = match html::read(text) {
        Ok(tags) => tags,
        Err(flaw) => return vec![flaw],
    };
    let mut all: Vec<PageFlaw> = tags.iter().flat_map(|tag| html::check(tag, has)).collect();
    if path != PAGE {
        return all;
    }
    let mut missing = |is_there: bool, what: &str| {
        if !is_there {
            let message = format!("the page has no `{what}`");
            all.push(PageFlaw { rule: "head", line: 1, message });
        }
    };
    let starts = text.get(..15).is_some_and(|start| start.eq_ignore_ascii_case("<!doctype html>"));
    missing(starts, "<!doctype html>` in its first line");
    let has_tag = |name: &str, attribute: &str, start: &str| {
        let mut own = tags.iter().filter(|tag| tag.name == name);
        own.any(|tag| {
            let value = tag.get(attribute).map(str::to_lowercase);
            attribute.is_empty() || value.is_some_and(|value| value.starts_with(start))
        })
    };
    missing(has_tag("html", "lang", ""), "lang` at `<html>");
    missing(has_tag("meta", "charset", "utf-8"), "<meta charset=\"utf-8\">");
    missing(has_tag("meta", "name", "viewport"), "<meta name=\"viewport\">");
    missing(has_tag("title", "", ""), "<title>");
    all
}

/// What of a spec cannot be asserted of a page.
pub fn check(spec: &Spec) -> Vec<Problem> {
    let examples = || spec.clauses.iter().flat_map(|clause| &clause.examples);
    let own = examples().filter(|one| one.language == LANGUAGE && !one.ignored);
    let blocks = own.filter_map(|one| assertion::read(&one.code).ok());
    let all: Vec<PageAssertion> = blocks.flatten().collect();
    let widths = PageQuestion::of(all.iter()).widths().len();
    if widths <= MOST_WIDTHS {
        return Vec::new();
    }
    let message = format!("the assertions name {widths} widths with 1280px; at most {MOST_WIDTHS}");
    vec![Problem::error("spec::example", message).help("each width is a rendering: name fewer")]
}
