//! Traffic files: what is asked of a policy, for `keyweir simulate` and nobody else.
//!
//! A traffic file is no part of a policy, and nothing of it reaches a running gateway. It stands here
//! because it names the policy's tenants, models and providers, and its mistakes deserve the same
//! care: all at once, each with its place and what to write instead. So it is read by the same
//! readers, which are private to this folder.
//!
//! Flags of a command line can say what one flow says; [`resolve`] holds both to the same rules.

mod flow;
mod rate;
mod read;
mod resolve;

pub use flow::{Flow, FlowShape, FlowTokens, Traffic};
pub use rate::parse_rate;
pub use read::{SEED_MAX, parse};
pub use resolve::{Names, Resolved, Unresolved, resolve};
