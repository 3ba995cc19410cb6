//! Sends the requests of an example to a service in its sandbox, and compares the answers. Neither
//! what is asked next nor what is expected is in that sandbox.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use futures::future::{Either, select, try_join_all};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_tokio::rt::TokioIo;
use tokio::net::TcpStream;

use super::result::{GateResult, Transcript};
use super::workspace::GateSandbox;
use crate::process::{Ended, Output};
use crate::sandbox::{Door, Sandbox};
use crate::toolchain::shared::hurl::{HOST, HttpReply, HurlEntry, HurlPair, HurlVariables};
use crate::toolchain::{self, ToolCommand};
use crate::types::{Isolation, Target, TestStatus, limits};

/// Why an example does not pass.
struct VisitFailure {
    status: TestStatus,
    why: String,
}

impl VisitFailure {
    fn of(why: impl Into<String>) -> Self {
        Self { status: TestStatus::Failed, why: why.into() }
    }

    fn late(why: impl Into<String>) -> Self {
        Self { status: TestStatus::TimedOut, why: why.into() }
    }
}

/// A running instance of a service.
struct Instance {
    door: Door,
    port: u16,
    listens: bool,
}

/// Why a machine cannot judge a target, if that is a service or a page.
pub fn refusal(target: &Target, sandbox: &Sandbox) -> Option<String> {
    let is_shared = sandbox.backend().level() < Isolation::NAMESPACES;
    let is_page = toolchain::is_page(target);
    ((toolchain::is_service(target) || is_page) && is_shared).then(|| {
        let what = if is_page { "a browser" } else { "a service" };
        format!(
            "{what} needs a network of its own, and so isolation level {}; see `regen doctor`",
            Isolation::NAMESPACES
        )
    })
}

/// Sends the requests of an example to so many instances in turn.
pub async fn run(
    room: &GateSandbox<'_>,
    command: &ToolCommand,
    entries: &[HurlEntry],
    instances: usize,
    left: Duration,
) -> Result<Transcript, GateResult> {
    let (mut running, mut programs) = (Vec::new(), Vec::new());
    for _ in 0..instances {
        let port = port().map_err(|why| GateResult::error(why.to_string()))?;
        let mut command = command.clone();
        command.env.push(("PORT".to_owned(), port.to_string()));
        // The supervisor's deadline is behind those of the requests and of the end.
        let (door, program) =
            room.serve(&command, left + limits::SERVICE_STOP * 2).map_err(GateResult::error)?;
        running.push(Instance { door, port, listens: false });
        programs.push(program);
    }
    let told = visit(entries, running, left);
    let (told, outputs) = tokio::join!(told, try_join_all(programs));
    Ok(judge(room, told, &outputs?))
}

/// A port below those that the kernel gives to connections.
fn port() -> Result<u16, getrandom::Error> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes)?;
    Ok(10_000 + u16::from_ne_bytes(bytes) % 20_000)
}

/// The result of a visit, with how the service ended and what it wrote.
fn judge(room: &GateSandbox<'_>, told: Result<(), VisitFailure>, outputs: &[Output]) -> Transcript {
    let evidence: Vec<u8> = outputs.iter().flat_map(Output::evidence).collect();
    let ran_out = outputs.iter().find_map(|output| match output.ended {
        Ended::Limit(resource) => Some(resource),
        _ => None,
    });
    let stays = outputs.iter().any(|output| output.ended == Ended::Timeout);
    let seconds = limits::SERVICE_STOP.as_secs();
    let failure = match (told, ran_out) {
        (_, Some(resource)) => VisitFailure::of(format!("the service: {}", room.hit(resource))),
        (Err(failure), None) => failure,
        (Ok(()), None) if stays => {
            VisitFailure::late(format!("the service does not end within {seconds} s of SIGTERM"))
        }
        (Ok(()), None) => {
            let (status, why) = (TestStatus::Passed, String::new());
            return Transcript { status, why, ran_out, evidence: Vec::new() };
        }
    };
    let mut why = failure.why;
    for output in outputs {
        if let Ended::Exit(1..) | Ended::Signal(1..=14 | 16..) = output.ended {
            why.push_str(&format!("; the service {}", output.ended));
        }
        let written = output.text() + &output.errors();
        if !written.trim().is_empty() {
            why.push_str(&format!("; it wrote:\n{}", written.trim_end()));
        }
    }
    Transcript { status: failure.status, why, ran_out, evidence }
}

