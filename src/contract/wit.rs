//! Reads the interface from a `wit` block.

use std::collections::BTreeMap;

use wit_parser::{
    Docs, Function, FunctionKind, Handle, Interface as WitBody, InterfaceId, Resolve, Span, Type,
    TypeDefKind, TypeId, TypeOwner, UnresolvedPackageGroup,
};

use super::statements::nesting;
use super::text_error::TextError;
use crate::types::interface::{
    Field, FunctionRole, Interface, NamedType, WitCase, WitFunction, WitShape, WitType,
};
use crate::types::{SpecId, limits};

/// Put before the block, so that it is a document.
const HEAD: &str = "package spec:contract;\ninterface contract {\n";

/// The contract of a spec that another one can take types from.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// The spec.
    pub spec: SpecId,
    /// Its `wit` block.
    pub text: String,
    /// Whether `depends` names the spec itself, not only one that it depends on.
    pub direct: bool,
}

/// Reads the body of one WIT interface.
///
/// # Errors
/// What is wrong, and where.
pub fn read_interface(text: &str) -> Result<Interface, TextError> {
    read_interface_with(text, &[])
}

/// The same where `use SPEC.{type}` takes types from other contracts.
///
/// # Errors
/// What is wrong, and where.
pub fn read_interface_with(text: &str, others: &[Foreign]) -> Result<Interface, TextError> {
    let whole = |message: &str| TextError::new(message, 0, 0..0);
    if text.len() > limits::CONTRACT_BYTES {
        return Err(whole("the contract is larger than 64 KiB"));
    }
    if nesting(text) > limits::VALUE_NESTING {
        return Err(whole("the contract is nested too deeply"));
    }
    let foreign = others;
    let others = others.iter().map(|one| format!("interface %{} {{\n{}\n}}\n", one.spec, one.text));
    let document = format!("{HEAD}{text}\n}}\n{}", others.collect::<String>());
    let at = |span: Span| place(text, span);
    let parsed = UnresolvedPackageGroup::parse("contract.wit", &document);
    let group = parsed.map_err(|(_, error)| {
        let (line, columns) = at(error.kind().span());
        TextError::new(first_line(&error.kind().to_string()), line, columns)
    })?;
    let mut resolve = Resolve::default();
    resolve.push_group(group).map_err(|error| {
        let (line, columns) = at(error.kind().span());
        TextError::new(first_line(&error.kind().to_string()), line, columns)
    })?;
    let found = resolve.interfaces.len() == 1 + foreign.len() && resolve.worlds.len() == 0;
    let own = resolve.interfaces.iter().find(|(_, one)| one.name.as_deref() == Some("contract"));
    let Some((own, interface)) = own.filter(|_| found) else {
        return Err(whole("write the body of one interface, without `interface` and `world`"));
    };
    let (known, made) = (BTreeMap::new(), Interface::default());
    let mut reader = WitReader { resolve: &resolve, own, foreign, known, made };
    reader.interface(interface).map_err(|(message, span)| {
        let (line, columns) = at(span);
        TextError::new(message, line, columns)
    })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The line and the columns of a span of the document, in the block.
fn place(text: &str, span: Span) -> (usize, std::ops::Range<usize>) {
    if !span.is_known() {
        return (0, 0..0);
    }
    let inside = |offset: u32| (offset as usize).saturating_sub(HEAD.len()).min(text.len());
    // The parser's span of a wrong character ends after its first byte.
    let start = text.floor_char_boundary(inside(span.start()));
    let end = text.ceil_char_boundary(inside(span.end()));
    let line_start =
        text.as_bytes()[..start].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let line = text.as_bytes()[..start].iter().filter(|b| **b == b'\n').count();
    (line, start - line_start..end.max(start) - line_start)
}

type WitError = (String, Span);

struct WitReader<'a> {
    resolve: &'a Resolve,
    /// The contract's own interface.
    own: InterfaceId,
    foreign: &'a [Foreign],
    known: BTreeMap<TypeId, usize>,
    made: Interface,
}

