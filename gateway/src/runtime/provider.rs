//! A provider while the gateway runs: its pool, its connections, its credentials, and what it is
//! known to hold.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
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
use keyweir_policy::terms::ids::{AccountId, KeyId, ProviderId};
use keyweir_policy::terms::table::Table;
use keyweir_policy::wire::Wire;
use keyweir_policy::wire::classify::Rule;
use keyweir_policy::wire::trace::Traces;
use parking_lot::Mutex;

use crate::runtime::clock::Clock;
use crate::runtime::names::Names;
use crate::runtime::pool::SharedPool;
use crate::runtime::secrets::{self, SecretProblems};
use crate::upstream::{self, Connections, ProxyError, RootsError, Upstream};

/// One provider.
pub(crate) struct Provider {
    /// Its name in the policy file.
    pub(crate) id: String,
    pub(crate) dialect: Dialect,
    pub(crate) pool: Arc<SharedPool>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) keys: Table<KeyId, ProviderKey>,
    /// What its errors mean to the operator.
    pub(crate) rules: Arc<[Rule]>,
    /// Whether its streamed answers are held until they are complete.
    pub(crate) whole_answers: bool,
    /// What its accounts are called.
    pub(crate) accounts: Table<AccountId, String>,
    /// How long its models may be silent.
    pub(crate) silences: Mutex<Silences>,
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

/// A provider key, ready to be sent.
pub(crate) struct ProviderKey {
    /// What logs call it.
    pub(crate) label: String,
    pub(crate) header: HeaderName,
    pub(crate) value: HeaderValue,
    /// What its secret is recognized by in answers.
    pub(crate) traces: Arc<Traces>,
}

/// Why the providers cannot be used as the policy says.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Secrets are missing.
    #[error(transparent)]
    Secrets(#[from] SecretProblems),
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
    /// The credential of a key.
    pub(crate) fn key(&self, key: KeyId) -> &ProviderKey {
        &self.keys[key]
    }

    /// Notes what went wrong with a connection, and tells the log now and then.
    pub(crate) fn note_error(&self, text: &str) {
        let mut last = self.last_error.lock();
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
        self.is_unreachable.store(true, Ordering::Relaxed);
    }

    /// Notes that there is a connection.
    pub(crate) fn note_reached(&self) {
        if self.is_unreachable() {
            self.is_unreachable.store(false, Ordering::Relaxed);
        }
    }

    /// Whether the last connection that was tried could not be made.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.is_unreachable.load(Ordering::Relaxed)
    }

    /// What last went wrong with a connection.
    pub(crate) fn last_error(&self) -> String {
        self.last_error.lock().text.clone()
    }
}

/// All providers of `policy`. Must be called on a runtime: pools keep time.
pub(crate) fn start_all(
    policy: &Policy,
    folder: &Path,
    clock: Clock,
) -> Result<Table<ProviderId, Provider>, ProviderError> {
    let mut secrets = read_secrets(policy, folder)?;
    let mut by_roots = ByRoots {
        policy,
        folder,
        made: HashMap::new(),
    };
    let mut providers = Table::default();
    for (id, declared) in policy.providers.iter() {
        let connections = by_roots
            .of(declared)
            .map_err(|error| ProviderError::Roots {
                provider: declared.id.clone(),
                error,
            })?;
        let (timeouts, settings) = (&policy.gateway.timeouts, &policy.gateway.upstream);
        let upstream =
            Upstream::new((id, declared), connections, timeouts, settings).map_err(|error| {
                ProviderError::Proxy {
                    provider: declared.id.clone(),
                    error,
                }
            })?;
        let secrets = secrets.remove(id).unwrap_or_default();
        providers.insert(id, start(policy, id, &secrets, upstream, clock));
    }
    Ok(providers)
}

/// Whether every secret of `policy` is there.
///
/// # Errors
/// All that are not.
pub fn check_secrets(policy: &Policy, folder: &Path) -> Result<(), SecretProblems> {
    read_secrets(policy, folder).map(drop)
}

