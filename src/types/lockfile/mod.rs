//! `regen.lock`: what is promoted and why it was accepted, and its text.

mod codec;
pub mod model;

pub use model::{
    LOCK_VERSION, OLDEST_LOCK, Origin, Source, SpecStanding, Standing, TargetStanding,
};
