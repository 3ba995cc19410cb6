//! The toolchain's real programs: found once, called directly, because rustup's stand-ins cost 5 ms
//! each.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::process::{self, Program};
use crate::store::write_atomic;
use crate::types::{Digest, Encoder, Fingerprint};

/// Where the tools are, and which they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostTools {
    /// The toolchain's folder.
    pub sysroot: PathBuf,
    /// `rustc -vV`'s first line and host.
    pub version: String,
    /// Cargo's home, with its registry.
    pub cargo_home: PathBuf,
    /// Digest of what was looked at to find them.
    key: Digest,
}

/// A tool is missing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ToolsError(String);

/// The part of this process's environment that decides which tools are meant.
#[derive(Clone, Debug, Default)]
pub struct ToolEnv {
    /// `PATH`.
    pub path: OsString,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `CARGO_HOME`.
    pub cargo_home: Option<PathBuf>,
    /// `RUSTUP_HOME`.
    pub rustup_home: Option<PathBuf>,
    /// `RUSTUP_TOOLCHAIN`.
    pub toolchain: Option<OsString>,
}

impl ToolEnv {
    fn rustup_home(&self) -> PathBuf {
        let home = self.home.clone().unwrap_or_default();
        self.rustup_home.clone().unwrap_or_else(|| home.join(".rustup"))
    }

    fn rustc(&self) -> Option<PathBuf> {
        std::env::split_paths(&self.path).map(|dir| dir.join("rustc")).find(|path| path.is_file())
    }

    /// What changes when other tools would be found.
    fn key(&self, rustc: &Path) -> Digest {
        let mut out = Encoder::new("tools wanted");
        for path in [rustc, &self.rustup_home().join("settings.toml")] {
            let meta = path.metadata().ok();
            let time = meta.as_ref().and_then(|meta| meta.modified().ok());
            let time = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            out.text(path.to_string_lossy());
            out.option(meta.map(|meta| meta.len()), Encoder::number);
            out.option(time, |out, time| {
                out.number(time.as_secs()).number(time.subsec_nanos().into())
            });
        }
        out.option(self.toolchain.as_ref(), |out, name| out.text(name.to_string_lossy()));
        out.option(self.cargo_home.as_ref(), |out, path| out.text(path.to_string_lossy()));
        out.finish()
    }
}

impl HostTools {
    /// Finds the tools, from `cache` when nothing changed since it was written.
    ///
    /// # Errors
    /// There is no Rust on `PATH`, or a component is missing; the message says how to get it.
    pub async fn find(wanted: &ToolEnv, cache: &Path) -> Result<Self, ToolsError> {
        let missing =
            || ToolsError("there is no `rustc` on PATH: install Rust (rustup.rs)".to_owned());
        let rustc = wanted.rustc().ok_or_else(missing)?;
        let key = wanted.key(&rustc);
        let cached =
            std::fs::read(cache).ok().and_then(|b| serde_json::from_slice::<Self>(&b).ok());
        if let Some(tools) =
            cached.filter(|tools| tools.key == key && tools.program("rustc").is_file())
        {
            return Ok(tools);
        }
        let sysroot = ask(wanted, &rustc, &["--print", "sysroot"]).await?;
        let version = ask(wanted, &rustc, &["-vV"]).await?;
        let line = |start: &str| version.lines().find(|l| l.starts_with(start)).unwrap_or_default();
        let home = wanted.home.clone().unwrap_or_default();
        let tools = Self {
            sysroot: PathBuf::from(sysroot.trim()),
            version: format!("{} {}", line("rustc "), line("host: ")),
            cargo_home: wanted.cargo_home.clone().unwrap_or_else(|| home.join(".cargo")),
            key,
        };
        for name in ["cargo", "rustc", "rustfmt", "cargo-clippy", "clippy-driver", "cargo-fmt"] {
            if !tools.program(name).is_file() {
                let component = match name {
                    "cargo-clippy" | "clippy-driver" => "clippy",
                    "rustfmt" | "cargo-fmt" => "rustfmt",
                    other => other,
                };
                let why = format!("the Rust toolchain has no `{name}`");
                let help = format!("install it: `rustup component add {component}`");
                return Err(ToolsError(format!("{why}: {help}")));
            }
        }
        let text = serde_json::to_vec_pretty(&tools).expect("tools are plain data");
        if let Err(error) = write_atomic(cache, &text) {
            tracing::warn!("cannot remember the tools: {error}");
        }
        Ok(tools)
    }

    /// What names these tools on every machine that has them.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Encoder::new("toolchain").text(&self.version).finish())
    }

    /// What differs between two installations.
    pub(super) fn identity(&self) -> Digest {
        let mut out = Encoder::new("tools");
        out.text(self.sysroot.to_string_lossy()).text(&self.version);
        out.text(self.cargo_home.to_string_lossy()).digest(self.key).finish()
    }

    /// The path of a program of the toolchain.
    pub fn program(&self, name: &str) -> PathBuf {
        self.sysroot.join("bin").join(name)
    }

    /// The search path of what runs: the toolchain, then the system's.
    pub fn path(&self) -> OsString {
        let mut path = self.sysroot.join("bin").into_os_string();
        path.push(":/usr/local/bin:/usr/bin:/bin");
        path
    }
}

async fn ask(wanted: &ToolEnv, rustc: &Path, args: &[&str]) -> Result<String, ToolsError> {
    let mut env = vec![("PATH".to_owned(), wanted.path.clone())];
    let mut pass = |name: &str, value: Option<OsString>| {
        env.extend(value.map(|value| (name.to_owned(), value)));
    };
    pass("HOME", wanted.home.clone().map(PathBuf::into_os_string));
    pass("CARGO_HOME", wanted.cargo_home.clone().map(PathBuf::into_os_string));
    pass("RUSTUP_HOME", wanted.rustup_home.clone().map(PathBuf::into_os_string));
    pass("RUSTUP_TOOLCHAIN", wanted.toolchain.clone());
    let program = Program {
        path: rustc.to_owned(),
        args: args.iter().map(OsString::from).collect(),
        dir: PathBuf::from("/"),
        env,
        stdin: None,
        timeout: Duration::from_secs(60),
    };
    let output = process::run(&program).await.map_err(|e| ToolsError(e.to_string()))?;
    if output.succeeded() {
        Ok(output.text())
    } else {
        let why = output.errors();
        Err(ToolsError(format!("`rustc {}` failed: {}", args.join(" "), why.trim())))
    }
}
