//! Addresses: each once, and none open to others while nobody is asked who they are.

use std::net::SocketAddr;

use crate::file::check::Check;
use crate::file::problems::{At, Spot};
use crate::file::settings::GatewaySettings;

impl Check<'_> {
    pub(super) fn listeners(&self) {
        let Some(gateway) = &self.raw.gateway else {
            return;
        };
        let gateway = &gateway.value;
        if self.problems.has_unknown() {
            // The tenants may be what is misspelt.
        } else if self.raw.tenants.is_empty() {
            gateway
                .client_listeners
                .iter()
                .for_each(|listener| self.loopback_only(listener));
        } else {
            let in_clear = |it: &&At<SocketAddr>| gateway.settings.listen.contains(&it.value);
            let in_clear = gateway.client_listeners.iter().filter(in_clear);
            in_clear.for_each(|listener| self.seen_by_others(listener));
        }
        if let Some(admin) = &gateway.admin {
            self.seen_by_anybody(admin, &gateway.settings);
        }
        if let Some(spot) = gateway.admin_tls.as_ref()
            && gateway.settings.admin.is_none()
        {
            self.warn(
                spot,
                "nobody is shown this: gateway.admin is \"off\"",
                "say where operators connect, or leave this out",
            );
        }
        self.apart(
            &gateway.settings,
            &gateway.client_listeners,
            gateway.admin.as_ref(),
        );
    }

    fn loopback_only(&self, listener: &At<SocketAddr>) {
        if !listener.value.ip().to_canonical().is_loopback() {
            self.error_with_hint(
                &listener.spot,
                "others could reach this address, and without tenants anybody may spend the keys",
                "add a [[tenant]], or listen on 127.0.0.1",
            );
        }
    }

    /// What everybody on the way can read.
    fn seen_by_others(&self, listener: &At<SocketAddr>) {
        if !listener.value.ip().to_canonical().is_loopback() {
            self.warn(
                &listener.spot,
                "client keys and prompts come over the network in clear",
                "listen in [gateway.tls], or here for a proxy on this machine that speaks TLS",
            );
        }
    }

    /// What everybody can ask, or read on the way.
    fn seen_by_anybody(&self, admin: &At<SocketAddr>, settings: &GatewaySettings) {
        if admin.value.ip().to_canonical().is_loopback() {
            return;
        }
        let tls = settings.admin_tls.as_deref();
        let asks_for_certificate = tls.is_some_and(|tls| tls.client_ca_file.is_some());
        if settings.admin_token.is_none() && !asks_for_certificate {
            self.warn(
                &admin.spot,
                "others could reach this address, and nobody is asked for a key there",
                "name gateway.admin_token or gateway.admin_tls.client_ca_file, listen on 127.0.0.1, or see \
                 to it that only operators reach it",
            );
        } else if tls.is_none() {
            self.warn(
                &admin.spot,
                "the token of gateway.admin_token comes over the network in clear",
                "name a certificate in [gateway.admin_tls], or see to it that nobody listens on the way",
            );
        }
    }

    /// No two listeners on one address. Those that are not written have their defaults.
    fn apart(
        &self,
        settings: &GatewaySettings,
        clients: &[At<SocketAddr>],
        admin: Option<&At<SocketAddr>>,
    ) {
        let default = |address: &SocketAddr, path: &str| At {
            value: *address,
            spot: Spot {
                path: path.to_owned(),
                ..Spot::default()
            },
        };
        let mut taken: Vec<At<SocketAddr>> = Vec::new();
        let unwritten = |address: &&SocketAddr| !clients.iter().any(|at| at.value == **address);
        taken.extend(
            settings
                .listen
                .iter()
                .filter(unwritten)
                .map(|a| default(a, "the default of gateway.listen")),
        );
        let unwritten_admin = settings.admin.filter(|_| admin.is_none());
        taken.extend(unwritten_admin.map(|a| default(&a, "the default of gateway.admin")));
        for listener in clients.iter().chain(admin) {
            if let Some(other) = taken
                .iter()
                .find(|other| overlap(other.value, listener.value))
            {
                self.error(
                    &listener.spot,
                    format!("{} has this address", other.spot.path),
                );
            }
            taken.push(listener.clone());
        }
    }
}

/// Whether the second of the two could not be bound. Port 0 is a new port each time.
fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let wildcard = a.ip().is_unspecified() || b.ip().is_unspecified();
    let same_family = a.is_ipv4() == b.is_ipv4();
    a.port() == b.port() && a.port() != 0 && (a.ip() == b.ip() || (wildcard && same_family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_overlap_as_the_system_would_say() {
        for (a, b, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            ("127.0.0.1:80", "0.0.0.0:80", true),
            ("[::]:80", "[::1]:80", true),
            ("[::]:80", "0.0.0.0:80", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            let parse = |text: &str| text.parse().expect(text);
            assert_eq!(overlap(parse(a), parse(b)), expected, "{a} {b}");
        }
    }
}
