//! Finds the interpreter on this machine. A program on PATH may only choose one, as pyenv's do, so
//! its real folder is asked for.

use std::path::{Path, PathBuf};

use crate::toolchain::HostProbe;
use crate::types::{HostTools, ToolEnv};

/// The key of the interpreter's folder among the tools' paths.
pub const PREFIX: &str = "interpreter";
/// The oldest supported version.
const OLDEST: (u32, u32) = (3, 10);

/// Queries the `python3` on PATH.
pub struct PythonProbe;

/// What the interpreter says of itself: version and build, folder, whether it has pip.
const QUESTION: &str = "import sys, platform, importlib.machinery as m\n\
    print(*sys.version_info[:3], sep='.')\n\
    print(platform.python_implementation(), *platform.python_build(), sys.platform, platform.machine())\n\
    print(sys.base_prefix)\nprint(bool(m.PathFinder.find_spec('pip')))";

impl HostProbe for PythonProbe {
    fn program(&self) -> &'static str {
        "python3"
    }

    fn install_hint(&self) -> &'static str {
        "install Python 3.10 or newer with pip (`apt install python3 python3-pip`)"
    }

    fn variables(&self) -> &'static [&'static str] {
        &["HOME", "PYENV_ROOT", "PYENV_VERSION"]
    }

    fn watched(&self, env: &ToolEnv) -> Vec<PathBuf> {
        let home = env.path("HOME").unwrap_or_default();
        vec![env.path("PYENV_ROOT").unwrap_or_else(|| home.join(".pyenv")).join("version")]
    }

    fn questions(&self) -> &'static [&'static [&'static str]] {
        &[&["-I", "-c", QUESTION]]
    }

    fn tools(&self, _: &ToolEnv, path: &Path, answers: &[String]) -> Result<HostTools, String> {
        let lines: Vec<&str> = answers.iter().flat_map(|answer| answer.lines()).collect();
        let [version, build, prefix, pip] = lines[..] else {
            return Err(format!("`{}` did not say its version", path.display()));
        };
        let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
            let (major, minor) = OLDEST;
            return Err(format!("python3 is {version}; regen needs {major}.{minor} or newer"));
        }
        if pip != "True" {
            return Err("python3 has no pip, which fetches the linter and the type checker; \
                 install it with `apt install python3-pip` or `python3 -m ensurepip`"
                .to_owned());
        }
        Ok(HostTools {
            version: format!("python {version} ({build})"),
            paths: [(PREFIX.to_owned(), PathBuf::from(prefix))].into(),
        })
    }

    fn components(&self, tools: &HostTools) -> Vec<(PathBuf, String)> {
        let program = tools.path(PREFIX).join("bin/python3");
        let help = format!("the interpreter is not at {}", program.display());
        vec![(program, help)]
    }

    fn tools_folder(&self, tools: &HostTools) -> Option<PathBuf> {
        Some(tools.path(PREFIX))
    }
}
