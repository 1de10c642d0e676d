//! Reads, checks and makes all that the next policy needs, beside what is in use.

use std::path::PathBuf;

use keyweir_policy::config::difference::Difference;
use keyweir_policy::config::file::Policy;
use keyweir_policy::terms::ids::ProviderId;
use keyweir_policy::terms::table::Table;
use rustls::sign::CertifiedKey;

use super::error::{LINES_MAX, ReloadError};
use super::state::State;
use crate::downstream::certificate::{self, CertificateError};
use crate::downstream::operator_tls;
use crate::runtime::effective::{
    bound_connections, keep_started, refuse_open_listeners, refuse_to_open,
};
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
    /// What operators are shown and may show.
    pub(super) operators: Option<operator_tls::Ready>,
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
    refuse_to_open(&live.policy, &policy)?;
    let secrets = secrets::read(&policy, &folder, &state.secrets, anew)?;
    let tls = policy.gateway.tls.as_ref();
    let certified = tls.map(|tls| {
        are_regular([&tls.cert_file, &tls.key_file].map(|path| folder.join(path)))?;
        certificate::read(tls, &folder)
    });
    let certified = certified.transpose()?;
    let of_admin = policy.gateway.admin_tls.as_ref();
    let of_admin = of_admin.map(|tls| {
        are_regular(operator_tls::files(tls, &folder))?;
        operator_tls::read(tls, &folder)
    });
    let operators = of_admin.transpose()?;
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
    let known = gateway.policy_status.lock();
    if hash != known.hash {
        // Of a large policy's most were told before.
        for warning in known.new_warnings(&warnings) {
            tracing::warn!("{warning}");
        }
    }
    drop(known);
    Ok(Ready {
        policy,
        folder,
        hash,
        difference,
        secrets,
        roots,
        providers,
        certified,
        operators,
        warnings,
    })
}

fn are_regular(paths: impl IntoIterator<Item = PathBuf>) -> Result<(), CertificateError> {
    for path in paths {
        if let Err(error) = regular_file::check(&path) {
            let reason = error.to_string();
            return Err(CertificateError { path, reason });
        }
    }
    Ok(())
}
