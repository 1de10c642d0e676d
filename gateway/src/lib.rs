//! Keyweir, the gateway: a client that changes nothing but its base URL gets its answers through a
//! pool of API keys.
//!
//! This crate moves bytes and keeps time; what is decided is decided by [`keyweir_policy`]. Each
//! folder is a room, listed here from the top down: a room imports from those below it only, which
//! `tests/floors` checks.
//!
//! - [`cli`]: the command line, one file per command
//! - `evidence`: one command with a life of its own: the report of what an account carried
//! - `demo`, `simulate`: two commands that need no account: the whole gateway against a simulated
//!   provider, and its decisions on a user's own policy; features of this crate, on by default
//! - [`command`]: what every command does the same way: how it fails, how it loads a policy
//! - [`server`]: sockets, connections, start and stop
//! - `admin`: what operators ask
//! - `request`: a request's way, step by step
//! - [`runtime`]: what all requests share
//! - `downstream`, [`upstream`], `headers`, [`telemetry`]: the client's side, the provider's side,
//!   which headers pass between them, and what is logged and counted
//! - `coding`, `framing`: bodies that come compressed; how messages are framed on the wire

mod admin;
pub mod cli;
mod coding;
pub mod command;
#[cfg(feature = "demo")]
pub mod demo;
mod downstream;
mod evidence;
mod framing;
mod headers;
mod pem;
mod request;
pub mod runtime;
pub mod server;
#[cfg(feature = "simulate")]
pub mod simulate;
pub mod telemetry;
pub mod upstream;
