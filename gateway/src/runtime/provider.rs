//! A provider while the gateway runs: its pool, its connections, and what is known of reaching it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::header::{HeaderName, HeaderValue};
use keyweir_policy::config::file::Provider as Declared;
use keyweir_policy::config::file::{Destination, Key, Policy, SecretRef, doubt};
use keyweir_policy::config::pool_spec::pool_spec;
use keyweir_policy::config::secret::ProviderSecret;
use keyweir_policy::exchange::silence::Silences;
use keyweir_policy::pool::Pool;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::ids::ProviderId;
use keyweir_policy::terms::table::Table;
use keyweir_policy::wire::Wire;
use keyweir_policy::wire::classify::Rule;
use keyweir_policy::wire::trace::Traces;
use parking_lot::{Mutex, MutexGuard};

use crate::runtime::clock::Clock;
use crate::runtime::known_models::KnownModels;
use crate::runtime::parts::{Parts, ProviderKey};
use crate::runtime::pool::SharedPool;
use crate::runtime::roots::Roots;
use crate::runtime::secrets::{OfKeys, Secrets};
use crate::telemetry::events::Events;
use crate::upstream::{ProxyError, RootsError, Upstream};

/// One provider, as one policy has it. What it has of its own lives on in the next.
pub(crate) struct Provider {
    /// Its name in the policy file.
    pub(crate) id: String,
    pub(crate) dialect: Dialect,
    pub(crate) pool: Arc<SharedPool>,
    pub(crate) upstream: Arc<Upstream>,
    /// What its errors mean to the operator.
    pub(crate) rules: Arc<[Rule]>,
    /// Whether its streamed answers are held until they are complete.
    pub(crate) whole_answers: bool,
    reach: Arc<Reach>,
    models: Arc<KnownModels>,
}

/// What is known of reaching a provider.
#[derive(Debug, Default)]
struct Reach {
    /// How long its models may be silent.
    silences: Mutex<Silences>,
    last_error: Mutex<LastError>,
    /// The last connection that was tried could not be made.
    is_unreachable: AtomicBool,
}

/// What last went wrong with connections.
#[derive(Debug, Default)]
struct LastError {
    text: String,
    told: Option<Instant>,
}

/// How often failed connections are told to the log. While a provider is down, every request has
/// one.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Why the providers cannot be used as the policy says.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// There is nothing to verify certificates against.
    #[error("provider \"{provider}\": {error}")]
    Roots {
        /// The provider.
        provider: String,
        /// What is wrong.
        error: RootsError,
    },
    /// Its proxy cannot be used.
    #[error("provider \"{provider}\": {error}")]
    Proxy {
        /// The provider.
        provider: String,
        /// What is wrong.
        error: ProxyError,
    },
}

impl Provider {
    /// Notes what went wrong with a connection, and tells the log now and then.
    pub(crate) fn note_error(&self, text: &str) {
        let mut last = self.reach.last_error.lock();
        last.text.clear();
        last.text.push_str(text);
        if last.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            last.told = Some(Instant::now());
            tracing::warn!(
                provider = self.id,
                error = text,
                "a connection to the provider failed"
            );
        }
    }

    /// Notes that no connection could be made.
    pub(crate) fn note_unreachable(&self) {
        self.reach.is_unreachable.store(true, Ordering::Relaxed);
    }

    /// Notes that there is a connection.
    pub(crate) fn note_reached(&self) {
        if self.is_unreachable() {
            self.reach.is_unreachable.store(false, Ordering::Relaxed);
        }
    }

    /// Whether the last connection that was tried could not be made.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.reach.is_unreachable.load(Ordering::Relaxed)
    }

    /// How long its models may be silent.
    pub(crate) fn silences(&self) -> MutexGuard<'_, Silences> {
        self.reach.silences.lock()
    }

    /// What it lists as its models.
    pub(crate) fn models(&self) -> &KnownModels {
        &self.models
    }

    /// What last went wrong with a connection.
    pub(crate) fn last_error(&self) -> String {
        self.reach.last_error.lock().text.clone()
    }
}

/// A provider as a policy to come has it.
pub(crate) struct Prepared {
    pub(crate) provider: Provider,
    /// What its pool's accounts and keys will be; `None`: the pool is new, and has them.
    pub(crate) parts: Option<Parts>,
}

/// What providers are made from.
pub(crate) struct Making<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) secrets: &'a OfKeys,
    pub(crate) roots: &'a mut Roots,
    pub(crate) clock: Clock,
    pub(crate) events: &'a Arc<Events>,
}

