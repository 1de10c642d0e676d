//! Secrets: the providers' (kept, never shown) and the clients' (never kept, only their hash).

mod client_key;
mod provider_secret;

pub use client_key::{ClientKey, ClientKeyHash, ClientKeyHashError, ClientKeys};
pub use provider_secret::{NO_KEY, ProviderSecret, SecretError};
