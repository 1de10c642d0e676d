//! Who may ask: everybody who reaches the admin listener, or only who shows the policy's token, or a
//! certificate of its authority.
//!
//! The token comes as `Authorization: Bearer`, or as the password of `Basic`, which is what a browser
//! asks its user for. `/healthz` and `/readyz` are always open: whoever probes them says no word, and
//! learns nothing that a connection would not tell.
//!
//! What acts is refused to web pages, which say that they are some (`Origin`, `Sec-Fetch-Site`). A page
//! whose name is made to lead to this machine does not, but asks for its own name (`Host`): on a
//! listener of this machine without a token, other names than this machine's are refused.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use keyweir_policy::config::secret::ProviderSecret;
use pingora_http::authority::{RawTargetAuthority, raw_target_authority};
use sha2::{Digest, Sha256};

use super::answer::text;
use super::route::Route;
use crate::downstream::loopback::is_local_name;
use crate::headers::SEC_FETCH_SITE;

/// What is said to who shows nothing.
const NO_TOKEN: &str =
    "the token of gateway.admin_token is needed, as \"Authorization: Bearer TOKEN\"\n";
const NO_CERTIFICATE: &str =
    "a client certificate of gateway.admin_tls.client_ca_file is needed, and none was shown\n";
const NEITHER: &str = "the token of gateway.admin_token is needed, as \"Authorization: Bearer TOKEN\", or a \
    client certificate of gateway.admin_tls.client_ca_file\n";
/// What is said to who asks for another name.
const FOREIGN: &str = "the Host header names another machine than this one; ask for localhost, or set \
    gateway.admin_token\n";

/// What is looked for in who asks.
#[derive(Clone, Copy)]
pub(super) struct Guard<'a> {
    /// The token that lets them in.
    pub(super) token: Option<&'a ProviderSecret>,
    /// A certificate lets them in, too.
    pub(super) asks_for_certificate: bool,
    /// They have shown one, which the handshake has found right.
    pub(super) has_certificate: bool,
    /// The listener is one that only this machine reaches.
    pub(super) is_local: bool,
}

/// The answer to who may not ask for `route`; `None`: they may.
pub(super) fn check(
    route: &Route<'_>,
    (target, headers): (&[u8], &HeaderMap),
    guard: Guard<'_>,
) -> Option<Response<Vec<u8>>> {
    let acts = matches!(route, Route::Reload | Route::Operate(..));
    if acts && is_of_a_page(headers) {
        let why = "web pages may not act; ask without a browser\n";
        return Some(text(StatusCode::FORBIDDEN, why));
    }
    if matches!(route, Route::Healthz | Route::Readyz) {
        return None;
    }
    if guard.asks_for_certificate && guard.has_certificate {
        return None;
    }
    let Some(token) = guard.token else {
        if guard.asks_for_certificate {
            return Some(text(StatusCode::UNAUTHORIZED, NO_CERTIFICATE));
        }
        let is_foreign = guard.is_local && !names_this_machine(target, headers);
        return is_foreign.then(|| text(StatusCode::FORBIDDEN, FOREIGN));
    };
    let shown = headers.get(header::AUTHORIZATION).and_then(shown);
    if shown.is_some_and(|shown| is_same(&shown, token.expose().as_bytes())) {
        return None;
    }
    let why = match (
        headers.contains_key(header::AUTHORIZATION),
        guard.asks_for_certificate,
    ) {
        (true, _) => "this is not the token of gateway.admin_token\n",
        (false, false) => NO_TOKEN,
        (false, true) => NEITHER,
    };
    let mut answer = text(StatusCode::UNAUTHORIZED, why);
    for way in ["Bearer realm=\"keyweir\"", "Basic realm=\"keyweir\""] {
        let way = HeaderValue::from_static(way);
        answer.headers_mut().append(header::WWW_AUTHENTICATE, way);
    }
    Some(answer)
}

/// A browser sent it for a page.
fn is_of_a_page(headers: &HeaderMap) -> bool {
    let site = headers.get(SEC_FETCH_SITE);
    headers.contains_key(header::ORIGIN) || site.is_some_and(|site| site != "none")
}

/// Whether it was asked for this machine, by its target where that is a whole URI (RFC 9112, section 3.2.2)
/// and by its header; programs may leave out whom they ask.
fn names_this_machine(target: &[u8], headers: &HeaderMap) -> bool {
    let target = match raw_target_authority(target) {
        RawTargetAuthority::None => None,
        RawTargetAuthority::Absolute { authority, .. } => Some(authority),
        // Nobody's name.
        RawTargetAuthority::AmbiguousAuthority => Some(&b""[..]),
    };
    let target = target.map(|name| std::str::from_utf8(name).unwrap_or_default());
    let hosts = headers.get_all(header::HOST).iter();
    hosts
        .map(|host| host.to_str().unwrap_or_default())
        .chain(target)
        .all(is_local_name)
}

