//! What a browser measures of a page: the files of a rendering, and its answer.
//!
//! The page is in frames, one for each width. A policy before its first byte lets only the harness's
//! own script run, by a number that the page cannot know; the answer is in an element whose name is
//! another such number, and the browser prints nothing of the page itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::assertion::{PageAssertion, PageClaim, USUAL};
use super::host_tools::BROWSER;
use crate::toolchain::{Places, ToolCommand};
use crate::types::{HostTools, Tree};

/// The page.
pub const PAGE: &str = "index.html";

const SCRIPT: &str = include_str!("kit/measure.js");
const FRAMES: &str = include_str!("kit/frames.html");

/// What the page and its frames may do.
const POLICY: &str = "default-src 'none'; style-src file: 'unsafe-inline'; img-src file: data:; \
    script-src 'nonce-";

/// The flags of the browser. The sandbox around it takes the place of its own.
const FLAGS: [&str; 14] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--log-level=3",
    "--virtual-time-budget=10000",
    "--dump-dom",
];

/// Numbers that only regen and its script know.
pub struct PageNumbers {
    /// Lets the script run.
    pub nonce: String,
    /// Is in its message to the frames.
    pub key: String,
    /// Names the element of the answer.
    pub place: String,
}

/// Elements, and the properties of them that are compared.
#[derive(Serialize)]
struct AskedElements<'a> {
    selector: &'a str,
    styles: Vec<&'a str>,
    texts: bool,
}

/// What is measured.
pub struct PageQuestion<'a> {
    widths: Vec<u32>,
    selectors: Vec<AskedElements<'a>>,
}

impl<'a> PageQuestion<'a> {
    /// What these assertions need.
    pub fn of(assertions: impl Iterator<Item = &'a PageAssertion>) -> Self {
        let mut one = Self { widths: vec![USUAL], selectors: Vec::new() };
        for assertion in assertions {
            one.widths.push(assertion.width);
            match &assertion.claim {
                PageClaim::Style(selector, property, ..) => {
                    one.ask(selector, Some(property));
                }
                PageClaim::Text(selector, ..) => one.ask(selector, None).texts = true,
                PageClaim::Contrast(selector, ..) | PageClaim::Count(selector, ..) => {
                    one.ask(selector, None);
                }
                PageClaim::Inside(first, second) | PageClaim::Before(first, second) => {
                    one.ask(first, None);
                    one.ask(second, None);
                }
                PageClaim::NoOverflow => {}
            }
        }
        one.widths.sort_unstable();
        one.widths.dedup();
        one
    }

    /// The widths.
    pub fn widths(&self) -> &[u32] {
        &self.widths
    }

    fn ask(&mut self, selector: &'a str, property: Option<&'a str>) -> &mut AskedElements<'a> {
        let known = self.selectors.iter().position(|one| one.selector == selector);
        let at = known.unwrap_or(self.selectors.len());
        if known.is_none() {
            self.selectors.push(AskedElements { selector, styles: Vec::new(), texts: false });
        }
        let one = &mut self.selectors[at];
        one.styles.extend(property.filter(|name| !one.styles.contains(name)));
        one
    }

    /// The files of a rendering of a tree.
    pub fn files(&self, tree: &Tree, numbers: &PageNumbers) -> Vec<(String, Vec<u8>)> {
        let PageNumbers { nonce, key, place } = numbers;
        let asked = serde_json::json!({ "key": key, "selectors": self.selectors });
        let asked = asked.to_string().replace('<', "\\u003c");
        let script = SCRIPT.replacen("ASKED", &asked, 1);
        let head = format!(
            "\u{feff}<!doctype html><meta http-equiv=\"Content-Security-Policy\" \
             content=\"{POLICY}{nonce}'\"><script nonce=\"{nonce}\">{script}</script>"
        );
        let frames = FRAMES.replace("WIDTHS", &serde_json::json!(self.widths).to_string());
        let is_themed = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).to_lowercase();
            ["color-scheme", "light-dark"].iter().any(|word| text.contains(word))
        };
        let dark = tree.iter().any(|(_, bytes)| is_themed(bytes));
        let themes = if dark { "[\"light\", \"dark\"]" } else { "[\"light\"]" };
        let frames = frames.replace("KEY", key).replace("PLACE", place).replace("THEMES", themes);
        let own = tree.iter().map(|(path, bytes)| {
            let before = if path.as_str() == PAGE { head.as_bytes() } else { b"" };
            (format!("page/{path}"), [before, bytes].concat())
        });
        own.chain([("frames.html".to_owned(), frames.into_bytes())]).collect()
    }
}

/// Starts the browser itself in place of the script that packages put on PATH: that one reads
/// settings which are not in the sandbox.
const START: &str = "case $0 in /usr/bin/*) all='/usr/lib/chromium/chromium \
    /usr/lib64/chromium-browser/chromium-browser /usr/lib/chromium-browser/chromium-browser';; \
    *) all=${0%/*}/chrome;; esac; \
    for one in $all; do [ -x \"$one\" ] && exec \"$one\" \"$@\"; done; exec \"$0\" \"$@\"";

