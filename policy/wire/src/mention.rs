//! What may be the id of a thing at a provider, wherever it stands in a request.
//!
//! Fields that refer to things are known by name ([`crate::reference`]), and every API grows new ones;
//! some providers read names of another case, forms that are no JSON, escapes in paths, files whose
//! lines are requests. Here is read what stands between quotes, or alone in its line, whatever it is
//! for. A text that speaks of an id is none: the quotes in it are escaped, or there are words beside it.
//!
//! Each byte is looked at once, or a few times where there are escapes: 20 MB that are nothing but two
//! million ids take 0.2 s more than 20 MB of text (measured, one look-up under a lock for each included).

use std::borrow::Cow;

use memchr::memchr2_iter;

use crate::credential::query::unescaped;
use crate::reference::ID_BYTES_MAX;

/// Shorter ones are no provider's, but for those that people choose.
const BYTES_MIN: usize = 6;
/// Longer texts without a blank are no addresses and no forms.
const RUN_BYTES_MAX: usize = 1024;
/// Escapes of escapes that are undone in a path or a query.
const DECODED_MAX: usize = 4;

/// Whether `is_hidden` holds for anything that may be an id in `body`.
pub fn in_body(body: &[u8], mut is_hidden: impl FnMut(&str) -> bool) -> bool {
    let body = in_bytes(body);
    let mut unescaped = String::new();
    let starts = memchr2_iter(b'"', b'\n', &body).map(|at| at + 1);
    let mut starts = std::iter::once(0).chain(starts);
    starts.any(|start| {
        let text = read(&body[start..], &mut unescaped);
        text.is_some_and(|text| is_any(text, &mut is_hidden))
    })
}

/// Whether `is_hidden` holds for anything that may be an id in a path or a query.
pub fn in_target(target: &str, mut is_hidden: impl FnMut(&str) -> bool) -> bool {
    let mut plain = target.to_owned();
    for _ in 0..DECODED_MAX {
        let mut segments = plain.split(['/', ':', '?', '&', ';', '=', ',', '+', ' ', '"', '\'']);
        if segments.any(|segment| is_any(segment, &mut is_hidden)) {
            return true;
        }
        let next = unescaped(&plain);
        if next == plain {
            break;
        }
        plain = next;
    }
    false
}

/// Text of two bytes a character has none between those of ASCII.
fn in_bytes(body: &[u8]) -> Cow<'_, [u8]> {
    let is_wide = body.iter().take(4).any(|byte| *byte == 0);
    if !is_wide {
        return Cow::Borrowed(body);
    }
    let bytes = body.iter().copied().filter(|byte| *byte != 0);
    Cow::Owned(bytes.collect())
}

/// What `rest` begins with, up to the next quote or the end of the line; `None` if there is no id in it.
fn read<'a>(rest: &'a [u8], unescaped: &'a mut String) -> Option<&'a str> {
    let run = &rest[..rest.len().min(RUN_BYTES_MAX)];
    let length = run.iter().position(|byte| !is_of_ids(*byte));
    let length = length.unwrap_or(run.len());
    match rest.get(length) {
        None | Some(b'"' | b'\r' | b'\n') if length >= BYTES_MIN => {
            std::str::from_utf8(&rest[..length]).ok()
        }
        Some(b'\\') => read_escaped(rest, unescaped).then_some(unescaped),
        _ => None,
    }
}

/// The same of what has escapes in it, which are undone in `text`; `false` if there is no id in it.
fn read_escaped(mut rest: &[u8], text: &mut String) -> bool {
    text.clear();
    while text.len() <= RUN_BYTES_MAX {
        let (byte, length) = match rest {
            [] | [b'"' | b'\r' | b'\n', ..] => return true,
            [b'\\', b'/', ..] => (b'/', 2),
            [b'\\', b'u', b'0', b'0', high, low, ..] => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high * 16 + low, 6),
                _ => return false,
            },
            [byte, ..] => (*byte, 1),
        };
        if !is_of_ids(byte) {
            return false;
        }
        text.push(char::from(byte));
        rest = &rest[length..];
    }
    false
}

/// The whole, or a part of a name that is a path, of an address or of a form.
fn is_any(id: &str, is_hidden: &mut impl FnMut(&str) -> bool) -> bool {
    if is_one(id, is_hidden) {
        return true;
    }
    let is_separator =
        |byte: u8| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_' | b'.');
    if !id.bytes().any(is_separator) {
        return false;
    }
    let mut parts = id.split(|c: char| u8::try_from(c).is_ok_and(is_separator));
    parts.any(|part| is_one(part, is_hidden))
}

