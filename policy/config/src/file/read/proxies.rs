//! Table `gateway.proxies`.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::file::fields::Fields;
use crate::file::report::Severity;
use crate::file::settings::ProxySettings;
use crate::file::value::Value;

/// Blocks of addresses in one list.
const TRUSTED_MAX: usize = 256;

pub(super) fn proxies(fields: &mut Fields<'_>) -> ProxySettings {
    let trusted = fields.or("trusted", Vec::new(), |value| {
        value.list(TRUSTED_MAX, |value| block(&value))
    });
    let proxy_protocol = fields.optional("proxy_protocol", |value| value.at(Value::boolean));
    if let Some(protocol) = proxy_protocol.as_ref().filter(|at| at.value)
        && trusted.is_empty()
    {
        fields.problems().note(
            Severity::Error,
            protocol.spot.clone(),
            "needs the addresses it is believed from: gateway.proxies.trusted = [\"10.0.0.0/8\"]",
        );
    }
    ProxySettings {
        trusted,
        proxy_protocol: proxy_protocol.is_some_and(|at| at.value),
    }
}

/// An address, or a block of them.
fn block(value: &Value<'_>) -> Option<IpNet> {
    let text = value.text()?;
    let address = text.parse::<IpAddr>().map(IpNet::from);
    let Ok(block) = address.or_else(|_| text.parse()) else {
        return value.refuse_with_hint(
            "is not an address or a block of addresses",
            "write it as \"10.0.0.7\", \"10.0.0.0/8\" or \"fd00::/8\"",
        );
    };
    if block.prefix_len() == 0 {
        value.warn(
            "everybody who can connect may say that they are somebody else",
            "name the load balancers' own addresses",
        );
    }
    Some(block.trunc())
}