impl Making<'_> {
    /// All providers of the policy, with what they have in common with those of `before`. Nothing of
    /// those is changed. Must be called on a runtime: pools keep time.
    ///
    /// # Errors
    /// If one cannot be reached as the policy says.
    pub(crate) fn all(
        &mut self,
        before: &Table<ProviderId, Provider>,
    ) -> Result<Table<ProviderId, Prepared>, ProviderError> {
        let mut providers = Table::default();
        for (id, declared) in self.policy.providers.iter() {
            let before = before.get(id);
            let upstream = self.upstream(declared, before)?;
            providers.insert(id, self.one((id, declared), upstream, before));
        }
        Ok(providers)
    }

    fn upstream(
        &mut self,
        declared: &Declared,
        before: Option<&Provider>,
    ) -> Result<Arc<Upstream>, ProviderError> {
        let connections = self.roots.of(declared).map_err(|error| {
            let provider = declared.id.clone();
            ProviderError::Roots { provider, error }
        })?;
        let gateway = &self.policy.gateway;
        let settings = (&gateway.timeouts, &gateway.upstream);
        let before = before.map(|before| &before.upstream);
        if let Some(same) = before.filter(|it| it.is_made_from(declared, &connections, settings)) {
            return Ok(Arc::clone(same));
        }
        let before = before.map(Arc::as_ref);
        let made = Upstream::new(declared, connections, settings, before).map_err(|error| {
            let provider = declared.id.clone();
            ProviderError::Proxy { provider, error }
        })?;
        Ok(Arc::new(made))
    }

    fn one(
        &self,
        (id, declared): (ProviderId, &Declared),
        upstream: Arc<Upstream>,
        before: Option<&Provider>,
    ) -> Prepared {
        let accounts = declared.accounts.map(|_, account| account.id.clone());
        let secrets = &self.secrets[id];
        let known = before.map(|before| before.pool.parts.load());
        let keys = secrets.map(|key, secret| {
            let known = known.as_ref().and_then(|parts| parts.credential(key));
            provider_key(declared, &declared.keys[key], secret, known)
        });
        let parts = Parts::new(declared.id.clone(), accounts, keys);
        // What is known of an API in one dialect says nothing of one in another.
        let before = before.filter(|before| before.dialect == declared.dialect);
        let (pool, parts) = match before {
            Some(before) => (Arc::clone(&before.pool), Some(parts)),
            None => {
                let spec = pool_spec(self.policy, id, fastrand::u64(..));
                let pool = Pool::new(spec, self.clock.now());
                (
                    SharedPool::start(pool, self.clock, parts, self.events),
                    None,
                )
            }
        };
        // Another address may have other models.
        let same = before.filter(|before| Arc::ptr_eq(&before.upstream, &upstream));
        let models = same.map(|it| Arc::clone(&it.models)).unwrap_or_default();
        let provider = Provider {
            models,
            id: declared.id.clone(),
            dialect: declared.dialect,
            pool,
            upstream,
            rules: Arc::clone(&declared.rules),
            whole_answers: declared.whole_answers,
            reach: before.map(|it| Arc::clone(&it.reach)).unwrap_or_default(),
        };
        Prepared { provider, parts }
    }
}

/// What is probably wrong with those secrets that are there: a line for each, without any of the secret.
pub(crate) fn doubtful_secrets(policy: &Policy, secrets: &Secrets) -> Vec<String> {
    let mut doubtful = Vec::new();
    for (provider_id, provider) in policy.providers_in_order() {
        let to = Destination {
            dialect: provider.dialect,
            host: &provider.base_url.host,
        };
        for (id, key) in provider.keys.iter() {
            let secret = secrets.of_keys.get(provider_id).and_then(|of| of.get(id));
            // Of those in the policy file its own check has told.
            if !matches!(key.secret, SecretRef::Literal(_))
                && let Some(secret) = secret
                && let Some(doubt) = doubt(secret.expose(), to)
            {
                let (message, hint) = (doubt.message, doubt.hint);
                doubtful.push(format!("key \"{}\": {message}; {hint}", key.id));
            }
        }
    }
    doubtful
}

/// A key, ready to be sent; the one that is `known` where nothing about it has changed.
pub(crate) fn provider_key(
    declared: &Declared,
    key: &Key,
    secret: &ProviderSecret,
    known: Option<&Arc<ProviderKey>>,
) -> Arc<ProviderKey> {
    let (name, value) = declared
        .dialect
        .provider_credential(declared.credential, secret.expose());
    let mut value =
        HeaderValue::from_str(&value).expect("a validated secret is a valid header value");
    value.set_sensitive(true);
    let header = HeaderName::from_static(name);
    let is_same = |known: &&Arc<ProviderKey>| {
        known.label == key.id && known.header == header && known.value == value
    };
    if let Some(same) = known.filter(is_same) {
        return Arc::clone(same);
    }
    Arc::new(ProviderKey {
        label: key.id.clone(),
        header,
        value,
        traces: Arc::new(Traces::of(secret.expose())),
    })
}
