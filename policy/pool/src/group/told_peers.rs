//! What is kept of an account for the exchange with other gateways ([`super::peers`]).

use keyweir_quota::budget::Amounts;
use keyweir_terms::time::Time;

/// What gateways tell one another of an account in a group.
#[derive(Debug, Default)]
pub(crate) struct ToldPeers {
    /// It is among those that were used of late.
    pub(super) is_used: bool,
    pub(super) life: u32,
    /// What was taken before this time of counting, and by the last word.
    pub(super) before: Amounts,
    pub(super) told: Amounts,
    pub(super) told_at: Time,
    /// What each process has told last: its time of counting, and what it had taken in it.
    pub(super) processes: Vec<(u64, u32, Amounts)>,
}
