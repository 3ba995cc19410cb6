//! The connection to the server, and what regen keeps there.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::stream::RetentionPolicy;
use async_nats::jetstream::{self, kv, object_store, stream};
use async_nats::{Client, ConnectErrorKind, ConnectOptions};

use crate::types::is_pool_name;

/// The first version of the server that has what is needed.
const OLDEST: (i64, i64) = (2, 10);
/// How long a request waits for the server.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How often the server is asked whether it is there; a third question without an answer closes the
/// connection.
const PING: Duration = Duration::from_secs(5);
/// How many messages of a subscription wait to be read; more are thrown away.
const UNREAD: usize = 512;
/// How long items, results and trees are kept.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long a worker that is not heard of is listed.
const PRESENT: Duration = Duration::from_secs(30);

/// The stream of work.
const WORK: &str = "REGEN_WORK";
/// The bucket of items.
const ITEMS: &str = "regen_items";
/// The bucket of presences.
const PRESENCE: &str = "regen_presence";
/// The bucket of content.
pub(super) const OBJECTS: &str = "regen_objects";

/// What went wrong with the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WorkersError(pub String);

impl WorkersError {
    pub(super) fn new(doing: &str, why: impl fmt::Display) -> Self {
        Self(format!("{doing}: {why}"))
    }
}

/// Who connects, from the variables of the program `nats`.
#[derive(Clone, Default)]
pub struct ServerAccess {
    creds: Option<PathBuf>,
    user: Option<String>,
    password: Option<String>,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl fmt::Debug for ServerAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerAccess")
    }
}

impl ServerAccess {
    /// Reads the variables.
    pub fn read(variable: fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| variable(name).filter(|text| !text.trim().is_empty());
        let path = |name: &str| text(name).map(PathBuf::from);
        Self {
            creds: path("NATS_CREDS"),
            user: text("NATS_USER"),
            password: text("NATS_PASSWORD"),
            ca: path("NATS_CA"),
            cert: path("NATS_CERT"),
            key: path("NATS_KEY"),
        }
    }

    async fn options(&self) -> Result<ConnectOptions, WorkersError> {
        let mut options = ConnectOptions::new().connection_timeout(PATIENCE).name("regen");
        options = options.request_timeout(Some(PATIENCE)).ping_interval(PING);
        options = options.subscription_capacity(UNREAD);
        if let Some(path) = &self.creds {
            let shown = path.display();
            let read = options.credentials_file(path).await;
            options = read.map_err(|why| WorkersError(format!("NATS_CREDS {shown}: {why}")))?;
        }
        if let Some(user) = &self.user {
            let password = self.password.clone().unwrap_or_default();
            options = options.user_and_password(user.clone(), password);
            // So that a user can be kept from reading the answers to another one.
            if is_pool_name(user) {
                options = options.custom_inbox_prefix(format!("_INBOX.{user}"));
            }
        }
        let files = [("NATS_CA", &self.ca), ("NATS_CERT", &self.cert), ("NATS_KEY", &self.key)];
        for (name, path) in files {
            let Some(path) = path else { continue };
            let shown = path.display();
            let read = tokio::fs::File::open(path).await;
            read.map_err(|why| WorkersError(format!("{name} {shown}: {why}")))?;
        }
        if let Some(ca) = &self.ca {
            options = options.add_root_certificates(ca.clone()).require_tls(true);
        }
        match (&self.cert, &self.key) {
            (None, None) => Ok(options),
            (Some(cert), Some(key)) => {
                Ok(options.add_client_certificate(cert.clone(), key.clone()))
            }
            _ => Err(WorkersError("NATS_CERT and NATS_KEY are set together".to_owned())),
        }
    }
}

/// Objects that the server is believed to have.
#[derive(Default)]
pub(super) struct Sent {
    pub names: BTreeSet<String>,
    /// The id of the running server.
    pub server: String,
    /// Whether one of them was not there, or was something else.
    pub doubted: bool,
}

/// A connection, with what regen keeps on the server.
pub struct WorkServer {
    pub(super) client: Client,
    pub(super) context: jetstream::Context,
    pub(super) work: stream::Stream,
    pub(super) items: kv::Store,
    pub(super) presence: kv::Store,
    pub(super) objects: object_store::ObjectStore,
    /// The stream of the objects.
    pub(super) content: stream::Stream,
    pub(super) sent: Mutex<Sent>,
}

impl fmt::Debug for WorkServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkServer")
    }
}

