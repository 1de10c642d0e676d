//! Where a request goes when its first choice cannot serve it within its patience.
//!
//! A tenant's own list counts before the list for the model. Steps that cannot apply are left out
//! here, so that whoever follows the list need not know why: a provider of another dialect would
//! not understand the request, and one that the tenant may not use would not serve it. A model that the
//! tenant may not ask for is none that it is given, unless its own list names it.

use crate::directory::Allowed;
use crate::file::{Fallback, Policy};
use keyweir_exchange::fallback::Choice;
use keyweir_terms::ids::{ProviderId, TenantId};

/// The steps for a request whose first choice is `model` at `first`, in order.
pub fn choices<'a>(
    policy: &'a Policy,
    tenant: Option<TenantId>,
    first: ProviderId,
    model: &str,
) -> impl Iterator<Item = Choice> + use<'a> {
    let of_tenant = tenant.and_then(|tenant| policy.tenants.get(tenant));
    let own = of_tenant
        .map(|tenant| tenant.fallbacks.as_slice())
        .filter(|steps| !steps.is_empty());
    let models = of_tenant.map(|tenant| &tenant.models);
    let models = models.filter(|_| own.is_none());
    let steps = own.unwrap_or_else(|| {
        policy
            .fallbacks
            .iter()
            .find(|fallback| fallback.models.matches(model))
            .map_or(&[], |fallback| fallback.steps.as_slice())
    });
    let dialect = policy.provider(first).dialect;
    let allowed = tenant.map(|tenant| Allowed::new(policy, tenant));
    let is_allowed = move |choice: &Choice| {
        let model = models.zip(choice.model.as_deref());
        if model.is_some_and(|(models, model)| !models.matches(model)) {
            return false;
        }
        let Some(allowed) = &allowed else { return true };
        match choice.account {
            Some(account) => allowed.account((choice.provider, account)),
            None => allowed.provider(choice.provider),
        }
    };
    steps
        .iter()
        .map(move |step| choice(first, step))
        .filter(move |choice| policy.provider(choice.provider).dialect == dialect)
        .filter(is_allowed)
}

fn choice(first: ProviderId, step: &Fallback) -> Choice {
    let (provider, account) = step.account.unzip();
    Choice {
        provider: provider.or(step.provider).unwrap_or(first),
        account,
        model: step.model.clone(),
        on: step.on,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyweir_exchange::fallback::Occasions;
    use keyweir_terms::ids::AccountId;
    use std::time::SystemTime;

    const POLICY: &str = r#"
        [[provider]]
        id = "first"
        dialect = "anthropic"
        base_url = "https://first.example"
        [[provider]]
        id = "second"
        dialect = "anthropic"
        base_url = "https://second.example"
        [[provider]]
        id = "other"
        dialect = "openai"
        base_url = "https://other.example"
        [[account]]
        id = "a"
        provider = "first"
        [[account.key]]
        id = "a-1"
        secret = { env = "A" }
        [[account]]
        id = "b"
        provider = "second"
        [[account.key]]
        id = "b-1"
        secret = { env = "B" }
        [[account]]
        id = "c"
        provider = "second"
        [[account.key]]
        id = "c-1"
        secret = { env = "C" }
        [[account]]
        id = "d"
        provider = "other"
        [[account.key]]
        id = "d-1"
        secret = { env = "D" }
        [[fallback]]
        models = ["claude-opus-*"]
        steps = [{ model = "claude-sonnet-4-5" }, { account = "c", on = ["unavailable", "context_length"] }, { provider = "other" }]
    "#;

    fn policy() -> Policy {
        crate::file::parse(&[("keys.toml", POLICY)], SystemTime::UNIX_EPOCH)
            .unwrap_or_else(|report| panic!("{report}"))
            .0
    }

    #[test]
    fn steps_come_in_order_without_those_of_another_dialect() {
        let policy = policy();
        let found: Vec<_> = choices(&policy, None, ProviderId(0), "claude-opus-4-1").collect();
        let expected = [
            Choice {
                provider: ProviderId(0),
                account: None,
                model: Some("claude-sonnet-4-5".to_owned()),
                on: Occasions::default(),
            },
            Choice {
                provider: ProviderId(1),
                account: Some(AccountId(1)),
                model: None,
                on: Occasions {
                    unavailable: true,
                    context_length: true,
                },
            },
        ];
        assert_eq!(found, expected);
        assert_eq!(
            choices(&policy, None, ProviderId(0), "claude-haiku").count(),
            0
        );
    }

    #[test]
    fn a_model_that_the_tenant_may_not_ask_for_is_in_its_own_list_or_none() {
        let tenant = |more: &str| {
            let policy = format!(
                "{POLICY}\n[[tenant]]\nid = \"t\"\nclient_keys = [{{ env = \"T\" }}]\n\
                 models = [\"claude-opus-*\"]\n{more}"
            );
            crate::file::parse(&[("keys.toml", &policy)], SystemTime::UNIX_EPOCH)
                .unwrap_or_else(|report| panic!("{report}"))
                .0
        };
        let found = |policy: &Policy| {
            let tenant = policy.tenants.ids().next();
            choices(policy, tenant, ProviderId(0), "claude-opus-4-1")
                .map(|choice| choice.model)
                .collect::<Vec<_>>()
        };
        assert_eq!(found(&tenant("")), [None], "the same model elsewhere");
        let own = "fallbacks = [{ model = \"claude-sonnet-4-5\" }]";
        assert_eq!(
            found(&tenant(own)),
            [Some("claude-sonnet-4-5".to_owned())],
            "the policy gives it that"
        );
    }
}
