//! The commands of Python's gates, with their files and variables.

use serde_json::json;

use super::{audit, package};
use crate::toolchain::{EffectSubject, Places, ToolCommand, kind_option, package_option};
use crate::types::{GateName, RelPath};

const RUFF: &str = "target-version = \"py310\"\nline-length = 100\n\
    extend-exclude = [\"src/*/contract.py\"]\n[lint]\n\
    select = [\"E4\", \"E7\", \"E9\", \"F\", \"B\"]\n";
const PYREFLY: &str = "project-includes = [\"src/**/*.py\"]\nsearch-path = [\"src\", \"linked\"]\n\
    preset = \"strict\"\npython-version = \"3.10\"\npython-platform = \"linux\"\n\
    skip-interpreter-query = true\ndisable-search-path-heuristics = true\n\
    enabled-ignores = []\n";

/// The folder of a target's packages in the build folder of their layer.
pub const SITE: &str = "site";

/// Where a candidate finds the packages of its target.
pub fn site(places: &Places) -> String {
    places.packages.join("target").join(SITE).display().to_string()
}

/// Where a candidate finds the promoted packages that it uses.
pub fn linked(places: &Places) -> String {
    places.source.join(package::LINKED).display().to_string()
}

/// The harness's files in a workspace.
pub fn workspace_files(places: &Places) -> Vec<(String, Vec<u8>)> {
    let has_packages = !places.packages.as_os_str().is_empty();
    let site: Vec<String> = has_packages.then(|| site(places)).into_iter().collect();
    let types = format!("{PYREFLY}site-package-path = {}\n", toml::Value::from(site));
    let files = [("ruff.toml", RUFF.to_owned()), ("pyrefly.toml", types)];
    files.map(|(path, text)| (path.to_owned(), text.into_bytes())).into()
}

/// The environment of every program over a candidate.
pub fn environment(places: &Places) -> Vec<(String, String)> {
    let text = |folder: &str| places.tools.join(folder).display().to_string();
    vec![
        ("PATH".to_owned(), format!("{}:/usr/local/bin:/usr/bin:/bin", text("bin"))),
        // For interpreters with a shared library, which name its folder on the machine.
        ("LD_LIBRARY_PATH".to_owned(), text("lib")),
    ]
}

/// The interpreter: no variables, no user's packages, no start-up files, no bytecode. The first
/// argument is a file of the workspace, or `-` for standard input.
pub fn run(args: &[&str], places: &Places) -> ToolCommand {
    let flags = ["-I", "-S", "-B", "-X", "utf8"];
    ToolCommand {
        program: places.tools.join("bin/python3"),
        args: flags.into_iter().chain(args.iter().copied()).map(str::to_owned).collect(),
        ..ToolCommand::default()
    }
}

/// Lists what the modules of a candidate import and use.
pub fn audit(subject: EffectSubject<'_>, places: &Places) -> ToolCommand {
    let allowed = package_option::packages(subject.target);
    let about = json!({
        "package": package::package(subject.spec),
        "site": site(places),
        "linked": package::linked(subject.spec),
        "allowed": allowed.keys().collect::<Vec<_>>(),
        "program": kind_option::is_program(subject.target),
    });
    let about = about.to_string();
    let files = subject.tree.iter().map(|(path, _)| path.as_str());
    let files = files.filter(|path| path.ends_with(".py"));
    let args: Vec<&str> = ["-", &about].into_iter().chain(files).collect();
    ToolCommand { stdin: Some(audit::SCRIPT.as_bytes().to_vec()), ..run(&args, places) }
}

fn tool(name: &str, args: &[&str], places: &Places) -> ToolCommand {
    ToolCommand {
        program: places.dependencies.join("bin").join(name),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        ..ToolCommand::default()
    }
}

/// Formats a file with the harness's configuration.
pub fn format(path: &RelPath, places: &Places) -> ToolCommand {
    let name = path.as_str();
    let args = ["format", "--config", "ruff.toml", "--no-cache", "--stdin-filename", name, "-"];
    tool("ruff", &args, places)
}

/// The command of a compiling gate. The first one parses the modules with the effects.
pub fn compile(gate: &GateName, places: &Places) -> Option<ToolCommand> {
    match gate.as_str() {
        "lint" => {
            let args = ["check", "--config", "ruff.toml", "--no-cache", "--ignore-noqa", "--quiet"];
            let args = args.into_iter().chain(["--output-format", "json", "src"]);
            Some(tool("ruff", &args.collect::<Vec<_>>(), places))
        }
        "types" => {
            let args = ["check", "-c", "pyrefly.toml", "--output-format", "json"];
            let args = args.into_iter().chain(["--summary=none", "--threads=1"]);
            Some(tool("pyrefly", &args.collect::<Vec<_>>(), places))
        }
        _ => None,
    }
}
