//! A shop as a service.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;

use cart::contract::Line;

/// A status and a body.
type Answer = (&'static str, &'static str, String);

const TEXT: &str = "text/plain";

fn product(code: &str) -> Answer {
    let code_read = match codes::parse(code) {
        Ok(code) => code,
        Err(why) => return ("404 Not Found", TEXT, why),
    };
    match prices::find(&code_read) {
        Some(one) => {
            let body = format!("{{\"name\":\"{}\",\"cents\":{}}}", one.name, one.price.cents);
            ("200 OK", "application/json", body)
        }
        None => ("404 Not Found", TEXT, format!("no product: {code}")),
    }
}

fn total(body: &str) -> Answer {
    let line = |line: &str| {
        let (code, count) = line.split_once(' ')?;
        Some(Line { code: code.to_owned(), count: count.parse().ok()? })
    };
    let Some(lines) = body.lines().map(line).collect::<Option<Vec<_>>>() else {
        return ("400 Bad Request", TEXT, "a line is a code, a space and a count".to_owned());
    };
    match cart::total(&lines) {
        Ok(amount) => ("200 OK", TEXT, money::show(&amount)),
        Err(why) => ("404 Not Found", TEXT, why),
    }
}

fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = Vec::new();
    reader.by_ref().take(length).read_to_end(&mut body)?;
    let body = String::from_utf8_lossy(&body);
    let mut words = first.split(' ');
    let (status, kind, text) = match (words.next(), words.next()) {
        (Some("GET"), Some(path)) if path.starts_with("/products/") => {
            product(path.trim_start_matches("/products/"))
        }
        (Some("POST"), Some("/total")) => total(&body),
        _ => ("404 Not Found", TEXT, String::new()),
    };
    let mut stream = reader.into_inner();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

fn main() -> ExitCode {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok());
    let listener = port.map(|port: u16| TcpListener::bind(("127.0.0.1", port)));
    let Some(Ok(listener)) = listener else {
        eprintln!("PORT is not a port that can be listened on");
        return ExitCode::FAILURE;
    };
    for stream in listener.incoming().flatten() {
        // A connection that breaks is its client's affair.
        let _ = serve(stream);
    }
    ExitCode::SUCCESS
}
