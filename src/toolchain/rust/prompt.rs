//! Rules of a Rust target for the model.

use super::effects;
use super::options::{CrateType, RustOptions};
use super::package::{EDITION, crate_name, root};
use crate::toolchain::kind_option;
use crate::types::{Spec, Target};

/// Rules of the target for the model.
pub fn rules(spec: &Spec, target: &Target) -> Vec<String> {
    let options = RustOptions::of(target);
    let root = root(options.crate_type);
    let mut list = vec![match options.crate_type {
        CrateType::Lib => format!(
            "Write a library crate named `{name}` with its root in `{root}`. What the specification \
             names is public and stands at the root of the crate, not inside a `mod {name}`.",
            name = crate_name(spec)
        ),
        CrateType::Bin if kind_option::is_service(target) => format!(
            "Write a program named `{}` with its root in `{root}`; parts may go to `src/lib.rs`, the \
             crate `{}`. {}",
            spec.id,
            crate_name(spec),
            kind_option::service_rule()
        ),
        CrateType::Bin => format!(
            "Write a command-line program named `{}` with its root in `{root}`; testable parts may \
             go to `src/lib.rs`, the crate `{}`.",
            spec.id,
            crate_name(spec)
        ),
    }];
    list.push(format!(
        "Edition {EDITION}. Answer with source files only, without tests and without code in \
         comments: the harness writes `Cargo.toml` and runs its own tests."
    ));
    if options.allowed_dependencies.is_empty() {
        list.push("Use the standard library only.".to_owned());
    } else {
        let crates =
            options.allowed_dependencies.iter().map(|(name, v)| format!("{name} = \"{v}\""));
        let crates = crates.collect::<Vec<_>>().join(", ");
        list.push(format!(
            "You may depend on these crates only: {crates}; if you do, give a `Cargo.toml` with \
             `[package]` and `[dependencies]`."
        ));
    }
    list.push(effects::constraint(spec, target));
    list.push(
        "The code must compile without warnings, also from clippy: no unused code, no missing pieces."
            .to_owned(),
    );
    list
}
