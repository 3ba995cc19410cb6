//! What several languages share.

pub mod console;
