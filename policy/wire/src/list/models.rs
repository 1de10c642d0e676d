//! Lists of models, which each family of APIs writes in its own way.
//!
//! What SDKs and coding agents read of an entry is added where a provider leaves it out: relatives of
//! OpenAI's API often do. All else of an entry stays as it came.
//!
//! Sources: <https://docs.anthropic.com/en/api/models-list> (`created_at` is the epoch where it is not
//! known), <https://platform.openai.com/docs/api-reference/models/list>,
//! <https://ai.google.dev/api/models#method:-models.list>.

mod model;
mod pages;
mod target;

pub use self::model::{Model, ModelsForm};
pub use self::pages::{first_query, models_path, write};
pub use self::target::models_target;

use serde_json::{Map, Value};

use keyweir_terms::dialect::Dialect;

use self::model::complete;
use crate::body::model_name;

/// One page of a provider's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelsPage {
    /// How it is written.
    pub form: ModelsForm,
    /// What it lists.
    pub models: Vec<Model>,
    /// The query for the page that follows.
    pub next: Option<String>,
}

impl ModelsPage {
    /// Reads a page that came in an answer of `dialect`; `None` if it is none.
    pub fn read(dialect: Dialect, body: &[u8]) -> Option<Self> {
        let mut page = match serde_json::from_slice(body).ok()? {
            Value::Object(page) => page,
            // Some of OpenAI's relatives (Together) give the list without its envelope.
            entries @ Value::Array(_) => Map::from_iter([("data".to_owned(), entries)]),
            _ => return None,
        };
        let (form, entries) = match (page.remove("data"), page.remove("models")) {
            (Some(Value::Array(data)), _) => (ModelsForm::of(dialect), data),
            (_, Some(Value::Array(models))) if dialect == Dialect::Generic => {
                (ModelsForm::Gemini, models)
            }
            _ => return None,
        };
        let models: Vec<Model> = entries
            .into_iter()
            .filter_map(|entry| read(form, entry))
            .collect();
        let next = pages::next_query(form, &page, models.last());
        Some(Self { form, models, next })
    }
}

fn read(form: ModelsForm, entry: Value) -> Option<Model> {
    let Value::Object(mut entry) = entry else {
        return None;
    };
    let name = match form {
        ModelsForm::Gemini => "name",
        ModelsForm::Anthropic | ModelsForm::OpenAi => "id",
    };
    let id = entry.get(name)?.as_str()?;
    let id = id.strip_prefix("models/").unwrap_or(id).to_owned();
    if id.is_empty() || id.len() > model_name::BYTES_MAX {
        return None;
    }
    complete(form, &mut entry, &id, "unknown");
    Some(Model::new(id, &entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(model: &Model) -> Value {
        serde_json::from_slice(&model.json).expect("JSON")
    }

    #[test]
    fn lists_of_each_family_are_read_and_completed() {
        let page = ModelsPage::read(
            Dialect::Anthropic,
            br#"{"data":[{"id":"claude-1","type":"model","created_at":"2025-01-01T00:00:00Z","max_tokens":7},{"x":1}],"has_more":true,"last_id":"claude-1"}"#,
        )
        .expect("a list");
        assert_eq!(page.next.as_deref(), Some("limit=1000&after_id=claude-1"));
        assert_eq!(page.models.len(), 1);
        let entry = value(&page.models[0]);
        assert_eq!(entry["display_name"], "claude-1");
        assert_eq!(entry["max_tokens"], 7);
        assert_eq!(entry["created_at"], "2025-01-01T00:00:00Z");

        let page = ModelsPage::read(Dialect::OpenAi, br#"{"data":[{"id":"a/b"}]}"#);
        let page = page.expect("a list");
        let entry = value(&page.models[0]);
        assert_eq!((page.next, entry["object"].as_str()), (None, Some("model")));
        assert_eq!(entry["created"], 0);
        let bare = ModelsPage::read(Dialect::OpenAi, br#"[{"id":"llama"},{"x":1},7]"#);
        assert_eq!(bare.expect("a list").models[0].id, "llama");

        let page = ModelsPage::read(
            Dialect::Generic,
            br#"{"models":[{"name":"models/gemini-1","inputTokenLimit":9}],"nextPageToken":"t/1"}"#,
        );
        let page = page.expect("a list");
        assert_eq!(page.form, ModelsForm::Gemini);
        assert_eq!(page.next.as_deref(), Some("pageSize=1000&pageToken=t%2F1"));
        assert_eq!(page.models[0].id, "gemini-1");

        for body in ["", "7", "{}", r#"{"data":{}}"#, "<html>"] {
            assert_eq!(ModelsPage::read(Dialect::OpenAi, body.as_bytes()), None);
        }
    }

    #[test]
    fn an_alias_has_what_its_model_has() {
        let model = Model::named(ModelsForm::Anthropic, "claude-1", "anthropic");
        let alias = model.by_alias(ModelsForm::Anthropic, "fast");
        assert_eq!(alias.id, "fast");
        let entry = value(&alias);
        assert_eq!(entry["id"], "fast");
        assert_eq!(entry["display_name"], "fast (claude-1)");
        let gemini = Model::named(ModelsForm::Gemini, "g", "google");
        let alias = gemini.by_alias(ModelsForm::Gemini, "fast");
        assert_eq!(value(&alias)["name"], "models/fast");
    }
}
