//! Which account: the index of headroom over all accounts of a quota group, and the affinity of
//! conversations to the account that holds their prompt cache.
#![warn(clippy::iter_over_hash_type)]

pub mod affinity;
pub mod headroom;
