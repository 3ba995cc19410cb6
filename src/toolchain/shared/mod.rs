//! What several languages share.

pub mod console;
pub mod hurl;
