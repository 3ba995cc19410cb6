//! Finds the key that signs attestations. It is read once, stays in this process, and is never in
//! the workspace, logs or messages.

use std::path::Path;

use super::error::CommandError;
use super::model::{Workspace, WorkspaceLayout};
use crate::attest::Signer;
use crate::store::given;
use crate::types::{Harness, limits};

impl Workspace {
    /// Reads the key of `[attestation]`, if configured.
    ///
    /// # Errors
    /// As [`signer`].
    pub fn sign_with(&mut self, variable: fn(&str) -> Option<String>) -> Result<(), CommandError> {
        self.signer = signer(&self.places, &self.harness, variable)?;
        Ok(())
    }
}

/// The key of `[attestation]`, if configured.
///
/// # Errors
/// The variable is not set, has no valid key or file, or candidates could read that file.
pub(super) fn signer(
    places: &WorkspaceLayout,
    harness: &Harness,
    variable: fn(&str) -> Option<String>,
) -> Result<Option<Signer>, CommandError> {
    let Some(name) = &harness.attestation.key_env else { return Ok(None) };
    let wrong = |why: String| CommandError::usage(format!("the signing key in ${name}: {why}"));
    let Some(value) = variable(name).filter(|value| !value.is_empty()) else {
        return Err(CommandError::usage(format!(
            "`[attestation]` needs the variable {name}, which is not set; set it to the key or the \
             path of its file"
        )));
    };
    let text = if value.contains("PRIVATE KEY") {
        value
    } else {
        key_file(places, harness, &value).map_err(wrong)?
    };
    Ok(Some(Signer::parse(&text).map_err(wrong)?))
}

fn key_file(places: &WorkspaceLayout, harness: &Harness, value: &str) -> Result<String, String> {
    let path = places.root.join(value);
    // An invalid path may be a key with broken lines, so it is not printed.
    let path = path.canonicalize().map_err(|why| format!("not a key and not a file: {why}"))?;
    let inside = |folder: &Path| path.starts_with(folder);
    let shown = places.read_only(harness);
    if inside(&places.root) || shown.iter().any(|shown| inside(shown)) {
        let why = "the file is in the workspace or visible in the sandbox; move it elsewhere";
        return Err(why.to_owned());
    }
    let bytes = given::read_given(&path, limits::CONFIG_BYTES).map_err(|e| e.to_string())?;
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())
}
