//! What operators read: one line per request, and the metrics.

pub mod access_log;
pub mod metrics;
pub(crate) mod outcome;
