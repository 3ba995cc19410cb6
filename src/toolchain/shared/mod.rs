//! What several languages share.

pub mod console;
pub mod coverage;
pub mod results;
