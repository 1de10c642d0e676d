//! What a tenant may do, and what it has spent.
//!
//! Each question has a file, in the order in which they are asked of a request:
//!
//! 0. [`token`]: who is it, where it shows a signed token and no client key?
//! 1. [`validity`]: may it call at all, now that it has said who it is?
//! 2. [`permission`]: may it use the models that the request names?
//! 3. [`visibility`]: may it see what others made?
//! 4. [`meters`]: is there room for it within what its tenant may use ([`allowance`])? If not,
//!    [`lack`] says why. Asked when its size is known and before its plan begins, since what a tenant
//!    may not spend must not take a place in a waiting room; settled when it has ended.
//!
//! Where several gateways serve the same tenants, [`report`] is what they tell one another, and what each
//! makes of it is the meters' affair.
//!
//! [`prices`] turn tokens into [`money`], [`period`] days into budgets' periods, and [`tally`] adds up
//! what the ledger keeps. All of them count by [`TenantId`](keyweir_terms::ids::TenantId) or by name,
//! both of which a tenant keeps over reloads, and get `now` as an argument.
#![warn(clippy::iter_over_hash_type)]

mod advance;
pub mod again;
mod ahead;
pub mod allowance;
mod bucket;
mod cached;
mod claim;
mod concurrency;
mod expected;
pub mod lack;
pub mod left;
mod meter;
pub mod meters;
pub mod money;
pub mod period;
pub mod permission;
mod price_book;
pub mod prices;
mod rate;
pub mod report;
pub mod request;
mod room;
mod share;
mod sharing;
pub mod spec;
mod spending;
pub mod sums;
mod taken;
pub mod tally;
pub mod token;
pub mod validity;
pub mod visibility;
