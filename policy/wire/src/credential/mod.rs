//! Who presents which key where, and what must never be passed on, in either direction.

pub(crate) mod client_key;
pub(crate) mod names;
pub(crate) mod provider_key;
pub(crate) mod query;
pub(crate) mod suspect_secret;
pub mod trace;
