//! Statics that can change: what outlives a call, so that a later one could differ.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::super::identifiers::{self, plain};

/// Types that change behind a shared reference, and that a static can hold.
const CHANGING: &str = "
    AtomicBool AtomicPtr AtomicU8 AtomicU16 AtomicU32 AtomicU64 AtomicUsize AtomicI8 AtomicI16
    AtomicI32 AtomicI64 AtomicIsize Atomic Mutex RwLock ReentrantLock Once OnceLock OnceCell Condvar
    Barrier Sender SyncSender Arc SyncUnsafeCell LocalKey DashMap DashSet ArcSwap SegQueue
    AtomicCell";

/// An item, by its tokens.
#[derive(Default)]
struct Items {
    /// Statics, and constants, which `thread_local!` makes: the name, and the words of the type.
    statics: Vec<(String, BTreeSet<String>)>,
    /// Types, traits and imports under another name: the name, and the words of what it names.
    types: Vec<(String, BTreeSet<String>)>,
}

/// The names of statics that can change.
pub fn find(tokens: TokenStream) -> Vec<String> {
    let items = read(tokens);
    let mut changing: BTreeSet<&str> = CHANGING.split_whitespace().collect();
    let changes = |words: &BTreeSet<String>, changing: &BTreeSet<&str>| {
        words.iter().any(|word| changing.contains(word.as_str()))
    };
    loop {
        let more = items.types.iter().filter(|(_, words)| changes(words, &changing));
        let more: Vec<&str> = more.map(|(name, _)| name.as_str()).collect();
        let before = changing.len();
        changing.extend(more);
        if changing.len() == before {
            break;
        }
    }
    // Any of them may be behind a trait object.
    let words: BTreeSet<&String> = items.types.iter().flat_map(|(_, words)| words).collect();
    let hides = words.iter().any(|word| CHANGING.split_whitespace().any(|one| one == *word));
    let found = items
        .statics
        .into_iter()
        .filter(|(_, words)| changes(words, &changing) || (hides && words.contains("dyn")));
    found.map(|(name, _)| name).collect()
}

fn read(tokens: TokenStream) -> Items {
    let (mut items, mut streams) = (Items::default(), vec![tokens]);
    while let Some(stream) = streams.pop() {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let word = |at: usize| match tokens.get(at) {
                Some(TokenTree::Ident(word)) => plain(word),
                _ => String::new(),
            };
            match token {
                TokenTree::Group(group) => streams.push(group.stream()),
                TokenTree::Ident(ident) => match plain(ident).as_str() {
                    // `'static` is a lifetime.
                    "static" if at > 0 && is(tokens.get(at - 1), '\'') => {}
                    kind @ ("static" | "const") if is(tokens.get(at + 2), ':') => {
                        let words = words(&tokens[at + 2..], '=');
                        // A constant is a new value wherever it is used.
                        let lasts = kind == "static" || words.contains("LocalKey");
                        items.statics.extend(lasts.then(|| (word(at + 1), words)));
                    }
                    "struct" | "enum" | "union" | "trait" | "type" => {
                        items.types.push((
                            word(at + 1),
                            words(tokens.get(at + 2..).unwrap_or_default(), ';'),
                        ));
                    }
                    "as" if at > 0 => {
                        let named = BTreeSet::from([word(at - 1)]);
                        items.types.push((word(at + 1), named));
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }
    items
}

fn is(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

/// The words up to a mark, or to the end of the braces before it.
fn words(tokens: &[TokenTree], end: char) -> BTreeSet<String> {
    let mark = tokens.iter().position(|token| is(Some(token), end) || is_body(token));
    let last = mark.map_or(tokens.len(), |at| at + 1);
    identifiers::of(tokens.iter().take(last).cloned().collect())
}

fn is_body(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

#[cfg(test)]
mod tests {
    use super::find;

    fn found(source: &str) -> Vec<String> {
        let mut found = find(source.parse().unwrap());
        found.sort();
        found
    }

    #[test]
    fn a_keyword_may_be_the_last_word() {
        for source in ["f(union)", "g(r#type)", "m!(struct)", "m!(static)", "x as", "m!(const A)"] {
            assert_eq!(found(source), [""; 0], "{source}");
        }
    }

    #[test]
    fn what_can_change_is_found_whatever_holds_it() {
        for source in [
            "static A: AtomicU32 = AtomicU32::new(0);",
            "fn f() { static A: std::sync::Mutex<Vec<u8>> = Mutex::new(Vec::new()); }",
            "struct Held { inner: [OnceLock<()>; 9] } static A: Held = Held::new();",
            "struct Held(AtomicBool); struct More { held: Held } static A: LazyLock<More> = m();",
            "use std::sync::Mutex as M; static A: M<u8> = M::new(0);",
            "type M = RwLock<u8>; mod b { pub static A: super::M = n(); }",
            "struct H(Mutex<u8>); static A: LazyLock<Box<dyn Fn() -> u8 + Sync>> = n();",
            "const A: ::std::thread::LocalKey<Cell<u8>> = { const fn init() -> u8 { 0 } };",
            "trait T { type X; } impl T for u8 { type X = Mutex<u8>; } static A: <u8 as T>::X = n();",
            "static A: LazyLock<Arc<()>> = LazyLock::new(Arc::default);",
        ] {
            assert_eq!(found(source), ["A"], "{source}");
        }
    }

    #[test]
    fn tables_and_values_that_the_caller_owns_are_no_state() {
        for source in [
            "static A: [&str; 2] = [\"a\", \"b\"];",
            "static A: LazyLock<HashMap<char, u32>> = LazyLock::new(make);",
            "static WORDS: &'static [(&'static str, fn(u8) -> u8)] = &[];",
            "struct Cell(bool); static A: [Cell; 9] = [Cell(true); 9];",
            "pub struct Counter { n: AtomicU32 } impl Counter { const ZERO: u32 = 0; }",
            "const NEW: Mutex<u8> = Mutex::new(0);",
            "fn f(lock: &'static std::sync::Mutex<u8>) {}",
            "fn f() { let a = Mutex::new(1); static B: u8 = 1; }",
            "enum Kind { A, B } static A: Kind = Kind::A; fn f(a: Arc<u8>) -> &'static str { \"\" }",
            "struct P(Mutex<u8>); static A: u8 = 1; static B: LazyLock<Box<dyn Fn()>> = n;",
        ] {
            let is_object = source.contains("dyn");
            assert_eq!(found(source), if is_object { vec!["B"] } else { vec![] }, "{source}");
        }
    }
}
