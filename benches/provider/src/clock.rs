//! What time it is for budgets, headers and batches.
//!
//! Budgets and headers take the time as an argument; this is where the server gets it from. A
//! [`Clock::manual`] clock stands still until it is turned, so that a test of a minute's refill
//! takes no minute. The pace of a stream is not taken from here: sockets live in real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source of time: the machine's, or one that only moves when told to.
#[derive(Clone, Debug)]
pub struct Clock {
    unix_micros_at_zero: u64,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Machine(Instant),
    Manual(Arc<AtomicU64>),
}

/// A moment: microseconds since the clock's zero.
pub type Micros = u64;

impl Clock {
    /// The machine's monotonic clock.
    pub fn machine() -> Self {
        Self {
            unix_micros_at_zero: unix_micros(),
            source: Source::Machine(Instant::now()),
        }
    }

    /// A clock that stands still until [`Clock::advance`].
    pub fn manual() -> Self {
        Self {
            unix_micros_at_zero: unix_micros(),
            source: Source::Manual(Arc::new(AtomicU64::new(0))),
        }
    }

    /// Turns a manual clock; all clones of it turn with it. The machine's does not care.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(micros) = &self.source {
            micros.fetch_add(micros_of(by), Ordering::Relaxed);
        }
    }

    /// Microseconds since the clock's zero.
    pub fn now(&self) -> Micros {
        match &self.source {
            Source::Machine(zero) => micros_of(zero.elapsed()),
            Source::Manual(micros) => micros.load(Ordering::Relaxed),
        }
    }

    /// Microseconds since 1970 at `now`, without any skew.
    pub fn unix_micros(&self, now: Micros) -> u64 {
        self.unix_micros_at_zero.saturating_add(now)
    }
}

/// Nanoseconds since 1970 on the machine's clock: the stamp in a chunk.
pub(crate) fn unix_nanos() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos()
}

fn unix_micros() -> u64 {
    micros_of(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
    )
}

fn micros_of(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
