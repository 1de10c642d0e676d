//! Why the store has nothing to say: what an operator has to see to, told apart by the server's codes.

use std::io;

/// Why nothing was exchanged.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// Nobody answers there.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("does not answer in time")]
    Slow,
    /// It wants another password, or another user.
    #[error("does not take the password (gateway.shared.redis.password): {0}")]
    Password(String),
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
    /// Something else.
    #[error("answers with an error: {0}")]
    Other(String),
}

impl StoreError {
    /// One of a bounded set, for metrics and pages.
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Slow => "timeout",
            Self::Password(_) => "password",
            Self::Version(_) => "version",
            Self::ReadOnly(_) => "read_only",
            Self::Full(_) => "full",
            Self::Elsewhere(..) => "moved",
            Self::Other(_) => "error",
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(error.to_string())
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
        "WRONGPASS" | "NOAUTH" | "NOPERM" => StoreError::Password(said),
        "READONLY" | "MISCONF" | "NOREPLICAS" => StoreError::ReadOnly(said),
        "OOM" => StoreError::Full(said),
        "WRONGTYPE" => StoreError::Other(format!(
            "{said}; somebody else writes to keys of this gateway.shared.redis.prefix: delete those, or \
             choose another prefix"
        )),
        "ERR" if said.contains("AUTH") => StoreError::Password(said),
        _ => StoreError::Other(said),
    }
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
            ("MOVED 866 127.0.0.1:7001", "moved"),
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
