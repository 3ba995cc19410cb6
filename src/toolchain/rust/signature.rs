//! Signatures in a clause's text: an example of the clause compiles only if the function has them.
//! Without this, a type of the candidate's own could stand where the spec says `Vec<u32>`, and
//! answer an example's questions as it likes.

use syn::{FnArg, GenericArgument, PathArguments, ReturnType, Signature, Type};

use super::recursion_limit;

/// Types of the standard library, by their paths.
const TYPES: [(&str, &str); 11] = [
    ("String", "::std::string::String"),
    ("Vec", "::std::vec::Vec"),
    ("Option", "::core::option::Option"),
    ("Result", "::core::result::Result"),
    ("Box", "::std::boxed::Box"),
    ("HashMap", "::std::collections::HashMap"),
    ("HashSet", "::std::collections::HashSet"),
    ("BTreeMap", "::std::collections::BTreeMap"),
    ("BTreeSet", "::std::collections::BTreeSet"),
    ("VecDeque", "::std::collections::VecDeque"),
    ("Duration", "::std::time::Duration"),
];
const PRIMITIVES: &str =
    "bool char str u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64";

/// Signatures of a clause that are read, and their greatest length in bytes.
const MOST: usize = 20;
const LONGEST: usize = 400;

/// A call with arguments of a signature's types, and with its result.
pub struct DemandedCall {
    name: String,
    arguments: String,
    statement: String,
}

/// The signatures in a clause's text, apart from those with other types than the standard library's.
pub fn calls(text: &str, crate_name: &str) -> Vec<DemandedCall> {
    let spans = text.split('`').skip(1).step_by(2);
    let spans = spans.filter(|span| span.contains('(') && span.len() <= LONGEST);
    spans.take(MOST).filter_map(|span| call(span, crate_name)).collect()
}

/// Statements that compile only if the functions that an example calls by the crate's name have
/// these signatures. Nothing calls them.
pub fn demands(calls: &[DemandedCall], example: &str, crate_name: &str) -> String {
    let called = |call: &&DemandedCall| example.contains(&format!("{crate_name}::{}(", call.name));
    let demands = calls.iter().filter(called).enumerate().map(|(number, call)| {
        let DemandedCall { arguments, statement, .. } = call;
        format!("fn _signature_{number}({arguments}) {{ {statement} }}")
    });
    let demands: Vec<String> = demands.collect();
    if demands.is_empty() { String::new() } else { demands.join(" ") + "\n" }
}

fn call(span: &str, crate_name: &str) -> Option<DemandedCall> {
    let span = span.trim().trim_end_matches(';');
    let span = span.strip_prefix("pub ").unwrap_or(span);
    let span = span.strip_prefix("fn ").unwrap_or(span);
    let read = |text: &str| {
        let signature = syn::parse_str(text).map_err(|error| (error.to_string(), 0))?;
        Ok(called(&signature, crate_name))
    };
    recursion_limit::parse(&format!("fn {span}"), read).ok()?
}

fn called(signature: &Signature, crate_name: &str) -> Option<DemandedCall> {
    let generics = &signature.generics;
    if !generics.params.is_empty() || generics.where_clause.is_some() {
        return None;
    }
    let argument = |input: &FnArg| match input {
        FnArg::Typed(typed) => known(&typed.ty),
        FnArg::Receiver(_) => None,
    };
    let types: Vec<String> = signature.inputs.iter().map(argument).collect::<Option<_>>()?;
    let arguments = types.iter().enumerate().map(|(at, of)| format!("a{at}: {of}, ")).collect();
    let given: String = (0..types.len()).map(|at| format!("a{at}, ")).collect();
    let name = signature.ident.to_string();
    let result = match &signature.output {
        // A text may leave the result's type out.
        ReturnType::Default => String::new(),
        ReturnType::Type(_, result) => format!(": {}", known(result)?),
    };
    let statement = format!("let _{result} = ::{crate_name}::{name}({given});");
    Some(DemandedCall { name, arguments, statement })
}

/// A type with paths that no import changes; `None` if it has other names.
fn known(of: &Type) -> Option<String> {
    match of {
        Type::Reference(one) => {
            let mutable = if one.mutability.is_some() { "mut " } else { "" };
            Some(format!("&{mutable}{}", known(&one.elem)?))
        }
        Type::Slice(one) => Some(format!("[{}]", known(&one.elem)?)),
        Type::Paren(one) => known(&one.elem),
        Type::Tuple(tuple) => {
            let parts: Option<Vec<String>> = tuple.elems.iter().map(known).collect();
            Some(format!("({})", parts?.iter().map(|part| format!("{part}, ")).collect::<String>()))
        }
        Type::Path(path) if path.qself.is_none() && path.path.segments.len() == 1 => {
            let segment = path.path.segments.first()?;
            let name = segment.ident.to_string();
            match &segment.arguments {
                PathArguments::None if PRIMITIVES.split_whitespace().any(|one| one == name) => {
                    Some(format!("::core::primitive::{name}"))
                }
                PathArguments::None if name == "String" || name == "Duration" => full(&name),
                PathArguments::AngleBracketed(given) => {
                    let part = |one: &GenericArgument| match one {
                        GenericArgument::Type(of) => known(of),
                        _ => None,
                    };
                    let parts: Option<Vec<String>> = given.args.iter().map(part).collect();
                    Some(format!("{}<{}>", full(&name)?, parts?.join(", ")))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn full(name: &str) -> Option<String> {
    TYPES.iter().find(|(short, _)| *short == name).map(|(_, path)| (*path).to_owned())
}

#[cfg(test)]
mod tests {
    use super::{calls, demands};

    #[test]
    fn only_signatures_of_known_types_are_demanded() {
        let example = "assert_eq!(odds::odds(9, \"a\").len(), 5); odds::Odds::new(1)";
        let of = |text: &str| demands(&calls(text, "odds"), example, "odds");
        let said = of("- `odds(n: u32, s: &str) -> Result<Vec<(u8, char)>, String>` MUST `x`.");
        assert!(
            said.contains(
                "(a0: ::core::primitive::u32, a1: &::core::primitive::str, ) { let _: \
                 ::core::result::Result<::std::vec::Vec<(::core::primitive::u8, \
                 ::core::primitive::char, )>, ::std::string::String> = ::odds::odds(a0, a1, ); }"
            ),
            "{said}"
        );
        assert!(of("`pub fn odds(n: &mut [u8]);`").contains("let _ = ::odds::odds(a0, );"));
        for none in [
            "`odds(n, s)` MUST give",
            "`odds(n: u32) -> Odds`",
            "`odds(n: impl Into<u32>) -> u32`",
            "`odds<T>(n: T) -> u32`",
            "`odds(&self, n: u32) -> u32`",
            "`new(n: u32) -> u32`",
            "`odds(n: Result<u8>) -> u32` and `odds`(n: u8)",
            "`odds(n: u32",
        ] {
            let said = of(none);
            let is_partial = none.contains("Result<u8>");
            assert!(said.is_empty() || is_partial, "{none}: {said}");
        }
    }
}
