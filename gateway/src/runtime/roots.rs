//! Connections per set of roots: loading the system's takes time and memory, and connections made with
//! different roots must not share a pool.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keyweir_policy::config::file::{Policy, Provider, Scheme};

use crate::runtime::regular_file;
use crate::upstream::{self, Connections, RootsError};

/// The connections of all providers.
#[derive(Clone, Default)]
pub(crate) struct Roots {
    folder: PathBuf,
    idle_max: usize,
    /// By the file's text.
    made: HashMap<Option<(PathBuf, Vec<u8>)>, Arc<Connections>>,
}

impl Roots {
    /// Those for `policy`, whose relative paths start at `folder`, after `before`: connections stay
    /// where the same roots are trusted, and as many may be idle.
    ///
    /// # Errors
    /// If the system's are needed and there are none.
    pub(crate) fn after(before: &Self, policy: &Policy, folder: &Path) -> Result<Self, RootsError> {
        let idle_max = policy.gateway.upstream.idle_max;
        let is_needed = |it: &Provider| it.base_url.scheme == Scheme::Https && it.ca_file.is_none();
        let is_same = before.idle_max == idle_max && before.folder == folder;
        let made = match is_same {
            true => before.made.clone(),
            false => HashMap::new(),
        };
        if !made.contains_key(&None) && policy.providers.values().any(is_needed) {
            upstream::check_system_roots()?;
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            idle_max,
            made,
        })
    }

    /// The connections of a provider.
    ///
    /// # Errors
    /// If its roots cannot be read.
    pub(crate) fn of(&mut self, declared: &Provider) -> Result<Arc<Connections>, RootsError> {
        let path = declared.ca_file.as_ref().map(|path| self.folder.join(path));
        let roots = match &path {
            None => None,
            Some(path) => Some((path.clone(), read(path)?)),
        };
        if let Some(known) = self.made.get(&roots) {
            return Ok(Arc::clone(known));
        }
        let connections = upstream::connections(path.as_deref(), self.idle_max)?;
        self.made.insert(roots, Arc::clone(&connections));
        Ok(connections)
    }
}

/// The largest file of roots: all that systems trust takes a quarter of a megabyte.
pub(crate) const BYTES_MAX: u64 = 4 << 20;

fn read(path: &Path) -> Result<Vec<u8>, RootsError> {
    let unreadable = |error: std::io::Error| RootsError::File {
        path: path.to_path_buf(),
        reason: error.to_string(),
    };
    regular_file::read(path, BYTES_MAX).map_err(unreadable)
}
