//! What is counted of the process as a whole.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{Counter, GaugeVec, IntCounter, IntGauge};

use super::process_files;
use super::register::Register;

/// The metrics of the process.
pub(crate) struct Process {
    pub(crate) connections: IntGauge,
    pub(crate) connections_refused: IntCounter,
    pub(crate) proxy_headers_missing: IntCounter,
    pub(crate) unauthenticated: IntGauge,
    pub(crate) unauthenticated_closed: IntCounter,
    pub(crate) access_log_lost: IntCounter,
    pub(crate) messages_lost: IntCounter,
    pub(crate) requests_running: IntGauge,
    pub(crate) body_bytes_held: IntGauge,
    pub(crate) draining: IntGauge,
    pub(crate) replicas: IntGauge,
    pub(crate) spans_delivered: IntCounter,
    pub(crate) spans_dropped: IntCounter,
    certificate_expiry: GaugeVec,
    resident: IntGauge,
    cpu: Counter,
    open_files: IntGauge,
}

impl Process {
    /// All at zero.
    pub(super) fn new(registry: &Register) -> Self {
        tell_what_runs(registry);
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
            proxy_headers_missing: registry.counter(
                "keyweir_proxy_headers_missing_total",
                "Connections of load balancers that did not begin with a header of the PROXY protocol, and were closed.",
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
            spans_delivered: registry.counter(
                "keyweir_spans_delivered_total",
                "Spans of traces that a collector has taken.",
            ),
            spans_dropped: registry.counter(
                "keyweir_spans_dropped_total",
                "Spans of traces that did not fit or could not be delivered.",
            ),
            certificate_expiry: registry.real_gauges(
                "keyweir_certificate_expiry_timestamp_seconds",
                "When the certificate that a listener shows (to clients, to operators) expires. Only where there is one.",
                &["listener"],
            ),
            resident: registry.gauge(
                "process_resident_memory_bytes",
                "Memory that the process has in use (Linux).",
            ),
            cpu: registry.real_counter(
                "process_cpu_seconds_total",
                "Processor time that the process has taken (Linux).",
            ),
            open_files: registry.gauge(
                "process_open_fds",
                "Files and sockets that the process has open (Linux).",
            ),
            draining: registry.gauge("keyweir_draining", "1 once the gateway takes no new work."),
            replicas: registry.gauge(
                "keyweir_replicas",
                "Gateways that this one takes to share the accounts and the tenants, itself included.",
            ),
        }
    }

    /// The certificate that `listener` shows (`clients` or `operators`) expires then, in seconds since 1970.
    pub(crate) fn certificate_expires(&self, listener: &str, at: i64) {
        let metric = self.certificate_expiry.with_label_values(&[listener]);
        metric.set(at as f64);
    }

    /// Brings what the system counts up to date.
    pub(crate) fn refresh(&self) {
        if let Some(bytes) = process_files::resident_bytes() {
            self.resident.set(bytes);
        }
        if let Some(secs) = process_files::cpu_secs() {
            self.cpu.inc_by((secs - self.cpu.get()).max(0.0));
        }
        if let Some(files) = process_files::open_files() {
            self.open_files.set(files);
        }
    }
}

/// What stays as it is for as long as the process runs: its version, and when it started.
fn tell_what_runs(registry: &Register) {
    let build = registry.gauges(
        "keyweir_build_info",
        "Always 1; the label says which version runs.",
        &["version"],
    );
    build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    let started = SystemTime::now().duration_since(UNIX_EPOCH);
    registry
        .real_gauge(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970.",
        )
        .set(started.unwrap_or_default().as_secs_f64());
}
