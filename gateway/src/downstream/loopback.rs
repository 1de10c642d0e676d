//! Whether an address, or a name, is this machine: what may be served without tenants.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether `address` is this machine's own. An IPv4 address may come in IPv6's clothes, where a
/// socket listens to both.
pub(crate) const fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether `host`, perhaps with a port, is this machine by a name or an address that nobody else can
/// have. An address of the network is not: pages are served from addresses, too.
pub(crate) fn is_local_name(host: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        let has_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return has_port
            && address
                .parse::<Ipv6Addr>()
                .is_ok_and(|it| is_loopback(it.into()));
    }
    let name = match host.split_once(':') {
        Some((name, port)) if is_port(port) => name,
        Some(_) => return false,
        None => host,
    };
    let name = name.to_ascii_lowercase();
    let is_label = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name == "localhost"
        || name.ends_with(".localhost") && name.bytes().all(is_label)
        || name
            .parse::<Ipv4Addr>()
            .is_ok_and(|it| is_loopback(it.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_recognised_in_either_notation() {
        for (address, loopback) in [
            ("127.0.0.1", true),
            ("127.8.8.8", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.0.0.1", false),
            ("0.0.0.0", false),
            ("::", false),
            ("::ffff:10.0.0.1", false),
        ] {
            let address: IpAddr = address.parse().expect("valid");
            assert_eq!(is_loopback(address), loopback, "{address}");
        }
    }

    #[test]
    fn names_of_this_machine_are_told_from_others() {
        for name in [
            "localhost",
            "LocalHost:8080",
            "a.localhost",
            "127.0.0.1:80",
            "127.0.0.2",
            "[::1]:8080",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_local_name(name), "{name}");
        }
        for name in [
            "",
            "example.com",
            "example.com:8080",
            "localhost.example.com",
            "notlocalhost",
            "93.184.216.34",
            "93.184.216.34:80",
            "10.0.0.1:8080",
            "0.0.0.0:8080",
            "[evil.example]",
            "[2606:2800:220:1:248:1893:25c8:1946]",
            "[::1]evil.example",
            "[::1",
            "[::]:8080",
            "localhost:80:90",
            "localhost:x",
            "localhost/evil.example",
            "evil.example?.localhost",
            "user@localhost",
        ] {
            assert!(!is_local_name(name), "{name}");
        }
    }
}
