//! The command line's client of a running daemon.

use std::time::Duration;

use futures::{Stream, StreamExt};
use serde_json::{Value, json};

use super::request::{Answer, Command};
use super::serve::Short;
use crate::types::limits;
use crate::workspace::{CommandError, WorkspaceLayout};

/// A connection to the workspace's running daemon.
pub struct Client {
    http: reqwest::Client,
    _socket: Short,
}

/// An event of the daemon.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// `entry`, or the event's kind.
    pub kind: String,
    /// Its data.
    pub data: Value,
}

/// The connection is closed.
fn unreachable_daemon(_: reqwest::Error) -> CommandError {
    CommandError::usage("the daemon has ended".to_owned())
}

impl Client {
    /// Connects to the workspace's daemon; `None` if none runs.
    ///
    /// # Errors
    /// It gives no valid answer.
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
        let response =
            request.timeout(limits::DAEMON_ANSWER).send().await.map_err(unreachable_daemon)?;
        let good = response.status().is_success();
        let bytes = response.bytes().await.map_err(unreachable_daemon)?;
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if good {
            return Ok(value);
        }
        let message = value["message"].as_str().unwrap_or("request refused");
        Err(CommandError::usage(message.to_owned()))
    }

    /// The state of everything.
    ///
    /// # Errors
    /// The daemon has ended.
    pub async fn state(&self) -> Result<Value, CommandError> {
        Self::answer(self.http.get("http://regen/api/state")).await
    }

    /// Sends an order.
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

    /// Streams events that follow an entry of the ledger, until the daemon ends.
    ///
    /// # Errors
    /// The daemon has ended.
    pub async fn events(
        &self,
        after: i64,
    ) -> Result<impl Stream<Item = Told> + use<>, CommandError> {
        let request = self.http.get(format!("http://regen/api/events?after={after}"));
        let response = request.send().await.map_err(unreachable_daemon)?;
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

/// Interval between checks for a running daemon.
pub const AGAIN: Duration = limits::FOLLOW;
