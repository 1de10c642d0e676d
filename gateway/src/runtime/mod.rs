//! What lives as long as the process and is shared by its requests: the policy in force, its
//! providers with their pools, secrets and clock.

pub mod clock;
pub(crate) mod deadline;
pub mod gateway;
pub mod lifecycle;
pub(crate) mod names;
pub mod policy_files;
pub(crate) mod pool;
pub mod provider;
pub mod secrets;
