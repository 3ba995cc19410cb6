//! Secret values of the environment, which are never shown or stored.

use std::sync::{PoisonError, RwLock};

/// Shorter values occur in ordinary text and are not redacted.
const LEAST_BYTES: usize = 8;

/// Values with the names of their variables, the longest first.
static SECRETS: RwLock<Vec<(String, String)>> = RwLock::new(Vec::new());

/// Redacts the values of these variables from now on; of multi-line values, each line.
pub fn conceal<'a>(names: impl IntoIterator<Item = &'a str>) {
    let mut known = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
    for name in names {
        let value = std::env::var(name).unwrap_or_default();
        for line in value.lines().map(str::trim).filter(|line| line.len() >= LEAST_BYTES) {
            let one = (line.to_owned(), name.to_owned());
            if !known.contains(&one) {
                known.push(one);
            }
        }
    }
    known.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
}

/// Replaces each secret in a text by its variable's name.
pub fn without_secrets(text: &str) -> String {
    let known = SECRETS.read().unwrap_or_else(PoisonError::into_inner);
    let mut out = text.to_owned();
    for (value, name) in known.iter().filter(|(value, _)| text.contains(value.as_str())) {
        out = out.replace(value, &format!("[{name}]"));
    }
    out
}
