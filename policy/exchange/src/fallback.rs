//! Who is asked when the first choice cannot serve.

use std::collections::VecDeque;

use keyweir_terms::fault::{Attribution, Fault};
use keyweir_terms::ids::{AccountId, ProviderId};

/// A provider, and what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The provider to ask.
    pub provider: ProviderId,
    /// The only account to ask.
    pub account: Option<AccountId>,
    /// The model to ask for instead of the client's.
    pub model: Option<String>,
}

/// Choices that are left, in order.
pub(crate) type Choices = VecDeque<Choice>;

/// Whether another choice could do better where this one met `fault`.
pub(crate) fn may_help(fault: &Fault) -> bool {
    !matches!(fault.attribution(), Attribution::Request | Attribution::Us)
}
