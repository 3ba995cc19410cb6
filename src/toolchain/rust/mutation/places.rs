//! What is assigned and what is returned, as far as a mutation can leave it as it is.

use quote::ToTokens;
use syn::{BinOp, Expr};

/// Characters of a place that a mutation names.
const SHOWN: usize = 40;

/// The place that an assignment changes, if it has a value already: something borrowed, an element
/// or a field of `self`. Otherwise the code behind it would not compile without the assignment.
pub fn assigned(expr: &Expr) -> Option<String> {
    let (place, attrs) = match expr {
        Expr::Assign(one) => (&*one.left, &one.attrs),
        Expr::Binary(one) if is_compound(&one.op) => (&*one.left, &one.attrs),
        _ => return None,
    };
    let shown = place.to_token_stream().to_string().replace(" . ", ".");
    (has_a_value(place) && attrs.is_empty() && shown.len() <= SHOWN).then_some(shown)
}

fn is_compound(op: &BinOp) -> bool {
    let compares = matches!(op, BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Le(_) | BinOp::Ge(_));
    !compares && op.to_token_stream().to_string().ends_with('=')
}

fn has_a_value(place: &Expr) -> bool {
    match place {
        Expr::Unary(one) => matches!(one.op, syn::UnOp::Deref(_)),
        Expr::Index(_) => true,
        Expr::Field(one) => match &*one.base {
            Expr::Path(path) => path.path.is_ident("self"),
            base => has_a_value(base),
        },
        _ => false,
    }
}

/// Whether a method gives back what it was called on, as builders do. `own` is the type of its
/// `impl`.
pub fn returns_itself(sig: &syn::Signature, own: Option<&str>) -> bool {
    let receiver = sig.receiver().map(|one| one.to_token_stream().to_string());
    let syn::ReturnType::Type(_, of) = &sig.output else { return false };
    let (of, is_borrowed) = match &**of {
        syn::Type::Reference(one) if one.mutability.is_some() => (&*one.elem, true),
        of => (of, false),
    };
    let of = of.to_token_stream().to_string();
    let is_own = of == "Self" || own == Some(of.as_str());
    let allowed = if is_borrowed { &["& mut self"][..] } else { &["self", "mut self"] };
    is_own && allowed.contains(&receiver.as_deref().unwrap_or_default())
}
