//! Raw pointers: their addresses differ from run to run, and tell where the code runs.

use proc_macro2::{TokenStream, TokenTree};

/// The line of the first raw pointer: a type like `*const u8`, or `&raw const x`.
pub fn first(tokens: TokenStream) -> Option<u32> {
    let mut streams = vec![tokens];
    let mut lines = Vec::new();
    while let Some(stream) = streams.pop() {
        let mut before = String::new();
        for token in stream {
            let word = match token {
                TokenTree::Group(group) => {
                    streams.push(group.stream());
                    String::new()
                }
                TokenTree::Ident(ident) => {
                    let word = ident.to_string();
                    if matches!(before.as_str(), "*" | "raw") && matches!(&*word, "const" | "mut") {
                        lines.push(u32::try_from(ident.span().start().line).unwrap_or(u32::MAX));
                    }
                    word
                }
                TokenTree::Punct(punct) => punct.as_char().to_string(),
                TokenTree::Literal(_) => String::new(),
            };
            before = word;
        }
    }
    lines.into_iter().min()
}

#[cfg(test)]
mod tests {
    use super::first;

    #[test]
    fn raw_pointers_are_found_and_products_are_not() {
        for (source, line) in [
            ("fn f(x: &u8) -> usize {\n (x as *const u8) as usize }", Some(2)),
            ("fn f(x: &mut u8) { let p: *mut u8 = x; }", Some(1)),
            ("fn f(x: u8) { let p = &raw const x; }", Some(1)),
            ("fn f(x: &u8) -> u8 { 2 * *x * x }", None),
            ("fn f(raw: &u8, x: u8) { let mut y = *raw * { const A: u8 = 1; A }; }", None),
        ] {
            assert_eq!(first(source.parse().unwrap()), line, "{source}");
        }
    }
}
