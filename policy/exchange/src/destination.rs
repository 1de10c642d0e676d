//! Who is asked first.
//!
//! The provider that the path names, or else any that speaks the request's dialect. Among those: the
//! one where the thing lives that the request names, in its path or its body, or else the first, in
//! the order of preference, that takes its model.

use keyweir_terms::ids::ProviderId;
use keyweir_terms::request::Description;

use crate::directory::{Directory, Listed};
use crate::ownership;
use crate::routed::Routed;
use crate::seek::{Holder, Home};

/// Where a request goes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The provider.
    pub provider: ProviderId,
    /// Which of its accounts.
    pub home: Home,
}

/// No provider takes the model. The message tells the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub struct NoProvider {
    /// The model that was asked for; empty if none was.
    pub model: String,
}

impl NoProvider {
    fn told(&self) -> String {
        match self.model.as_str() {
            "" => "no provider of this gateway serves this path to this client key".to_owned(),
            model => format!("model: no provider of this gateway serves {model}"),
        }
    }
}

/// The destination of a request. `holder` is who is known to hold what it names.
///
/// # Errors
/// If no provider takes its model.
pub fn destination(
    directory: &impl Directory,
    routed: &Routed<'_>,
    description: &Description,
    holder: Option<Holder>,
) -> Result<Destination, NoProvider> {
    let speaks = |it: &Listed<'_>| is_meant(routed, it);
    let held_by = |provider: ProviderId| {
        let mut speaking = directory.providers().filter(speaks);
        speaking.any(|it| it.id == provider)
    };
    // An account that is gone is told so by its pool.
    if let Some((provider, account)) = holder.filter(|(provider, _)| held_by(*provider)) {
        let home = Home::Known(account);
        return Ok(Destination { provider, home });
    }
    let model = description.model.as_deref();
    let takes = |it: &Listed<'_>| model.is_none_or(|model| it.models.matches(model));
    let candidates = || directory.providers().filter(speaks).filter(takes);
    // What shows no model is for a provider that takes any, if there is one.
    let takes_any = |it: &Listed<'_>| it.models.is_any();
    let first = match routed.route.resource {
        None if model.is_none() => candidates().find(takes_any).or_else(|| candidates().next()),
        _ => candidates().next(),
    };
    let first = first.ok_or_else(|| NoProvider {
        model: model.unwrap_or_default().to_owned(),
    })?;
    let refers = || {
        let mut references = description.references.iter();
        references.any(|id| ownership::is_somebodys(id))
    };
    let home = if routed.route.resource.is_some() || refers() {
        Home::sought(candidates().flat_map(|it| accounts_of(directory, it.id)))
    } else {
        Home::Any
    };
    Ok(Destination {
        provider: first.id,
        home,
    })
}

/// Every account of the providers that may be meant.
pub fn accounts(directory: &impl Directory, routed: &Routed<'_>) -> impl Iterator<Item = Holder> {
    let meant = directory.providers().filter(|it| is_meant(routed, it));
    meant.flat_map(|it| accounts_of(directory, it.id))
}

fn accounts_of(directory: &impl Directory, provider: ProviderId) -> impl Iterator<Item = Holder> {
    let accounts = directory.accounts(provider);
    accounts.map(move |account| (provider, account))
}

/// Whether a provider is the one that the path names, or else speaks the request's dialect.
fn is_meant(routed: &Routed<'_>, provider: &Listed<'_>) -> bool {
    match routed.named {
        Some(named) => named == provider.id,
        None => provider.dialect == routed.dialect,
    }
}

#[cfg(test)]
mod tests {
    use keyweir_terms::dialect::Dialect;
    use keyweir_terms::ids::AccountId;

    use super::*;
    use crate::directory::fake::Fake;
    use crate::routed::find;

    fn directory() -> Fake {
        Fake::new(&[
            ("mistral", Dialect::OpenAi, "mistral-*", 1),
            ("anthropic", Dialect::Anthropic, "*", 1),
            ("openai", Dialect::OpenAi, "*", 2),
            ("openai-eu", Dialect::OpenAi, "*", 1),
        ])
    }

    fn chosen(
        request: &str,
        model: Option<&str>,
        holder: Option<Holder>,
    ) -> Result<Destination, NoProvider> {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let directory = directory();
        let routed = find(&directory, method, path, false).expect("served");
        let description = Description {
            model: model.map(str::to_owned),
            ..Description::default()
        };
        destination(&directory, &routed, &description, holder)
    }

    fn to(place: usize, home: Home) -> Result<Destination, NoProvider> {
        let provider = directory().id(place);
        Ok(Destination { provider, home })
    }

    #[test]
    fn first_provider_of_the_dialect_that_takes_the_model_is_asked() {
        const CHAT: &str = "POST /v1/chat/completions";
        assert_eq!(chosen(CHAT, Some("mistral-large"), None), to(0, Home::Any));
        assert_eq!(chosen(CHAT, Some("gpt-5"), None), to(2, Home::Any));
        // What shows no model is not for a provider that takes some only.
        assert_eq!(chosen("GET /v1/models", None, None), to(2, Home::Any));
        let error = chosen("POST /mistral/v1/chat/completions", Some("gpt-5"), None);
        assert_eq!(
            error.expect_err("it takes none").to_string(),
            "model: no provider of this gateway serves gpt-5"
        );
    }

    #[test]
    fn provider_that_the_path_names_is_asked() {
        let chosen = chosen("POST /openai-eu/v1/chat/completions", Some("gpt-5"), None);
        assert_eq!(chosen, to(3, Home::Any));
    }

    #[test]
    fn holder_is_asked_whatever_the_model_as_long_as_it_can_be_meant() {
        let holder = |place| Some((directory().id(place), AccountId(1)));
        let home = Home::Known(AccountId(1));
        let batch = "GET /v1/batches/batch_1";
        assert_eq!(chosen(batch, None, holder(3)), to(3, home));
        // Of another dialect, another provider than the one named, or none that there is any more.
        let sought = |holder| chosen(batch, None, holder).expect("a provider");
        for holder in [holder(1), Some((ProviderId(99), AccountId(0)))] {
            assert!(matches!(sought(holder).home, Home::Sought(_)));
        }
        let named = chosen("GET /openai/v1/batches/batch_1", None, holder(3));
        assert_eq!(named.expect("a provider").provider, directory().id(2));
    }

    #[test]
    fn thing_that_nobody_is_known_to_hold_is_sought_in_all_accounts_in_order() {
        let destination = chosen("GET /v1/batches/batch_1", None, None).expect("a provider");
        let directory = directory();
        let account = |place, account| (directory.id(place), AccountId(account));
        let all = [account(0, 0), account(2, 0), account(2, 1), account(3, 0)];
        assert_eq!(destination.provider, directory.id(0));
        assert_eq!(destination.home, Home::sought(all.into_iter()));
    }

    #[test]
    fn what_a_body_refers_to_is_sought_like_what_a_path_names() {
        let directory = directory();
        let account = |place, account| (directory.id(place), AccountId(account));
        let routed = find(&directory, "POST", "/v1/responses", false).expect("served");
        let home = |reference: &str| {
            let description = Description {
                model: Some("gpt-5".to_owned()),
                references: vec![reference.to_owned()],
                ..Description::default()
            };
            let chosen = super::destination(&directory, &routed, &description, None);
            chosen.expect("a provider").home
        };
        let all = [account(2, 0), account(2, 1), account(3, 0)];
        assert_eq!(home("resp_1"), Home::sought(all.into_iter()));
        assert_eq!(home("auto"), Home::Any);
    }
}
