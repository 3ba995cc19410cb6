//! What is assigned and what is returned, as far as a mutation can leave it as it is.

use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::Visit;
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

/// Whether an item is only for tests.
pub fn of_tests(attrs: &[syn::Attribute]) -> bool {
    let is = |attr: &syn::Attribute| {
        let text = attr.meta.to_token_stream().to_string();
        attr.path().is_ident("test") || text.replace(' ', "") == "cfg(test)"
    };
    attrs.iter().any(is)
}

/// Where the first statement of a body may stand: behind attributes inside of it.
pub fn start(block: &syn::Block, attrs: &[syn::Attribute]) -> usize {
    let is_inside = |attr: &syn::Attribute| matches!(attr.style, syn::AttrStyle::Inner(_));
    let braces = block.brace_token.span;
    match (attrs.iter().any(is_inside), block.stmts.first()) {
        (false, _) => braces.open().byte_range().end,
        (true, Some(first)) => first.span().byte_range().start,
        (true, None) => braces.close().byte_range().start,
    }
}

/// The replacement of an operator, in the source.
pub fn other(binary: &syn::ExprBinary) -> Option<&'static str> {
    let number = |side: &Expr| match side {
        Expr::Lit(one) => matches!(one.lit, syn::Lit::Int(_) | syn::Lit::Float(_)),
        _ => false,
    };
    let numbers = number(&binary.left) || number(&binary.right);
    Some(match binary.op {
        BinOp::Lt(_) => "<=",
        BinOp::Le(_) => "<",
        BinOp::Gt(_) => ">=",
        BinOp::Ge(_) => ">",
        BinOp::Eq(_) => "!=",
        BinOp::Ne(_) => "==",
        BinOp::And(_) => "||",
        BinOp::Or(_) => "&&",
        // For non-numeric types the available operators are unknown.
        BinOp::Add(_) if numbers => "-",
        BinOp::Sub(_) | BinOp::Mul(_) | BinOp::Div(_) | BinOp::Rem(_) if numbers => "+",
        BinOp::AddAssign(_) if numbers => "-=",
        BinOp::SubAssign(_) | BinOp::MulAssign(_) | BinOp::DivAssign(_) if numbers => "+=",
        _ => return None,
    })
}

/// Whether an expression binds names, so that it cannot be moved.
pub fn binds(expr: &Expr) -> bool {
    struct Lets(bool);
    impl<'ast> Visit<'ast> for Lets {
        fn visit_expr_let(&mut self, _: &'ast syn::ExprLet) {
            self.0 = true;
        }
        fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}
        fn visit_block(&mut self, _: &'ast syn::Block) {}
    }
    let mut lets = Lets(false);
    lets.visit_expr(expr);
    lets.0
}
