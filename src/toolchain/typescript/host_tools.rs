//! Finds Node and npm on this machine. A program on PATH may only choose one, as `nvm` and others
//! do, so its real folder is asked for.

use std::path::{Path, PathBuf};

use crate::toolchain::HostProbe;
use crate::types::{HostTools, ToolEnv};

/// The key of Node's folder among the tools' paths.
pub const PREFIX: &str = "node";
/// The key of npm's program.
pub const NPM: &str = "npm";
/// The key of a file with more certificates; missing without one.
pub const CERTIFICATES: &str = "certificates";
/// The oldest supported version.
const OLDEST: u32 = 20;

/// Queries the `node` on PATH.
pub struct NodeProbe {
    /// Whether packages are fetched.
    pub needs_npm: bool,
}

/// What Node says of itself: version, platform, program; where npm is; more certificates.
const QUESTION: &str = r#"
const { existsSync, realpathSync } = require("fs");
const { delimiter, dirname, join } = require("path");
const program = realpathSync(process.execPath);
const beside = join(dirname(program), "../lib/node_modules/npm/bin/npm-cli.js");
const found = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "npm"))
  .filter(existsSync).map((file) => realpathSync(file)).filter((file) => file.endsWith("npm-cli.js"));
const npm = [beside, ...found].find(existsSync);
console.log(process.versions.node);
console.log(`v8 ${process.versions.v8} ${process.platform} ${process.arch}`);
console.log(program);
console.log(npm ?? "");
console.log(process.env.NODE_EXTRA_CA_CERTS ?? process.env.SSL_CERT_FILE ?? "");
"#;

impl HostProbe for NodeProbe {
    fn program(&self) -> &'static str {
        "node"
    }

    fn install_hint(&self) -> &'static str {
        "install Node.js 20 or newer with npm (https://nodejs.org, or `apt install nodejs npm`)"
    }

    fn variables(&self) -> &'static [&'static str] {
        &["HOME", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "NVM_DIR", "VOLTA_HOME", "FNM_DIR"]
    }

    fn questions(&self) -> &'static [&'static [&'static str]] {
        &[&["-e", QUESTION]]
    }

    fn tools(&self, _: &ToolEnv, path: &Path, answers: &[String]) -> Result<HostTools, String> {
        let lines: Vec<&str> = answers.iter().flat_map(|answer| answer.lines()).collect();
        let [version, build, program, npm, certificates] = lines[..] else {
            return Err(format!("`{}` did not say its version", path.display()));
        };
        let major = version.split('.').next().and_then(|part| part.parse::<u32>().ok());
        if major.unwrap_or(0) < OLDEST {
            return Err(format!("node is {version}; regen needs {OLDEST} or newer"));
        }
        if npm.is_empty() && self.needs_npm {
            return Err(
                "no npm beside `node` nor on PATH, which fetches the type checker and the \
                 linter; install it with `apt install npm` or from https://nodejs.org"
                    .to_owned(),
            );
        }
        let folder = Path::new(program).parent().and_then(Path::parent);
        let folder = folder.ok_or_else(|| format!("`{program}` is in no folder"))?;
        let mut paths = vec![(PREFIX, folder), (NPM, Path::new(npm))];
        if !certificates.is_empty() {
            paths.push((CERTIFICATES, Path::new(certificates)));
        }
        let paths = paths.into_iter().map(|(name, path)| (name.to_owned(), path.to_owned()));
        Ok(HostTools { version: format!("node {version} ({build})"), paths: paths.collect() })
    }

    fn components(&self, tools: &HostTools) -> Vec<(PathBuf, String)> {
        let program = tools.path(PREFIX).join("bin/node");
        let help = format!("Node is not at {}", program.display());
        let npm = (tools.path(NPM), "npm is missing; install it".to_owned());
        [(program, help)].into_iter().chain(self.needs_npm.then_some(npm)).collect()
    }

    fn tools_folder(&self, tools: &HostTools) -> Option<PathBuf> {
        Some(tools.path(PREFIX))
    }
}
