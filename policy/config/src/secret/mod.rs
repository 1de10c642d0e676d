//! Secrets: the providers' (kept, never shown) and the clients' (only their hash is kept, and by a
//! connection what it has shown).

mod client_key;
mod provider_secret;
mod shown_key;

pub use client_key::{ClientKey, ClientKeyHash, ClientKeyHashError, ClientKeys};
pub use provider_secret::{NO_KEY, ProviderSecret, SecretError};
pub use shown_key::ShownKey;
