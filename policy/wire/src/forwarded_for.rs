//! `X-Forwarded-For`: the addresses a request came through, each written by who received it from
//! there.
//!
//! Everything in it may be made up but for what those wrote whom we know. So it is read from its end,
//! where the nearest of them wrote, to the first address that is none of theirs.

use std::net::{IpAddr, SocketAddr};

/// Addresses that are looked at: more proxies in a row are a forgery.
const HOPS_MAX: usize = 16;

/// Who made a request that came from `peer`, a trusted one, with these header lines in order. What
/// cannot be read ends the search: then it is the last one that could.
///
/// `is_trusted`: whether an address's word is taken for whom it had the request from.
pub fn client<'a>(
    peer: IpAddr,
    lines: impl DoubleEndedIterator<Item = &'a str>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let hops = lines.rev().flat_map(|line| line.rsplit(','));
    let mut client = peer;
    for hop in hops.take(HOPS_MAX) {
        let Some(address) = address(hop.trim()) else {
            return client;
        };
        client = address;
        if !is_trusted(client) {
            return client;
        }
    }
    client
}

/// An address, as some proxies write it also with a port, or in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[&str]) -> String {
        let trusted = |address: IpAddr| address.to_string().starts_with("10.");
        let peer = "10.0.0.1".parse().expect("an address");
        client(peer, lines.iter().copied(), trusted).to_string()
    }

    #[test]
    fn the_nearest_that_is_not_ours_is_the_client() {
        for (lines, expected) in [
            (&["192.0.2.7"][..], "192.0.2.7"),
            (&["192.0.2.7, 10.0.0.2"], "192.0.2.7"),
            (&["192.0.2.7:4711"], "192.0.2.7"),
            (&["[2001:db8::1]:4711, 10.3.0.1"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["::ffff:192.0.2.7"], "192.0.2.7"),
            (&["192.0.2.7", "10.0.0.2, 10.0.0.3"], "192.0.2.7"),
            // Said by the client itself.
            (&["127.0.0.1, 203.0.113.1, 192.0.2.7"], "192.0.2.7"),
            (&["198.51.100.1", "192.0.2.7,10.0.0.2"], "192.0.2.7"),
        ] {
            assert_eq!(found(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_believed() {
        for (lines, expected) in [
            (&[][..], "10.0.0.1"),
            (&[""], "10.0.0.1"),
            (&["unknown"], "10.0.0.1"),
            (&["192.0.2.7, _hidden, 10.0.0.2"], "10.0.0.2"),
            (&["192.0.2.7,,"], "10.0.0.1"),
            (&["10.0.0.9"], "10.0.0.9"),
        ] {
            assert_eq!(found(lines), expected, "{lines:?}");
        }
        let many = "192.0.2.7, ".to_owned() + &"10.0.0.2, ".repeat(HOPS_MAX) + "10.0.0.3";
        assert_eq!(found(&[&many]), "10.0.0.2");
    }
}
