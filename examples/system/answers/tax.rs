//! Taxes.
pub mod contract;
use contract::Amount;

/// The tax in a price, of a rate in percent.
pub fn tax(price: &Amount, rate: u32) -> Amount {
    let whole = 100 + i128::from(rate);
    let double = 2 * i128::from(price.cents) * i128::from(rate);
    let half = if double < 0 { -whole } else { whole };
    let cents = (double + half) / (2 * whole);
    Amount { cents: i64::try_from(cents).unwrap_or(price.cents) }
}
