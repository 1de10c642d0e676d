//! Which account: the index of headroom over all accounts of a quota group, and the affinity of
//! conversations to the account that holds their prompt cache.

pub mod affinity;
pub mod headroom;
