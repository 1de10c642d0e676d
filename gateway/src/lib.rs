//! Keyweir, the gateway: a client that changes nothing but its base URL gets its answers through a
//! pool of API keys.
//!
//! This crate moves bytes and keeps time; what is decided is decided by [`keyweir_policy`]. A
//! request's way stands in `request`; where it begins, in `connection`; what all requests share, in
//! [`gateway`]; how it all starts and ends, in [`serve`]. Two commands show it without an account:
//! [`demo`] the whole gateway, [`simulate`] its decisions on a user's own policy.

pub mod access_log;
mod admin;
mod bodies;
pub mod cli;
mod client;
pub mod clock;
mod connection;
mod deadline;
pub mod demo;
mod events;
pub mod gateway;
mod headers;
pub mod lifecycle;
pub mod listen;
pub mod metrics;
pub mod policy_files;
mod pool;
pub mod provider;
mod request;
mod request_id;
mod resolve;
mod resource;
pub mod secrets;
pub mod serve;
pub mod shutdown;
pub mod simulate;
pub mod upstream;
