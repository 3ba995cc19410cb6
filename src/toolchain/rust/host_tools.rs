//! Finds Rust on this machine. Tools are called directly, because rustup's proxies take 5 ms each.

use std::path::{Path, PathBuf};

use crate::toolchain::HostProbe;
use crate::types::{HostTools, ToolEnv};

/// The key of the toolchain's folder among the tools' paths.
pub const SYSROOT: &str = "toolchain";
/// The key of cargo's home.
pub const CARGO_HOME: &str = "cargo";

/// Queries the `rustc` on PATH.
pub struct RustupProbe;

/// The programs that gates run, with their rustup components.
const COMPONENTS: [(&str, &str); 6] = [
    ("cargo", "cargo"),
    ("rustc", "rustc"),
    ("rustfmt", "rustfmt"),
    ("cargo-clippy", "clippy"),
    ("clippy-driver", "clippy"),
    ("cargo-fmt", "rustfmt"),
];

impl HostProbe for RustupProbe {
    fn program(&self) -> &'static str {
        "rustc"
    }

    fn install_hint(&self) -> &'static str {
        "install Rust (rustup.rs)"
    }

    fn variables(&self) -> &'static [&'static str] {
        &["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"]
    }

    fn watched(&self, env: &ToolEnv) -> Vec<PathBuf> {
        let home = env.path("HOME").unwrap_or_default();
        let rustup = env.path("RUSTUP_HOME").unwrap_or_else(|| home.join(".rustup"));
        vec![rustup.join("settings.toml")]
    }

    fn questions(&self) -> &'static [&'static [&'static str]] {
        &[&["--print", "sysroot"], &["-vV"]]
    }

    fn tools(&self, env: &ToolEnv, _: &Path, answers: &[String]) -> Result<HostTools, String> {
        let [sysroot, version] = answers else { return Err("no answer from `rustc`".to_owned()) };
        let line = |start: &str| version.lines().find(|l| l.starts_with(start)).unwrap_or_default();
        let home = env.path("HOME").unwrap_or_default();
        let cargo_home = env.path("CARGO_HOME").unwrap_or_else(|| home.join(".cargo"));
        let paths = [(SYSROOT, PathBuf::from(sysroot.trim())), (CARGO_HOME, cargo_home)];
        Ok(HostTools {
            version: format!("{} {}", line("rustc "), line("host: ")),
            paths: paths.map(|(name, path)| (name.to_owned(), path)).into(),
        })
    }

    fn components(&self, tools: &HostTools) -> Vec<(PathBuf, String)> {
        let folder = tools.path(SYSROOT).join("bin");
        let component = |(name, component): (&str, &str)| {
            let help = format!(
                "the Rust toolchain has no `{name}`; install it with `rustup component add {component}`"
            );
            (folder.join(name), help)
        };
        COMPONENTS.map(component).into()
    }

    fn tools_folder(&self, tools: &HostTools) -> Option<PathBuf> {
        Some(tools.path(SYSROOT))
    }
}