/// Sends the requests, then stops the instances.
async fn visit(
    entries: &[HurlEntry],
    mut running: Vec<Instance>,
    left: Duration,
) -> Result<(), VisitFailure> {
    let (started, mut variables) = (Instant::now(), HurlVariables::new());
    for (at, entry) in entries.iter().enumerate() {
        let number = at % running.len();
        let one = &mut running[number];
        let what = format!("{} {{{{{HOST}}}}}{}", entry.method, entry.path.fill(&variables));
        variables.insert(HOST.to_owned(), one.address().into());
        let left = left.saturating_sub(started.elapsed()).min(limits::SERVICE_ANSWER);
        let stream = one.connect(left).await?;
        let late =
            || VisitFailure::late(format!("{what}: no whole answer within {} s", seconds(left)));
        let reply = tokio::time::timeout(left, one.ask(stream, entry, &variables));
        let reply = reply.await.map_err(|_| late())?;
        let checked = reply.and_then(|reply| entry.check(&reply, &mut variables));
        checked.map_err(|why| VisitFailure::of(format!("{what}: {why}")))?;
    }
    // One that ends with its last answer is not left running.
    for one in &mut running {
        let left = left.saturating_sub(started.elapsed()).min(limits::SERVICE_ANSWER);
        one.connect(left).await?;
    }
    Ok(())
}

/// Seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

impl Instance {
    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Connects, at first as soon as the service listens.
    async fn connect(&mut self, left: Duration) -> Result<TcpStream, VisitFailure> {
        let started = Instant::now();
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        loop {
            let ended = |_| VisitFailure::of("the service ended before it was stopped");
            let socket = self.door.socket().await.map_err(ended)?;
            match tokio::time::timeout(left, socket.connect(address)).await {
                Ok(Ok(stream)) => {
                    self.listens = true;
                    return Ok(stream);
                }
                Ok(Err(_)) if self.listens => {
                    let why = "the service closed its port before it was stopped";
                    return Err(VisitFailure::of(why));
                }
                _ if started.elapsed() >= left => {
                    let why = "the service does not listen on 127.0.0.1 and the port in `PORT`";
                    return Err(VisitFailure::late(format!("{why} within {} s", seconds(left))));
                }
                _ => tokio::time::sleep(limits::SERVICE_PAUSE).await,
            }
        }
    }

    /// Sends a request and reads the answer.
    async fn ask(
        &self,
        stream: TcpStream,
        entry: &HurlEntry,
        variables: &HurlVariables,
    ) -> Result<HttpReply, String> {
        let request = self.request(entry, variables)?;
        let connection = http1::Builder::new()
            .max_buf_size(limits::SERVICE_BYTES)
            .handshake(TokioIo::new(stream))
            .await;
        let (mut sender, connection) = connection.map_err(|error| error.to_string())?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(unread)?;
            let (head, body) = response.into_parts();
            let text = |value: &header::HeaderValue| {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            };
            let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
            Ok(HttpReply {
                version: format!("{:?}", head.version),
                status: head.status.as_u16(),
                headers: headers.collect(),
                body: read(body).await?,
            })
        };
        match select(pin!(answer), pin!(connection)).await {
            Either::Left((answer, _)) => answer,
            // The rest of the answer may already be here.
            Either::Right((_, answer)) => answer.await,
        }
    }

    fn request(
        &self,
        entry: &HurlEntry,
        variables: &HurlVariables,
    ) -> Result<Request<String>, String> {
        let path = entry.path.fill(variables);
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.address()))
            .map_err(|error| format!("`{path}` is not a path: {error}"))?;
        if !entry.query.is_empty() {
            url.query_pairs_mut().extend_pairs(filled(&entry.query, variables));
        }
        let mut body = entry.body.as_ref().map(|body| body.fill(variables)).unwrap_or_default();
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut request = Request::builder()
            .method(entry.method.as_str())
            .uri(format!("{}{query}", url.path()))
            .header(header::CONNECTION, "close");
        if let Some(form) = &entry.form {
            url.set_query(None);
            url.query_pairs_mut().extend_pairs(filled(form, variables));
            body = url.query().unwrap_or_default().to_owned();
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let headers = filled(&entry.headers, variables);
        let is_host = |name: &str| name.eq_ignore_ascii_case("host");
        if !entry.headers.iter().any(|(name, _)| is_host(name)) {
            request = request.header(header::HOST, format!("127.0.0.1:{}", self.port));
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.body(body).map_err(|error| format!("this request cannot be sent: {error}"))
    }
}

fn filled<'a>(
    pairs: &'a [HurlPair],
    variables: &HurlVariables,
) -> impl Iterator<Item = (&'a str, String)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.fill(variables)))
}

/// Why an answer did not come.
fn unread(error: hyper::Error) -> String {
    let mut why = format!("no whole answer: {error}");
    let mut source = std::error::Error::source(&error);
    while let Some(one) = source {
        why.push_str(&format!(": {one}"));
        source = one.source();
    }
    why
}

/// Reads a body that is not too long.
async fn read(mut body: Incoming) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(frame) =
        std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
    {
        if let Ok(data) = frame.map_err(unread)?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > limits::SERVICE_BYTES {
            return Err(format!("the body has more than {} bytes", limits::SERVICE_BYTES));
        }
    }
    Ok(bytes)
}
