//! Credentials in the query of a URL.
//!
//! A name is compared as a server reads it: percent-escapes undone, as often as there are any, and
//! `+` as a space. What is kept stays as it was written.

use std::borrow::Cow;

use crate::credential::names::is_credential_parameter;

/// Escapes of escapes that are undone. Servers undo one, a proxy before them perhaps another.
const DECODED_MAX: usize = 4;

/// `query` without the parameters that carry credentials.
pub(crate) fn strip_query(query: &str) -> Cow<'_, str> {
    if !parameters(query).any(|(_, parameter)| is_stripped(parameter)) {
        return Cow::Borrowed(query);
    }
    let mut kept = String::with_capacity(query.len());
    for (separator, parameter) in parameters(query) {
        if is_stripped(parameter) {
            continue;
        }
        if !kept.is_empty() {
            kept.push_str(if separator.is_empty() { "&" } else { separator });
        }
        kept.push_str(parameter);
    }
    Cow::Owned(kept)
}

/// The decoded names of a query's parameters.
pub(crate) fn names(query: &str) -> impl Iterator<Item = String> {
    parameters(query).map(|(_, parameter)| decoded(name(parameter)))
}

/// The parameters of a query, each with the separator before it. Some servers take `;` for one.
fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut at = 0_usize;
    query.split(['&', ';']).map(move |parameter| {
        let separator = at.checked_sub(1).map_or("", |before| &query[before..at]);
        at += parameter.len() + 1;
        (separator, parameter)
    })
}

fn is_stripped(parameter: &str) -> bool {
    let name = name(parameter);
    if name.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return is_credential_parameter(&decoded(name));
    }
    is_credential_parameter(name)
}

fn name(parameter: &str) -> &str {
    parameter
        .split_once('=')
        .map_or(parameter, |(name, _)| name)
}

fn decoded(name: &str) -> String {
    let mut name = name.replace('+', " ");
    for _ in 0..DECODED_MAX {
        let next = unescaped(&name);
        if next == name {
            break;
        }
        name = next;
    }
    // `%6bey%3d1` is `key=1` to whoever decodes before it splits.
    let end = name.find(['=', '&']).unwrap_or(name.len());
    name.truncate(end);
    name
}

/// What a segment of a path says.
pub(crate) fn of_segment(segment: &str) -> Cow<'_, str> {
    match segment.contains('%') {
        true => Cow::Owned(unescaped(segment)),
        false => Cow::Borrowed(segment),
    }
}

/// `text` with its escapes undone once; those that are none stay. Controls, which some servers cut a
/// name at or drop, are left out.
pub(crate) fn unescaped(text: &str) -> String {
    let digit = |at: usize| {
        let byte = text.as_bytes().get(at)?;
        char::from(*byte).to_digit(16)
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        let escaped = match byte {
            b'%' => digit(at + 1).zip(digit(at + 2)),
            _ => None,
        };
        match escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                bytes.push(byte);
                at += 3;
            }
            None => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
    bytes.retain(|byte| !byte.is_ascii_control());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A value as it stands in a query or in a segment of a path.
pub(crate) fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_a_query_are_stripped_and_all_else_stays() {
        for (query, expected) in [
            ("", ""),
            ("limit=20&after_id=key", "limit=20&after_id=key"),
            ("keys=1&monkey=2", "keys=1&monkey=2"),
            ("key=secret", ""),
            ("alt=sse&key=secret&x=%20y", "alt=sse&x=%20y"),
            ("KEY=a&api_key=b&alt=sse&access_token", "alt=sse"),
            ("a=1;key=2;b=3", "a=1;b=3"),
            ("key=1;b=3&c=+", "b=3&c=+"),
        ] {
            assert_eq!(strip_query(query), expected, "{query}");
        }
    }

    #[test]
    fn names_are_compared_as_servers_read_them() {
        for query in [
            "%6bey=secret",
            "%6Bey=secret",
            "k%65y=secret",
            "%6b%65%79=secret",
            "%256bey=secret",
            "api%5fkey=secret",
            "api%5Fkey=secret",
            "api+key=secret",
            "oauth%5ftoken=secret",
            "bearer_token=secret",
            "key%5B%5D=secret",
            "%6bey%3dsecret",
            "key%00=secret",
            "%00key=secret",
        ] {
            assert_eq!(strip_query(query), "", "{query}");
            let among = format!("a=%6b&{query}&b=c");
            assert_eq!(strip_query(&among), "a=%6b&b=c", "{query}");
        }
        for query in ["%=1", "%6=1", "%zz=1", "a%20b=1", "%E4=1", "monk%65y=1"] {
            assert_eq!(strip_query(query), query);
        }
        assert_eq!(names("a%62=1&c").collect::<Vec<_>>(), ["ab", "c"]);
    }
}
