//! Keeps deeply nested Rust from overflowing the stack of a parser that recurses.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::types::limits;

/// Deeper than this a text is parsed on a stack of its own.
const ORDINARY: usize = 60;
/// Bytes of that stack: debug builds take up to 50 KiB for one level.
const STACK: usize = 64 * 1024 * 1024;

/// Parses a text, unless it is nested too deeply; says so then.
pub fn parse<T: Send>(
    text: &str,
    parser: impl FnOnce(&str) -> Result<T, (String, usize)> + Send,
) -> Result<T, (String, usize)> {
    // What cannot even be split into tokens is not nested: the parser says what is wrong.
    let nesting = text.parse::<TokenStream>().map_or(0, nesting);
    if nesting > limits::RUST_NESTING {
        let message = format!("it is nested more than {} deep", limits::RUST_NESTING);
        return Err((message, 1));
    }
    if nesting <= ORDINARY {
        return parser(text);
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let thread = thread.spawn_scoped(scope, || parser(text));
        let parsed = thread.map(|thread| thread.join());
        parsed.ok().and_then(Result::ok).unwrap_or_else(|| Err(("it cannot be parsed".into(), 1)))
    })
}

/// The largest number of tokens that can stand inside each other: those of a statement or list
/// element, and of the ones around it.
fn nesting(tokens: TokenStream) -> usize {
    let mut stack = vec![(tokens.into_iter().peekable(), 0, 0)];
    let mut most = 0;
    while let Some((tokens, around, here)) = stack.last_mut() {
        let Some(token) = tokens.next() else {
            stack.pop();
            continue;
        };
        *here += 1;
        let depth = *around + *here;
        most = most.max(depth);
        let ends = match &token {
            TokenTree::Punct(punct) => matches!(punct.as_char(), ';' | ','),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                !matches!(tokens.peek(), Some(TokenTree::Ident(next)) if next == "else")
            }
            _ => false,
        };
        if ends {
            *here = 0;
        }
        if let TokenTree::Group(group) = token {
            stack.push((group.stream().into_iter().peekable(), depth, 0));
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn read(text: &str) -> Result<bool, (String, usize)> {
        parse(text, |text| Ok(syn::parse_str::<syn::Block>(&format!("{{\n{text}\n}}")).is_ok()))
    }

    #[test]
    fn nesting_of_every_kind_ends_in_an_answer() {
        for (unit, end) in [
            ("!", "a"),
            ("(", ""),
            ("if a {} else ", "{}"),
            ("|a| ", "a"),
            ("a = ", "a"),
            ("a + ", "a"),
        ] {
            for times in [1, 30, 190, 900, 20_000] {
                let close = if unit == "(" { ")".repeat(times) } else { String::new() };
                let text = unit.repeat(times) + end + &close;
                assert_eq!(read(&text).is_ok(), times < 300 || (times < 1000 && unit.len() < 2));
            }
            let deep = format!("{}{end}", unit.repeat(5));
            assert!(read(&(deep + ";").repeat(5_000)).is_ok() || unit == "(");
        }
        assert_eq!(read("let a = 1;"), Ok(true));
        assert_eq!(read("let a = ;"), Ok(false));
        assert_eq!(read("\"unclosed"), Ok(false));
    }
}
