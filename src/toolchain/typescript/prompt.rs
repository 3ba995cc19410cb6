//! Rules of a TypeScript target for the model.

use super::effects;
use super::package::ROOT;
use crate::types::{Spec, Target};

/// Rules of the target for the model.
pub fn rules(spec: &Spec, target: &Target) -> Vec<String> {
    let id = &spec.id;
    vec![
        format!(
            "Write the package `{id}` in TypeScript, as ES modules. Its public items are exported by \
             `{ROOT}` by name; other modules go below `src/` and are imported with their ends \
             (`from \"./module.ts\"`), types with `import type`."
        ),
        "Use only syntax that is JavaScript once the types are removed: no `enum`, no `namespace`, \
         no parameter properties, no decorators."
            .to_owned(),
        "Answer with source files only, without tests and without code in comments: the harness \
         writes `package.json` and runs its own tests."
            .to_owned(),
        "A strict type checker (also `noUncheckedIndexedAccess` and `exactOptionalPropertyTypes`) and \
         a linter must find nothing; write no `any`, and no comment switches them off."
            .to_owned(),
        "Values have exactly the types of the signatures: plain objects without other properties, \
         arrays without gaps, no promises. Members of a class that are not in its signatures are \
         `private` or `#private`."
            .to_owned(),
        "Use no packages, and Node's modules only where an effect allows them.".to_owned(),
        effects::constraint(spec, target),
    ]
}
