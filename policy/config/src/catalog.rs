//! Which models a tenant may ask for, as a list of them shows.
//!
//! Of each provider that may be meant: what it lists, and what the policy names of it without a star;
//! as far as requests for it go to that provider, an account of it may use it, and the tenant may.
//! Aliases stand first, with what is known of the model that they lead to. A provider whose list is
//! not known hides nothing of the others'.

use std::collections::HashSet;

use keyweir_tenancy::permission::grants;
use keyweir_terms::ids::{ProviderId, TenantId};
use keyweir_terms::pattern::{ModelPattern, ModelPatterns};
use keyweir_wire::list::models::{Model, ModelsForm};

use crate::alias;
use crate::directory::Allowed;
use crate::file::{Alias, LimitScope, Policy, Provider, Scope};

/// The most models that are listed.
const MODELS_MAX: usize = 10_000;

/// The providers whose lists are wanted, in order. Behind one that takes every model nobody is asked,
/// but by name.
pub fn providers(policy: &Policy, tenant: TenantId, asked: Scope) -> Vec<ProviderId> {
    let usable = Allowed::new(policy, tenant);
    let mut meant = Vec::new();
    for (id, provider) in policy.providers_in_order() {
        let is_meant = match asked.named {
            Some(named) => named == id,
            None => provider.dialect == asked.dialect,
        };
        let is_meant = is_meant && usable.provider(id);
        if is_meant {
            meant.push(id);
        }
        if is_meant && provider.models.is_any() {
            break;
        }
    }
    meant
}

/// Who is asked for a model that no list has, or for the whole list where it is not understood (`None`):
/// the first of [`providers`] that takes it, or else the first.
pub fn taker(
    policy: &Policy,
    tenant: TenantId,
    asked: Scope,
    model: Option<&str>,
) -> Option<ProviderId> {
    let providers = providers(policy, tenant, asked);
    let takes = |id: &&ProviderId| {
        let models = &policy.provider(**id).models;
        model.map_or(models.is_any(), |model| models.matches(model))
    };
    let found = providers.iter().find(takes).or(providers.first());
    found.copied()
}

/// What is known of the providers' models.
#[derive(Debug)]
pub struct Listed<'k> {
    /// How the list is written.
    pub form: ModelsForm,
    /// What each provider lists, in the order of [`providers`].
    pub lists: Vec<(ProviderId, &'k [Model])>,
}

/// What `tenant` may ask for.
pub fn models(policy: &Policy, tenant: TenantId, asked: Scope, known: &Listed<'_>) -> Vec<Model> {
    let allowed = policy.tenants.get(tenant).map(|tenant| &tenant.models);
    let listing = Listing {
        policy,
        asked,
        known,
        allowed,
        usable: Allowed::new(policy, tenant),
    };
    let mut models = Vec::new();
    let mut seen = HashSet::new();
    let aliases = alias::known(policy, tenant, asked);
    let aliases = aliases.filter_map(|(name, alias)| listing.alias(name, alias));
    let others = known
        .lists
        .iter()
        .flat_map(|(id, list)| listing.of_provider(*id, list));
    for model in aliases.chain(others) {
        if models.len() < MODELS_MAX && seen.insert(model.id.clone()) {
            models.push(model);
        }
    }
    models
}

/// What a list is made from.
struct Listing<'l> {
    policy: &'l Policy,
    asked: Scope,
    known: &'l Listed<'l>,
    /// The tenant's models; `None`: any.
    allowed: Option<&'l ModelPatterns>,
    /// What else it may use.
    usable: Allowed<'l>,
}

impl<'l> Listing<'l> {
    fn alias(&self, name: &str, alias: &Alias) -> Option<Model> {
        let is_allowed =
            self.allows(&alias.model) || self.allowed.is_some_and(|models| grants(models, name));
        let is_served = |id: &ProviderId| self.serves(*id, &alias.model);
        let provider = match alias.provider {
            Some(provider) => Some(provider).filter(is_served),
            None => self.known.lists.iter().map(|(id, _)| *id).find(is_served),
        };
        let provider = provider.filter(|_| is_allowed)?;
        let mut lists = self.known.lists.iter().filter(|(id, _)| *id == provider);
        let known = lists.find_map(|(_, list)| list.iter().find(|it| it.id == alias.model));
        Some(match known {
            Some(model) => model.by_alias(self.known.form, name),
            None => self.named(name, provider),
        })
    }

    fn of_provider(&self, id: ProviderId, list: &'l [Model]) -> impl Iterator<Item = Model> {
        let provider = self.policy.provider(id);
        let listed: HashSet<&str> = list.iter().map(|model| model.id.as_str()).collect();
        let declared = declared(provider).filter(move |name| !listed.contains(name));
        let declared = declared.map(move |name| self.named(name, id));
        let all = list.iter().cloned().chain(declared);
        all.filter(move |model| {
            self.allows(&model.id) && self.is_first(id, &model.id) && self.serves(id, &model.id)
        })
    }

    fn named(&self, name: &str, provider: ProviderId) -> Model {
        Model::named(self.known.form, name, &self.policy.provider(provider).id)
    }

    fn allows(&self, model: &str) -> bool {
        self.allowed.is_none_or(|models| models.matches(model))
    }

