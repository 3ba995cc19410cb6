//! `regen.lock`: what is promoted, and the evidence for it.

mod codec;
pub mod model;

pub use model::{
    LOCK_VERSION, OLDEST_LOCK, Origin, Source, SpecStanding, Standing, TargetStanding,
};
