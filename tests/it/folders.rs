//! Specs in folders: the path of a file is the id, and the package is named by it.

use std::process::Command;

use serde_json::Value;

use crate::composition::{asked, prompt, spec_of};
use crate::links::in_generated;
use crate::server::{Act, Server, files};
use crate::world::{ADDER, World, all, stable};
use crate::{python, typescript};

const MONEY: &str = "# Money\n\n```wit\n/// An amount in cents.\nrecord amount { cents: s64 }\n\
    /// The sum.\nadd: func(a: amount, b: amount) -> amount;\n```\n\n\
    - `add` MUST add. `test_id: adds`\n\n  ```wave\n  add({cents: 1}, {cents: 2}) = {cents: 3}\n  ```\n";
const INVOICE: &str = "---\ndepends: [base/net-money]\n---\n# Invoice\n\n```wit\n\
    use base-net-money.{amount};\n/// The sum.\nsum: func(prices: list<amount>) -> amount;\n```\n\n\
    - `sum` MUST add the prices. `test_id: adds`\n\n  ```wave\n  sum([{cents: 1}, {cents: 2}]) = {cents: 3}\n  ```\n";

/// The code of both in Rust.
fn code(_: usize, body: &Value) -> String {
    let text = match spec_of(&prompt(body)) {
        "base/net-money" => {
            "//! Money.\npub mod contract;\nuse contract::Amount;\n/// The sum.\n\
             pub fn add(a: &Amount, b: &Amount) -> Amount {\n    \
             Amount { cents: a.cents.wrapping_add(b.cents) }\n}\n"
        }
        _ => {
            "//! Sums.\npub mod contract;\nuse base_net_money::add;\nuse contract::Amount;\n/// The sum.\n\
             pub fn sum(prices: &[Amount]) -> Amount {\n    \
             prices.iter().fold(Amount { cents: 0 }, |all, one| add(&all, one))\n}\n"
        }
    };
    files(&[("src/lib.rs", text)])
}

fn system(server: &Server) -> World {
    let world = World::new(&server.url, &[], "");
    world.write("specs/base/net-money.md", MONEY);
    world.write("specs/billing/spec.md", &ADDER.replace("adder::", "billing::"));
    world.write("specs/billing/invoice/spec.md", INVOICE);
    world.write("specs/README.md", "- It MUST. `test_id: x`\n");
    world.write("specs/billing/.draft.md", "- It MUST. `test_id: x`\n");
    world
}

