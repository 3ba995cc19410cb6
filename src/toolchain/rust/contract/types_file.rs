//! Writes `src/contract.rs`.

use super::names::{camel, owned, snake};
use crate::types::Interface;
use crate::types::interface::{WitCase, WitShape};

/// The file.
pub const PATH: &str = "src/contract.rs";

const HEAD: &str =
    "//! The types of the contract. Written by regen from the spec: edits are drift.\n";

/// The file's text; `None` if the contract has no types but resources.
pub fn text(interface: &Interface) -> Option<String> {
    let mut out = HEAD.to_owned();
    for one in &interface.types {
        let name = camel(&one.name);
        if let Some(other) = &one.from {
            out.push_str(&format!("\npub use {}::contract::{name};\n", other.replace('-', "_")));
            continue;
        }
        let mut item = String::new();
        match &one.shape {
            WitShape::Resource => continue,
            WitShape::Alias(of) => {
                item.push_str(&format!("pub type {name} = {};\n", owned(interface, of)))
            }
            WitShape::Record(fields) => {
                let fields = fields.iter().map(|field| {
                    let (name, ty) = (snake(&field.name), owned(interface, &field.ty));
                    format!("{}    pub {name}: {ty},\n", docs(&field.docs, "    "))
                });
                item.push_str("#[derive(Clone, Debug, PartialEq)]\n");
                item.push_str(&format!("pub struct {name} {{\n{}}}\n", fields.collect::<String>()));
            }
            WitShape::Variant(cases) => {
                let case = |case: &WitCase| {
                    let of = case.payload.as_ref().map(|ty| format!("({})", owned(interface, ty)));
                    let (name, of) = (camel(&case.name), of.unwrap_or_default());
                    format!("{}    {name}{of},\n", docs(&case.docs, "    "))
                };
                let cases: String = cases.iter().map(case).collect();
                item.push_str("#[derive(Clone, Debug, PartialEq)]\n");
                item.push_str(&format!("pub enum {name} {{\n{cases}}}\n"));
            }
            WitShape::Enum(cases) => {
                let case = |case: &WitCase| {
                    format!("{}    {},\n", docs(&case.docs, "    "), camel(&case.name))
                };
                let cases: String = cases.iter().map(case).collect();
                item.push_str("#[derive(Clone, Copy, Debug, PartialEq, Eq)]\n");
                item.push_str(&format!("pub enum {name} {{\n{cases}}}\n"));
            }
            WitShape::Flags(cases) => {
                let flag = |case: &WitCase| {
                    format!("{}    pub {}: bool,\n", docs(&case.docs, "    "), snake(&case.name))
                };
                let flags: String = cases.iter().map(flag).collect();
                item.push_str("#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]\n");
                item.push_str(&format!("pub struct {name} {{\n{flags}}}\n"));
            }
        }
        out.push_str(&format!("\n{}{item}", docs(&one.docs, "")));
    }
    (out != HEAD).then_some(out)
}

fn docs(text: &str, indent: &str) -> String {
    let lines =
        text.lines().map(|line| format!("{indent}/// {}", line.trim()).trim_end().to_owned());
    lines.map(|line| line + "\n").collect()
}