/// As it stands, or in small letters: some servers do not tell an id's case.
fn is_one(id: &str, is_hidden: &mut impl FnMut(&str) -> bool) -> bool {
    let has_capital = || id.bytes().any(|byte| byte.is_ascii_uppercase());
    may_be_one(id) && (is_hidden(id) || has_capital() && is_hidden(&id.to_ascii_lowercase()))
}

/// Providers' ids have digits or capitals in them. Names of fields seldom do.
fn may_be_one(id: &str) -> bool {
    let has_mark = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    (BYTES_MIN..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().any(has_mark)
}

const fn is_of_ids(byte: u8) -> bool {
    OF_IDS[byte as usize]
}

/// Which bytes are of ids, or stand between them in a path, an address or a form.
const OF_IDS: [bool; 256] = {
    let mut of_ids = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        of_ids[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'_' | b'.' | b'/' | b':' | b'?' | b'&' | b'=' | b'#' | b','
            );
        byte += 1;
    }
    of_ids
};

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "resp_0123abcd";

    fn body_names_it(body: impl AsRef<[u8]>) -> bool {
        in_body(body.as_ref(), |id| id == ID)
    }

    #[test]
    fn an_id_is_found_wherever_a_body_has_it() {
        let escaped: String = ID
            .bytes()
            .map(|byte| format!("\\u{:04X}", u32::from(byte)))
            .collect();
        for body in [
            format!(r#"{{"Previous_Response_Id":"{ID}"}}"#),
            format!(r#"{{"a":[{{"b":["x","{ID}"]}}]}}"#),
            format!(r#"{{"a":"{escaped}"}}"#),
            format!(r#"{{"a":"responses\/{ID}"}}"#),
            format!(r#"{{"a":"https://api.example/v1/responses/{ID}"}}"#),
            format!(r#"{{"a":"https://api.example/v1/responses/{ID}/content?alt=media"}}"#),
            format!(r#"{{"a":"{}"}}"#, ID.to_uppercase()),
            format!("response_id={ID}&x=1"),
            format!("{{a: \"{ID}\",}}"),
            format!("--x\r\nContent-Disposition: form-data; name=id\r\n\r\n{ID}\r\n--x--"),
            format!("{{\"custom_id\":\"1\"}}\n{{\"body\":{{\"x\":\"{ID}\"}}}}"),
            ID.to_owned(),
        ] {
            assert!(body_names_it(&body), "{body}");
        }
        let wide: Vec<u8> = format!(r#"{{"a":"{ID}"}}"#)
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(body_names_it(wide));
    }

    #[test]
    fn a_text_that_speaks_of_an_id_names_nothing() {
        for body in [
            String::new(),
            format!(r#"{{"content":"why did {ID} fail?"}}"#),
            format!(r#"{{"content":"{{\"id\":\"{ID}\"}}"}}"#),
            format!(r#"{{"content":"{ID}\n"}}"#),
            format!(r#"{{"content":"it's '{ID}'"}}"#),
            format!(r#"{{"a":"{ID}0"}}"#),
            format!(r#"{{"a":"\u00zz{ID}"}}"#),
            format!(r#"{{"a":"{}{ID}"}}"#, "x".repeat(RUN_BYTES_MAX)),
        ] {
            assert!(!body_names_it(&body), "{body}");
        }
    }

    #[test]
    fn an_id_is_found_wherever_a_target_has_it() {
        for target in [
            format!("/v1/Files/{ID}"),
            format!("/v1/files%2F{ID}"),
            format!("/v1/files%252F{ID}:download"),
            format!("/v1/x?file_id={ID}"),
            "/v1/x?a=1;b=%72esp_0123abcd&c".to_owned(),
        ] {
            assert!(in_target(&target, |id| id == ID), "{target}");
        }
        for target in ["/v1/files", "/v1/files/resp_0123abcde", ""] {
            assert!(!in_target(target, |id| id == ID), "{target}");
        }
    }
    proptest::proptest! {
        #[test]
        fn whatever_comes_is_read_and_an_id_in_it_found(before: Vec<u8>, after: Vec<u8>, target: String) {
            let body = [&before[..], b"\"", ID.as_bytes(), b"\"", &after].concat();
            // Text of two bytes a character is told by its beginning.
            proptest::prop_assert!(body_names_it(&body) || before.contains(&0));
            in_body(&after, |_| false);
            in_target(&target, |_| false);
        }
    }
}
