//! What is learned of a bucket, in the form in which it outlives the process.
//!
//! What is declared is not in it: the policy says that anew, and what was learned holds within it. What is
//! read back may be damaged, so that figures that cannot be are left out.

use serde::{Deserialize, Serialize};

/// A bucket. Amounts are tokens or requests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedBucket {
    /// The limit of one window; `None`: no more is known than the policy says.
    pub limit: Option<f64>,
    /// A header has told the limit, not only what remains of it.
    pub is_limit_told: bool,
    /// The window, in seconds.
    pub window_secs: f64,
    /// What it saves up; `None`: the policy says so.
    pub burst: Option<LearnedBurst>,
    /// What was left, as a share of what it saves up; negative: a debt.
    pub level_share: f64,
}

/// What a bucket saves up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedBurst {
    /// The most, as far as it is known.
    pub size: f64,
    /// The most that was ever seen to remain.
    pub seen: f64,
    /// Headers have told it.
    pub is_observed: bool,
    /// Requests admitted since outcomes last showed a guess to be too large; `None`: never.
    pub admitted: Option<f64>,
}
