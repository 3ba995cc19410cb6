//! The doorbell: start the runtime, call the command line, return its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    regen::sandbox::keep(std::env::args_os());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => ExitCode::from(runtime.block_on(regen::cli::main())),
        Err(_) => ExitCode::from(regen::cli::exit::ENVIRONMENT),
    }
}
