//! What operators read: one line per request, and the metrics.

pub mod access_log;
pub(crate) mod agent;
pub(crate) mod calendar;
pub(crate) mod escape;
pub(crate) mod events;
pub(crate) mod messages;
pub mod metrics;
pub(crate) mod outcome;
pub(crate) mod recent;
pub(crate) mod sink;
pub(crate) mod tally;
pub(crate) mod trace_context;
pub(crate) mod traces;
