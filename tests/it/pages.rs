//! Pages in HTML and CSS, rendered in a browser and compared with assertions of a spec.
#![expect(clippy::print_stderr, reason = "a test that cannot run says so")]

use std::fs::read_to_string as read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::composition::prompt;
use crate::server::{Act, Server, files};
use crate::world::{Run, World, all, copy, stable};

const SPEC: &str = include_str!("pages/tea.md");
const PAGE: &str = include_str!("pages/index.html");
const STYLE: &str = include_str!("pages/style.css");
const TARGET: &str = "[target.page]\ntoolchain = \"page\"\n";

/// Whether this machine has a browser.
fn has_browser() -> bool {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|dir| names.iter().any(|n| dir.join(n).is_file()));
    if !found {
        eprintln!("SKIPPED pages: there is no browser (Debian: chromium)");
    }
    found
}

fn answer(page: &str, style: &str) -> String {
    files(&[("index.html", page), ("style.css", style)])
}

fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

/// A text without sizes that depend on the fonts of a machine.
fn without_sizes(text: &str) -> String {
    let mut parts = text.split("ends at ");
    let first = parts.next().unwrap_or_default().to_owned();
    let cut = |part: &str| part.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
    parts.fold(first, |all, part| format!("{all}ends at [size]{}", cut(part)))
}

/// Each answer has other faults, until the last one.
fn wrong_first(at: usize, _: &Value) -> String {
    match at {
        0 => {
            let page = changed(PAGE, "<h1>", "<h1 onclick=\"x()\">");
            let page = changed(&page, "</head>", "<script src=\"a.js\"></script>\n</head>");
            let page = changed(&page, "<footer>", "<iframe src=\"index.html\"></iframe>\n<footer>");
            answer(&page, &format!("@import \"https://example.org/a.css\";\n{STYLE}"))
        }
        1 => {
            let page = changed(PAGE, "that is fresh", "which is fresh");
            let style = changed(STYLE, "font-size: 40px", "font-size: 30px");
            let style = changed(&style, "#595959", "#808080");
            let style = changed(&style, "max-width: 100%", "min-width: 400px");
            let dark = "@media (prefers-color-scheme: dark) { .kind { color: #eeeeee } }\n";
            answer(&page, &format!("{style}{dark}"))
        }
        2 => {
            let (start, rest) = PAGE.split_once("<header").expect("has one");
            let (header, rest) = rest.split_once("</header>").expect("has one");
            let (main, rest) = rest.split_once("</main>").expect("has one");
            let page = format!("{start}{main}</main><header{header}</header>{rest}");
            answer(&page, STYLE)
        }
        _ => answer(PAGE, STYLE),
    }
}

fn world(url: &str, spec: &str) -> World {
    World::new(url, &[("tea", spec)], TARGET)
}

#[test]
fn a_page_is_measured_and_repaired() {
    if !has_browser() {
        return;
    }
    let server = Server::start(vec![Act::Make(wrong_first)]);
    let world = world(&server.url, SPEC);
    let mut told = world.run(&["run"]).expect(0).titled("run");
    told += &format!("== the prompt\n{}\n", server.prompt(0));
    for repair in 1..=3 {
        told += &server.told(repair);
    }
    assert_eq!(world.read("generated/tea/page/index.html"), PAGE);
    told += &world.run(&["check", "--rerun"]).expect(0).titled("check --rerun");
    told += &world.run(&["trace"]).expect(0).titled("trace");
    insta::assert_snapshot!(stable(&told));
}

/// A page with an element like the one of the measurement, and fields under the names of what the
/// measurement asks for.
fn imitating(_: usize, _: &Value) -> String {
    let seen = "{\"360\":{\"room\":360,\"scroll\":360,\"wide\":[],\"selectors\":[],\"inks\":[],\
                \"errors\":[]}}";
    let page = changed(PAGE, "<main>", &format!("<pre id=\"told\">{seen}</pre>\n<main>"));
    let page = changed(
        &page,
        "<body>",
        "<body><form name=\"head\" style=\"display: contents\">\
        <input name=\"parentElement\" hidden><input name=\"checkVisibility\" hidden>\
        <input id=\"localName\" hidden><img name=\"querySelectorAll\" alt=\"\">",
    );
    let page = changed(&page, "<p>From three gardens.", "<p class=\"far\">From three gardens.");
    let style = format!("{STYLE}.far {{ text-indent: -9999px }}\n");
    answer(&changed(&page, "</body>", "</form></body>"), &changed(&style, "40px", "20px"))
}

