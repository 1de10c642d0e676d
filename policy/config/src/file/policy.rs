//! The validated policy: every name resolved, every value within its bounds.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::file::base_url::BaseUrl;
use crate::file::settings::{GatewaySettings, WaitingSettings};
use crate::secret::{ClientKeyHash, ClientKeys, ProviderSecret};
use keyweir_health::retry_budget::RetryLimits;
use keyweir_pool::spec::LimitScope;
use keyweir_terms::amount::Dimension;
use keyweir_terms::dialect::{CredentialStyle, Dialect};
use keyweir_terms::ids::{ProviderId, TenantId};
use keyweir_terms::pattern::ModelPatterns;
use keyweir_terms::request::Priority;

/// All that the policy files say.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Listeners, bounds and time-outs of the gateway.
    pub gateway: GatewaySettings,
    /// The waiting room.
    pub waiting: WaitingSettings,
    /// Retries.
    pub retry: RetryLimits,
    /// The APIs, in file order; [`ProviderId`] is a position here.
    pub providers: Vec<Provider>,
    /// The accounts of all providers, in file order.
    pub accounts: Vec<Account>,
    /// Who may call, in file order; [`TenantId`] is a position here. Empty: anyone may, and the
    /// gateway listens on loopback only.
    pub tenants: Vec<Tenant>,
    /// What to do for a model whose first choice cannot serve, in file order: the first entry
    /// that matches counts, and only where the tenant has no fallbacks of its own.
    pub fallbacks: Vec<ModelFallback>,
}

impl Policy {
    /// One provider.
    pub fn provider(&self, id: ProviderId) -> &Provider {
        &self.providers[id.index()]
    }

    /// One tenant.
    pub fn tenant(&self, id: TenantId) -> &Tenant {
        &self.tenants[id.index()]
    }

    /// Which tenant each client key belongs to.
    pub fn client_keys(&self) -> ClientKeys {
        let tenants = (0..).map(TenantId).zip(&self.tenants);
        ClientKeys::new(
            tenants.flat_map(|(id, tenant)| tenant.client_keys.iter().map(move |hash| (*hash, id))),
        )
    }

    /// The accounts of one provider, in file order. An account's position in this sequence is its
    /// [`AccountId`](keyweir_terms::ids::AccountId) in the provider's pool, and a key's position in the
    /// sequence of all their keys is its [`KeyId`](keyweir_terms::ids::KeyId).
    pub fn accounts_of(&self, provider: ProviderId) -> impl Iterator<Item = &Account> {
        self.accounts
            .iter()
            .filter(move |account| account.provider == provider)
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
    /// Which header carries the provider key.
    pub credential: CredentialStyle,
    /// The models that come here when several providers speak the dialect.
    pub models: ModelPatterns,
    /// Models known to share a bucket; the first group that matches a model has it.
    pub model_groups: Vec<ModelGroup>,
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

/// Models of one provider that share a bucket in every account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelGroup {
    /// Its name, unique within the provider.
    pub id: String,
    /// Its models.
    pub models: ModelPatterns,
}

/// What a provider meters.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its name, unique among accounts.
    pub id: String,
    /// The provider it is with.
    pub provider: ProviderId,
    /// The models it may use.
    pub models: ModelPatterns,
    /// What is known of its limits: a start and a cap; the provider's headers say the rest. The
    /// first that fits a model counts: those for a group or for models stand, in file order,
    /// before the one for every group.
    pub limits: Vec<Limit>,
    /// Its keys. An account may be without: it serves nothing then, and the report warned of it.
    pub keys: Vec<Key>,
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

/// A provider key.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its label, unique among all keys; this is what logs and metrics show.
    pub id: String,
    /// Where its secret is.
    pub secret: SecretRef,
}

/// Where a provider key's secret is found. Reading it is the gateway's part.
#[derive(Clone, Debug, PartialEq)]
pub enum SecretRef {
    /// In this environment variable.
    Env(String),
    /// In this file, whose last newline does not count. Relative paths start at the folder of
    /// the policy file.
    File(PathBuf),
    /// In the policy file itself.
    Literal(ProviderSecret),
}

/// Who calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    /// Its name, unique among tenants.
    pub id: String,
    /// The hashes of the client keys it may present.
    pub client_keys: Vec<ClientKeyHash>,
    /// The models it may use.
    pub models: ModelPatterns,
    /// The class its requests wait in.
    pub priority: Priority,
    /// Its share, beside others of its class.
    pub weight: u32,
    /// How long its requests wait; the waiting room's own where absent.
    pub patience: Option<Duration>,
    /// From when on its client keys are refused.
    pub expires: Option<SystemTime>,
    /// Where its requests go, in order, when the first choice cannot serve within patience.
    pub fallbacks: Vec<Fallback>,
}

/// One step of a list of fallbacks. At least one field is set. Does not apply to requests that
/// speak another dialect than its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// Ask for this model instead.
    pub model: Option<String>,
    /// Ask this provider instead.
    pub provider: Option<ProviderId>,
    /// Ask this account, a position in [`Policy::accounts`].
    pub account: Option<usize>,
}

/// Fallbacks for some models, whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFallback {
    /// The models.
    pub models: ModelPatterns,
    /// Where to go, in order.
    pub steps: Vec<Fallback>,
}
