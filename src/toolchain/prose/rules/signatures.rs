//! The rule `name`, for signatures in prose: `to_roman(u16) -> String` is one, `to_roman(n)` not.
//!
//! Arguments and the result are compared where a text states their types. What it leaves out, or
//! writes as `…`, is not judged.

use super::facts::{TextSubject, fix, found};
use super::items::{OutlineItem, is_signature, plain, words};
use crate::toolchain::TextForm;
use crate::types::Finding;

/// Types that are told apart from values without a name before them.
const TYPES: [&str; 27] = [
    "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32",
    "f64", "bool", "char", "str", "&str", "String", "&String", "int", "float", "bytes", "number",
    "string", "boolean", "bigint",
];

/// Parameters that callers do not write.
const RECEIVERS: [&str; 8] = ["self", "&self", "&mutself", "mutself", "cls", "this", "*", "/"];

/// The parts of a signature.
struct SignatureParts<'a> {
    params: Vec<&'a str>,
    result: Option<&'a str>,
}

/// Findings of the rule.
pub fn check(subject: &TextSubject<'_>) -> Vec<Finding> {
    let items: Vec<OutlineItem<'_>> =
        subject.facts.items.iter().map(|line| OutlineItem::read(line)).collect();
    let is_docs = subject.form == TextForm::Docs;
    let mut all = Vec::new();
    for page in &subject.pages {
        for span in page.spans.iter().filter(|one| !(is_docs && is_signature(subject, page, one))) {
            let code = span.code.trim();
            let Some((head, parts)) = parts(code) else { continue };
            let Some(name) = words(head).last().filter(|name| head.ends_with(name)) else {
                continue;
            };
            let mut own = items.iter().filter(|item| item.name() == name).peekable();
            let Some(first) = own.peek().map(|item| item.signature) else { continue };
            let fits = |item: &OutlineItem<'_>| {
                self::parts(item.signature).is_none_or(|(_, real)| fits(&parts, &real))
            };
            if subject.facts.spec.visible.contains(code) || own.any(fits) {
                continue;
            }
            let message = format!("`{code}` is not the signature of `{name}`");
            all.push(fix(found(page, "name", span.at, message), format!("Write `{first}`")));
        }
    }
    all
}

/// What is before the parameters, and the parts; `None` for what has no parameters.
fn parts(code: &str) -> Option<(&str, SignatureParts<'_>)> {
    let code = code.trim_end_matches([';', ':', '{', ' ']);
    let top = |text: &str, sign: &dyn Fn(char) -> bool| {
        let (mut depth, mut last) = (0_i32, ' ');
        text.char_indices().find_map(|(at, c)| {
            let is_it = depth == 0 && sign(c);
            match c {
                '(' | '[' | '{' | '<' => depth += 1,
                // Of `->` and `=>`, it closes nothing.
                '>' if matches!(last, '-' | '=') => {}
                ')' | ']' | '}' | '>' => depth -= 1,
                _ => {}
            }
            last = c;
            is_it.then_some(at)
        })
    };
    let open = top(code, &|c| c == '(')?;
    let inner = &code[open + 1..];
    let close = top(inner, &|c| c == ')')?;
    let mut params = Vec::new();
    let mut rest = &inner[..close];
    while let Some(at) = top(rest, &|c| c == ',') {
        params.push(rest[..at].trim());
        rest = &rest[at + 1..];
    }
    params.push(rest.trim());
    let is_written = |param: &&str| {
        let bare = plain(param.split(':').next().unwrap_or_default());
        !(bare.is_empty() || RECEIVERS.contains(&bare.replace(' ', "").as_str()))
    };
    params.retain(is_written);
    let after = inner[close + 1..].trim();
    let result = after.strip_prefix("->").or(after.strip_prefix(':')).map(str::trim);
    let head = code[..open].split('<').next().unwrap_or_default().trim_end();
    (after.is_empty() || result.is_some()).then_some((head, SignatureParts { params, result }))
}

/// Whether a signature in a text says nothing else than a real one.
fn fits(told: &SignatureParts<'_>, real: &SignatureParts<'_>) -> bool {
    let is_typed = |param: &&&str| param.contains(": ") || is_type(param);
    let is_signature = told.result.is_some() || told.params.iter().any(|one| is_typed(&one));
    let is_open = |text: &str| words(text).any(|word| word == "_") || text.contains(['…', '.']);
    let result = told.result.is_none_or(|one| match real.result {
        Some(real) => is_open(one) || same(one, real) || begins(one, real),
        None => ["()", "None", "void"].contains(&one),
    });
    if !is_signature || told.params.is_empty() || told.params.iter().any(|one| is_open_param(one)) {
        return result;
    }
    let is_optional = |param: &&&str| param.contains(['=', '?']);
    let fewest = real.params.len() - real.params.iter().filter(is_optional).count();
    (fewest..=real.params.len()).contains(&told.params.len())
        && result
        && told.params.iter().zip(&real.params).all(|(one, real)| {
            let wanted = type_of(real);
            match type_of(one) {
                Some(own) => wanted.is_none_or(|wanted| same(own, wanted)),
                None => !is_type(one) || wanted.is_none_or(|wanted| same(one, wanted)),
            }
        })
}

/// Whether a parameter is left open.
fn is_open_param(param: &str) -> bool {
    ["…", "...", "..", "_"].contains(&param)
}

/// Whether a text is a type, not a value.
fn is_type(text: &str) -> bool {
    let is_generic =
        text.ends_with('>') && text.starts_with(|c: char| c.is_alphabetic() || c == '&');
    TYPES.contains(&text) || is_generic
}

/// The type in `name: type = default`.
fn type_of(param: &str) -> Option<&str> {
    let (_, ty) = param.split_once(": ")?;
    Some(ty.split(" = ").next().unwrap_or(ty).trim())
}

/// Whether two types are the same but for paths to them.
fn same(one: &str, other: &str) -> bool {
    let bare = |text: &str| {
        let text = plain(text);
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        text.split("::")
            .map(str::to_owned)
            .reduce(|before, rest| format!("{}{rest}", before.trim_end_matches(is_word)))
    };
    bare(one) == bare(other)
}

/// Whether a type is the other one without its arguments: `Result`.
fn begins(one: &str, other: &str) -> bool {
    plain(other).strip_prefix(&plain(one)).is_some_and(|rest| rest.starts_with(['<', '[']))
}
