/// Converts degrees Celsius to degrees Fahrenheit.
///
/// # Examples
///
/// ```
/// assert_eq!(celsius::to_fahrenheit(100.0), Some(212.0));
/// assert_eq!(celsius::to_fahrenheit(-40.0), Some(-40.0));
/// ```
///
/// # Errors
///
/// Returns `None` if the input temperature is below -273.15 degrees Celsius.
pub fn to_fahrenheit(celsius: f64) -> Option<f64> {
    if celsius < -273.15 {
        None
    } else {
        Some(celsius * 1.8 + 32.0)
    }
}
