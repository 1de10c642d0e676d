//! Pages of lists of models: how to ask a provider for one, and which one a client asks for.

use serde_json::{Map, Value};

use super::model::{Model, ModelsForm};
use crate::credential::query::{escaped, unescaped};
use crate::list::page::PageForm;
use crate::list::paging::Paging;
use keyweir_terms::dialect::Dialect;
use keyweir_terms::endpoint::Endpoint;

/// The most that Anthropic and Gemini give at once.
const FETCHED: usize = 1_000;

/// The path of the list that `path` leads to, and the id of the one model in it, if that is what is
/// asked for.
pub fn models_path(path: &str) -> Option<(&str, Option<String>)> {
    const LIST: &str = "/models";
    let whole = path.strip_suffix('/').unwrap_or(path);
    if whole.ends_with(LIST) {
        return Some((whole, None));
    }
    let end = path.find("/models/")? + LIST.len();
    let id = unescaped(&path[end + 1..]);
    Some((&path[..end], Some(id).filter(|id| !id.is_empty())))
}

/// The query for the first page of a provider's list.
pub fn first_query(dialect: Dialect) -> String {
    match dialect {
        Dialect::Anthropic => format!("limit={FETCHED}"),
        // Whether it is a list of Gemini's shows in its first page.
        Dialect::OpenAi | Dialect::Generic => String::new(),
    }
}

/// The query for the page after one that says `rest` beside its entries, of which `last` is the last.
pub(super) fn next_query(
    form: ModelsForm,
    rest: &Map<String, Value>,
    last: Option<&Model>,
) -> Option<String> {
    let more = rest.get("has_more") == Some(&Value::Bool(true));
    let token = rest.get("nextPageToken").and_then(Value::as_str);
    match form {
        ModelsForm::Anthropic if more => {
            let id = escaped(&last?.id);
            Some(format!("limit={FETCHED}&after_id={id}"))
        }
        ModelsForm::Gemini => {
            let token = escaped(token.filter(|token| !token.is_empty())?);
            Some(format!("pageSize={FETCHED}&pageToken={token}"))
        }
        ModelsForm::Anthropic | ModelsForm::OpenAi => None,
    }
}

/// The list of `models` in `form`: the page of it that a client asks for with `query`.
pub fn write(form: ModelsForm, models: &[Model], query: &str) -> Vec<u8> {
    match form {
        ModelsForm::Anthropic => anthropic(models, query),
        ModelsForm::OpenAi => entries(b"{\"object\":\"list\",\"data\":[", models, "]}"),
        ModelsForm::Gemini => gemini(models, query),
    }
}

fn anthropic(models: &[Model], query: &str) -> Vec<u8> {
    let paging = Paging::read(PageForm::Anthropic, Endpoint::Models, query);
    let limit = paging.limit.min(FETCHED);
    let place = |id: &String| models.iter().position(|model| model.id == *id);
    let (start, end) = match (&paging.after, &paging.before) {
        // Beyond a model that is not there nothing is.
        (Some(after), _) => {
            let start = place(after).map_or(models.len(), |at| at + 1);
            (start, models.len().min(start + limit))
        }
        (None, Some(before)) => {
            let end = place(before).unwrap_or(0);
            (end.saturating_sub(limit), end)
        }
        (None, None) => (0, models.len().min(limit)),
    };
    let has_more = match paging.before.is_some() && paging.after.is_none() {
        true => start > 0,
        false => end < models.len(),
    };
    let page = &models[start..end];
    let id = |model: Option<&Model>| Value::from(model.map(|model| model.id.as_str()));
    let (first, last) = (id(page.first()), id(page.last()));
    let end = format!("],\"first_id\":{first},\"last_id\":{last},\"has_more\":{has_more}}}");
    entries(b"{\"data\":[", page, &end)
}

/// Its pages' tokens are places in the list.
fn gemini(models: &[Model], query: &str) -> Vec<u8> {
    let parameter = |name: &str| {
        let mut parameters = query.split('&').filter_map(|it| it.split_once('='));
        let (_, value) = parameters.find(|(known, _)| *known == name)?;
        value.parse::<usize>().ok()
    };
    let start = parameter("pageToken").unwrap_or(0).min(models.len());
    let size = parameter("pageSize").filter(|size| *size > 0);
    let end = size.map_or(models.len(), |size| {
        models.len().min(start.saturating_add(size))
    });
    let rest = match end < models.len() {
        true => format!("],\"nextPageToken\":\"{end}\"}}"),
        false => "]}".to_owned(),
    };
    entries(b"{\"models\":[", &models[start..end], &rest)
}

fn entries(begin: &[u8], models: &[Model], end: &str) -> Vec<u8> {
    let mut list = begin.to_vec();
    for (at, model) in models.iter().enumerate() {
        if at > 0 {
            list.push(b',');
        }
        list.extend_from_slice(&model.json);
    }
    list.extend_from_slice(end.as_bytes());
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(form: ModelsForm, query: &str) -> (Vec<String>, Value) {
        let models: Vec<Model> = ["a", "b", "c"].map(|id| Model::named(form, id, "x")).into();
        let list: Value = serde_json::from_slice(&write(form, &models, query)).expect("JSON");
        let entries = list.get("data").or(list.get("models")).expect("entries");
        let id = |entry: &Value| {
            let id = entry.get("id").or(entry.get("name")).expect("an id");
            id.as_str().expect("text").to_owned()
        };
        let ids = entries.as_array().expect("a list").iter().map(id);
        (ids.collect(), list)
    }

    #[test]
    fn anthropics_clients_get_the_page_they_ask_for() {
        for (query, expected, has_more) in [
            ("", &["a", "b", "c"][..], false),
            ("limit=2", &["a", "b"], true),
            ("limit=1&after_id=a", &["b"], true),
            ("after_id=b", &["c"], false),
            ("limit=1&before_id=c", &["b"], true),
            ("before_id=b", &["a"], false),
            ("after_id=none", &[], false),
        ] {
            let (ids, list) = ids(ModelsForm::Anthropic, query);
            assert_eq!(ids, expected, "{query}");
            assert_eq!(list["has_more"], has_more, "{query}");
            assert_eq!(list["first_id"].as_str(), expected.first().copied());
            assert_eq!(list["last_id"].as_str(), expected.last().copied());
        }
    }

    #[test]
    fn a_path_leads_to_a_list_or_to_one_of_it() {
        for (path, expected) in [
            ("/v1/models", Some(("/v1/models", None))),
            ("/models/", Some(("/models", None))),
            ("/v1/models/a%2Fb", Some(("/v1/models", Some("a/b")))),
            ("/v1/models/a/b", Some(("/v1/models", Some("a/b")))),
            ("/v1beta/models/g", Some(("/v1beta/models", Some("g")))),
            ("/v1/files", None),
        ] {
            let expected = expected.map(|(list, id)| (list, id.map(str::to_owned)));
            assert_eq!(models_path(path), expected, "{path}");
        }
    }

    #[test]
    fn other_clients_get_all_or_follow_tokens() {
        let (all, list) = ids(ModelsForm::OpenAi, "limit=1");
        assert_eq!((all.len(), list["object"].as_str()), (3, Some("list")));
        let (page, list) = ids(ModelsForm::Gemini, "pageSize=2");
        assert_eq!(page, ["models/a", "models/b"]);
        let token = list["nextPageToken"].as_str().expect("a token");
        let (page, list) = ids(ModelsForm::Gemini, &format!("pageSize=2&pageToken={token}"));
        assert_eq!(page, ["models/c"]);
        assert_eq!(list.get("nextPageToken"), None);
    }
}
