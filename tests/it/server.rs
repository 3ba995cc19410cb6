//! A scripted server with chat completions, over plain sockets so that it can also misbehave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// The server's behaviour for one request.
#[derive(Clone, Debug)]
pub enum Act {
    /// A complete streamed answer.
    Say(String),
    /// The same, made of the request's number and its body.
    Make(fn(usize, &Value) -> String),
    /// A complete streamed answer with this finish reason.
    Finish(String, &'static str),
    /// A response that is not a stream: status, headers, body.
    Raw(u16, Vec<(&'static str, String)>, String),
    /// The beginning of a stream, then a clean end of the connection.
    Cut(String),
    /// The beginning of a stream, then the connection ends inside a JSON text.
    CutInside(String),
    /// The beginning of a stream, then an error object.
    CutByError(String),
    /// No response until the client disconnects.
    Silence,
    /// The beginning of a stream, then nothing until the client disconnects.
    Stall(String),
    /// The connection closes before any answer.
    Close,
}

/// The server; it ends with the test.
pub struct Server {
    /// Its address, for `base_url`.
    pub url: String,
    requests: Arc<Mutex<Vec<Value>>>,
    arrivals: Receiver<()>,
}

impl Server {
    /// Performs the acts in order, repeating the last one.
    pub fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (sender, arrivals) = channel();
        let shared = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (acts, shared, sender) = (acts.clone(), Arc::clone(&shared), sender.clone());
                std::thread::spawn(move || serve(stream, &acts, &shared, &sender));
            }
        });
        Self { url, requests, arrivals }
    }

    /// Bodies of the requests so far.
    pub fn requests(&self) -> Vec<Value> {
        self.requests.lock().expect("no test panics while holding it").clone()
    }

    /// The text of a request.
    pub fn prompt(&self, index: usize) -> String {
        let body = self.requests()[index].clone();
        let messages = body["messages"].as_array().cloned().unwrap_or_default();
        messages.iter().filter_map(|m| m["content"].as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The part of a request after the specification: changes, findings, task.
    pub fn told(&self, index: usize) -> String {
        let prompt = self.prompt(index);
        let (_, told) = prompt.rsplit_once("\n---\n").expect("has a task");
        told.to_owned()
    }

    /// Waits until the next request has arrived.
    pub fn arrived(&self) {
        self.arrivals.recv_timeout(std::time::Duration::from_secs(60)).expect("a request");
    }
}

fn serve(stream: TcpStream, acts: &[Act], requests: &Mutex<Vec<Value>>, sender: &Sender<()>) {
    let Ok(copy) = stream.try_clone() else { return };
    let mut reader = BufReader::new(copy);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let number = {
        let mut requests = requests.lock().expect("no test panics while holding it");
        requests.push(body.clone());
        requests.len() - 1
    };
    // The test may have continued without waiting.
    let _ = sender.send(());
    let act = match acts.get(number).or(acts.last()).cloned() {
        Some(Act::Make(make)) => Act::Say(make(number, &body)),
        act => act.unwrap_or(Act::Close),
    };
    let _ = play(stream, act);
}

fn play(mut stream: TcpStream, act: Act) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    match act {
        Act::Say(text) => write!(stream, "{head}{}", events(&text, Some("stop"))),
        Act::Finish(text, reason) => write!(stream, "{head}{}", events(&text, Some(reason))),
        Act::Raw(status, headers, body) => {
            let headers: String = headers.iter().map(|(k, v)| format!("{k}: {v}\r\n")).collect();
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )
        }
        Act::Cut(text) => write!(stream, "{head}{}", events(&text, None)),
        Act::CutInside(text) => {
            write!(stream, "{head}{}data: {{\"choices\":[{{\"del", events(&text, None))
        }
        Act::CutByError(text) => {
            let error = json!({ "error": { "message": "out of memory", "code": 503 } });
            write!(stream, "{head}{}data: {error}\n\n", events(&text, None))
        }
        Act::Silence => stream.read_to_end(&mut Vec::new()).map(drop),
        Act::Stall(text) => {
            write!(stream, "{head}{}", events(&text, None))?;
            stream.flush()?;
            // Ends when the client disconnects.
            stream.read_to_end(&mut Vec::new()).map(drop)
        }
        Act::Make(_) | Act::Close => Ok(()),
    }
}

/// Server-sent events of an answer, in several chunks.
pub fn events(text: &str, finish: Option<&str>) -> String {
    let mut out = String::new();
    let letters: Vec<char> = text.chars().collect();
    for piece in letters.chunks(40) {
        let piece: String = piece.iter().collect();
        let value = json!({ "model": "scripted", "choices": [{ "delta": { "content": piece } }] });
        out.push_str(&format!("data: {value}\n\n"));
    }
    if let Some(finish) = finish {
        let value = json!({ "choices": [{ "delta": {}, "finish_reason": finish }] });
        let usage =
            json!({ "choices": [], "usage": { "prompt_tokens": 100, "completion_tokens": 50 } });
        out.push_str(&format!("data: {value}\n\ndata: {usage}\n\ndata: [DONE]\n\n"));
    }
    out
}

/// A reply in the requested format.
pub fn files(files: &[(&str, &str)]) -> String {
    let list = files
        .iter()
        .map(|(path, text)| format!("### FILE: {path}\n~~~~~~~~\n{}\n~~~~~~~~\n", text.trim_end()));
    list.collect::<String>() + &format!("### DONE: {} files\n", files.len())
}

/// A streamed reply with one `src/lib.rs`.
pub fn lib(text: &str) -> Act {
    Act::Say(files(&[("src/lib.rs", text)]))
}
