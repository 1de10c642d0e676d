//! Where a provider is reached.
//!
//! Only what a provider's base URL can meaningfully hold is accepted: scheme, host, port and a
//! path prefix. Credentials in a URL end up in logs, and a query or fragment could not be kept
//! when a request's own path is put behind it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Longest URL accepted, in bytes.
const LEN_MAX: usize = 2_048;

/// How the connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As written in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port where the URL names none.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The host part of a [`BaseUrl`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name to resolve, in lower case.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl Host {
    /// True for addresses of this machine, and for `localhost`.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Self::Address(address) => address.to_canonical().is_loopback(),
        }
    }
}

impl fmt::Display for Host {
    /// As in a `Host` header: IPv6 addresses stand in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// A provider's base URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaseUrl {
    /// How the connection is made.
    pub scheme: Scheme,
    /// Where to.
    pub host: Host,
    /// On which port; the scheme's own where the URL names none.
    pub port: u16,
    /// What every path begins with: empty, or `/like/this` without a slash at the end.
    pub path_prefix: String,
}

impl BaseUrl {
    /// The `Host` header (`:authority`): the port is left out where it is the scheme's own.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Why a text is no [`BaseUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// No `://`, or another scheme.
    #[error("a base URL begins with https:// or http://")]
    Scheme,
    /// `user:password@` before the host.
    #[error("a base URL may not hold a user or a password")]
    UserInfo,
    /// `?…`
    #[error("a base URL may not have a query")]
    Query,
    /// `#…`
    #[error("a base URL may not have a fragment")]
    Fragment,
    /// Not a host name and not an address.
    #[error("a base URL needs a host: a name in ASCII, an IPv4 address, or an IPv6 address in [ ]")]
    Host,
    /// Not a number from 1 to 65535.
    #[error("the port of a base URL is a number from 1 to 65535")]
    Port,
    /// A character, an empty segment or a dot segment that a path prefix cannot have.
    #[error("the path of a base URL may only have plain segments, such as /proxy/openai")]
    Path,
    /// Longer than any real one.
    #[error("a base URL has at most {LEN_MAX} bytes")]
    TooLong,
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        if text.len() > LEN_MAX {
            return Err(BaseUrlError::TooLong);
        }
        let (scheme, rest) = split_scheme(text)?;
        if rest.contains('?') {
            return Err(BaseUrlError::Query);
        }
        if rest.contains('#') {
            return Err(BaseUrlError::Fragment);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(BaseUrlError::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        Ok(Self {
            scheme,
            host: parse_host(host)?,
            port: port.map_or(Ok(scheme.default_port()), parse_port)?,
            path_prefix: parse_path(path)?,
        })
    }
}

fn split_scheme(text: &str) -> Result<(Scheme, &str), BaseUrlError> {
    let (scheme, rest) = text.split_once("://").ok_or(BaseUrlError::Scheme)?;
    let scheme = [Scheme::Https, Scheme::Http]
        .into_iter()
        .find(|known| known.as_str().eq_ignore_ascii_case(scheme))
        .ok_or(BaseUrlError::Scheme)?;
    Ok((scheme, rest))
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), BaseUrlError> {
    if !authority.starts_with('[') {
        let parts = authority.split_once(':');
        return Ok(parts.map_or((authority, None), |(host, port)| (host, Some(port))));
    }
    let end = authority.find(']').ok_or(BaseUrlError::Host)? + 1;
    let (host, rest) = authority.split_at(end);
    match rest.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(BaseUrlError::Host),
    }
}

fn parse_port(text: &str) -> Result<u16, BaseUrlError> {
    // `u16::from_str` would take a plus sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or(BaseUrlError::Port)
}

