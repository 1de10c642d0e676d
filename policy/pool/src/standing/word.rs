//! What a request is told of a key or an account, and what becomes of that.

use std::time::Duration;

use keyweir_health::breaker::Generation;
use keyweir_terms::fault::Fault;
use keyweir_terms::ids::{RequestId, TenantId};

/// What a word that was heard has made of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is out, as of now.
    Out,
    /// It is suspected, and was not before.
    Suspected,
    /// Nothing that it was not before.
    Same,
}

/// What a request was told of a key or an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    pub(crate) by: (RequestId, TenantId),
    /// Other tenants are served.
    pub(crate) is_contradicted: bool,
    pub(crate) fault: Fault,
    pub(crate) granted: Generation,
    /// It may be believed at once: the request was told so of nobody else, and others can serve.
    pub(crate) may_be_believed: bool,
    /// The provider's wait.
    pub(crate) wait: Option<Duration>,
    /// Jitter, in 0..1.
    pub(crate) draw: f64,
}
