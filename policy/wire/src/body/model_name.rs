//! Puts another model's name into a request, for a fallback; all other bytes stay.

use crate::json::Reader;

/// A longer name is no model's. Whoever reads names keeps to it: what is charged for, what is permitted
/// and what is listed must be the same models.
pub(crate) const BYTES_MAX: usize = 512;

/// `None` where the body names no model at its top.
pub(crate) fn replace(body: &[u8], model: &str) -> Option<Vec<u8>> {
    let mut found = None;
    let mut reader = Reader::new(body);
    reader
        .object(|name, reader| {
            let value = reader.skip()?;
            if name == b"model" {
                found = Some(value);
            }
            Ok(())
        })
        .ok()?;
    let value = found?;
    // `value` is a part of `body`, so its place is the distance of their beginnings.
    let start = value.as_ptr() as usize - body.as_ptr() as usize;
    let name = serde_json::to_string(model).ok()?;
    let mut replaced = Vec::with_capacity(body.len() - value.len() + name.len());
    replaced.extend_from_slice(&body[..start]);
    replaced.extend_from_slice(name.as_bytes());
    replaced.extend_from_slice(&body[start + value.len()..]);
    Some(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_models_name_changes() {
        for (body, replaced) in [
            (r#"{"model":"a","x":1}"#, r#"{"model":"b","x":1}"#),
            (
                r#"{ "max_tokens": 1, "metadata": {"model":"a"}, "model" : "a\"b" , "z":[] }"#,
                r#"{ "max_tokens": 1, "metadata": {"model":"a"}, "model" : "b" , "z":[] }"#,
            ),
        ] {
            let found = replace(body.as_bytes(), "b").unwrap();
            assert_eq!(std::str::from_utf8(&found).unwrap(), replaced);
        }
        assert_eq!(replace(b"{}", "b"), None);
        assert_eq!(replace(b"[1]", "b"), None);
        assert_eq!(replace(b"", "b"), None);
    }
}
