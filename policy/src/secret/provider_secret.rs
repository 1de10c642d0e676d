//! A provider key's secret: usable, and never shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A provider key's secret. `Debug` and `Display` show nothing of it, and it has no `Serialize`.
#[derive(Clone)]
pub struct ProviderSecret(SecretString);

/// Why a text cannot be a [`ProviderSecret`]. Never holds any of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Nothing, or nothing but white space.
    #[error("the secret is empty")]
    Empty,
    /// Longer than any credential, and perhaps than the provider's header limit.
    #[error("the secret is longer than {} bytes", ProviderSecret::LEN_MAX)]
    TooLong,
    /// A byte that no header may carry, or a space inside.
    #[error("the secret has a character that cannot stand in a header (byte {position})")]
    NotHeaderSafe {
        /// Where, in bytes from 0.
        position: usize,
    },
    /// A consumer subscription's token; pooling those is against the provider's terms.
    #[error("this is a token of a consumer subscription, which may not be pooled")]
    SubscriptionToken,
}

impl ProviderSecret {
    /// The longest secret accepted, in bytes.
    pub const LEN_MAX: usize = 4096;

    /// Checks `text`, as it was found in an environment variable, a file or the policy file.
    /// White space at either end does not count: files end in a newline.
    ///
    /// # Errors
    /// If it cannot be a credential, or may not be one here.
    pub fn new(text: &str) -> Result<Self, SecretError> {
        Ok(Self(SecretString::from(text.trim())))
    }

    /// The secret itself, to be written into a header.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for ProviderSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderSecret(redacted)")
    }
}

impl fmt::Display for ProviderSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redacted")
    }
}

impl PartialEq for ProviderSecret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for ProviderSecret {}
