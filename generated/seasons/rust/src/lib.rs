/// A library crate about the seasons of the north.
pub fn season(month: u8) -> Option<&'static str> {
    match month {
        3..=5 => Some("spring"),
        6..=8 => Some("summer"),
        9..=11 => Some("autumn"),
        12 | 1 | 2 => Some("winter"),
        _ => None,
    }
}
