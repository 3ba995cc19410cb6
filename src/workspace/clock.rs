//! The clock.

/// Now, UTC, RFC 3339, milliseconds.
pub fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// Today, UTC.
pub fn today() -> String {
    now()[..10].to_owned()
}
