/// The function `season` returns the name of the season based on the given month.
/// Months 3 to 5 give "spring", 6 to 8 give "summer", 9 to 11 give "autumn",
/// and 12, 1, and 2 give "winter".
///
/// # Examples
/// ```
/// assert_eq!(seasons::season(3), Some("spring"));
/// assert_eq!(seasons::season(8), Some("summer"));
/// assert_eq!(seasons::season(12), Some("winter"));
/// ```
///
/// # Errors
/// ```
/// assert_eq!(seasons::season(0), None);
/// assert_eq!(seasons::season(13), None);
/// ```
pub fn season(month: u8) -> Option<&'static str> {
    match month {
        3..=5 => Some("spring"),
        6..=8 => Some("summer"),
        9..=11 => Some("autumn"),
        12 | 1 | 2 => Some("winter"),
        _ => None,
    }
}
