//! `[generator]` and its tiers, by kind; prices and caps.

use super::{ConfigCheck, is_web};
use crate::types::agent::{AgentSettings, KNOWN_AGENTS};
use crate::types::generator::ServerSettings;
use crate::types::harness::{CassetteMode, ReplyForm};
use crate::types::{GeneratorConfig, GeneratorSettings, Harness, Target};

impl ConfigCheck<'_> {
    pub(super) fn generator(&mut self, harness: &Harness) {
        match &harness.generator {
            Some(generator) => self.settings(generator),
            None if harness.target.values().any(Target::is_generated) => self.no_model(),
            None => {}
        }
        if let Some(key) = &harness.attestation.key_env {
            self.variable(&["attestation", "key_env"], key);
        }
        self.prices(harness);
    }

    fn no_model(&mut self) {
        let help = "name the model as its server does: model = \"…\"";
        self.wrong(&["generator", "model"], "`[generator]` has no model", help);
    }

    fn settings(&mut self, generator: &GeneratorConfig) {
        self.server(generator.settings.server(), generator);
        match &generator.settings {
            GeneratorSettings::Openai(_) | GeneratorSettings::Cassette(_) => self.apis(generator),
            GeneratorSettings::Command(_) => {}
        }
        for tier in 0..=generator.tiers.len() {
            if let GeneratorSettings::Command(agent) = generator.tier(tier).settings {
                self.agent(&agent);
            }
        }
    }

    fn agent(&mut self, agent: &AgentSettings) {
        let known = KNOWN_AGENTS.join(", ");
        match (&agent.agent, agent.argv.first()) {
            (None, Some(_)) => {}
            (Some(name), None) if KNOWN_AGENTS.contains(&name.as_str()) => {}
            (Some(name), None) => {
                let message = format!("the agent `{name}` is not known");
                let help = format!("one of {known}; or give its program in `argv`");
                self.wrong(&["generator", "agent"], message, help);
            }
            _ => {
                let message = "`kind = \"command\"` needs either `agent` or `argv`";
                let help = format!("agent = one of {known}; argv = [\"PROGRAM\", \"{{prompt}}\"]");
                self.wrong(&["generator", "kind"], message, help);
            }
        }
        if agent.attempt_tokens == 0 || agent.wall_s == 0 {
            let message = "`attempt_tokens` and `wall_s` must be at least 1";
            self.wrong(&["generator"], message, "leave them out for the defaults");
        }
        self.limits(&["generator"], &agent.limits);
        if agent.server.reply == ReplyForm::Json {
            let help = "leave it out: an agent changes files";
            self.wrong(&["generator", "reply"], "`reply` is of no use to an agent", help);
        }
    }

    fn server(&mut self, server: &ServerSettings, generator: &GeneratorConfig) {
        if server.model.is_empty() {
            self.no_model();
        }
        let urls = generator.tiers.iter().filter_map(|tier| tier.base_url.as_ref());
        for url in urls.chain([&server.base_url]) {
            self.address(&["generator", "base_url"], url);
        }
        let keys = generator.tiers.iter().filter_map(|tier| tier.api_key_env.as_ref());
        for key in keys.chain(&server.api_key_env) {
            self.variable(&["generator", "api_key_env"], key);
        }
        if server.temperature.is_some_and(|value| !(0.0..=2.0).contains(&value)) {
            let help = "0 is steady, 2 is wild; leave it out for the model's own";
            self.wrong(&["generator", "temperature"], "`temperature` is not from 0 to 2", help);
        }
        if server.max_tries == 0 || server.output_tokens() == 0 {
            let help = "leave them out for the defaults";
            let message = "`max_tries` and `max_output_tokens` must be at least 1";
            self.wrong(&["generator"], message, help);
        }
    }

    /// The address of a server.
    pub(super) fn address(&mut self, at: &[&str], url: &str) {
        if !is_web(url) {
            let help = "such as http://127.0.0.1:8080/v1";
            self.wrong(at, format!("`{url}` is not a valid URL"), help);
        }
    }

    /// What is known of hosts and their APIs, of each tier.
    fn apis(&mut self, generator: &GeneratorConfig) {
        for tier in 0..=generator.tiers.len() {
            let tier = generator.tier(tier).settings;
            let server = tier.server();
            let (api, url) = (server.api(), &server.base_url);
            if server.reply == ReplyForm::Json && api.ignores_schema(url) {
                let message = format!("{url} ignores `reply = \"json\"` by this API");
                let help = "leave `api` out, or set reply = \"files\"";
                self.wrong(&["generator", "reply"], message, help);
            }
            if !api.serves(url, &server.model) {
                let message = format!("{url} does not serve `{}` by this API", server.model);
                self.wrong(&["generator", "api"], message, "leave `api` out");
            }
            if server.reasoning_effort.as_ref().is_some_and(|effort| effort.trim().is_empty()) {
                let help = "leave it out, or give a word such as \"low\"";
                self.wrong(&["generator", "reasoning_effort"], "`reasoning_effort` is empty", help);
            }
        }
    }

    fn prices(&mut self, harness: &Harness) {
        let tiers = harness.generator.iter().flat_map(|generator| {
            (0..=generator.tiers.len()).map(|number| (number, generator.tier(number)))
        });
        let tiers: Vec<_> = tiers.collect();
        let prices = tiers.iter().flat_map(|(_, one)| one.prices.given());
        let budget = &harness.budget;
        let caps = [
            ("call_usd", budget.call_usd),
            ("run_usd", budget.run_usd),
            ("day_usd", budget.day_usd),
            ("spec_usd", budget.spec_usd),
        ];
        if prices.chain(caps.iter().filter_map(|(_, cap)| *cap)).any(|usd| !is_price(usd)) {
            let message = "a price or a cap in USD is negative or no number";
            self.wrong(&["budget"], message, "leave it out, or give 0 or more");
        }
        let Some((key, _)) = caps.iter().find(|(_, cap)| cap.is_some()) else { return };
        for (number, one) in &tiers {
            let is_asked = one.cassette_mode() != CassetteMode::Replay;
            if is_asked && !one.prices.are_known() {
                let place = match number {
                    0 => "[generator]",
                    _ => "[[generator.tiers]]",
                };
                let model = one.settings.model();
                let message = format!("`{key}` caps dollars, and `{model}` has no prices");
                let help = format!(
                    "set input_price and output_price (US dollars per million tokens) in {place}, \
                     0 for a model that costs nothing; or cap tokens"
                );
                self.wrong(&["budget", key], message, help);
            }
        }
    }
}

fn is_price(usd: f64) -> bool {
    usd.is_finite() && usd >= 0.0
}
