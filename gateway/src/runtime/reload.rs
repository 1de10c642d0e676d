//! From one policy to the next while requests run.
//!
//! Files, secrets, certificates and roots are read and checked first, and all that the next policy
//! needs is made beside what is in use; only then is anything changed, and none of that can fail. On
//! any mistake the old policy stays in force, and the mistake is told.
//!
//! *Order of the change:* names and secrets of keys, so that whoever is granted a new key finds it;
//! then pools; then what requests begin with; then the pools of providers that are gone, whose
//! waiters are refused. One reload at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Instant, SystemTime};

use keyweir_policy::config::difference::Difference;
use keyweir_policy::config::file::{Gone, Identity, Policy, Severity, TlsSettings};
use keyweir_policy::config::pool_spec::pool_spec;
use keyweir_policy::pool::spec::PoolSpec;
use keyweir_policy::terms::ids::ProviderId;
use keyweir_policy::terms::table::Table;
use rustls::sign::CertifiedKey;
use tokio::sync::Mutex;

use crate::downstream::certificate::{self, Certificate, CertificateError};
use crate::runtime::effective::{
    OpenToAll, bound_connections, keep_started, refuse_open_listeners,
};
use crate::runtime::gateway::{Gateway, Live, Next, client_keys};
use crate::runtime::policy_files::{self, LoadError, Loaded};
use crate::runtime::policy_status::{Failure, PolicyStatus, Reloaded};
use crate::runtime::provider::{Making, Prepared, ProviderError};
use crate::runtime::regular_file;
use crate::runtime::roots::Roots;
use crate::runtime::secrets::{self, Anew, SecretProblems, Secrets};
use crate::upstream::{RootsError, Upstream, resolve};

/// Lines of a difference, and warnings, that are told; of a difference the rest is counted.
const LINES_MAX: usize = 100;

/// Replaces a gateway's policy.
pub struct Reloader {
    gateway: Arc<Gateway>,
    /// Files and folders; empty: the policy came from none.
    files: Vec<PathBuf>,
    certificate: Option<Arc<Certificate>>,
    state: Mutex<State>,
}

struct State {
    folder: PathBuf,
    identity: Identity,
    secrets: Secrets,
    /// Policies that were in force, as long as requests have them.
    before: Vec<Weak<Live>>,
}

/// What a reload was asked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Something has changed, or a command is due.
    Change,
    /// SIGHUP.
    Signal,
    /// `POST /reload`.
    Operator,
}

/// Where a policy came from.
pub(crate) struct Origin {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) folder: PathBuf,
    pub(crate) hash: String,
}

