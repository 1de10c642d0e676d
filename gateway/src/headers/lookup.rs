//! Headers looked up by name.

use http::{HeaderMap, HeaderValue};

/// Looks up text headers by lower-case name, as the policy core wants them.
pub(crate) fn lookup<'a>(headers: &'a HeaderMap) -> impl Fn(&str) -> Option<&'a str> + Copy {
    move |name| headers.get(name).and_then(|value| value.to_str().ok())
}

/// An answer's headers, for the many look-ups by name that reading its budgets takes: most of them are
/// of names that are not there. Those that share a [`mark`] form a chain.
pub(crate) struct Fields<'a> {
    /// Of each mark, one more than where in `fields` its first one is; 0: none has it.
    first: [u16; MARKS],
    fields: Vec<Field<'a>>,
}

struct Field<'a> {
    name: &'a str,
    value: &'a HeaderValue,
    /// As in `first`: the next one with this mark.
    next: u16,
}

const MARKS: usize = 64;

impl<'a> Fields<'a> {
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        let mut first = [0; MARKS];
        let mut fields: Vec<Field<'a>> = Vec::with_capacity(headers.len());
        for (name, value) in headers {
            let name = name.as_str();
            // A name's values come one after another, and the first counts.
            if fields.last().is_some_and(|last| last.name == name) {
                continue;
            }
            let first = &mut first[mark(name)];
            fields.push(Field {
                name,
                value,
                next: *first,
            });
            *first = u16::try_from(fields.len()).unwrap_or_default();
        }
        Self { first, fields }
    }

    /// The first text value of a header, by its lower-case name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let mut at = self.first[mark(name)];
        while let Some(field) = usize::from(at)
            .checked_sub(1)
            .and_then(|at| self.fields.get(at))
        {
            if field.name == name {
                return field.value.to_str().ok();
            }
            at = field.next;
        }
        None
    }
}

/// What few names share, from their length and a letter.
const fn mark(name: &str) -> usize {
    let letters = name.as_bytes();
    let letter = match letters {
        [] => 0,
        _ => letters[letters.len() / 2] as usize,
    };
    (letters.len().wrapping_mul(8) ^ letter) % MARKS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_as_in_the_map() {
        let mut headers = HeaderMap::new();
        for number in 0..300 {
            for name in [
                format!("x-{number}"),
                format!("x-ratelimit-{}", "a".repeat(number % 40)),
            ] {
                let name = http::HeaderName::try_from(name).expect("a name");
                let value = HeaderValue::from(number);
                headers.append(name, value);
            }
        }
        headers.insert(
            "x-binary",
            HeaderValue::from_bytes(b"\xff").expect("a value"),
        );
        let fields = Fields::of(&headers);
        for name in headers.keys() {
            assert_eq!(
                fields.get(name.as_str()),
                lookup(&headers)(name.as_str()),
                "{name}"
            );
        }
        for name in ["", "x-", "x-300", "x-ratelimit"] {
            assert_eq!(fields.get(name), None, "{name}");
        }
    }
}
