//! Whether an address is on this machine: what may be served without tenants.

use std::net::IpAddr;

/// Whether `address` is this machine's own. An IPv4 address may come in IPv6's clothes, where a
/// socket listens to both.
pub(crate) const fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
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
}
