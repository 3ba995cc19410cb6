//! Every parser of untrusted bytes accepts any input: it does not panic, overflow the stack or take
//! long, and accepted input round-trips.
//!
//! Inputs are mutations of real files, derived from a number, so that failures can be reproduced.
//! `REGEN_FUZZ_SECONDS` sets the time per parser.

mod mutate;
mod readers;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mutate::Corpus;
pub use mutate::Numbers;
use readers::{READERS, Reader};

/// CPU time above which an input is reported.
const SLOW: Duration = Duration::from_secs(1);
/// Time after which a parser counts as stuck.
const STUCK: Duration = Duration::from_secs(60);
/// The program's stack size.
const STACK: usize = 8 * 1024 * 1024;

fn seconds() -> f64 {
    let told = std::env::var("REGEN_FUZZ_SECONDS").ok();
    told.map_or(0.3, |text| text.parse().expect("REGEN_FUZZ_SECONDS is a number of seconds"))
}

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    std::fs::create_dir_all(&folder).expect("makes folders");
    folder
}

/// A process that tests one parser.
struct Trial {
    reader: &'static Reader,
    child: Child,
    /// The number of the current input, as stored by the process.
    at: File,
    seen: (u64, Instant),
}

impl Trial {
    fn start(reader: &'static Reader) -> Self {
        let path = folder().join(format!("{}.at", reader.name));
        let at = File::options().read(true).write(true).create(true).truncate(true).open(&path);
        let at = at.expect("opens");
        let log = File::create(folder().join(format!("{}.log", reader.name))).expect("opens");
        let child = Command::new(std::env::current_exe().expect("is known"))
            .args(["--exact", "fuzz::one_reader", "--nocapture", "--test-threads=1"])
            .env("REGEN_FUZZ_READER", reader.name)
            .env("REGEN_FUZZ_SECONDS", seconds().to_string())
            .stdout(log.try_clone().expect("is open"))
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .expect("starts");
        Self { reader, child, at, seen: (0, Instant::now()) }
    }

    fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        let _ = self.at.read_exact_at(&mut bytes, 0);
        u64::from_le_bytes(bytes)
    }

    /// Whether it ended, and the failure, if any.
    fn ended(&mut self) -> Option<Result<String, String>> {
        let number = self.number();
        if number != self.seen.0 {
            self.seen = (number, Instant::now());
        }
        let ended = self.child.try_wait().expect("is a child");
        let stuck = ended.is_none() && self.seen.1.elapsed() > STUCK;
        if stuck {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let name = self.reader.name;
        let log = std::fs::read_to_string(folder().join(format!("{name}.log"))).unwrap_or_default();
        let told = |word: &str| -> String {
            log.lines()
                .filter(|line| line.starts_with(word))
                .map(|line| format!("{line}\n"))
                .collect()
        };
        match ended {
            None if !stuck => None,
            Some(status) if status.success() => Some(Ok(told("tried") + &told("slow"))),
            _ => {
                let path = folder().join(format!("{name}-{number}"));
                std::fs::write(&path, Corpus::of(self.reader).input(number)).expect("writes");
                let end = log.len().saturating_sub(3000);
                let log = &log[log.ceil_char_boundary(end)..];
                let how = if stuck { "is stuck".to_owned() } else { "fails".to_owned() };
                Some(Err(format!("{name} {how} at input {number}, {}:\n{log}", path.display())))
            }
        }
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "how much was tried is worth knowing")]
fn every_parser_accepts_any_bytes() {
    let mut waiting: Vec<&'static Reader> = READERS.iter().collect();
    let mut running: Vec<Trial> = Vec::new();
    let mut wrong = Vec::new();
    while !(waiting.is_empty() && running.is_empty()) {
        while running.len() < 2
            && let Some(reader) = waiting.pop()
        {
            running.push(Trial::start(reader));
        }
        running.retain_mut(|trial| match trial.ended() {
            None => true,
            Some(Ok(told)) => {
                print!("{told}");
                false
            }
            Some(Err(why)) => {
                wrong.push(why);
                false
            }
        });
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Tests a parser in a separate process.
#[test]
#[expect(clippy::print_stdout, reason = "a skipped test says why")]
fn one_reader() {
    let Ok(name) = std::env::var("REGEN_FUZZ_READER") else {
        println!("skipped: every_parser_accepts_any_bytes starts it with REGEN_FUZZ_READER");
        return;
    };
    let reader = READERS.iter().find(|reader| reader.name == name).expect("is one");
    let only = std::env::var("REGEN_FUZZ_INPUT").ok().map(|text| text.parse().expect("a number"));
    let work = move || try_reader(reader, only);
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work).expect("starts");
    if thread.join().is_err() {
        panic!("see above");
    }
}

#[expect(clippy::print_stdout, reason = "slow inputs are told of")]
fn try_reader(reader: &Reader, only: Option<u64>) {
    let corpus = Corpus::of(reader);
    let at = folder().join(format!("{}.at", reader.name));
    let at = File::options().write(true).create(true).truncate(false).open(at).expect("opens");
    let started = Instant::now();
    let until = started + Duration::from_secs_f64(seconds());
    let mut slow: Vec<(Duration, u64)> = Vec::new();
    let mut number = only.unwrap_or(0);
    loop {
        at.write_all_at(&number.to_le_bytes(), 0).expect("writes");
        let input = corpus.input(number);
        let begun = cpu();
        (reader.read)(&input);
        regen::toolchain::release();
        let took = cpu().saturating_sub(begun);
        if took > SLOW {
            slow.push((took, number));
        }
        number += 1;
        if only.is_some() || Instant::now() >= until {
            break;
        }
    }
    slow.sort();
    println!("\ntried {}: {number} inputs in {:?}", reader.name, started.elapsed());
    for (took, number) in slow.iter().rev().take(5) {
        println!("slow {}: input {number} takes {took:?}", reader.name);
    }
}

/// CPU time of this thread, since the machine may be busy.
fn cpu() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.cast_unsigned(), now.tv_nsec as u32)
}
