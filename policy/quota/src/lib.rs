//! What an account has left: its token buckets, modelled from outside; the budget they make; and
//! what a request is expected to need of it.
#![warn(clippy::iter_over_hash_type)]

pub mod bucket;
pub mod budget;
mod charge;
mod envelope;
pub mod estimate;
mod history;
pub mod load;
mod refusals;
pub mod reserve;
mod view;
