//! The pool: one provider's accounts and keys, and who may use which of them now.
//!
//! It ties together what the other modules each decide alone: [`budget`](keyweir_quota::budget) says what
//! an account has left, [`choose`](keyweir_select::headroom) which account has most, [`breaker`](keyweir_health::breaker)
//! whether a key may be used, [`storm`](keyweir_health::overload) whether the provider can be asked at all,
//! [`waiting`](keyweir_queue::waiting_room) who goes next, [`retry`](keyweir_health::retry_budget) whether to try again.
//!
//! One pool per provider, `&mut self` throughout: the driver puts a lock around each. Calls cost
//! microseconds, nothing in here is shared between providers, and a lock per account would buy
//! nothing but torn decisions.

mod admit;
pub mod ask;
pub mod attempts;
mod attribution;
mod clock;
mod dispatch;
mod grant;
mod group;
mod leases;
mod merge;
mod models;
mod pool;
mod settle;
pub mod spec;
mod standing;
pub mod view;

#[cfg(test)]
mod tests;

pub use self::pool::Pool;
