//! What lives as long as the process and is shared by its requests: the policy in force, its
//! providers with their pools, secrets and clock.

pub(crate) mod bookkeeper;
pub mod clock;
pub(crate) mod deadline;
pub(crate) mod dial;
pub mod effective;
pub mod gateway;
pub(crate) mod known_models;
mod learned;
pub mod ledger;
pub mod lifecycle;
pub(crate) mod live;
pub(crate) mod loads;
mod look;
mod open_files;
pub(crate) mod parts;
pub(crate) mod peers;
pub mod policy_files;
pub(crate) mod policy_status;
pub(crate) mod pool;
pub(crate) mod provider;
mod recall;
pub(crate) mod regular_file;
pub mod reload;
pub(crate) mod replicas;
pub(crate) mod roots;
pub mod secrets;
pub(crate) mod share_out;
pub(crate) mod shared;
pub(crate) mod tenancy;
pub(crate) mod tenants_waiting;
pub(crate) mod tokens;
pub(crate) mod told;
pub(crate) mod turnstiles;
pub(crate) mod watch;
mod watched;
mod writing;
