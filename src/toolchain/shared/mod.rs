//! What several languages share.

pub mod comments;
pub mod console;
pub mod hurl;
