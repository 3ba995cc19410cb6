//! What several languages share.

pub mod console;
pub mod effect_option;
