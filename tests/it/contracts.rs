//! Contracts: a typed interface, neutral examples and properties, compared outside of the
//! candidate's process.

use crate::server::{Server, lib};
use crate::world::World;

/// The spec of `docs/formats/contract.md`.
const ROMAN: &str = "# Roman numerals

```wit
/// Why a number has no numeral.
variant problem { out-of-range(u32), empty }
/// The numeral of `n`.
to-roman: func(n: u32) -> result<string, problem>;
from-roman: func(numeral: string) -> option<u32>;
```

- `to-roman` MUST accept 1 to 3999. `test_id: to_roman_basic`

  | n    | to-roman(n)   |
  |------|---------------|
  | 1    | ok(\"I\")       |
  | 1994 | ok(\"MCMXCIV\") |

  ```wave hidden
  to-roman(3999) = ok(\"MMMCMXCIX\")
  ```

- Numbers outside the range MUST be refused. `test_id: to_roman_range`

  ```wave
  to-roman(0) = err(out-of-range(0))
  ```

- Reading a numeral MUST give back the number it was written from. `test_id: round_trip`

  ```property
  n in 1..=3999
  from_roman(to_roman(n).ok).some == n
  ```
";

/// Right.
const GOOD: &str = "//! Roman numerals.

pub mod contract;

use contract::Problem;

const DIGITS: [(u32, &str); 13] = [
    (1000, \"M\"),
    (900, \"CM\"),
    (500, \"D\"),
    (400, \"CD\"),
    (100, \"C\"),
    (90, \"XC\"),
    (50, \"L\"),
    (40, \"XL\"),
    (10, \"X\"),
    (9, \"IX\"),
    (5, \"V\"),
    (4, \"IV\"),
    (1, \"I\"),
];

/// The numeral of `n`.
pub fn to_roman(n: u32) -> Result<String, Problem> {
    if n == 0 || n > 3999 {
        return Err(Problem::OutOfRange(n));
    }
    let mut left = n;
    let mut out = String::new();
    for (value, digit) in DIGITS {
        while left >= value {
            out.push_str(digit);
            left -= value;
        }
    }
    Ok(out)
}

/// The number of a numeral.
pub fn from_roman(numeral: &str) -> Option<u32> {
    (1..=3999).find(|n| to_roman(*n).as_deref() == Ok(numeral))
}
";

fn world(server: &Server, spec: &str) -> World {
    World::new(&server.url, &[("roman", spec)], "")
}

#[test]
fn a_contract_is_promoted_with_its_types() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = world(&server, ROMAN);
    let run = world.run(&["run"]).expect(0);
    insta::assert_snapshot!(crate::world::stable(&run.out));
    let prompt = server.requests()[0].to_string();
    assert!(prompt.contains("pub fn to_roman(n: u32) -> Result<String, Problem>"), "{prompt}");
    assert!(!prompt.contains("MMMCMXCIX"), "{prompt}");
    insta::assert_snapshot!("types", world.read("generated/roman/rust/src/contract.rs"));
    world.run(&["check"]).expect(0);
}
