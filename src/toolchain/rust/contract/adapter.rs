//! Writes the adapter: a program that calls the candidate.

use std::collections::BTreeSet;

use super::names::{camel, owned, parameter, snake};
use crate::types::Interface;
use crate::types::interface::{FunctionRole, WitCase, WitFunction, WitShape, WitType};

/// Its file.
pub const ADAPTER: &str = "examples/regen_adapter.rs";
/// What adapters have: behind a line `//= TYPE`, what one needs that uses this type.
const SUPPORT: &str = include_str!("support.txt");

/// The adapter of a crate.
pub fn text(crate_name: &str, interface: &Interface) -> String {
    let mut out = String::from("#![allow(warnings, clippy::all, clippy::pedantic)]\n");
    if super::types_file::text(interface).is_some() {
        out.push_str(&format!("use ::{crate_name}::contract::*;\n"));
    }
    for one in interface.types.iter().filter(|one| one.shape == WitShape::Resource) {
        out.push_str(&format!("use ::{crate_name}::{};\n", camel(&one.name)));
    }
    out.push_str(&support(interface));
    for one in &interface.types {
        out.push_str(&wire(interface, &camel(&one.name), &one.shape));
    }
    out.push_str(
        "\nfn call(function: i64, bind: i64, on: i64, reader: &mut Reader<'_>, variables: &mut \
         Variables, out: &mut String) -> Result<(), Unbound> {\n    match function {\n",
    );
    for (at, function) in interface.functions.iter().enumerate() {
        let code = arm(crate_name, interface, function);
        out.push_str(&format!("        // function {at}\n        {at} => {{\n{code}        }}\n"));
    }
    out.push_str("        _ => unreachable!(),\n    }\n    Ok(())\n}\n");
    out
}

