//! Gates and questions on other machines, as data: what is sent, who may do it, whose result
//! counts, whose turn it is. `workers` carries it over the network.

mod ask;
mod fleet;
mod item;
mod order;
mod pack;
mod rota;

pub use ask::{AskEnd, AskNotice, AskOrder, Errand};
pub use fleet::{
    ItemQueue, PoolState, WorkerModel, WorkerNeed, WorkerPresence, WorkerTools, pool_state,
};
pub use item::{Item, ItemEnd, ItemState, Lapse};
pub use order::{GateEnd, GateOrder, Unusable};
pub use pack::{pack, unpack};
pub use rota::Rota;

/// The version of regen. Coordinator and worker must have the same one.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