#[test]
fn a_page_cannot_say_what_is_measured_of_it() {
    if !has_browser() {
        return;
    }
    let server = Server::start(vec![Act::Make(imitating)]);
    let promise = ".hero h1 text = \"Tea that is fresh\"";
    let spec =
        changed(SPEC, promise, &format!("{promise}\n  .hero p text = \"From three gardens.\""));
    let world = world(&server.url, &spec);
    let run = world.run(&["run"]).expect(20);
    assert!(!run.err.contains("layout   fail"), "{}", run.err);
    let told = prompt(&server.requests()[1]);
    let told = told.split_once("## What is wrong with it").expect("has findings").1;
    insta::assert_snapshot!(without_sizes(&stable(told)));
}

/// Styles of a box and of the text in it, each of which must be found. `I` is an `<i>` in the box.
const HIDING: [(&str, &str); 26] = [
    ("gradient", "B { background: linear-gradient(#000, #fff) } P { color: #777 }"),
    ("half", "P { opacity: 0.5 }"),
    ("image", "B { background: url(a.svg) }"),
    ("layer", "I { position: absolute; inset: 0; background: #fff; pointer-events: none }"),
    (
        "below",
        "B { isolation: isolate } B::before { content: \"\"; position: absolute; inset: 0; \
      background: #333; z-index: -1 }",
    ),
    (
        "above",
        "P { position: relative } P::before { content: \"\"; position: absolute; inset: 0; \
      background: #fff }",
    ),
    (
        "pseudo",
        "B::after { content: \"\"; position: absolute; inset: 0; background: #fff; \
      pointer-events: none }",
    ),
    ("border", "I { position: absolute; inset: 0; border-top: 60px solid #fff }"),
    ("outline", "I { position: absolute; left: 0; top: 0; outline: 60px solid #fff }"),
    (
        "shadow",
        "I { position: absolute; left: -1px; top: 0; width: 1px; height: 1px; \
      box-shadow: 0 0 0 60px #fff }",
    ),
    ("veil", "I { position: absolute; inset: 0; background: #fffc }"),
    ("blur", "I { position: absolute; inset: 0; backdrop-filter: blur(9px) }"),
    (
        "part",
        "I { position: absolute; left: 0; top: 0; width: 20px; height: 60px; background: #fff }",
    ),
    (
        "text",
        "I::before { content: \"\" } I { position: absolute; left: 0; top: 0 } \
      P { margin: 0 } I b { font: inherit }",
    ),
    ("clip", "B { clip-path: inset(0 0 59px 0) }"),
    ("mask", "P { mask-image: linear-gradient(transparent, transparent) }"),
    ("small", "P { scale: 0.5 }"),
    ("turned", "P { transform: scaleX(-1) }"),
    ("flat", "P { transform: rotateX(85deg) }"),
    ("order", "P { unicode-bidi: bidi-override; direction: rtl }"),
    ("dots", "P { -webkit-text-security: disc }"),
    ("stroke", "P { -webkit-text-stroke: 9px #fff }"),
    ("struck", "P { text-decoration: line-through 20px #fff }"),
    ("cut", "P { height: 4px; overflow: hidden }"),
    ("low", "P { position: fixed; top: 2000px }"),
    ("words", "P::after { content: \" not\" }"),
];
/// The same, as designers write it: nothing of it is wrong.
const HONEST: [(&str, &str); 9] = [
    ("bar", "B { position: sticky; top: 0; background: #fffffff2; backdrop-filter: blur(8px) }"),
    (
        "deco",
        "B { isolation: isolate } B::before { content: \"\"; position: absolute; inset: 0; \
      background: #eef; z-index: -1 }",
    ),
    (
        "line",
        "P { position: relative } P::after { content: \"\"; position: absolute; left: 0; \
      bottom: -4px; width: 40px; height: 4px; background: gold }",
    ),
    ("link", "P::after { content: \"\"; position: absolute; inset: 0 }"),
    ("sign", "P::after { content: \" \\2192\" }"),
    (
        "card",
        "B { box-shadow: 0 10px 40px rgb(0 0 0 / 0.25); border-radius: 9px; overflow: hidden }",
    ),
    (
        "dots-at-end",
        "P { width: 30px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis }",
    ),
    ("in", "@keyframes in { from { opacity: 0 } } P { animation: in 1s both }"),
    ("angle", "B { clip-path: polygon(0 0, 100% 0, 100% 95%, 0 100%) }"),
];

