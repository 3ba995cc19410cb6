//! `regen watch`.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use clap::Args;
use sd_notify::NotifyState;
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{Receiver, channel};

use super::{Context, doctor, exit, isolation, run, variable};
use crate::daemon::hooks::Hooks;
use crate::daemon::otlp::Traces;
use crate::daemon::{Api, CommandRequest, Daemon, Inbox, LiveState, Notice, View};
use crate::engine::{Engine, Observers, Options};
use crate::generator;
use crate::report::{Progress, Style, Styler, render};
use crate::workspace::{CommandError, ConfigProblems, WorkspaceLayout, load_harness};

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Also serve the web page and API on this loopback address; port 0 picks a free port.
    #[arg(long, value_name = "[HOST]:PORT", value_parser = address)]
    http: Option<SocketAddr>,
}

/// An address to listen on: `127.0.0.1:7300`, `localhost:7300`, `:7300`, `7300` or `[::1]:7300`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = || "expected an address such as 127.0.0.1:7300, localhost:7300 or :7300".to_owned();
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port: u16 = port.parse().map_err(|_| wrong())?;
    match host.to_ascii_lowercase().as_str() {
        "" | "localhost" => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        _ => text.parse().map_err(|_| wrong()),
    }
}

/// Notices for people; job events are shown by `progress`.
struct WatchView {
    /// The problems shown last. They are shown again only when they change.
    problems: Mutex<String>,
    style: Style,
    paint: Styler,
    progress: Arc<Progress>,
    ready: Once,
}

impl WatchView {
    fn say(&self, text: &str) {
        if self.style != Style::Quiet {
            self.progress.line(text);
        }
    }

    fn json(&self, value: &Value) {
        self.progress.json(value);
    }

    fn ended(&self, spec: &str, word: &str, again: Option<Duration>, parked: bool) {
        let seconds = again.map(|again| again.as_secs());
        self.json(&json!({
            "type": "ended", "spec": spec, "result": word, "again_in_s": seconds, "parked": parked,
        }));
        match seconds {
            Some(seconds) => self.say(&format!("{spec}: {word}; retrying in {seconds}s")),
            None if parked => self.say(&format!(
                "{spec}: {word}; parked until its inputs change or `regen retry {spec}`"
            )),
            None => {}
        }
    }
}

impl View for WatchView {
    fn notice(&self, notice: &Notice<'_>) {
        match notice {
            Notice::Read(workspace) => {
                // Reports readiness to systemd, which then starts dependent units.
                self.ready.call_once(|| told(&[NotifyState::Ready]));
                self.progress.know(&workspace.specs);
                let text = render(workspace.problems_of(None), &workspace.sources, self.paint);
                let Ok(mut last) = self.problems.lock() else { return };
                if *last != text && !text.is_empty() {
                    self.say(text.trim_end());
                }
                *last = text;
            }
            Notice::Unreadable(error) => {
                let mut message = error.lines();
                if let Some(ConfigProblems { problems, sources }) = error.problems() {
                    message = render(problems, sources, Styler { colour: false });
                    self.say(render(problems, sources, self.paint).trim_end());
                }
                self.json(&json!({ "type": "unreadable", "message": message }));
                self.say(&format!("{}; keeping the last valid configuration", error.lines()));
            }
            Notice::Ended { spec, outcome, again, parked } => {
                self.ended(spec, outcome.word(), *again, *parked);
            }
            Notice::Held { time } => {
                let seconds = time.as_secs();
                self.json(&json!({ "type": "held", "again_in_s": seconds }));
                self.say(&format!(
                    "Rate limited by the model server; no job starts for {seconds}s"
                ));
            }
            Notice::Paused { by } => {
                self.json(&json!({ "type": "paused", "by": by }));
                self.say("paused: no job starts until `regen resume`");
            }
            Notice::Resumed { by } => {
                self.json(&json!({ "type": "resumed", "by": by }));
                self.say("resumed");
            }
            Notice::DriftChecked { spec, result } => {
                let mut line = json!(result);
                line["type"] = json!("drift_check");
                line["spec"] = json!(spec);
                self.json(&line);
                self.say(&format!("{spec}: {}", result.words()));
            }
            Notice::Idle => {
                self.json(&json!({ "type": "idle" }));
                self.say("nothing to do; watching");
                told(&[NotifyState::Status("nothing to do; watching")]);
            }
        }
    }
}

