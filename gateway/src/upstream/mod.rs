//! The provider's side: where it is, how it is connected to, and one exchange on a connection.

mod address;
mod connections;
mod informational;
mod link;
mod link_error;
mod peer;
mod provider;
mod provider_socket;
mod proxy;
mod quiet;
pub(crate) mod resolve;
mod roots;
mod target;
mod upload;

pub(crate) use connections::{Connections, connections};
pub(crate) use link::Link;
pub(crate) use link_error::LinkError;
pub(crate) use provider::Upstream;
pub(crate) use roots::check_system as check_system_roots;
pub(crate) use upload::Uploaded;

pub use proxy::{ProxyError, check as check_proxy};
pub use roots::{RootsError, check as check_roots};