/// The token that is shown.
fn shown(value: &HeaderValue) -> Option<Vec<u8>> {
    let (scheme, rest) = value.to_str().ok()?.trim().split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = base64(rest.trim())?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

/// Compares digests, so that the time it takes tells nothing of how much of a guess is right.
fn is_same(shown: &[u8], token: &[u8]) -> bool {
    Sha256::digest(shown) == Sha256::digest(token)
}

/// RFC 4648, section 4, with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0);
    for character in text.trim_end_matches('=').bytes() {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(value)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is looked for.
    const NOTHING: Guard<'_> = Guard {
        token: None,
        asks_for_certificate: false,
        has_certificate: false,
        is_local: false,
    };

    fn status(route: &Route<'_>, headers: &[(&'static str, &str)]) -> u16 {
        let token = ProviderSecret::new("s3cret-token-of-the-operators").expect("fit");
        let headers = headers.iter().map(|(name, value)| {
            let name = header::HeaderName::from_static(name);
            (name, HeaderValue::from_str(value).expect("valid"))
        });
        let headers = HeaderMap::from_iter(headers);
        let guard = Guard {
            token: Some(&token),
            is_local: true,
            ..NOTHING
        };
        check(route, (b"/", &headers), guard).map_or(200, |it| it.status().as_u16())
    }

    #[test]
    fn only_who_shows_the_token_may_ask() {
        let bearer = ("authorization", "Bearer s3cret-token-of-the-operators");
        // user:s3cret-token-of-the-operators
        let basic = "Basic dXNlcjpzM2NyZXQtdG9rZW4tb2YtdGhlLW9wZXJhdG9ycw==";
        for (shown, expected) in [
            (&[][..], 401),
            (&[bearer], 200),
            (&[("authorization", basic)], 200),
            (&[("authorization", "Bearer s3cret")], 401),
            (&[("authorization", "Bearer")], 401),
            (&[("authorization", "Basic !!!!")], 401),
            (&[("authorization", "Basic dXNlcg==")], 401),
        ] {
            assert_eq!(status(&Route::Status, shown), expected, "{shown:?}");
        }
        assert_eq!(status(&Route::Healthz, &[]), 200);
        assert_eq!(status(&Route::Readyz, &[]), 200);
        assert_eq!(status(&Route::Reload, &[bearer, ("origin", "null")]), 403);
    }

    #[test]
    fn without_a_token_pages_neither_act_nor_read() {
        let asked = |route: &Route<'_>, name: &'static str, value: &str, is_local| {
            let name = header::HeaderName::from_static(name);
            let value = HeaderValue::from_str(value).expect("valid");
            let headers = HeaderMap::from_iter([(name, value)]);
            let guard = Guard {
                is_local,
                ..NOTHING
            };
            check(route, (b"/", &headers), guard).map_or(200, |it| it.status().as_u16())
        };
        for (host, expected) in [
            ("127.0.0.1:9090", 200),
            ("localhost", 200),
            ("[::1]:9090", 200),
            ("evil.example:9090", 403),
            ("10.0.0.1", 403),
        ] {
            assert_eq!(
                asked(&Route::Status, "host", host, true),
                expected,
                "{host}"
            );
            assert_eq!(asked(&Route::Status, "host", host, false), 200, "{host}");
            assert_eq!(asked(&Route::Healthz, "host", host, true), 200, "{host}");
        }
        for (site, expected) in [("none", 200), ("cross-site", 403), ("same-origin", 403)] {
            let status = asked(&Route::Reload, "sec-fetch-site", site, true);
            assert_eq!(status, expected, "{site}");
        }
    }

    #[test]
    fn a_certificate_is_as_good_as_the_token() {
        let token = ProviderSecret::new("s3cret-token-of-the-operators").expect("fit");
        let bearer = HeaderValue::from_static("Bearer s3cret-token-of-the-operators");
        let right = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
        let wrong =
            HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"))]);
        let none = HeaderMap::new();
        for (has_certificate, has_token, headers, expected) in [
            (true, true, &none, 200),
            (true, true, &wrong, 200),
            (false, true, &right, 200),
            (false, true, &wrong, 401),
            (false, true, &none, 401),
            (true, false, &none, 200),
            (false, false, &none, 401),
            (false, false, &right, 401),
        ] {
            let guard = Guard {
                token: has_token.then_some(&token),
                asks_for_certificate: true,
                has_certificate,
                is_local: true,
            };
            let of = |route| {
                check(&route, (b"/", headers), guard).map_or(200, |it| it.status().as_u16())
            };
            assert_eq!(
                of(Route::Status),
                expected,
                "{has_certificate} {has_token} {headers:?}"
            );
            assert_eq!(of(Route::Healthz), 200);
        }
        // Where nobody asks for one, it opens nothing.
        let guard = Guard {
            token: Some(&token),
            has_certificate: true,
            ..NOTHING
        };
        assert!(check(&Route::Status, (b"/", &none), guard).is_some());
    }

    #[test]
    fn a_target_that_is_a_whole_uri_names_whom_it_asks() {
        let asked = |target: &str, host: Option<&'static str>| {
            let hosts = host.map(|host| (header::HOST, HeaderValue::from_static(host)));
            let headers = HeaderMap::from_iter(hosts);
            let guard = Guard {
                is_local: true,
                ..NOTHING
            };
            check(&Route::Status, (target.as_bytes(), &headers), guard)
                .map_or(200, |it| it.status().as_u16())
        };
        for (target, host, expected) in [
            ("/status", None, 200),
            ("http://localhost:9090/status", None, 200),
            ("http://evil.example/status", None, 403),
            ("http://evil.example/status", Some("localhost"), 403),
            ("http://localhost/status", Some("evil.example"), 403),
            ("http://localhost@evil.example/status", None, 403),
            ("http:/\\evil.example/status", None, 403),
        ] {
            assert_eq!(asked(target, host), expected, "{target} {host:?}");
        }
    }

    #[test]
    fn base64_is_read() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8", "fo"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(base64(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(base64("Z_"), None);
    }
}