#[test]
fn specs_in_folders_use_each_other() {
    let server = Server::start(vec![Act::Make(code)]);
    let world = system(&server);
    let mut told = world.run(&["lint"]).expect(0).titled("findings");
    told += &world.run(&["plan"]).expect(0).titled("plan");
    told += &world.run(&["run", "base/*", "billing/*"]).expect(0).titled("from nothing");
    assert_eq!(asked(&server), ["base/net-money", "billing/invoice"]);
    told += &world.read("generated/billing-invoice/rust/Cargo.toml");
    told += &world.read("generated/billing-invoice/rust/src/contract.rs");
    let mut cargo = Command::new("cargo");
    cargo.args(["check", "--quiet", "--offline"]).current_dir(world.path("generated"));
    cargo.env("CARGO_TARGET_DIR", world.cache().join("plain"));
    assert!(cargo.status().expect("runs").success());
    std::fs::remove_file(world.path("generated/Cargo.lock")).expect("cargo wrote it");
    world.run(&["check", "base/net-money", "billing/invoice", "--rerun"]).expect(0);
    told += &world.run(&["trace", "billing/invoice"]).expect(0).titled("trace");
    told += &world.run(&["status", "billing/invoice"]).expect(0).titled("status");
    told += &world.run(&["log", "base/net-money"]).expect(0).titled("log");

    // The file moves to another folder, and what uses it is told its new name.
    std::fs::create_dir_all(world.path("specs/core")).expect("makes");
    std::fs::rename(world.path("specs/base/net-money.md"), world.path("specs/core/money.md"))
        .expect("moves");
    told += &world.run(&["plan", "billing/invoice"]).expect(10).titled("a moved dependency");
    world.write(
        "specs/billing/invoice/spec.md",
        &INVOICE.replace("base/net-money", "core/money").replace("base-net-money", "core-money"),
    );
    told += &world.run(&["rename", "base/net-money", "core/money"]).expect(0).titled("renamed");
    assert!(!world.path("generated/base-net-money").exists());
    assert_eq!(asked(&server).len(), 2, "nothing was asked");
    std::fs::remove_file(world.path("specs/billing/invoice/spec.md")).expect("is there");
    told += &world.run(&["remove", "billing/invoice"]).expect(0).titled("removed");
    world.run(&["check", "core/money"]).expect(0);
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn two_specs_of_one_package_are_refused_with_both_files() {
    let world = World::new("http://127.0.0.1:9/v1", &[], "");
    let write = |file: &str, id: &str| {
        world.write(file, &ADDER.replace("adder::", &format!("{id}::")));
    };
    write("specs/net/tax.md", "net_tax");
    write("specs/net-tax.md", "net_tax");
    let mut told = world.run(&["plan"]).expect(10).titled("a folder and a hyphen");
    std::fs::remove_file(world.path("specs/net-tax.md")).expect("is there");
    write("specs/net_tax.md", "net_tax");
    told += &world.run(&["plan"]).expect(10).titled("a folder and an underscore");
    std::fs::remove_file(world.path("specs/net_tax.md")).expect("is there");
    world.write("specs/Üb/a.md", ADDER);
    world.write("specs/b.md", "---\nid: ../b\n---\n");
    world.write("specs/c.md", "---\nid: c/\ndepends: [net//tax]\n---\n");
    told += &world.run(&["plan"]).expect(10).titled("no ids");
    insta::assert_snapshot!(stable(&told));
}

#[test]
fn a_file_that_moves_into_the_folder_of_promoted_code_is_told() {
    let server = Server::start(vec![crate::server::lib(crate::world::GOOD)]);
    let world = World::new(&server.url, &[("net-tax", &ADDER.replace("adder::", "net_tax::"))], "");
    world.run(&["run", "-q"]).expect(0);
    let before = world.snapshot("generated");
    let text = world.read("specs/net-tax.md");
    world.write("specs/net/tax.md", &text);
    std::fs::remove_file(world.path("specs/net-tax.md")).expect("is there");
    let mut told = world.run(&["run"]).expect(10).titled("moved");
    told += &world.run(&["rename", "net-tax", "net/tax"]).expect(2).titled("no new package");
    assert_eq!(world.snapshot("generated"), before);
    world.write("specs/net/tax.md", &format!("---\nid: net-tax\n---\n{text}"));
    world.run(&["run", "-q"]).expect(0);
    world.run(&["check"]).expect(0);
    assert_eq!(server.requests().len(), 1, "nothing else was asked");
    insta::assert_snapshot!(stable(&told));
}

/// A program over the library, with a folder in its name.
const TILL: &str = "---\ntargets: [tool]\ndepends: [base/net-money]\n---\n# Till\n\n\
    - `shop-till A B` MUST print the sum. `test_id: prints`\n\n  ```console\n  $ shop-till 3 4\n  7\n  ```\n";

fn script(_: usize, body: &Value) -> String {
    match spec_of(&prompt(body)) {
        "base/net-money" => files(&[(
            "src/index.ts",
            "import type { Amount } from \"./contract.ts\";\n\n/** The sum. */\n\
             export function add(a: Amount, b: Amount): Amount {\n  return { cents: a.cents + b.cents };\n}\n",
        )]),
        _ => files(&[(
            "src/main.ts",
            "import { add } from \"base-net-money\";\n\nconst [a, b] = process.argv.slice(2);\n\
             const sum = add({ cents: BigInt(a ?? 0) }, { cents: BigInt(b ?? 0) });\n\
             console.log(String(sum.cents));\n",
        )]),
    }
}

#[test]
fn packages_of_npm_are_named_by_their_folders() {
    if !all() {
        return;
    }
    let server = Server::start(vec![Act::Make(script)]);
    let tool = "[target.tool]\ntoolchain = \"typescript\"\nkind = \"program\"\n";
    let world = typescript::world(&server, "base/net-money", MONEY, tool);
    world.write("specs/shop/till.md", TILL);
    world.run(&["run"]).expect(0);
    world.run(&["check", "--rerun"]).expect(0);
    in_generated(&world, "npm".as_ref(), &["install", "--offline"]);
    assert!(world.path("generated/node_modules/base-net-money").exists());
    assert!(world.path("generated/node_modules/.bin/shop-till").exists());
}

fn module(_: usize, body: &Value) -> String {
    match spec_of(&prompt(body)) {
        "base/net-money" => files(&[(
            "src/base_net_money/__init__.py",
            "\"\"\"Money.\"\"\"\n\nfrom .contract import Amount\n\n\ndef add(a: Amount, b: Amount) -> Amount:\n    \
             \"\"\"Add.\"\"\"\n    return Amount(a.cents + b.cents)\n",
        )]),
        _ => files(&[(
            "src/shop_till/__main__.py",
            "\"\"\"Till.\"\"\"\n\nimport sys\n\nfrom base_net_money import add\nfrom base_net_money.contract import Amount\n\n\n\
             def main() -> int:\n    \"\"\"Run the program.\"\"\"\n    \
             print(add(Amount(int(sys.argv[1])), Amount(int(sys.argv[2]))).cents)\n    return 0\n\n\n\
             if __name__ == \"__main__\":\n    sys.exit(main())\n",
        )]),
    }
}

#[test]
fn packages_of_python_are_named_by_their_folders() {
    if !all() {
        return;
    }
    let server = Server::start(vec![Act::Make(module)]);
    let tool = "[target.tool]\ntoolchain = \"python\"\nkind = \"program\"\n";
    let world = python::world(&server, "base/net-money", MONEY, tool);
    world.write("specs/shop/till.md", TILL);
    world.run(&["run"]).expect(0);
    world.run(&["check", "--rerun"]).expect(0);
}
