//! Keeps deeply nested Rust from overflowing the stack of the recursive parser, and endless numbers
//! from holding it up.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::types::limits;

/// Texts nested deeper than this are parsed on a larger stack.
const ORDINARY: usize = 60;
/// Size of that stack in bytes; debug builds use up to 50 KiB per level.
const STACK: usize = 64 * 1024 * 1024;

/// Parses a text, unless it is nested too deeply, which is an error.
pub fn parse<T: Send>(
    text: &str,
    parser: impl FnOnce(&str) -> Result<T, (String, usize)> + Send,
) -> Result<T, (String, usize)> {
    // An invalid token stream has no nesting; the parser reports the error.
    let ParserLoad { nesting, digits } =
        text.parse::<TokenStream>().map_or_else(|_| ParserLoad::default(), load);
    if digits > limits::RUST_DIGITS {
        return Err((format!("a number of more than {} characters", limits::RUST_DIGITS), 1));
    }
    if nesting > limits::RUST_NESTING {
        let message = format!("nested more than {} levels deep", limits::RUST_NESTING);
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

/// How much a parser has to do.
#[derive(Default)]
struct ParserLoad {
    /// The maximum number of nested tokens, of a statement or list element and all around it.
    nesting: usize,
    /// The length of the longest number.
    digits: usize,
}

/// A group of tokens so far.
#[derive(Default)]
struct GroupLoad {
    /// The nested tokens.
    tokens: usize,
    /// The `<` that are open: a comma does not end them.
    angles: usize,
    last: char,
}

impl GroupLoad {
    /// Adds a sign. Gives whether it ends a statement or an element.
    fn sign(&mut self, sign: char) -> bool {
        match (std::mem::replace(&mut self.last, sign), sign) {
            (_, '<') => self.angles += 1,
            // A type has neither.
            (_, ';') | ('=', '>') => self.angles = 0,
            (last, '>') if last != '-' => self.angles = self.angles.saturating_sub(1),
            _ => {}
        }
        matches!(sign, ';' | ',')
    }
}

fn load(tokens: TokenStream) -> ParserLoad {
    let mut stack = vec![(tokens.into_iter().peekable(), 0, GroupLoad::default())];
    let mut most = ParserLoad::default();
    // Behind the `#` or `#!` of an attribute, what was before it: each line of documentation is
    // one, and its tokens do not count for what follows.
    let mut attribute: Option<usize> = None;
    while let Some((tokens, around, here)) = stack.last_mut() {
        let Some(token) = tokens.next() else {
            stack.pop();
            continue;
        };
        here.tokens += 1;
        let depth = *around + here.tokens;
        most.nesting = most.nesting.max(depth);
        if let TokenTree::Literal(literal) = &token {
            let text = literal.to_string();
            let is_number = text.starts_with(|c: char| c.is_ascii_digit());
            most.digits = most.digits.max(if is_number { text.len() } else { 0 });
        }
        let ends = match &token {
            TokenTree::Punct(punct) => here.sign(punct.as_char()),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let next = tokens.peek();
                if !matches!(next, Some(TokenTree::Punct(next)) if ",>".contains(next.as_char())) {
                    here.angles = 0;
                }
                !matches!(next, Some(TokenTree::Ident(next)) if next == "else")
            }
            _ => false,
        };
        attribute = match (&token, attribute) {
            (TokenTree::Punct(punct), _) if punct.as_char() == '#' => Some(here.tokens - 1),
            (TokenTree::Punct(punct), before) if punct.as_char() == '!' => before,
            (TokenTree::Group(group), Some(before)) if group.delimiter() == Delimiter::Bracket => {
                here.tokens = before;
                None
            }
            _ => None,
        };
        if ends {
            here.tokens = here.angles;
        }
        if let TokenTree::Group(group) = token {
            stack.push((group.stream().into_iter().peekable(), depth, GroupLoad::default()));
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_number_of_any_length_takes_no_time() {
        for digits in ["7".repeat(2_000_000), format!("0x{}", "f".repeat(2_000_000))] {
            let text = format!("fn a() -> u8 {{ [-{digits}][0] }}");
            let read = parse(&text, |text| Ok(syn::parse_str::<syn::File>(text).is_ok()));
            assert!(read.is_err_and(|(why, _)| why.contains("a number of more than")));
        }
        let most = format!("const A: f64 = {}.0;", "7".repeat(500));
        assert_eq!(parse(&most, |text| Ok(syn::parse_str::<syn::File>(text).is_ok())), Ok(true));
    }

    fn read(text: &str) -> Result<bool, (String, usize)> {
        parse(text, |text| Ok(syn::parse_str::<syn::Block>(&format!("{{\n{text}\n}}")).is_ok()))
    }

    #[test]
    fn nesting_of_every_kind_is_parsed_or_rejected() {
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
        let documented = format!("{}fn a() {{}}", "/// Text.\n#[inline]\n".repeat(5_000));
        assert_eq!(read(&documented), Ok(true));
        assert!(read(&("-#[a]".repeat(5_000) + "a")).is_err());
        assert!(read(&format!("let a: {}u8;", "A<(), ".repeat(20_000))).is_err());
        assert!(read(&format!("let a: {}u8;", "A<{ 1 }, ".repeat(20_000))).is_err());
        let arms = "a if a < 3 => 1, a if a < 4 => { 1 } ".repeat(5_000);
        let honest = format!("match a {{ {arms} }} {}", "if a < b { c(); } ".repeat(5_000));
        assert_eq!(read(&honest), Ok(true));
        assert_eq!(read("let a = 1;"), Ok(true));
        assert_eq!(read("let a = ;"), Ok(false));
        assert_eq!(read("\"unclosed"), Ok(false));
    }
}
