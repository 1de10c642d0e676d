//! Headers looked up by name.

use http::{HeaderMap, HeaderValue};

/// Looks up text headers by lower-case name, as the policy core wants them.
pub(crate) fn lookup<'a>(headers: &'a HeaderMap) -> impl Fn(&str) -> Option<&'a str> + Copy {
    move |name| headers.get(name).and_then(|value| value.to_str().ok())
}

/// An answer's headers, for the many look-ups by name that reading its budgets takes. Scanning two
/// dozen names is cheaper than hashing one.
pub(crate) struct Fields<'a>(Vec<(&'a str, &'a HeaderValue)>);

impl<'a> Fields<'a> {
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        Self(
            headers
                .iter()
                .map(|(name, value)| (name.as_str(), value))
                .collect(),
        )
    }

    /// The first text value of a header, by its lower-case name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(other, _)| *other == name);
        found.and_then(|(_, value)| value.to_str().ok())
    }
}