/// The command of a rendering.
pub fn command(tools: &HostTools, places: &Places) -> ToolCommand {
    let browser = tools.path(BROWSER).display().to_string();
    let profile = format!("--user-data-dir={}", places.home.join("profile").display());
    let page = format!("file://{}/frames.html", places.source.display());
    let flags = FLAGS.into_iter().map(str::to_owned);
    let start = ["-c".to_owned(), START.to_owned(), browser];
    ToolCommand {
        program: "/bin/sh".into(),
        args: start.into_iter().chain(flags).chain([profile, page]).collect(),
        ..ToolCommand::default()
    }
}

/// An element of the page.
#[derive(Clone, Debug, Deserialize)]
pub struct PageElement {
    /// Its number in the page.
    pub number: u32,
    /// Its name in lower case.
    pub tag: String,
    /// Its number among the elements of this name.
    pub nth: usize,
    /// Its name with id and classes.
    pub name: String,
}

/// An element that a selector matches.
#[derive(Clone, Debug, Deserialize)]
pub struct MatchedElement {
    /// The element.
    #[serde(flatten)]
    pub own: PageElement,
    /// Whether a reader sees it.
    pub shown: bool,
    /// Left, top, right, bottom.
    #[serde(rename = "box")]
    pub place: [f64; 4],
    /// Its text, as far as it is seen.
    pub text: String,
    /// The numbers of the elements that it is in.
    pub above: Vec<u32>,
    /// Computed properties.
    pub styles: BTreeMap<String, String>,
}

/// The elements of a selector.
#[derive(Clone, Debug, Deserialize)]
pub struct MatchedElements {
    /// Whether it is not a selector.
    pub wrong: bool,
    /// How many are seen.
    pub count: u32,
    /// The first of them.
    pub elements: Vec<MatchedElement>,
}

/// One layer behind a text.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InkLayer {
    /// A colour.
    Colour([f64; 4]),
    /// The colours of a gradient.
    Stops(Vec<[f64; 4]>),
    /// Something without a known colour.
    Unknown(String),
}

/// A text with its colours.
#[derive(Clone, Debug, Deserialize)]
pub struct PageInk {
    /// The element.
    #[serde(flatten)]
    pub own: PageElement,
    /// The beginning of its text.
    pub text: String,
    /// The colour of the text.
    pub colour: [f64; 4],
    /// The opacity of all that it is in.
    pub opacity: f64,
    /// The size of the font in pixels.
    pub size: f64,
    /// The weight of the font.
    pub weight: f64,
    /// Something that makes unknown what a reader sees, such as a filter.
    pub strange: Option<String>,
    /// What is behind it, front first.
    pub layers: Vec<InkLayer>,
    /// Why a reader does not see it, such as an element before it.
    pub cover: Option<String>,
    /// The numbers of asked elements that have such a text.
    pub inside: Vec<u32>,
}

/// What is wrong with an element without regard to colours and widths.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementFlawKind {
    /// It moves for longer than 5 seconds.
    Animation,
    /// It has words that are only in the style sheet.
    Content,
    /// A part of its text is cut off.
    Cut,
}

/// An element with such a flaw.
#[derive(Clone, Debug, Deserialize)]
pub struct ElementFlaw {
    /// The element.
    #[serde(flatten)]
    pub own: PageElement,
    /// The flaw.
    pub rule: ElementFlawKind,
}

/// An element that is wider than the screen.
#[derive(Clone, Debug, Deserialize)]
pub struct WideElement {
    /// The element.
    #[serde(flatten)]
    pub own: PageElement,
    /// Its right end.
    pub right: f64,
}

/// What was measured at a width.
#[derive(Clone, Debug, Deserialize)]
pub struct PageView {
    /// The width of the screen.
    pub room: f64,
    /// The width of the page.
    pub scroll: f64,
    /// What sticks out.
    pub wide: Vec<WideElement>,
    /// By the number of the selector.
    pub selectors: Vec<MatchedElements>,
    /// Texts that differ in their colours.
    pub inks: Vec<PageInk>,
    /// What could not be loaded, or was not allowed.
    pub errors: Vec<String>,
    /// Other elements that are wrong.
    pub flaws: Vec<ElementFlaw>,
}

impl PageQuestion<'_> {
    /// Reads what the browser printed.
    ///
    /// # Errors
    /// It is not an answer.
    pub fn read(&self, output: &str, numbers: &PageNumbers) -> Result<PageViews, String> {
        let start = format!("<pre id=\"{}\">", numbers.place);
        let answer = output.split_once(&start).and_then(|(_, rest)| rest.split_once("</pre>"));
        let (answer, _) = answer.ok_or("the browser gave no measurement")?;
        let mut views: PageViews =
            serde_json::from_str(answer).map_err(|why| format!("the measurement: {why}"))?;
        views.selectors = self.selectors.iter().map(|one| one.selector.to_owned()).collect();
        Ok(views)
    }
}

/// All measurements.
#[derive(Deserialize)]
pub struct PageViews {
    #[serde(skip)]
    selectors: Vec<String>,
    /// By width.
    #[serde(rename = "light")]
    pub views: BTreeMap<u32, PageView>,
    /// In a dark theme, of a page that has one.
    #[serde(default)]
    pub dark: BTreeMap<u32, PageView>,
}

impl PageViews {
    /// The elements of a selector at a width.
    pub fn matched(&self, width: u32, selector: &str) -> Option<&MatchedElements> {
        let at = self.selectors.iter().position(|one| one == selector)?;
        self.views.get(&width)?.selectors.get(at)
    }
}