/// Notifies systemd, if NOTIFY_SOCKET is set.
fn told(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("cannot notify systemd: {error}");
    }
}

/// Watches until a signal ends it.
pub async fn watch(door: &Context, args: &WatchArgs) -> Result<u8, CommandError> {
    // Signals are handled from here on, also during startup.
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [interrupt, terminate, hangup] = kinds.map(signal);
    let signals = [interrupt?, terminate?, hangup?];
    let places = door.places()?;
    let _lock = run::lock(door, &places)?;
    for spec in Engine::recover(&places)? {
        door.say(&format!("{spec}: finished an interrupted promotion"));
    }
    let harness = load_harness(&places, None)?;
    if !door.global.quiet {
        doctor::preflight(door).await?;
    }
    let probe = isolation::demand(door, &places.cache, &harness.sandbox).await?;
    let style = door.style();
    let progress = Arc::new(Progress::new(style, door.paint, harness.model()));
    let hub = Arc::new(LiveState::default());
    let observer = Arc::new(Observers(vec![progress.clone(), hub.clone()]));
    let seen = WatchView {
        problems: Mutex::default(),
        style,
        paint: door.paint,
        progress: progress.clone(),
        ready: Once::new(),
    };
    let hooks = Hooks::new(&places.root, environment(), progress.clone());
    let (orders, ordered) = channel(16);
    serve(door, &places, args, &progress, Api { places: places.clone(), hub: hub.clone(), orders })
        .await?;
    let options = Options {
        only: None,
        by: door.by.clone(),
        force: false,
        discard_edits: false,
        keep: false,
        variable,
        servers: Default::default(),
        generators: Arc::new(generator::of),
        sets: Arc::default(),
        observer,
    };
    let daemon = Daemon {
        wanted: door.tool_env(),
        isolation: Arc::new(probe),
        options,
        hub,
        views: vec![Arc::new(seen), Arc::new(hooks), Arc::new(Traces::new(places.clone()))],
        places: places.clone(),
    };
    until_told(daemon, ordered, signals).await;
    told(&[NotifyState::Stopping]);
    progress.end().into_iter().for_each(|why| door.lose(why));
    // Removed so that no client connects to a socket without a daemon.
    let _ = std::fs::remove_file(places.state.join("socket"));
    Ok(exit::DONE)
}

/// Serves the API on the socket and, with `--http`, on loopback.
async fn serve(
    door: &Context,
    places: &WorkspaceLayout,
    args: &WatchArgs,
    progress: &Progress,
    api: Api,
) -> Result<(), CommandError> {
    let socket = |error: std::io::Error| {
        let path = places.state.join("socket");
        std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    };
    api.on_socket().map_err(socket)?;
    let Some(address) = args.http else { return Ok(()) };
    let web = api.on_web(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidInput => CommandError::usage(format!("--http: {error}")),
        _ => CommandError::from(error),
    })?;
    progress.json(&json!({ "type": "serving", "url": web.url() }));
    if !door.global.quiet {
        progress.line(&format!("serving {}", web.url()));
    }
    Ok(())
}

/// Runs until SIGINT or SIGTERM; reloads on SIGHUP.
async fn until_told(
    daemon: Daemon,
    orders: Receiver<CommandRequest>,
    [mut interrupt, mut terminate, mut hangup]: [Signal; 3],
) {
    let (reload, asked) = channel(1);
    // systemd kills a service that misses its watchdog interval; half of it is left as margin.
    let patience = sd_notify::watchdog_enabled().map(|patience| patience / 2);
    let mut alive = tokio::time::interval(patience.unwrap_or(Duration::from_secs(3600)));
    let work = daemon.run(Inbox { reload: asked, orders });
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            _ = terminate.recv() => return,
            _ = interrupt.recv() => return,
            _ = hangup.recv() => drop(reload.try_send(())),
            never = &mut work => match never {},
            _ = alive.tick(), if patience.is_some() => told(&[NotifyState::Watchdog]),
        }
    }
}

/// The user's environment.
fn environment() -> Vec<(String, std::ffi::OsString)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .collect()
}
