//! Parameters of a request that a server can refuse by name, and the settings behind them.

use serde_json::Value;

/// A parameter as messages name it, where it stands in a body, and the setting behind it.
struct Parameter {
    names: &'static [&'static str],
    place: &'static [&'static str],
    setting: &'static str,
}

/// All of them. What a request can do without has a place.
const ALL: [Parameter; 12] = [
    Parameter {
        names: &["temperature"],
        place: &["temperature"],
        setting: "leave `temperature` out of [generator]",
    },
    Parameter {
        names: &["max_tokens"],
        place: &["max_tokens"],
        setting: "set `max_output_tokens` in [generator]",
    },
    Parameter {
        names: &["max_completion_tokens"],
        place: &["max_completion_tokens"],
        setting: "set `max_output_tokens` in [generator]",
    },
    Parameter {
        names: &["max_output_tokens"],
        place: &["max_output_tokens"],
        setting: "set `max_output_tokens` in [generator]",
    },
    Parameter {
        names: &[
            "reasoning_effort",
            "reasoningEffort",
            "reasoning.effort",
            "reasoning",
            "output_config.effort",
            "effort",
        ],
        place: &["reasoning_effort", "reasoning", "output_config/effort"],
        setting: "change `reasoning_effort` in [generator], or leave it out",
    },
    Parameter {
        names: &["output_config"],
        place: &["output_config/effort"],
        setting: "leave `reasoning_effort` out of [generator], or set reply = \"files\" there",
    },
    Parameter {
        names: &["response_format", "text.format", "output_config.format", "json_schema"],
        place: &[],
        setting: "set reply = \"files\" in [generator]",
    },
    Parameter {
        names: &["stream_options", "stream_options.include_usage", "include_usage"],
        place: &["stream_options"],
        setting: "",
    },
    // A whole body is read too.
    Parameter { names: &["stream"], place: &["stream", "stream_options"], setting: "" },
    Parameter { names: &["prompt_cache_key"], place: &["prompt_cache_key"], setting: "" },
    Parameter { names: &["cache_control"], place: &[CACHE_MARK], setting: "" },
    Parameter { names: &["store"], place: &["store"], setting: "" },
];

/// A mark that stands at several places of a body.
const CACHE_MARK: &str = "cache_control";

/// Words with which servers say that they do not know or take a parameter.
const REFUSALS: [&str; 19] = [
    "unsupported",
    "not supported",
    "not support",
    "unknown",
    "unrecognized",
    "unrecognised",
    "unexpected",
    "not permitted",
    "not allowed",
    "extra_forbidden",
    "extra inputs",
    "additional propert",
    "deprecated",
    "no longer",
    "cannot find field",
    "cannot be set",
    "not available",
    "not accepted",
    "not recognized",
];

/// What a refusal of a request is about: the place of the parameter in bodies if the server does
/// not take it at all, and the setting behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedParameter {
    /// Where it stands; `None` where a request cannot do without it, or its value is refused.
    pub name: Option<&'static str>,
    /// What to do in `harness.toml`; empty where nothing can be done there.
    pub setting: &'static str,
}

/// Finds the parameter that a refusal (400, 422) names.
pub fn refused(body: &str) -> Option<RefusedParameter> {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    let value = value.get(0).unwrap_or(&value);
    let param = value["error"]["param"].as_str().or(value["param"].as_str());
    let named = |parameter: &&Parameter| parameter.names.iter().any(|name| param == Some(*name));
    let first = |parameter: &&Parameter| {
        parameter.names.iter().filter_map(|name| mention(body, name)).min()
    };
    let found = ALL.iter().find(named).or_else(|| {
        let mentioned = ALL.iter().filter(|one| first(one).is_some());
        mentioned.min_by_key(|one| first(one))
    })?;
    let folded = body.to_lowercase();
    let is_unknown = REFUSALS.iter().any(|word| folded.contains(word));
    let name = found.names.first().filter(|_| is_unknown && !found.place.is_empty()).copied();
    Some(RefusedParameter { name, setting: found.setting })
}

