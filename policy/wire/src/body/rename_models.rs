//! Puts models in the place of other names for them, wherever a body names a model that it wants to
//! be run: at its top, in its list of models, and in the requests of a batch. All other bytes stay.

use std::ops::Range;

use crate::json::{Kind, Malformed, Reader, Text};

/// What a body becomes with `rename` of every model it names; `None` where nothing changes.
pub(crate) fn rename<'m>(body: &[u8], rename: impl Fn(&str) -> Option<&'m str>) -> Option<Vec<u8>> {
    let mut names = Names {
        body,
        rename,
        found: Vec::new(),
    };
    names.request(&mut Reader::new(body), true).ok()?;
    if names.found.is_empty() {
        return None;
    }
    let mut renamed = Vec::with_capacity(body.len() + 64);
    let mut from = 0;
    for (place, model) in names.found {
        renamed.extend_from_slice(&body[from..place.start]);
        renamed.extend_from_slice(serde_json::to_string(model).ok()?.as_bytes());
        from = place.end;
    }
    renamed.extend_from_slice(&body[from..]);
    Some(renamed)
}

/// Names that are replaced, in the order in which they stand in `body`.
struct Names<'b, 'm, F> {
    body: &'b [u8],
    rename: F,
    found: Vec<(Range<usize>, &'m str)>,
}

impl<'b, 'm, F: Fn(&str) -> Option<&'m str>> Names<'b, 'm, F> {
    fn request(&mut self, reader: &mut Reader<'b>, is_top: bool) -> Result<(), Malformed> {
        reader.object(|name, reader| match name {
            b"model" => self.name(reader),
            b"models" if reader.peek()? == Kind::Array => reader.array(|reader| self.name(reader)),
            b"requests" if is_top && reader.peek()? == Kind::Array => {
                reader.array(|reader| self.entry(reader))
            }
            _ => reader.skip().map(drop),
        })
    }

    /// One request of a batch.
    fn entry(&mut self, reader: &mut Reader<'b>) -> Result<(), Malformed> {
        reader.object_or_skip(|name, reader| match name {
            b"params" if reader.peek()? == Kind::Object => self.request(reader, false),
            _ => reader.skip().map(drop),
        })
    }

    fn name(&mut self, reader: &mut Reader<'b>) -> Result<(), Malformed> {
        let value = reader.skip()?;
        let text = Reader::new(value).string_or_skip()?.and_then(Text::to_text);
        if let Some(model) = text.and_then(|text| (self.rename)(&text)) {
            // `value` is a part of `body`, so its place is the distance of their beginnings.
            let start = value.as_ptr() as usize - self.body.as_ptr() as usize;
            self.found.push((start..start + value.len(), model));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_models_to_run_change() {
        let models = |name: &str| match name {
            "fast" => Some("haiku"),
            "big" => Some("op\"us"),
            _ => None,
        };
        for (body, renamed) in [
            (
                r#"{"model":"f\u0061st","metadata":{"model":"fast"},"x":"fast"}"#,
                Some(r#"{"model":"haiku","metadata":{"model":"fast"},"x":"fast"}"#),
            ),
            (
                r#"{"models": ["gpt", "fast" ,"big"], "model" : "big"}"#,
                Some(r#"{"models": ["gpt", "haiku" ,"op\"us"], "model" : "op\"us"}"#),
            ),
            (
                r#"{"requests":[{"custom_id":"fast","params":{"model":"fast"}},7,{"params":{"model":"gpt"}}]}"#,
                Some(
                    r#"{"requests":[{"custom_id":"fast","params":{"model":"haiku"}},7,{"params":{"model":"gpt"}}]}"#,
                ),
            ),
            (r#"{"model":"gpt"}"#, None),
            (r#"{"model":7}"#, None),
            (r#"{"model":"fast""#, None),
            ("", None),
        ] {
            let found = rename(body.as_bytes(), models);
            let found = found.map(|body| String::from_utf8(body).expect("UTF-8"));
            assert_eq!(found.as_deref(), renamed, "{body}");
        }
    }
}
