//! The query of a question: which words it may have, and what they say.

use std::borrow::Cow;

use super::route::decoded;

/// The fields of a query.
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// The fields of `query`, of which there may be those that `known` names, each once.
    ///
    /// # Errors
    /// What is wrong with it, and what there is.
    pub(super) fn read(query: &'a str, known: &[&str]) -> Result<Self, String> {
        let mut fields: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (text(name), text(value)) else {
                return Err(format!("{pair:?} is not percent-encoded text"));
            };
            if !known.contains(&&*name) {
                let known = match known {
                    [] => "there are none".to_owned(),
                    _ => format!("there are {}", known.join(", ")),
                };
                return Err(format!("{name:?} is not a field of this; {known}"));
            }
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(format!("{name:?} comes twice"));
            }
            fields.push((name, value));
        }
        Ok(Self(fields))
    }

    /// A field, if it is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(other, _)| other == name);
        field.map(|(_, value)| &**value).filter(|it| !it.is_empty())
    }

    /// A whole number, if the field is there.
    ///
    /// # Errors
    /// If it is no number.
    pub(super) fn number(&self, name: &str, most: u64) -> Result<Option<u64>, String> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(number) if number <= most => Ok(Some(number)),
            _ => Err(format!(
                "{name} is {value:?}; write a whole number up to {most}"
            )),
        }
    }
}

/// A name or a value, in which a blank may stand as a plus.
fn text(part: &str) -> Option<Cow<'_, str>> {
    if part.contains('+') {
        let blank = part.replace('+', " ");
        return Some(Cow::Owned(decoded(&blank)?.into_owned()));
    }
    decoded(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_mistakes_are_named() {
        let query = Query::read(
            "model=a%2Fb+c&input_tokens=12&tenant=",
            &["model", "input_tokens", "tenant"],
        );
        let query = query.expect("right");
        assert_eq!(query.get("model"), Some("a/b c"));
        assert_eq!(query.get("tenant"), None);
        assert_eq!(query.number("input_tokens", 100), Ok(Some(12)));
        assert!(query.number("model", 100).is_err());
        assert!(query.number("input_tokens", 11).is_err());
        for (wrong, message) in [
            (
                "modle=a",
                "\"modle\" is not a field of this; there are model",
            ),
            ("model=a&model=b", "\"model\" comes twice"),
            ("model=%zz", "\"model=%zz\" is not percent-encoded text"),
        ] {
            assert_eq!(
                Query::read(wrong, &["model"]).err().as_deref(),
                Some(message)
            );
        }
        assert_eq!(
            Query::read("for=10m", &[]).err().as_deref(),
            Some("\"for\" is not a field of this; there are none")
        );
    }
}