/// A page with a text in each of the boxes.
fn behind(_: usize, _: &Value) -> String {
    let boxes = HIDING.iter().chain(&HONEST);
    let (mut texts, mut styles) = ("<main>\n".to_owned(), STYLE.to_owned());
    styles +=
        ".box { position: relative; height: 60px }\n.wide { font-size: 2000px; height: 9px }\n";
    for (name, style) in boxes {
        let inner = if *name == "text" { "<b>Over it</b>" } else { "" };
        texts += &format!(
            "<div class=\"box {name}\"><p class=\"of-{name}\">A text</p><i>{inner}</i></div>\n"
        );
        let style = style.replace("B ", &format!(".{name} ")).replace("B:", &format!(".{name}:"));
        let style =
            style.replace("P ", &format!(".{name} p ")).replace("P:", &format!(".{name} p:"));
        styles +=
            &style.replace("I ", &format!(".{name} i ")).replace("I:", &format!(".{name} i:"));
        styles += "\n";
    }
    texts += "<p class=\"wide\">Wide</p><input placeholder=\"Field\" style=\"color: #fff\">\n\
              <p class=\"soft\">An&shy;other</p>";
    styles += "input { background: #fff } input::placeholder { color: #ccc }\n";
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>";
    let page = changed(PAGE, "<main>", &texts);
    files(&[("index.html", &page), ("style.css", &styles), ("a.svg", svg)])
}

#[test]
fn a_text_is_judged_on_what_is_behind_it() {
    if !has_browser() {
        return;
    }
    let server = Server::start(vec![Act::Make(behind)]);
    let lines = HIDING.iter().chain(&HONEST).map(|(name, _)| {
        let text = if *name == "words" { "A text not" } else { "A text" };
        let seen = format!("  .{name} p text = \"{text}\"\n");
        let is_short = *name == "dots-at-end";
        format!("{}  .{name} p contrast >= 4.5\n", if is_short { "" } else { &seen })
    });
    let lines: String = lines.collect();
    let more = format!(
        "- Texts MUST be seen. `test_id: texts`\n\n  ```page\n{lines}  .soft text = \"Another\"\n  \
         input contrast >= 4.5\n  ```\n\n- On phones"
    );
    let world = world(&server.url, &changed(SPEC, "- On phones", &more));
    world.run(&["run"]).expect(20);
    let log = world.run(&["log", "--json"]).expect(0).json();
    let mut reports = log.iter().map(|event| &event["report"]);
    let report = reports.find(|report| report["gate"] == "render").expect("the gate ran");
    let findings = report["findings"].as_array().expect("has some");
    let told: Vec<String> =
        findings.iter().map(|one| format!("{}: {}\n", one["line"], one["message"])).collect();
    let about = |name: &str| {
        let names = [format!("`.{name} p "), format!("`p.of-{name}`")];
        told.iter().any(|one| names.iter().any(|name| one.contains(name)))
    };
    let missed = HIDING.iter().filter(|(name, _)| !about(name));
    let wrong = HONEST.iter().filter(|(name, _)| about(name));
    assert_eq!(missed.chain(wrong).collect::<Vec<_>>(), [] as [&(&str, &str); 0]);
    insta::assert_snapshot!(without_sizes(&stable(&told.concat())));
}

