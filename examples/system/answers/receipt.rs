//! Receipts.
pub mod contract;
use contract::Line;
use std::fmt::Write;

/// The receipt for a cart.
///
/// # Errors
/// A code has no product.
pub fn receipt(lines: &[Line]) -> Result<String, String> {
    let mut out = String::new();
    for item in cart::items(lines)? {
        let count = words::pad_left(&item.count.to_string(), 3, ' ');
        let name = words::pad_right(&item.name, 12);
        let price = words::pad_left(&money::show(&item.price), 8, ' ');
        let _ = writeln!(out, "{count} {name}{price}");
    }
    let total = cart::total(lines)?;
    let tax = tax::tax(&total, 19);
    for (name, amount) in [("total", total), ("tax 19%", tax)] {
        let name = words::pad_right(name, 16);
        let amount = words::pad_left(&money::show(&amount), 8, ' ');
        let _ = writeln!(out, "{name}{amount}");
    }
    Ok(out)
}
