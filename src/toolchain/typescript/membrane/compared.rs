//! What a failed comparison compares.

/// The sides of a failed comparison, got and expected: `Expected: 5` and `Received: 6` of `expect`,
/// or `6 !== 5` of `node:assert`.
pub fn compared(message: &str) -> Option<(String, String)> {
    let after = |start: &str| {
        let mut lines = message.lines();
        lines.find_map(|line| line.strip_prefix(start)).map(|text| text.trim().to_owned())
    };
    if let (Some(got), Some(expected)) = (after("Received:"), after("Expected:")) {
        return Some((got, expected));
    }
    let is_of_assert = message.contains("AssertionError: Expected values to be");
    let line = message.lines().find(|line| is_of_assert && line.contains(" !== "))?;
    let (got, expected) = line.split_once(" !== ")?;
    (!expected.contains(" !== ")).then(|| (got.to_owned(), expected.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::compared;

    #[test]
    fn both_sides_are_read_from_messages_of_expect_and_node() {
        let sides = |message| compared(message);
        let expected = Some(("6".to_owned(), "5".to_owned()));
        let jest =
            "expect(f()).toBe(5);\nexpect(received).toBe(expected)\n\nExpected: 5\nReceived: 6";
        assert_eq!(sides(jest), expected);
        let node = "AssertionError: Expected values to be strictly equal:\n\n6 !== 5\n";
        assert_eq!(sides(node), expected);
        assert_eq!(sides("if (a !== b) throw\nError: no"), None);
    }
}
