//! The doorbell: call the command line, return its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(regen::cli::start())
}