/// The part that this interface needs: the compiler's time is most of what an adapter costs.
fn support(interface: &Interface) -> String {
    let mut used = BTreeSet::from(["all".to_owned()]);
    let functions = interface.functions.iter();
    let signatures =
        functions.flat_map(|one| one.params.iter().map(|(_, ty)| ty).chain(&one.result));
    signatures.for_each(|ty| note(interface, ty, &mut used));
    for one in &interface.types {
        match &one.shape {
            WitShape::Alias(of) => note(interface, of, &mut used),
            WitShape::Record(fields) => {
                fields.iter().for_each(|field| note(interface, &field.ty, &mut used));
            }
            WitShape::Variant(cases) => {
                cases.iter().flat_map(|case| &case.payload).for_each(|ty| {
                    note(interface, ty, &mut used);
                });
            }
            WitShape::Flags(_) => drop(used.insert("bool".to_owned())),
            WitShape::Enum(_) | WitShape::Resource => {}
        }
    }
    let mut keeps = true;
    let lines = SUPPORT.lines().filter(|line| match line.strip_prefix("//= ") {
        Some(name) => {
            keeps = used.contains(name);
            false
        }
        None => keeps,
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Notes the types that a type is made of.
fn note(interface: &Interface, ty: &WitType, used: &mut BTreeSet<String>) {
    let (name, parts): (String, Vec<&WitType>) = match ty {
        WitType::List(of) => ("Vec".to_owned(), vec![of]),
        WitType::Option(of) => ("Option".to_owned(), vec![of]),
        WitType::Result(ok, err) => {
            ("Result".to_owned(), [ok, err].into_iter().flatten().map(|of| &**of).collect())
        }
        WitType::Tuple(parts) => (format!("tuple {}", parts.len()), parts.iter().collect()),
        // Each named type is noted by itself.
        WitType::Named(_) | WitType::Own(_) | WitType::Borrow(_) => return,
        _ => (owned(interface, ty), Vec::new()),
    };
    used.insert(name);
    parts.into_iter().for_each(|part| note(interface, part, used));
}

/// The code of one function: read its arguments, call it, write its result.
fn arm(crate_name: &str, interface: &Interface, function: &WitFunction) -> String {
    let mut out = String::new();
    let mut line = |text: String| out.push_str(&format!("            {text}\n"));
    let mut args = Vec::new();
    // Borrowed resources are taken out of their variables for the call.
    let mut lent = Vec::new();
    for (at, (_, ty)) in function.params.iter().enumerate() {
        let name = format!("a{at}");
        if at > 0 {
            line("reader.skip(b',');".to_owned());
        }
        match ty {
            WitType::Own(of) | WitType::Borrow(of) => {
                let resource = camel(&interface.types[*of].name);
                line(format!("let v{at} = reader.number();"));
                line(format!("let mut {name}: {resource} = variables.take(v{at})?;"));
                if matches!(ty, WitType::Borrow(_)) {
                    lent.push((at, name.clone()));
                    args.push(format!("&{name}"));
                } else {
                    args.push(name);
                }
            }
            _ => {
                let (_, given) = parameter(interface, ty, &name);
                line(format!("let {name} = <{} as Wire>::read(reader);", owned(interface, ty)));
                args.push(given);
            }
        }
    }
    let args = args.join(", ");
    let of = |at: usize| camel(&interface.types[at].name);
    let (called, result) = match function.role {
        FunctionRole::Free => {
            (format!("::{crate_name}::{}({args})", snake(&function.name)), function.result.clone())
        }
        FunctionRole::Constructor(at) => {
            (format!("{}::new({args})", of(at)), Some(WitType::Own(at)))
        }
        FunctionRole::Static(at) => {
            (format!("{}::{}({args})", of(at), snake(&function.name)), function.result.clone())
        }
        FunctionRole::Method(at) => {
            let call =
                format!("variables.lend::<{}>(on)?.{}({args})", of(at), snake(&function.name));
            (call, function.result.clone())
        }
    };
    let ty = result.as_ref().map_or("()".to_owned(), |ty| owned(interface, ty));
    line(format!("let result: {ty} = {called};"));
    for (at, name) in lent {
        line(format!("variables.set(v{at}, {name});"));
    }
    line(match result {
        None => "out.push('0');".to_owned(),
        Some(ty) => written(interface, &ty, "result"),
    });
    out
}

/// The statement that writes a result.
fn written(interface: &Interface, ty: &WitType, value: &str) -> String {
    if !interface.has_resource(ty) {
        return format!("Wire::write(&{value}, out);");
    }
    match interface.plain(ty) {
        WitType::Own(_) => format!("variables.set(bind, {value}); out.push('0');"),
        WitType::Option(of) => {
            let inner = written(interface, of, "inner");
            format!(
                "match {value} {{ None => out.push_str(\"[0]\"), Some(inner) => {{ out.push_str(\"[1,\"); \
                 {inner} out.push(']'); }} }}"
            )
        }
        WitType::Result(ok, err) => {
            let payload = |of: &Option<Box<WitType>>| match of {
                None => "out.pop();".to_owned(),
                Some(of) => written(interface, of, "inner"),
            };
            let (ok, err) = (payload(ok), payload(err));
            format!(
                "match {value} {{ Ok(inner) => {{ out.push_str(\"[0,\"); {ok} out.push(']'); }} \
                 Err(inner) => {{ out.push_str(\"[1,\"); {err} out.push(']'); }} }}"
            )
        }
        _ => format!("let _ = {value}; out.push('0');"),
    }
}

/// How a named type is read and written.
fn wire(interface: &Interface, name: &str, shape: &WitShape) -> String {
    let (read, write) = match shape {
        WitShape::Alias(_) | WitShape::Resource => return String::new(),
        WitShape::Record(fields) => {
            let fields: Vec<_> = fields.iter().map(|field| snake(&field.name)).collect();
            product(&fields)
        }
        WitShape::Flags(cases) => {
            let fields: Vec<_> = cases.iter().map(|case| snake(&case.name)).collect();
            product(&fields)
        }
        WitShape::Variant(cases) | WitShape::Enum(cases) => sum(interface, cases),
    };
    format!(
        "\nimpl Wire for {name} {{\n    fn read(reader: &mut Reader<'_>) -> Self {{\n        \
         reader.skip(b'[');\n{read}        reader.skip(b']');\n        value\n    }}\n    fn write(&self, \
         out: &mut String) {{\n{write}    }}\n}}\n"
    )
}

/// Reading and writing fields in order.
fn product(fields: &[String]) -> (String, String) {
    let mut read = String::new();
    let mut write = String::from("        out.push('[');\n");
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            read.push_str("        reader.skip(b',');\n");
            write.push_str("        out.push(',');\n");
        }
        read.push_str(&format!("        let f{at} = Wire::read(reader);\n"));
        write.push_str(&format!("        Wire::write(&self.{field}, out);\n"));
    }
    let given = fields.iter().enumerate().map(|(at, field)| format!("{field}: f{at}"));
    let given = given.collect::<Vec<_>>().join(", ");
    read.push_str(&format!("        let value = Self {{ {given} }};\n"));
    write.push_str("        out.push(']');\n");
    (read, write)
}

/// Reading and writing one of several cases.
fn sum(interface: &Interface, cases: &[WitCase]) -> (String, String) {
    let mut read = String::from("        let value = match reader.number() {\n");
    let mut write = String::from("        match self {\n");
    for (at, case) in cases.iter().enumerate() {
        let name = camel(&case.name);
        match &case.payload {
            None => {
                read.push_str(&format!("            {at} => Self::{name},\n"));
                write.push_str(&format!("            Self::{name} => out.push_str(\"[{at}]\"),\n"));
            }
            Some(ty) => {
                let ty = owned(interface, ty);
                read.push_str(&format!(
                    "            {at} => Self::{name}(read_payload::<{ty}>(reader)),\n"
                ));
                write.push_str(&format!(
                    "            Self::{name}(payload) => write_case({at}, payload, out),\n"
                ));
            }
        }
    }
    read.push_str("            _ => unreachable!(),\n        };\n");
    write.push_str("        }\n");
    (read, write)
}
