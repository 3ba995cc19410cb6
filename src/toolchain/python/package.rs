//! Name and files of a candidate's package.

use crate::types::{RelPath, Spec, SpecId};

/// The harness's manifest.
pub const MANIFEST: &str = "pyproject.toml";

/// Where promoted packages that a candidate uses are in a gate's workspace.
pub const LINKED: &str = "linked";

/// Words that are no names.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// Modules of the standard library of some version from 3.10: a package of that name is not found.
const STANDARD: &str = "abc aifc annotationlib antigravity argparse array ast asynchat asyncio \
    asyncore atexit audioop base64 bdb binascii binhex bisect builtins bz2 calendar cgi cgitb chunk \
    cmath cmd code codecs codeop collections colorsys compileall compression concurrent \
    configparser contextlib contextvars copy copyreg cprofile crypt csv ctypes curses dataclasses \
    datetime dbm decimal difflib dis distutils doctest email encodings ensurepip enum errno \
    faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath \
    getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib \
    imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale \
    logging lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt \
    multiprocessing netrc nis nntplib nt ntpath nturl2path numbers opcode operator optparse os \
    ossaudiodev pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib posix \
    posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue \
    quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors \
    shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 \
    sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct subprocess \
    sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios test textwrap \
    this threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty \
    turtle turtledemo types typing unicodedata unittest urllib uu uuid venv warnings wave weakref \
    webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo";

/// The package's name in code.
pub fn package(spec: &Spec) -> String {
    package_of(&spec.id)
}

/// The same for a spec's id.
pub fn package_of(id: &SpecId) -> String {
    id.word()
}

/// The packages of the specs that a spec depends on and can use.
pub fn linked(spec: &Spec) -> Vec<String> {
    spec.libraries().map(package_of).collect()
}

/// Whether a word can be a name.
pub fn is_name(word: &str) -> bool {
    let mut chars = word.chars();
    let starts = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    starts && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') && !is_keyword(word)
}

/// Whether a word is a keyword.
pub fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

/// Whether the standard library has a module of this name.
pub fn is_standard(word: &str) -> bool {
    STANDARD.split_whitespace().any(|one| one == word.to_lowercase())
}

/// A file of the package.
pub fn file(spec: &Spec, name: &str) -> RelPath {
    let path = format!("src/{}/{name}", package(spec));
    RelPath::parse(&path).expect("a spec's id is a plain name")
}

/// The file with the public items.
pub fn items(spec: &Spec) -> RelPath {
    file(spec, "__init__.py")
}

/// The file that a candidate must have: of a program that with `main`.
pub fn root(spec: &Spec, is_program: bool) -> RelPath {
    if is_program { file(spec, "__main__.py") } else { items(spec) }
}

/// Whether a path is that of the contract's types.
pub fn is_types(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(parts[..], ["src", _, "contract.py"])
}
