//! Roman numerals.

const STEPS: [(u32, &str); 13] = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
];

/// The numeral of a number.
///
/// # Errors
/// The number is out of range.
pub fn to_roman(n: u32) -> Result<String, String> {
    if n == 0 || n > 3999 {
        return Err("out of range".to_owned());
    }
    let mut rest = n;
    let mut text = String::new();
    for (value, sign) in STEPS {
        while rest >= value {
            text.push_str(sign);
            rest -= value;
        }
    }
    Ok(text)
}

/// The number of a numeral.
#[must_use]
pub fn from_roman(text: &str) -> Option<u32> {
    (1..=3999).find(|n| to_roman(*n).is_ok_and(|numeral| numeral == text))
}
