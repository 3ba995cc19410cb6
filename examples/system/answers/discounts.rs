//! Discounts.
pub mod contract;
use contract::Amount;

/// The price of several pieces, less a discount.
pub fn discounted(price: &Amount, count: u32) -> Amount {
    let all = money::times(price, count);
    let off = if count >= 10 { all.cents / 10 } else { 0 };
    money::add(&all, &Amount { cents: -off })
}