    /// Whether a request for `model` goes to this provider, and to none before it.
    fn is_first(&self, id: ProviderId, model: &str) -> bool {
        let takes = |id: &ProviderId| self.policy.provider(*id).models.matches(model);
        self.asked.named.is_some()
            || self.known.lists.iter().map(|(id, _)| *id).find(takes) == Some(id)
    }

    /// Whether an account of the provider may use `model`.
    fn serves(&self, id: ProviderId, model: &str) -> bool {
        let provider = self.policy.provider(id);
        let has_keys = |account| provider.keys.values().any(|key| key.account == account);
        let mut accounts = provider.accounts.iter();
        provider.models.matches(model)
            && accounts.any(|(account, it)| {
                it.models.matches(model) && has_keys(account) && self.usable.account((id, account))
            })
    }
}

/// Models that the policy names of `provider`.
fn declared(provider: &Provider) -> impl Iterator<Item = &str> {
    let of_groups = provider.model_groups.values().map(|group| &group.models);
    let of_accounts = provider.accounts.values().flat_map(|account| {
        let of_limits = account
            .limits
            .iter()
            .filter_map(|limit| match &limit.scope {
                LimitScope::Models(models) => Some(models),
                LimitScope::EveryGroup | LimitScope::Group(_) => None,
            });
        std::iter::once(&account.models).chain(of_limits)
    });
    let patterns = std::iter::once(&provider.models)
        .chain(of_groups)
        .chain(of_accounts);
    let patterns = patterns.flat_map(ModelPatterns::iter);
    patterns
        .map(ModelPattern::as_str)
        .filter(|name| !name.contains('*'))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use keyweir_terms::dialect::Dialect;

    use super::*;

    const POLICY: &str = r#"
        [[provider]]
        id = "mistral"
        dialect = "openai"
        base_url = "https://mistral.example"
        models = ["mistral-*", "codestral"]
        [[provider]]
        id = "openai"
        dialect = "openai"
        base_url = "https://openai.example"
        [[provider]]
        id = "claude"
        dialect = "anthropic"
        base_url = "https://claude.example"
        [[account]]
        id = "m"
        provider = "mistral"
        key = [{ id = "m-1", secret = { env = "M" } }]
        [[account]]
        id = "o"
        provider = "openai"
        models = ["gpt-*"]
        key = [{ id = "o-1", secret = { env = "O" } }]
        [[account]]
        id = "keyless"
        provider = "openai"
        models = ["o9"]
        [[account]]
        id = "c"
        provider = "claude"
        key = [{ id = "c-1", secret = { env = "C" } }]
        [[alias]]
        name = "fast"
        model = "gpt-mini"
        [[alias]]
        name = "opus"
        model = "claude-opus"
        provider = "claude"
        [[tenant]]
        id = "all"
        client_keys = ["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]
        [[tenant]]
        id = "few"
        models = ["fast", "mistral-*"]
        client_keys = ["sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"]
        [[tenant]]
        id = "none"
        models = ["fas*"]
        client_keys = ["sha256:fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13"]
    "#;

    fn listed(tenant: u32, named: Option<u32>) -> Vec<String> {
        let files = [("keys.toml", POLICY)];
        let parsed = crate::file::parse(&files, SystemTime::UNIX_EPOCH);
        let policy = parsed.unwrap_or_else(|report| panic!("{report}")).0;
        let asked = Scope {
            dialect: Dialect::OpenAi,
            named: named.map(ProviderId),
        };
        let form = ModelsForm::OpenAi;
        let model = |id: &str| Model::named(form, id, "x");
        let mistral = ["mistral-large", "other"].map(model);
        let openai = ["gpt-5", "gpt-mini", "mistral-large", "o9"].map(model);
        let all: [(ProviderId, &[Model]); 2] =
            [(ProviderId(0), &mistral), (ProviderId(1), &openai)];
        let wanted = providers(&policy, TenantId(tenant), asked);
        let lists = all.into_iter().filter(|(id, _)| wanted.contains(id));
        let known = Listed {
            form,
            lists: lists.collect(),
        };
        let models = models(&policy, TenantId(tenant), asked, &known);
        models.into_iter().map(|model| model.id).collect()
    }

    #[test]
    fn a_model_that_no_list_has_is_asked_of_whoever_takes_it() {
        let files = [("keys.toml", POLICY)];
        let parsed = crate::file::parse(&files, SystemTime::UNIX_EPOCH);
        let policy = parsed.unwrap_or_else(|report| panic!("{report}")).0;
        let asked = Scope {
            dialect: Dialect::OpenAi,
            named: None,
        };
        let taker = |model| taker(&policy, TenantId(0), asked, model);
        assert_eq!(taker(Some("mistral-new")), Some(ProviderId(0)));
        assert_eq!(taker(Some("gpt-new")), Some(ProviderId(1)));
        assert_eq!(taker(None), Some(ProviderId(1)));
    }

    #[test]
    fn a_tenant_sees_what_it_may_ask_for_of_all_providers_of_the_dialect() {
        let all = ["fast", "mistral-large", "codestral", "gpt-5", "gpt-mini"];
        assert_eq!(listed(0, None), all);
        assert_eq!(listed(0, Some(1)), ["fast", "gpt-5", "gpt-mini"]);
        assert_eq!(listed(1, None), ["fast", "mistral-large"]);
        assert_eq!(listed(2, None), [""; 0], "a pattern grants no alias");
    }
}
