//! One page of a list: its items as they stand, and the list that a client gets of some.
//!
//! Sources: <https://platform.openai.com/docs/api-reference/files/list>,
//! <https://docs.anthropic.com/en/api/listing-message-batches>,
//! <https://docs.anthropic.com/en/api/skills/list-skills> (which has a token for its next page).

use keyweir_terms::dialect::Dialect;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::json::{Kind, Malformed, Reader, Text};

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageForm {
    /// Its items, its first and last id, and whether there are more.
    Anthropic,
    /// The same, and that it is a list.
    OpenAi,
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
    /// How a list of `dialect` is written, before one was seen.
    pub const fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Anthropic => Self::Anthropic,
            Dialect::OpenAi | Dialect::Generic => Self::OpenAi,
        }
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
            b"next_page" => {
                page.next = reader.string_or_skip()?.and_then(Text::to_text);
                Ok(())
            }
            _ => reader.skip().map(drop),
        });
        read.ok().filter(|()| has_data).map(|()| page)
    }
}

/// The next value, if it has an id.
fn item(reader: &mut Reader<'_>) -> Result<Option<Item>, Malformed> {
    let json = reader.skip()?;
    let (mut id, mut created, mut is_everybodys) = (None, 0, false);
    Reader::new(json).object_or_skip(|name, reader| match name {
        b"id" => {
            id = reader.string_or_skip()?.and_then(Text::to_text);
            Ok(())
        }
        b"created" | b"created_at" => {
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
    Ok(id.map(|id| Item {
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
    };
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&item.json);
    }
    let (first, last) = (quoted(items.first()), quoted(items.last()));
    let end = format!("],\"first_id\":{first},\"last_id\":{last},\"has_more\":{has_more}}}");
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
    fn what_is_no_list_is_none() {
        for body in ["", "[]", "{}", r#"{"data":{}}"#, r#"{"data":["#, "<html>"] {
            assert_eq!(Page::read(body.as_bytes()), None, "{body}");
        }
    }
}
