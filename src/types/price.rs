//! What tokens cost.

use serde::{Deserialize, Serialize};

use super::Usage;

/// US dollars per million tokens. Unknown, unless both reading and writing have a price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Prices {
    /// Of tokens read.
    pub input: Option<f64>,
    /// Of tokens written.
    pub output: Option<f64>,
    /// Of tokens read from the server's cache; `None`: as others that are read.
    pub cached_input: Option<f64>,
    /// Of tokens read and written into the server's cache; `None`: as others that are read.
    pub cache_write: Option<f64>,
}

impl Prices {
    /// Whether there are prices.
    pub fn are_known(&self) -> bool {
        self.input.is_some() && self.output.is_some()
    }

    /// Every price that is given.
    pub fn given(&self) -> impl Iterator<Item = f64> {
        [self.input, self.output, self.cached_input, self.cache_write].into_iter().flatten()
    }

    /// What tokens cost, in US dollars; `None` without prices.
    pub fn usd(&self, usage: Usage) -> Option<f64> {
        let (input, output) = (self.input?, self.output?);
        let Usage { cached, cache_write, .. } = usage;
        let plain = usage.input.saturating_sub(cached).saturating_sub(cache_write);
        let read = plain as f64 * input
            + cached as f64 * self.cached_input.unwrap_or(input)
            + cache_write as f64 * self.cache_write.unwrap_or(input);
        Some((read + usage.output as f64 * output) / 1e6)
    }

    /// The most that so many tokens cost, in US dollars: all may go into the server's cache.
    pub fn most(&self, usage: Usage) -> Option<f64> {
        let written = Usage { cache_write: usage.input, cached: 0, ..usage };
        let plain = Usage { cache_write: 0, cached: 0, ..usage };
        Some(self.usd(written)?.max(self.usd(plain)?))
    }
}

#[cfg(test)]
mod tests {
    use super::{Prices, Usage};

    #[test]
    fn the_servers_cache_has_prices_of_its_own() {
        let mut prices = Prices { input: Some(2.0), output: Some(10.0), ..Prices::default() };
        let usage =
            Usage { input: 1_000_000, output: 100_000, cached: 400_000, cache_write: 500_000 };
        assert_eq!(prices.usd(usage), Some(3.0));
        prices.cached_input = Some(0.5);
        prices.cache_write = Some(2.5);
        assert_eq!(prices.usd(usage), Some(0.2 + 0.2 + 1.25 + 1.0));
        assert_eq!(prices.most(usage), Some(2.5 + 1.0));
        let unknown = Prices { output: None, ..prices };
        assert_eq!((unknown.usd(usage), unknown.are_known()), (None, false));
    }
}
