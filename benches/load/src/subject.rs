//! What is measured side by side.

use std::fmt;
use std::net::SocketAddr;

use crate::child::Child;
use crate::failure::Failure;
use crate::store::Store;

/// One of the things that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The upstream itself: what of a figure is the harness's own.
    Direct,
    /// The yardstick, on the system's allocator.
    PassThrough,
    /// The yardstick on the gateway's allocator.
    PassThroughMimalloc,
    /// Keyweir as it comes: with an access log of one line per request, to a file here.
    Gateway,
    /// Keyweir without its access log, since the yardstick writes none either.
    GatewayUnlogged,
    /// Keyweir with all that tells operators of it: the access log, the admin listener, the ledger, and a
    /// trace of each hundredth request.
    GatewayObserved,
    /// Keyweir with none of that.
    GatewayUnobserved,
    /// Keyweir that tells others what it takes through a Redis, and hears of nobody.
    GatewaySharing,
    /// Keyweir with 1,000 tenants in groups, each with limits and a budget on either level.
    GatewayOfTenants,
}

impl Kind {
    /// The program's file name, where there is one to start.
    pub(crate) const fn program(self) -> Option<&'static str> {
        match self {
            Self::Direct => None,
            Self::PassThrough => Some("passthrough"),
            Self::PassThroughMimalloc => Some("passthrough-mimalloc"),
            Self::Gateway
            | Self::GatewayUnlogged
            | Self::GatewayObserved
            | Self::GatewayUnobserved
            | Self::GatewaySharing
            | Self::GatewayOfTenants => Some("keyweir"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GatewayUnlogged => "keyweir-unlogged",
            Self::GatewayObserved => "keyweir-observed",
            Self::GatewayUnobserved => "keyweir-unobserved",
            Self::GatewaySharing => "keyweir-sharing",
            Self::GatewayOfTenants => "keyweir-of-tenants",
            other => other.program().unwrap_or("upstream"),
        })
    }
}

/// A running subject.
#[derive(Debug)]
pub(crate) struct Subject {
    /// What it is.
    pub(crate) kind: Kind,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Its process; the upstream's own is not measured.
    pub(crate) child: Option<Child>,
    /// The Redis that it needs.
    pub(crate) _store: Option<Store>,
}

impl Subject {
    /// The process id of a subject that has a process of its own.
    pub(crate) fn id(&self) -> Result<u32, Failure> {
        self.child
            .as_ref()
            .map(Child::id)
            .ok_or_else(|| Failure::new(format!("{} has no process to look at", self.kind)))
    }
}

/// The order of `subjects` in a round: each is first, second, … equally often, so that a machine
/// that gets slower or faster meanwhile favours none.
pub(crate) fn turns(round: usize, subjects: usize) -> impl Iterator<Item = usize> {
    (0..subjects).map(move |turn| (turn + round) % subjects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_has_every_turn() {
        let orders: Vec<Vec<usize>> = (0..3).map(|round| turns(round, 3).collect()).collect();
        assert_eq!(orders, [vec![0, 1, 2], vec![1, 2, 0], vec![2, 0, 1]]);
    }
}
