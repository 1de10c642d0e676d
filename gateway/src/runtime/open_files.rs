//! How many files the process may have open, of which each connection is one.
//!
//! Where they run out, nobody can connect any more, with a key or without. So the process takes all
//! it may have, and clients get no more of them than leaves one for a provider's connection each.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are no connections: logs, policies, the runtime's own. Some thirty are open.
const OTHERS: u64 = 64;

/// Raises the process's own bound as far as the system allows. Returns how many connections of
/// clients there can be then.
pub(super) fn for_clients() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    // `None`: as many as there is memory for.
    let files = files.unwrap_or(u64::MAX).saturating_sub(OTHERS);
    usize::try_from(files / 2).unwrap_or(usize::MAX).max(1)
}