fn parse_host(text: &str) -> Result<Host, BaseUrlError> {
    if let Some(inner) = text.strip_prefix('[') {
        let address = inner
            .strip_suffix(']')
            .and_then(|inner| inner.parse::<Ipv6Addr>().ok());
        return address
            .map(|address| Host::Address(address.into()))
            .ok_or(BaseUrlError::Host);
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if is_host_name(&name) {
        Ok(Host::Name(name))
    } else {
        Err(BaseUrlError::Host)
    }
}

fn is_host_name(name: &str) -> bool {
    let label_is_fine = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    // A last label of digits alone is an address that is none: 10.0.0.256.
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && name.split('.').all(label_is_fine)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn parse_path(text: &str) -> Result<String, BaseUrlError> {
    let path = text.strip_suffix('/').unwrap_or(text);
    let segments = path.strip_prefix('/').map(|path| path.split('/'));
    let fine = segments.into_iter().flatten().all(is_segment);
    if fine {
        Ok(path.to_owned())
    } else {
        Err(BaseUrlError::Path)
    }
}

fn is_segment(segment: &str) -> bool {
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => (0..2).all(|_| bytes.next().is_some_and(|b| b.is_ascii_hexdigit())),
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte),
        };
        if !fine {
            return false;
        }
    }
    !matches!(segment, "" | "." | "..")
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}{}",
            self.scheme.as_str(),
            self.authority(),
            self.path_prefix
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_urls_are_taken_apart_and_put_together_again() {
        for (text, scheme, host, port, prefix, shown) in [
            (
                "https://api.anthropic.com",
                Scheme::Https,
                "api.anthropic.com",
                443,
                "",
                None,
            ),
            (
                "https://api.x.com/",
                Scheme::Https,
                "api.x.com",
                443,
                "",
                Some("https://api.x.com"),
            ),
            (
                "HTTP://Local:8080/a/b/",
                Scheme::Http,
                "local",
                8080,
                "/a/b",
                Some("http://local:8080/a/b"),
            ),
            (
                "http://127.0.0.1:80",
                Scheme::Http,
                "127.0.0.1",
                80,
                "",
                Some("http://127.0.0.1"),
            ),
            (
                "https://[::1]:8443/x",
                Scheme::Https,
                "[::1]",
                8443,
                "/x",
                None,
            ),
            (
                "https://x.com./%7Eme",
                Scheme::Https,
                "x.com",
                443,
                "/%7Eme",
                Some("https://x.com/%7Eme"),
            ),
            ("https://my_host", Scheme::Https, "my_host", 443, "", None),
        ] {
            let url: BaseUrl = text.parse().expect(text);
            assert_eq!(url.scheme, scheme, "{text}");
            assert_eq!(url.host.to_string(), host, "{text}");
            assert_eq!(url.port, port, "{text}");
            assert_eq!(url.path_prefix, prefix, "{text}");
            assert_eq!(url.to_string(), shown.unwrap_or(text));
        }
    }

    #[test]
    fn bad_urls_say_what_is_bad() {
        use BaseUrlError as E;
        for (text, error) in [
            ("", E::Scheme),
            ("api.anthropic.com", E::Scheme),
            ("ftp://x", E::Scheme),
            ("https:/x", E::Scheme),
            ("https://", E::Host),
            ("https:///path", E::Host),
            ("https://a b", E::Host),
            ("https://bücher.example", E::Host),
            ("https://10.0.0.256", E::Host),
            ("https://-a.com", E::Host),
            ("https://a..com", E::Host),
            ("https://[::1", E::Host),
            ("https://[::1]x", E::Host),
            ("https://::1", E::Host),
            ("https://[1.2.3.4]", E::Host),
            ("https://u:p@x", E::UserInfo),
            ("https://x:0", E::Port),
            ("https://x:", E::Port),
            ("https://x:+80", E::Port),
            ("https://x:65536", E::Port),
            ("https://x?a=b", E::Query),
            ("https://x/a#b", E::Fragment),
            ("https://x/a//b", E::Path),
            ("https://x//", E::Path),
            ("https://x/../a", E::Path),
            ("https://x/a b", E::Path),
            ("https://x/%zz", E::Path),
        ] {
            assert_eq!(text.parse::<BaseUrl>(), Err(error), "{text}");
        }
        let long = format!("https://x/{}", "a".repeat(LEN_MAX));
        assert_eq!(long.parse::<BaseUrl>(), Err(E::TooLong));
    }

    #[test]
    fn loopback_is_recognised() {
        for (url, loopback) in [
            ("http://localhost", true),
            ("http://a.localhost", true),
            ("http://127.1.2.3", true),
            ("http://[::1]", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example", false),
        ] {
            let url: BaseUrl = url.parse().expect(url);
            assert_eq!(url.host.is_loopback(), loopback, "{url}");
        }
    }
}
