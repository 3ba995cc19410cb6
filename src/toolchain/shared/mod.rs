//! What several languages share.

pub mod console;
pub mod contract_script;
pub mod hurl;
pub mod shell;
