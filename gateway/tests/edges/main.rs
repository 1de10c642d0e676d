//! The hard edges: bad input of every kind, from clients, providers and operators. Each has a clear
//! answer in the client's dialect or on the terminal, and costs nobody else anything.
//!
//! All tests drive the real program in a process of its own.

mod access;
mod answers;
mod bad_bodies;
mod bad_policy;
mod bad_requests;
mod binary_frames;
mod bounds;
mod classification;
mod compression;
mod credentials;
mod drain;
mod fidelity;
mod http2;
mod leaving;
mod live;
mod logs;
mod model_names;
mod pages;
mod proxies;
mod reaching;
mod references;
mod restart;
mod secrets;
mod silence;
mod slow_clients;
mod strangers;
mod stream_usage;
#[allow(dead_code, reason = "the tests of reloads use the rest")]
mod support;
mod telling;
mod tenancy;
mod unreachable;
mod upstream_faults;
mod usage_forms;
mod whole_answers;
