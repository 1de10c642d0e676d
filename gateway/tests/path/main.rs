//! A request's way through the gateway, on real sockets, against a simulated provider.

mod affinity;
mod batches;
mod bodies;
mod cancel;
mod drain;
mod failover;
mod fallback;
mod heads;
mod house;
mod process;
mod secure;
mod streams;
mod tenants;
