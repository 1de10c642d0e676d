//! The policy file: what operators write, what it means, and the secrets it names.
#![warn(clippy::iter_over_hash_type)]

pub mod alias;
pub mod catalog;
pub mod difference;
pub mod directory;
pub mod fallback;
pub mod file;
pub mod import;
pub mod pool_spec;
pub mod secret;
pub mod tenancy_spec;
