//! Why the old policy stays in force.

use keyweir_policy::config::file::Severity;

use crate::downstream::certificate::CertificateError;
use crate::runtime::effective::{OpenToAll, TenantsGone};
use crate::runtime::policy_files::LoadError;
use crate::runtime::provider::ProviderError;
use crate::runtime::secrets::SecretProblems;
use crate::upstream::RootsError;

/// Lines of a difference, and warnings, that are told; of a difference the rest is counted.
pub(super) const LINES_MAX: usize = 100;

/// Why the old policy stays in force.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReloadError {
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
    #[error(transparent)]
    TenantsGone(#[from] TenantsGone),
}

impl ReloadError {
    /// What is wrong, in lines, and apart from it what is probably not meant.
    pub(super) fn told(&self) -> (String, Vec<String>) {
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
