//! The blame table: what came over the wire → whose fault it is.

use crate::dialect::{Dialect, Endpoint};
use crate::fault::Fault;

/// The most of an error body that [`classify`] looks at.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Whose fault an answer is. `header` looks up by lower-case name; `body_prefix` is the beginning
/// of the body where [`needs_body`] asked for it, else empty.
pub fn classify<'a>(
    dialect: Dialect,
    endpoint: Endpoint,
    status: u16,
    header: impl Fn(&str) -> Option<&'a str>,
    body_prefix: &[u8],
) -> Fault {
    let _ = (dialect, endpoint, status, header, body_prefix);
    todo!()
}

/// Whether [`classify`] wants to see the body (at most [`BODY_BYTES_MAX`]) of this status.
pub fn needs_body(dialect: Dialect, status: u16) -> bool {
    let _ = (dialect, status);
    todo!()
}
