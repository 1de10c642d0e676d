//! Which model a name stands for.
//!
//! A tenant's own aliases count before everybody's. Of several with one name, those that name what
//! the request goes to count first: its provider, then its dialect, then any. An alias is looked up
//! once: what it leads to is a model, never another alias.

use keyweir_terms::ids::TenantId;

use crate::file::{Alias, Policy, Scope};

/// Whether `tenant` has any.
pub fn has_any(policy: &Policy, tenant: TenantId) -> bool {
    let own = policy.tenants.get(tenant);
    !policy.aliases.is_empty() || own.is_some_and(|tenant| !tenant.aliases.is_empty())
}

/// What `name` stands for when `tenant` asks for it; `None`: it is no alias.
pub fn resolve<'p>(
    policy: &'p Policy,
    tenant: TenantId,
    asked: Scope,
    name: &str,
) -> Option<&'p Alias> {
    let own = policy.tenants.get(tenant);
    own.and_then(|tenant| tenant.aliases.get(name, asked))
        .or_else(|| policy.aliases.get(name, asked))
}

/// Every name that is an alias for a request of `tenant`, each once, with what it stands for.
pub fn known<'p>(
    policy: &'p Policy,
    tenant: TenantId,
    asked: Scope,
) -> impl Iterator<Item = (&'p str, &'p Alias)> {
    let own = policy.tenants.get(tenant).into_iter();
    let names = own
        .flat_map(|tenant| tenant.aliases.iter())
        .chain(policy.aliases.iter());
    let mut names: Vec<&str> = names.map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter_map(move |name| Some((name, resolve(policy, tenant, asked, name)?)))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use keyweir_terms::dialect::Dialect;
    use keyweir_terms::ids::ProviderId;

    use super::*;

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
        key = [{ id = "a-1", secret = { env = "A" } }]
        [[account]]
        id = "b"
        provider = "second"
        key = [{ id = "b-1", secret = { env = "B" } }]
        [[account]]
        id = "c"
        provider = "other"
        key = [{ id = "c-1", secret = { env = "C" } }]
        [[alias]]
        name = "fast"
        model = "any"
        [[alias]]
        name = "fast"
        model = "haiku"
        dialect = "anthropic"
        [[alias]]
        name = "big"
        model = "opus"
        provider = "second"
        [[tenant]]
        id = "search"
        client_keys = ["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]
        alias = [{ name = "big", model = "sonnet" }]
        [[tenant]]
        id = "chat"
        client_keys = ["sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"]
    "#;

    fn policy() -> Policy {
        crate::file::parse(&[("keys.toml", POLICY)], SystemTime::UNIX_EPOCH)
            .unwrap_or_else(|report| panic!("{report}"))
            .0
    }

    #[test]
    fn the_nearest_counts_and_a_tenants_own_before_everybodys() {
        use Dialect::{Anthropic, OpenAi};
        let policy = policy();
        let model = |tenant, dialect, named: Option<u32>, name| {
            let named = named.map(ProviderId);
            let found = resolve(&policy, TenantId(tenant), Scope { dialect, named }, name)?;
            Some((found.model.as_str(), found.provider.map(|it| it.0)))
        };
        assert_eq!(model(1, Anthropic, None, "fast"), Some(("haiku", None)));
        assert_eq!(model(1, OpenAi, None, "fast"), Some(("any", None)));
        assert_eq!(model(1, Anthropic, None, "big"), Some(("opus", Some(1))));
        assert_eq!(model(1, Anthropic, Some(1), "big"), Some(("opus", Some(1))));
        assert_eq!(model(1, Anthropic, Some(0), "big"), None);
        assert_eq!(model(1, OpenAi, None, "big"), None, "another dialect");
        assert_eq!(model(0, Anthropic, None, "big"), Some(("sonnet", None)));
        assert_eq!(model(0, Anthropic, None, "sonnet"), None);
        let asked = Scope {
            dialect: OpenAi,
            named: None,
        };
        let names = known(&policy, TenantId(0), asked).map(|(name, _)| name);
        assert_eq!(names.collect::<Vec<_>>(), ["big", "fast"]);
    }
}
