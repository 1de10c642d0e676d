//! Where gateways that serve the same tenants and accounts tell one another of them: table
//! `gateway.shared.redis`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::file::base_url::{BaseUrl, Host};
use crate::file::secret_ref::SecretRef;
use crate::file::tls::ClientCertificate;

/// The port that is meant where none is named: Redis', and Sentinel's.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;
/// The highest number of a database that is believed.
const DATABASE_MAX: u32 = 1_000;

/// Table `gateway.shared.redis`.
#[derive(Clone, Debug, PartialEq)]
pub struct RedisSettings {
    /// Servers, in the order in which they are tried; never empty. Any node of a cluster will do.
    pub urls: Vec<RedisUrl>,
    /// The name of a service: `urls` are Sentinels, who know where its master is.
    pub sentinel: Option<String>,
    /// Who one says to be.
    pub username: Option<String>,
    /// What one shows then.
    pub password: Option<SecretRef>,
    /// Who one says to be to Sentinels.
    pub sentinel_username: Option<String>,
    /// What one shows to Sentinels; they may want another than the servers.
    pub sentinel_password: Option<SecretRef>,
    /// Roots to trust instead of the system's, where a server is reached over TLS.
    pub ca_file: Option<PathBuf>,
    /// What is shown where a server is reached over TLS.
    pub certificate: Option<ClientCertificate>,
    /// What the names of all keys begin with: gateways with the same share everything.
    pub prefix: String,
    /// How often gateways tell one another.
    pub interval: Duration,
    /// How long an answer may take, and a connection.
    pub timeout: Duration,
}

impl RedisSettings {
    /// Without an address.
    pub fn new(urls: Vec<RedisUrl>) -> Self {
        Self {
            urls,
            sentinel: None,
            username: None,
            password: None,
            sentinel_username: None,
            sentinel_password: None,
            ca_file: None,
            certificate: None,
            prefix: "keyweir".to_owned(),
            // Shares are small, and a store has hardly anything to do.
            interval: Duration::from_millis(100),
            // A server in the same place answers within one; no request waits for it.
            timeout: Duration::from_millis(100),
        }
    }
}

/// Where a server is: `redis[s]://host[:port][/database]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisUrl {
    /// Over TLS.
    pub tls: bool,
    /// Its host.
    pub host: Host,
    /// Its port, if one is named.
    port: Option<u16>,
    /// The number of the database.
    pub database: u32,
}

/// Why a text is no [`RedisUrl`]. No message repeats any of it: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlError {
    /// It holds a name or a password.
    #[error("may hold no user and no password")]
    Credentials,
    /// Something else is wrong.
    #[error("is not the address of a Redis server")]
    Malformed,
}

impl RedisUrl {
    /// The port; where none is named, the usual one of a server, or of a Sentinel.
    pub fn port(&self, is_sentinel: bool) -> u16 {
        let usual = if is_sentinel { SENTINEL_PORT } else { PORT };
        self.port.unwrap_or(usual)
    }
}

impl FromStr for RedisUrl {
    type Err = RedisUrlError;

    fn from_str(text: &str) -> Result<Self, RedisUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(RedisUrlError::Malformed)?;
        let tls = match scheme {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(RedisUrlError::Malformed),
        };
        if rest.contains('@') {
            return Err(RedisUrlError::Credentials);
        }
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let database = match database {
            "" => 0,
            number => number.parse().map_err(|_| RedisUrlError::Malformed)?,
        };
        if database > DATABASE_MAX {
            return Err(RedisUrlError::Malformed);
        }
        let url: BaseUrl = format!("http://{authority}")
            .parse()
            .map_err(|_| RedisUrlError::Malformed)?;
        let after_host = authority.rsplit(']').next().unwrap_or_default();
        let port = after_host.contains(':').then_some(url.port);
        Ok(Self {
            tls,
            host: url.host,
            port,
            database,
        })
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rediss" } else { "redis" };
        write!(f, "{scheme}://{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        match self.database {
            0 => Ok(()),
            number => write!(f, "/{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_alike() {
        for text in [
            "redis://cache",
            "redis://cache.example:6380/3",
            "rediss://[::1]:7000",
            "redis://[::1]",
        ] {
            let url: RedisUrl = text
                .parse()
                .unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(url.to_string(), text);
        }
        let url: RedisUrl = "valkeys://cache".parse().expect("an address");
        assert!(url.tls);
        assert_eq!((url.port(false), url.port(true)), (6379, 26379));
    }

    #[test]
    fn what_is_no_address_is_refused_and_passwords_by_name() {
        for text in [
            "",
            "cache:6379",
            "http://cache",
            "redis://",
            "redis://a/b",
            "redis://a/9999",
        ] {
            assert_eq!(
                text.parse::<RedisUrl>(),
                Err(RedisUrlError::Malformed),
                "{text}"
            );
        }
        let with_password = "redis://:hunter2@cache".parse::<RedisUrl>();
        assert_eq!(with_password, Err(RedisUrlError::Credentials));
    }
}
