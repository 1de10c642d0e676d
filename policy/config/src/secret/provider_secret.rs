//! A provider key's secret: usable, and never shown.
//!
//! Neither `Debug` nor `Display` shows any of it, there is no `Serialize`, its errors do not quote
//! it, and its memory is overwritten when it is dropped. The one way to the text is
//! [`ProviderSecret::expose`], so that every use can be found by name.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// What stands for a key where none is needed, as for a local model. It is no secret.
pub const NO_KEY: &str = "no-key";

/// A provider key's secret.
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
    /// Something before it and after it, on several lines.
    #[error("the secret has {lines} lines: leave one, with the key alone")]
    Lines {
        /// How many.
        lines: usize,
    },
    /// A byte that no header may carry, or white space inside.
    #[error("byte {position} of the secret cannot stand in a header (counted from 0)")]
    NotHeaderSafe {
        /// Where, in bytes from 0.
        position: usize,
    },
    /// A token or session of a consumer subscription.
    #[error(
        "this belongs to a consumer subscription, and the provider's terms forbid pooling those: \
         use an API key"
    )]
    SubscriptionToken,
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// What access tokens, refresh tokens and sessions of consumer subscriptions begin with.
const SUBSCRIPTION_PREFIXES: [&str; 3] = ["sk-ant-oat", "sk-ant-ort", "sk-ant-sid"];

impl ProviderSecret {
    /// The longest secret accepted, in bytes.
    pub const LEN_MAX: usize = 4096;

    /// Checks `text`, as it was found in an environment variable, a file or the policy file.
    /// White space at either end does not count: files end in a newline. Neither does the mark of UTF-8 at its
    /// beginning, with which some editors begin files.
    ///
    /// # Errors
    /// If it cannot be a credential, or may not be one here.
    pub fn new(text: &str) -> Result<Self, SecretError> {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).trim();
        if text.is_empty() {
            return Err(SecretError::Empty);
        }
        let lines = text.lines().count();
        if lines > 1 {
            return Err(SecretError::Lines { lines });
        }
        if text.len() > Self::LEN_MAX {
            return Err(SecretError::TooLong);
        }
        if let Some(position) = text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            return Err(SecretError::NotHeaderSafe { position });
        }
        if SUBSCRIPTION_PREFIXES
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            return Err(SecretError::SubscriptionToken);
        }
        Ok(Self(SecretString::from(text)))
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

/// Compares policies with each other, never with what a client sent: timing tells nobody anything.
impl PartialEq for ProviderSecret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for ProviderSecret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_around_a_secret_does_not_count() {
        for text in ["sk-1", "sk-1\n", "sk-1\r\n", "  sk-1\t", "\u{feff}sk-1\r\n"] {
            assert_eq!(
                ProviderSecret::new(text).map(|s| s.expose().to_owned()),
                Ok("sk-1".into())
            );
        }
    }

    #[test]
    fn what_cannot_be_a_credential_is_refused() {
        let long = "x".repeat(ProviderSecret::LEN_MAX + 1);
        for (text, error) in [
            ("", SecretError::Empty),
            (" \n", SecretError::Empty),
            ("a b", SecretError::NotHeaderSafe { position: 1 }),
            ("ab\r\nx-evil: 1", SecretError::Lines { lines: 2 }),
            ("ab\rx-evil: 1", SecretError::NotHeaderSafe { position: 2 }),
            ("\u{feff}", SecretError::Empty),
            ("schlüssel", SecretError::NotHeaderSafe { position: 4 }),
            ("sk-ant-oat01-abc", SecretError::SubscriptionToken),
            ("sk-ant-ort01-abc\n", SecretError::SubscriptionToken),
            (&long, SecretError::TooLong),
        ] {
            assert_eq!(ProviderSecret::new(text), Err(error), "{text:?}");
        }
        assert!(ProviderSecret::new(&long[1..]).is_ok());
    }

    #[test]
    fn no_way_of_printing_shows_a_secret() {
        let secret = ProviderSecret::new("hunter2").expect("valid");
        let errors = [
            ProviderSecret::new("hunter2 hunter2"),
            ProviderSecret::new("sk-ant-oat-hunter2"),
        ];
        let printed = format!("{secret} {secret:?} {secret:#?} {errors:?}");
        assert!(!printed.contains("hunter2"), "{printed}");
        for error in errors {
            let error = error.expect_err("refused").to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
