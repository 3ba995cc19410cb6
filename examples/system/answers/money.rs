//! Amounts of money.
pub mod contract;
use contract::Amount;

/// The sum of two amounts.
pub fn add(a: &Amount, b: &Amount) -> Amount {
    Amount { cents: a.cents.saturating_add(b.cents) }
}

/// An amount several times.
pub fn times(a: &Amount, count: u32) -> Amount {
    Amount { cents: a.cents.saturating_mul(i64::from(count)) }
}

/// An amount as text, as on a receipt.
pub fn show(a: &Amount) -> String {
    let sign = if a.cents < 0 { "-" } else { "" };
    let cents = a.cents.unsigned_abs();
    let rest = words::pad_left(&(cents % 100).to_string(), 2, '0');
    format!("{sign}{}.{rest}", cents / 100)
}
