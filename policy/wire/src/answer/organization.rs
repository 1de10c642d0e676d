//! Which organization an answer says was asked.

/// An organization, and the part of it that a key belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Organization {
    /// What the provider calls it. Limits hold for all of its keys together.
    pub id: String,
    /// Its workspace or project, where the provider says one. It may have limits of its own, below
    /// those of the organization.
    pub part: Option<String>,
}

/// Reads it from an answer's headers, whatever its dialect: `anthropic-organization-id` with
/// `anthropic-workspace-id` (<https://docs.anthropic.com/en/api/overview>), `openai-organization` with
/// `openai-project` (<https://platform.openai.com/docs/api-reference/debugging-requests>).
pub(crate) fn of<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Organization> {
    let named = |id, part| {
        let id = header(id).filter(|id| !id.is_empty())?.to_owned();
        let part = header(part).filter(|part| !part.is_empty());
        Some(Organization {
            id,
            part: part.map(str::to_owned),
        })
    };
    named("anthropic-organization-id", "anthropic-workspace-id")
        .or_else(|| named("openai-organization", "openai-project"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_organization_is_read_in_either_dialects_words() {
        let read = |headers: &[(&str, &'static str)]| {
            of(|name| {
                let mut headers = headers.iter();
                headers.find(|(other, _)| *other == name).map(|it| it.1)
            })
        };
        let organization = |id: &str, part: Option<&str>| Organization {
            id: id.to_owned(),
            part: part.map(str::to_owned),
        };
        assert_eq!(
            read(&[
                ("anthropic-organization-id", "o1"),
                ("anthropic-workspace-id", "w1")
            ]),
            Some(organization("o1", Some("w1")))
        );
        assert_eq!(
            read(&[("openai-organization", "acme"), ("openai-project", "")]),
            Some(organization("acme", None))
        );
        assert_eq!(read(&[("anthropic-workspace-id", "w1")]), None);
        assert_eq!(read(&[]), None);
    }
}