/// Why the old policy stays in force.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error("this gateway's policy did not come from files")]
    NoFiles,
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Secrets(#[from] SecretProblems),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    #[error(transparent)]
    Roots(#[from] RootsError),
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    OpenToAll(#[from] OpenToAll),
}

impl ReloadError {
    /// What is wrong, in lines, and apart from it what is probably not meant.
    fn told(&self) -> (String, Vec<String>) {
        let Self::Load(LoadError::Mistakes(report)) = self else {
            return (self.to_string(), Vec::new());
        };
        let of = |severity: Severity| {
            let problems = report.problems.iter();
            let problems = problems.filter(move |problem| problem.severity == severity);
            problems.map(ToString::to_string)
        };
        let mut mistakes: Vec<String> = of(Severity::Error).collect();
        if report.errors_left_out > 0 {
            mistakes.push(format!("… {} more", report.errors_left_out));
        }
        let warnings = of(Severity::Warning).take(LINES_MAX).collect();
        (mistakes.join("\n"), warnings)
    }
}

/// All that a change of policy takes.
struct Ready {
    policy: Policy,
    folder: PathBuf,
    hash: String,
    difference: Difference,
    secrets: Secrets,
    roots: Roots,
    providers: Table<ProviderId, Prepared>,
    certified: Option<CertifiedKey>,
    /// What in it is probably not meant.
    warnings: Vec<String>,
}

impl Reloader {
    /// For `gateway`, whose policy came from `origin` with these `secrets`.
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        origin: Origin,
        secrets: Secrets,
        certificate: Option<Arc<Certificate>>,
    ) -> Arc<Self> {
        let mut identity = Identity::default();
        identity.adopt(&gateway.live().policy, |_| false);
        let now = SystemTime::now();
        let mut status = gateway.policy_status.lock();
        status.hash = origin.hash;
        (status.since, status.read) = (Some(now), Some(now));
        gateway.metrics.policy.loaded(&status.hash, now);
        drop(status);
        Arc::new(Self {
            gateway,
            files: origin.files,
            certificate,
            state: Mutex::new(State {
                folder: origin.folder,
                identity,
                secrets,
                before: Vec::new(),
            }),
        })
    }

    /// Follows the files as they are now. Must be called on a multi-threaded runtime.
    pub(crate) async fn reload(&self, trigger: Trigger) -> Reloaded {
        let mut state = self.state.lock().await;
        let began = Instant::now();
        let reloaded = match tokio::task::block_in_place(|| self.prepare(&state, trigger)) {
            Err(error) => self.failed(&error),
            Ok(ready) => self.follow(&mut state, ready).await,
        };
        self.gateway.metrics.policy.reloaded(reloaded.as_str());
        if let Reloaded::Changed(changes) = &reloaded {
            for change in changes {
                tracing::info!("{change}");
            }
            tracing::info!(?trigger, took = ?began.elapsed(), "the policy is reloaded");
        }
        reloaded
    }

    /// Files whose change is to be followed, beside the policy's.
    pub(crate) async fn other_files(&self) -> Vec<PathBuf> {
        let state = self.state.lock().await;
        let policy = &self.gateway.live().policy;
        let folder = &state.folder;
        let mut files = secrets::files(policy, folder);
        let roots = policy.providers.values();
        files.extend(roots.filter_map(|it| Some(folder.join(it.ca_file.as_ref()?))));
        if let Some(tls) = &policy.gateway.tls {
            files.extend([&tls.cert_file, &tls.key_file].map(|path| folder.join(path)));
        }
        files
    }

    /// The policy's files and folders, as the operator named them.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// What is told of the policy in force.
    pub(crate) fn status(&self) -> PolicyStatus {
        self.gateway.policy_status.lock().clone()
    }

    /// When a command is to run again.
    pub(crate) async fn next_due(&self) -> Option<Instant> {
        self.state.lock().await.secrets.next_due()
    }

    /// Reads and makes all, and changes nothing.
    fn prepare(&self, state: &State, trigger: Trigger) -> Result<Ready, ReloadError> {
        if self.files.is_empty() {
            return Err(ReloadError::NoFiles);
        }
        let anew = match trigger {
            Trigger::Change => Anew::Due,
            Trigger::Signal | Trigger::Operator => Anew::All,
        };
        let live = self.gateway.live();
        let Loaded {
            mut policy,
            warnings,
            folder,
            hash,
        } = policy_files::load_after(&self.files, &state.identity)?;
        bound_connections(&mut policy, false);
        let difference = Difference::between(&live.policy, &policy);
        keep_started(&mut policy, &live.policy.gateway);
        refuse_open_listeners(&policy)?;
        let secrets = secrets::read(&policy, &folder, &state.secrets, anew)?;
        let tls = policy.gateway.tls.as_ref();
        let certified = tls.map(|tls| certified(tls, &folder)).transpose()?;
        let mut roots = Roots::after(&live.roots, &policy, &folder)?;
        let mut making = Making {
            policy: &policy,
            secrets: &secrets.of_keys,
            roots: &mut roots,
            clock: self.gateway.clock,
        };
        let providers = making.all(&live.providers)?;
        let warnings = warnings.problems.iter().take(LINES_MAX);
        let warnings: Vec<String> = warnings.map(ToString::to_string).collect();
        if hash != self.gateway.policy_status.lock().hash {
            for warning in &warnings {
                tracing::warn!("{warning}");
            }
        }
        Ok(Ready {
            policy,
            folder,
            hash,
            difference,
            secrets,
            roots,
            providers,
            certified,
            warnings,
        })
    }

    /// Tells that the old policy stays in force.
    fn failed(&self, error: &ReloadError) -> Reloaded {
        let (why, warnings) = error.told();
        let mut status = self.gateway.policy_status.lock();
        if status.failure.as_ref().is_none_or(|known| known.why != why) {
            for line in why.lines() {
                tracing::error!("{line}");
            }
            for line in &warnings {
                tracing::warn!("{line}");
            }
            tracing::error!("the policy is not reloaded; the one in force stays");
        }
        status.failure = Some(Failure {
            at: SystemTime::now(),
            why: why.clone(),
            warnings,
        });
        self.gateway.metrics.policy.failed.set(1);
        Reloaded::Failed(why)
    }

    async fn follow(&self, state: &mut State, ready: Ready) -> Reloaded {
        let live = self.gateway.live();
        let changes = changes(&live, state, &ready);
        if let (Some(certificate), Some(certified)) = (&self.certificate, &ready.certified) {
            certificate.replace(certified.clone());
        }
        let upstreams = new_upstreams(&live, &ready.providers);
        let is_changed = !changes.is_empty() || !upstreams.is_empty();
        self.read_well(&ready, is_changed);
        if !is_changed {
            state.secrets = ready.secrets;
            return Reloaded::Unchanged;
        }
        let named = || upstreams.iter().map(|(name, it)| (name.as_str(), it));
        resolve::first(named()).await;
        resolve::keep(named(), ready.policy.gateway.upstream.dns_refresh);
        self.apply(state, &live, ready);
        Reloaded::Changed(changes)
    }

    /// Tells that the files are right, and what is left to be told of them.
    fn read_well(&self, ready: &Ready, is_changed: bool) {
        let now = SystemTime::now();
        let mut status = self.gateway.policy_status.lock();
        if status.failure.take().is_some() {
            tracing::info!("the policy files are right again");
        }
        status.read = Some(now);
        let restart: Vec<String> = ready
            .difference
            .restart
            .iter()
            .map(ToString::to_string)
            .collect();
        for line in restart.iter().filter(|it| !status.restart.contains(it)) {
            tracing::warn!("{line} (needs a restart)");
        }
        for line in &ready.secrets.failures {
            if !status.secrets.contains(line) {
                tracing::error!("{line}");
            }
        }
        for whose in status.readable_again(&ready.secrets.failures) {
            if secrets::is_declared(&ready.policy, whose) {
                tracing::info!("{whose}: the secret can be read again");
            }
        }
        status.restart = restart;
        status.warnings.clone_from(&ready.warnings);
        status.secrets.clone_from(&ready.secrets.failures);
        status.hash.clone_from(&ready.hash);
        if is_changed {
            status.since = Some(now);
        }
        let metrics = &self.gateway.metrics.policy;
        metrics.loaded(&ready.hash, now);
        metrics
            .secrets_failed
            .set(i64::try_from(status.secrets.len()).unwrap_or(i64::MAX));
    }

    /// Changes over. Nothing here can fail.
    fn apply(&self, state: &mut State, before: &Arc<Live>, ready: Ready) {
        let mut providers = Table::default();
        for (id, Prepared { provider, parts }) in ready.providers {
            match parts {
                Some(parts) if is_same_pool(&before.policy, &ready.policy, id) => {
                    provider.pool.replace(parts);
                }
                Some(parts) => {
                    let spec = pool_spec(&ready.policy, id, 0);
                    provider.pool.reconfigure(spec, parts);
                }
                None => {}
            }
            providers.insert(id, provider);
        }
        let client_keys = client_keys(&ready.secrets, &ready.policy);
        let before = self.gateway.replace(Next {
            client_keys,
            policy: ready.policy,
            providers,
            roots: ready.roots,
        });
        let live = self.gateway.live();
        for (id, provider) in before.providers.iter() {
            let now = live.providers.get(id);
            if now.is_none_or(|now| !Arc::ptr_eq(&now.pool, &provider.pool)) {
                provider.pool.retire(PoolSpec {
                    accounts: Table::default(),
                    ..pool_spec(&before.policy, id, 0)
                });
            }
        }
        self.gateway.metrics.pools.forget();
        state.before.retain(|policy| policy.strong_count() > 0);
        // What this policy had may be evicted with a later one, when nobody has this one any more.
        state.before.push(Arc::downgrade(&before));
        let in_use = state.before.iter().any(|policy| policy.strong_count() > 0);
        let is_free = |gone| !in_use && is_free(&live, gone);
        state.identity.adopt(&live.policy, is_free);
        state.secrets = ready.secrets;
        state.folder = ready.folder;
    }
}

fn certified(tls: &TlsSettings, folder: &Path) -> Result<CertifiedKey, CertificateError> {
    for path in [&tls.cert_file, &tls.key_file] {
        let path = folder.join(path);
        if let Err(error) = regular_file::check(&path) {
            let reason = error.to_string();
            return Err(CertificateError { path, reason });
        }
    }
    certificate::read(tls, folder)
}

/// What is different, in lines.
fn changes(live: &Live, state: &State, ready: &Ready) -> Vec<String> {
    let changes = ready.difference.changes.iter();
    let mut lines: Vec<String> = changes.map(ToString::to_string).collect();
    for (id, provider) in ready.policy.providers.iter() {
        for (key, declared) in provider.keys.iter() {
            let of = |secrets: &Secrets| secrets.of_keys.get(id)?.get(key).cloned();
            let known = live.policy.providers.get(id);
            let known = known.and_then(|known| known.keys.get(key));
            let is_told = known.is_none_or(|known| known.secret != declared.secret);
            if !is_told && of(&state.secrets) != of(&ready.secrets) {
                lines.push(format!("key {}: has a new secret", declared.id));
            }
        }
    }
    let has_other_client_keys = state.secrets.client_keys != ready.secrets.client_keys;
    if has_other_client_keys && lines.is_empty() {
        lines.push("client keys that stand elsewhere have changed".to_owned());
    }
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("… {more} more"));
    }
    lines
}

