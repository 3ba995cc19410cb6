//! Context of every command: global arguments, output, workspace.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::args::{Colour, Global};
use super::exit;
use crate::process::without_secrets;
use crate::report::{Style, Styler, for_terminal, render};
use crate::types::ToolEnv;
use crate::workspace::{CommandError, ConfigProblems, WorkspaceLayout};

/// Context of every command.
pub struct Context {
    pub(super) global: Global,
    pub(super) paint: Styler,
    pub(super) by: String,
    /// Whether writing to standard output failed.
    pub(super) lost: AtomicBool,
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
        let (by, lost) = (format!("regen {}", by.join(" ")), AtomicBool::new(false));
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
        if let Err(error) = writeln!(std::io::stdout(), "{text}") {
            // A reader that closes the pipe (`| head`) is not an error.
            self.lost.fetch_or(error.kind() != ErrorKind::BrokenPipe, Ordering::Relaxed);
        }
    }

    /// Writes the result of a command as JSON.
    pub(super) fn json(&self, value: &impl serde::Serialize) {
        let text = serde_json::to_string(value).unwrap_or_default();
        self.print(&text);
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

    /// The same for commands that do not use `.regen/`.
    pub(super) fn layout(&self) -> Result<WorkspaceLayout, CommandError> {
        let config = match &self.global.config {
            Some(config) => config.clone(),
            None => {
                let here = std::env::current_dir()?;
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
        };
        // Containers often set only the cache folder; the state then goes there.
        let home = base_folder("XDG_STATE_HOME", ".local/state").or_else(|_| self.cache())?;
        Ok(WorkspaceLayout::new(config, self.cache()?, home.join("workspaces")))
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
    let folder = folder.or_else(|| Some(set("HOME")?.join(below_home)));
    let why = || CommandError::usage(format!("neither {variable} nor HOME is set"));
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
