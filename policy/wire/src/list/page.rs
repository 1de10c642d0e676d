//! One page of a list: its items as they stand, and the list that a client gets of some.
//!
//! Sources: <https://platform.openai.com/docs/api-reference/files/list>,
//! <https://docs.anthropic.com/en/api/listing-message-batches>,
//! <https://docs.anthropic.com/en/api/skills/list-skills> (which has a token for its next page),
//! <https://ai.google.dev/api/files#method:-files.list>, <https://ai.google.dev/api/batch-api>.

use keyweir_terms::dialect::Dialect;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::json::{Kind, Malformed, Reader, Text};
use crate::reference;

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageForm {
    /// Its items, its first and last id, and whether there are more.
    Anthropic,
    /// The same, and that it is a list.
    OpenAi,
    /// Its items under the name of their collection, and a token if there are more.
    Google(&'static str),
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// How it is written.
    pub form: PageForm,
    /// What it lists.
    pub items: Vec<Item>,
    /// More follow it.
    pub has_more: bool,
    /// The token of the next page, where pages have tokens.
    pub next: Option<String>,
}

/// One thing that is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// When it was made, in seconds since 1970 began; 0 if it does not say.
    pub created: i64,
    /// The provider has it for everybody.
    pub is_everybodys: bool,
    /// Its JSON, as it stood.
    pub json: Vec<u8>,
}

impl PageForm {
    /// How the list at `path` of `dialect` is written, before one was seen; `None` if it is in a form
    /// of its own, which is not read.
    pub fn of(dialect: Dialect, path: &str) -> Option<Self> {
        let last = path.rsplit('/').next().unwrap_or_default();
        match dialect {
            Dialect::Anthropic => Some(Self::Anthropic),
            Dialect::OpenAi => Some(Self::OpenAi),
            Dialect::Generic if OWN_FORMS.contains(&last) => None,
            Dialect::Generic => Some(google(path).map_or(Self::OpenAi, Self::Google)),
        }
    }
}

/// Collections whose lists are in a form of their own: Bedrock's, Cohere's, Replicate's.
const OWN_FORMS: [&str; 5] = [
    "datasets",
    "embed-jobs",
    "model-invocation-jobs",
    "predictions",
    "trainings",
];

/// What a list of Gemini's is named by, by its path. Its files and batches are at paths that are
/// OpenAI's too, but for the version.
fn google(path: &str) -> Option<&'static str> {
    let (before, last) = path.rsplit_once('/')?;
    let is_beta = before
        .split('/')
        .any(|it| it.starts_with("v1beta") || it.starts_with("v1alpha"));
    match last {
        "files" if !is_beta => None,
        "batches" if !is_beta => None,
        "batches" => Some("operations"),
        _ => reference::collection(last.as_bytes()),
    }
}

impl Page {
    /// Reads a list; `None` if it is none.
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut page = Self {
            form: PageForm::Anthropic,
            items: Vec::new(),
            has_more: false,
            next: None,
        };
        let mut has_data = false;
        let mut reader = Reader::new(body);
        let read = reader.object(|name, reader| match name {
            b"object" => {
                let kind = reader.string_or_skip()?;
                if kind.is_some_and(|kind| kind.raw() == b"list") {
                    page.form = PageForm::OpenAi;
                }
                Ok(())
            }
            b"data" if reader.peek()? == Kind::Array => {
                has_data = true;
                reader.array(|reader| {
                    page.items.extend(item(reader)?);
                    Ok(())
                })
            }
            b"has_more" => {
                page.has_more = reader.is_true()?;
                Ok(())
            }
            b"next_page" | b"nextPageToken" => {
                page.next = reader.string_or_skip()?.and_then(Text::to_text);
                page.has_more |= name == b"nextPageToken" && page.next.is_some();
                Ok(())
            }
            _ => match reference::collection(name) {
                Some(collection) if !has_data && reader.peek()? == Kind::Array => {
                    has_data = true;
                    page.form = PageForm::Google(collection);
                    reader.array(|reader| {
                        page.items.extend(item(reader)?);
                        Ok(())
                    })
                }
                _ => reader.skip().map(drop),
            },
        });
        read.ok().filter(|()| has_data).map(|()| page)
    }
}

/// The next value, if it has an id.
fn item(reader: &mut Reader<'_>) -> Result<Option<Item>, Malformed> {
    let json = reader.skip()?;
    let (mut id, mut named, mut created, mut is_everybodys) = (None, None, 0, false);
    Reader::new(json).object_or_skip(|name, reader| match name {
        b"id" => {
            id = reader.string_or_skip()?.and_then(Text::to_text);
            Ok(())
        }
        b"name" => {
            named = reader.string_or_skip()?.and_then(Text::to_text);
            Ok(())
        }
        b"created" | b"created_at" | b"createTime" => {
            created = moment(reader)?;
            Ok(())
        }
        b"source" => {
            let source = reader.string_or_skip()?;
            is_everybodys = source.is_some_and(|source| source.raw() == b"anthropic");
            Ok(())
        }
        _ => reader.skip().map(drop),
    })?;
    let of_name = || reference::of_name(named.as_deref()?).map(str::to_owned);
    Ok(id.or_else(of_name).map(|id| Item {
        id,
        created,
        is_everybodys,
        json: json.to_vec(),
    }))
}

