//! A spec gets another id, and its code with it.

use crate::server::{Server, files, lib};
use crate::world::{ADDER, GOOD, World, all, stable};

/// Its documentation names the package.
const CODE: &str = "//! Adds: `adder::add(1, 2)`.\n/// Adds.\n///\n/// ```\n/// assert_eq!(adder::add(1, 2), 3);\n\
    /// ```\npub fn add(a: i32, b: i32) -> i32 {\n    a.saturating_add(b)\n}\n";

#[test]
fn a_renamed_spec_takes_its_code_along() {
    let server = Server::start(vec![lib(CODE)]);
    let world = World::new(&server.url, &[("adder", ADDER), ("other", PLAIN_OTHER)], "");
    world.run(&["run", "-q", "adder"]).expect(0);
    let mut told = world.run(&["rename", "sum", "total"]).expect(2).titled("not promoted");
    told += &world.run(&["rename", "adder", "total"]).expect(2).titled("the spec has its old id");
    std::fs::rename(world.path("specs/adder.md"), world.path("specs/total.md")).expect("moves");
    told += &world.run(&["rename", "adder", "totals"]).expect(2).titled("no such spec");
    world.write("specs/total.md", &ADDER.replace("adder::", "total::"));
    let code = world.read("generated/adder/rust/src/lib.rs");
    world.write("generated/adder/rust/src/lib.rs", &(code.clone() + "// mine\n"));
    told += &world.run(&["rename", "adder", "total"]).expect(22).titled("edited by hand");
    world.write("generated/adder/rust/src/lib.rs", &code);
    told += &world.run(&["rename", "adder", "total"]).expect(0).titled("renamed");
    assert_eq!(server.requests().len(), 1, "no model was asked");
    told += &world.read("generated/total/rust/src/lib.rs");
    told += &world.read("generated/total/rust/Cargo.toml");
    assert!(!world.path("generated/adder").exists());
    assert!(!world.read("regen.lock").contains("spec.adder"));
    told += &world.run(&["plan", "total"]).expect(0).titled("nothing is left to do");
    world.run(&["check", "total", "--rerun"]).expect(0);
    insta::assert_snapshot!(stable(&told));
}

const PLAIN_OTHER: &str = "# Other\n\nA crate.\n\n- `one() -> u8` MUST be 1. `test_id: one`\n\n  ```rust\n  \
    assert_eq!(other::one(), 1);\n  ```\n";

#[test]
fn code_that_does_not_fit_its_new_name_stays_under_the_old_one() {
    let server = Server::start(vec![lib(GOOD)]);
    let world = World::new(&server.url, &[("adder", ADDER)], "");
    world.run(&["run", "-q"]).expect(0);
    let before = world.snapshot("generated");
    std::fs::remove_file(world.path("specs/adder.md")).expect("is there");
    // Another demand, too.
    let other = ADDER.replace("adder::", "total::").replace("5, \"two", "6, \"two");
    world.write("specs/total.md", &other);
    let told = world.run(&["rename", "adder", "total"]).expect(20).titled("another demand");
    assert_eq!(world.snapshot("generated"), before);
    assert_eq!(server.requests().len(), 1, "no model was asked");
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn a_python_package_is_renamed_with_its_folder() {
    if !all() {
        return;
    }
    let code = "\"\"\"Adds.\"\"\"\n\nfrom adder.parts import clamp\n\n\ndef add(a: int, b: int) -> int:\n    \
        \"\"\"Add.\"\"\"\n    return clamp(a + b)\n";
    let parts = "\"\"\"Parts.\"\"\"\n\n\ndef clamp(n: int) -> int:\n    \"\"\"Limit.\"\"\"\n    \
        return min(max(n, -(2**31)), 2**31 - 1)\n";
    let answer = files(&[("src/adder/__init__.py", code), ("src/adder/parts.py", parts)]);
    let server = Server::start(vec![crate::server::Act::Say(answer)]);
    let spec = "# Adder\n\n```wit\n/// Adds.\nadd: func(a: s32, b: s32) -> s32;\n```\n\n- `add` MUST give the sum, \
        and saturate. `test_id: adds`\n\n  ```wave\n  add(2, 3) = 5\n  add(2147483647, 1) = 2147483647\n  ```\n";
    let world = World::new(&server.url, &[("adder", spec)], "");
    let config = world.read("harness.toml").replace("\"rust\"", "\"python\"");
    world.write("harness.toml", &config.replace("[target.rust]", "[target.python]"));
    world.run(&["run", "-q"]).expect(0);
    std::fs::rename(world.path("specs/adder.md"), world.path("specs/plus.md")).expect("moves");
    world.run(&["rename", "adder", "plus"]).expect(0);
    assert!(world.read("generated/plus/python/src/plus/__init__.py").contains("from plus.parts"));
    assert_eq!(server.requests().len(), 1, "no model was asked");
    world.run(&["check", "--rerun"]).expect(0);
}
