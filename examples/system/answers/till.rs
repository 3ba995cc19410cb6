//! A till.
use std::process::ExitCode;

use cart::contract::Line;

fn lines(args: &[String]) -> Option<Vec<Line>> {
    let line = |pair: &[String]| match pair {
        [code, count] => Some(Line { code: code.clone(), count: count.parse().ok()? }),
        _ => None,
    };
    args.chunks(2).map(line).collect()
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(lines) = lines(&args) else {
        eprintln!("usage: till [CODE COUNT]...");
        return ExitCode::from(2);
    };
    match receipt::receipt(&lines) {
        Ok(text) => print!("{text}"),
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
