//! The key `kind` of `[target.X]`: a library, a program or a service.

use serde_json::json;

use super::language::OptionSchema;
use crate::types::{Encoder, Target};

/// Its name.
pub const KIND: &str = "kind";
const LIBRARY: &str = "library";
const PROGRAM: &str = "program";
const SERVICE: &str = "service";
const KINDS: [&str; 3] = [LIBRARY, PROGRAM, SERVICE];

fn kind(target: &Target) -> Option<&str> {
    target.options.get(KIND).and_then(|value| value.as_str())
}

/// Whether a target is a program. A service is one.
pub fn is_program(target: &Target) -> bool {
    matches!(kind(target), Some(PROGRAM | SERVICE))
}

/// Whether a target is a service.
pub fn is_service(target: &Target) -> bool {
    kind(target) == Some(SERVICE)
}

/// What a service must do, for a model.
pub fn service_rule() -> String {
    "It is a service: it listens on the address 127.0.0.1 and on the TCP port whose number is in the \
     environment variable `PORT`, speaks HTTP/1.1, answers every request, and runs until SIGTERM, \
     after which it ends within 5 seconds; the default action of the signal suffices. It must \
     listen as soon as it is started. The examples in `hurl` blocks are requests and what the \
     answers must be; `{{host}}` is the address of the service."
        .to_owned()
}

/// Its JSON schema.
pub fn schema() -> OptionSchema {
    let schema = json!({
        "description": "`library`; `program`, which has arguments, streams and an exit status, and is tested by \
            console examples; or `service`, which listens on a port and is tested by requests.",
        "enum": KINDS,
        "default": LIBRARY,
    });
    OptionSchema { name: KIND, registry: "", schema }
}

/// Checks the value.
///
/// # Errors
/// The problem, and an example.
pub fn check(value: &toml::Value) -> Result<(), (String, String)> {
    let is_known = value.as_str().is_some_and(|word| KINDS.contains(&word));
    let words = KINDS.map(|word| format!("\"{word}\"")).join(", ");
    let message = || format!("`{KIND}` must be one of {words}");
    is_known.then_some(()).ok_or_else(|| (message(), format!("{KIND} = \"{PROGRAM}\"")))
}

/// Encodes it for a digest. The digest of a library is that of older versions.
pub fn encode(target: &Target, out: &mut Encoder) {
    if is_program(target) {
        out.text(kind(target).unwrap_or_default());
    }
}
