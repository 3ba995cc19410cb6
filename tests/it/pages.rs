//! Pages in HTML and CSS, rendered in a browser and compared with assertions of a spec.
#![expect(clippy::print_stderr, reason = "a test that cannot run says so")]

use serde_json::Value;

use crate::composition::prompt;
use crate::server::{Act, Server, files};
use crate::world::{Run, World, all, stable};

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
            answer(&page, &changed(&style, "max-width: 100%", "min-width: 400px"))
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

/// A page whose texts stand on different things.
fn behind(_: usize, _: &Value) -> String {
    let texts = "<main>\n<p class=\"a\">On a gradient</p>\n<p class=\"b\">Half there</p>\n\
                 <p class=\"c\">On an image</p>\n<div class=\"d\"><p>Below</p>\n<i></i></div>\n\
                 <p class=\"e\">Under a layer</p>\n<p class=\"f\">On black</p>\n<p class=\"g\">Wide-wide</p>";
    let styles = ".a { background: linear-gradient(#000000, #ffffff); color: #777777 }\n\
        .b { opacity: 0.5 }\n.c { background: url(a.svg) }\n\
        .d { position: relative } .d i { position: absolute; inset: 0; background: #ffffff; \
        pointer-events: none }\n\
        .e { position: relative } .e::before { content: \"\"; position: absolute; inset: 0; \
        background: #333333; z-index: -1 }\n\
        .f { color: #fff; background: linear-gradient(#000, #222) }\n\
        .g { font-size: 2000px; width: 10px; height: 10px; line-height: 10px }\n";
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>";
    let (page, style) = (changed(PAGE, "<main>", texts), format!("{STYLE}{styles}"));
    files(&[("index.html", &page), ("style.css", &style), ("a.svg", svg)])
}

#[test]
fn a_text_is_judged_on_what_is_behind_it() {
    if !has_browser() {
        return;
    }
    let server = Server::start(vec![Act::Make(behind)]);
    let world = world(&server.url, SPEC);
    world.run(&["run"]).expect(20);
    let log = world.run(&["log", "--json"]).expect(0).json();
    let mut reports = log.iter().map(|event| &event["report"]);
    let report = reports.find(|report| report["gate"] == "render").expect("the gate ran");
    let told = report["findings"].as_array().expect("has some").iter();
    let told = told.map(|one| format!("{}: {}\n", one["line"], one["message"]));
    insta::assert_snapshot!(without_sizes(&stable(&told.collect::<String>())));
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
