//! A provider's list of models: where it is, and what it lists.
//!
//! Sources: <https://platform.openai.com/docs/api-reference/models/list>,
//! <https://docs.anthropic.com/en/api/models-list> (pages of at most 1,000),
//! <https://ai.google.dev/api/models> (names begin with `models/`, pages of at most 1,000).

use keyweir_terms::dialect::Dialect;

use crate::json::Reader;
use crate::json::{Kind, Text};

/// The path and the query to ask a provider of `dialect` for its models. `base_path`: the path of its
/// base URL, which comes before.
pub fn models_target(dialect: Dialect, base_path: &str) -> (&'static str, Option<&'static str>) {
    match dialect {
        Dialect::Anthropic => ("/v1/models", Some("limit=1000")),
        Dialect::OpenAi => ("/v1/models", None),
        // APIs that are none of these differ in where their version stands; base URLs that are meant
        // to be used have it.
        Dialect::Generic if base_path.split('/').any(is_version) => ("/models", None),
        Dialect::Generic => ("/v1/models", None),
    }
}

fn is_version(segment: &str) -> bool {
    let rest = segment.strip_prefix('v');
    rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// The names of the models that `body` lists; `None` if it is no such list.
pub fn model_names(body: &[u8]) -> Option<Vec<String>> {
    let mut names = None;
    let mut reader = Reader::new(body);
    let read = match reader.peek().ok()? {
        // Some of OpenAI's relatives (Together) give the list without its envelope.
        Kind::Array => listed(&mut reader).map(|them| names = Some(them)),
        _ => reader.object_or_skip(|name, reader| match name {
            b"data" | b"models" if reader.peek()? == Kind::Array => {
                names = Some(listed(reader)?);
                Ok(())
            }
            _ => reader.skip().map(drop),
        }),
    };
    read.ok().and(names)
}

fn listed(reader: &mut Reader<'_>) -> Result<Vec<String>, crate::json::Malformed> {
    let mut names = Vec::new();
    reader.array(|reader| {
        let (mut id, mut name) = (None, None);
        reader.object_or_skip(|member, reader| {
            match member {
                b"id" => id = reader.string_or_skip()?.and_then(Text::to_text),
                b"name" => name = reader.string_or_skip()?.and_then(Text::to_text),
                _ => drop(reader.skip()?),
            }
            Ok(())
        })?;
        let called = id.or(name);
        names.extend(called.map(|it| match it.strip_prefix("models/") {
            Some(bare) => bare.to_owned(),
            None => it,
        }));
        Ok(())
    })?;
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_read_from_lists_of_every_shape() {
        for (body, names) in [
            (
                r#"{"object":"list","data":[{"id":"gpt-5","name":"GPT 5"},{"id":"o3"}]}"#,
                Some(&["gpt-5", "o3"][..]),
            ),
            (
                r#"{"models":[{"name":"models/gemini-2.5-pro","displayName":"x"}]}"#,
                Some(&["gemini-2.5-pro"]),
            ),
            (r#"[{"id":"llama"},{"x":1},7]"#, Some(&["llama"])),
            (r#"{"data":[]}"#, Some(&[])),
            (r#"{"data":{}}"#, None),
            ("<html>", None),
            (r#"{"data":[{"id":"a"}"#, None),
            ("", None),
        ] {
            let read = model_names(body.as_bytes());
            let read = read
                .as_ref()
                .map(|it| it.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(read.as_deref(), names, "{body}");
        }
    }

    #[test]
    fn a_version_in_the_base_url_is_not_said_twice() {
        let at = |dialect, base| models_target(dialect, base).0;
        assert_eq!(at(Dialect::Generic, "/v1beta"), "/models");
        assert_eq!(at(Dialect::Generic, "/api/v4/x"), "/models");
        assert_eq!(at(Dialect::Generic, ""), "/v1/models");
        assert_eq!(at(Dialect::Generic, "/vendor"), "/v1/models");
    }
}
