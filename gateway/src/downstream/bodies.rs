//! How many bytes of request bodies the gateway holds, over all requests.
//!
//! Bodies are kept until an answer's head is on its way, so that they can be sent again with
//! another key; without a bound on all of them together, enough large requests would end the
//! process and everybody's streams with it. What counts is what has arrived, not what was
//! announced: a client that promises 32 MiB and sends nothing takes nothing from the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bound, and what is held of it.
#[derive(Debug)]
pub(crate) struct Bodies {
    held: AtomicU64,
    max: u64,
}

impl Bodies {
    /// Nothing held, of at most `max` bytes.
    pub(crate) fn new(max: u64) -> Arc<Self> {
        Arc::new(Self {
            held: AtomicU64::new(0),
            max,
        })
    }

    /// Bytes held now.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// A share that holds nothing yet.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share {
            bodies: Arc::clone(self),
            held: 0,
        }
    }
}

/// One request's part of [`Bodies`]; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    bodies: Arc<Bodies>,
    held: u64,
}

impl Share {
    /// Holds `bytes` more; `false`: they do not fit any more, and are not held.
    #[must_use]
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        let before = self.bodies.held.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.bodies.max {
            self.bodies.held.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.held += bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.bodies.held.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_held_and_what_is_dropped_is_free_again() {
        let bodies = Bodies::new(100);
        let mut first = bodies.share();
        let mut second = bodies.share();

        assert!(first.grow(80));
        assert!(!second.grow(30));
        assert!(second.grow(20));
        assert_eq!(bodies.held(), 100);

        drop(first);
        assert!(second.grow(30));
        drop(second);
        assert_eq!(bodies.held(), 0);
    }
}
