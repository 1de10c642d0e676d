//! Which providers are reached without a proxy: those that `NO_PROXY` lists, and this machine.
//!
//! The list has no standard. What curl and most languages' clients agree on is taken: names stand for
//! themselves and all below them, with or without a dot before them; addresses for themselves;
//! networks in CIDR notation; `*` for all. An entry with a port holds for that port.

use std::net::IpAddr;

use keyweir_policy::config::file::{BaseUrl, Host};

/// Whether the provider at `url` is reached without a proxy, for the `list` of `NO_PROXY`.
pub(super) fn is_exempt(url: &BaseUrl, list: &str) -> bool {
    let entries = list.split([',', ' ', '\t']).map(str::trim);
    url.host.is_loopback()
        || entries
            .filter(|entry| !entry.is_empty())
            .any(|entry| matches(url, entry))
}

fn matches(url: &BaseUrl, entry: &str) -> bool {
    if entry == "*" {
        return true;
    }
    match &url.host {
        Host::Name(name) => {
            let (entry, port) = with_port(entry);
            let entry = entry.trim_start_matches('*').trim_start_matches('.');
            let entry = entry.to_ascii_lowercase();
            let is_below = || {
                let above = name.strip_suffix(entry.as_str());
                above.is_some_and(|above| above.ends_with('.'))
            };
            let is_named = !entry.is_empty() && (*name == entry || is_below());
            is_named && port.is_none_or(|port| port == url.port)
        }
        Host::Address(address) => is_address(*address, url.port, entry),
    }
}

fn is_address(address: IpAddr, port: u16, entry: &str) -> bool {
    if let Some((network, bits)) = entry.split_once('/') {
        let network = network.parse().ok();
        let bits = bits.parse().ok();
        return network
            .zip(bits)
            .is_some_and(|(network, bits)| is_in(address, network, bits));
    }
    let socket: Option<std::net::SocketAddr> = entry.parse().ok();
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    bare.parse() == Ok(address)
        || socket.is_some_and(|socket| socket.ip() == address && socket.port() == port)
}

/// Whether the first `bits` of both are the same.
fn is_in(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let differ = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            u128::from(address.to_bits() ^ network.to_bits()) << 96
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            address.to_bits() ^ network.to_bits()
        }
        _ => return false,
    };
    differ.leading_zeros() >= bits
}

fn with_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((name, port)) => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        None => (entry, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_list_names_is_exempt() {
        for (url, list, expected) in [
            ("https://api.openai.com", "", false),
            ("https://api.openai.com", "openai.com", true),
            ("https://api.openai.com", " example.com, .OpenAI.com ", true),
            ("https://api.openai.com", "*.openai.com", true),
            ("https://api.openai.com", "*", true),
            ("https://api.openai.com", "ai.com", false),
            ("https://api.openai.com", "api.openai.com:443", true),
            ("https://api.openai.com", "api.openai.com:8443", false),
            ("https://10.1.2.3", "10.1.2.3", true),
            ("https://10.1.2.3", "10.0.0.0/8", true),
            ("https://10.1.2.3", "10.1.2.0/30", true),
            ("https://10.1.2.4", "10.1.2.0/30", false),
            ("https://10.1.2.3", "0.0.0.0/0", true),
            ("https://10.1.2.3:8443", "10.1.2.3:8443", true),
            ("https://10.1.2.3:8443", "10.1.2.3:443", false),
            ("https://[fd00::1]", "fd00::/8", true),
            ("https://[fd00::1]", "[fd00::1]", true),
            ("https://[fd00::1]", "10.0.0.0/8", false),
            ("http://localhost:1234", "", true),
            ("http://127.0.0.1", "", true),
        ] {
            let parsed = url.parse().expect(url);
            assert_eq!(is_exempt(&parsed, list), expected, "{url} {list}");
        }
    }
}
