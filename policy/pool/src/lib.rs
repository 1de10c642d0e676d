//! The pool: one provider's accounts and keys, and who may use which of them now.
//!
//! It ties together what the floors below each decide alone: what an account has left
//! ([`budget`](keyweir_quota::budget)), which account has most
//! ([`headroom`](keyweir_select::headroom)), whether a key may be used
//! ([`breaker`](keyweir_health::breaker)), whether the provider can be asked at all
//! ([`overload`](keyweir_health::overload)), who goes next
//! ([`waiting_room`](keyweir_queue::waiting_room)), whether to try again
//! ([`retry_budget`](keyweir_health::retry_budget)).
//!
//! Accounts and keys whatever the model are its *members*; everything that is metered is per *quota
//! group*. [`Pool`] answers the driver and lets the groups hear of what concerns all of them.
//!
//! One pool per provider, `&mut self` throughout: the driver puts a lock around each. Calls cost
//! microseconds, nothing in here is shared between providers, and a lock per account would buy
//! nothing but torn decisions.
#![warn(clippy::iter_over_hash_type)]

pub mod access;
pub mod ask;
mod asked;
pub mod attempts;
mod attribution;
mod breakdown;
mod clock;
mod decisions;
mod denials;
pub mod explain;
mod family;
mod group;
pub mod inquiry;
pub mod learned;
mod leases;
pub mod loads;
mod lone_failures;
mod members;
mod merge;
mod models;
mod notices;
mod operate;
pub mod operator;
pub mod outage;
mod output;
mod peers;
mod pool;
mod questions;
mod recall;
mod reconfigure;
mod rejection;
mod renewal;
pub mod report;
pub mod reserves;
mod room_full;
mod served;
mod shared;
pub mod spec;
mod standing;
pub mod view;
mod wake;

#[cfg(test)]
mod tests;

pub use self::pool::Pool;
