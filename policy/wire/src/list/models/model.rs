//! One model of a list, as each family of APIs writes it.

use serde_json::{Map, Value};

use keyweir_terms::dialect::Dialect;

/// How a list of models is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelsForm {
    /// `data`, with ids that lead to the next page.
    Anthropic,
    /// `data`, all at once.
    OpenAi,
    /// `models`, with a token for the next page.
    Gemini,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// What requests name.
    pub id: String,
    /// Its JSON.
    pub json: Vec<u8>,
}

impl ModelsForm {
    /// How a list of `dialect` is written, before one was seen.
    pub const fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Anthropic => Self::Anthropic,
            Dialect::OpenAi | Dialect::Generic => Self::OpenAi,
        }
    }
}

impl Model {
    pub(super) fn new(id: String, entry: &Map<String, Value>) -> Self {
        let json = serde_json::to_vec(entry).unwrap_or_default();
        Self { id, json }
    }

    /// A model of which nothing but its id is known. `owner`: who has it.
    pub fn named(form: ModelsForm, id: &str, owner: &str) -> Self {
        let mut entry = Map::new();
        let (field, name) = match form {
            ModelsForm::Gemini => ("name", format!("models/{id}")),
            ModelsForm::Anthropic | ModelsForm::OpenAi => ("id", id.to_owned()),
        };
        entry.insert(field.to_owned(), Value::String(name));
        complete(form, &mut entry, id, owner);
        Self::new(id.to_owned(), &entry)
    }

    /// The same model by another name.
    pub fn by_alias(&self, form: ModelsForm, alias: &str) -> Self {
        let Ok(Value::Object(mut entry)) = serde_json::from_slice(&self.json) else {
            return Self::named(form, alias, "unknown");
        };
        let (name, name_value, shown) = match form {
            ModelsForm::Gemini => ("name", format!("models/{alias}"), "displayName"),
            ModelsForm::Anthropic => ("id", alias.to_owned(), "display_name"),
            ModelsForm::OpenAi => ("id", alias.to_owned(), ""),
        };
        entry.insert(name.to_owned(), Value::String(name_value));
        if let Some(Value::String(shown)) = entry.get_mut(shown) {
            *shown = format!("{alias} ({shown})");
        }
        Self::new(alias.to_owned(), &entry)
    }
}

/// Adds what is missing of what clients read.
pub(super) fn complete(form: ModelsForm, entry: &mut Map<String, Value>, id: &str, owner: &str) {
    let fields: &[(&str, Value)] = match form {
        ModelsForm::Anthropic => &[
            ("type", "model".into()),
            ("display_name", id.into()),
            ("created_at", "1970-01-01T00:00:00Z".into()),
        ],
        ModelsForm::OpenAi => &[
            ("object", "model".into()),
            ("created", 0.into()),
            ("owned_by", owner.into()),
        ],
        ModelsForm::Gemini => &[
            ("displayName", id.into()),
            (
                "supportedGenerationMethods",
                vec!["generateContent", "countTokens"].into(),
            ),
        ],
    };
    for (name, value) in fields {
        if entry.get(*name).is_none_or(Value::is_null) {
            entry.insert((*name).to_owned(), value.clone());
        }
    }
}
