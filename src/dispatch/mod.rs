//! Gates on other machines, as data: what is sent, who may run it, whose result counts, whose turn
//! it is. `workers` carries it over the network.

mod fleet;
mod item;
mod order;
mod pack;
mod rota;

pub use fleet::{GateQueue, PoolState, WorkerPresence, WorkerTools, pool_state};
pub use item::{GateDone, Item, ItemState, Lapse};
pub use order::{GateEnd, GateOrder, Unusable};
pub use pack::{pack, unpack};
pub use rota::Rota;

/// The version of regen. Coordinator and worker must have the same one.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
