//! Where a provider's name points to, or that of the proxy before it.
//!
//! Pingora resolves names on the calling thread and unwraps; here they are resolved by tokio's
//! blocking pool, ahead of requests, and again on a schedule. A failure keeps what was known: a
//! name server that is down for a minute must not take a provider that is not.
//!
//! One address is preferred until connecting to it fails, because idle connections can only be
//! reused on the address they were made to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use keyweir_policy::config::file::Host;
use pingora_core::protocols::l4::socket::SocketAddr as PeerAddress;
use pingora_core::upstreams::peer::HttpPeer;

/// How long one look-up may take.
const LOOKUP_MAX: Duration = Duration::from_secs(10);

/// The addresses of one provider, each as a peer to connect to.
pub(crate) struct Addresses {
    host: Host,
    port: u16,
    template: HttpPeer,
    peers: ArcSwap<Vec<Arc<HttpPeer>>>,
    preferred: AtomicUsize,
}

impl Addresses {
    /// Those of `host`, with `template` for all else. A name has none until it is resolved.
    pub(crate) fn new(host: Host, port: u16, template: HttpPeer) -> Self {
        let known = match &host {
            Host::Address(address) => vec![SocketAddr::new(*address, port)],
            Host::Name(_) => Vec::new(),
        };
        let peers = peers(&template, &known);
        Self {
            host,
            port,
            template,
            peers: ArcSwap::from_pointee(peers),
            preferred: 0.into(),
        }
    }

    /// The peer to try as number `attempt`, from 0; `None` once all have been.
    pub(crate) fn peer(&self, attempt: usize) -> Option<Arc<HttpPeer>> {
        let peers = self.peers.load();
        let preferred = self.preferred.load(Ordering::Relaxed);
        (attempt < peers.len()).then(|| Arc::clone(&peers[(preferred + attempt) % peers.len()]))
    }

    /// Connecting to the peer of `attempt` worked, after those before it had failed.
    pub(crate) fn prefer(&self, attempt: usize) {
        if attempt > 0 {
            self.preferred.fetch_add(attempt, Ordering::Relaxed);
        }
    }

    /// Whether there is anywhere to connect to.
    pub(crate) fn known(&self) -> bool {
        !self.peers.load().is_empty()
    }

    /// Whether there is a name to resolve at all.
    pub(crate) fn is_name(&self) -> bool {
        matches!(self.host, Host::Name(_))
    }

    /// Asks for the name's addresses.
    ///
    /// # Errors
    /// Why there are none; what was known before stays.
    pub(crate) async fn resolve(&self) -> Result<(), String> {
        let Host::Name(name) = &self.host else {
            return Ok(());
        };
        let found = tokio::time::timeout(
            LOOKUP_MAX,
            tokio::net::lookup_host((name.as_str(), self.port)),
        )
        .await
        .map_err(|_| format!("{name}: no answer from the name server in {LOOKUP_MAX:?}"))?
        .map_err(|error| format!("{name}: {error}"))?;
        let mut found: Vec<SocketAddr> = found.collect();
        found.dedup();
        if found.is_empty() {
            return Err(format!("{name}: no addresses"));
        }
        self.replace(found);
        Ok(())
    }

    /// Takes `found` for what was known, with the preferred address first if it is still there.
    fn replace(&self, mut found: Vec<SocketAddr>) {
        if let Some(PeerAddress::Inet(current)) = self.peer(0).map(|peer| peer._address.clone())
            && let Some(position) = found.iter().position(|address| *address == current)
        {
            found.swap(0, position);
        }
        self.peers.store(Arc::new(peers(&self.template, &found)));
        self.preferred.store(0, Ordering::Relaxed);
    }
}

fn peers(template: &HttpPeer, addresses: &[SocketAddr]) -> Vec<Arc<HttpPeer>> {
    addresses
        .iter()
        .map(|address| {
            let mut peer = template.clone();
            peer._address = PeerAddress::Inet(*address);
            Arc::new(peer)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(count: u8) -> Addresses {
        let template = HttpPeer::new((std::net::Ipv4Addr::LOCALHOST, 80), false, String::new());
        let all = Addresses::new(Host::Name("a.test".into()), 80, template);
        all.replace(
            (1..=count)
                .map(|last| SocketAddr::from(([127, 0, 0, last], 80)))
                .collect(),
        );
        all
    }

    fn at(all: &Addresses, attempt: usize) -> Option<String> {
        all.peer(attempt).map(|peer| peer._address.to_string())
    }

    #[test]
    fn every_address_is_tried_once_and_the_one_that_works_is_kept() {
        let all = addresses(3);
        assert_eq!(at(&all, 0).as_deref(), Some("127.0.0.1:80"));
        assert_eq!(at(&all, 1).as_deref(), Some("127.0.0.2:80"));
        assert_eq!(at(&all, 3), None);

        all.prefer(1);

        assert_eq!(at(&all, 0).as_deref(), Some("127.0.0.2:80"));
        assert_eq!(at(&all, 2).as_deref(), Some("127.0.0.1:80"));
    }

    #[test]
    fn a_new_answer_keeps_the_preferred_address() {
        let all = addresses(3);
        all.prefer(2);

        all.replace(vec![
            SocketAddr::from(([127, 0, 0, 9], 80)),
            SocketAddr::from(([127, 0, 0, 3], 80)),
        ]);

        assert_eq!(at(&all, 0).as_deref(), Some("127.0.0.3:80"));
        assert_eq!(at(&all, 1).as_deref(), Some("127.0.0.9:80"));
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_keeps_what_was_known() {
        let all = addresses(1);
        let gone = Addresses::new(Host::Name("name.invalid".into()), 80, all.template.clone());
        assert!(gone.resolve().await.is_err());
        assert!(!gone.known());
        assert!(all.known());
    }
}
