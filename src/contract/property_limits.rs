//! Which properties CEL's parser can read with a small stack and regen in a short time.

use std::sync::LazyLock;

use regex::Regex;

use super::statements::nesting;
use crate::types::limits;

/// The names that macros of CEL bind.
pub static BOUND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\.(?:all|exists|exists_one|map|filter)\(\s*([A-Za-z_]\w*)\s*,").expect("is right")
});
/// Operators, each of which is a level of the tree that CEL makes, even if it follows another one.
static OPERATORS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[.\[<>=!+*/%&|?-]+|\bin\b").expect("is right"));

/// Whether CEL's parser can read an expression with a small stack.
pub fn limited(text: &str) -> Result<(), String> {
    let most = limits::PROPERTY_LOOPS;
    if loops(text) > most {
        return Err(format!("the property has more than {most} loops inside of each other"));
    }
    if nesting(&text.replace(['<', '>'], " ")) > limits::PROPERTY_NESTING {
        return Err("the property is nested too deeply".to_owned());
    }
    let most = limits::PROPERTY_OPERATORS;
    let few = OPERATORS.find_iter(text).count() <= most;
    few.then_some(()).ok_or_else(|| format!("the property has more than {most} operators"))
}

/// The deepest nesting of macros that go through a list; beside strings, how many there are.
fn loops(text: &str) -> usize {
    if text.contains(['"', '\'']) {
        return BOUND.find_iter(text).count();
    }
    let mut open: Vec<bool> = Vec::new();
    let (mut starts, mut most) = (BOUND.find_iter(text).peekable(), 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => {
                while starts.next_if(|found| found.end() <= at).is_some() {}
                let is_loop = starts.peek().is_some_and(|found| found.range().contains(&at));
                open.push(is_loop);
                most = most.max(open.iter().filter(|is_loop| **is_loop).count());
            }
            ')' => drop(open.pop()),
            _ => {}
        }
    }
    most
}
