//! Why the store has nothing to say: what an operator has to see to, told apart by the server's codes.

use std::io;

use rustls::AlertDescription;

/// Why nothing was exchanged.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// Nobody answers there.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("does not answer in time")]
    Slow,
    /// No connection over TLS came about in time.
    #[error(
        "shakes no hands in time; where it speaks no TLS, write redis:// in gateway.shared.redis.urls"
    )]
    SlowHandshake,
    /// It wants another password, or another user: those of this field.
    #[error("does not take the password (gateway.shared.redis.{field}): {said}")]
    Password { field: &'static str, said: String },
    /// What is asked of it, its user may not ask.
    #[error("gives its user too few rights (docs/replicas.md has them): {0}")]
    Permission(String),
    /// It is too old.
    #[error("is version {0}; Redis 7 or later, or Valkey, is needed")]
    Version(String),
    /// It is a replica, or lets nobody write.
    #[error("takes nothing down: {0}")]
    ReadOnly(String),
    /// It has no memory left.
    #[error("is full: {0}")]
    Full(String),
    /// The keys are at another node.
    #[error("sends to {0}:{1}")]
    Elsewhere(String, u16),
    /// Some of the keys are on their way to another node.
    #[error("is moving the keys to another node of its cluster: {0}")]
    Moving(String),
    /// It is no server of the kind that the policy names.
    #[error("{0}")]
    Kind(&'static str),
    /// Something else.
    #[error("answers with an error: {0}")]
    Other(String),
}

impl StoreError {
    /// One of a bounded set, for metrics and pages.
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Slow | Self::SlowHandshake => "timeout",
            Self::Password { .. } => "password",
            Self::Permission(_) => "permission",
            Self::Version(_) => "version",
            Self::ReadOnly(_) => "read_only",
            Self::Full(_) => "full",
            Self::Elsewhere(..) | Self::Moving(_) => "moved",
            Self::Kind(_) | Self::Other(_) => "error",
        }
    }

    /// The same, said by a Sentinel.
    pub(super) fn of_sentinel(self) -> Self {
        match self {
            Self::Password { said, .. } => Self::Password {
                field: "sentinel_password",
                said,
            },
            Self::Other(said) if said.starts_with("ERR unknown command") => Self::Kind(
                "is no Sentinel; leave gateway.shared.redis.sentinel out, or name Sentinels in urls",
            ),
            other => other,
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|it| it.downcast_ref());
        // What is shown in the handshake, a server judges after it.
        let hint = match inner {
            Some(rustls::Error::AlertReceived(AlertDescription::CertificateRequired)) => {
                "; it wants to see a certificate: name cert_file and key_file in gateway.shared.redis"
            }
            None if matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof
            ) =>
            {
                "; where it speaks TLS only, write rediss:// in gateway.shared.redis.urls"
            }
            _ => "",
        };
        Self::Unreachable(format!("{error}{hint}"))
    }
}

/// Characters of what a server says that are told: its sentences are shorter.
const SAID_MAX: usize = 200;

/// What the server says when it refuses: a code in capitals, and more.
pub(super) fn refused(said: &str) -> StoreError {
    let said: String = said.chars().take(SAID_MAX).collect();
    let code = said.split(' ').next().unwrap_or_default();
    match code {
        "MOVED" => moved(&said).unwrap_or(StoreError::Other(said)),
        "ASK" | "TRYAGAIN" => StoreError::Moving(said),
        "NOPERM" => StoreError::Permission(said),
        "WRONGPASS" | "NOAUTH" => password(said),
        "READONLY" | "MISCONF" | "NOREPLICAS" => StoreError::ReadOnly(said),
        "OOM" => StoreError::Full(said),
        "WRONGTYPE" => StoreError::Other(format!(
            "{said}; somebody else writes to keys of this gateway.shared.redis.prefix: delete those, or \
             choose another prefix"
        )),
        "ERR" if said.contains("AUTH") => password(said),
        // What a script may not call.
        "ERR" if said.contains("The user executing the script can't") => {
            StoreError::Permission(said)
        }
        _ => StoreError::Other(said),
    }
}

fn password(said: String) -> StoreError {
    let field = "password";
    StoreError::Password { field, said }
}

/// The same where the question had `password` in it: some servers quote what they do not understand.
pub(super) fn refused_password(said: &str, password: &str) -> StoreError {
    let quoted = said.find("with args").unwrap_or(said.len());
    refused(&said[..quoted].replace(password, "[redacted]"))
}

/// `MOVED slot host:port`.
fn moved(said: &str) -> Option<StoreError> {
    let (host, port) = said.split(' ').nth(2)?.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']).to_owned();
    Some(StoreError::Elsewhere(host, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart_by_their_codes() {
        for (said, kind) in [
            (
                "WRONGPASS invalid username-password pair or user is disabled.",
                "password",
            ),
            ("NOAUTH Authentication required.", "password"),
            (
                "ERR AUTH <password> called without any password configured",
                "password",
            ),
            (
                "READONLY You can't write against a read only replica.",
                "read_only",
            ),
            (
                "OOM command not allowed when used memory > 'maxmemory'.",
                "full",
            ),
            (
                "NOPERM User keyweir has no permissions to run the 'evalsha' command",
                "permission",
            ),
            (
                "ERR The user executing the script can't run this command or subcommand",
                "permission",
            ),
            ("MOVED 866 127.0.0.1:7001", "moved"),
            ("ASK 866 127.0.0.1:7001", "moved"),
            (
                "TRYAGAIN Multiple keys request during rehashing of slot",
                "moved",
            ),
            ("MOVED nonsense", "error"),
            ("WRONGTYPE Operation against a key", "error"),
            ("NOSCRIPT No matching script.", "error"),
            ("", "error"),
        ] {
            assert_eq!(refused(said).as_str(), kind, "{said}");
        }
        let Some(StoreError::Elsewhere(host, port)) = moved("MOVED 1 :7001") else {
            panic!("it says where");
        };
        assert_eq!((host.as_str(), port), ("", 7001));
    }

    #[test]
    fn what_a_server_says_is_told_in_part_and_without_the_password() {
        let long = format!("ERR {}", "\u{fc}".repeat(1_000_000));
        assert!(refused(&long).to_string().len() < 1_000);
        for said in [
            "ERR unknown command 'AUTH', with args beginning with: 'default' 's3cret-of-red",
            "WRONGPASS s3cret-of-redis is not it",
        ] {
            let told = refused_password(said, "s3cret-of-redis").to_string();
            assert!(!told.contains("s3cret"), "{told}");
        }
    }
}
