//! Checks `[generator]`, its tiers, prices and limits.

use super::{ConfigCheck, is_web};
use crate::types::generator::OpenaiSettings;
use crate::types::{GeneratorConfig, GeneratorSettings, Harness, Target};

impl ConfigCheck<'_> {
    pub(super) fn generator(&mut self, harness: &Harness) {
        match &harness.generator {
            Some(generator) => self.settings(generator),
            None if harness.target.values().any(Target::is_generated) => self.no_model(),
            None => {}
        }
        if let Some(key) = &harness.attestation.key_env {
            self.variable(["attestation", "key_env"], key);
        }
        self.prices(harness);
    }

    fn no_model(&mut self) {
        let help = "set the model's name at its server: model = \"…\"";
        self.wrong(&["generator", "model"], "`[generator]` has no model", help);
    }

    fn settings(&mut self, generator: &GeneratorConfig) {
        match &generator.settings {
            GeneratorSettings::Openai(server) | GeneratorSettings::Cassette(server) => {
                self.server(server, generator);
            }
        }
    }

    fn server(&mut self, server: &OpenaiSettings, generator: &GeneratorConfig) {
        if server.model.is_empty() {
            self.no_model();
        }
        let urls = generator.tiers.iter().filter_map(|tier| tier.base_url.as_ref());
        for url in urls.chain([&server.base_url]) {
            if !is_web(url) {
                let help = "for example http://127.0.0.1:8080/v1";
                self.wrong(&["generator", "base_url"], format!("`{url}` is not a valid URL"), help);
            }
        }
        let keys = generator.tiers.iter().filter_map(|tier| tier.api_key_env.as_ref());
        for key in keys.chain(&server.api_key_env) {
            self.variable(["generator", "api_key_env"], key);
        }
        if !(0.0..=2.0).contains(&server.temperature) {
            let help = "0 is deterministic, 2 is very random; the default is 0.2";
            self.wrong(&["generator", "temperature"], "`temperature` must be from 0 to 2", help);
        }
        if server.max_tries == 0 || server.max_output_tokens == 0 {
            let help = "remove them to use the defaults";
            let message = "`max_tries` and `max_output_tokens` must be at least 1";
            self.wrong(&["generator"], message, help);
        }
    }

    fn prices(&mut self, harness: &Harness) {
        let generator = harness.generator.iter();
        let prices = generator.flat_map(|generator| {
            let tiers = generator.tiers.iter().flat_map(|t| [t.input_price, t.output_price]);
            tiers.chain([Some(generator.input_price), Some(generator.output_price)])
        });
        let budget = &harness.budget;
        let caps = [budget.call_usd, budget.run_usd, budget.day_usd, budget.spec_usd];
        if prices.chain(caps).flatten().any(|usd| !usd.is_finite() || usd < 0.0) {
            let message = "a price or limit in USD is negative or not a number";
            self.wrong(&["budget"], message, "remove it, or use 0 or more");
        }
    }
}
