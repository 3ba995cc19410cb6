//! The rules `name` and `order`: names in prose.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::blocks;
use super::facts::{TextSubject, fix, found, nearest, spellings};
use super::items::{OutlineItem, is_signature, words};
use crate::toolchain::TextForm;
use crate::toolchain::prose::page::ProsePage;
use crate::types::Finding;

/// Names of the languages and their libraries that texts mention.
const LIBRARY: &str = "
    Any Arc ArithmeticError Array ArrayBuffer AssertionError AttributeError BTreeMap BTreeSet
    BaseException BigInt BinaryHeap Boolean Box BufRead BufReader BufWriter CString Callable
    Cell Clone Copy Cow DataView Date DateTime Debug Decimal Default Deref Display
    DoubleEndedIterator Drop Duration Enum Eq Equal Err Error EvalError ExactSizeIterator
    Exception FileNotFoundError Float64Array Fn FnMut FnOnce Fraction From FromIterator FromStr
    Function GitHub Greater Hash HashMap HashSet Hasher ImportError IndexError Instant Into
    IntoIterator Iterable Iterator JSON JavaScript KeyError KiB Less LookupError Map Math
    MemoryError MiB ModuleNotFoundError Mutex NaN NamedTuple None NotImplementedError
    NotImplementedType Number O OSError Object Ok Option Optional Ord OrderedDict Ordering OsStr
    OsString OverflowError ParseFloatError ParseIntError PartialEq PartialOrd PascalCase Path
    PathBuf PhantomData Pin Promise Protocol Proxy Range RangeError Rc Read ReadonlyArray
    RecursionError RefCell ReferenceError RegExp Result RuntimeError RwLock Send Set
    SharedArrayBuffer Some StopIteration String Symbol Sync SyntaxError SystemExit ToString
    TryFrom TryFromIntError TryInto TypeError TypeScript TypeVar TypedDict URIError Uint8Array
    UnicodeDecodeError UnicodeError Union Utf8Error ValueError Vec VecDeque Weak WeakMap
    WeakSet Write ZeroDivisionError all any append as_bytes as_mut as_ref as_slice as_str
    assert assert_eq assert_ne await bool bytes camelCase catch cell cfg cfg_attr char charAt
    chars checked_add checked_div checked_mul checked_sub clone cloned close cmp codePointAt
    collect collections console contains convert core deepEqual default default_factory
    defaultdict deny deny_unknown_fields derive dict dir display drop entries enumerate env
    eprintln eq error eval exit expect extend f32 f64 filter find float fmt for forEach format
    from fromCodePoint fromEntries from_digit from_iter from_millis from_secs from_str
    from_utf8 frozenset fs get_mut hasOwnProperty hash help i128 i16 i32 i64 i8 id if indexOf
    inline input insert int into into_iter io isArray isFinite isInstance isInteger isNaN
    isSafeInteger is_alphabetic is_ascii is_ascii_digit is_empty is_err is_none is_ok is_some
    isinstance isize issubclass items iter iter_mut join keys len length list log main map
    map_err matches max min must_use namedtuple net new next no_std node_modules non_exhaustive
    none notDeepEqual num object ok_or ok_or_else open ops option or_insert panic parse
    parseFloat parseInt path pop print println process push push_str raise range rc replace
    repr require result return reversed round saturating_add saturating_sub set setTimeout
    slice snake_case some sort sorted split split_whitespace std str strictEqual string
    stringify structuredClone sum super switch sync test thread throw throws time toBe toEqual
    toFixed toLowerCase toString toThrow toUpperCase to_be to_digit to_lowercase to_owned
    to_string to_uppercase to_vec todo trim try_from try_into tuple type typeof u128 u16 u32
    u64 u8 unreachable unwrap unwrap_err unwrap_or unwrap_or_default unwrap_or_else usize
    value valueOf values vec while with_capacity wrapping_add write writeln x86_64 zip";

/// Receivers whose methods are of a language's library; so are types of [`LIBRARY`].
const ROOTS: [&str; 19] = [
    "alloc",
    "asyncio",
    "console",
    "copy",
    "dataclasses",
    "datetime",
    "fs",
    "functools",
    "itertools",
    "json",
    "logging",
    "math",
    "os",
    "pathlib",
    "process",
    "random",
    "re",
    "sys",
    "typing",
];

/// Receivers and modules that are always there.
const HERE: [&str; 6] = ["crate", "self", "super", "Self", "this", "cls"];

/// Findings of the rule `name`.
pub fn check(subject: &TextSubject<'_>) -> Vec<Finding> {
    let of_all = known(subject);
    let mut all = Vec::new();
    for page in &subject.pages {
        let code = blocks::lines(subject, page);
        let of_page: BTreeSet<&str> = code.iter().flat_map(|(_, line)| words(line)).collect();
        let is_docs = subject.form == TextForm::Docs && !subject.facts.items.is_empty();
        let spans =
            page.spans.iter().filter(|span| !(is_docs && is_signature(subject, page, span)));
        for span in spans {
            let is_known = |name: &str| of_all.contains(name) || of_page.contains(name);
            let wrong = names(span.code.trim(), &is_known).into_iter().find(|one| !is_known(one));
            let Some(wrong) = wrong else { continue };
            let message = format!("`{wrong}` is neither in the code nor in the spec");
            let of_code = subject.facts.items.iter().flat_map(|line| words(line));
            let remedy = match nearest(wrong, of_code) {
                Some(name) => format!("Write `{name}`"),
                None => "Use a name of the code, or write the word without backticks".to_owned(),
            };
            all.push(fix(found(page, "name", span.at, message), remedy));
        }
    }
    all
}

