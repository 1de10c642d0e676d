//! How messages are framed on the wire, where more is asked of them than Pingora does.

pub(crate) mod chunks;
pub(crate) mod tapped;
