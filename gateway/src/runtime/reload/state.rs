//! What is remembered from one reload to the next.

use std::path::PathBuf;
use std::sync::Weak;

use keyweir_policy::config::file::Identity;

use crate::runtime::live::Live;
use crate::runtime::secrets::Secrets;

/// What is remembered from one reload to the next.
pub(super) struct State {
    pub(super) folder: PathBuf,
    pub(super) identity: Identity,
    pub(super) secrets: Secrets,
    /// Policies that were in force, as long as requests have them.
    pub(super) before: Vec<Weak<Live>>,
}
