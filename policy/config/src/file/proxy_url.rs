//! A proxy through which a provider is reached.
//!
//! It is asked for a tunnel (`CONNECT`; RFC 9110, 9.3.6), so that what is said to the provider stays
//! between it and us.

use std::fmt;
use std::str::FromStr;

use crate::file::base_url::{BaseUrl, Host, Scheme};

/// How a provider is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxySetting {
    /// As the environment says (`HTTPS_PROXY`, `NO_PROXY`).
    #[default]
    Environment,
    /// Without a proxy.
    Off,
    /// Through this one.
    At(ProxyUrl),
    /// Through the one whose address, perhaps with credentials, is in an environment variable.
    Env(String),
}

/// Where a proxy is, and how to present oneself to it.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    /// Its host.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// `user:password`, decoded.
    credentials: Option<String>,
}

/// Why a text is no [`ProxyUrl`]. No message repeats any of it: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyUrlError {
    /// SOCKS, or TLS to the proxy itself.
    #[error("only proxies that are reached as http:// are supported (they tunnel https)")]
    Scheme,
    /// Something else is wrong.
    #[error("is not the address of a proxy; write http://host:port")]
    Malformed,
}

impl ProxyUrl {
    /// `user:password`, if it wants any.
    pub fn credentials(&self) -> Option<&str> {
        self.credentials.as_deref()
    }
}

impl FromStr for ProxyUrl {
    type Err = ProxyUrlError;

    fn from_str(text: &str) -> Result<Self, ProxyUrlError> {
        let rest = match text.trim().split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(Scheme::Http.as_str()) => rest,
            Some(_) => return Err(ProxyUrlError::Scheme),
            None => text.trim(),
        };
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) => (Some(decoded(credentials)?), rest),
            None => (None, rest),
        };
        let url: BaseUrl = format!("http://{rest}")
            .parse()
            .map_err(|_| ProxyUrlError::Malformed)?;
        if !url.path_prefix.is_empty() {
            return Err(ProxyUrlError::Malformed);
        }
        Ok(Self {
            host: url.host,
            port: url.port,
            credentials,
        })
    }
}

/// Without the credentials.
impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUrl({self})")
    }
}

/// `%` and two digits stand for a byte (RFC 3986, 2.1).
fn decoded(text: &str) -> Result<String, ProxyUrlError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let value = digit().zip(digit()).map(|(high, low)| high * 16 + low);
        let value = value.and_then(|value| u8::try_from(value).ok());
        bytes.push(value.ok_or(ProxyUrlError::Malformed)?);
    }
    let decoded = String::from_utf8(bytes).map_err(|_| ProxyUrlError::Malformed)?;
    if decoded.contains(char::is_control) {
        return Err(ProxyUrlError::Malformed);
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_known_by_its_address_and_keeps_its_password() {
        for (text, shown, credentials) in [
            (
                "http://proxy.example:3128",
                "http://proxy.example:3128",
                None,
            ),
            ("proxy.example:3128/", "http://proxy.example:3128", None),
            ("HTTP://10.0.0.1", "http://10.0.0.1:80", None),
            (
                "http://me:p%40ss:word@[::1]:8080",
                "http://[::1]:8080",
                Some("me:p@ss:word"),
            ),
        ] {
            let url: ProxyUrl = text.parse().expect(text);
            assert_eq!(url.to_string(), shown);
            assert_eq!(url.credentials(), credentials);
            assert!(!format!("{url:?}").contains("word"));
        }
        for (text, error) in [
            ("https://proxy.example", ProxyUrlError::Scheme),
            ("socks5://proxy.example:1080", ProxyUrlError::Scheme),
            ("http://proxy.example/path", ProxyUrlError::Malformed),
            ("http://a%0d%0a:b@proxy.example", ProxyUrlError::Malformed),
            ("http://a%4:b@proxy.example", ProxyUrlError::Malformed),
            ("", ProxyUrlError::Malformed),
        ] {
            assert_eq!(text.parse::<ProxyUrl>(), Err(error), "{text}");
        }
    }
}
