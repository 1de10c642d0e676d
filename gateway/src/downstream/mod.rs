//! The client's side: one request's client, and what is kept of its request and sent as its answer.

pub(crate) mod certificate;
pub(crate) mod client;
mod client_authority;
pub(crate) mod client_socket;
pub(crate) mod head_reader;
pub(crate) mod head_scan;
pub(crate) mod linger;
pub(crate) mod loopback;
pub(crate) mod operator_tls;
pub(crate) mod proxies;
pub(crate) mod proxy_header;
pub(crate) mod request_id;
pub(crate) mod shares;
pub(crate) mod strangers;
pub(crate) mod turns;
pub(crate) mod whole_events;
mod woken;
