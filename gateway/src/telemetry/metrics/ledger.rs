//! Whether what is spent reaches the disk.

use prometheus::{IntCounter, IntGauge};

use super::register::Register;

/// The metrics of the ledger.
pub(crate) struct LedgerMetrics {
    pub(crate) writable: IntGauge,
    pub(crate) failed: IntCounter,
}

impl LedgerMetrics {
    /// All at zero.
    pub(super) fn new(registry: &Register) -> Self {
        Self {
            writable: registry.gauge(
                "keyweir_ledger_writable",
                "1 while there is a ledger, and what is spent reaches the disk.",
            ),
            failed: registry.counter(
                "keyweir_ledger_failures_total",
                "Tries to write the ledger that failed; what is spent stays in memory until one does not.",
            ),
        }
    }
}
