//! Who waits until others of its tenant have ended: in the order of coming, and only the first asks again.
//!
//! One line for each tenant and model, while anybody stands in it: a budget may be for one model, and who asks
//! for another has nothing to wait for. Waking all that wait whenever a request ends was
//! rejected: of a thousand that wait each end would have a thousand ask, and whoever happens to be the
//! first would be served.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keyweir_policy::terms::ids::TenantId;
use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, watch};

type Turnstile = Arc<tokio::sync::Mutex<()>>;

/// The lines of a tenant, by models.
type Lines = HashMap<Box<str>, Turnstile>;

/// The lines of all tenants.
#[derive(Default)]
pub(crate) struct Turnstiles {
    standing: AtomicUsize,
    of_tenant: Mutex<HashMap<TenantId, Lines>>,
    ended: watch::Sender<()>,
}

impl Turnstiles {
    /// A request has ended.
    pub(crate) fn tell_ended(&self) {
        if self.standing.load(Ordering::SeqCst) > 0 {
            let _ = self.ended.send(());
        }
    }

    /// Whether anybody of `tenant` stands in line for `model`.
    pub(crate) fn is_waited_for(&self, tenant: TenantId, model: &str) -> bool {
        if self.standing.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let of_tenant = self.of_tenant.lock();
        let lines = of_tenant.get(&tenant);
        lines.is_some_and(|lines| lines.contains_key(model))
    }

    /// Stands at the end of the line of `tenant` for `model`.
    pub(crate) fn stand(&self, tenant: TenantId, model: &str) -> Standing<'_> {
        self.standing.fetch_add(1, Ordering::SeqCst);
        let model: Box<str> = model.into();
        let mut of_tenant = self.of_tenant.lock();
        let lines = of_tenant.entry(tenant).or_default();
        let turnstile = Arc::clone(lines.entry(model.clone()).or_default());
        drop(of_tenant);
        Standing {
            all: self,
            tenant,
            model,
            ended: self.ended.subscribe(),
            turnstile: Some(turnstile),
            first: None,
        }
    }
}

/// Somebody who stands in a line, until it is dropped.
pub(crate) struct Standing<'a> {
    all: &'a Turnstiles,
    tenant: TenantId,
    model: Box<str>,
    ended: watch::Receiver<()>,
    turnstile: Option<Turnstile>,
    first: Option<OwnedMutexGuard<()>>,
}

impl Standing<'_> {
    /// Whether it is the first in line, and asks.
    pub(crate) const fn is_first(&self) -> bool {
        self.first.is_some()
    }

    /// Resolves when it is worth to ask again: once it is the first in line, and then when a request has
    /// ended since this was last called.
    pub(crate) async fn may_ask(&mut self) {
        match &self.turnstile {
            Some(turnstile) if self.first.is_none() => {
                let first = Arc::clone(turnstile).lock_owned().await;
                self.first = Some(first);
                self.ended.mark_unchanged();
            }
            _ => {
                // The sender lives as long as the lines.
                let _ = self.ended.changed().await;
            }
        }
    }
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        self.first = None;
        let mut of_tenant = self.all.of_tenant.lock();
        self.turnstile = None;
        if let Some(lines) = of_tenant.get_mut(&self.tenant) {
            let is_left = |it: &Turnstile| Arc::strong_count(it) == 1;
            if lines.get(&self.model).is_some_and(is_left) {
                lines.remove(&self.model);
            }
            if lines.is_empty() {
                of_tenant.remove(&self.tenant);
            }
        }
        self.all.standing.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const T: TenantId = TenantId(1);

    #[test]
    fn one_asks_at_a_time_in_the_order_of_coming_and_again_when_a_request_ends() {
        let lines = Turnstiles::default();
        assert!(!lines.is_waited_for(T, "m"));
        let (mut first, mut second) = (lines.stand(T, "m"), lines.stand(T, "m"));
        assert!(lines.is_waited_for(T, "m") && !lines.is_waited_for(TenantId(2), "m"));
        assert!(!lines.is_waited_for(T, "other"));
        let mut other = lines.stand(T, "other");
        assert!(other.may_ask().now_or_never().is_some());
        drop(other);
        assert!(first.may_ask().now_or_never().is_some());
        lines.tell_ended();
        {
            let waits = std::pin::pin!(second.may_ask());
            assert!(waits.now_or_never().is_none(), "it is not the first");
        }
        assert!(first.may_ask().now_or_never().is_some(), "one has ended");
        assert!(first.may_ask().now_or_never().is_none(), "once");
        drop(first);
        assert!(second.may_ask().now_or_never().is_some());
        assert!(second.may_ask().now_or_never().is_none());
        drop(second);
        assert!(!lines.is_waited_for(T, "m"));
        assert!(lines.of_tenant.lock().is_empty());
    }
}
