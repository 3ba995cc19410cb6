//! Words as other languages spell them, and as contracts do.

/// The types of WIT, each with its names in other languages.
const TYPES: [(&str, &[&str]); 18] = [
    ("string", &["str", "String"]),
    ("bool", &["boolean"]),
    ("char", &[]),
    ("s8", &["i8"]),
    ("s16", &["i16"]),
    ("s32", &["i32"]),
    ("s64", &["i64", "int", "integer", "isize", "long"]),
    ("u8", &["byte"]),
    ("u16", &[]),
    ("u32", &["uint"]),
    ("u64", &["usize"]),
    ("f32", &["float32"]),
    ("f64", &["float", "float64", "double", "number"]),
    ("list", &["Vec", "array", "Array"]),
    ("option", &["Optional"]),
    ("result", &[]),
    ("tuple", &[]),
    ("borrow", &[]),
];

/// What declares a type.
const KINDS: [&str; 6] = ["record", "variant", "enum", "flags", "type", "resource"];

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}

/// The word around an offset of a text, and where it begins.
pub fn word_at(text: &str, at: usize) -> Option<(usize, &str)> {
    let start = text.get(..at)?.trim_end_matches(is_of_word).len();
    let rest = &text[start..];
    let word = &rest[..rest.len() - rest.trim_start_matches(is_of_word).len()];
    word.starts_with(char::is_alphabetic).then_some((start, word))
}

/// A name as contracts spell it, if it is spelled otherwise.
fn kebab(word: &str) -> Option<String> {
    let (mut name, mut before) = (String::new(), '-');
    for c in word.chars() {
        if c == '_' || (c.is_uppercase() && before.is_lowercase()) {
            name.push('-');
        }
        name.extend(c.to_lowercase().filter(|c| *c != '_'));
        before = c;
    }
    (name != word).then_some(name)
}

/// The value that a word is in another language.
pub fn value_word(word: &str) -> Option<String> {
    match word {
        "null" | "nil" | "undefined" => Some("none".to_owned()),
        _ => kebab(word),
    }
}

/// The name in a contract that a word of it may be.
pub fn contract_word(contract: &str, word: &str) -> Option<String> {
    let foreign = TYPES.iter().find(|(_, names)| names.contains(&word));
    if let Some((name, _)) = foreign {
        return Some((*name).to_owned());
    }
    let words: Vec<&str> =
        contract.split(|c| !is_of_word(c)).filter(|word| !word.is_empty()).collect();
    let own = words.windows(2).filter(|pair| KINDS.contains(&pair[0])).map(|pair| pair[1]);
    let known = TYPES.iter().map(|(name, _)| *name).chain(own);
    kebab(word).or_else(|| nearest(word, known).map(str::to_owned))
}

/// The nearest of some names, as a hint after a message.
pub fn near<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map(|one| format!("; is it `{one}`?")).unwrap_or_default()
}

/// The nearest of some names, if it is near.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let close = known.map(|one| (strsim::damerau_levenshtein(name, one), one)).min();
    close.filter(|(distance, _)| *distance <= 1 + name.len() / 4).map(|(_, one)| one)
}
