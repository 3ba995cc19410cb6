//! A block of a page as a test that passes only if each of its assertions runs and holds: not one
//! behind a `return`, in a branch that is not taken, or whose panic is caught.

use proc_macro2::{TokenStream, TokenTree};

use super::examples;
use super::mutation::ASSERTS;

/// The block with a mark behind each assertion. What is not Rust stays as it is.
pub fn watched(code: &str) -> String {
    let code = examples::unhide(code);
    let Ok(tokens) = code.parse::<TokenStream>() else { return code };
    let mut found = Vec::new();
    assertions(tokens, &mut found);
    if found.is_empty() {
        return code;
    }
    let lines: Vec<&str> = code.lines().collect();
    let told = found.iter().map(|one| lines.get(one.line - 1).map_or("", |line| line.trim()));
    let told: Vec<String> = told.map(|line| format!("{line:?}")).collect();
    let mut inserts: Vec<(usize, String)> = Vec::new();
    for (at, one) in found.iter().enumerate() {
        // The block may define a macro of this name.
        inserts.push((one.start, if one.is_bare { "{ ::core::" } else { "{ " }.to_owned()));
        inserts.push((one.end, format!("; regen_ran({at}) }}")));
    }
    let mut marked = code;
    inserts.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    inserts.iter().for_each(|(at, text)| marked.insert_str(*at, text));
    let (count, told) = (told.len(), told.join(", "));
    format!(
        "static REGEN_RAN: [core::sync::atomic::AtomicBool; {count}] = \
         [const {{ core::sync::atomic::AtomicBool::new(false) }}; {count}]; \
         fn regen_ran(at: usize) {{ REGEN_RAN[at].store(true, core::sync::atomic::Ordering::SeqCst) }} \
         fn regen_block() {{ {}\n}}\nregen_block();\n\
         let regen_told: [&str; {count}] = [{told}];\n\
         for (ran, told) in REGEN_RAN.iter().zip(regen_told) {{ \
         if !ran.load(core::sync::atomic::Ordering::SeqCst) {{ panic!(\"`{{told}}` {UNSEEN}\") }} }}\n",
        examples::body(&marked),
        UNSEEN = crate::toolchain::UNSEEN,
    )
}

/// An assertion in a text.
struct FoundAssertion {
    start: usize,
    end: usize,
    line: usize,
    /// Whether it is called without a path.
    is_bare: bool,
}

/// The assertions in tokens, at any depth.
fn assertions(tokens: TokenStream, found: &mut Vec<FoundAssertion>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is_sign = |at: usize, sign: char| match tokens.get(at) {
        Some(TokenTree::Punct(one)) => one.as_char() == sign,
        _ => false,
    };
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => assertions(group.stream(), found),
            TokenTree::Ident(name)
                if ASSERTS.contains(&name.to_string().as_str()) && is_sign(at + 1, '!') =>
            {
                let Some(TokenTree::Group(group)) = tokens.get(at + 2) else { continue };
                // `std::assert!`, `::core::assert!`.
                let mut first = at;
                while first > 1 && is_sign(first - 1, ':') && is_sign(first - 2, ':') {
                    let has_name =
                        matches!(tokens.get(first.wrapping_sub(3)), Some(TokenTree::Ident(_)));
                    first -= if has_name { 3 } else { 2 };
                }
                found.push(FoundAssertion {
                    start: tokens[first].span().byte_range().start,
                    end: group.span().byte_range().end,
                    line: name.span().start().line,
                    is_bare: first == at,
                });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::watched;

    #[test]
    fn each_assertion_has_a_mark() {
        let text = watched(
            "use a::f;\nmatch f() {\n    Ok(x) => assert_eq!(x, [\"ü\"]),\n    _ => std::assert!(false),\n}\n",
        );
        for part in [
            "Ok(x) => { ::core::assert_eq!(x, [\"ü\"]); regen_ran(0) },\n",
            "_ => { std::assert!(false); regen_ran(1) },\n",
            "[\"Ok(x) => assert_eq!(x, [\\\"ü\\\"]),\", \"_ => std::assert!(false),\"]",
            "fn regen_block() { use a::f;\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(watched("f("), "f(");
        let whole = watched("# fn main() { assert!(f()) }");
        assert!(whole.contains("report(main())") && whole.contains("regen_ran(0)"), "{whole}");
    }
}
