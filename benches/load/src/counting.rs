//! The system's allocator, counting what is asked of it.
//!
//! It is this whole program's, since an allocator cannot be had for one measurement only. Three
//! relaxed additions per call do not show in anything else that is measured here.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

static CALLS: AtomicU64 = AtomicU64::new(0);
static TAKEN: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);

/// Counts, and hands on to the system's allocator.
pub(crate) struct Counting;

/// What was asked of the allocator up to a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// How often memory was taken.
    pub(crate) calls: u64,
    /// How much was taken, in bytes.
    pub(crate) taken: u64,
    /// How much was given back, in bytes.
    pub(crate) freed: u64,
}

impl Asked {
    /// Since the program began.
    pub(crate) fn so_far() -> Self {
        Self {
            calls: CALLS.load(Ordering::Relaxed),
            taken: TAKEN.load(Ordering::Relaxed),
            freed: FREED.load(Ordering::Relaxed),
        }
    }

    /// Since `earlier`.
    pub(crate) const fn since(self, earlier: Self) -> Self {
        Self {
            calls: self.calls - earlier.calls,
            taken: self.taken - earlier.taken,
            freed: self.freed - earlier.freed,
        }
    }
}

fn count(taken: usize, freed: usize) {
    CALLS.fetch_add(u64::from(taken > 0), Ordering::Relaxed);
    TAKEN.fetch_add(taken as u64, Ordering::Relaxed);
    FREED.fetch_add(freed as u64, Ordering::Relaxed);
}

#[allow(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; every call goes to the system's"
)]
// SAFETY: each method passes its arguments unchanged to the system's allocator, whose contract is
// the same, and touches nothing but counters.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as the caller promised; `memory` came from the system's allocator.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: as the caller promised; `memory` came from the system's allocator.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_and_given_back_is_counted() {
        // Other tests run beside this one and allocate too: only lower bounds hold.
        let before = Asked::so_far();
        drop(vec![0_u8; 100_000]);
        let asked = Asked::so_far().since(before);
        assert!(asked.calls >= 1 && asked.taken >= 100_000 && asked.freed >= 100_000);
    }
}
