//! What a failed comparison compares, and which limit an error tells.

use crate::types::Resource;

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

/// The limit behind an error of Python. No other error tells one: a changed value in the red
/// proof can use up memory, too.
pub fn exhausted(message: &str) -> Option<Resource> {
    let is_thread = |line: &str| line == "RuntimeError: can't start new thread";
    message.lines().any(is_thread).then_some(Resource::Processes)
}

#[cfg(test)]
mod tests {
    use super::{compared, exhausted};
    use crate::types::Resource;

    #[test]
    fn both_sides_are_read_from_messages_of_pytest_and_unittest() {
        let message = "assert f(1) == 2\nAssertionError: assert 3 == 2\n +  where 3 = f(1)";
        assert_eq!(compared(message), Some(("3".to_owned(), "2".to_owned())));
        let old = compared("self.assertEqual(f(1), 2)\nAssertionError: 3 != 2");
        assert_eq!(old, Some(("3".to_owned(), "2".to_owned())));
        assert_eq!(compared("AssertionError: assert not True"), None);
    }

    #[test]
    fn a_thread_that_cannot_start_tells_the_limit() {
        let message = "thread.start()\nRuntimeError: can't start new thread";
        assert_eq!(exhausted(message), Some(Resource::Processes));
        assert_eq!(exhausted("thread.start()\nRuntimeError: no"), None);
    }
}