/// The names of the code, the spec and the languages.
fn known(subject: &TextSubject<'_>) -> BTreeSet<String> {
    let spec = subject.facts.spec;
    let lines = spec.contract.as_ref().map(|contract| contract.lines()).unwrap_or_default();
    let ids = spec.depends.iter().chain([&spec.id]).map(|id| id.replace(['-', '/'], " "));
    let crates = ids.flat_map(|id| [id.replace(' ', "_"), id]);
    let clauses = spec.clauses.iter();
    let texts = clauses.flat_map(|clause| [clause.text.clone(), clause.id.to_string()]);
    let bound = spec.clauses.iter().flat_map(|clause| &clause.bindings);
    let bound = bound.map(|binding| binding.name().to_owned());
    let items = subject.facts.items.iter().cloned();
    let texts = texts.chain([spec.visible.clone(), spec.title.clone(), LIBRARY.to_owned()]);
    let texts: Vec<String> = texts.chain(crates).chain(bound).chain(items).collect();
    let mut all: BTreeSet<String> = BTreeSet::new();
    texts.iter().for_each(|text| all.extend(words(text).map(str::to_owned)));
    // A contract writes `line-number` where languages write `line_number` or `lineNumber`.
    for line in &lines {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        line.split(|c| !is_part(c)).for_each(|word| all.extend(spellings(word)));
    }
    all
}

/// The names in a code span that the rule judges: of `cache.get("a")` the last, of `Roman::parse`
/// both.
fn names<'s>(code: &'s str, is_known: &dyn Fn(&str) -> bool) -> Vec<&'s str> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        let word = r"[\p{L}_][\p{L}\p{N}_]*";
        let form = format!(r"^({word}(?:(?:::|\.){word})*)(!?(?s:\(.*\)))?$");
        Regex::new(&form).expect("the pattern is a constant")
    });
    let Some(form) = FORM.captures(code) else { return Vec::new() };
    let path = form.get(1).map_or("", |path| path.as_str());
    let is_call = form.get(2).is_some();
    let parts: Vec<&str> = words(path).collect();
    let (first, last) = (parts[0], parts[parts.len() - 1]);
    let is_type = path.contains("::") || first.starts_with(char::is_uppercase);
    let of_library = is_type && words(LIBRARY).any(|word| word == first);
    if parts.len() > 1 && (of_library || ROOTS.contains(&first)) {
        return Vec::new();
    }
    let is_file = path.contains('.') && !is_call;
    let is_member = is_file && first.starts_with(char::is_uppercase) && is_known(first);
    let judged = match path.contains("::") {
        _ if is_member => vec![last],
        _ if is_file => Vec::new(),
        _ if path.contains("::") => parts,
        _ if is_call || is_mixed(last) => vec![last],
        _ => Vec::new(),
    };
    judged.into_iter().filter(|name| !HERE.contains(name) && !name.starts_with("__")).collect()
}

/// Whether a word is a name of code by its form: `to_roman`, `toRoman`, `RomanError`.
fn is_mixed(word: &str) -> bool {
    let has_small = word.contains(|c: char| c.is_lowercase());
    let later = word.chars().skip(1).zip(word.chars());
    let humps = later.filter(|(c, before)| c.is_uppercase() && before.is_lowercase()).count();
    has_small && (word.trim_matches('_').contains('_') || humps > 0)
}

/// Findings of the rule `order`: a tutorial names what its blocks use, before them.
pub fn order(subject: &TextSubject<'_>) -> Vec<Finding> {
    if subject.form != TextForm::Tutorial {
        return Vec::new();
    }
    let items = subject.facts.items.iter().map(|line| OutlineItem::read(line));
    // A member is introduced with its owner.
    let names: BTreeSet<&str> =
        items.filter(|item| item.owner.is_none()).map(|item| item.name()).collect();
    let mut named: BTreeSet<&str> = BTreeSet::new();
    let mut all = Vec::new();
    for page in &subject.pages {
        let mut prose = prose_words(page).into_iter().peekable();
        for fence in &page.fences {
            while let Some((_, word)) = prose.next_if(|(line, _)| *line < fence.line) {
                named.insert(word);
            }
            for (line, text) in blocks::of_block(subject, fence) {
                for name in words(&text).filter_map(|word| names.get(word)) {
                    if named.insert(name) {
                        let message = format!("the block uses `{name}` before the text names it");
                        let one = Finding { line: Some(line), ..found(page, "order", 0, message) };
                        let remedy = format!("Say before the block what `{name}` is for");
                        all.push(fix(one, remedy));
                    }
                }
            }
        }
        named.extend(prose.map(|(_, word)| word));
    }
    all
}

/// The words of a page's prose and code spans with their lines, by line.
fn prose_words<'p>(page: &'p ProsePage<'_>) -> Vec<(u32, &'p str)> {
    let mut all = Vec::new();
    for (line, text) in (1..).zip(page.prose.lines()) {
        all.extend(words(text).map(|word| (line, word)));
    }
    for span in &page.spans {
        let line = page.line(span.at);
        all.extend(words(&span.code).map(|word| (line, word)));
    }
    all.sort_by_key(|(line, _)| *line);
    all
}
