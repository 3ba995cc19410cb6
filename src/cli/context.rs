//! Context of every command: global arguments, output, workspace.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::json;

use super::args::{Colour, Global};
use super::exit;
use crate::process::without_secrets;
use crate::report::{Style, Styler, for_terminal, render};
use crate::types::{ToolEnv, ToolSet};
use crate::workspace::{CommandError, ConfigProblems, Workspace, WorkspaceLayout};

/// Stands for a folder that does not exist and cannot be made.
const NOWHERE: &str = "/dev/null/regen";

/// Context of every command.
pub struct Context {
    pub(super) global: Global,
    pub(super) paint: Styler,
    pub(super) by: String,
    /// Why writing to standard output failed first.
    lost: OnceLock<String>,
}

impl Context {
    pub(super) fn new(global: Global) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = match global.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => !plain && std::io::stderr().is_terminal() && !global.json,
        };
        let by: Vec<_> = std::env::args().skip(1).collect();
        let (by, lost) = (format!("regen {}", by.join(" ")), OnceLock::new());
        Self { global, paint: Styler { colour }, by, lost }
    }

    /// Writes a message for people to standard error.
    pub(super) fn say(&self, text: &str) {
        drop(writeln!(std::io::stderr(), "{}", for_terminal(text)));
    }

    /// Writes the result of a command to standard output.
    pub(super) fn show(&self, text: &str) {
        self.write(&for_terminal(text.trim_end()));
    }

    /// Writes a result whose format (JSON, SARIF, …) already escapes control characters.
    pub(super) fn print(&self, text: &str) {
        self.write(&without_secrets(text.trim_end()));
    }

    /// Clears the terminal and writes the text.
    pub(super) fn redraw(&self, text: &str) {
        self.write(&format!("\x1b[H\x1b[2J{}", for_terminal(text.trim_end())));
    }

    fn write(&self, text: &str) {
        self.written(writeln!(std::io::stdout(), "{text}"));
    }

    fn written(&self, written: std::io::Result<()>) {
        // A reader that closes the pipe (`| head`) is not an error.
        if let Some(error) = written.err().filter(|error| error.kind() != ErrorKind::BrokenPipe) {
            self.lose(&error.to_string());
        }
    }

    /// Takes note of output that is lost, and why.
    pub(super) fn lose(&self, why: &str) {
        let _ = self.lost.set(why.to_owned());
    }

    /// Tells whether writing to standard output failed. Gives the exit code.
    pub(super) fn end(&self, code: u8) -> u8 {
        let Some(why) = self.lost.get() else { return code };
        self.say(&format!("error: cannot write to standard output: {why}"));
        if code == exit::DONE { exit::ENVIRONMENT } else { code }
    }

    /// Writes bytes to standard output.
    pub(super) fn bytes(&self, bytes: &[u8]) {
        self.written(std::io::stdout().write_all(bytes).and_then(|()| std::io::stdout().flush()));
    }

    /// Writes the result of a command as JSON.
    pub(super) fn json(&self, value: &impl serde::Serialize) {
        let text = serde_json::to_string(value).unwrap_or_default();
        self.print(&text);
    }

    /// Whether a person can be asked: standard input and error are terminals.
    pub(super) fn asks(&self) -> bool {
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        terminal && !self.global.json && !self.global.quiet
    }

    /// Asks a person for a line; `None` at the end of the input. A thread reads it, so that Ctrl-C
    /// ends the wait.
    pub(super) async fn answer(&self, question: &str) -> Option<String> {
        let mut out = std::io::stderr();
        let _ = write!(out, "{question}").and_then(|()| out.flush());
        let (send, line) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = std::io::stdin().read_line(&mut line);
            // The receiver is gone after Ctrl-C.
            let _ = send.send(read.ok().filter(|count| *count > 0).map(|_| line));
        });
        line.await.ok().flatten()
    }

    /// Whether standard output is a terminal.
    pub(super) fn shows_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }

    pub(super) fn style(&self) -> Style {
        if self.global.json {
            Style::Json
        } else if self.global.quiet {
            Style::Quiet
        } else {
            Style::Human { terminal: std::io::stderr().is_terminal() }
        }
    }

    pub(super) fn fail(&self, error: &CommandError) -> u8 {
        let code = exit::of_error(error);
        if let Some(ConfigProblems { problems, sources }) = error.problems() {
            self.say(render(problems, sources, self.paint).trim_end());
        }
        let text = error.lines();
        self.say(&format!("{}: {text}", self.paint.bad("error")));
        if self.global.json {
            self.json(&error_object(code, &error.to_string(), error.hints()));
        }
        code
    }

    /// The workspace: of `--config`, or of the nearest harness.toml here or above. Fails if its
    /// `.regen/` was not made by this user's regen.
    pub(super) fn places(&self) -> Result<WorkspaceLayout, CommandError> {
        let places = self.layout()?;
        places.verify_state()?;
        Ok(places)
    }

    /// The same for commands that write, but not below `.regen/`.
    pub(super) fn layout(&self) -> Result<WorkspaceLayout, CommandError> {
        let config = self.config()?;
        // Containers often set only the cache folder; the state then goes there.
        let home = base_folder("XDG_STATE_HOME", ".local/state").or_else(|_| self.cache())?;
        Ok(WorkspaceLayout::new(config, self.cache()?, home.join("workspaces")))
    }

    /// The same for commands that only read, and not `.regen/`. Works without a home folder.
    pub(super) fn reading(&self) -> Result<WorkspaceLayout, CommandError> {
        let config = self.config()?;
        let cache = self.cache().unwrap_or_else(|_| PathBuf::from(NOWHERE));
        let home = base_folder("XDG_STATE_HOME", ".local/state").unwrap_or_else(|_| cache.clone());
        Ok(WorkspaceLayout::new(config, cache, home.join("workspaces")))
    }

    /// The same for commands that only read, also `.regen/`. Without a home folder it cannot be
    /// checked who made `.regen/`, so it is not read.
    pub(super) fn reading_state(&self) -> Result<WorkspaceLayout, CommandError> {
        let mut places = self.reading()?;
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match places.verify_state() {
            Err(error) if is_set("HOME") || is_set("XDG_STATE_HOME") => Err(error.into()),
            Err(_) => {
                let why = "neither XDG_STATE_HOME nor HOME is set";
                self.note(&format!("{} is not read: {why}", places.state.display()));
                places.state = PathBuf::from(NOWHERE);
                Ok(places)
            }
            Ok(()) => Ok(places),
        }
    }

    /// A note for people.
    pub(super) fn note(&self, text: &str) {
        if !self.global.quiet {
            self.say(&format!("note: {text}"));
        }
    }

    /// The tools of the targets. Without them a plan compares no versions of tools.
    pub(super) async fn known_tools(&self, workspace: &Workspace) -> ToolSet {
        workspace.tools(&self.tool_env()).await.unwrap_or_else(|error| {
            let error = error.to_string();
            let why = error.lines().next().unwrap_or_default();
            self.note(&format!("{why}; tool versions are not compared"));
            ToolSet::default()
        })
    }

    /// The configuration file: of `--config`, or the nearest harness.toml here or above.
    fn config(&self) -> Result<PathBuf, CommandError> {
        Ok(match &self.global.config {
            Some(config) => config.clone(),
            None => {
                let here = std::env::current_dir()
                    .map_err(|why| CommandError::no_workspace(format!("current folder: {why}")))?;
                let mut above = here.ancestors().map(|dir| dir.join("harness.toml"));
                let found = above.find(|path| path.is_file());
                let found = found.map(|path| match path.strip_prefix(&here) {
                    Ok(near) => near.to_owned(),
                    Err(_) => path,
                });
                found.ok_or_else(|| {
                    let why = "no harness.toml here or in a folder above";
                    CommandError::no_workspace(why)
                })?
            }
        })
    }

    /// `$XDG_CACHE_HOME/regen`, else `~/.cache/regen`.
    pub(super) fn cache(&self) -> Result<PathBuf, CommandError> {
        base_folder("XDG_CACHE_HOME", ".cache")
    }

    /// The environment in which tools are looked for.
    pub(super) fn tool_env(&self) -> ToolEnv {
        let variables = std::env::vars_os();
        ToolEnv::new(variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value))))
    }
}

/// Regen's folder below an XDG base folder: from the variable, else below the home folder.
fn base_folder(variable: &str, below_home: &str) -> Result<PathBuf, CommandError> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = set(variable).filter(|path| path.is_absolute());
    // Without HOME, the home folder in the user database.
    let home = || set("HOME").or_else(std::env::home_dir).filter(|home| home.is_absolute());
    let folder = folder.or_else(|| Some(home()?.join(below_home)));
    let why = || {
        let why = format!("neither {variable} nor HOME is set");
        CommandError::usage(why).hint(format!("set {variable} to a folder that regen can write"))
    };
    folder.map(|folder| folder.join("regen")).ok_or_else(why)
}

/// An error as JSON.
pub(super) fn error_object(code: u8, message: &str, hints: &[String]) -> serde_json::Value {
    let mut error = json!({ "type": "error", "exit_code": code, "message": message });
    if !hints.is_empty() {
        error["hints"] = json!(hints);
    }
    error
}

/// A variable of the environment. Keys are read through this.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
