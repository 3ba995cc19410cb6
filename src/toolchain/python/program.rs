//! Candidates that are programs: started as the script is that installing the package makes.

use super::commands::{linked, run, site};
use super::package::package;
use crate::toolchain::{Places, ProgramLanguage, ToolCommand};
use crate::types::Spec;

/// Calls `main` as a script of the spec's name.
const START: &str = "import sys\nfrom importlib import import_module\n\
    *paths, name, module = sys.argv[1:6]\nsys.path += paths\n\
    sys.argv[:] = [name, *sys.argv[6:]]\nsys.exit(import_module(module + \".__main__\").main())\n";

/// What only programs may use, whatever effects are granted.
pub const OF_PROGRAMS: [&str; 5] =
    ["sys.argv", "sys.exit", "import argparse", "import getopt", "import optparse"];

/// What only services may use, whatever effects are granted.
pub const OF_SERVICES: [&str; 4] =
    ["import http.server", "import socketserver", "os.environ", "os.getenv"];

/// Programs in Python.
pub struct PythonProgram;

impl ProgramLanguage for PythonProgram {
    fn build(&self, _places: &Places) -> Vec<ToolCommand> {
        Vec::new()
    }

    fn run(&self, spec: &Spec, args: &[String], places: &Places) -> ToolCommand {
        let source = places.source.join("src").display().to_string();
        let (linked, site, module) = (linked(places), site(places), package(spec));
        let before = ["-c", START, &source, &linked, &site, &spec.id.package(), &module];
        run(&before.into_iter().chain(args.iter().map(String::as_str)).collect::<Vec<_>>(), places)
    }
}
