//! The process as a server: what it listens on, whose connections it serves, how it starts and
//! stops.

pub(crate) mod connection;
mod door;
mod drain;
pub mod listen;
pub(crate) mod operators;
pub mod serve;
pub(crate) mod service_manager;
pub(crate) mod session;
pub mod shutdown;
