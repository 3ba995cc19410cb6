//! What a user of the numerals can rely on.

use roman::{from_roman, to_roman};

#[test]
fn usual() {
    for (number, numeral) in [(1, "I"), (4, "IV"), (1994, "MCMXCIV"), (3999, "MMMCMXCIX")] {
        assert_eq!(to_roman(number).as_deref(), Ok(numeral));
    }
}

#[test]
fn range() {
    for number in [0, 4000, u32::MAX] {
        assert_eq!(to_roman(number), Err("out of range".to_owned()));
    }
}

#[test]
fn reads__numerals() {
    assert_eq!(from_roman("MCMXCIV"), Some(1994));
}

#[test]
fn reads__nothing_else() {
    for text in ["", "IIII", "mcm", "IV "] {
        assert_eq!(from_roman(text), None);
    }
}
