//! The kinds of generators, one line each.

use std::sync::Arc;

use super::agent::Agent;
use super::{Cassettes, GenerationError, Generator, ModelServer, RateLimits, Recorded};
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
}

/// Makes the generator of a tier; production passes [`of`].
pub type MakeGenerator =
    Arc<dyn Fn(GeneratorParts<'_>) -> Result<Arc<dyn Generator>, GenerationError> + Send + Sync>;

/// The generator of a configuration.
///
/// # Errors
/// An invalid key; TLS cannot start.
pub fn of(parts: GeneratorParts<'_>) -> Result<Arc<dyn Generator>, GenerationError> {
    let GeneratorParts { config, key, cassettes, servers } = parts;
    match &config.settings {
        GeneratorSettings::Openai(server) | GeneratorSettings::Cassette(server) => {
            recorded(ModelServer::new(server.clone(), key, servers)?, config, cassettes)
        }
        GeneratorSettings::Command(agent) => {
            recorded(Agent::new(agent.clone(), key, servers), config, cassettes)
        }
    }
}

fn recorded<G: super::Recordable + 'static>(
    generator: G,
    config: &GeneratorConfig,
    cassettes: Cassettes,
) -> Result<Arc<dyn Generator>, GenerationError> {
    let (kind, mode) = (config.settings.kind(), config.cassette_mode());
    Ok(Arc::new(Recorded::new(generator, kind, mode, cassettes)))
}
