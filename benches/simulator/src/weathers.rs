//! The worlds that have to be held, each with what it must reach: one configuration of the policy,
//! the default, for all of them.
//!
//! The first table is the promise. The second holds harder worlds (other bursts, long answers,
//! small and large pools, lying headers, jumping clocks), in which nothing may break, leak or run
//! away, though waits may be longer than an all-knowing scheduler's. The third holds worlds of several
//! providers, fallbacks, and things that one account alone has.

mod attribution;
mod declared;
mod harder;
mod misleading;
mod preset;
mod promised;
mod several;
mod worlds;

pub(crate) use declared::declaring;
pub use harder::harder;
pub use preset::Preset;
pub use promised::promised;
pub use several::several;
