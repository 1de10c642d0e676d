use super::*;

const WRITTEN: &str = include_str!("../../../../../docs/keys.schema.json");

fn parsed() -> Json {
    serde_json::from_str(&schema()).expect("JSON")
}

/// `keyweir schema > docs/keys.schema.json` makes it anew.
#[test]
fn the_schema_in_the_repository_is_the_readers() {
    assert!(
        schema() == WRITTEN,
        "docs/keys.schema.json is not what `keyweir schema` prints"
    );
}

#[test]
fn it_has_what_readers_ask_for_and_words_for_it() {
    let schema = parsed();
    let at = |path: &str| schema.pointer(path).cloned().unwrap_or_default();
    let limits = "/properties/gateway/properties/limits/properties";
    assert_eq!(at(&format!("{limits}/header_count_max/minimum")), 8);
    assert_eq!(at(&format!("{limits}/header_count_max/default")), 128);
    let provider = "/properties/provider/items";
    let required = at(&format!("{provider}/required"));
    assert_eq!(required, json!(["base_url", "dialect", "id"]));
    let dialects = at(&format!("{provider}/properties/dialect/enum"));
    assert_eq!(dialects, json!(["anthropic", "openai", "generic"]));
    let secret = at("/properties/account/items/properties/key/items/properties/secret");
    let ways = secret["anyOf"].as_array().expect("two ways");
    assert_eq!((ways.len(), ways[1]["type"].as_str()), (2, Some("string")));
    let command = &ways[0]["properties"]["command"];
    assert_eq!(command["type"], "array", "no text: {command}");
    let listen = at("/properties/gateway/properties/listen/description");
    assert!(listen.as_str().is_some_and(|words| words.contains("clear")));
}

/// Every table and field of the example, with its examples taken up, is one of the schema's.
#[test]
fn the_example_is_valid_by_it() {
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("## ").unwrap_or(line)))
        .collect();
    for text in [EXAMPLE, &uncommented] {
        let table = DeTable::parse(text).expect("TOML");
        let value = DeValue::Table(table.into_inner());
        let mut wrong = Vec::new();
        check(&value, &parsed(), "", &mut wrong);
        assert_eq!(wrong, [""; 0]);
    }
}

#[test]
fn what_readers_refuse_it_refuses() {
    for (text, wrong) in [
        ("gatway = 1", "gatway"),
        ("[gateway]\nlisten = 7", "gateway.listen"),
        (
            "[gateway.limits]\nheader_count_max = 1",
            "gateway.limits.header_count_max",
        ),
        ("[retry]\nambiguous = \"yes\"", "retry.ambiguous"),
        ("[waiting]\npatience = \"soon\"", "waiting.patience"),
        (
            "[[provider]]\nid = \"a\"\ndialect = \"latin\"\nbase_url = \"x\"",
            "provider.dialect",
        ),
        ("[[provider]]\nid = \"a\"", "provider"),
    ] {
        let table = DeTable::parse(text).expect("TOML");
        let mut found = Vec::new();
        check(
            &DeValue::Table(table.into_inner()),
            &parsed(),
            "",
            &mut found,
        );
        assert!(found.iter().any(|path| path == wrong), "{text}: {found:?}");
    }
}

/// As much of JSON Schema as the schema uses, without patterns of sizes.
fn check(value: &DeValue<'_>, schema: &Json, path: &str, wrong: &mut Vec<String>) {
    if let Some(ways) = schema["anyOf"].as_array() {
        let fits = ways.iter().any(|way| {
            let mut found = Vec::new();
            check(value, way, path, &mut found);
            found.is_empty()
        });
        if !fits {
            wrong.push(path.to_owned());
        }
        return;
    }
    let number = |text: &str| text.replace('_', "").parse::<f64>().unwrap_or(f64::NAN);
    let is_within = |number: f64| {
        let most = schema["maximum"].as_f64().unwrap_or(f64::INFINITY);
        schema["minimum"].as_f64() <= Some(number) && number <= most
    };
    let is_right = match (value, schema["type"].as_str()) {
        (DeValue::String(text), Some("string")) => {
            schema["pattern"].is_null() || text.starts_with(|c: char| c.is_ascii_digit())
        }
        (DeValue::Datetime(_), Some("string")) | (DeValue::Boolean(_), Some("boolean")) => true,
        (DeValue::String(text), None) => schema["enum"]
            .as_array()
            .is_some_and(|words| words.iter().any(|word| word == text.as_ref())),
        (DeValue::Integer(whole), Some("integer" | "number")) => {
            let number = number(whole.as_str());
            is_within(number)
        }
        (DeValue::Float(fraction), Some("number")) => {
            let number = number(fraction.as_str());
            is_within(number)
        }
        (DeValue::Array(values), Some("array")) => {
            for value in values.iter() {
                check(value.get_ref(), &schema["items"], path, wrong);
            }
            true
        }
        (DeValue::Table(table), Some("object")) => {
            for (name, value) in table.iter() {
                let name = name.get_ref();
                let path = format!("{path}.{name}").trim_start_matches('.').to_owned();
                match schema["properties"].get(name.as_ref()) {
                    Some(schema) => check(value.get_ref(), schema, &path, wrong),
                    None => wrong.push(path),
                }
            }
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let has = |name: &Json| table.contains_key(name.as_str().unwrap_or_default());
            required.iter().all(has)
        }
        _ => false,
    };
    if !is_right {
        wrong.push(path.to_owned());
    }
}