/// Connects, and checks the server's version.
///
/// # Errors
/// It cannot be reached, or it is too old.
pub(super) async fn connected(server: &str, access: &ServerAccess) -> Result<Client, WorkersError> {
    let options = access.options().await?;
    let client = tokio::time::timeout(PATIENCE, options.connect(server)).await;
    let late = "no answer within 5 s; is it the port of a NATS server?";
    let client = client.map_err(|_| WorkersError::new(server, late))?;
    let client = client.map_err(|why| {
        let hint = remedy(why.kind(), &why.to_string());
        WorkersError::new(server, format!("{why}{hint}"))
    })?;
    if !client.is_server_compatible(OLDEST.0, OLDEST.1, 0) {
        let has = client.server_info().version;
        let why = format!("nats-server {has} is too old; 2.10 or later is required");
        return Err(WorkersError::new(server, why));
    }
    Ok(client)
}

/// What to change after a connection failed.
fn remedy(kind: ConnectErrorKind, why: &str) -> &'static str {
    match kind {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            "; set NATS_USER and NATS_PASSWORD, or NATS_CREDS, as the server has them"
        }
        _ if why.contains("UnknownIssuer") => "; set NATS_CA to the server's authority",
        _ if why.contains("InvalidContentType") => "; it has no TLS: use nats://, without NATS_CA",
        _ => "",
    }
}

impl WorkServer {
    /// Connects, and creates what is missing. A user that must not create it uses what is there:
    /// the server does not answer what it refuses, so this is looked for first.
    async fn open(server: &str, access: &ServerAccess) -> Result<Self, WorkersError> {
        let client = connected(server, access).await?;
        let mut context = jetstream::new(client.clone());
        context.set_timeout(PATIENCE);
        let failed = |what: &str, why: &dyn fmt::Display| {
            let hint = "start nats-server with `-js`; a worker's user may not make streams: run \
                        `regen workers` at the coordinator first";
            WorkersError(format!("{server}: {what}: {why}; {hint}"))
        };
        let config = stream::Config {
            name: WORK.to_owned(),
            subjects: vec!["regen.work.>".to_owned()],
            retention: RetentionPolicy::WorkQueue,
            max_messages_per_subject: 1,
            max_age: KEPT,
            ..stream::Config::default()
        };
        let work = match context.get_stream(WORK).await {
            Ok(work) => work,
            Err(_) => context.create_stream(config).await.map_err(|why| failed(WORK, &why))?,
        };
        let config = object_store::Config {
            bucket: OBJECTS.to_owned(),
            max_age: KEPT,
            ..object_store::Config::default()
        };
        let objects = match context.get_object_store(OBJECTS).await {
            Ok(objects) => objects,
            Err(_) => {
                let made = context.create_object_store(config).await;
                made.map_err(|why| failed(OBJECTS, &why))?
            }
        };
        let content = context.get_stream(format!("OBJ_{OBJECTS}")).await;
        let content = content.map_err(|why| failed(OBJECTS, &why))?;
        let items = bucket(&context, ITEMS, KEPT).await.map_err(|why| failed(ITEMS, &why))?;
        let presence =
            bucket(&context, PRESENCE, PRESENT).await.map_err(|why| failed(PRESENCE, &why))?;
        Ok(Self {
            client,
            context,
            work,
            items,
            presence,
            objects,
            content,
            sent: Mutex::default(),
        })
    }
}

async fn bucket(
    context: &jetstream::Context,
    name: &str,
    max_age: Duration,
) -> Result<kv::Store, String> {
    let config = kv::Config { bucket: name.to_owned(), history: 1, max_age, ..Default::default() };
    match context.get_key_value(name).await {
        Ok(store) => Ok(store),
        Err(_) => context.create_key_value(config).await.map_err(|why| why.to_string()),
    }
}

/// The server, connected when it is needed and again after an error: it may have been away, and it
/// may have lost everything.
#[derive(Debug)]
pub struct ServerLink {
    /// Its address.
    pub server: String,
    access: ServerAccess,
    current: tokio::sync::Mutex<Option<Arc<WorkServer>>>,
}

impl ServerLink {
    /// A link to a server, not yet connected.
    pub fn new(server: &str, access: ServerAccess) -> Self {
        Self { server: server.to_owned(), access, current: Default::default() }
    }

    /// The connection.
    ///
    /// # Errors
    /// The server cannot be used.
    pub(super) async fn get(&self) -> Result<Arc<WorkServer>, WorkersError> {
        let mut current = self.current.lock().await;
        if let Some(open) = &*current {
            return Ok(open.clone());
        }
        let open = Arc::new(WorkServer::open(&self.server, &self.access).await?);
        *current = Some(open.clone());
        Ok(open)
    }

    /// Forgets a connection on which something failed.
    pub(super) async fn failed(&self, on: &Arc<WorkServer>) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|open| Arc::ptr_eq(open, on)) {
            *current = None;
        }
    }
}
