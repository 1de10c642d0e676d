//! Reads, checks and makes all that the next policy needs, beside what is in use.

use std::path::{Path, PathBuf};

use keyweir_policy::config::difference::Difference;
use keyweir_policy::config::file::{Policy, TlsSettings};
use keyweir_policy::terms::ids::ProviderId;
use keyweir_policy::terms::table::Table;
use rustls::sign::CertifiedKey;

use super::error::{LINES_MAX, ReloadError};
use super::state::State;
use crate::downstream::certificate::{self, CertificateError};
use crate::runtime::effective::{bound_connections, keep_started, refuse_open_listeners};
use crate::runtime::gateway::Gateway;
use crate::runtime::policy_files::{self, Loaded};
use crate::runtime::provider::{Making, Prepared};
use crate::runtime::regular_file;
use crate::runtime::roots::Roots;
use crate::runtime::secrets::{self, Anew, Secrets};

/// All that a change of policy takes.
pub(super) struct Ready {
    pub(super) policy: Policy,
    pub(super) folder: PathBuf,
    pub(super) hash: String,
    pub(super) difference: Difference,
    pub(super) secrets: Secrets,
    pub(super) roots: Roots,
    pub(super) providers: Table<ProviderId, Prepared>,
    pub(super) certified: Option<CertifiedKey>,
    /// What in it is probably not meant.
    pub(super) warnings: Vec<String>,
}

/// Reads and makes all, and changes nothing.
pub(super) fn prepare(
    gateway: &Gateway,
    files: &[PathBuf],
    state: &State,
    anew: Anew,
) -> Result<Ready, ReloadError> {
    if files.is_empty() {
        return Err(ReloadError::NoFiles);
    }
    let live = gateway.live();
    let Loaded {
        mut policy,
        warnings,
        folder,
        hash,
    } = policy_files::load_after(files, &state.identity)?;
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
        clock: gateway.clock,
        events: &gateway.events,
    };
    let providers = making.all(&live.providers)?;
    let warnings = warnings.problems.iter().take(LINES_MAX);
    let warnings: Vec<String> = warnings.map(ToString::to_string).collect();
    if hash != gateway.policy_status.lock().hash {
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
