//! The commands of Rust's gates, with their files and variables.

use std::path::PathBuf;

use super::package::EDITION;
use crate::toolchain::{Places, ToolCommand};
use crate::types::GateName;

/// The linter's folder in a build folder.
pub const LINTER: &str = "clippy";

const RUSTFMT: &str = "newline_style = \"Unix\"\n";

/// The harness's files in a workspace.
pub fn workspace_files(package: &str, lock: &str, places: &Places) -> Vec<(String, Vec<u8>)> {
    let vendor = toml::Value::from(places.dependencies.display().to_string());
    let cargo = format!(
        "# The harness's own.\n[build]\nincremental = false\n[term]\ncolor = \"never\"\n[profile.dev]\n\
         debug = false\n[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\n\
         directory = {vendor}\n"
    );
    let files = [
        (".cargo/config.toml", cargo),
        ("Cargo.lock", super::lock::lock_of(lock, package)),
        ("clippy.toml", String::new()),
        ("rustfmt.toml", RUSTFMT.to_owned()),
    ];
    files.map(|(path, text)| (path.to_owned(), text.into_bytes())).into()
}

fn bin(places: &Places, program: &str) -> PathBuf {
    places.tools.join("bin").join(program)
}

/// The environment of every program over a candidate.
pub fn environment(places: &Places) -> Vec<(String, String)> {
    let text = |path: PathBuf| path.display().to_string();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", text(places.tools.join("bin")));
    vec![
        ("PATH".to_owned(), path),
        ("CARGO".to_owned(), text(bin(places, "cargo"))),
        ("CARGO_HOME".to_owned(), text(places.tool_home.clone())),
        ("CARGO_TARGET_DIR".to_owned(), text(places.build.clone())),
    ]
}

/// Formats a file with the harness's configuration.
pub fn format(places: &Places) -> ToolCommand {
    let args = ["--edition", EDITION, "--emit", "stdout", "--config-path", "rustfmt.toml"];
    ToolCommand {
        program: bin(places, "rustfmt"),
        args: args.map(str::to_owned).into(),
        ..ToolCommand::default()
    }
}

/// Every error or warning in the candidate's files is a finding, as with `-D warnings`; but
/// warnings in the user's suites do not count.
pub fn compile(gate: &GateName, places: &Places) -> ToolCommand {
    let args = if gate == "clippy" { vec!["clippy", "--all-targets"] } else { vec!["check"] };
    cargo(args, places)
}

/// A cargo subcommand with output for programs.
pub fn cargo(mut args: Vec<&str>, places: &Places) -> ToolCommand {
    args.extend(["--offline", "--message-format=json", "--quiet"]);
    bare(&args, places)
}

/// A cargo subcommand, called directly: cargo would search programs in its home folder first.
pub fn bare(args: &[&str], places: &Places) -> ToolCommand {
    let mut own: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let is_linter = args[0] == "clippy";
    if is_linter {
        // What cargo knows of a compiler is kept for one of them in a build folder.
        let folder = places.build.join(LINTER).display().to_string();
        own.splice(1..1, ["--target-dir".to_owned(), folder]);
    }
    ToolCommand {
        program: bin(places, if is_linter { "cargo-clippy" } else { "cargo" }),
        args: own,
        builds: true,
        ..ToolCommand::default()
    }
}