#[test]
fn a_browser_needs_a_network_of_its_own() {
    if !all() || !has_browser() {
        return;
    }
    let server = Server::start(vec![Act::Make(wrong_first)]);
    let level = format!("{TARGET}[sandbox]\nmin_level = 1\n");
    let world = World::new(&server.url, &[("tea", SPEC)], &level);
    let mut command = crate::attacks::without(&["namespaces"], &world, &["run"]);
    let run = Run::of(command.env("REGEN_MIN_LEVEL", "1"));
    assert!(run.err.contains("a browser needs a network of its own"), "{}", run.err);
    assert!(server.requests().is_empty());
}

#[test]
fn without_a_browser_a_page_is_left_out() {
    let server = Server::start(vec![Act::Make(wrong_first)]);
    let world = world(&server.url, SPEC);
    let run = Run::of(world.command(&["run"]).env("PATH", "/nowhere")).expect(40);
    assert!(run.err.contains("no `chromium` on PATH"), "{}", run.err);
    assert!(run.err.contains("apt install chromium"), "{}", run.err);
    assert!(server.requests().is_empty());
}

#[test]
fn what_an_empty_page_passes_is_the_specs_fault() {
    let server = Server::start(vec![Act::Make(wrong_first)]);
    let wrong = changed(
        SPEC,
        "  .kind count = 3\n  .kind inside main\n  .hero before .kind\n  \
                               .kind line-height >= 24px",
        "  .kind count <= 3",
    );
    let wrong = changed(&wrong, "font-size >= 32px", "font-size >= 2em");
    let world = world(&server.url, &wrong);
    let told = world.run(&["run"]).expect(10).titled("before anything is asked");
    assert!(server.requests().is_empty());
    if !has_browser() {
        return;
    }
    let lines = "  at 360px: .hero h1 font-size <= 30px\n  no overflow at 360px";
    let vacuous = changed(SPEC, lines, "  body display = block");
    let vacuous = changed(&vacuous, ".kind inside main", ".kind:no inside main");
    let world = self::world(&server.url, &vacuous);
    let run = world.run(&["run"]).expect(10);
    assert!(server.requests().is_empty());
    insta::assert_snapshot!(stable(&(told + &run.titled("over an empty page"))));
}

/// The page of the example, and one for the brief that `init` writes.
fn right(_: usize, body: &Value) -> String {
    if body.to_string().contains("# Welcome") {
        let page = changed(PAGE, "Tea that is fresh", "Welcome").replace("hero\"", "\"");
        return answer(&page, &STYLE.replace(".hero", "header").replace("40px", "44px"));
    }
    let text = |name: &str| read(example().join("answers").join(name)).expect("is there");
    answer(&text("index.html"), &text("style.css"))
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/page")
}

#[test]
fn the_example_of_pages_is_replayed_and_init_writes_a_brief() {
    if !has_browser() {
        return;
    }
    let server = Server::start(vec![Act::Make(right)]);
    let world = || {
        let world = World::new(&server.url, &[], "");
        let config = read(example().join("harness.toml")).expect("is there");
        world.write("harness.toml", &config.replace("http://127.0.0.1:8099/v1", &server.url));
        copy(&["specs", "cassettes"], &example(), &world.path(""));
        world
    };
    if std::env::var_os("REGEN_BLESS").is_some() {
        let world = world();
        world.run(&["cassette", "record", "--force"]).expect(0);
        let _ = std::fs::remove_dir_all(example().join("cassettes"));
        copy(&["cassettes"], &world.path(""), &example());
    }
    let before = server.requests().len();
    let run = world().run(&["run"]).expect(0);
    assert!(run.err.contains("promoted 1, rejected 0 in"), "{}", run.err);
    assert_eq!(server.requests().len(), before, "answers are replayed");

    let world = World::new(&server.url, &[], "");
    let config = world.read("harness.toml").replace("[\"rust\"]", "[\"page\"]");
    std::fs::remove_file(world.path("harness.toml")).expect("was there");
    let wrong = world.run(&["init", "--targets", "rust,page", "--provider", "ollama"]).expect(2);
    assert!(wrong.err.contains("a page has a spec of its own"), "{}", wrong.err);
    world.run(&["init", "--targets", "page", "--provider", "ollama"]).expect(0);
    assert!(world.read("harness.toml").contains(TARGET));
    world.write("harness.toml", &format!("{config}{TARGET}"));
    world.run(&["run"]).expect(0);
}
