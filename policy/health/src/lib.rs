//! Who may be asked: breakers for keys and accounts, the gate for a provider that is overloaded as
//! a whole, backoff, and the budget of retries that keeps a bad hour from being amplified.
#![warn(clippy::iter_over_hash_type)]

pub mod backoff;
pub mod breaker;
pub mod overload;
pub mod retry_budget;
