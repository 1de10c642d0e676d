//! A request before its body is read.

use keyweir_policy::exchange::routed::Routed;
use keyweir_policy::terms::ids::TenantId;

use crate::headers::ForUs;

/// A request whose sender is known.
pub(crate) struct Admitted<'a> {
    pub(super) routed: Routed<'a>,
    pub(crate) tenant: TenantId,
    pub(super) for_us: &'a ForUs,
    pub(super) query: Option<&'a str>,
    pub(super) renamed: Renamed,
}

/// What has been renamed.
#[derive(Default)]
pub(crate) struct Renamed {
    /// Models that the tenant may use because it may use their aliases.
    pub(super) granted: Vec<String>,
    /// What the client called the model, where it is called otherwise.
    pub(super) alias: Option<String>,
    /// The request is not sent as it came.
    pub(super) path: bool,
    pub(super) body: bool,
}
