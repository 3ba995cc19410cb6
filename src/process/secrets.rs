//! Values of this process's environment that are never shown and never kept.

use std::sync::{PoisonError, RwLock};

/// Values shorter than this are too ordinary to be taken out of texts.
const LEAST_BYTES: usize = 8;

/// Values with the names of their variables, the longest first.
static SECRETS: RwLock<Vec<(String, String)>> = RwLock::new(Vec::new());

/// Has the values of variables taken out of texts from here on. Of a value of several lines, each
/// line counts.
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

/// A text without the values: each is replaced by its variable's name.
pub fn without_secrets(text: &str) -> String {
    let known = SECRETS.read().unwrap_or_else(PoisonError::into_inner);
    let mut out = text.to_owned();
    for (value, name) in known.iter().filter(|(value, _)| text.contains(value.as_str())) {
        out = out.replace(value, &format!("[{name}]"));
    }
    out
}
