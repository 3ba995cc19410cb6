//! The types and functions of a contract.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Digest, Encoder, SpecId};

/// The types and functions of a contract. Names are those of the WIT text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Types; one refers only to types before it.
    pub types: Vec<NamedType>,
    /// Functions, in the order of the text.
    pub functions: Vec<WitFunction>,
}

/// A type with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedType {
    /// Its name.
    pub name: String,
    /// Its documentation.
    pub docs: String,
    /// Its form.
    pub shape: WitShape,
    /// The spec whose contract it is from; `None` for its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<SpecId>,
}

/// The form of a named type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WitShape {
    /// Named fields.
    Record(Vec<Field>),
    /// One of several cases, with or without a payload.
    Variant(Vec<WitCase>),
    /// One of several names.
    Enum(Vec<WitCase>),
    /// A set of names.
    Flags(Vec<WitCase>),
    /// Another name of a type.
    Alias(WitType),
    /// A thing with state, used through its functions.
    Resource,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its documentation.
    pub docs: String,
    /// Its type.
    pub ty: WitType,
}

/// A case of a variant, an enum or flags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitCase {
    /// Its name.
    pub name: String,
    /// Its documentation.
    pub docs: String,
    /// Its payload, in a variant.
    pub payload: Option<WitType>,
}

impl NamedType {
    /// Its documentation, and that of its fields or cases.
    fn all_docs(&self) -> Vec<&str> {
        let parts: Vec<&str> = match &self.shape {
            WitShape::Record(fields) => fields.iter().map(|one| one.docs.as_str()).collect(),
            WitShape::Variant(cases) | WitShape::Enum(cases) | WitShape::Flags(cases) => {
                cases.iter().map(|one| one.docs.as_str()).collect()
            }
            WitShape::Alias(_) | WitShape::Resource => Vec::new(),
        };
        [self.docs.as_str()].into_iter().chain(parts).collect()
    }
}

/// A type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WitType {
    /// `bool`.
    Bool,
    /// `s8` to `s64` and `u8` to `u64`.
    Int {
        /// Whether it has negative values.
        signed: bool,
        /// Its bits.
        bits: u8,
    },
    /// `f32` or `f64`.
    Float {
        /// Its bits.
        bits: u8,
    },
    /// `char`.
    Char,
    /// `string`.
    Text,
    /// `list<T>`.
    List(Box<WitType>),
    /// `option<T>`.
    Option(Box<WitType>),
    /// `result<T, E>`.
    Result(Option<Box<WitType>>, Option<Box<WitType>>),
    /// `tuple<…>`.
    Tuple(Vec<WitType>),
    /// A named type, by its place in the interface.
    Named(usize),
    /// A resource that is handed over.
    Own(usize),
    /// A resource that is lent for the call.
    Borrow(usize),
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitFunction {
    /// Its name; of a resource's function, without the resource's.
    pub name: String,
    /// Its documentation.
    pub docs: String,
    /// What it belongs to.
    pub role: FunctionRole,
    /// Its parameters, without the resource of a method.
    pub params: Vec<(String, WitType)>,
    /// Its result, if any.
    pub result: Option<WitType>,
}

/// What a function belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FunctionRole {
    /// The interface.
    Free,
    /// A resource, which it makes.
    Constructor(usize),
    /// A resource, on which it is called.
    Method(usize),
    /// A resource, without being called on one.
    Static(usize),
}

