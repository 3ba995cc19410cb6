//! The models that a server lists: whether it is there, takes the key and knows the model, without
//! asking a model.

use reqwest::StatusCode;
use serde_json::Value;

use super::{client, headers, stack};
use crate::generator::GenerationError;
use crate::generator::wire::classify;
use crate::types::generator::ServerSettings;
use crate::types::{Failure, ModelApi, limits};

/// What a server says of the configured model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownModel {
    /// It has it.
    Listed {
        /// The day it ends, `YYYY-MM-DD`, where the server says one.
        ends: Option<String>,
    },
    /// It answers, and lists no models.
    NoList,
    /// It has others.
    Unknown(Vec<String>),
}

/// Asks a server for its models.
///
/// # Errors
/// It cannot be reached, or refuses the key.
pub async fn known_models(
    settings: &ServerSettings,
    key: Option<&str>,
) -> Result<KnownModel, GenerationError> {
    let Some(body) = get(settings, key, &[]).await? else { return Ok(KnownModel::NoList) };
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let lists = [&body["data"], &body["models"], &body];
    let Some(list) = lists.iter().find_map(|list| list.as_array()) else {
        return Ok(KnownModel::NoList);
    };
    if let Some(model) = list.iter().find(|model| is(model, &settings.model)) {
        return Ok(KnownModel::Listed { ends: ends(model) });
    }
    // A name that is not in the list can stand for one that is.
    if let Some(body) = get(settings, key, &[&settings.model]).await.unwrap_or_default() {
        let model: Value = serde_json::from_str(&body).unwrap_or_default();
        if id(&model).is_some() {
            return Ok(KnownModel::Listed { ends: ends(&model) });
        }
    }
    Ok(KnownModel::Unknown(list.iter().filter_map(id).map(str::to_owned).collect()))
}

/// The body below `/models`; `None` where the server has nothing there.
async fn get(
    settings: &ServerSettings,
    key: Option<&str>,
    below: &[&str],
) -> Result<Option<String>, GenerationError> {
    let mut url = super::below(settings, ["models"].iter().chain(below).copied())?;
    if settings.api() == ModelApi::Messages && below.is_empty() {
        url.query_pairs_mut().append_pair("limit", "1000");
    }
    let http = client(settings)?;
    let sent = http.get(url).headers(headers(settings, key)).send();
    let answered = async {
        let response = sent.await.map_err(|error| classify::of_reqwest(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok((status, headers, stack::whole(response).await?))
    };
    let late = |_| Err(GenerationError::new(Failure::TimedOut, "the server answers nothing"));
    let answered = tokio::time::timeout(limits::CONNECT_TIMEOUT, answered).await;
    let (status, headers, body) = answered.unwrap_or_else(late)?;
    let nothing = [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
    if nothing.contains(&status) || status == StatusCode::NOT_IMPLEMENTED {
        return Ok(None);
    }
    if status.is_success() {
        return Ok(Some(body));
    }
    Err(classify::of_response(status.as_u16(), &headers, &body))
}

fn id(model: &Value) -> Option<&str> {
    [&model["id"], &model["name"], &model["model"]].iter().find_map(|id| id.as_str())
}

/// Whether a listed model has a name or an alias.
fn is(model: &Value, name: &str) -> bool {
    let Some(listed) = id(model) else { return false };
    let base = |name: &str, mark: char| name.rsplit_once(mark).map(|(base, _)| base.to_owned());
    listed == name
        // Ollama's default tag, and OpenRouter's variants.
        || listed.strip_suffix(":latest") == Some(name)
        || base(name, ':').as_deref() == Some(listed)
        // llama.cpp serves one model, and takes any name for it.
        || model["owned_by"] == "llamacpp"
}

/// The day on which a model ends.
fn ends(model: &Value) -> Option<String> {
    let date = ["shutdown_date", "expiration_date"].iter().find_map(|key| match &model[*key] {
        Value::String(text) => Some(text.chars().take(10).collect()),
        Value::Number(seconds) => {
            let time = jiff::Timestamp::from_second(seconds.as_i64()?).ok()?;
            Some(time.strftime("%Y-%m-%d").to_string())
        }
        _ => None,
    });
    date.filter(|date: &String| !date.is_empty())
}