/// What is probably wrong with secrets that are there: a line for each, without any of the secret.
pub fn doubtful_secrets(policy: &Policy, folder: &Path) -> Vec<String> {
    let mut doubtful = Vec::new();
    for (_, provider) in policy.providers_in_order() {
        let Ok(found) = secrets::read_all(&provider.keys, folder) else {
            continue;
        };
        let to = Destination {
            dialect: provider.dialect,
            host: &provider.base_url.host,
        };
        for (id, key) in provider.keys.iter() {
            // Of those in the policy file its own check has told.
            if !matches!(key.secret, SecretRef::Literal(_))
                && let Some(doubt) = doubt(found[id].expose(), to)
            {
                let (message, hint) = (doubt.message, doubt.hint);
                doubtful.push(format!("key \"{}\": {message}; {hint}", key.id));
            }
        }
    }
    doubtful
}

/// The secrets of each provider's keys.
fn read_secrets(
    policy: &Policy,
    folder: &Path,
) -> Result<Table<ProviderId, Table<KeyId, ProviderSecret>>, SecretProblems> {
    let mut all = Table::default();
    let mut problems = Vec::new();
    for (id, provider) in policy.providers.iter() {
        match secrets::read_all(&provider.keys, folder) {
            Ok(secrets) => drop(all.insert(id, secrets)),
            Err(SecretProblems(more)) => problems.extend(more),
        }
    }
    if problems.is_empty() {
        Ok(all)
    } else {
        Err(SecretProblems(problems))
    }
}

fn start(
    policy: &Policy,
    id: ProviderId,
    secrets: &Table<KeyId, ProviderSecret>,
    upstream: Upstream,
    clock: Clock,
) -> Provider {
    let declared = policy.provider(id);
    let accounts = declared.accounts.map(|_, account| account.id.clone());
    let keys = secrets.map(|key, secret| provider_key(declared, &declared.keys[key], secret));
    let names = Names {
        provider: declared.id.clone(),
        accounts: accounts.clone(),
        keys: declared.keys.map(|_, key| key.id.clone()),
    };
    let pool = Pool::new(pool_spec(policy, id, fastrand::u64(..)), clock.now());
    Provider {
        id: declared.id.clone(),
        dialect: declared.dialect,
        pool: SharedPool::start(pool, clock, names),
        upstream: Arc::new(upstream),
        keys,
        rules: Arc::clone(&declared.rules),
        whole_answers: declared.whole_answers,
        accounts,
        silences: Mutex::default(),
        last_error: Mutex::default(),
        is_unreachable: AtomicBool::new(false),
    }
}

fn provider_key(declared: &Declared, key: &Key, secret: &ProviderSecret) -> ProviderKey {
    let (name, value) = declared
        .dialect
        .provider_credential(declared.credential, secret.expose());
    let mut value =
        HeaderValue::from_str(&value).expect("a validated secret is a valid header value");
    value.set_sensitive(true);
    ProviderKey {
        label: key.id.clone(),
        header: HeaderName::from_static(name),
        value,
        traces: Arc::new(Traces::of(secret.expose())),
    }
}

/// Connections per set of roots: loading the system's takes time and memory, and connections
/// made with different roots must not share a pool.
struct ByRoots<'a> {
    policy: &'a Policy,
    folder: &'a Path,
    made: HashMap<Option<PathBuf>, Arc<Connections>>,
}

impl ByRoots<'_> {
    fn of(&mut self, declared: &Declared) -> Result<Arc<Connections>, RootsError> {
        if let Some(known) = self.made.get(&declared.ca_file) {
            return Ok(Arc::clone(known));
        }
        let roots = declared.ca_file.as_ref().map(|path| self.folder.join(path));
        if roots.is_none() {
            upstream::check_system_roots(self.policy)?;
        }
        let idle_max = self.policy.gateway.upstream.idle_max;
        let connections = upstream::connections(roots.as_deref(), idle_max)?;
        self.made
            .insert(declared.ca_file.clone(), Arc::clone(&connections));
        Ok(connections)
    }
}
