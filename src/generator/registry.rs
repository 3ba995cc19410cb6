//! The kinds of generators, one line each.

use std::sync::Arc;

use super::agent::Agent;
use super::{Cassettes, Elsewhere, GenerationError, Generator, ModelServer, RateLimits, Recorded};
use crate::types::{GeneratorConfig, GeneratorSettings};

/// The parts of a generator.
#[derive(Debug)]
pub struct GeneratorParts<'a> {
    /// The configuration of its tier.
    pub config: &'a GeneratorConfig,
    /// The content of the environment variable in the configuration.
    pub key: Option<String>,
    /// The workspace's recordings.
    pub cassettes: Cassettes,
    /// State shared by requests to the same server.
    pub servers: &'a RateLimits,
    /// Asks on other machines, if this one shall not.
    pub elsewhere: Option<Arc<dyn Elsewhere>>,
}

/// Makes the generator of a tier; production passes [`of`].
pub type MakeGenerator =
    Arc<dyn Fn(GeneratorParts<'_>) -> Result<Arc<dyn Generator>, GenerationError> + Send + Sync>;

/// The generator of a configuration.
///
/// # Errors
/// An invalid key; TLS cannot start.
pub fn of(parts: GeneratorParts<'_>) -> Result<Arc<dyn Generator>, GenerationError> {
    let GeneratorParts { config, key, cassettes, servers, elsewhere } = parts;
    match &config.settings {
        GeneratorSettings::Openai(server) | GeneratorSettings::Cassette(server) => {
            let made = recorded(ModelServer::new(server.clone(), key, servers)?, config, cassettes);
            Ok(Arc::new(made.elsewhere(elsewhere, &server.model)))
        }
        GeneratorSettings::Command(agent) => {
            Ok(Arc::new(recorded(Agent::new(agent.clone(), key, servers), config, cassettes)))
        }
    }
}

fn recorded<G: super::Recordable>(
    generator: G,
    config: &GeneratorConfig,
    cassettes: Cassettes,
) -> Recorded<G> {
    Recorded::new(generator, config.settings.kind(), config.cassette_mode(), cassettes)
}
