//! Name, edition and root file of a candidate's package.

use super::options::CrateType;
use crate::types::{RelPath, Spec};

/// The edition of every generated crate.
pub const EDITION: &str = "2024";

/// The crate's name in code.
pub fn crate_name(spec: &Spec) -> String {
    spec.id.word()
}

/// The crate's root file.
pub fn root(crate_type: CrateType) -> RelPath {
    let path = match crate_type {
        CrateType::Lib => "src/lib.rs",
        CrateType::Bin => "src/main.rs",
    };
    RelPath::parse(path).expect("it is a plain path")
}