/// Connections that are to be made in another way than before.
fn new_upstreams(
    live: &Live,
    providers: &Table<ProviderId, Prepared>,
) -> Vec<(String, Arc<Upstream>)> {
    let new = providers.iter().filter(|(id, prepared)| {
        let known = live.providers.get(*id);
        known.is_none_or(|known| !Arc::ptr_eq(&known.upstream, &prepared.provider.upstream))
    });
    let new = new.map(|(_, it)| (it.provider.id.clone(), Arc::clone(&it.provider.upstream)));
    new.collect()
}

/// Whether a provider's pool would be told nothing new.
fn is_same_pool(before: &Policy, after: &Policy, id: ProviderId) -> bool {
    let weights = |policy: &Policy| policy.tenants.map(|_, tenant| tenant.weight);
    before.providers.get(id) == after.providers.get(id)
        && before.waiting.room == after.waiting.room
        && before.retry == after.retry
        && weights(before) == weights(after)
}

/// Whether nothing refers to what is gone but requests that began under an older policy.
fn is_free(live: &Live, gone: Gone) -> bool {
    !live.holds_for(|held| match gone {
        Gone::Provider(provider) => held.holder.0 == provider,
        Gone::Account(provider, account) => held.holder == (provider, account),
        Gone::Key(..) => false,
        Gone::Tenant(tenant) => held.owner == Some(tenant),
    })
}