fn moment(reader: &mut Reader<'_>) -> Result<i64, Malformed> {
    if reader.peek()? != Kind::String {
        let secs = reader.u64_or_skip()?.unwrap_or_default();
        return Ok(i64::try_from(secs).unwrap_or_default());
    }
    let text = reader.string()?.to_text().unwrap_or_default();
    let moment = OffsetDateTime::parse(&text, &Rfc3339);
    Ok(moment.map_or(0, OffsetDateTime::unix_timestamp))
}

/// The list of `items`, in `form`.
pub fn write(form: PageForm, items: &[Item], has_more: bool) -> Vec<u8> {
    let quoted = |item: Option<&Item>| {
        let id = item.and_then(|item| serde_json::to_string(&item.id).ok());
        id.unwrap_or_else(|| "null".to_owned())
    };
    let mut body = match form {
        PageForm::Anthropic => b"{\"data\":[".to_vec(),
        PageForm::OpenAi => b"{\"object\":\"list\",\"data\":[".to_vec(),
        PageForm::Google(collection) => format!("{{\"{collection}\":[").into_bytes(),
    };
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&item.json);
    }
    let (first, last) = (quoted(items.first()), quoted(items.last()));
    let end = match form {
        PageForm::Google(_) if has_more => format!("],\"nextPageToken\":{last}}}"),
        PageForm::Google(_) => "]}".to_owned(),
        _ => format!("],\"first_id\":{first},\"last_id\":{last},\"has_more\":{has_more}}}"),
    };
    body.extend_from_slice(end.as_bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists_of_either_dialect_and_writes_what_is_left_of_them() {
        for (form, body, created) in [
            (
                PageForm::OpenAi,
                r#"{"object":"list","data":[{"id":"file-1","created_at":1700000000, "x":[1]},{"id":"file-2"},{"x":1},7],"has_more":true,"first_id":"file-1"}"#,
                1_700_000_000,
            ),
            (
                PageForm::Anthropic,
                r#"{"data":[{"id":"file-1","created_at":"2023-11-14T22:13:20Z"},{"source":"anthropic","id":"file-2"}],"has_more":true,"next_page":"t1"}"#,
                1_700_000_000,
            ),
        ] {
            let page = Page::read(body.as_bytes()).expect("a list");
            assert_eq!(page.form, form);
            assert!(page.has_more);
            let ids: Vec<_> = page.items.iter().map(|item| item.id.as_str()).collect();
            assert_eq!(ids, ["file-1", "file-2"]);
            assert_eq!(page.items[0].created, created);
            assert_eq!(page.items[1].is_everybodys, form == PageForm::Anthropic);
            assert_eq!(page.next.is_some(), form == PageForm::Anthropic);

            let written = write(form, &page.items, false);
            let again = Page::read(&written).expect("a list");
            assert_eq!((again.items, again.form), (page.items, form));
            let value: serde_json::Value = serde_json::from_slice(&written).expect("JSON");
            assert_eq!(value["last_id"], "file-2");
            assert_eq!(value["has_more"], false);
        }
        let none = write(PageForm::OpenAi, &[], false);
        let value: serde_json::Value = serde_json::from_slice(&none).expect("JSON");
        assert_eq!(value["first_id"], serde_json::Value::Null);
    }

    #[test]
    fn lists_of_geminis_are_named_by_their_collection_and_go_on_by_a_token() {
        let body = br#"{"files":[{"name":"files/a-1","createTime":"2023-11-14T22:13:20.123456Z"},
            {"name":"files/b-2"},{"displayName":"x"}],"nextPageToken":"t1"}"#;
        let page = Page::read(body).expect("a list");
        let ids: Vec<_> = page.items.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids, ["a-1", "b-2"]);
        assert_eq!(page.items[0].created, 1_700_000_000);
        assert_eq!(
            (page.form, page.has_more),
            (PageForm::Google("files"), true)
        );
        assert_eq!(page.next.as_deref(), Some("t1"));

        let written = write(page.form, &page.items[1..], true);
        assert_eq!(
            written,
            br#"{"files":[{"name":"files/b-2"}],"nextPageToken":"b-2"}"#
        );
        assert_eq!(write(page.form, &[], false), br#"{"files":[]}"#);

        for (path, form) in [
            ("/v1beta/files", PageForm::Google("files")),
            ("/v1beta/batches", PageForm::Google("operations")),
            ("/v1/files", PageForm::OpenAi),
            ("/v1beta/cachedContents", PageForm::Google("cachedContents")),
            ("/v1/fine_tuning/jobs", PageForm::OpenAi),
        ] {
            assert_eq!(PageForm::of(Dialect::Generic, path), Some(form), "{path}");
        }
        assert_eq!(PageForm::of(Dialect::Generic, "/v1/predictions"), None);
    }

    #[test]
    fn what_is_no_list_is_none() {
        for body in ["", "[]", "{}", r#"{"data":{}}"#, r#"{"data":["#, "<html>"] {
            assert_eq!(Page::read(body.as_bytes()), None, "{body}");
        }
    }
}