/// Where a text mentions a name as a whole word.
fn mention(text: &str, name: &str) -> Option<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let is_quote = |c: Option<char>| c.is_some_and(|c| "'\"`\\".contains(c));
    text.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = text[..*at].chars().next_back();
        let behind = text[at + name.len()..].chars().next();
        let is_quoted = is_quote(before) && is_quote(behind);
        !before.is_some_and(is_word)
            && !behind.is_some_and(is_word)
            && (is_quoted
                || name.contains(['_', '.'])
                || is_named(&text[..*at], &text[at + name.len()..]))
    })
}

/// Whether a word is the name of a parameter by what stands before and behind it: most words of a
/// sentence are none.
fn is_named(before: &str, behind: &str) -> bool {
    let tail = before.len().saturating_sub(20);
    let before = before.get(before.ceil_char_boundary(tail)..).unwrap_or_default().to_lowercase();
    let behind = behind.get(..behind.floor_char_boundary(20)).unwrap_or_default().to_lowercase();
    let nouns = ["parameter", "argument", "field", "option", "property"];
    let is_kind = |text: &str| nouns.iter().any(|noun| text.starts_with(noun));
    let ends = ["", "'", "\"", ".", ",", ";", ")", "\n", "\\"];
    let is_last = ends.iter().any(|end| match *end {
        "" => behind.is_empty(),
        end => behind.starts_with(end),
    });
    let verbs = [" is not ", " is unsupported", " not supported", " is deprecated", " isn't "];
    behind.starts_with(':')
        || is_kind(behind.trim_start())
        || verbs.iter().any(|verb| behind.starts_with(verb))
        || nouns.iter().any(|noun| before.trim_end_matches([' ', ':', 's']).ends_with(noun))
        || (before.ends_with(": ") && is_last)
}

/// Takes a parameter out of a body; gives whether it was there. A limit of tokens goes by another
/// name instead.
pub fn leave_out(body: &mut Value, name: &str) -> bool {
    let Some(parameter) = ALL.iter().find(|one| one.names.first() == Some(&name)) else {
        return false;
    };
    let mut removed = parameter.place.contains(&CACHE_MARK) && leave_out_everywhere(body);
    for place in parameter.place {
        let (outer, key) = place.split_once('/').map_or((None, *place), |(o, k)| (Some(o), k));
        let table = match outer {
            Some(outer) => body.get_mut(outer),
            None => Some(&mut *body),
        };
        let value = table.and_then(Value::as_object_mut).and_then(|table| table.remove(key));
        if let Some(outer) = outer.filter(|outer| body[outer] == serde_json::json!({})) {
            body.as_object_mut().map(|table| table.remove(outer));
        }
        removed |= value.is_some();
        if let (Some(value), Some(other)) = (value, other_limit(key)) {
            body[other] = value;
        }
    }
    removed
}

/// Takes out a mark wherever it stands; gives whether it was there.
fn leave_out_everywhere(value: &mut Value) -> bool {
    let mut found = false;
    match value {
        Value::Object(fields) => {
            found = fields.remove(CACHE_MARK).is_some();
            fields.values_mut().for_each(|inner| found |= leave_out_everywhere(inner));
        }
        Value::Array(list) => {
            list.iter_mut().for_each(|inner| found |= leave_out_everywhere(inner));
        }
        _ => {}
    }
    found
}

