//! Loads a policy for a command, and tells on the terminal what is wrong with it.

use std::io::Write;
use std::path::PathBuf;

use keyweir_policy::config::file::{Report, Severity};

use super::failed::Failed;
use crate::runtime::policy_files::{self, LoadError, Loaded};
use crate::telemetry::messages;

/// Loads the policy at `paths`; what is wrong with it is said.
pub(crate) fn load(paths: &[PathBuf]) -> Result<Loaded, Failed> {
    let loaded = match policy_files::load(paths) {
        // Each line begins with its place, where editors look for it.
        Err(LoadError::Mistakes(report)) => {
            say(&report)?;
            return Err(Failed::Said);
        }
        loaded => loaded?,
    };
    // A warning that cannot be written is no reason not to do what was asked.
    let _ = say(&loaded.warnings);
    Ok(loaded)
}

/// Tells on the terminal what is wrong, if anything is; as messages, where those are for machines.
pub(crate) fn say(report: &Report) -> Result<(), Failed> {
    if messages::are_json() {
        for problem in &report.problems {
            match problem.severity {
                Severity::Error => tracing::error!("{problem}"),
                Severity::Warning => tracing::warn!("{problem}"),
            }
        }
    } else if !report.problems.is_empty() {
        write!(std::io::stderr(), "{report}")?;
    }
    Ok(())
}
