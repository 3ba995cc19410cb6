//! The page in a real browser, controlled through its WebDriver. Skipped with a message if either
//! is missing.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::agents::with_agent;
use crate::composition::{SYSTEM, UNITS, code};
use crate::server::{Act, Server, lib};
use crate::watch::Daemon;
use crate::world::{ADDER, GOOD, PATIENCE, WRONG, World, all};

/// A headless browser.
struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// `None` if not available.
    fn start() -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(driver) = driver else {
            eprintln!("SKIPPED page: there is no chromedriver (Debian: chromium-driver)");
            return None;
        };
        let profile = tempfile::tempdir().expect("a folder");
        let mut browser = Self { driver, port, session: String::new(), _profile: profile };
        let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        crate::world::until("chromedriver does not listen", listens);
        let profile = format!("--user-data-dir={}", browser._profile.path().display());
        let args = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            &profile,
        ];
        let options = json!({ "args": args });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let session = browser.send("POST", "/session", &wanted);
        let Some(id) = session["sessionId"].as_str() else {
            eprintln!("SKIPPED page: no browser starts: {session}");
            return None;
        };
        browser.session = format!("/session/{id}");
        Some(browser)
    }

    fn send(&self, verb: &str, path: &str, body: &Value) -> Value {
        let body = if verb == "GET" { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("listens");
        let (path, length) = (format!("{}{path}", self.session), body.len());
        write!(
            stream,
            "{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
             Connection: close\r\nContent-Length: {length}\r\n\r\n{body}",
            self.port
        )
        .expect("sends");
        // It may leave the connection open after its answer.
        stream.set_read_timeout(Some(PATIENCE)).expect("can be set");
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).expect("answers") > 2 {
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("answers");
        let value: Value = serde_json::from_slice(&body).expect("is JSON");
        value["value"].clone()
    }

    fn open(&self, url: &str) {
        self.send("POST", "/url", &json!({ "url": url }));
    }

    /// The result of a script.
    fn eval(&self, script: &str) -> Value {
        let body = json!({ "script": format!("return {script}"), "args": [] });
        self.send("POST", "/execute/sync", &body)
    }

    fn cdp(&self, cmd: &str, params: &Value) {
        self.send("POST", "/goog/cdp/execute", &json!({ "cmd": cmd, "params": params }));
    }

    /// Waits until a script returns true.
    #[track_caller]
    fn until(&self, script: &str) {
        let end = Instant::now() + PATIENCE;
        while self.eval(script) != json!(true) {
            if Instant::now() > end {
                let text = self.eval("document.body.innerText");
                panic!("`{script}` does not come: {text}\n{}", self.complaints());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Focuses a button, once it is there.
    fn focus(&self, name: &str) {
        self.until(&format!(
            "[...document.querySelectorAll('button')].some(b => b.textContent == '{name}' \
             && (b.focus(), document.activeElement == b))"
        ));
    }

    fn press(&self, keys: &str) {
        let active = self.send("GET", "/element/active", &Value::Null);
        let id = active.as_object().and_then(|o| o.values().next()?.as_str()).expect("has focus");
        self.send("POST", &format!("/element/{id}/value"), &json!({ "text": keys }));
    }

    /// Messages on the browser's console.
    fn complaints(&self) -> String {
        let log = self.send("POST", "/se/log", &json!({ "type": "browser" }));
        let lines = log
            .as_array()
            .into_iter()
            .flatten()
            .filter(|line| line["level"] != "INFO" && line["level"] != "DEBUG");
        lines.map(|line| line["message"].as_str().unwrap_or_default().to_owned() + "\n").collect()
    }

    /// A screenshot, stored if requested.
    fn picture(&self, name: &str) {
        let picture = self.send("GET", "/screenshot", &Value::Null);
        let picture = picture.as_str().unwrap_or_default();
        assert!(picture.len() > 10_000, "an empty picture");
        if let Some(folder) = std::env::var_os("REGEN_PICTURES") {
            let path = std::path::Path::new(&folder).join(format!("{name}.png.base64"));
            std::fs::write(path, picture).expect("writes");
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            self.send("DELETE", "", &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The lowest contrast of any text with its background, with the text.
const CONTRAST: &str = r#"(() => {
  const parts = (text) => text.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const one = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * one(r) + 0.7152 * one(g) + 0.0722 * one(b);
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const back = parts(getComputedStyle(node).backgroundColor);
      if (back.length < 4 || back[3] > 0) return back;
    }
    return [255, 255, 255];
  };
  let worst = [99, ""];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text; (text = texts.nextNode());) {
    const node = text.parentElement;
    if (!text.data.trim() || !node.offsetParent || node.matches(":disabled")) continue;
    const [a, b] = [light(parts(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, text.data.trim()];
  }
  return worst;
})()"#;

#[test]
fn the_page_updates_live_and_reconnects_after_a_restart() {
    let Some(browser) = all().then(Browser::start).flatten() else { return };
    let server = Server::start(vec![lib(GOOD), lib(WRONG), Act::Silence, lib(GOOD)]);
    let title = "# <img src=x onerror=\"document.title='broken'\"> Adder\n";
    let world = World::new(&server.url, &[("adder", &ADDER.replace("# Adder\n", title))], "");
    let daemon = Daemon::start_with(&world, &["--http", "127.0.0.1:0"]);
    let url = daemon.until("its address", |line| line["type"] == "serving")["url"].clone();
    let url = url.as_str().expect("is one").to_owned();
    browser.send("POST", "/window/rect", &json!({ "width": 1300, "height": 1000 }));
    browser.open(&url);
    let state = |state: &str| {
        format!("!!document.querySelector('li[data-spec=adder][data-state={state}]')")
    };
    browser.until(&state("up_to_date"));
    assert_eq!(browser.eval("location.hash"), "", "the token does not stay in the address");
    assert_eq!(browser.eval("document.title"), "regen", "what specs say is no markup");
    browser.until("document.querySelectorAll('.clauses span.good').length == 2");
    // Keyboard only: to the filter, to the spec, into it.
    browser.press("/");
    browser.until("document.activeElement.id == 'filter'");
    browser.press("add");
    browser.eval("document.querySelector('#specs a').focus()");
    browser.press("\u{e007}");
    browser.until("!document.getElementById('detail').hidden");
    browser.until("document.querySelectorAll('#detail tbody tr').length >= 3");
    // A save in an editor: the first answer is rejected, the second one is awaited.
    world.write("specs/adder.md", &ADDER.replace("A crate", "A newer crate"));
    browser.until(&state("running"));
    browser.until(
        "document.getElementById('detail').innerText.includes('repair') || \
                   document.getElementById('about').innerText.includes('attempt 2')",
    );
    browser.until("document.getElementById('detail').innerText.includes('saturating_sub')");
    browser.until("document.getElementById('log').innerText.includes('rejected')");
    for theme in ["light", "dark"] {
        let feature = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        browser.cdp("Emulation.setEmulatedMedia", &json!({ "features": feature }));
        let worst = browser.eval(CONTRAST);
        assert!(worst[0].as_f64().is_some_and(|ratio| ratio >= 4.5), "{theme}: {worst}");
        browser.picture(theme);
    }
    // On a phone nothing is wider than the screen.
    let phone = json!({ "width": 375, "height": 740, "deviceScaleFactor": 2, "mobile": true });
    browser.cdp("Emulation.setDeviceMetricsOverride", &phone);
    browser.until("document.documentElement.scrollWidth <= innerWidth");
    browser.picture("phone");
    // Orders, by keyboard.
    browser.focus("Cancel");
    browser.press(" ");
    browser.until(&state("parked"));
    // The daemon restarts at the same address: the page reconnects by itself.
    assert_eq!(browser.complaints(), "");
    let address = url.split("/#").next().expect("has one").trim_start_matches("http://").to_owned();
    assert_eq!(daemon.stop(), Some(0));
    browser.until("document.getElementById('link').innerText.includes('waiting')");
    let daemon = Daemon::start_with(&world, &["--http", &address]);
    browser.until("document.getElementById('link').innerText.includes('live')");
    browser.until(&state("parked"));
    browser.focus("Retry");
    browser.press(" ");
    browser.until(&state("up_to_date"));
    updates_keep_the_focus(&browser, &state("up_to_date"));
    // Without the token it shows how to get it.
    browser.eval("(localStorage.clear(), location.reload())");
    browser.until("document.getElementById('notes').innerText.includes('regen watch --http')");
    assert_eq!(daemon.stop(), Some(0));
}

/// An update of the page leaves the keyboard where it is.
fn updates_keep_the_focus(browser: &Browser, up_to_date: &str) {
    browser.focus("Regenerate");
    browser.eval("document.querySelector('#detail .actions').dataset.old = '1'");
    browser.press(" ");
    browser.until("!document.querySelector('#detail .actions').dataset.old");
    browser.until("document.querySelector('#detail').contains(document.activeElement)");
    browser.until(up_to_date);
    assert_eq!(browser.eval("document.activeElement.textContent"), "Regenerate");
    for (focused, redraw) in [
        ("#specs a", "drawList()"),
        ("#detail .actions a", "drawDetail()"),
        ("#filter", "drawList()"),
    ] {
        let script = format!(
            "(document.querySelector('{focused}').focus(), {redraw}, \
             document.activeElement == document.querySelector('{focused}'))"
        );
        assert_eq!(browser.eval(&script), json!(true), "{focused}");
    }
    browser.until("document.querySelectorAll('#detail td').length > 0");
}

#[test]
fn the_page_draws_what_depends_on_what() {
    let Some(browser) = all().then(Browser::start).flatten() else { return };
    let server = Server::start(vec![Act::Make(code), Act::Make(code), Act::Silence]);
    let system: Vec<_> = SYSTEM.into_iter().take(2).collect();
    let world = World::new(&server.url, &system, "");
    world.write("specs/alone.md", "# Alone\n\n- It MUST. `test_id: x`\n");
    let daemon = Daemon::start_with(&world, &["--http", "127.0.0.1:0"]);
    let url = daemon.until("its address", |line| line["type"] == "serving")["url"].clone();
    browser.send("POST", "/window/rect", &json!({ "width": 1300, "height": 1000 }));
    browser.open(url.as_str().expect("is one"));
    let listed = "document.getElementById('edges').innerText";
    browser.until(&format!("{listed} == 'stock (up to date) uses units'"));
    browser.until("document.querySelectorAll('#graph path').length == 1");
    let drawn = "[...document.querySelectorAll('#graph [data-node]')].map(n => n.dataset.node)";
    assert_eq!(browser.eval(drawn), json!(["units", "stock"]), "what is alone is not drawn");
    browser.until("!document.querySelector('#graph .changed')");
    // A change below: what uses it is out of date, and the line between them says so.
    world.write("specs/units.md", &UNITS.replace("MUST add.", "MUST add and saturate."));
    browser.until(&format!(
        "{listed}.endsWith('uses units (changed: checked or made again after it)')"
    ));
    browser.until("document.querySelectorAll('#graph path.changed').length == 1");
    browser.until("!document.querySelector('#graph .good[data-node=units]')");
    // A line of the list leads to its spec, and an update leaves the keyboard there.
    let kept = "(document.querySelector('#edges a').focus(), drawGraph(), \
                document.activeElement == document.querySelector('#edges a'))";
    assert_eq!(browser.eval(kept), json!(true));
    browser.press("\u{e007}");
    browser.until("location.hash == '#spec=stock'");
    browser.picture("graph");
    assert_eq!(browser.complaints(), "");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn the_page_shows_the_turns_of_an_agent_as_its_own() {
    let Some(browser) = all().then(Browser::start).flatten() else { return };
    let server = Server::start(Vec::new());
    // It works until the daemon ends it.
    let script = "#!/bin/sh\necho '<b id=forged>promoted</b> adder'\nexec sleep 600\n";
    let world = with_agent(World::new(&server.url, &[("adder", ADDER)], ""), script, "");
    let daemon = Daemon::start_with(&world, &["--http", "127.0.0.1:0"]);
    let url = daemon.until("its address", |line| line["type"] == "serving")["url"].clone();
    browser.open(url.as_str().expect("is one"));
    let row = "document.querySelector('li[data-spec=adder]')";
    browser.until(&format!(
        "{row}?.innerText.includes('· the agent: <b id=forged>promoted</b> adder')"
    ));
    assert_eq!(browser.eval("document.getElementById('forged')"), Value::Null, "it is no markup");
    assert_eq!(browser.complaints(), "");
    assert_eq!(daemon.stop(), Some(0));
}
