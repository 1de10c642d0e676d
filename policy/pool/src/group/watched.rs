//! What is kept of an account to tell what it carries ([`super::load`]).

use keyweir_quota::budget::Amounts;
use keyweir_terms::amount::Dimension;
use keyweir_terms::time::Time;

/// What an account has carried in a group since it was looked at last.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// It is among those that are looked at.
    pub(super) is_listed: bool,
    /// When it was looked at last, or came to be.
    pub(super) looked_at: Time,
    /// Seconds of looks at which there was nothing to tell, since the last at which there was.
    pub(super) quiet_secs: f64,
    /// What had been taken of it by then.
    pub(super) taken: Amounts,
    /// Who fell short of it since, by dimension.
    pub(super) short: [Short; Dimension::COUNT],
}

/// Requests that fell short of a dimension.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Short {
    pub(super) waited: u32,
    pub(super) refused: u32,
    pub(super) rate_limited: u32,
}