impl Interface {
    /// The range of an integer type.
    pub fn range(signed: bool, bits: u8) -> (i128, i128) {
        if signed { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) }
    }

    /// A type without its aliases.
    pub fn plain<'a>(&'a self, ty: &'a WitType) -> &'a WitType {
        match ty {
            WitType::Named(at) => match &self.types[*at].shape {
                WitShape::Alias(of) => self.plain(of),
                _ => ty,
            },
            _ => ty,
        }
    }

    /// The form of a named type without its aliases; `None` for other types.
    pub fn shape(&self, ty: &WitType) -> Option<&WitShape> {
        match self.plain(ty) {
            WitType::Named(at) => Some(&self.types[*at].shape),
            _ => None,
        }
    }

    /// Whether some part of a type is a resource.
    pub fn has_resource(&self, ty: &WitType) -> bool {
        let inside =
            |ty: &Option<Box<WitType>>| ty.as_ref().is_some_and(|ty| self.has_resource(ty));
        match ty {
            WitType::Own(_) | WitType::Borrow(_) => true,
            WitType::List(of) | WitType::Option(of) => self.has_resource(of),
            WitType::Result(ok, err) => inside(ok) || inside(err),
            WitType::Tuple(parts) => parts.iter().any(|part| self.has_resource(part)),
            WitType::Named(at) => match &self.types[*at].shape {
                WitShape::Record(fields) => fields.iter().any(|field| self.has_resource(&field.ty)),
                WitShape::Variant(cases) => {
                    cases.iter().filter_map(|c| c.payload.as_ref()).any(|ty| self.has_resource(ty))
                }
                WitShape::Alias(of) => self.has_resource(of),
                WitShape::Resource => true,
                WitShape::Enum(_) | WitShape::Flags(_) => false,
            },
            _ => false,
        }
    }

    /// A function's name in examples: `name`, `resource` for a constructor, `resource.name` for a
    /// static function, `name` for a method.
    pub fn call_name(&self, function: &WitFunction) -> String {
        match function.role {
            FunctionRole::Free | FunctionRole::Method(_) => function.name.clone(),
            FunctionRole::Constructor(of) => self.types[of].name.clone(),
            FunctionRole::Static(of) => format!("{}.{}", self.types[of].name, function.name),
        }
    }

    /// A type as WIT text.
    pub fn text(&self, ty: &WitType) -> String {
        let maybe = |ty: &Option<Box<WitType>>| match ty {
            Some(ty) => self.text(ty),
            None => "_".to_owned(),
        };
        match ty {
            WitType::Bool => "bool".to_owned(),
            WitType::Int { signed, bits } => format!("{}{bits}", if *signed { 's' } else { 'u' }),
            WitType::Float { bits } => format!("f{bits}"),
            WitType::Char => "char".to_owned(),
            WitType::Text => "string".to_owned(),
            WitType::List(of) => format!("list<{}>", self.text(of)),
            WitType::Option(of) => format!("option<{}>", self.text(of)),
            WitType::Result(None, None) => "result".to_owned(),
            WitType::Result(ok, None) => format!("result<{}>", maybe(ok)),
            WitType::Result(ok, err) => format!("result<{}, {}>", maybe(ok), maybe(err)),
            WitType::Tuple(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.text(part)).collect();
                format!("tuple<{}>", parts.join(", "))
            }
            WitType::Named(at) | WitType::Own(at) => self.types[*at].name.clone(),
            WitType::Borrow(at) => format!("borrow<{}>", self.types[*at].name),
        }
    }

    /// Its types and functions, one line each.
    pub fn lines(&self) -> Vec<String> {
        let named = |word: &str, name: &str, parts: Vec<String>| {
            format!("{word} {name} {{ {} }}", parts.join(", "))
        };
        let case = |case: &WitCase| match &case.payload {
            Some(ty) => format!("{}({})", case.name, self.text(ty)),
            None => case.name.clone(),
        };
        let line = |one: &NamedType| match &one.shape {
            WitShape::Record(fields) => {
                let fields = fields.iter().map(|f| format!("{}: {}", f.name, self.text(&f.ty)));
                named("record", &one.name, fields.collect())
            }
            WitShape::Variant(cases) => {
                named("variant", &one.name, cases.iter().map(case).collect())
            }
            WitShape::Enum(cases) => named("enum", &one.name, cases.iter().map(case).collect()),
            WitShape::Flags(cases) => named("flags", &one.name, cases.iter().map(case).collect()),
            WitShape::Alias(of) => format!("type {} = {}", one.name, self.text(of)),
            WitShape::Resource => format!("resource {}", one.name),
        };
        let types = self.types.iter().map(line);
        types.chain(self.functions.iter().map(|one| self.signature(one))).collect()
    }

    /// Its own types and functions by name, each with the digest of its text and documentation and
    /// of those of all types in it.
    pub fn items(&self) -> BTreeMap<String, Digest> {
        let lines = self.lines();
        let digest = |docs: &str, text: &str, types: &BTreeSet<usize>| {
            let mut out = Encoder::new("contract item");
            out.text(docs).text(text);
            out.list(types, |out, at| out.text(&lines[*at]).texts(&self.types[*at].all_docs()));
            out.finish()
        };
        let mut items = BTreeMap::new();
        for (at, one) in self.types.iter().enumerate().filter(|(_, one)| one.from.is_none()) {
            let mut types = BTreeSet::new();
            self.within(at, &mut types);
            let made = |f: &&WitFunction| f.role == FunctionRole::Constructor(at);
            let made = self.functions.iter().find(made).map(|one| self.signature(one));
            items.insert(one.name.clone(), digest("", &made.unwrap_or_default(), &types));
        }
        for function in &self.functions {
            let name = match function.role {
                FunctionRole::Free => function.name.clone(),
                FunctionRole::Constructor(_) => continue,
                FunctionRole::Method(at) | FunctionRole::Static(at) => {
                    format!("{}.{}", self.types[at].name, function.name)
                }
            };
            let mut types = BTreeSet::new();
            let all = function.params.iter().map(|(_, ty)| ty).chain(&function.result);
            all.for_each(|ty| self.parts(ty, &mut types));
            items.insert(name, digest(&function.docs, &self.signature(function), &types));
        }
        items
    }

    /// A named type and those within it.
    fn within(&self, at: usize, out: &mut BTreeSet<usize>) {
        if !out.insert(at) {
            return;
        }
        match &self.types[at].shape {
            WitShape::Record(fields) => fields.iter().for_each(|one| self.parts(&one.ty, out)),
            WitShape::Variant(cases) => {
                cases
                    .iter()
                    .filter_map(|one| one.payload.as_ref())
                    .for_each(|ty| self.parts(ty, out));
            }
            WitShape::Alias(of) => self.parts(of, out),
            WitShape::Enum(_) | WitShape::Flags(_) | WitShape::Resource => {}
        }
    }

    /// The named types within a type.
    fn parts(&self, ty: &WitType, out: &mut BTreeSet<usize>) {
        match ty {
            WitType::Named(at) | WitType::Own(at) | WitType::Borrow(at) => self.within(*at, out),
            WitType::List(of) | WitType::Option(of) => self.parts(of, out),
            WitType::Result(ok, err) => {
                [ok, err].into_iter().flatten().for_each(|ty| self.parts(ty, out));
            }
            WitType::Tuple(all) => all.iter().for_each(|ty| self.parts(ty, out)),
            _ => {}
        }
    }

    /// A function as WIT text.
    pub fn signature(&self, function: &WitFunction) -> String {
        let params = function.params.iter();
        let params: Vec<_> =
            params.map(|(name, ty)| format!("{name}: {}", self.text(ty))).collect();
        let params = params.join(", ");
        let of = |at: usize| &self.types[at].name;
        let result = function.result.as_ref();
        let result = result.map(|ty| format!(" -> {}", self.text(ty))).unwrap_or_default();
        match function.role {
            FunctionRole::Free => format!("{}: func({params}){result}", function.name),
            FunctionRole::Constructor(at) => format!("{}: constructor({params})", of(at)),
            FunctionRole::Method(at) => {
                format!("{}.{}: func({params}){result}", of(at), function.name)
            }
            FunctionRole::Static(at) => {
                format!("{}.{}: static func({params}){result}", of(at), function.name)
            }
        }
    }
}
