//! The provider's side: where it is, how it is connected to, and one exchange on a connection.

mod address;
mod connections;
mod link;
mod peer;
mod provider;
pub(crate) mod resolve;
mod roots;

pub(crate) use connections::{Connections, connections};
pub(crate) use link::{Link, LinkError, Uploaded};
pub(crate) use provider::Upstream;
pub(crate) use roots::check_system as check_system_roots;
pub use roots::{RootsError, check as check_roots};
