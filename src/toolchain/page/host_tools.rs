//! Finds a browser on this machine.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::toolchain::HostProbe;
use crate::types::{HostTools, ToolEnv};

/// The key of the browser's program among the tools' paths.
pub const BROWSER: &str = "browser";

/// Queries the browser on PATH.
pub struct BrowserProbe;

/// Which fonts there are.
static SHOWN: LazyLock<[String; 1]> = LazyLock::new(|| ["/etc/fonts".to_owned()]);

impl HostProbe for BrowserProbe {
    fn program(&self) -> &'static str {
        "chromium"
    }

    fn other_programs(&self) -> &'static [&'static str] {
        &["chromium-browser", "google-chrome", "google-chrome-stable"]
    }

    fn install_hint(&self) -> &'static str {
        "install Chromium, which renders pages (`apt install chromium`)"
    }

    fn variables(&self) -> &'static [&'static str] {
        &["HOME"]
    }

    fn tools(&self, _: &ToolEnv, path: &Path, answers: &[String]) -> Result<HostTools, String> {
        let version = answers.concat();
        let version = version.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_snap = path.starts_with("/snap") || path.ends_with("snap");
        if is_snap || !version.chars().any(|c| c.is_ascii_digit()) {
            let why = "cannot run in a sandbox; install Chromium as a package of the system";
            return Err(format!("`{}` {why}", path.display()));
        }
        let paths = [(BROWSER.to_owned(), path.to_owned())].into();
        let mut tools = HostTools { version, paths };
        if !path.starts_with("/usr") {
            tools.show(path.parent().unwrap_or(path).to_owned());
        }
        Ok(tools)
    }

    fn shown(&self) -> &[String] {
        &*SHOWN
    }

    fn components(&self, tools: &HostTools) -> Vec<(PathBuf, String)> {
        let program = tools.path(BROWSER);
        let help = format!("the browser is not at {}", program.display());
        vec![(program, help)]
    }
}
