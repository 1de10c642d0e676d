//! The JSON Schema of policy files, for editors and checkers in pipelines.
//!
//! Its structure and bounds come from the readers ([`super::form`]); its words and defaults from the
//! example file, which tests hold to name every field and its real default. What only shows when tables
//! are looked at together (names of other things, two of one name) it does not say: `check` does.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use serde_json::{Map, Value as Json, json};
use toml::de::{DeTable, DeValue};

use crate::file::fields::Fields;
use crate::file::form::{Form, Nothing, Shape, TableForm};
use crate::file::problems::Problems;
use crate::file::read;

const EXAMPLE: &str = include_str!("../../../../keys.example.toml");

/// The schema, as text.
pub fn schema() -> String {
    let (value, table) = (DeValue::Boolean(false), DeTable::new());
    let nothing = Nothing {
        value: &value,
        table: &table,
    };
    let problems = Problems::default();
    let form = std::rc::Rc::new(TableForm::default());
    let mut fields = Fields::asking(nothing, &form, &problems);
    let (mut raw, mut settings) = (read::RawPolicy::default(), read::Settings::default());
    read::tables(&mut fields, &mut raw, &mut settings);
    let mut schema = of_table(&form, "", &told(EXAMPLE));
    schema.insert(
        "$schema".to_owned(),
        "http://json-schema.org/draft-07/schema#".into(),
    );
    schema.insert("title".to_owned(), "Keyweir's policy file".into());
    let mut text = serde_json::to_string_pretty(&Json::Object(schema)).unwrap_or_default();
    text.push('\n');
    text
}

fn of_table(table: &TableForm, path: &str, told: &Told) -> Map<String, Json> {
    let fields = table.0.borrow();
    let mut properties = Map::new();
    for (name, form) in fields.iter() {
        let path = match path {
            "" => (*name).to_owned(),
            _ => format!("{path}.{name}"),
        };
        let mut property = of_form(form, &path, told);
        if let Some(words) = told.words.get(&path) {
            property.insert("description".to_owned(), words.as_str().into());
        }
        if let Some(default) = told.defaults.get(&path) {
            property.insert("default".to_owned(), default.clone());
        }
        properties.insert((*name).to_owned(), Json::Object(property));
    }
    let required = fields.iter().filter(|(_, form)| form.required.get());
    let required: Vec<&str> = required.map(|(name, _)| *name).collect();
    let mut schema = object(json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    }));
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema
}

fn of_form(form: &Form, path: &str, told: &Told) -> Map<String, Json> {
    let shapes = form.shapes.borrow();
    let mut ways: Vec<Map<String, Json>> = Vec::new();
    for shape in shapes.iter() {
        let way = of_shape(shape, path, told);
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    match <[_; 1]>::try_from(ways) {
        Ok([only]) => only,
        Err(ways) => object(json!({ "anyOf": ways })),
    }
}

fn of_shape(shape: &Shape, path: &str, told: &Told) -> Map<String, Json> {
    const DURATION: &str = "^ *([0-9]+ *(ms|s|m|h|d) *)+$";
    const DECIMAL: &str = r"^[0-9_]+(\.[0-9_]+)?$";
    const SIZE: &str = "^ *[0-9]+ *([Bb]|[KkMmGg][Ii]?[Bb]) *$";
    let whole = |bounds: &RangeInclusive<u64>| json!({ "type": "integer", "minimum": bounds.start(), "maximum": bounds.end() });
    object(match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Words(words) => json!({ "enum": words }),
        Shape::Count(bounds) => whole(bounds),
        Shape::Fraction(bounds) => {
            json!({ "type": "number", "minimum": bounds.start(), "maximum": bounds.end() })
        }
        Shape::Decimal => json!({
            "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": DECIMAL }]
        }),
        Shape::Duration => json!({ "type": "string", "pattern": DURATION }),
        Shape::Size(bounds) => json!({
            "anyOf": [whole(bounds), { "type": "string", "pattern": SIZE }],
        }),
        Shape::List(most, element) => json!({
            "type": "array",
            "maxItems": most,
            "items": of_form(element, path, told),
        }),
        Shape::Table(table) => return of_table(table, path, told),
    })
}

fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(object) => object,
        _ => Map::new(),
    }
}

/// What the example file tells, by path.
#[derive(Debug, Default)]
struct Told {
    words: HashMap<String, String>,
    defaults: HashMap<String, Json>,
}

fn told(example: &str) -> Told {
    let mut told = Told::default();
    let (mut table, mut words, mut used) = (String::new(), String::new(), false);
    for line in example.lines() {
        let line = line.strip_prefix("## ").unwrap_or(line);
        if let Some(comment) = line.strip_prefix("# ") {
            if std::mem::take(&mut used) || comment.starts_with('─') {
                words.clear();
            }
            if !comment.starts_with('─') {
                words.push_str(if words.is_empty() { "" } else { " " });
                words.push_str(&comment.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            continue;
        }
        let setting = line.strip_prefix('#').unwrap_or(line);
        if let Some(header) = setting.strip_prefix('[') {
            table = header.trim_matches(['[', ']']).to_owned();
            tell(&mut told, &table, &words);
            words.clear();
        } else if let Some((name, value)) = setting.split_once(" = ") {
            let path = match table.as_str() {
                "" => name.to_owned(),
                table => format!("{table}.{name}"),
            };
            tell(&mut told, &path, &words);
            used = true;
            let default = Some(value).filter(|_| line.starts_with('#'));
            if let Some(default) = default.and_then(json_of) {
                told.defaults.entry(path).or_insert(default);
            }
        } else {
            words.clear();
        }
    }
    told
}

fn tell(told: &mut Told, path: &str, words: &str) {
    if !words.is_empty() {
        let words = words.to_owned();
        told.words.entry(path.to_owned()).or_insert(words);
    }
}

fn json_of(value: &str) -> Option<Json> {
    let text = format!("value = {value}");
    let table = DeTable::parse(&text).ok()?;
    of_value(table.get_ref().get("value")?.get_ref())
}

fn of_value(value: &DeValue<'_>) -> Option<Json> {
    Some(match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Boolean(is) => (*is).into(),
        DeValue::Integer(number) => number.as_str().replace('_', "").parse::<u64>().ok()?.into(),
        DeValue::Float(number) => number.as_str().parse::<f64>().ok()?.into(),
        DeValue::Array(values) => {
            let values = values.iter().map(|value| of_value(value.get_ref()));
            Json::Array(values.collect::<Option<_>>()?)
        }
        DeValue::Datetime(_) | DeValue::Table(_) => return None,
    })
}

#[cfg(test)]
mod tests;
