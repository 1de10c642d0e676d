//! What listeners show, and is replaced where its files change.

use std::sync::Arc;

use crate::downstream::certificate::Certificate;
use crate::downstream::operator_tls::OperatorTls;

/// The certificates that listeners show.
pub(crate) struct Shown {
    pub(crate) clients: Option<Arc<Certificate>>,
    pub(crate) operators: Option<OperatorTls>,
}
