//! What tenants hold of something of which there is only so much: places for requests, bytes of
//! bodies.
//!
//! The last of it is kept for tenants that hold little, as in the waiting room: one tenant alone may
//! have all, and where there are others, none of them can be held up by a tenant that takes all it
//! can get. What counts is what is there, not what was announced: a client that promises 32 MiB and
//! sends nothing takes nothing from the others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use keyweir_policy::terms::ids::TenantId;

/// Counters are made for so many tenants at a time, so that they can grow in number and stay where
/// they are.
const CHUNK: usize = 256;

/// Chunks: three times as many tenants as a policy has at most, since a policy may replace all of
/// them while requests of the old ones run. Tenants beyond share the last counter.
const CHUNKS: usize = 128;

/// The bound, and what is held of it.
#[derive(Debug)]
pub(crate) struct Shares {
    max: AtomicU64,
    /// What only tenants may take that hold no more than this with it.
    kept: AtomicU64,
    held: AtomicU64,
    of_tenants: [OnceLock<Box<[AtomicU64; CHUNK]>>; CHUNKS],
}

impl Shares {
    /// Nothing held, of at most `max` in all; `kept` of it for tenants that hold no more than that,
    /// if there is more than one of the `tenants`.
    pub(crate) fn new(max: u64, kept: u64, tenants: usize) -> Arc<Self> {
        let shares = Self {
            max: AtomicU64::new(0),
            kept: AtomicU64::new(0),
            held: AtomicU64::new(0),
            of_tenants: [const { OnceLock::new() }; CHUNKS],
        };
        shares.bound(max, kept, tenants);
        Arc::new(shares)
    }

    /// From now on these bounds hold; what is held beyond them stays until it is given back.
    pub(crate) fn bound(&self, max: u64, kept: u64, tenants: usize) {
        let kept = if tenants > 1 { kept.min(max) } else { 0 };
        // Never more kept than there is, for whoever looks between the two.
        self.kept.store(0, Ordering::Relaxed);
        self.max.store(max, Ordering::Release);
        self.kept.store(kept, Ordering::Release);
    }

    fn of(&self, tenant: TenantId) -> &AtomicU64 {
        let index = tenant.index().min(CHUNK * CHUNKS - 1);
        let chunk = self.of_tenants[index / CHUNK]
            .get_or_init(|| Box::new([const { AtomicU64::new(0) }; CHUNK]));
        &chunk[index % CHUNK]
    }

    /// What is held now.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// A share of `tenant` that holds nothing yet.
    pub(crate) fn share(self: &Arc<Self>, tenant: TenantId) -> Share {
        Share {
            shares: Arc::clone(self),
            tenant,
            held: 0,
        }
    }

    fn take(&self, tenant: TenantId, amount: u64) -> bool {
        let all = self.held.fetch_add(amount, Ordering::Relaxed) + amount;
        let own = self.of(tenant).fetch_add(amount, Ordering::Relaxed) + amount;
        let (max, kept) = (
            self.max.load(Ordering::Relaxed),
            self.kept.load(Ordering::Relaxed),
        );
        let is_open = all <= max.saturating_sub(kept) || own <= kept;
        let fits = all <= max && is_open;
        if !fits {
            self.give_back(tenant, amount);
        }
        fits
    }

    fn give_back(&self, tenant: TenantId, amount: u64) {
        self.held.fetch_sub(amount, Ordering::Relaxed);
        self.of(tenant).fetch_sub(amount, Ordering::Relaxed);
    }
}

/// One request's part of [`Shares`]; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Arc<Shares>,
    tenant: TenantId,
    held: u64,
}

impl Share {
    /// Holds `amount` more; `false`: it does not fit any more, and is not held.
    #[must_use]
    pub(crate) fn grow(&mut self, amount: u64) -> bool {
        let fits = self.shares.take(self.tenant, amount);
        if fits {
            self.held += amount;
        }
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shares.give_back(self.tenant, self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: TenantId = TenantId(0);
    const QUIET: TenantId = TenantId(1);

    #[test]
    fn what_does_not_fit_is_not_held_and_what_is_dropped_is_free_again() {
        let shares = Shares::new(100, 25, 1);
        let mut first = shares.share(BUSY);
        let mut second = shares.share(BUSY);

        assert!(first.grow(80));
        assert!(!second.grow(30));
        assert!(second.grow(20));
        assert_eq!(shares.held(), 100);

        drop(first);
        assert!(second.grow(30));
        drop(second);
        assert_eq!(shares.held(), 0);
    }

    #[test]
    fn bounds_can_change_while_something_is_held() {
        let shares = Shares::new(100, 25, 1);
        let late = TenantId(40_000);
        let (mut busy, mut quiet) = (shares.share(BUSY), shares.share(late));
        assert!(busy.grow(100));

        shares.bound(50, 25, 2);
        assert!(!quiet.grow(1));
        drop(busy);
        assert!(quiet.grow(25));

        shares.bound(200, 25, 2);
        assert!(quiet.grow(150));
        assert!(!quiet.grow(1));
        drop(quiet);
        assert_eq!(shares.held(), 0);
    }

    #[test]
    fn the_last_of_it_is_kept_for_tenants_that_hold_little() {
        let shares = Shares::new(100, 25, 2);
        let (mut busy, mut quiet) = (shares.share(BUSY), shares.share(QUIET));

        assert!(busy.grow(75));
        assert!(!busy.grow(1));
        assert!(quiet.grow(25));
        assert!(!quiet.grow(1));

        drop(busy);
        assert!(quiet.grow(50));
        assert!(!quiet.grow(1));
    }
}
