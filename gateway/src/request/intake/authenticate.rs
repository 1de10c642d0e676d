//! Who calls.
//!
//! With tenants in the policy file: whoever presents a client key of theirs. Without: anybody, but
//! only on this machine. "On this machine" has to hold for a web page in a browser on it, too,
//! which may send requests to loopback from anywhere on the web: so a request that names another
//! site as its origin, that a browser says was made for one (`sec-fetch-site`: a page's pictures and
//! links have no origin), or that reached us under another name, is refused. Programs send none of
//! these. Origins that the policy names may call.

use std::cell::Cell;
use std::time::SystemTime;

use http::HeaderMap;
use http::header::{self, HeaderValue};
use keyweir_policy::tenancy::token::is_token;
use keyweir_policy::tenancy::validity::is_expired;
use keyweir_policy::terms::dialect::Dialect;
use keyweir_policy::terms::ids::TenantId;
use keyweir_policy::wire::Wire;
use keyweir_policy::wire::refusal_kind::RefusalKind;
use keyweir_policy::wire::subscription_token;

use crate::downstream::client::Client;
use crate::downstream::loopback::{is_local_name, is_loopback};
use crate::headers::{SEC_FETCH_SITE, cors};
use crate::request::respond::refuse::Refuse;
use crate::runtime::gateway::ANYBODY;
use crate::runtime::live::Live;
use crate::runtime::tokens::Denied;

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
        return check_local(live, client).map(|()| ANYBODY);
    }
    let presented = presented(client.headers(), dialect)?;
    let now = SystemTime::now();
    let shown = &client.peer.stranger.shown;
    let hash = shown.hash(presented);
    match live.client_keys.of_hash(&hash) {
        Some(found) if live.has_expired(found.tenant, now) || is_expired(found.expires, now) => {
            Err(refuse("client_key_expired", "this client key has expired"))
        }
        Some(found) => {
            shown.keep(presented, hash);
            Ok(found.tenant)
        }
        None if live.tokens.is_any() && is_token(presented) => {
            let tenant = live.tokens.bearer(presented, now).map_err(denied)?;
            match live.has_expired(tenant, now) {
                true => Err(refuse(
                    "tenant_expired",
                    "the tenant that this token names has expired",
                )),
                false => Ok(tenant),
            }
        }
        None => Err(unknown(presented)),
    }
}

/// What a client shows.
///
/// # Errors
/// If that is nothing, or not one thing: who reads the last of two headers where another reads the first
/// takes the request for somebody else's.
fn presented(headers: &HeaderMap, dialect: Dialect) -> Result<&str, Refuse> {
    let is_repeated = Cell::new(false);
    let first = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?;
        is_repeated.set(is_repeated.get() || values.next().is_some());
        value.to_str().ok()
    };
    let presented = dialect.client_credential(first);
    if is_repeated.get() {
        return Err(refuse(
            "repeated_client_key",
            "the header of the API key is there more than once: send it once",
        ));
    }
    presented.ok_or_else(|| {
        refuse(
            "no_client_key",
            "no API key: send this gateway's client key as x-api-key or as Authorization: Bearer",
        )
    })
}

/// Why a token opens nothing.
fn denied(denied: Denied) -> Refuse {
    let later = |message, wait| {
        Refuse::new(RefusalKind::Unavailable, "token_keys", message).after_at_least(wait)
    };
    match denied {
        Denied::Wrong(error) => {
            let message = format!("this token is not accepted: {error}");
            let refuse = Refuse::new(RefusalKind::Authentication, error.as_str(), message);
            refuse.non_retryable()
        }
        Denied::NoKeys(wait) => later(
            "the signing keys of this token's issuer are unavailable",
            wait,
        ),
        Denied::NotYetKnown(wait) => later(
            "this token's key is not known yet; its issuer is asked for it",
            wait,
        ),
    }
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

fn check_local(live: &Live, client: &Client) -> Result<(), Refuse> {
    let named = &live.policy.gateway.cors_origins;
    let is_named = || cors::named_origin(client.headers(), named).is_some();
    let cause = if !client.peer.address.is_none_or(is_loopback) {
        "this connection comes from another one"
    } else if !is_local_name(client.authority().unwrap_or_default()) {
        "the request's Host header names another one (a proxy before the gateway must send its own: \
         Host: localhost)"
    } else if !is_named() && !is_no_page(client.headers()) {
        "the request comes from a web page of another site (Origin or Sec-Fetch-Site says so; \
         pages of localhost and of gateway.cors_origins may)"
    } else {
        return Ok(());
    };
    let message = format!(
        "without tenants in its policy file, this gateway serves its own machine only, and {cause}"
    );
    Err(Refuse::new(RefusalKind::Permission, "not_local", message).non_retryable())
}

/// No page of another site made the request.
fn is_no_page(headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let has_origin = headers.contains_key(header::ORIGIN);
    let is_ours = |value: &HeaderValue| {
        let origin = value.to_str().ok();
        let host = origin.and_then(|origin| origin.split_once("://"));
        host.is_some_and(|(_, host)| is_local_name(host))
    };
    // A page of ours under another name of this machine is of another site, but names its origin.
    let is_near = |value: &HeaderValue| match value.as_bytes() {
        b"none" | b"same-origin" | b"same-site" => true,
        b"cross-site" => has_origin,
        _ => false,
    };
    origins.all(is_ours) && headers.get_all(SEC_FETCH_SITE).iter().all(is_near)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    #[test]
    fn a_page_of_another_site_is_not_local() {
        let with = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            });
            is_no_page(&pairs.collect())
        };
        for headers in [
            &[][..],
            &[("origin", "http://localhost:3000")],
            &[
                ("origin", "http://127.0.0.1:3000"),
                ("sec-fetch-site", "cross-site"),
            ],
            &[("origin", "tauri://localhost")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin")],
        ] {
            assert!(with(headers), "{headers:?}");
        }
        for headers in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "http://93.184.216.34")],
            &[("origin", "http://[2606:2800:220:1:248:1893:25c8:1946]")],
            &[("origin", "http://[evil.example]")],
            &[("origin", "null")],
            &[("origin", "")],
            &[
                ("origin", "http://localhost"),
                ("origin", "https://evil.example"),
            ],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "whatever")],
        ] {
            assert!(!with(headers), "{headers:?}");
        }
    }
}
