//! From one policy to the next while requests run.
//!
//! Files, secrets, certificates and roots are read and checked first, and all that the next policy
//! needs is made beside what is in use; only then is anything changed, and none of that can fail. On
//! any mistake the old policy stays in force, and the mistake is told.
//!
//! *Order of the change:* names and secrets of keys, so that whoever is granted a new key finds it;
//! then pools; then what requests begin with; then the pools of providers that are gone, whose
//! waiters are refused. One reload at a time.

mod apply;
mod changes;
mod error;
mod prepare;
mod shown;
mod state;
mod tell;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use keyweir_policy::config::file::{Identity, JwtKeys};
use tokio::sync::{Mutex, Notify};

use self::apply::apply;
use self::changes::{changes, new_upstreams};
use self::prepare::{Ready, prepare};
pub(crate) use self::shown::Shown;
use self::state::State;
use crate::downstream::operator_tls;
use crate::runtime::gateway::Gateway;
use crate::runtime::policy_status::{PolicyStatus, Reloaded};
use crate::runtime::secrets::{self, Anew, Secrets};
use crate::upstream::resolve;

/// Replaces a gateway's policy.
pub struct Reloader {
    gateway: Arc<Gateway>,
    /// Files and folders; empty: the policy came from none.
    files: Vec<PathBuf>,
    shown: Shown,
    state: Mutex<State>,
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

impl Trigger {
    /// Which secrets are read again.
    const fn anew(self) -> Anew {
        match self {
            Self::Change => Anew::Changed,
            Self::Signal | Self::Operator => Anew::All,
        }
    }
}

/// Where a policy came from.
pub(crate) struct Origin {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) folder: PathBuf,
    pub(crate) hash: String,
    /// What in it is probably not meant, and was told already.
    pub(crate) warnings: Vec<String>,
}

impl Reloader {
    /// For `gateway`, whose policy came from `origin` with these `secrets`, and whose listeners show these
    /// certificates.
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        origin: Origin,
        secrets: Secrets,
        shown: Shown,
    ) -> Arc<Self> {
        let mut identity = Identity::default();
        identity.adopt(&gateway.live().policy, |_| false);
        tell::began(&gateway, &shown);
        let now = SystemTime::now();
        let mut status = gateway.policy_status.lock();
        (status.hash, status.warnings) = (origin.hash, origin.warnings);
        (status.since, status.read) = (Some(now), Some(now));
        gateway.metrics.policy.loaded(&status.hash, now);
        drop(status);
        Arc::new(Self {
            gateway,
            files: origin.files,
            shown,
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
        // Also where the policy cannot be read: who follows changes waits for the next one.
        state.secrets.run_due(&state.folder);
        let began = Instant::now();
        let prepare = || prepare(&self.gateway, &self.files, &state, trigger.anew());
        let reloaded = match tokio::task::block_in_place(prepare) {
            Err(error) => tell::failed(&self.gateway, &error),
            Ok(ready) => self.follow(&mut state, ready).await,
        };
        let live = self.gateway.live();
        tokio::task::block_in_place(|| live.tokens.reread());
        if trigger != Trigger::Change {
            live.tokens.ask_anew();
        }
        self.gateway.metrics.policy.reloaded(reloaded.as_str());
        tell::tell(&self.gateway, &reloaded);
        if let Reloaded::Changed(changes) = &reloaded {
            for change in changes {
                tracing::info!("{change}");
            }
            tracing::info!(?trigger, took = ?began.elapsed(), "the policy is reloaded");
        }
        reloaded
    }

    async fn follow(&self, state: &mut State, mut ready: Ready) -> Reloaded {
        let live = self.gateway.live();
        // As long as what is read: of ten thousand keys each is compared, and each is changed.
        let changes = tokio::task::block_in_place(|| changes(&live, state, &ready));
        if let (Some(certificate), Some(certified)) = (&self.shown.clients, &ready.certified)
            && certificate.replace(certified.clone())
        {
            tell::replaced(&self.gateway, "clients", certificate);
        }
        if let (Some(operators), Some(files)) = (&self.shown.operators, ready.operators.take())
            && operators.replace(files)
        {
            tell::replaced(&self.gateway, "operators", operators.certificate());
        }
        tell::expiry(&self.gateway, &self.shown);
        let upstreams = new_upstreams(&live, &ready.providers);
        let is_changed = !changes.is_empty() || !upstreams.is_empty();
        tell::read_well(&self.gateway, &ready, is_changed);
        if !is_changed {
            state.secrets = ready.secrets;
            return Reloaded::Unchanged;
        }
        let named = || upstreams.iter().map(|(name, it)| (name.as_str(), it));
        resolve::first(named()).await;
        resolve::keep(named(), ready.policy.gateway.upstream.dns_refresh);
        tokio::task::block_in_place(|| apply(&self.gateway, state, &live, ready));
        Reloaded::Changed(changes)
    }

    /// Files whose change is to be followed, beside the policy's.
    pub(crate) async fn other_files(&self) -> Vec<PathBuf> {
        let state = self.state.lock().await;
        let policy = &self.gateway.live().policy;
        let folder = &state.folder;
        let mut files = secrets::files(policy, folder);
        let roots = policy.providers.values();
        files.extend(roots.filter_map(|it| Some(folder.join(it.ca_file.as_ref()?))));
        let issuers = policy.gateway.jwt.iter();
        files.extend(issuers.filter_map(|it| match &it.keys {
            JwtKeys::File(path) => Some(folder.join(path)),
            JwtKeys::Url(_) => None,
        }));
        if let Some(tls) = &policy.gateway.tls {
            files.extend([&tls.cert_file, &tls.key_file].map(|path| folder.join(path)));
        }
        let of_admin = policy.gateway.admin_tls.iter();
        files.extend(of_admin.flat_map(|tls| operator_tls::files(tls, folder)));
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

    /// When a command is to run again, or has printed something.
    pub(crate) async fn next_due(&self) -> Option<Instant> {
        self.state.lock().await.secrets.next_due()
    }

    /// Tells that a command has ended.
    pub(crate) async fn news(&self) -> Arc<Notify> {
        self.state.lock().await.secrets.news()
    }
}
