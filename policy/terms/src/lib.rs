//! The words that everything else is said in: ids, time, amounts, dialects, endpoints, requests,
//! faults, snapshots. Imports nothing of ours and decides nothing.
#![warn(clippy::iter_over_hash_type)]

pub mod amount;
pub mod dialect;
pub mod endpoint;
pub mod fault;
pub mod fingerprint;
pub mod id_map;
pub mod ids;
pub mod name_map;
pub mod pattern;
pub mod recent_names;
pub mod replicas;
pub mod request;
pub mod snapshot;
pub mod table;
pub mod time;
