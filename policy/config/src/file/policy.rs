//! The validated policy: every name resolved, every value within its bounds.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::file::aliases::Aliases;
use crate::file::base_url::BaseUrl;
use crate::file::proxy_url::ProxySetting;
use crate::file::secret_ref::SecretRef;
use crate::file::settings::{GatewaySettings, WaitingSettings};
use crate::secret::ClientKeyHash;
use keyweir_exchange::fallback::Occasions;
use keyweir_exchange::seek::Holder;
use keyweir_health::retry_budget::RetryLimits;
use keyweir_tenancy::allowance::Allowance;
use keyweir_tenancy::prices::{Price, Unpriced};
use keyweir_terms::amount::Dimension;
use keyweir_terms::dialect::{CredentialStyle, Dialect};
use keyweir_terms::ids::{AccountId, KeyId, ModelGroupId, ProviderId, TenantId};
use keyweir_terms::pattern::ModelPatterns;
use keyweir_terms::request::Priority;
use keyweir_terms::table::Table;
use keyweir_wire::classify::Rule;

/// All that the policy files say.
///
/// Things are found by id. An id is given by name, and the same name has the same id in the next
/// policy ([`Identity`](crate::file::Identity)); where things stand in the files changes no id.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Listeners, bounds and time-outs of the gateway.
    pub gateway: GatewaySettings,
    /// The waiting room.
    pub waiting: WaitingSettings,
    /// Retries.
    pub retry: RetryLimits,
    /// The APIs.
    pub providers: Table<ProviderId, Provider>,
    /// All providers in file order: of those that take a model, the first has it.
    pub provider_order: Vec<ProviderId>,
    /// How what tenants spend is counted.
    pub tenancy: TenancySettings,
    /// Groups of tenants; tenants and groups name them by their place in this list.
    pub groups: Vec<TenantGroup>,
    /// What tokens cost, before the prices that come with the program.
    pub prices: Vec<Price>,
    /// Who may call. Empty: anyone may, and the gateway listens on loopback only.
    pub tenants: Table<TenantId, Tenant>,
    /// Other names for models; a tenant's own count before them.
    pub aliases: Aliases,
    /// What to do for a model whose first choice cannot serve, in file order: the first entry
    /// that matches counts, and only where the tenant has no fallbacks of its own.
    pub fallbacks: Vec<ModelFallback>,
}

impl Policy {
    /// One provider.
    ///
    /// # Panics
    /// If it is none of this policy.
    pub fn provider(&self, id: ProviderId) -> &Provider {
        &self.providers[id]
    }

    /// One tenant.
    ///
    /// # Panics
    /// If it is none of this policy.
    pub fn tenant(&self, id: TenantId) -> &Tenant {
        &self.tenants[id]
    }

    /// The providers in file order: of those that take a model, the first has it.
    pub fn providers_in_order(&self) -> impl Iterator<Item = (ProviderId, &Provider)> {
        self.provider_order
            .iter()
            .map(|id| (*id, self.provider(*id)))
    }

    /// The accounts of all providers.
    pub fn accounts(&self) -> impl Iterator<Item = (ProviderId, &Account)> {
        let providers = self.providers_in_order();
        providers.flat_map(|(id, provider)| provider.accounts.values().map(move |it| (id, it)))
    }

    /// Which tenant each client key belongs to, of those whose hashes stand in the files.
    pub fn client_keys(&self) -> impl Iterator<Item = (ClientKeyHash, TenantId)> {
        self.tenants.iter().flat_map(|(id, tenant)| {
            let hashes = tenant.client_keys.iter();
            hashes.map(move |hash| (*hash, id))
        })
    }
}

/// An API: a dialect behind a base URL.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// Its name, unique among providers, and the first path segment that chooses it.
    pub id: String,
    /// What it speaks.
    pub dialect: Dialect,
    /// Where it is.
    pub base_url: BaseUrl,
    /// Roots to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Which HTTP to speak to it.
    pub http: ProviderHttp,
    /// How it is reached.
    pub proxy: ProxySetting,
    /// Which header carries the provider key.
    pub credential: CredentialStyle,
    /// Whether usage is asked for on behalf of clients whose streams do not ask for it. Of the openai
    /// dialect only; the others' streams always tell.
    pub stream_usage: bool,
    /// Whether its streamed answers are held until they are complete, unless the client says otherwise.
    pub whole_answers: bool,
    /// The models that come here when several providers speak the dialect.
    pub models: ModelPatterns,
    /// What its errors mean to the operator, before the table that holds for everybody.
    pub rules: Arc<[Rule]>,
    /// Models known to share a bucket, in file order; the first group that matches a model has it.
    pub model_groups: Table<ModelGroupId, ModelGroup>,
    /// What it meters.
    pub accounts: Table<AccountId, Account>,
    /// The keys of all its accounts.
    pub keys: Table<KeyId, Key>,
}

