//! Templates over a contract: its types and functions as data.

use std::collections::BTreeMap;
use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, filters};
use serde_json::{Map, json};

use super::file::ToolchainFile;
use crate::toolchain::Places;
use crate::types::Interface;
use crate::types::interface::{
    Field, FunctionRole, NamedType, WitCase, WitFunction, WitShape, WitType,
};

/// Steps of one template.
const FUEL: u64 = 2_000_000;
/// Bytes of a text that a template makes.
const RENDERED: usize = 4 * 1024 * 1024;
/// Bytes of one tag, and tags of one template: a parser needs stack for each operator.
const TAG: usize = 1000;
const TAGS: usize = 2000;

/// The templates' engine. Names become those of the language by filters: `snake`, `camel`,
/// `pascal`, `upper`; a keyword gets a `_`.
pub fn engine(keywords: &[String]) -> Environment<'static> {
    // Without filters and functions that make long texts in one step.
    let mut env = Environment::empty();
    env.add_filter("default", filters::default);
    env.add_filter("first", filters::first);
    env.add_filter("last", filters::last);
    env.add_filter("length", filters::length);
    env.add_filter("lines", filters::lines);
    env.add_filter("list", filters::list);
    env.add_filter("map", filters::map);
    env.add_filter("string", filters::string);
    env.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    let mut syntax = SyntaxConfig::builder();
    let syntax = syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    env.set_syntax(syntax.expect("the delimiters are the default ones"));
    env.set_fuel(Some(FUEL));
    env.add_function("range", |from: u32, to: Option<u32>| {
        let (from, to) = to.map_or((0, from), |to| (from, to));
        (from..to.min(from.saturating_add(1000))).collect::<Vec<u32>>()
    });
    let safe = |form: fn(&str) -> String| {
        let keywords = keywords.to_vec();
        move |name: String| {
            let name = form(&name);
            if keywords.contains(&name) { format!("{name}_") } else { name }
        }
    };
    env.add_filter("snake", safe(snake));
    env.add_filter("camel", safe(camel));
    env.add_filter("pascal", safe(pascal));
    env.add_filter("upper", safe(|name| snake(name).to_uppercase()));
    env
}