impl WitReader<'_> {
    fn interface(&mut self, interface: &WitBody) -> Result<Interface, WitError> {
        for id in interface.types.values() {
            self.named(*id)?;
        }
        for function in interface.functions.values() {
            let function = self.function(function)?;
            self.made.functions.push(function);
        }
        if self.made.functions.is_empty() {
            return Err(("the contract has no function".to_owned(), Span::default()));
        }
        if self.made.functions.len() > limits::CONTRACT_FUNCTIONS {
            let most = limits::CONTRACT_FUNCTIONS;
            return Err((format!("the contract has more than {most} functions"), Span::default()));
        }
        Ok(std::mem::take(&mut self.made))
    }

    /// A named type, after those that it refers to. Cycles were rejected by the parser.
    fn named(&mut self, id: TypeId) -> Result<usize, WitError> {
        if let Some(at) = self.known.get(&id) {
            return Ok(*at);
        }
        let def = &self.resolve.types[id];
        let span = def.span;
        // `use SPEC.{type}` without another name is that type itself.
        if let TypeDefKind::Type(Type::Id(of)) = def.kind
            && self.from(of).is_some()
            && self.resolve.types[of].name == def.name
        {
            let at = self.named_at(of, span)?;
            self.known.insert(id, at);
            return Ok(at);
        }
        let shape = match &def.kind {
            TypeDefKind::Record(record) => {
                let field = |one: &wit_parser::Field| {
                    let ty = self.part(&one.ty, one.span)?;
                    Ok(Field { name: one.name.clone(), docs: docs(&one.docs), ty })
                };
                WitShape::Record(record.fields.iter().map(field).collect::<Result<_, WitError>>()?)
            }
            TypeDefKind::Variant(variant) => {
                let case = |one: &wit_parser::Case| {
                    let payload = one.ty.as_ref().map(|ty| self.part(ty, one.span)).transpose()?;
                    Ok(WitCase { name: one.name.clone(), docs: docs(&one.docs), payload })
                };
                WitShape::Variant(variant.cases.iter().map(case).collect::<Result<_, WitError>>()?)
            }
            TypeDefKind::Enum(names) => {
                WitShape::Enum(names.cases.iter().map(|one| bare(&one.name, &one.docs)).collect())
            }
            TypeDefKind::Flags(flags) => {
                WitShape::Flags(flags.flags.iter().map(|one| bare(&one.name, &one.docs)).collect())
            }
            TypeDefKind::Resource => WitShape::Resource,
            _ => WitShape::Alias(self.unnamed(&def.kind, span)?),
        };
        let name = def.name.clone().unwrap_or_default();
        if self.made.types.iter().any(|one| one.name == name) {
            return Err((format!("two types are named `{name}`"), span));
        }
        let from = self.from(id);
        let is_direct = |one: &Foreign| one.direct && Some(&one.spec) == from.as_ref();
        if let Some(other) = from.as_ref().filter(|_| !self.foreign.iter().any(is_direct)) {
            let message =
                format!("`{name}` is a type of `{other}`: name `{other}` in `depends`, too");
            return Err((message, span));
        }
        if let Some(other) = from.as_ref().filter(|_| shape == WitShape::Resource) {
            let message =
                format!("`{name}` is a resource of `{other}`: only types of values can be used");
            return Err((message, span));
        }
        self.made.types.push(NamedType { name, docs: docs(&def.docs), shape, from });
        let at = self.made.types.len() - 1;
        self.known.insert(id, at);
        Ok(at)
    }

    /// A named type that is used in this place.
    fn named_at(&mut self, id: TypeId, span: Span) -> Result<usize, WitError> {
        let is_foreign = self.from(id).is_some();
        let named = self.named(id);
        named.map_err(|(message, at)| (message, if is_foreign { span } else { at }))
    }

    /// The spec whose contract a type is from; `None` for the contract's own.
    fn from(&self, id: TypeId) -> Option<SpecId> {
        let TypeOwner::Interface(of) = self.resolve.types[id].owner else { return None };
        let other = self.resolve.interfaces.get(of).filter(|_| of != self.own)?;
        SpecId::parse(other.name.as_deref()?)
    }

    /// The type of a part of another type, which is no resource.
    fn part(&mut self, ty: &Type, span: Span) -> Result<WitType, WitError> {
        let ty = self.of(ty, span)?;
        if self.made.has_resource(&ty) {
            return Err(("a resource cannot be part of another type".to_owned(), span));
        }
        Ok(ty)
    }

    fn of(&mut self, ty: &Type, span: Span) -> Result<WitType, WitError> {
        let int = |signed, bits| WitType::Int { signed, bits };
        Ok(match ty {
            Type::Bool => WitType::Bool,
            Type::U8 => int(false, 8),
            Type::U16 => int(false, 16),
            Type::U32 => int(false, 32),
            Type::U64 => int(false, 64),
            Type::S8 => int(true, 8),
            Type::S16 => int(true, 16),
            Type::S32 => int(true, 32),
            Type::S64 => int(true, 64),
            Type::F32 => WitType::Float { bits: 32 },
            Type::F64 => WitType::Float { bits: 64 },
            Type::Char => WitType::Char,
            Type::String => WitType::Text,
            Type::ErrorContext => return Err(unsupported("error-context", span)),
            Type::Id(id) => {
                let def = &self.resolve.types[*id];
                match (&def.name, &def.kind) {
                    (Some(_), _) => WitType::Named(self.named_at(*id, span)?),
                    (None, kind) => self.unnamed(kind, span)?,
                }
            }
        })
    }

    fn unnamed(&mut self, kind: &TypeDefKind, span: Span) -> Result<WitType, WitError> {
        let boxed = |ty: Option<&Type>, reader: &mut Self| {
            ty.map(|ty| reader.part(ty, span).map(Box::new)).transpose()
        };
        Ok(match kind {
            TypeDefKind::List(of) => WitType::List(Box::new(self.part(of, span)?)),
            TypeDefKind::Option(of) => WitType::Option(Box::new(self.of(of, span)?)),
            TypeDefKind::Result(of) => WitType::Result(
                of.ok.as_ref().map(|ty| self.of(ty, span).map(Box::new)).transpose()?,
                boxed(of.err.as_ref(), self)?,
            ),
            TypeDefKind::Tuple(of) => {
                let parts = of.types.iter().map(|ty| self.part(ty, span));
                WitType::Tuple(parts.collect::<Result<_, _>>()?)
            }
            TypeDefKind::Type(of) => self.of(of, span)?,
            TypeDefKind::Handle(Handle::Own(id)) => WitType::Own(self.named(*id)?),
            TypeDefKind::Handle(Handle::Borrow(id)) => WitType::Borrow(self.named(*id)?),
            other => return Err(unsupported(other.as_str(), span)),
        })
    }

    fn function(&mut self, function: &Function) -> Result<WitFunction, WitError> {
        let span = function.span;
        let (role, skip) = match &function.kind {
            FunctionKind::Freestanding => (FunctionRole::Free, 0),
            FunctionKind::Constructor(id) => (FunctionRole::Constructor(self.named(*id)?), 0),
            FunctionKind::Method(id) => (FunctionRole::Method(self.named(*id)?), 1),
            FunctionKind::Static(id) => (FunctionRole::Static(self.named(*id)?), 0),
            _ => return Err(unsupported("this kind of function", span)),
        };
        let mut params = Vec::new();
        for param in function.params.iter().skip(skip) {
            let ty = self.of(&param.ty, param.span)?;
            let is_handle = matches!(ty, WitType::Own(_) | WitType::Borrow(_));
            if self.made.has_resource(&ty) && !is_handle {
                let message = "a resource in a parameter must be the whole parameter";
                return Err((message.to_owned(), param.span));
            }
            params.push((param.name.clone(), ty));
        }
        let result = function.result.as_ref().map(|ty| self.of(ty, span)).transpose()?;
        if result.as_ref().is_some_and(|ty| self.is_borrowed(ty)) {
            return Err(("a result cannot be a borrowed resource".to_owned(), span));
        }
        // The parser's names are `[method]resource.name`.
        let name = function.name.rsplit(['.', ']']).next().unwrap_or_default().to_owned();
        Ok(WitFunction { name, docs: docs(&function.docs), role, params, result })
    }

    fn is_borrowed(&self, ty: &WitType) -> bool {
        match ty {
            WitType::Borrow(_) => true,
            WitType::Option(of) => self.is_borrowed(of),
            WitType::Result(ok, _) => ok.as_ref().is_some_and(|ty| self.is_borrowed(ty)),
            _ => false,
        }
    }
}

fn unsupported(what: &str, span: Span) -> WitError {
    (format!("`{what}` is not supported in a contract"), span)
}

fn bare(name: &str, of: &Docs) -> WitCase {
    WitCase { name: name.to_owned(), docs: docs(of), payload: None }
}

fn docs(docs: &Docs) -> String {
    crate::types::text::visible(docs.contents.as_deref().unwrap_or_default().trim())
}
