//! A cart.
pub mod contract;
use contract::{Amount, Item, Line};

fn item(line: &Line) -> Result<Item, String> {
    let code = codes::parse(&line.code)?;
    let product = prices::find(&code).ok_or_else(|| format!("no product: {}", line.code))?;
    let price = discounts::discounted(&product.price, line.count);
    Ok(Item { name: product.name, count: line.count, price })
}

/// What each line costs.
///
/// # Errors
/// A code has no product.
pub fn items(lines: &[Line]) -> Result<Vec<Item>, String> {
    lines.iter().map(item).collect()
}

/// What all of them cost.
///
/// # Errors
/// A code has no product.
pub fn total(lines: &[Line]) -> Result<Amount, String> {
    let none = Amount { cents: 0 };
    Ok(items(lines)?.iter().fold(none, |sum, item| money::add(&sum, &item.price)))
}
