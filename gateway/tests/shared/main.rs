//! Gateways that tell one another what they take, through a real Redis: what is found out by one, all know,
//! and whatever happens to Redis no request fails.
//!
//! All tests drive the real program in processes of its own, with the tools of the edges' tests, and a
//! `redis-server` of their own (`make test-prerequisites` installs it).

mod cluster;
mod faults;
mod hostile;
mod house;
mod limits;
mod pools;
mod redis;
mod secure;
mod sentinel;

#[allow(dead_code, reason = "the edges' tests use the rest")]
#[path = "../edges/support/mod.rs"]
mod support;