/// Which HTTP to speak to a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProviderHttp {
    /// Whatever TLS agrees on; HTTP/1.1 in clear.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, in clear too.
    Http2,
}

impl ProviderHttp {
    /// The name in the policy file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Http1 => "1.1",
            Self::Http2 => "2",
        }
    }
}

/// Models of one provider that share a bucket in every account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelGroup {
    /// Its name, unique within the provider.
    pub id: String,
    /// Its models.
    pub models: ModelPatterns,
}

/// What a provider meters. It may be without keys: it serves nothing then, and the report warned of
/// it.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its name, unique among the accounts of all providers.
    pub id: String,
    /// The models it may use.
    pub models: ModelPatterns,
    /// What is known of its limits: a start and a cap; the provider's headers say the rest. The
    /// first that fits a model counts: those for a group or for models stand, in file order,
    /// before the one for every group.
    pub limits: Vec<Limit>,
}

/// A limit of an account, as far as the operator knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// Which models it holds for.
    pub scope: LimitScope,
    /// What each bucket refills by in a minute, by [`Dimension::index`]. Zero: serves nothing.
    pub per_minute: [Option<u64>; Dimension::COUNT],
    /// How much refill a full bucket holds.
    pub burst: Option<Duration>,
}

/// Which models a [`Limit`] holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitScope {
    /// Each model group separately.
    EveryGroup,
    /// One model group of the account's provider.
    Group(ModelGroupId),
    /// The groups of these models, each separately.
    Models(ModelPatterns),
}

/// A provider key.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its label, unique among all keys; this is what logs and metrics show.
    pub id: String,
    /// The account it is of.
    pub account: AccountId,
    /// Where its secret is.
    pub secret: SecretRef,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    /// Its name, unique among tenants.
    pub id: String,
    /// The hashes of the client keys it may present.
    pub client_keys: Vec<ClientKeyHash>,
    /// Of those, from when on some are refused.
    pub client_keys_expire: Vec<(ClientKeyHash, SystemTime)>,
    /// Where more of them are: each a client key or its hash, or several, a line for each. Never
    /// literals.
    pub client_key_refs: Vec<SecretRef>,
    /// The models it may use.
    pub models: ModelPatterns,
    /// The accounts of its own list; `None`: it has none.
    pub accounts: Option<BTreeSet<Holder>>,
    /// The accounts it may use: those of its own list that each group around it lists too; `None`: all.
    pub usable: Option<BTreeSet<Holder>>,
    /// What is kept of accounts for it.
    pub reserves: Vec<Reserve>,
    /// The class its requests wait in.
    pub priority: Priority,
    /// Its share, beside others of its class.
    pub weight: u32,
    /// How long its requests wait; the waiting room's own where absent.
    pub patience: Option<Duration>,
    /// From when on its client keys are refused.
    pub expires: Option<SystemTime>,
    /// The circle of tenants that share what they make; `None`: what it makes is its own.
    pub shares: Option<String>,
    /// Whether its streamed answers are held until they are complete, unless the client says otherwise.
    pub whole_answers: bool,
    /// What bounds it, beside what bounds its group.
    pub allowance: Allowance,
    /// The group that it is in, by its place in [`Policy::groups`].
    pub group: Option<usize>,
    /// Where its requests go, in order, when the first choice cannot serve within patience.
    pub fallbacks: Vec<Fallback>,
    /// Other names for models, for it alone.
    pub aliases: Aliases,
}

/// A part of an account that is kept; others borrow it while it lies idle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reserve {
    /// Of which account.
    pub account: Holder,
    /// Of all that it has, in 0..=1.
    pub share: f64,
}

/// Tenants that are bounded together.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantGroup {
    /// Its name, unique among groups.
    pub id: String,
    /// The accounts that those in it may use; `None`: all.
    pub accounts: Option<BTreeSet<Holder>>,
    /// What is kept of accounts for all that is in it together.
    pub reserves: Vec<Reserve>,
    /// What bounds all that is in it.
    pub allowance: Allowance,
    /// The group that it is in itself.
    pub group: Option<usize>,
}

/// How what tenants spend is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenancySettings {
    /// What is done for models without a price.
    pub unpriced: Unpriced,
    /// How much of a cached token counts as input, in parts of
    /// [`WHOLE`](keyweir_tenancy::money::WHOLE).
    pub cache_read_weight: u64,
}

/// One step of a list of fallbacks. At least one field is set. Does not apply to requests that
/// speak another dialect than its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// Ask for this model instead.
    pub model: Option<String>,
    /// Ask this provider instead.
    pub provider: Option<ProviderId>,
    /// Ask this account of this provider, whatever `provider` says.
    pub account: Option<(ProviderId, AccountId)>,
    /// What it is for.
    pub on: Occasions,
}

/// Fallbacks for some models, whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFallback {
    /// The models.
    pub models: ModelPatterns,
    /// Where to go, in order.
    pub steps: Vec<Fallback>,
}
