//! What is known of the keys of issuers of tokens.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{GaugeVec, IntCounterVec, IntGaugeVec};

use super::register::Register;

/// The metrics of issuers.
pub(crate) struct IssuerMetrics {
    keys: IntGaugeVec,
    failing: IntGaugeVec,
    read: GaugeVec,
    failures: IntCounterVec,
}

/// What there is to tell of one issuer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfIssuer<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) keys: usize,
    pub(crate) is_failing: bool,
    pub(crate) read: Option<SystemTime>,
    pub(crate) failures: u64,
}

impl IssuerMetrics {
    /// Of no issuer.
    pub(super) fn new(registry: &Register) -> Self {
        Self {
            keys: registry.gauges(
                "keyweir_issuer_keys",
                "Keys of an issuer of tokens that count; without one its tokens are refused.",
                &["issuer"],
            ),
            failing: registry.gauges(
                "keyweir_issuer_keys_failed",
                "1 while the keys of an issuer of tokens cannot be read; those it had are kept for a while (keys_kept).",
                &["issuer"],
            ),
            read: registry.real_gauges(
                "keyweir_issuer_keys_read_timestamp_seconds",
                "When the keys of an issuer of tokens were last read. Only where they were.",
                &["issuer"],
            ),
            failures: registry.counters(
                "keyweir_issuer_key_failures_total",
                "Tries to read the keys of an issuer of tokens that failed.",
                &["issuer"],
            ),
        }
    }

    /// There are these issuers now, and no others.
    pub(crate) fn refresh<'a>(&self, issuers: impl IntoIterator<Item = OfIssuer<'a>>) {
        self.keys.reset();
        self.failing.reset();
        self.read.reset();
        for of in issuers {
            let label = [of.issuer];
            let keys = i64::try_from(of.keys).unwrap_or(i64::MAX);
            self.keys.with_label_values(&label).set(keys);
            let failing = i64::from(of.is_failing);
            self.failing.with_label_values(&label).set(failing);
            let failures = self.failures.with_label_values(&label);
            failures.inc_by(of.failures.saturating_sub(failures.get()));
            if let Some(read) = of.read.and_then(|at| at.duration_since(UNIX_EPOCH).ok()) {
                self.read.with_label_values(&label).set(read.as_secs_f64());
            }
        }
    }
}
