//! What is counted of the policy in force and of its reloads.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{Gauge, IntCounterVec, IntGauge, IntGaugeVec};

use super::register::Register;

/// The metrics of the policy.
pub(crate) struct PolicyMetrics {
    pub(crate) failed: IntGauge,
    pub(crate) secrets_failed: IntGauge,
    loaded: Gauge,
    info: IntGaugeVec,
    reloads: IntCounterVec,
}

impl PolicyMetrics {
    /// All at zero.
    pub(super) fn new(registry: &Register) -> Self {
        let reloads = registry.counters(
            "keyweir_policy_reloads_total",
            "Tries to follow the policy files: changed, unchanged or failed.",
            &["result"],
        );
        // There from the start, so that the first failure is an increase.
        for result in ["changed", "unchanged", "failed"] {
            reloads.with_label_values(&[result]);
        }
        Self {
            failed: registry.gauge(
                "keyweir_policy_reload_failed",
                "1 while the policy files hold a mistake and an older policy is in force.",
            ),
            secrets_failed: registry.gauge(
                "keyweir_policy_secrets_failed",
                "Secrets that could not be read anew and are used as they were.",
            ),
            loaded: registry.real_gauge(
                "keyweir_policy_loaded_timestamp_seconds",
                "When the policy files were last read and found right.",
            ),
            info: registry.gauges(
                "keyweir_policy_info",
                "Always 1; the label tells the policy in force from others.",
                &["hash"],
            ),
            reloads,
        }
    }

    /// The policy with this hash is in force, as of now.
    pub(crate) fn loaded(&self, hash: &str, now: SystemTime) {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.loaded.set(since.as_secs_f64());
        self.failed.set(0);
        self.info.reset();
        self.info.with_label_values(&[hash]).set(1);
    }

    /// There was a try.
    pub(crate) fn reloaded(&self, result: &str) {
        self.reloads.with_label_values(&[result]).inc();
    }
}
