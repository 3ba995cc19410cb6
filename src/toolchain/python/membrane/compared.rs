//! What a failed comparison compares.

/// The sides of a failed comparison: `assert 6 == 5`, or `6 != 5` of unittest.
pub fn compared(message: &str) -> Option<(String, String)> {
    let line = message.lines().find_map(|line| line.strip_prefix("AssertionError: "))?;
    let (sides, sign) = match line.strip_prefix("assert ") {
        Some(sides) => (sides, " == "),
        None => (line, " != "),
    };
    let (got, expected) = sides.split_once(sign)?;
    let is_one = !got.is_empty() && !expected.contains(sign);
    is_one.then(|| (got.to_owned(), expected.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::compared;

    #[test]
    fn both_sides_are_read_from_messages_of_pytest_and_unittest() {
        let message = "assert f(1) == 2\nAssertionError: assert 3 == 2\n +  where 3 = f(1)";
        assert_eq!(compared(message), Some(("3".to_owned(), "2".to_owned())));
        let old = compared("self.assertEqual(f(1), 2)\nAssertionError: 3 != 2");
        assert_eq!(old, Some(("3".to_owned(), "2".to_owned())));
        assert_eq!(compared("AssertionError: assert not True"), None);
    }
}
