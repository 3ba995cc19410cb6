/// Computes the greatest common divisor (GCD) of two numbers using Euclid's algorithm.
///
/// # Examples
///
/// ```
/// assert_eq!(divisors::gcd(12, 18), 6);
/// assert_eq!(divisors::gcd(7, 13), 1);
/// ```
pub fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Computes the least common multiple (LCM) of two numbers.
///
/// # Examples
///
/// ```
/// assert_eq!(divisors::lcm(4, 6), 12);
/// assert_eq!(divisors::lcm(0, 6), 0);
/// ```
pub fn lcm(a: u64, b: u64) -> u64 {
    if a == 0 || b == 0 {
        0
    } else {
        a * b / gcd(a, b)
    }
}
