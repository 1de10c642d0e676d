//! Who calls.
//!
//! With tenants in the policy file: whoever presents a client key of theirs. Without: anybody, but
//! only on this machine. "On this machine" has to hold for a web page in a browser on it, too,
//! which may send requests to loopback from anywhere on the web: so a request that names another
//! site as its origin, or reached us under another name, is refused.

use std::time::SystemTime;

use http::{HeaderMap, header};
use keyweir_policy::tenancy::validity::is_expired;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::ids::TenantId;
use keyweir_policy::wire::Wire;
use keyweir_policy::wire::refusal_kind::RefusalKind;
use keyweir_policy::wire::subscription_token;

use crate::downstream::client::Client;
use crate::downstream::loopback::is_loopback;
use crate::headers;
use crate::request::respond::refuse::Refuse;
use crate::runtime::gateway::{ANYBODY, Live};

/// The tenant that `client` is.
///
/// # Errors
/// If it is none.
pub(crate) fn authenticate(
    live: &Live,
    client: &Client,
    dialect: Dialect,
) -> Result<TenantId, Refuse> {
    if live.is_open() {
        return check_local(client).map(|()| ANYBODY);
    }
    let Some(presented) = dialect.client_credential(headers::lookup(client.headers())) else {
        return Err(refuse(
            "no_client_key",
            "no API key: send this gateway's client key as x-api-key or as Authorization: Bearer",
        ));
    };
    let Some(tenant) = live.client_keys.tenant(presented) else {
        return Err(unknown(presented));
    };
    let expires = live.tenant(tenant).and_then(|tenant| tenant.expires);
    if is_expired(expires, SystemTime::now()) {
        return Err(refuse("client_key_expired", "this client key has expired"));
    }
    Ok(tenant)
}

fn unknown(presented: &str) -> Refuse {
    if subscription_token(presented) {
        return refuse(
            "subscription_token",
            "this is a token of a consumer subscription, which may not be pooled: \
             send this gateway's client key instead",
        );
    }
    refuse(
        "unknown_client_key",
        "invalid API key: this gateway does not know this client key",
    )
}

fn refuse(reason: &'static str, message: &'static str) -> Refuse {
    Refuse::new(RefusalKind::Authentication, reason, message).non_retryable()
}

fn check_local(client: &Client) -> Result<(), Refuse> {
    let cause = if !client.peer.address.is_none_or(is_loopback) {
        "this connection comes from another one"
    } else if !is_local_name(client.authority().unwrap_or_default()) {
        "the request's Host header names another one (a proxy before the gateway must send its own: \
         Host: localhost)"
    } else if !names_no_other_site(client.headers()) {
        "the request's Origin header names another site"
    } else {
        return Ok(());
    };
    let message = format!(
        "without tenants in its policy file, this gateway serves its own machine only, and {cause}"
    );
    Err(Refuse::new(RefusalKind::Permission, "not_local", message).non_retryable())
}

fn names_no_other_site(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let host = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"));
    host.is_some_and(|(_, host)| is_local_name(host))
}

/// Whether `host`, perhaps with a port, is this machine. Addresses are all right even if they are
/// not loopback's: the listener is, and an address cannot be rebound to another site.
fn is_local_name(host: &str) -> bool {
    if host.starts_with('[') {
        return true;
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
        || name.parse::<std::net::IpAddr>().is_ok()
        || host.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_are_told_from_others() {
        for name in [
            "localhost",
            "LocalHost:8080",
            "a.localhost",
            "127.0.0.1:80",
            "[::1]:8080",
        ] {
            assert!(is_local_name(name), "{name}");
        }
        for name in [
            "",
            "example.com",
            "example.com:8080",
            "localhost.example.com",
            "notlocalhost",
        ] {
            assert!(!is_local_name(name), "{name}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_not_local() {
        let with = |origin: &'static str| {
            HeaderMap::from_iter([(header::ORIGIN, header::HeaderValue::from_static(origin))])
        };
        assert!(names_no_other_site(&HeaderMap::new()));
        assert!(names_no_other_site(&with("http://localhost:3000")));
        assert!(!names_no_other_site(&with("https://evil.example")));
        assert!(!names_no_other_site(&with("null")));
    }
}
