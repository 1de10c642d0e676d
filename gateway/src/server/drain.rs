//! How a gateway stops: drained, or at once.

use std::time::Duration;

use super::serve::Running;
use crate::runtime::gateway::Gateway;

/// How long streams have to end in an error event once grace is over.
const LAST_CALL: Duration = Duration::from_secs(2);

/// How long connections have to close once the last request is answered: several times as long as one
/// lingers for a request that is on its way.
const CLOSE: Duration = Duration::from_secs(2);

impl Running {
    /// Stops: readiness goes off; after the policy's delay the listeners close; running requests
    /// end, as long as grace lasts; what still runs then ends in an error. Returns as soon as
    /// nothing is left.
    pub async fn drain(self) {
        let timeouts = self.gateway.settings().timeouts;
        let lifecycle = &self.gateway.lifecycle;
        lifecycle.begin_drain();
        tracing::info!(delay = ?timeouts.drain_delay, grace = ?timeouts.drain, "draining");
        tokio::time::sleep(timeouts.drain_delay).await;
        self.door.shut().await;
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(timeouts.drain, ended(&self.gateway)).await;
        let running = lifecycle.requests_running();
        if running > 0 {
            tracing::warn!(running, "drain timeout reached; aborting running requests");
            lifecycle.begin_last_call();
            let _ = tokio::time::timeout(LAST_CALL, lifecycle.idle()).await;
            let _ = tokio::time::timeout(CLOSE, closed(&self.gateway)).await;
        }
        let _ = self.stop_admin.send(true);
        finish_ledger(&self.gateway);
        self.gateway.access_log.flushed().await;
        tracing::info!("drained");
    }

    /// Stops at once.
    pub async fn stop(self) {
        drop(self.door);
        self.gateway.lifecycle.begin_drain();
        let _ = self.stop.send(true);
        let _ = self.stop_admin.send(true);
        for service in &self.services {
            service.abort();
        }
        finish_ledger(&self.gateway);
        self.gateway.access_log.flushed().await;
    }
}

/// What was spent is written down.
fn finish_ledger(gateway: &Gateway) {
    if let Some(ledger) = gateway.ledger.get() {
        tokio::task::block_in_place(|| ledger.finish());
    }
}

/// Resolves once nothing runs and nothing more comes: a connection that lingers may bring a request when
/// the last one has ended.
async fn ended(gateway: &Gateway) {
    loop {
        gateway.lifecycle.idle().await;
        let closed = tokio::time::timeout(CLOSE, closed(gateway)).await;
        if closed.is_ok() || gateway.lifecycle.requests_running() == 0 {
            return;
        }
    }
}

/// Resolves once no client is connected: the last bytes of the last answers have left.
async fn closed(gateway: &Gateway) {
    while gateway.lifecycle.connections_open() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
