//! What Keyweir decides.
//!
//! (The drive contract stands here; see `pool`.)

pub mod affinity;
pub mod backoff;
pub mod breaker;
pub mod bucket;
pub mod budget;
pub mod choose;
pub mod classify;
pub mod dialect;
pub mod estimate;
pub mod fault;
pub mod file;
pub mod ids;
pub mod pool;
pub mod ratelimit;
pub mod retry;
pub mod secret;
pub mod snapshot;
pub mod storm;
pub mod units;
pub mod waiting;
