//! Who presents which key where, and what must never be passed on.

pub(crate) mod client_key;
pub(crate) mod credential_headers;
pub(crate) mod provider_key;
pub(crate) mod query;
pub(crate) mod suspect_secret;