fn snake(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

pub fn pascal(name: &str) -> String {
    let words = name.split(['-', '_']).map(|word| {
        let mut chars = word.chars();
        let first = chars.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(chars.as_str().to_lowercase().chars()).collect::<String>()
    });
    words.collect()
}

fn camel(name: &str) -> String {
    let name = pascal(name);
    let mut chars = name.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

/// The context of a spec: its package, and its contract if it has one.
pub fn context(
    env: &Environment<'_>,
    file: &ToolchainFile,
    id: &str,
    interface: Option<&Interface>,
) -> Map<String, serde_json::Value> {
    let mut all = Map::new();
    all.insert("id".to_owned(), json!(id.replace('/', "-")));
    all.insert("package".to_owned(), json!(id.replace(['-', '/'], "_")));
    if let Some(interface) = interface {
        Contexts { env, file, interface }.add(&mut all);
    }
    all
}

/// The places of a command.
pub fn with_places(mut all: Map<String, serde_json::Value>, places: &Places) -> Value {
    let named = [
        ("source", &places.source),
        ("build", &places.build),
        ("home", &places.home),
        ("tools", &places.tools),
    ];
    let named = named.map(|(name, path)| (name.to_owned(), json!(path.display().to_string())));
    all.extend(named);
    Value::from(Serde(&all))
}

/// The same without a command.
pub fn plain(all: &Map<String, serde_json::Value>) -> Value {
    Value::from(Serde(all))
}

/// Renders one text.
///
/// # Errors
/// The template is wrong for this data; the message has its line.
pub fn render(env: &Environment<'_>, text: &str, context: &Value) -> Result<String, String> {
    let template = env.template_from_str(text).map_err(|error| shown(&error))?;
    let mut out = Bounded(Vec::new());
    match template.render_captured_to(context, &mut out) {
        Ok(_) => String::from_utf8(out.0).map_err(|why| why.to_string()),
        Err(_) if out.0.len() >= RENDERED => Err(format!("it makes more than {RENDERED} bytes")),
        Err(error) => Err(shown(&error)),
    }
}

/// A text that does not grow without end.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        if self.0.len() > RENDERED {
            return Err(io::Error::other("too long"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a template's tags are few and short enough to be parsed and run.
///
/// # Errors
/// They are not.
pub fn bounded(text: &str) -> Result<(), String> {
    let mut tags = 0;
    let mut rest = text;
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        rest = &rest[at + 2..];
        let end = rest.find("}}").into_iter().chain(rest.find("%}")).min().unwrap_or(rest.len());
        let tag = &rest[..end];
        tags += 1;
        if tag.len() > TAG {
            return Err(format!("a tag is longer than {TAG} bytes"));
        }
        if tag.contains('*') {
            return Err("`*` is not supported in a tag".to_owned());
        }
        rest = &rest[end..];
    }
    if tags > TAGS { Err(format!("it has more than {TAGS} tags")) } else { Ok(()) }
}

/// An error of a template, in words.
pub fn shown(error: &minijinja::Error) -> String {
    let kind = error.kind();
    let detail = error.detail().map_or_else(|| kind.to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("line {line} of the template: {detail}"),
        None => detail,
    }
}

/// A kind of a type that the toolchain has no template for.
pub fn unsupported(file: &ToolchainFile, interface: &Interface, ty: &WitType) -> Option<String> {
    let mut all = BTreeMap::new();
    collect(interface, ty, &mut all, &mut Vec::new());
    let lacks = |ty: &&&WitType| !file.types.contains_key(&kind(interface, ty));
    all.values().find(lacks).map(|ty| interface.text(ty))
}

/// The kind of a type, without aliases.
fn kind(interface: &Interface, ty: &WitType) -> String {
    let shape = |at: usize| match interface.types[at].shape {
        WitShape::Record(_) => "record",
        WitShape::Variant(_) => "variant",
        WitShape::Enum(_) => "enum",
        WitShape::Flags(_) => "flags",
        WitShape::Alias(_) => "alias",
        WitShape::Resource => "resource",
    };
    match interface.plain(ty) {
        WitType::List(_) => "list".to_owned(),
        WitType::Option(_) => "option".to_owned(),
        WitType::Result(..) => "result".to_owned(),
        WitType::Tuple(_) => "tuple".to_owned(),
        WitType::Named(at) => shape(*at).to_owned(),
        WitType::Own(_) | WitType::Borrow(_) => "resource".to_owned(),
        plain => interface.text(plain),
    }
}

/// The name of a type's reader and writer.
fn ident(interface: &Interface, ty: &WitType) -> String {
    let maybe = |ty: &Option<Box<WitType>>| match ty {
        Some(ty) => ident(interface, ty),
        None => "unit".to_owned(),
    };
    match interface.plain(ty) {
        WitType::List(of) => format!("list_{}", ident(interface, of)),
        WitType::Option(of) => format!("option_{}", ident(interface, of)),
        WitType::Result(ok, err) => format!("result_{}_{}", maybe(ok), maybe(err)),
        WitType::Tuple(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| ident(interface, part)).collect();
            format!("tuple{}_{}", parts.len(), parts.join("_"))
        }
        WitType::Named(at) | WitType::Own(at) | WitType::Borrow(at) => {
            format!("t{at}_{}", snake(&interface.types[*at].name))
        }
        plain => interface.text(plain),
    }
}

/// The types inside of a type.
fn parts<'a>(interface: &'a Interface, ty: &'a WitType) -> Vec<&'a WitType> {
    match interface.plain(ty) {
        WitType::List(of) | WitType::Option(of) => vec![of],
        WitType::Result(ok, err) => ok.as_deref().into_iter().chain(err.as_deref()).collect(),
        WitType::Tuple(parts) => parts.iter().collect(),
        WitType::Named(at) => match &interface.types[*at].shape {
            WitShape::Record(fields) => fields.iter().map(|field| &field.ty).collect(),
            WitShape::Variant(cases) => cases.iter().filter_map(|c| c.payload.as_ref()).collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// All types of a type, those inside of it first.
fn collect<'a>(
    interface: &'a Interface,
    ty: &'a WitType,
    seen: &mut BTreeMap<String, &'a WitType>,
    order: &mut Vec<&'a WitType>,
) {
    for part in parts(interface, ty) {
        collect(interface, part, seen, order);
    }
    let plain = interface.plain(ty);
    if seen.insert(ident(interface, ty), plain).is_none() {
        order.push(plain);
    }
}

struct Contexts<'a> {
    env: &'a Environment<'a>,
    file: &'a ToolchainFile,
    interface: &'a Interface,
}

impl Contexts<'_> {
    fn add(&self, all: &mut Map<String, serde_json::Value>) {
        let interface = self.interface;
        let (mut seen, mut order) = (BTreeMap::new(), Vec::new());
        let named: Vec<_> = (0..interface.types.len()).map(WitType::Named).collect();
        let function = |one: &WitFunction| one.result.iter().cloned().collect::<Vec<_>>();
        let results: Vec<_> = interface.functions.iter().flat_map(function).collect();
        let params = interface.functions.iter().flat_map(|one| &one.params).map(|(_, ty)| ty);
        for ty in named.iter().chain(params).chain(&results) {
            collect(interface, ty, &mut seen, &mut order);
        }
        let types: Vec<_> = order.into_iter().map(|ty| self.whole(ty)).collect();
        let functions = interface.functions.iter().enumerate();
        let functions: Vec<_> = functions.map(|(at, one)| self.function(at, one)).collect();
        all.insert("types".to_owned(), types.into());
        all.insert("functions".to_owned(), functions.into());
    }

    /// A type without what is inside of its definition.
    fn ty(&self, ty: &WitType) -> serde_json::Value {
        let interface = self.interface;
        let mut out = Map::new();
        let kind = kind(interface, ty);
        out.insert("id".to_owned(), json!(ident(interface, ty)));
        out.insert("bits".to_owned(), json!(0));
        let maybe = |ty: &Option<Box<WitType>>| ty.as_ref().map(|ty| self.ty(ty));
        match interface.plain(ty) {
            WitType::List(of) | WitType::Option(of) => {
                out.insert("of".to_owned(), self.ty(of));
            }
            WitType::Result(ok, err) => {
                out.insert("ok".to_owned(), json!(maybe(ok)));
                out.insert("err".to_owned(), json!(maybe(err)));
            }
            WitType::Tuple(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.ty(part)).collect();
                out.insert("parts".to_owned(), parts.into());
            }
            WitType::Int { signed, bits } => {
                let (least, most) = Interface::range(*signed, *bits);
                out.insert("least".to_owned(), json!(least.to_string()));
                out.insert("most".to_owned(), json!(most.to_string()));
                out.insert("bits".to_owned(), json!(bits));
            }
            WitType::Named(at) | WitType::Own(at) | WitType::Borrow(at) => {
                out.insert("name".to_owned(), json!(interface.types[*at].name));
                out.insert("owned".to_owned(), json!(matches!(ty, WitType::Own(_))));
            }
            _ => {}
        }
        let written = |templates: &BTreeMap<String, String>| {
            let template = templates.get(&kind)?;
            render(self.env, template, &plain(&out)).ok()
        };
        // A type that is not supported is told before a template is used.
        let text = written(&self.file.types).unwrap_or_default();
        let inner = written(&self.file.inner).unwrap_or_else(|| text.clone());
        out.insert("text".to_owned(), json!(text));
        out.insert("inner".to_owned(), json!(inner));
        out.insert("kind".to_owned(), json!(kind));
        out.into()
    }

    /// A type with its definition.
    fn whole(&self, ty: &WitType) -> serde_json::Value {
        let mut out = self.ty(ty);
        let WitType::Named(at) = ty else { return out };
        let NamedType { docs, shape, .. } = &self.interface.types[*at];
        out["docs"] = json!(docs);
        match shape {
            WitShape::Record(fields) => {
                let one = |f: &Field| {
                    let ty = self.ty(&f.ty);
                    json!({ "name": f.name, "docs": f.docs, "type": ty })
                };
                out["fields"] = fields.iter().map(one).collect();
            }
            WitShape::Variant(cases) | WitShape::Enum(cases) | WitShape::Flags(cases) => {
                let one = |c: &WitCase| {
                    let payload = c.payload.as_ref().map(|ty| self.ty(ty));
                    json!({ "name": c.name, "docs": c.docs, "payload": payload })
                };
                out["cases"] = cases.iter().map(one).collect();
            }
            WitShape::Resource => {
                let functions = self.interface.functions.iter().enumerate();
                let own = functions.filter(|(_, one)| owner(one) == Some(*at));
                out["functions"] = own.map(|(at, one)| self.function(at, one)).collect();
            }
            WitShape::Alias(_) => {}
        }
        out
    }

    fn function(&self, at: usize, one: &WitFunction) -> serde_json::Value {
        let role = match one.role {
            FunctionRole::Free => "free",
            FunctionRole::Constructor(_) => "constructor",
            FunctionRole::Method(_) => "method",
            FunctionRole::Static(_) => "static",
        };
        let result = match one.role {
            FunctionRole::Constructor(at) => Some(WitType::Own(at)),
            _ => one.result.clone(),
        };
        let param = |(name, ty): &(String, WitType)| json!({ "name": name, "type": self.ty(ty) });
        json!({
            "number": at,
            "role": role,
            "name": one.name,
            "docs": one.docs,
            "resource": owner(one).map(|at| self.ty(&WitType::Named(at))),
            "params": one.params.iter().map(param).collect::<Vec<_>>(),
            "result": result.map(|ty| self.ty(&ty)),
        })
    }

    /// The wanted form of a function.
    fn signature(&self, one: &WitFunction) -> String {
        let at = self.interface.functions.iter().position(|other| other == one).unwrap_or(0);
        let mut all = Map::new();
        all.insert("function".to_owned(), self.function(at, one));
        let text = render(self.env, &self.file.contract.signature, &plain(&all));
        text.unwrap_or_default().trim().to_owned()
    }
}

/// The wanted form of a function of a contract.
pub fn signature(
    env: &Environment<'_>,
    file: &ToolchainFile,
    interface: &Interface,
    one: &WitFunction,
) -> String {
    Contexts { env, file, interface }.signature(one)
}

/// The resource of a function.
fn owner(function: &WitFunction) -> Option<usize> {
    match function.role {
        FunctionRole::Free => None,
        FunctionRole::Constructor(of) | FunctionRole::Method(of) | FunctionRole::Static(of) => {
            Some(of)
        }
    }
}
