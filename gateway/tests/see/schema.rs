//! `/status` is what its schema says, and the schema says all of it.
//!
//! As much of JSON Schema as that schema uses: `type`, `const`, `enum`, `minimum`, `properties`,
//! `required`, `additionalProperties`, `items` and `$ref` to `$defs`.

use serde_json::Value;

use crate::limited;
use crate::support::api::Api;

const SCHEMA: &str = include_str!("../../src/admin/assets/status.schema.json");

/// What of `value` is not as `schema` says, each with its place.
fn wrong(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").expect("a definition");
        return wrong(root, &root["$defs"][name], value, at);
    }
    let mut found = Vec::new();
    if !schema["type"].is_null() && !is_of_type(&schema["type"], value) {
        found.push(format!("{at}: {value} is no {}", schema["type"]));
        return found;
    }
    if schema.get("const").is_some_and(|it| it != value) {
        found.push(format!("{at}: {value} is not {}", schema["const"]));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{at}: {value} is none of {allowed:?}"));
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), value.as_f64())
        && number < least
    {
        found.push(format!("{at}: {number} is below {least}"));
    }
    if let Some(items) = value.as_array() {
        for (index, item) in items.iter().enumerate() {
            found.extend(wrong(
                root,
                &schema["items"],
                item,
                &format!("{at}[{index}]"),
            ));
        }
    }
    if let Some(fields) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(name.as_str().expect("a name")) {
                found.push(format!("{at}: {name} is missing"));
            }
        }
        for (name, field) in fields {
            let at = format!("{at}.{name}");
            match (
                schema["properties"].get(name),
                &schema["additionalProperties"],
            ) {
                (Some(schema), _) => found.extend(wrong(root, schema, field, &at)),
                (None, Value::Bool(false)) => found.push(format!("{at}: the schema has no such")),
                (None, other) => found.extend(wrong(root, other, field, &at)),
            }
        }
    }
    found
}

fn is_of_type(types: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("unknown type {name}"),
    };
    match types {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().any(|name| is(name.as_str().expect("a name"))),
        _ => panic!("no type: {types}"),
    }
}

/// Holds `status` to the schema.
pub(crate) fn holds(status: &Value) {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let wrong = wrong(&schema, &schema, status, "");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_is_what_its_schema_says() {
    let stage = limited().build().await;
    holds(&stage.gateway.status().await);
    stage.serves(Api::Messages).await;
    stage.serves(Api::Chat).await;
    let drained = stage
        .gateway
        .ask_admin("POST", "/keys/claude-one-key/drain")
        .await;
    assert_eq!(drained.status, 200, "{}", drained.text());
    let status = stage.gateway.status().await;
    let accounts = status["providers"][0]["groups"][0]["accounts"].as_array();
    let mut accounts = accounts.expect("a list").iter();
    assert!(accounts.any(|it| it["buckets"][0].is_object()), "{status}");
    holds(&status);
    let served = stage.gateway.admin("/status.schema.json").await;
    assert_eq!(served.header("content-type"), "application/schema+json");
    assert_eq!(served.text(), SCHEMA);
}

#[test]
fn what_is_not_as_the_schema_says_is_found() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let found = wrong(
        &schema,
        &schema,
        &serde_json::json!({ "format": 2, "more": 1 }),
        "",
    );
    for part in [
        ".format: 2 is not 1",
        ".more: the schema has no such",
        "\"ready\" is missing",
    ] {
        assert!(
            found.iter().any(|it| it.contains(part)),
            "{part}: {found:?}"
        );
    }
}
