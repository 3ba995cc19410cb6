//! Console examples of a Rust program: a test runs the commands and prints their output.

use crate::toolchain::shared::console::{ConsoleStep, StepOutput};

/// The prefix of the line with a command's result.
const RAN: &str = "regen_ran";

/// Code that a generated file needs for transcripts.
pub const SUPPORT: &str = r#"
mod regen_console {
    use std::io::Write;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    // Both streams in hexadecimal digits fit into what is kept of a test's output.
    const MOST: usize = 192 * 1024;
    fn hex(bytes: &[u8]) -> String {
        assert!(bytes.len() <= MOST, "it printed more than {MOST} bytes");
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
    fn replaced(mut bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(at) = bytes.windows(from.len()).position(|part| part == from) {
            all.extend_from_slice(&bytes[..at]);
            all.extend_from_slice(to);
            bytes = &bytes[at + from.len()..];
        }
        all.extend_from_slice(bytes);
        all
    }
    pub(crate) fn run(name: &str, program: &str, steps: &[(&[&str], Option<&str>)]) {
        // Neither it nor the variables below tell a program that it is tested.
        let number = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), program);
        let folder = std::env::temp_dir().join(format!("{number:x}"));
        std::fs::create_dir(&folder).unwrap();
        // In a release build it is called by a path, too: it has to do the same under any name.
        let places = ["/usr/local/bin/", "./target/release/", "/home/user/.cargo/bin/"];
        for (args, input) in steps {
            let mut command = Command::new(program);
            let place = args.iter().flat_map(|arg| arg.bytes()).map(usize::from).sum::<usize>();
            let place = if cfg!(debug_assertions) { "" } else { places[place % places.len()] };
            let called = format!("{place}{name}");
            command.arg0(&called).args(*args).current_dir(&folder);
            command.env_remove("RUSTC_BOOTSTRAP").env_remove("CARGO_MANIFEST_DIR");
            command.env_remove(format!("CARGO_BIN_EXE_{name}"));
            command.stdin(input.map_or_else(Stdio::null, |_| Stdio::piped()));
            let mut child =
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let feed = child.stdin.take().zip(input.map(str::to_owned)).map(|(mut to, text)| {
                std::thread::spawn(move || drop(to.write_all(text.as_bytes())))
            });
            let run = child.wait_with_output().unwrap();
            drop(feed.map(std::thread::JoinHandle::join));
            let status = run.status.code().map_or("killed".to_owned(), |code| code.to_string());
            // What it says of its own name is compared with the name in the example.
            let told = |bytes: &[u8]| hex(&replaced(bytes, called.as_bytes(), name.as_bytes()));
            let line =
                format!("\nregen_ran {status} .{} .{}\n", told(&run.stdout), told(&run.stderr));
            std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        }
        drop(std::fs::remove_dir_all(folder));
    }
}
"#;

/// The body of a test that runs the commands and prints their output.
pub fn body(steps: &[ConsoleStep], program: &str) -> String {
    let steps: Vec<_> =
        steps.iter().map(|step| format!("(&{:?}, {:?})", step.args, step.input)).collect();
    format!(
        "crate::regen_console::run({program:?}, env!(\"CARGO_BIN_EXE_{program}\"), &[{}]);",
        steps.join(", ")
    )
}

/// Parses the results that a test's process printed.
pub fn told(said: &str) -> Vec<StepOutput> {
    let lines = said.lines().filter_map(|line| line.strip_prefix(RAN));
    let told = lines.map_while(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [status, out, errors] = words.as_slice() else { return None };
        Some(((*status).to_owned(), unhex(out)?, unhex(errors)?))
    });
    told.collect()
}

fn unhex(word: &str) -> Option<String> {
    let digits = word.strip_prefix('.')?.as_bytes();
    let bytes: Option<Vec<u8>> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    Some(String::from_utf8_lossy(&bytes?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn only_complete_lines_report_a_command() {
        let one = [("0".to_owned(), "a\n".to_owned(), String::new())];
        assert_eq!(told("noise\nregen_ran 0 .610a .\n"), one);
        assert_eq!(told("regen_ran 0 .610a .\nregen_ran 0 .6\nregen_ran 0 . .\n"), one);
    }
}
