//! Reloads: from one policy to the next while requests run, by each of the ways there are.
//!
//! All tests drive the real program in a process of its own, with the tools of the edges' tests.

mod house;
mod keys;
mod large;
mod mistakes;
mod secrets;
mod storm;
mod tenants;
mod tokens;
mod ways;

#[allow(dead_code, reason = "the edges' tests use the rest")]
#[path = "../edges/support/mod.rs"]
mod support;