/// The other name of a limit of tokens.
fn other_limit(name: &str) -> Option<&'static str> {
    match name {
        "max_tokens" => Some("max_completion_tokens"),
        "max_completion_tokens" => Some("max_tokens"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{leave_out, refused};

    fn named(body: &str) -> Option<&'static str> {
        refused(body).and_then(|refused| refused.name)
    }

    /// What servers say, and the parameter that they refuse.
    const SAID: &[(&str, Option<&str>)] = &[
        (
            r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0.2 with this model.","param":"temperature","code":"unsupported_value"}}"#,
            Some("temperature"),
        ),
        (
            r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","param":"max_tokens"}}"#,
            Some("max_tokens"),
        ),
        (
            r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."}}"#,
            Some("max_tokens"),
        ),
        (
            r#"{"error":{"message":"Unsupported parameter: 'reasoning.effort' is not supported with this model.","param":"reasoning.effort"}}"#,
            Some("reasoning_effort"),
        ),
        (
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#,
            Some("stream_options"),
        ),
        (
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"`temperature` is deprecated for this model."}}"#,
            Some("temperature"),
        ),
        (
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"output_config.effort: Extra inputs are not permitted"}}"#,
            Some("reasoning_effort"),
        ),
        (
            r#"[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"prompt_cache_key\": Cannot find field."}}]"#,
            Some("prompt_cache_key"),
        ),
        (
            r#"{"error":{"message":"property 'reasoning_effort' is unsupported"}}"#,
            Some("reasoning_effort"),
        ),
        (
            r#"{"error":{"message":"Unsupported parameter: 'max_output_tokens'","param":"max_output_tokens"}}"#,
            Some("max_output_tokens"),
        ),
        ("Unsupported parameter: temperature", Some("temperature")),
        (r#"{"detail":"Unsupported parameter: temperature"}"#, Some("temperature")),
        (
            r#"{"error":{"message":"temperature is not supported with this model"}}"#,
            Some("temperature"),
        ),
        (
            r#"{"error":{"message":"This model does not support the temperature parameter."}}"#,
            Some("temperature"),
        ),
        (
            r#"{"code":"Client specified an invalid argument","error":"Argument not supported on this model: temperature"}"#,
            Some("temperature"),
        ),
        (
            r#"{"error":"Model grok-4 does not support parameter reasoningEffort."}"#,
            Some("reasoning_effort"),
        ),
        (
            r#"{"error":{"message":"This model does not support the effort parameter."}}"#,
            Some("reasoning_effort"),
        ),
        (
            r#"{"error":{"message":"output_config: Extra inputs are not permitted"}}"#,
            Some("output_config"),
        ),
        (
            r#"{"error":{"message":"Your organization must be verified to stream this model.","param":"stream","code":"unsupported_value"}}"#,
            Some("stream"),
        ),
        // Values, and words of sentences, are no names.
        (r#"{"error":{"message":"the store of this reasoning is unknown"}}"#, None),
        (r#"{"error":{"message":"the stream broke: model not supported"}}"#, None),
        (r#"{"error":{"message":"max_tokens is too large: 90000","param":"max_tokens"}}"#, None),
        (r#"{"error":{"message":"temperature must be at most 1","param":"temperature"}}"#, None),
        (r#"{"error":{"message":"reasoning models are not supported in this store"}}"#, None),
        (
            r#"{"error":{"message":"'response_format' is not supported","param":"response_format"}}"#,
            None,
        ),
        ("<html>", None),
    ];

    #[test]
    fn the_parameter_is_found_in_what_servers_say() {
        for (body, name) in SAID {
            assert_eq!(named(body), *name, "{body}");
        }
        let said = refused(r#"{"error":{"message":"'response_format' is not supported"}}"#);
        assert!(said.is_some_and(|said| said.setting.contains("reply = \"files\"")));
    }

    #[test]
    fn what_is_refused_is_left_out() {
        let mut body = json!({ "max_tokens": 7, "output_config": { "effort": "low" }, "n": 1 });
        assert!(leave_out(&mut body, "max_tokens") && leave_out(&mut body, "reasoning_effort"));
        let mut streamed = json!({ "stream": true, "stream_options": {}, "max_output_tokens": 7 });
        assert!(leave_out(&mut streamed, "stream"));
        assert!(leave_out(&mut streamed, "max_output_tokens"));
        assert_eq!(streamed, json!({}));
        assert!(!leave_out(&mut body, "temperature") && !leave_out(&mut body, "n"));
        assert_eq!(body, json!({ "max_completion_tokens": 7, "n": 1 }));
        let mut body = json!({ "system": [{ "text": "a", "cache_control": {} }] });
        assert!(leave_out(&mut body, "cache_control") && !leave_out(&mut body, "cache_control"));
        assert_eq!(body, json!({ "system": [{ "text": "a" }] }));
    }
}
