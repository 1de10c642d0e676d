//! Headers looked up by name.

use http::{HeaderMap, HeaderValue};

/// Looks up text headers by lower-case name, as the policy core wants them.
pub(crate) fn lookup<'a>(headers: &'a HeaderMap) -> impl Fn(&str) -> Option<&'a str> + Copy {
    move |name| headers.get(name).and_then(|value| value.to_str().ok())
}

/// An answer's headers, for the many look-ups by name that reading its budgets takes. Scanning two
/// dozen marks at once is cheaper than hashing one name.
pub(crate) struct Fields<'a> {
    /// Of each name its [`mark`], in the order of `fields`.
    marks: Vec<u8>,
    fields: Vec<(&'a str, &'a HeaderValue)>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        let fields: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .collect();
        let marks = fields.iter().map(|(name, _)| mark(name)).collect();
        Self { marks, fields }
    }

    /// The first text value of a header, by its lower-case name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let mut alike = memchr::memchr_iter(mark(name), &self.marks).map(|at| self.fields[at]);
        let found = alike.find(|(other, _)| *other == name);
        found.and_then(|(_, value)| value.to_str().ok())
    }
}

/// What few names share: their length, and a letter.
fn mark(name: &str) -> u8 {
    let letters = name.as_bytes();
    let letter = letters.get(letters.len() / 2).copied().unwrap_or_default();
    (letters.len() as u8).wrapping_mul(8) ^ letter
}
