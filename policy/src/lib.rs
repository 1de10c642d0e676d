//! What Keyweir decides: which key a request is sent with, or until when it waits; whose fault an
//! outcome is; what it teaches. And what the policy file means.
//!
//! This crate makes no system call. It has no clock, no sockets, no files, no threads and no
//! randomness of its own: `now` is an argument of every call, seeds come with the
//! [`PoolSpec`](pool::PoolSpec). The gateway drives it with real time, the simulator with made-up
//! time; both get the same decisions.
//!
//! # Who calls what, in which order
//!
//! One [`Pool`](pool::Pool) per provider. For every request:
//!
//! 1. [`Dialect::route`](dialect::Dialect::route) and `describe` say what is asked for;
//!    [`Pool::model`](pool::Pool::model) gives it a handle.
//! 2. [`Pool::admit`](pool::Pool::admit) answers with a lease, a ticket or a refusal. A ticket is
//!    decided later, by [`Pool::next_decision`](pool::Pool::next_decision), or given up with
//!    [`Pool::cancel`](pool::Pool::cancel).
//! 3. With a lease, the driver sends the request. When a good answer begins it calls
//!    [`Pool::answered`](pool::Pool::answered), while a stream grows
//!    [`Pool::progressed`](pool::Pool::progressed).
//! 4. However the attempt ends, [`classify`] says whose fault it was and the lease goes
//!    back through [`Pool::settle`](pool::Pool::settle), exactly once: it is not `Clone`.
//! 5. If nothing has reached the client yet, [`Pool::next`](pool::Pool::next) says whether to ask
//!    again (2) with the same [`Attempts`](retry::Attempts).
//!
//! After every call that takes `now`, the driver drains `next_decision` and `next_notice`, and sets
//! its one timer to [`Pool::next_wake`](pool::Pool::next_wake), when it calls
//! [`Pool::wake`](pool::Pool::wake). Nothing else changes an answer: the same calls with the same
//! times and the same seed give the same decisions.
//!
//! # Layers
//!
//! [`ids`] and [`units`] import nothing. [`bucket`] → [`budget`] → [`choose`] are about room,
//! [`breaker`] and [`storm`] about health, [`waiting`], [`retry`] and [`backoff`] about time,
//! [`estimate`] and [`affinity`] about requests, [`permission`] about tenants; [`pool`] ties them together. [`dialect`],
//! [`ratelimit`] and [`classify`](mod@classify) read what goes over the wire; [`file`](mod@file)
//! and [`secret`] are the operator's side.

pub mod affinity;
pub mod backoff;
pub mod breaker;
pub mod bucket;
pub mod budget;
pub mod choose;
pub mod classify;
pub mod dialect;
pub mod estimate;
pub mod fallback;
pub mod fault;
pub mod file;
pub mod ids;
pub mod permission;
pub mod pool;
pub mod ratelimit;
pub mod retry;
pub mod secret;
pub mod snapshot;
pub mod storm;
pub mod units;
pub mod waiting;
