//! The edge to workers on other machines, over NATS JetStream: a stream of work, a bucket of items
//! with leases, a bucket of presences, and an object store. What is done with them is decided in
//! `dispatch`.
#![expect(clippy::disallowed_methods, reason = "the edge to workers: network, clocks")]

mod asker;
mod content;
mod dispatcher;
mod executor;
mod look;
mod perform;
mod performed;
mod presence;
mod queue;
mod serve;
mod server;
mod wait;

pub use asker::PoolAsker;
pub use dispatcher::Coordinator;
pub use executor::{GateSources, PoolExecutor};
pub use look::{FleetView, ServerSeen, check_server, fleet_words, look};
pub use serve::{AskedModel, WorkerRoom, WorkerSettings, serve};
pub use server::{ServerAccess, ServerLink, WorkersError};
