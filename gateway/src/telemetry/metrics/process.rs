//! What is counted of the process as a whole.

use prometheus::{IntCounter, IntGauge};

use super::register::Register;

/// The metrics of the process.
pub(crate) struct Process {
    pub(crate) connections: IntGauge,
    pub(crate) connections_refused: IntCounter,
    pub(crate) unauthenticated: IntGauge,
    pub(crate) unauthenticated_closed: IntCounter,
    pub(crate) access_log_lost: IntCounter,
    pub(crate) messages_lost: IntCounter,
    pub(crate) requests_running: IntGauge,
    pub(crate) body_bytes_held: IntGauge,
    pub(crate) draining: IntGauge,
}

impl Process {
    /// All at zero.
    pub(super) fn new(registry: &Register) -> Self {
        let build = registry.gauges(
            "keyweir_build_info",
            "Always 1; the label says which version runs.",
            &["version"],
        );
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let log_lines_lost = registry.counters(
            "keyweir_log_lines_lost_total",
            "Lines that could not be written, or not fast enough, by log.",
            &["log"],
        );
        Self {
            access_log_lost: log_lines_lost.with_label_values(&["access"]),
            messages_lost: log_lines_lost.with_label_values(&["messages"]),
            connections: registry.gauge("keyweir_connections", "Open connections of clients."),
            connections_refused: registry.counter(
                "keyweir_connections_refused_total",
                "Connections of clients closed at once because too many were open.",
            ),
            unauthenticated: registry.gauge(
                "keyweir_connections_unauthenticated",
                "Open connections on which no client key was shown yet.",
            ),
            unauthenticated_closed: registry.counter(
                "keyweir_connections_unauthenticated_closed_total",
                "Connections without a client key that were closed for new ones.",
            ),
            requests_running: registry.gauge(
                "keyweir_requests_running",
                "Requests between their authentication and the end of their answer.",
            ),
            body_bytes_held: registry.gauge(
                "keyweir_body_bytes_held",
                "Bytes of request bodies kept for another attempt, and of answers held until they are complete.",
            ),
            draining: registry.gauge("keyweir_draining", "1 once the gateway takes no new work."),
        }
    }
}
