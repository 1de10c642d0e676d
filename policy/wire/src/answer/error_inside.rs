//! An error that came where an answer belongs (in a 200, or as the first event of a stream), as the
//! error answer that it should have been.
//!
//! It keeps the provider's words, because the client's request is what they are about, and gets the
//! status that the error names or implies, so that SDKs raise it and do not try again what no retry
//! cures.

use serde_json::{Map, Value, json};

use crate::classify;
use crate::provider_error::ProviderError;
use crate::refusal::ErrorAnswer;
use keyweir_terms::dialect::Dialect;

/// The error in `data` (a JSON body, or the data of an event), in the client's dialect. `None`: it
/// is not whole, or names no error.
pub(crate) fn answer(dialect: Dialect, data: &[u8]) -> Option<ErrorAnswer> {
    let status = classify::status_inside(&ProviderError::read(data));
    let whole: Value = serde_json::from_slice(data).ok()?;
    let whole = match &whole {
        Value::Array(several) => several.first()?,
        one => one,
    };
    let body = match (dialect, error_of(whole)?) {
        (Dialect::Anthropic, error) => in_anthropic(whole, &error),
        (Dialect::OpenAi | Dialect::Generic, error) => in_openai(&error),
    };
    Some(ErrorAnswer {
        status,
        body: body.to_string(),
    })
}

/// The object that says what is wrong, wherever it stands.
fn error_of(whole: &Value) -> Option<Map<String, Value>> {
    let places = [&whole["error"], &whole["response"]["error"], whole];
    places.into_iter().find_map(|place| match place {
        Value::Object(error) => error.contains_key("message").then(|| error.clone()),
        Value::String(message) => Some(Map::from_iter([(
            "message".to_owned(),
            Value::from(message.clone()),
        )])),
        _ => None,
    })
}

fn in_anthropic(whole: &Value, error: &Map<String, Value>) -> Value {
    if whole["type"] == "error" && whole["error"].is_object() {
        return whole.clone();
    }
    json!({"type": "error", "error": {"type": kind(error), "message": error["message"]}})
}

/// All members of the error stay; those that SDKs look for are there.
fn in_openai(error: &Map<String, Value>) -> Value {
    let mut full = error.clone();
    full.remove("sequence_number");
    full.insert("type".to_owned(), Value::from(kind(error)));
    for name in ["param", "code"] {
        full.entry(name).or_insert(Value::Null);
    }
    json!({ "error": full })
}

fn kind(error: &Map<String, Value>) -> &str {
    let named = error.get("type").and_then(Value::as_str);
    named
        .filter(|kind| *kind != "error")
        .unwrap_or("invalid_request_error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_request_is_told_as_one_in_the_clients_dialect() {
        for (dialect, data, status, expected) in [
            (
                Dialect::OpenAi,
                r#"{"error":{"object":"error","message":"Not multimodal.","type":"BadRequestError","param":null,"code":400}}"#,
                400,
                r#"{"error":{"object":"error","message":"Not multimodal.","type":"BadRequestError","param":null,"code":400}}"#,
            ),
            (
                Dialect::OpenAi,
                r#"{"type":"response.failed","sequence_number":1,"response":{"id":"resp_1","status":"failed","error":{"code":"invalid_prompt","message":"Invalid prompt"}}}"#,
                400,
                r#"{"error":{"code":"invalid_prompt","message":"Invalid prompt","type":"invalid_request_error","param":null}}"#,
            ),
            (
                Dialect::OpenAi,
                r#"{"type":"error","sequence_number":3,"code":"context_length_exceeded","message":"Too long","param":"input"}"#,
                400,
                r#"{"error":{"code":"context_length_exceeded","message":"Too long","param":"input","type":"invalid_request_error"}}"#,
            ),
            (
                Dialect::Anthropic,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"tool_use ids"},"request_id":"r"}"#,
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"tool_use ids"},"request_id":"r"}"#,
            ),
            (
                Dialect::Anthropic,
                r#"{"error":"The prompt is too long","code":413}"#,
                413,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"The prompt is too long"}}"#,
            ),
            (
                Dialect::Generic,
                r#"[{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT"}}]"#,
                400,
                r#"{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT","type":"invalid_request_error","param":null}}"#,
            ),
        ] {
            let told = answer(dialect, data.as_bytes()).unwrap();
            assert_eq!(told.status, status, "{data}");
            let body: Value = serde_json::from_str(&told.body).unwrap();
            assert_eq!(body, serde_json::from_str::<Value>(expected).unwrap());
        }
        for data in ["", "{", "[]", "{}", r#"{"error":{}}"#, r#"{"error":null}"#] {
            assert_eq!(answer(Dialect::OpenAi, data.as_bytes()), None, "{data}");
        }
    }
}
