//! `[workers]`: gates and questions on other machines.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Isolation;
use crate::types::TargetName;

/// `[workers]`: a NATS server with JetStream, through which gates run on other machines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkersConfig {
    /// The server: `nats://HOST:PORT` or `tls://HOST:PORT`. Credentials are read from the variables
    /// of the `nats` program: `NATS_CREDS`, `NATS_USER`, `NATS_PASSWORD`, `NATS_CA`, `NATS_CERT`,
    /// `NATS_KEY`.
    pub server: String,
    /// The pool of workers for a target, by the target's name. Gates of other targets run on this
    /// machine.
    #[serde(default)]
    pub pools: BTreeMap<TargetName, String>,
    /// The pool of workers that ask the model of `[generator]`. They have its key; this machine
    /// needs none. Without it, models are asked from this machine.
    #[serde(default)]
    pub ask: Option<String>,
    /// Public Ed25519 keys in OpenSSH format. If there are any, only results signed with one of
    /// them count.
    #[serde(default)]
    pub trusted: Vec<String>,
    /// The lowest isolation level of a worker. `[sandbox] min_level` holds too.
    #[serde(default)]
    pub min_isolation: Isolation,
    /// Seconds without server or workers after which this machine runs a gate itself, 0 to 86400.
    #[serde(default = "alone_after")]
    pub alone_after_s: u64,
    /// Seconds after which a worker that is not heard of loses its gate, 4 to 3600.
    #[serde(default = "lease")]
    pub lease_s: u64,
    /// Whether results of earlier runs count, of this and other machines.
    #[serde(default = "yes")]
    pub cache: bool,
    /// The address of the server's monitoring, `http://HOST:8222`, where `regen doctor` reads how
    /// it writes to its disk.
    #[serde(default)]
    pub monitor: Option<String>,
}

/// Whether a text can be the name of a pool or a worker, which are parts of subjects.
pub fn is_pool_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=64).contains(&name.len()) && name.chars().all(fits)
}

fn alone_after() -> u64 {
    60
}

fn lease() -> u64 {
    60
}

fn yes() -> bool {
    true
}
