//! The other end of the socket: what the command line asks of a daemon that runs.

use std::time::Duration;

use futures::{Stream, StreamExt};
use serde_json::{Value, json};

use super::request::{Answer, Command};
use super::serve::Short;
use crate::types::limits;
use crate::workspace::{CommandError, WorkspaceLayout};

/// A daemon that runs in a workspace.
pub struct Client {
    http: reqwest::Client,
    _socket: Short,
}

/// Something that a daemon told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// `entry`, or the kind of news.
    pub kind: String,
    /// What it says.
    pub data: Value,
}

/// Nobody is at the other end.
fn nobody(_: reqwest::Error) -> CommandError {
    CommandError::usage("the daemon has ended".to_owned())
}

impl Client {
    /// Connects to the workspace's daemon; `None` when none runs.
    ///
    /// # Errors
    /// It does not answer as it should.
    pub async fn connect(places: &WorkspaceLayout) -> Result<Option<Self>, CommandError> {
        let path = places.state.join("socket");
        if !path.try_exists()? {
            return Ok(None);
        }
        let socket = Short::of(&path)?;
        let connected = tokio::net::UnixStream::connect(&socket.path).await;
        if connected.is_err() {
            return Ok(None);
        }
        let http = reqwest::Client::builder().unix_socket(socket.path.as_path()).no_proxy();
        let http = http.build().map_err(|error| CommandError::usage(error.to_string()))?;
        Ok(Some(Self { http, _socket: socket }))
    }

    async fn answer(request: reqwest::RequestBuilder) -> Result<Value, CommandError> {
        let response = request.timeout(limits::DAEMON_ANSWER).send().await.map_err(nobody)?;
        let good = response.status().is_success();
        let bytes = response.bytes().await.map_err(nobody)?;
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if good {
            return Ok(value);
        }
        let message = value["message"].as_str().unwrap_or("the daemon refuses");
        Err(CommandError::usage(message.to_owned()))
    }

    /// How everything stands.
    ///
    /// # Errors
    /// The daemon has ended.
    pub async fn state(&self) -> Result<Value, CommandError> {
        Self::answer(self.http.get("http://regen/api/state")).await
    }

    /// Gives an order.
    ///
    /// # Errors
    /// The daemon refuses it or has ended.
    pub async fn order(
        &self,
        act: Command,
        specs: &[String],
        by: &str,
    ) -> Result<Answer, CommandError> {
        let mut body = serde_json::to_value(act).unwrap_or_default();
        body["specs"] = json!(specs);
        body["by"] = json!(by);
        let request = self.http.post("http://regen/api/orders");
        let request = request.header("content-type", "application/json").body(body.to_string());
        let value = Self::answer(request).await?;
        serde_json::from_value(value).map_err(|error| CommandError::usage(error.to_string()))
    }

    /// What it tells, from behind an entry of the ledger on; it ends with the daemon.
    ///
    /// # Errors
    /// The daemon has ended.
    pub async fn events(
        &self,
        after: i64,
    ) -> Result<impl Stream<Item = Told> + use<>, CommandError> {
        let request = self.http.get(format!("http://regen/api/events?after={after}"));
        let response = request.send().await.map_err(nobody)?;
        let pieces = Box::pin(response.bytes_stream());
        let lines = (pieces, Vec::new());
        Ok(futures::stream::unfold(lines, |(mut pieces, mut bytes)| async move {
            loop {
                let end = bytes.windows(2).position(|pair| pair == b"\n\n");
                if let Some(end) = end {
                    let rest = bytes.split_off(end + 2);
                    let told = told(&String::from_utf8_lossy(&bytes));
                    bytes = rest;
                    match told {
                        Some(told) => return Some((told, (pieces, bytes))),
                        None => continue,
                    }
                }
                bytes.extend_from_slice(&pieces.next().await?.ok()?);
            }
        }))
    }
}

/// One server-sent event.
fn told(text: &str) -> Option<Told> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let kind = field("event:")?.to_owned();
    Some(Told { kind, data: serde_json::from_str(field("data:")?).ok()? })
}

/// How long until somebody looks again whether a daemon runs.
pub const AGAIN: Duration = limits::FOLLOW;
