//! Keeps providers' names resolved while the gateway runs.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Upstream;

/// How soon a name is asked for again that has no address at all.
const RETRY: Duration = Duration::from_secs(1);

/// A provider by its name in the policy file.
type Named<'a> = (&'a str, &'a Arc<Upstream>);

/// Resolves all names once, beside each other. Failures are told to the log: a provider that cannot
/// be reached must not keep the others from being served.
pub(crate) async fn first(providers: impl Iterator<Item = Named<'_>>) {
    let lookups = providers.map(|(provider, upstream)| async move {
        if let Err(error) = upstream.addresses().resolve().await {
            tracing::error!(provider, error, "the provider's name does not resolve");
        }
    });
    futures::future::join_all(lookups).await;
}

/// Resolves all names again every so often, as long as their providers are in use.
pub(crate) fn keep<'a>(providers: impl Iterator<Item = Named<'a>>, every: Duration) {
    for (provider, upstream) in providers {
        if upstream.addresses().is_name() {
            let upstream = Arc::downgrade(upstream);
            tokio::spawn(keep_one(upstream, provider.to_owned(), every));
        }
    }
}

async fn keep_one(upstream: Weak<Upstream>, provider: String, every: Duration) {
    loop {
        let Some(known) = upstream
            .upgrade()
            .map(|upstream| upstream.addresses().known())
        else {
            return;
        };
        tokio::time::sleep(if known { every } else { RETRY }).await;
        let Some(upstream) = upstream.upgrade() else {
            return;
        };
        match upstream.addresses().resolve().await {
            Err(error) if known => {
                tracing::warn!(provider, error, "the old addresses are kept");
            }
            Ok(()) if !known => tracing::info!(provider, "the provider's name resolves now"),
            _ => {}
        }
    }
}
