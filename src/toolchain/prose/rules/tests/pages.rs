//! Good pages about one spec, with the items of its code.

pub const SPEC: &str = "# Roman numerals

A library for Roman numerals, and a program `roman`. Rules: <https://example.com/roman>.

- `to_roman` MUST give the numeral of 1 to 3999. `test_id: roman_basic`

  ```rust
  assert_eq!(roman::to_roman(4), Ok(\"IV\".to_owned()));
  ```
- Other numbers MUST be the error `RomanError`. `test_id: roman_range`
- The cache MUST drop the oldest of 1,000 numerals. `test_id: cache_drops`
- A call SHOULD take less than half a millisecond. `bench: convert < 0.50ms`
- Small letters MUST be read as capitals. `test_id: roman_small`
";

pub const RUST: &str = r#"# Roman numerals

Converts numbers to Roman numerals and keeps up to 1000 of them. See [errors](#pub-enum-romanerror).

## `pub fn to_roman(n: u32) -> Result<String, RomanError>`

Gives the numeral of `n`, which is at least 1 and at most 3,999. <!-- clause: roman_basic -->

```rust
assert_eq!(roman::to_roman(4).unwrap(), "IV");
```

## `pub enum RomanError`

Every other number is an error, in UTF-8 text of type `Vec<u8>`. See `to_roman(u32) -> Result`.
<!-- clause: s/roman_range -->

## `pub struct Cache`

Keeps numerals. Make one with `Cache::new()`. It has `get(&mut self, n: u32) -> &str`.

### `pub fn new() -> Self`

An empty cache, as `Default::default()` gives. It calls `to_string()` on nothing. Edition 2024.

### `pub fn get(&mut self, n: u32) -> &str`

- Gives the numeral of `n`, always the same one.
- Drops the oldest numeral when it has 1_000.

<!-- clause: cache_drops -->

Errors of `to_roman(n)` are [here](#pub-fn-to_romann-u32---resultstring-romanerror).
"#;

pub const RUST_ITEMS: [&str; 5] = [
    "pub fn to_roman(n: u32) -> Result<String, RomanError>",
    "pub enum RomanError",
    "pub struct Cache",
    "impl Cache: pub fn new() -> Self",
    "impl Cache: pub fn get(&mut self, n: u32) -> &str",
];

pub const PYTHON: &str = r#"<!-- clause: roman_basic -->
The module `roman` has one function and one class.

# `def to_roman(n: int) -> str:`

Raises `RomanError`, a `ValueError`, outside of 1 to 3999. <!-- clause: roman_range -->

```python
>>> to_roman(4)
'IV'
```

# `class Cache`
<!-- clause: cache_drops -->

Drops the oldest numeral. It is safe to drop it twice.

| method | result |
|---|---|
| `cache.get(4)` | `IV` |

## `def get(self, n: int) -> str`

Calls `to_roman` in `O(n)`.

# `LIMIT: int = 10`

The size.
"#;

pub const PYTHON_ITEMS: [&str; 4] = [
    "def to_roman(n: int) -> str",
    "class Cache:",
    "class Cache: def get(self, n: int) -> str",
    "LIMIT: int = 10",
];

pub const TYPESCRIPT: &str = r#"# API

1. Import [`toRoman`](#toroman).
2. Make a `new Cache(10)`.

<a id="toroman"></a>

## `export function toRoman(n: number): string`

Throws a `RomanError` for numbers outside of the range, never `undefined`.
<!-- clause: roman_basic, roman_range -->

```ts
pub const cache = new Cache(10);
console.log(cache.get(4), toRoman(4)); // IV IV
```

## `export class Cache`

> Holds the last numerals. `Cache.get` is best effort, and `main.ts` shows it.
>
> <!-- claim: cache_drops -->

### `constructor(size: number)`

Holds up to 10 of them, the most recent ones.

### `get(n: number): string`

The numeral.

```text
IV
```
"#;

pub const TYPESCRIPT_ITEMS: [&str; 4] = [
    "export function toRoman(n: number): string",
    "export class Cache",
    "class Cache: constructor(size: number)",
    "class Cache: get(n: number): string",
];

pub const CONSOLE: &str = "# First steps

You need the program `roman` and a shell such as `bash`. It takes 2 steps:

1. Convert a number.
2. Look at errors; all else has exit code 0.

## Step 1: convert a number

Run `roman 4`, or pass `--help`. <!-- clause: roman_basic -->

```console
$ roman 4
IV
$ roman 5000; echo $?
5000 is too large
2
```

## 2. Errors

As step 1 showed, 5000 is refused with status 2.[^1] <!-- clause: roman_range -->

The file `roman.toml` sets the size, and `ROMAN_SIZE` too. <!-- clause: cache_drops -->

[^1]: See [the first step](#step-1-convert-a-number) and [the rules](https://example.com/roman#2).
";

pub const TUTORIAL: &str = r#"# Numerals in a program

The function `to_roman` makes a numeral. <!-- clause: roman_basic -->

```rust
use roman::to_roman;
assert_eq!(to_roman(9).unwrap(), "IX");
```

It refuses 0 with a `RomanError`:

```rust
assert!(to_roman(0).is_err());
```
<!-- clause: roman_range -->

Then keep numerals in a `Cache`.

```rust
let mut cache = roman::Cache::new();
assert_eq!(cache.get(9), "IX");
```

- It drops the oldest numeral
  <!-- clause: cache_drops -->
- and stays small.
"#;

pub const COPY: &str = "# Roman 1 to 3999 <!-- claim: s/roman_basic -->

The library is always right for numbers up to 3999. <!-- claim: s/roman_basic -->

- Errors are safe to match. <!-- claim: roman_range -->
- It keeps 1,000 numerals.
  <!-- claim: cache_drops -->

| what | how much |
|---|---|
| a call | 0.5 ms <!-- claim: convert --> |
| example | [4 is IV](#roman-1-to-3999) <!-- claim: roman_basic --> |

## Start

Add it to your project and read <https://example.com/roman/v2>.
";
