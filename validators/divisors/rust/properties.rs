//! What holds for all pairs of small numbers, linked to clauses by name.
#![allow(non_snake_case)]

#[test]
fn gcd_greatest__divides_both_and_is_the_greatest() {
    for a in 1..60u64 {
        for b in 1..60u64 {
            let greatest = (1..=a).filter(|d| a % d == 0 && b % d == 0).max();
            assert_eq!(Some(divisors::gcd(a, b)), greatest, "gcd({a}, {b})");
        }
    }
}

#[test]
fn lcm_least__times_gcd_is_the_product() {
    for a in 1..60u64 {
        for b in 1..60u64 {
            assert_eq!(divisors::lcm(a, b) * divisors::gcd(a, b), a * b, "lcm({a}, {b})");
        }
    }
}
