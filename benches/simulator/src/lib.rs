//! A world for the policy engine to be tried in: simulated accounts, clients and weather, seeded,
//! without sockets, thousands of times faster than real time.
//!
//! The same plans ([`keyweir_policy::exchange::plan`]) and pools ([`keyweir_policy::pool::Pool`]) that
//! the gateway drives are driven here by an event queue. The accounts' buckets are written anew ([`account`]), so that a mistake in the policy's
//! model of a bucket cannot cancel out. Beside every run, an all-knowing scheduler ([`oracle`])
//! serves the same arrivals: what it reaches is what there was to reach.
//!
//! Faults of the world that are modelled ([`weather`]): strict buckets with short bursts; snapshots
//! rounded, late, reordered, missing or lying; latency with jitter; keys revoked or out of money or
//! refusing without a reason; overload of the whole provider; connections that die, streams that
//! break, err or fall silent; answers that are none, and requests that are wrong; clocks that jump;
//! somebody else using an account; several gateways that do not know of each other. A world may have
//! several providers, fallbacks between them, and things that one account alone has ([`beyond`]).
//! [`weathers`] names the worlds that have to be held; `keyweir simulate` makes worlds of a user's
//! own policy and traffic ([`streams`]).

pub mod account;
mod answer;
pub mod arrivals;
pub mod beyond;
pub mod bounds;
mod clock;
mod course;
mod exchange;
mod follow_up;
mod gateway;
pub mod headers;
mod metered;
pub mod oracle;
mod plan;
mod provider;
pub mod random;
pub mod report;
pub mod run;
pub mod scenario;
pub mod seeing;
pub mod site;
pub mod streams;
pub mod taken;
pub mod told;
pub mod traffic;
pub mod weather;
pub mod weathers;
mod world;

pub use account::AccountWorld;
pub use report::Report;
pub use run::{Stuck, run, try_run};
pub use scenario::{Demand, Latency, Scenario, Sizes, SnapshotTaken, TenantTraffic};
pub use weather::{Lie, Weather};
