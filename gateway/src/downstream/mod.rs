//! The client's side: one request's client, and what is kept of its request and sent as its answer.

pub(crate) mod bodies;
pub(crate) mod client;
pub(crate) mod loopback;
pub(crate) mod request_id;
pub(crate) mod whole_events;
