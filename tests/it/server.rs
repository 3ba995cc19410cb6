//! A scripted server of models, over plain sockets so that it can also misbehave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What the server does with one request.
#[derive(Clone, Debug)]
pub enum Act {
    /// A whole streamed answer.
    Say(String),
    /// The same, made of the request's number and its body.
    Make(fn(usize, &Value) -> String),
    /// A whole streamed answer with this finish reason.
    Finish(String, &'static str),
    /// A response that is no stream: status, headers, body.
    Raw(u16, Vec<(&'static str, String)>, String),
    /// The beginning of a stream, then the connection ends properly.
    Cut(String),
    /// The beginning of a stream, then the connection ends inside a JSON text.
    CutInside(String),
    /// The beginning of a stream, then an error object.
    CutByError(String),
    /// Nothing at all, not even a status, until the client goes away.
    Silence,
    /// The beginning of a stream, then nothing, until the client goes away.
    Stall(String),
    /// The connection ends before any answer.
    Close,
    /// These bytes as a stream.
    Bytes(String),
    /// These bytes as a stream, then nothing, until the client goes away.
    Hold(String),
    /// These bytes as a stream, then the connection breaks.
    Break(String),
    /// These pieces as a stream, with so many milliseconds before each.
    Slow(u64, Vec<String>),
}

/// The server; it ends with the test.
pub struct Server {
    /// Its address, for `base_url`.
    pub url: String,
    acts: Vec<Act>,
    requests: Arc<Mutex<Vec<Asked>>>,
    arrivals: (Sender<()>, Receiver<()>),
}

/// A request that asks for an answer.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Method and path.
    pub path: String,
    /// The lines of its head, lower-case names.
    pub head: Vec<String>,
    /// Its body.
    pub body: Value,
}

impl Server {
    /// Plays the acts in order; the last one again and again.
    pub fn start(acts: Vec<Act>) -> Self {
        Self::with_models(acts, Act::Raw(404, Vec::new(), String::new()))
    }

    /// The same, and this where its models are asked for.
    pub fn with_models(acts: Vec<Act>, models: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (sender, arrivals) = channel();
        let (shared, played, arrived) = (Arc::clone(&requests), acts.clone(), sender.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (acts, models) = (played.clone(), models.clone());
                let (shared, sender) = (Arc::clone(&shared), arrived.clone());
                std::thread::spawn(move || serve(stream, (&acts, models), &shared, &sender));
            }
        });
        Self { url, acts, requests, arrivals: (sender, arrivals) }
    }

    /// What it does with so many requests.
    pub fn acts(&self, count: usize) -> Vec<String> {
        let act = |number: usize| format!("{:?}", self.acts.get(number).or(self.acts.last()));
        (0..count).map(act).collect()
    }

    /// Goes on as if it had answered these.
    pub fn has_answered(&self, asked: &[Asked]) {
        self.requests.lock().expect("no test panics while holding it").extend_from_slice(asked);
        asked.iter().for_each(|_| self.arrivals.0.send(()).expect("is kept"));
    }

    /// Bodies of the requests so far.
    pub fn requests(&self) -> Vec<Value> {
        self.asked().into_iter().map(|asked| asked.body).collect()
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.requests.lock().expect("no test panics while holding it").clone()
    }

    /// The words of a request.
    pub fn prompt(&self, index: usize) -> String {
        let body = self.requests()[index].clone();
        let messages = body["messages"].as_array().cloned().unwrap_or_default();
        messages.iter().filter_map(|m| m["content"].as_str()).collect::<Vec<_>>().join("\n")
    }

    /// What a request says behind the specification: changes, findings, the task.
    pub fn told(&self, index: usize) -> String {
        let prompt = self.prompt(index);
        let (_, told) = prompt.rsplit_once("\n---\n").expect("has a task");
        told.to_owned()
    }

    /// Waits until the next request has arrived.
    pub fn arrived(&self) {
        self.arrivals.1.recv_timeout(crate::world::PATIENCE).expect("a request");
    }
}

fn serve(
    stream: TcpStream,
    (acts, models): (&[Act], Act),
    requests: &Mutex<Vec<Asked>>,
    sender: &Sender<()>,
) {
    let Ok(copy) = stream.try_clone() else { return };
    let Some(asked) = read(BufReader::new(copy)) else { return };
    if asked.path.starts_with("GET ") {
        let _ = play(stream, models);
        return;
    }
    let body = asked.body.clone();
    let number = {
        let mut requests = requests.lock().expect("no test panics while holding it");
        requests.push(asked);
        requests.len() - 1
    };
    // The test may have gone on without waiting.
    let _ = sender.send(());
    let act = match acts.get(number).or(acts.last()).cloned() {
        Some(Act::Make(make)) => Act::Say(make(number, &body)),
        act => act.unwrap_or(Act::Close),
    };
    let _ = play(stream, act);
}

fn read(mut reader: BufReader<TcpStream>) -> Option<Asked> {
    let mut asked = Asked::default();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if asked.path.is_empty() {
            asked.path = line.trim_end_matches(" HTTP/1.1").to_owned();
        } else if let Some((name, value)) = line.split_once(':') {
            asked.head.push(format!("{}: {}", name.to_lowercase(), value.trim()));
        }
    }
    let length = asked.head.iter().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.and_then(|text| text.parse().ok()).unwrap_or_default()];
    reader.read_exact(&mut body).ok()?;
    asked.body = serde_json::from_slice(&body).unwrap_or_default();
    Some(asked)
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
            // Ends when the client closes.
            stream.read_to_end(&mut Vec::new()).map(drop)
        }
        Act::Make(_) | Act::Close => Ok(()),
        Act::Bytes(text) => write!(stream, "{head}{text}"),
        Act::Hold(text) => {
            write!(stream, "{head}{text}")?;
            stream.read_to_end(&mut Vec::new()).map(drop)
        }
        Act::Break(text) => {
            let promised = text.len() + 100;
            let head =
                head.replace("connection", &format!("content-length: {promised}\r\nconnection"));
            write!(stream, "{head}{text}")
        }
        Act::Slow(wait, pieces) => {
            write!(stream, "{head}")?;
            for piece in pieces {
                std::thread::sleep(std::time::Duration::from_millis(wait));
                write!(stream, "{piece}")?;
            }
            Ok(())
        }
    }
}

/// Server-sent events of an answer, in several pieces.
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

/// A reply in the form that is asked for.
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
